//! The checks of `cargo xtask test` and `ci`.

mod add_command;
mod bare_arm;
mod durability;
mod kill_loop;
mod linux_size;
pub(crate) mod posture;
mod rust;
mod tools_script;

use crate::demo;
use crate::docs;
use crate::steps::{Outcome, Steps};
use crate::tpm::Maker;
use crate::workspace::{self, cargo, output, run};
use anyhow::Result;

/// Options of `cargo xtask test` and `ci`.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Only the steps of this name; may be given several times
    #[arg(long)]
    pub(crate) only: Vec<String>,
    /// Rounds of the kill -9 loop
    #[arg(long, default_value_t = 1000)]
    kill_rounds: u32,
    /// Whose TPM the checks of the running program are made with
    #[arg(long, hide = true, default_value = "ftpm")]
    against: Maker,
}

/// Formatting, lints, all tests of all crates, and the checks of the running program.
pub(crate) fn test(steps: &mut Steps, options: &Options) {
    let maker = options.against;
    steps.run("fmt", "the sources are formatted", || run(cargo().args(["fmt", "--all", "--check"])));
    steps.run("clippy", "no lint finds anything", || {
        run(cargo().args(["clippy", "--quiet", "--workspace", "--all-targets", "--", "-D", "warnings"]))
    });
    steps.run("rustdoc", "every link of the documentation leads somewhere", || {
        run(cargo().args(["doc", "--quiet", "--workspace", "--no-deps"]).env("RUSTDOCFLAGS", "-D warnings"))
    });
    steps.run("unit", "the tests of all crates", rust::tests);
    steps.run(
        "bare-arm",
        "core, posture, fTPM service and conformance suite build for bare Arm, without std or alloc",
        bare_arm::build,
    );
    steps.run("linux-size", "the Linux platform is only an implementation of tee-api", linux_size::check);
    steps.run("add-command", "one file and one line add a command", add_command::check);
    steps.run("release", "the program builds in release mode", workspace::build_ftpm);
    steps.run("tools", "one tpm2-tools script, the same results over each transport", || {
        tools_script::check(maker)
    });
    steps.run(
        "fixed-time",
        "the same instructions for every secret, as they are released (valgrind)",
        || {
            let test = ["test", "--quiet", "--release", "-p", "tpm2-crypto", "--features", "aws-lc"];
            run(cargo().args(test).args(["--test", "fixed_time"]).env("FTPM_MEASURE", "1"))
        },
    );
    steps.run("durability", "storage is written before each answer (strace)", || durability::check(maker));
    steps.run("kill-loop", "no acknowledged increment is lost to kill -9", || {
        kill_loop::check(maker, options.kill_rounds)
    });
    steps.run(
        "posture",
        "a posture that tpm2-tools attest is checked, and no forgery passes",
        posture::check,
    );
    steps.run("demo", "the demo goes as it promises", || demo::run(&demo::Options::of(maker)));
    steps.run("guarantees", "the demo of the guarantees goes as it promises", || {
        demo::run(&demo::Options::guarantees())
    });
}

/// What CI checks beyond the tests.
pub(crate) fn supply_chain_and_tables(steps: &mut Steps) {
    steps.run("deny", "licences, sources and advisories of the dependencies", deny);
    steps.run("response-codes", "every row of the response-code table is asserted or explained", || {
        run(cargo().args(["run", "--quiet", "-p", "conformance", "--", "check-rows"]))
    });
    steps.run("docs", "the documents that are made are up to date, and every lesson has its test", || {
        docs::run(true)
    });
}

fn deny() -> Result<Outcome> {
    if output(cargo().args(["deny", "--version"])).is_err() {
        return Ok(Outcome::Skipped(
            "cargo-deny is not installed (cargo install --locked cargo-deny)".into(),
        ));
    }
    run(cargo().args(["deny", "--log-level", "error", "check", "bans", "licenses", "sources"]))?;
    match output(cargo().args(["deny", "--log-level", "error", "check", "advisories"])) {
        Ok(_) => Ok(Outcome::Counted { passed: 2, failed: 0 }),
        // A machine without the network cannot know of new advisories; that says nothing about the dependencies.
        Err(error) if format!("{error:#}").contains("failed to fetch advisory database") => {
            println!("   advisories were not checked: their database cannot be fetched from here");
            Ok(Outcome::Counted { passed: 1, failed: 0 })
        }
        Err(error) => Err(error),
    }
}
