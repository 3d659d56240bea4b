//! Log lines: to stderr or a file, as text or as JSON. What is logged holds no command's body.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Mutex;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use log::{LevelFilter, Log, Metadata, Record};
use rustix::fs::OFlags;

/// Where log lines go, and in which form.
pub struct Logging {
    /// The least important lines that are written.
    pub level: LevelFilter,
    /// A JSON object a line.
    pub json: bool,
    /// Goes ahead of a text line.
    pub prefix: String,
    /// Instead of stderr.
    pub file: Option<File>,
}

impl Logging {
    /// Text lines to stderr.
    pub fn to_stderr(level: LevelFilter) -> Self {
        Self { level, json: false, prefix: String::new(), file: None }
    }

    /// Writes the log from now on. A second call in one process changes nothing.
    pub fn start(self) {
        let level = self.level;
        if log::set_boxed_logger(Box::new(Lines { options: self, write: Mutex::new(()) })).is_ok() {
            log::set_max_level(level);
        }
    }
}

/// Opens a log file: made for this user alone, never through a symbolic link.
///
/// # Errors
/// The file cannot be made or written.
pub fn open_log_file(path: &Path, truncate: bool) -> Result<File> {
    OpenOptions::new()
        .create(true)
        .write(true)
        .append(!truncate)
        .truncate(truncate)
        .mode(0o600)
        .custom_flags(OFlags::NOFOLLOW.bits() as i32)
        .open(path)
        .with_context(|| format!("cannot write the log {}", path.display()))
}

struct Lines {
    options: Logging,
    /// Lines stay whole.
    write: Mutex<()>,
}

impl Log for Lines {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() <= self.options.level
    }

    fn log(&self, record: &Record<'_>) {
        if !self.enabled(record.metadata()) {
            return;
        }
        let line =
            if self.options.json { json_line(record) } else { text_line(&self.options.prefix, record) };
        let _guard = self.write.lock();
        // A log that cannot be written stops nothing.
        let _ = match &self.options.file {
            Some(file) => (&mut &*file).write_all(line.as_bytes()),
            None => io::stderr().write_all(line.as_bytes()),
        };
    }

    fn flush(&self) {}
}

fn text_line(prefix: &str, record: &Record<'_>) -> String {
    let level = record.level().as_str().to_ascii_lowercase();
    match record.level() {
        log::Level::Info => format!("{prefix}ftpm: {}\n", record.args()),
        _ => format!("{prefix}ftpm: {level}: {}\n", record.args()),
    }
}

fn json_line(record: &Record<'_>) -> String {
    let time = SystemTime::now().duration_since(UNIX_EPOCH).map(|since| since.as_secs_f64()).unwrap_or(0.0);
    let line = serde_json::json!({
        "time": time,
        "level": record.level().as_str().to_ascii_lowercase(),
        "message": record.args().to_string(),
    });
    format!("{line}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_whole_and_escaped() {
        let record = |level| Record::builder().args(format_args!("a \"b\"")).level(level).build();
        assert_eq!(text_line("p ", &record(log::Level::Warn)), "p ftpm: warn: a \"b\"\n");
        let line = json_line(&record(log::Level::Info));
        let value: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!((&value["level"], &value["message"]), (&"info".into(), &"a \"b\"".into()));
        assert!(line.ends_with('\n'));
    }
}
