//! Installs what this machine lacks, and says what each thing is for.

use crate::workspace::{cargo, has_program, output, run};
use anyhow::{Context, Result, bail};
use std::io::IsTerminal;
use std::process::{Command, Stdio};

/// What a package is needed for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Building the program and showing it.
    Demo,
    /// `cargo xtask test` and `ci`.
    Test,
    /// Other people's test suites (`cargo xtask conformance`).
    Suites,
}

struct Need {
    packages: &'static [&'static str],
    purpose: Purpose,
    why: &'static str,
}

const NEEDS: &[Need] = &[
    Need {
        packages: &["gcc", "libc6-dev"],
        purpose: Purpose::Demo,
        why: "the linker, and the C compiler that aws-lc wants",
    },
    Need {
        packages: &["tpm2-tools"],
        purpose: Purpose::Demo,
        why: "the unmodified tools that the TPM is shown with",
    },
    Need {
        packages: &["libtss2-tcti-cmd0", "libtss2-tcti-mssim0", "libtss2-tcti-swtpm0"],
        purpose: Purpose::Demo,
        why: "how those tools reach a TPM over sockets",
    },
    Need {
        packages: &["openssl"],
        purpose: Purpose::Test,
        why: "checks signatures and hashes apart from our own code",
    },
    Need { packages: &["swtpm"], purpose: Purpose::Test, why: "the TPM that ours is compared with" },
    Need {
        packages: &["strace"],
        purpose: Purpose::Test,
        why: "shows that storage is written before the answer",
    },
    Need {
        packages: &["valgrind"],
        purpose: Purpose::Test,
        why: "counts the instructions of operations on secrets",
    },
    Need {
        packages: &["rustc-web", "cargo-web", "rust-web-src"],
        purpose: Purpose::Test,
        why: "a Rust with its library's sources: builds the core for bare Arm",
    },
    Need {
        packages: &[
            "python3",
            "python3-venv",
            "libtss2-dev",
            "pkg-config",
            "make",
            "patch",
            "libc6-dev",
            "dpkg-dev",
        ],
        purpose: Purpose::Suites,
        why: "runs and builds the suites",
    },
    Need {
        packages: &[
            "autoconf",
            "automake",
            "libtool",
            "autoconf-archive",
            "libcmocka-dev",
            "acl",
            "libltdl-dev",
            "uthash-dev",
            "libjson-c-dev",
            "libcurl4-openssl-dev",
            "libssl-dev",
            "uuid-dev",
            "iproute2",
        ],
        purpose: Purpose::Suites,
        why: "tpm2-tss' own build",
    },
];

/// Installs what is missing for `purposes`. Nothing happens, without a word of cost, where nothing is missing.
pub(crate) fn install(purposes: &[Purpose]) -> Result<()> {
    if purposes.contains(&Purpose::Test) {
        rust_components()?;
    }
    let mut missing = vec![];
    for need in NEEDS.iter().filter(|need| purposes.contains(&need.purpose)) {
        let absent: Vec<&str> = need.packages.iter().copied().filter(|package| !installed(package)).collect();
        if !absent.is_empty() {
            println!("   missing: {} ({})", absent.join(" "), need.why);
            missing.extend(absent);
        }
    }
    if missing.is_empty() {
        println!("   everything is installed");
        return Ok(());
    }
    if !has_program("apt-get") {
        bail!("this is no Debian: install by hand what Debian calls {}", missing.join(" "));
    }
    let install = |missing: &[&str]| {
        run(apt_get(&["install", "-y", "-qq", "--no-install-recommends"])?
            .args(missing)
            .stdout(Stdio::null()))
    };
    // Old lists install what is too old to build with. Without a network the packages may lie on this machine already.
    if run(apt_get(&["update", "-qq"])?.stdout(Stdio::null())).is_err() {
        println!("   no new package lists could be had; the old ones may do");
    }
    install(&missing).with_context(|| {
        format!(
            "could not install the packages; once they are there, run this again: apt-get install {}",
            missing.join(" ")
        )
    })
}

fn rust_components() -> Result<()> {
    for component in ["fmt", "clippy"] {
        if output(cargo().args([component, "--version"])).is_err() {
            let name = if component == "fmt" { "rustfmt" } else { component };
            println!("   missing: {name} (formatting and lints)");
            run(Command::new("rustup").args(["component", "add", name]))
                .with_context(|| format!("install Rust's component {name}, then run this again"))?;
        }
    }
    Ok(())
}

fn installed(package: &str) -> bool {
    output(Command::new("dpkg-query").args(["-W", "-f=${Status}", package]))
        .is_ok_and(|status| status == "install ok installed")
}

/// apt-get with the rights it needs.
fn apt_get(arguments: &[&str]) -> Result<Command> {
    let mut command = if rustix::process::geteuid().is_root() {
        Command::new("apt-get")
    } else if has_program("sudo") {
        let mut sudo = Command::new("sudo");
        if !std::io::stdin().is_terminal() {
            sudo.arg("--non-interactive");
        }
        sudo.args(["DEBIAN_FRONTEND=noninteractive", "apt-get"]);
        sudo
    } else {
        bail!(
            "packages are missing, and without root or sudo they cannot be installed: run `cargo xtask setup` as root"
        );
    };
    command.env("DEBIAN_FRONTEND", "noninteractive");
    command.args(["-o", "DPkg::Lock::Timeout=600"]).args(arguments);
    Ok(command)
}
