//! What is read from files that are renewed while the program runs, for a reload to look at.

use std::{fmt, sync::Arc};

use crate::adapter::renewed::Renewed;

/// Looks at files, and takes up what is new in them; why it cannot be, if it cannot.
type Look = Box<dyn Fn() -> Option<String> + Send + Sync>;

/// Everything that is renewed. It takes up by itself what is new, when that is next wanted; a reload does so at once.
#[derive(Default)]
pub struct Renewals(Vec<Look>);

impl Renewals {
    pub(super) fn add<T: Clone + Send + 'static>(&mut self, renewed: &Arc<Renewed<T>>) {
        let renewed = renewed.clone();
        self.add_look(move || renewed.fault());
    }

    pub(super) fn add_look(&mut self, look: impl Fn() -> Option<String> + Send + Sync + 'static) {
        self.0.push(Box::new(look));
    }

    /// Takes up what is new, and says what cannot be, each in one line; what was read before is used on.
    pub fn take_up(&self) -> Vec<String> {
        self.0.iter().filter_map(|look| look()).collect()
    }
}

impl fmt::Debug for Renewals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Renewals({})", self.0.len())
    }
}
