//! What is said of each value of an enum: a text a value, kept under the value's own word.

use std::{collections::BTreeMap, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, Error as _},
};

use crate::domain::word::Word;

/// A text, or a few, for every value of `K`. One that lacks does not load, nor does one too many.
#[derive(Debug)]
pub struct OfKind<K, V = String> {
    texts: Vec<V>,
    kind: PhantomData<K>,
}

impl<K: Word, V> OfKind<K, V> {
    /// What is said of `kind`.
    pub fn of(&self, kind: K) -> &V {
        let at = K::VALUES.iter().position(|value| *value == kind);
        &self.texts[at.expect("every value is among all there are")]
    }
}

impl<'de, K: Word, V: DeserializeOwned> Deserialize<'de> for OfKind<K, V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut found = BTreeMap::<String, V>::deserialize(deserializer)?;
        let text = |kind: &K| {
            let word = kind.word();
            let text = found.remove(word);
            text.ok_or_else(|| D::Error::custom(format!("there is no text for {word}")))
        };
        let texts = K::VALUES.iter().map(text).collect::<Result<_, _>>()?;
        match found.keys().next() {
            None => Ok(Self {
                texts,
                kind: PhantomData,
            }),
            Some(word) => Err(D::Error::custom(format!(
                "there is a text for {word}, which nothing is called"
            ))),
        }
    }
}
