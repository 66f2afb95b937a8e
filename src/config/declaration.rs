//! The declaration of a setting: where it stands, what it means, how it is written, which value it is, and what holds
//! while nobody sets it. All else that is known of a setting follows from this.

use std::fmt;

use super::{
    notation::{Kind, Notation, Refusal},
    values::Config,
};

/// A setting: where it stands, what it means, and what it may be.
pub struct Setting {
    pub section: &'static str,
    pub name: &'static str,
    pub means: &'static str,
    pub allowed: String,
    pub kind: Kind,
    usual: Usual,
    set: Set,
    value: Shown,
}

/// Takes a text over, or says why not.
type Set = Box<dyn Fn(&mut Config, &str) -> Result<(), &'static str> + Send + Sync>;

/// The value in force, as it is written.
type Shown = Box<dyn Fn(&Config) -> Option<String> + Send + Sync>;

/// What holds while nobody sets it.
enum Usual {
    /// The default configuration's value, the same on every machine.
    OfTheProgram,
    /// What depends on the machine can be told in words only; an example shows how it is written.
    OfTheMachine {
        words: &'static str,
        example: &'static str,
    },
}

/// The section of a file that settings stand in.
#[derive(Debug, Clone, Copy)]
pub(super) struct Section(pub &'static str);

impl Section {
    /// Declares the setting `name`. `field` is where its value is kept: the value itself, or an `Option` of it.
    pub fn setting<V, T>(
        self,
        name: &'static str,
        means: &'static str,
        notation: Notation<V>,
        field: fn(&mut Config) -> &mut T,
    ) -> Setting
    where
        V: 'static,
        T: Clone + From<V> + Into<Option<V>> + 'static,
    {
        let Notation {
            kind,
            allowed,
            read,
            show,
            below,
            above,
        } = notation;
        let set = move |config: &mut Config, text: &str| {
            let value = read(text).map_err(|refusal| match refusal {
                Refusal::Form => "",
                Refusal::Because(why) => why,
                Refusal::TooSmall => below,
                Refusal::TooLarge => above,
            })?;
            *field(config) = value.into();
            Ok(())
        };
        // There is one way to a value, and it may change it: whoever only looks goes it in a copy.
        let value = move |config: &Config| {
            let value: Option<V> = field(&mut config.clone()).clone().into();
            value.map(|value| show(&value)).filter(|it| !it.is_empty())
        };
        Setting {
            section: self.0,
            name,
            means,
            allowed,
            kind,
            usual: Usual::OfTheProgram,
            set: Box::new(set),
            value: Box::new(value),
        }
    }
}

impl Setting {
    /// The setting with a default that depends on the machine: in `words`, and an `example` of what may be written.
    pub(super) fn usually(self, words: &'static str, example: &'static str) -> Self {
        Self {
            usual: Usual::OfTheMachine { words, example },
            ..self
        }
    }

    /// The setting with another value in force than the one that is kept, because it follows from others too.
    pub(super) fn in_force(self, value: fn(&Config) -> Option<String>) -> Self {
        Self {
            value: Box::new(value),
            ..self
        }
    }

    /// Takes `text` over into `config`, or says why not; the reason may be empty where what is allowed says all.
    pub(super) fn set(&self, config: &mut Config, text: &str) -> Result<(), &'static str> {
        (self.set)(config, text)
    }

    /// `LPSE_KIOSK_STORE_KIND` for `[store] kind`.
    pub fn variable(&self) -> String {
        format!("LPSE_KIOSK_{}_{}", self.section, self.name).to_ascii_uppercase()
    }

    /// What holds when nothing is set.
    pub fn default(&self) -> String {
        match self.usual {
            Usual::OfTheMachine { words, .. } => words.to_owned(),
            Usual::OfTheProgram => self.value(&Config::default()).unwrap_or_default(),
        }
    }

    /// A value that is allowed: the default where it is the same on every machine.
    pub fn example(&self) -> String {
        match self.usual {
            Usual::OfTheMachine { example, .. } => example.to_owned(),
            Usual::OfTheProgram => self.default(),
        }
    }

    /// Whether the default depends on the machine, so that it is told in words and not as a value.
    pub fn is_of_the_machine(&self) -> bool {
        matches!(self.usual, Usual::OfTheMachine { .. })
    }

    /// The value in force in `config`; `None` where it is only known at run time.
    pub fn value(&self, config: &Config) -> Option<String> {
        (self.value)(config)
    }
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}] {}", self.section, self.name)
    }
}
