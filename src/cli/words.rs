//! An argument that is one of a few words, which help and completions tell.

use std::str::FromStr;

use clap::builder::{PossibleValuesParser, TypedValueParser};

/// What one of `words` names.
pub fn one_of<T, const N: usize>(words: [&'static str; N]) -> impl TypedValueParser<Value = T>
where
    T: FromStr<Err: std::error::Error + Send + Sync + 'static> + Clone + Send + Sync + 'static,
{
    PossibleValuesParser::new(words).try_map(|word| word.parse::<T>())
}
