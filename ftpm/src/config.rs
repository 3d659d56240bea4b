//! Files in TOML that people write: every mistake has its line.

use toml::de::{DeTable, DeValue};

/// What is wrong in a file, and where.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {what}")]
pub struct Mistake {
    /// Counted from 1.
    pub line: usize,
    /// What is wrong, and what is allowed.
    pub what: String,
}

/// A name with its value.
#[derive(Debug, PartialEq, Eq)]
pub struct Entry {
    /// The name.
    pub name: String,
    /// Where it stands.
    pub line: usize,
    value: Value,
}

#[derive(Debug, PartialEq, Eq)]
enum Value {
    Text(String),
    Table(Vec<Entry>),
    Other,
}

impl Entry {
    /// The value, which has to be text.
    ///
    /// # Errors
    /// It is none.
    pub fn text(&self) -> Result<&str, Mistake> {
        match &self.value {
            Value::Text(text) => Ok(text),
            _ => Err(self.mistake(format!("`{name}` takes text: {name} = \"…\"", name = self.name))),
        }
    }

    /// The entries of a table, in the order of the file.
    ///
    /// # Errors
    /// It is none.
    pub fn table(&self) -> Result<&[Entry], Mistake> {
        match &self.value {
            Value::Table(entries) => Ok(entries),
            _ => Err(self.mistake(format!("`{name}` is a table: [{name}]", name = self.name))),
        }
    }

    /// A mistake at this place.
    pub fn mistake(&self, what: String) -> Mistake {
        Mistake { line: self.line, what }
    }

    /// The value, which has to be one of these words.
    ///
    /// # Errors
    /// The words that there are.
    pub fn choice<T: Copy>(&self, words: &[(&str, T)]) -> Result<T, Mistake> {
        let text = self.text()?;
        match words.iter().find(|(word, _)| *word == text) {
            Some((_, meaning)) => Ok(*meaning),
            None => {
                let allowed = list(words.iter().map(|(word, _)| *word));
                Err(self.mistake(format!("`{}` cannot be \"{text}\"; it takes {allowed}", self.name)))
            }
        }
    }
}

/// Reads a file's text.
///
/// # Errors
/// It is no TOML.
pub fn parse(text: &str) -> Result<Vec<Entry>, Mistake> {
    let table = DeTable::parse(text).map_err(|error| Mistake {
        line: line_of(text, error.span().map_or(0, |span| span.start)),
        what: error.message().replace('\n', ", "),
    })?;
    Ok(entries(text, table.get_ref()))
}

/// "a, b and c".
pub fn list<'w>(words: impl IntoIterator<Item = &'w str>) -> String {
    let words: Vec<_> = words.into_iter().collect();
    match words.split_last() {
        None => String::new(),
        Some((last, [])) => (*last).to_string(),
        Some((last, first)) => format!("{} and {last}", first.join(", ")),
    }
}

fn entries(text: &str, table: &DeTable<'_>) -> Vec<Entry> {
    let mut entries: Vec<(usize, Entry)> = table
        .iter()
        .map(|(name, value)| {
            let start = name.span().start;
            let value = match value.get_ref() {
                DeValue::String(text) => Value::Text(text.to_string()),
                DeValue::Table(table) => Value::Table(self::entries(text, table)),
                _ => Value::Other,
            };
            (start, Entry { name: name.get_ref().to_string(), line: line_of(text, start), value })
        })
        .collect();
    entries.sort_by_key(|(start, _)| *start);
    entries.into_iter().map(|(_, entry)| entry).collect()
}

fn line_of(text: &str, offset: usize) -> usize {
    1 + text.bytes().take(offset).filter(|byte| *byte == b'\n').count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_know_their_line() {
        let entries = parse("a = \"x\"\n\n# a comment\n[b]\nd = \"y\"\nc = 1\n").unwrap();
        assert_eq!((entries[0].line, entries[0].text()), (1, Ok("x")));
        let table = entries[1].table().unwrap();
        assert_eq!((entries[1].line, table[0].line, table[1].line), (4, 5, 6));
        assert_eq!(table[0].name, "d");
        assert_eq!(table[1].text().unwrap_err().to_string(), "line 6: `c` takes text: c = \"…\"");
        assert_eq!(entries[0].table().unwrap_err().to_string(), "line 1: `a` is a table: [a]");
        assert_eq!(table[0].choice(&[("y", 7)]), Ok(7));
        let wrong = table[0].choice(&[("p", 1), ("q", 2), ("r", 3)]).unwrap_err();
        assert_eq!(wrong.to_string(), "line 5: `d` cannot be \"y\"; it takes p, q and r");
    }

    #[test]
    fn what_is_no_toml_has_a_line_too() {
        for (text, line) in [("a = ", 1), ("\n[b\n", 2), ("a = \"1\"\na = \"2\"\n", 2), ("\n\n=\n", 3)] {
            let mistake = parse(text).unwrap_err();
            assert_eq!(mistake.line, line, "{mistake}");
            assert_eq!(mistake.to_string().lines().count(), 1, "{mistake}");
        }
    }
}
