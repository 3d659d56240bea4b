//! Boards as data: what a TPM on each of them would report.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, anyhow};
use posture::{Guarantee, Posture};
use tee_api::{
    ClientAssurance, ClockAssurance, CounterAssurance, DeviceKeyAssurance, EntropyAssurance, EntropyHealth,
    IsolationAssurance, LifecycleAssurance, StoreAssurance,
};

use crate::config::{self, Entry, Mistake, list};

/// A board.
#[derive(Debug)]
pub struct Board {
    /// How it is named on the command line.
    pub name: String,
    /// What it is.
    pub title: String,
    /// In which state it is described.
    pub summary: String,
    /// What has to be said before anything else.
    pub statement: Option<String>,
    /// What a TPM on it would report.
    pub posture: Posture,
    reasons: Vec<(Guarantee, Reason)>,
}

/// Why a board has the level that it has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// In words.
    pub why: String,
    /// The public document that says so.
    pub source: String,
}

/// The boards that come with the program.
const FILES: [&str; 4] = [
    include_str!("../../boards/qemu-virt-optee.toml"),
    include_str!("../../boards/rpi3.toml"),
    include_str!("../../boards/imx8mm-rpmb.toml"),
    include_str!("../../boards/cortex-m33.toml"),
];

/// The boards that come with the program.
///
/// # Errors
/// A file that is in the program has a mistake; a test says that none has.
pub fn known() -> Result<Vec<Board>> {
    FILES.iter().map(|text| parse(text).context("a board in this program has a mistake")).collect()
}

/// The board of this name.
///
/// # Errors
/// There is none; the sentence names those that there are.
pub fn find(name: &str) -> Result<Board> {
    let boards = known()?;
    let names = list(boards.iter().map(|board| &*board.name));
    boards.into_iter().find(|board| board.name == name).ok_or_else(|| {
        anyhow!("there is no board `{name}`; there are {names}. Describe another one with --board-file FILE")
    })
}

/// Reads a board's file.
///
/// # Errors
/// The file cannot be read, or has a mistake, which is named with its line.
pub fn read(path: &Path) -> Result<Board> {
    let text =
        fs::read_to_string(path).with_context(|| format!("cannot read the board {}", path.display()))?;
    parse(&text).with_context(|| format!("the board {} has a mistake", path.display()))
}

impl Board {
    /// Why a guarantee is as it is.
    pub fn reason(&self, guarantee: Guarantee) -> Option<&Reason> {
        self.reasons.iter().find(|(of, _)| *of == guarantee).map(|(_, reason)| reason)
    }
}

fn parse(text: &str) -> Result<Board, Mistake> {
    let mut file = File { entries: config::parse(text)?, last_line: text.lines().count().max(1) };
    let posture = Posture {
        entropy: file.level(
            "entropy",
            &[
                ("none", EntropyAssurance::None),
                ("fused-seed", EntropyAssurance::FusedSeed),
                ("operating-system", EntropyAssurance::OperatingSystem),
                ("hardware", EntropyAssurance::Hardware),
            ],
        )?,
        entropy_health: file.health()?,
        store: file.level(
            "atomic-store",
            &[
                ("volatile", StoreAssurance::Volatile),
                ("durable", StoreAssurance::Durable),
                ("sealed", StoreAssurance::Sealed),
                ("replay-protected", StoreAssurance::ReplayProtected),
            ],
        )?,
        counter: file.level(
            "monotonic-counter",
            &[
                ("none", CounterAssurance::None),
                ("software", CounterAssurance::Software),
                ("hardware", CounterAssurance::Hardware),
            ],
        )?,
        clock: file.level(
            "clock",
            &[
                ("none", ClockAssurance::None),
                ("normal-world", ClockAssurance::NormalWorld),
                ("secure", ClockAssurance::Secure),
            ],
        )?,
        device_key: file.level(
            "device-key",
            &[
                ("none", DeviceKeyAssurance::None),
                ("test", DeviceKeyAssurance::Test),
                ("software", DeviceKeyAssurance::Software),
                ("hardware", DeviceKeyAssurance::Hardware),
            ],
        )?,
        isolation: file.level(
            "isolation",
            &[
                ("none", IsolationAssurance::None),
                ("unprotected", IsolationAssurance::Unprotected),
                ("process", IsolationAssurance::Process),
                ("secure-world", IsolationAssurance::SecureWorld),
            ],
        )?,
        client: file.level(
            "client-identity",
            &[
                ("none", ClientAssurance::None),
                ("normal-world", ClientAssurance::NormalWorld),
                ("secure", ClientAssurance::Secure),
            ],
        )?,
        lifecycle: file.level(
            "lifecycle",
            &[
                ("none", LifecycleAssurance::None),
                ("normal-world", LifecycleAssurance::NormalWorld),
                ("secure", LifecycleAssurance::Secure),
            ],
        )?,
        has_marker: file.level("marker", &[("none", false), ("present", true)])?,
    };
    let reasons = TRAITS.map(|(name, guarantee)| Ok((guarantee, file.reason(name)?)));
    let reasons = reasons.into_iter().collect::<Result<_, Mistake>>()?;
    let board = Board {
        name: file.text("name")?,
        title: file.text("title")?,
        summary: file.text("summary")?,
        statement: file.optional("statement")?,
        posture,
        reasons,
    };
    file.finish()?;
    Ok(board)
}

