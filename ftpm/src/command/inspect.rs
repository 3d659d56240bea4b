//! `ftpm inspect`: what a state folder holds, without its secrets.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use platform_linux::StateView;
use serde_json::{Value, json};
use tee_api::StoreAssurance;
use tpm2_core::state::{DictionaryAttack, Kind, Orderly, parse};

use super::{key_source, say};

/// Shows what a state holds: versions, counters, handles. Never a secret. A TPM may be running on it.
#[derive(Debug, Args)]
pub(super) struct Inspect {
    /// The state folder
    #[arg(value_name = "STATE")]
    state: PathBuf,
    /// The key that seals the state, where it does not lie beside it
    #[arg(long, value_name = "file=PATH|fd=NUMBER")]
    key: Option<String>,
    /// Prints one JSON object
    #[arg(long)]
    json: bool,
}

impl Inspect {
    pub(super) fn run(self) -> Result<()> {
        let view = platform_linux::inspect(&self.state, &key_source(self.key.as_deref())?)?;
        let sections = [about(&view), counters(&view), contents(&view)];
        if self.json {
            let named = sections.into_iter().map(|section| (section.name.to_string(), section.to_json()));
            say!("{}", Value::Object(named.collect()));
        } else {
            sections.iter().for_each(Section::print);
        }
        Ok(())
    }
}

/// A heading and what stands under it, once for people and for programs.
struct Section {
    name: &'static str,
    lines: Vec<(&'static str, Value)>,
}

impl Section {
    fn to_json(&self) -> Value {
        let key = |name: &str| name.replace(' ', "_");
        Value::Object(self.lines.iter().map(|(name, value)| (key(name), value.clone())).collect())
    }

    fn print(&self) {
        say!("{}", self.name);
        for (name, value) in &self.lines {
            say!("  {name:<28} {}", plain(value));
        }
    }
}

/// A value as a person reads it.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(values) if values.is_empty() => "none".into(),
        Value::Array(values) => values.iter().map(plain).collect::<Vec<_>>().join(", "),
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| format!("{name} {}", plain(value)))
            .collect::<Vec<_>>()
            .join(" "),
        Value::Bool(true) => "yes".into(),
        Value::Bool(false) => "no".into(),
        other => other.to_string(),
    }
}

fn about(view: &StateView) -> Section {
    let (header, usage) = (&view.header, &view.usage);
    let version = header.identity.firmware_version.to_be_bytes();
    let part = |index: usize| u16::from_be_bytes([version[index], version[index + 1]]);
    let protection = match view.assurance {
        StoreAssurance::Volatile => "none",
        StoreAssurance::Durable => "its key lies beside it: whoever reads the folder reads the seeds",
        StoreAssurance::Sealed => "sealed under a key from outside",
        StoreAssurance::ReplayProtected => "sealed, and old states are found out",
    };
    let lines = vec![
        ("format", json!(header.format)),
        ("profile", json!(header.identity.profile_id)),
        ("firmware", json!(format!("{}.{}.{}", part(0), part(2), part(4)))),
        ("firmware svn", json!(header.identity.svn)),
        ("created", json!(rfc3339(header.created))),
        ("generation", json!(header.generation)),
        ("commits since snapshot", json!(usage.commits)),
        ("bytes used", json!(usage.used)),
        ("bytes of a slot", json!(header.slot_size)),
        ("a commit was cut short", json!(usage.torn_tail)),
        ("protection", json!(protection)),
        ("in use now", json!(view.in_use)),
    ];
    Section { name: "state", lines }
}

fn counters(view: &StateView) -> Section {
    let mut lines = Vec::new();
    if let Some(orderly) = record::<Orderly<'_>>(view, Kind::Orderly) {
        lines.extend([
            ("clock", json!(format!("{} ms", orderly.clock))),
            ("clock safe", json!(orderly.safe.0)),
            ("resets", json!(orderly.reset_count)),
            ("resets in its whole life", json!(orderly.total_reset_count)),
            ("restarts", json!(orderly.restart_count)),
            ("last shutdown", json!(format!("{:?}", orderly.shutdown).to_ascii_lowercase())),
        ]);
    }
    if let Some(attack) = record::<DictionaryAttack<'_>>(view, Kind::DictionaryAttack) {
        lines.extend([
            ("failed tries", json!(attack.failed_tries)),
            ("failed tries until lockout", json!(attack.max_tries)),
            ("one try is forgiven after", json!(format!("{} s", attack.recovery_time))),
            ("lockoutAuth usable", json!(attack.lockout_auth_enabled.0)),
        ]);
    }
    Section { name: "counters", lines }
}

fn contents(view: &StateView) -> Section {
    let handles = |kind| json!(ids(view, kind).map(|(id, _)| format!("{id:#010x}")).collect::<Vec<_>>());
    let data = |kind| {
        let sizes = ids(view, kind)
            .map(|(id, value)| json!({ format!("{id:#010x}"): format!("({} bytes)", value.len()) }));
        json!(sizes.collect::<Vec<_>>())
    };
    let versions = VERSIONED.iter().filter_map(|(kind, name)| {
        let (_, value) = ids(view, *kind).next()?;
        Some((name.to_string(), json!(value.first())))
    });
    let lines = vec![
        ("NV indices", handles(Kind::NvIndexOwner)),
        ("NV indices of the platform", handles(Kind::NvIndexPlatform)),
        ("NV data", data(Kind::NvDataOwner)),
        ("NV data of the platform", data(Kind::NvDataPlatform)),
        ("persistent objects", handles(Kind::ObjectOwner)),
        ("persistent platform objects", handles(Kind::ObjectPlatform)),
        ("records", json!(view.records.len())),
        ("record versions", Value::Object(versions.collect())),
    ];
    Section { name: "contents", lines }
}

/// Records that begin with their version.
const VERSIONED: &[(Kind, &str)] = &[
    (Kind::Manufacture, "manufacture"),
    (Kind::Seeds, "seeds"),
    (Kind::Hierarchy, "hierarchy"),
    (Kind::DictionaryAttack, "dictionary-attack"),
    (Kind::Orderly, "orderly"),
    (Kind::Permanent, "permanent"),
    (Kind::NvIndexOwner, "nv-index"),
    (Kind::NvMaxCounter, "nv-max-counter"),
    (Kind::ObjectOwner, "object"),
];

fn ids(view: &StateView, kind: Kind) -> impl Iterator<Item = (u32, &[u8])> {
    view.records.iter().filter(move |(key, _)| key.kind == kind as u16).map(|(key, value)| (key.id, value))
}

fn record<'v, R: tpm2_types::Unmarshal<'v>>(view: &'v StateView, kind: Kind) -> Option<R> {
    view.records.get(kind.only()).and_then(|bytes| parse(bytes).ok())
}

/// Seconds since 1970 as a date, in the form of RFC 3339.
fn rfc3339(seconds: u64) -> String {
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    // Years begin in March here, so that the day that comes and goes is the last one.
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    let (hour, minute, second) = (rest / 3600, rest % 3600 / 60, rest % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_763_856_000, "2025-11-23T00:00:00Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
        ] {
            assert_eq!(rfc3339(seconds), text);
        }
    }

    #[test]
    fn values_for_people() {
        assert_eq!(plain(&json!(["a", 1])), "a, 1");
        assert_eq!(plain(&json!([])), "none");
        assert_eq!(plain(&json!({ "seeds": 1 })), "seeds 1");
        assert_eq!(plain(&json!(true)), "yes");
    }
}
