//! Storage before the answer, as the kernel sees it.

use crate::steps::Outcome;
use crate::tools::Tools;
use crate::tpm::{Launch, Maker};
use crate::workspace;
use anyhow::{Result, ensure};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

/// Commands that change persistent state: code, name, and a tool that sends it.
const CHANGING: [(u32, &str, &str); 11] = [
    (0x12A, "NV_DefineSpace", "tpm2_nvdefine -Q 0x1500016 -C o -s 8 -a ownerread|ownerwrite|nt=counter"),
    (0x134, "NV_Increment", "tpm2_nvincrement -Q 0x1500016 -C o"),
    (0x137, "NV_Write", "tpm2_nvwrite -Q 0x1500017 -C o -i note"),
    (0x136, "NV_Extend", "tpm2_nvextend -Q 0x1500018 -C o -i note"),
    (0x135, "NV_SetBits", "tpm2_nvsetbits -Q 0x1500019 -C o -i 0x1"),
    (0x138, "NV_WriteLock", "tpm2_nvwritelock -Q 0x1500017 -C o"),
    (0x122, "NV_UndefineSpace", "tpm2_nvundefine -Q 0x1500016 -C o"),
    (0x120, "EvictControl", "tpm2_evictcontrol -Q -C o -c root.ctx 0x81000001"),
    (0x129, "HierarchyChangeAuth", "tpm2_changeauth -Q -c lockout secret"),
    (0x13A, "DictionaryAttackParameters", "tpm2_dictionarylockout -Q -s -n 5 -t 6 -l 7 -p secret"),
    (0x126, "Clear", "tpm2_clear -Q -c p"),
];

/// What the commands above need and are not themselves under test.
const PREPARATION: [&str; 4] = [
    "tpm2_nvdefine -Q 0x1500017 -C o -s 4 -a ownerread|ownerwrite|writedefine",
    "tpm2_nvdefine -Q 0x1500018 -C o -s 32 -a ownerread|ownerwrite|nt=extend",
    "tpm2_nvdefine -Q 0x1500019 -C o -s 8 -a ownerread|ownerwrite|nt=bits",
    "tpm2_createprimary -Q -C o -G ecc -c root.ctx",
];

/// Between each of these commands and its successful answer stands a successful fdatasync of the same thread.
pub(super) fn check(maker: Maker) -> Result<Outcome> {
    let folder = tempfile::tempdir()?;
    let (state, trace) = (folder.path().join("state"), folder.path().join("trace"));
    fs::create_dir_all(&state)?;
    let program = match maker {
        Maker::Ftpm => workspace::ftpm(),
        Maker::Swtpm => "swtpm".into(),
    };
    let mut strace = Command::new("strace");
    // -D: the TPM stays our child, and gets our signals; strace ends with it.
    strace.args(["-D", "-f", "-qq", "-xx", "-s", "16", "-e", "signal=none", "-e"]);
    strace.arg("trace=read,readv,recvfrom,recvmsg,write,writev,sendto,sendmsg,fdatasync");
    strace.arg("-o").arg(&trace);
    let tpm =
        Launch::swtpm_command_line(&program, &state)?.under(strace).start(folder.path().join("tpm.log"))?;
    let tools = Tools::new(&tpm.tcti, folder.path(), false);
    tools.write("note", b"note")?;
    for line in PREPARATION.iter().chain(CHANGING.iter().map(|(_, _, line)| line)) {
        tools.run(line)?;
    }
    tpm.end()?;
    let counts = judge(&whole(&trace)?);
    for (code, name, _) in CHANGING {
        let count = counts.get(&code).copied().unwrap_or_default();
        ensure!(count.answered > 0, "the trace shows no successful {name}");
        ensure!(
            count.answered == count.durable,
            "{} of {} {name} were answered before an fdatasync",
            count.answered - count.durable,
            count.answered
        );
    }
    Ok(Outcome::Counted { passed: CHANGING.len() as u64, failed: 0 })
}