/// The traits of a platform, as a board's file names them, and the guarantee that each stands behind.
const TRAITS: [(&str, Guarantee); Guarantee::COUNT] = [
    ("entropy", Guarantee::Entropy),
    ("atomic-store", Guarantee::Storage),
    ("monotonic-counter", Guarantee::Rollback),
    ("clock", Guarantee::Clock),
    ("device-key", Guarantee::DeviceKey),
    ("isolation", Guarantee::Isolation),
    ("client-identity", Guarantee::ClientIdentity),
    ("lifecycle", Guarantee::FateSharing),
    ("marker", Guarantee::Provisioning),
];

/// What a trait's table may hold.
const WORDS: [&str; 4] = ["level", "health", "why", "source"];

struct File {
    entries: Vec<Entry>,
    last_line: usize,
}

impl File {
    fn level<T: Copy>(&self, name: &str, words: &[(&str, T)]) -> Result<T, Mistake> {
        self.word(name, "level")?.choice(words)
    }

    /// How entropy is tested; nobody tests it unless the file says so.
    fn health(&self) -> Result<EntropyHealth, Mistake> {
        let entry = self.table("entropy")?.iter().find(|entry| entry.name == "health");
        entry.map_or(Ok(EntropyHealth::Untested), |entry| {
            entry.choice(&[
                ("good", EntropyHealth::Good),
                ("untested", EntropyHealth::Untested),
                ("failed", EntropyHealth::Failed),
            ])
        })
    }

    fn reason(&self, name: &str) -> Result<Reason, Mistake> {
        Ok(Reason {
            why: self.word(name, "why")?.text()?.to_string(),
            source: self.word(name, "source")?.text()?.to_string(),
        })
    }

    fn word(&self, table: &str, word: &str) -> Result<&Entry, Mistake> {
        let section = self.section(table)?;
        section
            .table()?
            .iter()
            .find(|entry| entry.name == word)
            .ok_or_else(|| section.mistake(format!("[{table}] needs {word} = \"…\"")))
    }

    fn table(&self, name: &str) -> Result<&[Entry], Mistake> {
        self.section(name)?.table()
    }

    fn section(&self, name: &str) -> Result<&Entry, Mistake> {
        self.entries
            .iter()
            .find(|entry| entry.name == name)
            .ok_or_else(|| Mistake { line: self.last_line, what: format!("the file ends without [{name}]") })
    }

    fn text(&mut self, name: &str) -> Result<String, Mistake> {
        self.optional(name)?.ok_or_else(|| Mistake { line: 1, what: format!("{name} = \"…\" is missing") })
    }

    fn optional(&mut self, name: &str) -> Result<Option<String>, Mistake> {
        let Some(at) = self.entries.iter().position(|entry| entry.name == name) else { return Ok(None) };
        Ok(Some(self.entries.remove(at).text()?.to_string()))
    }

    /// Nothing may be left that nobody asked for.
    fn finish(&self) -> Result<(), Mistake> {
        for section in &self.entries {
            if !TRAITS.iter().any(|(name, _)| *name == section.name) {
                let names = list(TRAITS.map(|(name, _)| name));
                return Err(section.mistake(format!("`{}` is no trait; there are {names}", section.name)));
            }
            for entry in section.table()? {
                let allowed = entry.name != "health" || section.name == "entropy";
                if !allowed || !WORDS.contains(&&*entry.name) {
                    return Err(entry.mistake(format!("[{}] has no `{}`", section.name, entry.name)));
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use posture::{Action, Level, Policy, judge};

    use super::*;

    #[test]
    fn every_board_is_whole_and_says_why() {
        let boards = known().unwrap();
        for board in &boards {
            for guarantee in Guarantee::ALL {
                let reason = board.reason(guarantee).unwrap();
                assert!(reason.why.ends_with('.'), "{}: {}", board.name, reason.why);
                assert!(reason.source.starts_with("https://"), "{}: {}", board.name, reason.source);
            }
            assert!(find(&board.name).is_ok());
        }
        let error = find("odd").unwrap_err().to_string();
        assert!(boards.iter().all(|board| error.contains(&board.name)), "{error}");
    }

    #[test]
    fn what_the_boards_report() {
        let severity = |name: &str| judge(&find(name).unwrap().posture, &Policy::DEFAULT).severity();
        assert_eq!(severity("qemu-virt-optee"), Some(Action::Refuse));
        assert_eq!(severity("rpi3"), Some(Action::Refuse));
        assert_eq!(severity("imx8mm-rpmb"), Some(Action::Warn));
        assert_eq!(severity("cortex-m33"), Some(Action::Warn));
        let rpi3 = find("rpi3").unwrap();
        assert!(rpi3.statement.unwrap().starts_with("Unfit for a secure implementation."));
        assert_eq!(rpi3.posture.level(Guarantee::Isolation), Level::Missing);
    }

    #[test]
    fn a_mistake_has_a_line() {
        let good = FILES[3];
        let line = |text: &str| 1 + good.lines().position(|line| line == text).unwrap();
        let rows = [
            (good.replace("level = \"secure\"", "level = \"safe\""), "`level` cannot be \"safe\""),
            (good.replace("[clock]", "[watch]"), "the file ends without [clock]"),
            (format!("{good}\n[watch]\n"), "`watch` is no trait"),
            (format!("{good}health = \"good\"\n"), "[marker] has no `health`"),
            (good.replace("health = \"good\"", "health = \"ill\""), "it takes good, untested and failed"),
            (good.replacen("name =", "names =", 1), "name = \"…\" is missing"),
        ];
        for (text, expected) in rows {
            let said = parse(&text).unwrap_err().to_string();
            assert!(said.contains(expected), "{said}");
        }
        let changed = good.replace("[clock]\nlevel", "[clock]\nodd");
        let said = parse(&changed).unwrap_err().to_string();
        assert_eq!(said, format!("line {}: [clock] needs level = \"…\"", line("[clock]")));
    }
}
