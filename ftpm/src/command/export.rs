//! `ftpm export`: moves the TPM to another device.

use std::fs::OpenOptions;
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Args;
use log::LevelFilter;
use tpm2_core::{TOKEN_SIZE, Token};
use zeroize::Zeroizing;

use super::place::Place;
use super::say;
use crate::composition;
use crate::hexadecimal;
use crate::logging::Logging;

/// Moves the TPM to the device that drew a token with `ftpm import --prepare`. It starts here no more.
///
/// The file is sealed for that device alone. Should it be lost, the same command gives it again, for the same token.
#[derive(Debug, Args)]
pub(super) struct Export {
    #[command(flatten)]
    place: Place,
    /// A file that holds the target's token, or - for the standard input; whoever knows it can open the export
    #[arg(long, value_name = "FILE")]
    token: PathBuf,
    /// The file to write; it must not be there
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

impl Export {
    pub(super) fn run(self) -> Result<()> {
        Logging::to_stderr(LevelFilter::Warn).start();
        let token = read_token(&self.token)?;
        let options = self.place.options()?;
        // Before the TPM is marked as moved: what cannot be written here would be a TPM that is nowhere.
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&self.out)
            .with_context(|| format!("cannot make {}; nothing was moved", self.out.display()))?;
        let export = match composition::export(&options, &token) {
            Ok(export) => export,
            Err(error) => {
                let _ = std::fs::remove_file(&self.out);
                return Err(error);
            }
        };
        file.write_all(&export).and_then(|()| file.sync_all()).with_context(|| {
            format!(
                "cannot write {}; the TPM is marked as moved, so export it again to another file with the same token",
                self.out.display()
            )
        })?;
        say!("the TPM in {} has moved into {}", options.state.display(), self.out.display());
        say!("it starts here no more; take it in where the token was drawn, with: ftpm import FILE");
        Ok(())
    }
}

/// A token as `ftpm import --prepare` prints it: 64 hexadecimal digits.
fn read_token(path: &Path) -> Result<Token> {
    /// Digits, a line end, and one byte more to notice what is too long.
    const LIMIT: u64 = 2 * TOKEN_SIZE as u64 + 3;
    let mut text = Zeroizing::new(String::new());
    let read = if path == Path::new("-") {
        io::stdin().take(LIMIT).read_to_string(&mut text)
    } else {
        std::fs::File::open(path).and_then(|file| file.take(LIMIT).read_to_string(&mut text))
    };
    read.with_context(|| format!("cannot read the token from {}", path.display()))?;
    parse_token(text.trim_end()).with_context(|| {
        format!(
            "{} holds no token: it takes the 64 digits that `ftpm import --prepare` prints",
            path.display()
        )
    })
}

fn parse_token(digits: &str) -> Result<Token> {
    let bytes = Zeroizing::new(hexadecimal::decode(digits).unwrap_or_default());
    let bytes: &[u8; TOKEN_SIZE] = bytes.as_slice().try_into().context("not 64 hexadecimal digits")?;
    Ok(Token::new(*bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_64_digits() {
        let token = parse_token(&"0aF9".repeat(16)).unwrap();
        assert_eq!(token.as_slice(), [0x0A, 0xF9].repeat(16));
        for wrong in ["", &"0".repeat(63), &"0".repeat(65), &"g".repeat(64), &"é".repeat(32)] {
            assert!(parse_token(wrong).is_err(), "{wrong}");
        }
    }
}