/// The trace, once the tracer has written its end.
fn whole(path: &Path) -> Result<String> {
    let until = Instant::now() + Duration::from_secs(2);
    let mut text = fs::read_to_string(path)?;
    loop {
        std::thread::sleep(Duration::from_millis(50));
        let again = fs::read_to_string(path)?;
        if again == text || Instant::now() > until {
            return Ok(again);
        }
        text = again;
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Count {
    answered: u32,
    durable: u32,
}

/// For each command code: how many were answered with success, and how many of them after an fdatasync.
fn judge(trace: &str) -> BTreeMap<u32, Count> {
    let mut counts: BTreeMap<u32, Count> = BTreeMap::new();
    // Thread → command under way, and whether its storage was written.
    let mut running: BTreeMap<&str, (u32, bool)> = BTreeMap::new();
    for line in trace.lines() {
        let Some((thread, call)) = line.split_once(' ') else { continue };
        let call = call.trim_start();
        let name = call.strip_prefix("<... ").unwrap_or(call);
        let name = name.split(['(', ' ']).next().unwrap_or_default();
        match name {
            "fdatasync" if call.ends_with("= 0") => {
                if let Some((_, durable)) = running.get_mut(thread) {
                    *durable = true;
                }
            }
            "read" | "readv" | "recvfrom" | "recvmsg" => {
                if let Some(code) = header(call) {
                    running.insert(thread, (code, false));
                }
            }
            "write" | "writev" | "sendto" | "sendmsg" => {
                if let Some(0) = header(call)
                    && let Some((code, durable)) = running.remove(thread)
                {
                    let count = counts.entry(code).or_default();
                    count.answered += 1;
                    count.durable += u32::from(durable);
                }
            }
            _ => {}
        }
    }
    counts
}

/// The command or response code of a TPM frame in a call's first string, where there is one.
fn header(call: &str) -> Option<u32> {
    let text = call.split('"').nth(1)?;
    let bytes: Vec<u8> =
        text.split("\\x").skip(1).map_while(|hex| u8::from_str_radix(hex, 16).ok()).collect();
    match bytes.as_slice() {
        [0x80, 0x01 | 0x02, _, _, _, _, a, b, c, d, ..] => Some(u32::from_be_bytes([*a, *b, *c, *d])),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{Count, judge};

    const COMMAND: &str = r#"7 read(5, "\x80\x02\x00\x00\x00\x1f\x00\x00\x01\x34\x01"..., 4096) = 31"#;
    const ANSWER: &str = r#"7 write(5, "\x80\x02\x00\x00\x00\x13\x00\x00\x00\x00\x00"..., 19) = 19"#;

    fn increments(lines: &[&str]) -> Count {
        judge(&lines.join("\n")).get(&0x134).copied().unwrap_or_default()
    }

    #[test]
    fn storage_before_the_answer_counts() {
        assert_eq!(increments(&[COMMAND, "7 fdatasync(4) = 0", ANSWER]), Count { answered: 1, durable: 1 });
    }

    #[test]
    fn storage_after_the_answer_does_not() {
        assert_eq!(increments(&[COMMAND, ANSWER, "7 fdatasync(4) = 0"]), Count { answered: 1, durable: 0 });
    }

    #[test]
    fn another_thread_or_a_failed_write_does_not() {
        assert_eq!(increments(&[COMMAND, "8 fdatasync(4) = 0", ANSWER]), Count { answered: 1, durable: 0 });
        assert_eq!(
            increments(&[COMMAND, "7 fdatasync(4) = -1 EIO", ANSWER]),
            Count { answered: 1, durable: 0 }
        );
    }

    #[test]
    fn a_call_that_was_interrupted_in_the_trace_is_put_together() {
        let lines = [
            "7 read(5,  <unfinished ...>",
            "8 read(6, \"\", 4) = 0",
            r#"7 <... read resumed>"\x80\x02\x00\x00\x00\x1f\x00\x00\x01\x34\x01"..., 4096) = 31"#,
            "7 fdatasync(4 <unfinished ...>",
            "7 <... fdatasync resumed>) = 0",
            ANSWER,
        ];
        assert_eq!(increments(&lines), Count { answered: 1, durable: 1 });
    }
}
