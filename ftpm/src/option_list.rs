//! swtpm's way to give an option several values: `type=tcp,port=2321,disconnect`.

use std::str::FromStr;

/// Why an option's value was not understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OptionError {
    /// A word that the option does not have.
    #[error("{option} does not know '{word}'")]
    Unknown {
        /// The option.
        option: &'static str,
        /// The word.
        word: String,
    },
    /// A word that has to be there.
    #[error("{option} needs {word}=…")]
    Missing {
        /// The option.
        option: &'static str,
        /// The word.
        word: &'static str,
    },
    /// A value of the wrong kind.
    #[error("{option} does not take {word}={value}")]
    Bad {
        /// The option.
        option: &'static str,
        /// The word.
        word: &'static str,
        /// Its value.
        value: String,
    },
    /// Something of swtpm that is not here yet.
    #[error("{option} with {word} is not there yet")]
    NotYet {
        /// The option.
        option: &'static str,
        /// The word.
        word: &'static str,
    },
}

/// The words of one option; each is taken once, and none may be left.
#[derive(Debug)]
pub struct OptionList {
    option: &'static str,
    words: Vec<(String, Option<String>)>,
}

impl OptionList {
    /// Splits `text`, the value of `option`.
    pub fn new(option: &'static str, text: &str) -> Self {
        let words = text.split(',').filter(|word| !word.is_empty()).map(|word| match word.split_once('=') {
            Some((name, value)) => (name.to_string(), Some(value.to_string())),
            None => (word.to_string(), None),
        });
        Self { option, words: words.collect() }
    }

    /// Takes `word` without a value. Whether it was there.
    pub fn flag(&mut self, word: &str) -> bool {
        let before = self.words.len();
        self.words.retain(|(name, value)| name != word || value.is_some());
        self.words.len() < before
    }

    /// Takes the value of `word`; the last one counts.
    pub fn text(&mut self, word: &str) -> Option<String> {
        let mut found = None;
        self.words.retain(|(name, value)| match value {
            Some(value) if name == word => {
                found = Some(value.clone());
                false
            }
            _ => true,
        });
        found
    }

    /// Takes the value of `word`, which has to be there.
    ///
    /// # Errors
    /// [`OptionError::Missing`].
    pub fn required(&mut self, word: &'static str) -> Result<String, OptionError> {
        self.text(word).ok_or(OptionError::Missing { option: self.option, word })
    }

    /// Takes the value of `word` and reads it with `read`.
    ///
    /// # Errors
    /// [`OptionError::Bad`].
    pub fn read<T>(
        &mut self,
        word: &'static str,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, OptionError> {
        let Some(value) = self.text(word) else { return Ok(None) };
        match read(&value) {
            Some(read) => Ok(Some(read)),
            None => Err(OptionError::Bad { option: self.option, word, value }),
        }
    }

    /// Takes the value of `word`.
    ///
    /// # Errors
    /// [`OptionError::Bad`].
    pub fn parsed<T: FromStr>(&mut self, word: &'static str) -> Result<Option<T>, OptionError> {
        self.read(word, |value| value.parse().ok())
    }

    /// Takes `word` only to refuse it.
    ///
    /// # Errors
    /// [`OptionError::NotYet`].
    pub fn not_yet(&mut self, word: &'static str) -> Result<(), OptionError> {
        match self.flag(word) || self.text(word).is_some() {
            true => Err(OptionError::NotYet { option: self.option, word }),
            false => Ok(()),
        }
    }

    /// Every word has been taken.
    ///
    /// # Errors
    /// [`OptionError::Unknown`].
    pub fn finish(self) -> Result<(), OptionError> {
        match self.words.into_iter().next() {
            Some((word, _)) => Err(OptionError::Unknown { option: self.option, word }),
            None => Ok(()),
        }
    }
}

/// A file mode in octal.
pub fn octal(text: &str) -> Option<u32> {
    u32::from_str_radix(text, 8).ok().filter(|mode| *mode <= 0o777)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_taken_once_and_none_is_left() {
        let mut list = OptionList::new("--server", "type=tcp,port=1,port=2,disconnect,odd=1");
        assert_eq!(list.required("type"), Ok("tcp".into()));
        assert_eq!(list.parsed::<u16>("port"), Ok(Some(2)));
        assert!(list.flag("disconnect"));
        assert!(!list.flag("disconnect"));
        assert_eq!(list.text("path"), None);
        assert_eq!(list.required("path"), Err(OptionError::Missing { option: "--server", word: "path" }));
        assert_eq!(list.finish(), Err(OptionError::Unknown { option: "--server", word: "odd".into() }));
    }

    #[test]
    fn values_are_checked() {
        let mut list = OptionList::new("--server", "port=99999,mode=8,fd=3");
        assert!(list.parsed::<u16>("port").is_err());
        assert!(list.read("mode", octal).is_err());
        assert!(list.not_yet("fd").is_err());
        assert_eq!(octal("0660"), Some(0o660));
        assert_eq!(octal("7777"), None);
    }
}
