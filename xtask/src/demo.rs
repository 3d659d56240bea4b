//! The demo: what a TPM is good for, shown with unmodified tpm2-tools.

use crate::boot_log::{self, Bank, PCRS};
use crate::checks::posture;
use crate::setup::{self, Purpose};
use crate::tools::{Tools, pcr_value};
use crate::tpm::{Maker, RunningTpm, Transport};
use crate::workspace::{self, cargo, run as run_command};
use anyhow::{Context, Result, ensure};
use std::process::Command;
use std::time::Instant;

/// What is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Show {
    /// What a TPM is good for: boot log, keys, sealing, quote, restart
    #[default]
    Tpm,
    /// What it does when its platform fails: refusals, failures survived, a posture attested and verified
    Guarantees,
}

/// Options of `cargo xtask demo`.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// What is shown
    #[arg(value_enum, default_value_t)]
    show: Show,
    /// Whose TPM is shown
    #[arg(long, hide = true, default_value = "ftpm")]
    against: Maker,
    /// How the tools reach it
    #[arg(long, hide = true, default_value = "unix")]
    transport: Transport,
}

impl Options {
    /// The demo of `maker`'s TPM, over a transport that needs nothing else.
    pub(crate) fn of(maker: Maker) -> Self {
        let transport = match maker {
            Maker::Ftpm => Transport::Unix,
            Maker::Swtpm => Transport::Tcp,
        };
        Self { show: Show::Tpm, against: maker, transport }
    }

    /// The demo of the guarantees.
    pub(crate) fn guarantees() -> Self {
        Self { show: Show::Guarantees, ..Self::of(Maker::Ftpm) }
    }
}

const EK: &str = "0x81010001";
const AK: &str = "0x81010002";
const STORAGE_ROOT: &str = "0x81000001";
const COUNTER: &str = "0x1500016";
const NOTE: &str = "0x1500017";
const PCR_LIST: &str = "sha256:0,2,4,7";
const UNSEAL: &str = "tpm2_unseal -c disk.ctx -p pcr:sha256:0,2,4,7";
const QUOTE: &str =
    "tpm2_quote -Q -c 0x81010002 -l sha256:0,2,4,7 -g sha256 -m quote.msg -s quote.sig -o quote.pcrs -q";
const CHECK_QUOTE: &str = "tpm2_checkquote -u ak.pem -m quote.msg -s quote.sig -f quote.pcrs -g sha256 -q";

/// Shows everything once. An error is a difference from what the text promises.
pub(crate) fn run(options: &Options) -> Result<()> {
    match options.show {
        Show::Tpm => tpm(options),
        Show::Guarantees => guarantees(),
    }
}

/// Refusals and failures on simulated devices; a posture from the real program, checked by another.
fn guarantees() -> Result<()> {
    let mut chapters = Chapters::new();
    chapters.next("Preparation: what this machine lacks, and a release build");
    setup::install(&[Purpose::Demo])?;
    workspace::build_ftpm()?;

    chapters.next("One refusal and three failures, on simulated devices");
    run_command(cargo().args(["run", "--quiet", "-p", "conformance", "--example", "guarantees"]))?;

    chapters.next("A board without entropy, as the doctor sees it");
    let refused = Command::new(workspace::ftpm()).args(["doctor", "--board", "qemu-virt-optee"]).output()?;
    ensure!(refused.status.code() == Some(4), "the doctor does not refuse the board");
    quote_program(&String::from_utf8_lossy(&refused.stdout).lines().take(3).collect::<Vec<_>>().join("\n"));
    println!("   Exit code 4: refused. `ftpm doctor --list-boards` has the others.");

    chapters.next("This machine's posture, attested by the TPM and checked outside of it");
    posture::show()?;
    chapters.finish();
    Ok(())
}

/// The TPM at work.
fn tpm(options: &Options) -> Result<()> {
    let mut chapters = Chapters::new();
    chapters.next("Preparation: what this machine lacks, and a release build");
    setup::install(&[Purpose::Demo])?;
    if options.against == Maker::Ftpm {
        workspace::build_ftpm()?;
    }
    let folder = tempfile::tempdir()?;

    chapters.next("A TPM, manufactured in an empty folder");
    let tpm = RunningTpm::start(options.against, options.transport, folder.path())?;
    let tools = Tools::new(&tpm.tcti, folder.path(), true);
    quote_program(&tpm.said());

    chapters.next("A boot is measured, and the log agrees with the PCRs");
    println!("   The log is invented by this demo's own generator: no machine booted this way.");
    println!("   Each event goes into all four banks; nothing can take it out again.");
    measure_boot(&tools)?;
    let events = boot_log::generated();
    tools.write("boot.log", &boot_log::encode(&events))?;
    let replayed = tools.run("tpm2_eventlog boot.log")?;
    for bank in Bank::ALL {
        let answer = tools.run(&format!("tpm2_pcrread {}:0,2,4,7", bank.name()))?;
        for pcr in PCRS {
            let expected = boot_log::replay(&events, bank, pcr);
            let value = pcr_value(&answer, pcr).with_context(|| format!("no PCR {pcr} in\n{answer}"))?;
            ensure!(value == expected, "PCR {pcr} of {} is {value}, the log gives {expected}", bank.name());
            ensure!(
                replayed.to_lowercase().contains(&expected),
                "tpm2_eventlog replays another {} PCR {pcr}",
                bank.name()
            );
            if bank == Bank::Sha256 {
                println!("   PCR {pcr}: {value}");
            }
        }
    }
    println!("   16 PCR values: the TPM, tpm2_eventlog and our replay of the log agree.");

    chapters.next("An identity: endorsement key (EK) and attestation key (AK)");
    println!("   The EK tells which TPM this is; it never signs. The AK signs statements of this TPM alone.");
    tools.run(&format!("tpm2_createek -Q -G rsa -c {EK} -u ek.pub"))?;
    tools.run(&format!(
        "tpm2_createak -Q -C {EK} -G ecc -g sha256 -s ecdsa -c ak.ctx -u ak.pem -f pem -n ak.name"
    ))?;
    tools.run(&format!("tpm2_evictcontrol -Q -C o -c ak.ctx {AK}"))?;
    println!(
        "   Both are persistent now. Does the AK live beside that EK? A challenge that only this TPM can open:"
    );
    challenge(&tools)?;

    chapters.next("A disk key, sealed to this boot");
    tools.write("disk.key", &disk_key())?;
    tools.run("tpm2_createprimary -Q -C o -G ecc -c root.ctx")?;
    tools.run(&format!("tpm2_evictcontrol -Q -C o -c root.ctx {STORAGE_ROOT}"))?;
    tools.run(&format!("tpm2_createpolicy -Q --policy-pcr -l {PCR_LIST} -L boot.policy"))?;
    tools.run(&format!(
        "tpm2_create -Q -C {STORAGE_ROOT} -L boot.policy -a fixedtpm|fixedparent|noda -i disk.key -u disk.pub -r disk.priv"
    ))?;
    load_disk_key(&tools)?;
    unseal(&tools)?;
    println!("   The TPM gives it out: the PCRs are what they were when it was sealed.");

    chapters.next("Memory that outlives power: a counter and a note");
    tools.run(&format!(
        "tpm2_nvdefine -Q {COUNTER} -C o -s 8 -a ownerread|ownerwrite|authread|authwrite|nt=counter"
    ))?;
    for _ in 0..3 {
        tools.run(&format!("tpm2_nvincrement -Q {COUNTER} -C o"))?;
    }
    tools.write("note", b"written before the kill")?;
    tools.run(&format!("tpm2_nvdefine -Q {NOTE} -C o -s 23 -a ownerread|ownerwrite"))?;
    tools.run(&format!("tpm2_nvwrite -Q {NOTE} -C o -i note"))?;
    let counter = counter(&tools)?;
    println!("   The counter stands at {counter}.");

    chapters.next("A quote: signed proof of this boot, checked by somebody else");
    println!("   The verifier picks a fresh number, so that an old quote cannot be shown again.");
    tools.run(&format!("{QUOTE} {}", "11".repeat(20)))?;
    tools.run(&format!("{CHECK_QUOTE} {}", "11".repeat(20)))?;
    println!("   The signature holds. With another fresh number the same quote is worthless:");
    tools.refused(&format!("{CHECK_QUOTE} {}", "22".repeat(20)), "nonce")?;
    println!("   refused, as it must be.");

    chapters.next("Something else boots: one extend, and the disk key stays shut");
    let intruder = Bank::Sha256.digest(b"a boot loader that nobody knows");
    tools.run(&format!("tpm2_pcrextend 4:sha256={}", boot_log::hexadecimal(&intruder)))?;
    let refusal = tools.refused(UNSEAL, "policy")?;
    println!("   the TPM: {refusal}");

    chapters.next("kill -9, and a restart over the same folder");
    println!("   $ kill -9 {}", tpm.id());
    tpm.kill()?;
    let tpm = RunningTpm::start(options.against, options.transport, folder.path())?;
    let tools = Tools::new(&tpm.tcti, folder.path(), true);
    quote_program(&tpm.said());
    let handles = tools.run("tpm2_getcap handles-persistent")?;
    for handle in [EK, AK, STORAGE_ROOT] {
        ensure!(handles.to_lowercase().contains(handle), "the persistent key {handle} is gone:\n{handles}");
    }
    println!(
        "   persistent keys: {}",
        handles.split_whitespace().filter(|word| *word != "-").collect::<Vec<_>>().join(" ")
    );
    let after = self::counter(&tools)?;
    ensure!(after == counter, "the counter was {counter} and is {after}");
    let note = tools.run(&format!("tpm2_nvread {NOTE} -C o -s 23"))?;
    ensure!(note == "written before the kill", "the note reads {note:?}");
    println!("   counter: {after}, note: \"{note}\". Nothing that was answered is lost.");

    chapters.next("The known boot again: the key opens, and the old AK quotes");
    println!("   A reset begins with PCRs at their first value; the same boot brings the same values.");
    measure_boot(&tools)?;
    load_disk_key(&tools)?;
    unseal(&tools)?;
    tools.run(&format!("{QUOTE} {}", "33".repeat(20)))?;
    tools.run(&format!("{CHECK_QUOTE} {}", "33".repeat(20)))?;
    println!("   The disk key is out again, and the AK from before the kill vouches for this boot.");

    chapters.next("The end: SIGTERM");
    tpm.end()?;
    chapters.finish();
    Ok(())
}

/// Extends every event of the log into all banks.
fn measure_boot(tools: &Tools) -> Result<()> {
    for event in boot_log::generated() {
        println!("   PCR {}: {}", event.pcr, event.what);
        tools.hidden().run(&format!("tpm2_pcrextend {}", boot_log::extend_argument(&event)))?;
    }
    Ok(())
}

/// The verifier encrypts a secret for the EK, bound to the AK's name; only a TPM that holds both can open it.
fn challenge(tools: &Tools) -> Result<()> {
    let secret = b"only for the TPM that holds both";
    tools.write("challenge", secret)?;
    let name = boot_log::hexadecimal(&tools.read("ak.name")?);
    tools.run(&format!("tpm2_makecredential -Q -T none -u ek.pub -s challenge -n {name} -o credential"))?;
    tools.run("tpm2_startauthsession --policy-session -S session.ctx")?;
    tools.run("tpm2_policysecret -Q -S session.ctx -c e")?;
    tools.run(&format!(
        "tpm2_activatecredential -Q -c {AK} -C {EK} -i credential -o answer -P session:session.ctx"
    ))?;
    tools.run("tpm2_flushcontext session.ctx")?;
    ensure!(tools.read("answer")? == secret, "the challenge came back changed");
    println!("   opened: the AK belongs to that EK.");
    Ok(())
}

fn load_disk_key(tools: &Tools) -> Result<()> {
    tools.run(&format!("tpm2_load -Q -C {STORAGE_ROOT} -u disk.pub -r disk.priv -c disk.ctx")).map(|_| ())
}

fn unseal(tools: &Tools) -> Result<()> {
    let key = tools.run(UNSEAL)?;
    ensure!(key.as_bytes() == disk_key(), "another key came out");
    Ok(())
}

/// Not a secret: the demo's disk does not exist.
fn disk_key() -> Vec<u8> {
    boot_log::hexadecimal(&Bank::Sha256.digest(b"the key of a disk that does not exist")).into_bytes()
}

fn counter(tools: &Tools) -> Result<u64> {
    let answer = tools.run(&format!("tpm2_nvread {COUNTER} -C o -s 8 -o counter"))?;
    let bytes =
        tools.read("counter")?.try_into().ok().with_context(|| format!("no counter in {answer:?}"))?;
    Ok(u64::from_be_bytes(bytes))
}

/// What the TPM's program said, indented.
fn quote_program(said: &str) {
    for line in said.lines() {
        println!("   | {line}");
    }
}

/// Numbered headings with the time since the beginning.
struct Chapters {
    number: u32,
    started: Instant,
}

impl Chapters {
    fn new() -> Self {
        Self { number: 0, started: Instant::now() }
    }

    fn next(&mut self, title: &str) {
        self.number += 1;
        println!("\n{:>2}. {title}  [{:.1} s]", self.number, self.started.elapsed().as_secs_f64());
    }

    fn finish(self) {
        println!(
            "\nAll {} steps went as promised, in {:.1} s.",
            self.number,
            self.started.elapsed().as_secs_f64()
        );
    }
}
