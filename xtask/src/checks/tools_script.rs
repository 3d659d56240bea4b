//! One tpm2-tools script over every transport.

use crate::steps::Outcome;
use crate::tools::Tools;
use crate::tpm::{Maker, RunningTpm, Transport};
use anyhow::{Context, Result, ensure};

/// What a line's output must be: the same everywhere, or anything.
#[derive(Clone, Copy, PartialEq)]
enum Output {
    /// The same over every transport, and the same as the reference's.
    Same,
    /// It depends on random numbers or on the maker.
    Free,
    /// The tool must be refused, with these words.
    Refused(&'static str),
}
use Output::{Free, Refused, Same};

/// Files that some lines read are written before.
const FILES: [(&str, &[u8]); 2] = [("message", b"a message of no meaning"), ("secret", b"nobody knows this")];

const SCRIPT: &[(Output, &str)] = &[
    (Same, "tpm2_hash -C n -g sha256 --hex message"),
    (Same, "tpm2_hash -C n -g sha512 --hex message"),
    (Free, "tpm2_getrandom 16"),
    (Same, "tpm2_pcrread sha1:0,23+sha256:0,23+sha384:0,23+sha512:0,23"),
    (Same, "tpm2_pcrevent 23 message"),
    (Free, "tpm2_pcrextend 16:sha256=000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"),
    (Same, "tpm2_pcrread sha1:16,23+sha256:16,23"),
    (Free, "tpm2_pcrreset 16"),
    (Same, "tpm2_pcrread sha256:16"),
    (Refused("locality"), "tpm2_pcrreset 0"),
    (Same, "tpm2_createpolicy --policy-pcr -l sha256:16,23 -L pcr.policy"),
    (Free, "tpm2_createprimary -Q -C o -G ecc -c ecc.ctx"),
    (Free, "tpm2_createprimary -Q -C o -G rsa2048 -c rsa.ctx"),
    (Free, "tpm2_create -Q -C ecc.ctx -G ecc256:ecdsa-sha256 -u sign.pub -r sign.priv"),
    (Free, "tpm2_load -Q -C ecc.ctx -u sign.pub -r sign.priv -c sign.ctx"),
    (Free, "tpm2_sign -Q -c sign.ctx -g sha256 -o signature message"),
    (Free, "tpm2_verifysignature -Q -c sign.ctx -g sha256 -m message -s signature"),
    (
        Refused("signature is not valid"),
        "tpm2_verifysignature -Q -c sign.ctx -g sha256 -m secret -s signature",
    ),
    (Free, "tpm2_create -Q -C rsa.ctx -G rsa2048 -u rsa.pub -r rsa.priv"),
    (Free, "tpm2_load -Q -C rsa.ctx -u rsa.pub -r rsa.priv -c child.ctx"),
    (Free, "tpm2_rsaencrypt -c child.ctx -s oaep -o cipher message"),
    (Same, "tpm2_rsadecrypt -c child.ctx -s oaep cipher"),
    (Free, "tpm2_create -Q -C ecc.ctx -i secret -p open -u sealed.pub -r sealed.priv"),
    (Free, "tpm2_load -Q -C ecc.ctx -u sealed.pub -r sealed.priv -c sealed.ctx"),
    (Same, "tpm2_unseal -c sealed.ctx -p open"),
    (Refused("authorization"), "tpm2_unseal -c sealed.ctx -p shut"),
    (Free, "tpm2_startauthsession --hmac-session -S session.ctx"),
    (Same, "tpm2_unseal -c sealed.ctx -p session:session.ctx+open"),
    (Free, "tpm2_flushcontext session.ctx"),
    (
        Free,
        "tpm2_create -Q -C ecc.ctx -i secret -L pcr.policy -a fixedtpm|fixedparent -u bound.pub -r bound.priv",
    ),
    (Free, "tpm2_load -Q -C ecc.ctx -u bound.pub -r bound.priv -c bound.ctx"),
    (Same, "tpm2_unseal -c bound.ctx -p pcr:sha256:16,23"),
    (Free, "tpm2_pcrevent 23 secret"),
    (Refused("policy check failed"), "tpm2_unseal -c bound.ctx -p pcr:sha256:16,23"),
    (Free, "tpm2_evictcontrol -Q -C o -c sign.ctx 0x81000005"),
    (Same, "tpm2_getcap handles-persistent"),
    (Free, "tpm2_evictcontrol -Q -C o -c 0x81000005"),
    (Free, "tpm2_nvdefine -Q 0x1500020 -C o -s 8 -a ownerread|ownerwrite|nt=counter"),
    (Free, "tpm2_nvincrement -Q 0x1500020 -C o"),
    (Free, "tpm2_nvincrement -Q 0x1500020 -C o"),
    (Free, "tpm2_nvdefine -Q 0x1500021 -C o -s 32 -a ownerread|ownerwrite|nt=extend"),
    (Free, "tpm2_nvextend -Q 0x1500021 -C o -i message"),
    (Same, "tpm2_nvread 0x1500021 -C o -s 32 -o extended"),
    (Free, "tpm2_nvdefine -Q 0x1500022 -C o -s 17 -a ownerread|ownerwrite"),
    (Free, "tpm2_nvwrite -Q 0x1500022 -C o -i secret"),
    (Same, "tpm2_nvread 0x1500022 -C o -s 17"),
    (
        Free,
        "tpm2_nvcertify -C sign.ctx -c o -g sha256 -s ecdsa -q cafe --size 17 --attestation part -o part.sig 0x1500022",
    ),
    (Free, "tpm2_verifysignature -Q -c sign.ctx -g sha256 -m part -s part.sig"),
    (
        Free,
        "tpm2_nvcertify -C sign.ctx -c o -g sha256 -s ecdsa --size 0 --attestation whole -o whole.sig 0x1500022",
    ),
    (Free, "tpm2_verifysignature -Q -c sign.ctx -g sha256 -m whole -s whole.sig"),
    (Same, "tpm2_nvreadpublic"),
    (Refused("NV"), "tpm2_nvread 0x1500029 -C o -s 8"),
    (Same, "tpm2_getcap handles-nv-index"),
    (Free, "tpm2_nvundefine -Q 0x1500022 -C o"),
    (Free, "tpm2_changeauth -Q -c owner word"),
    (Refused("authorization"), "tpm2_nvundefine -Q 0x1500021 -C o"),
    (Free, "tpm2_nvundefine -Q 0x1500021 -C o -P word"),
    (Free, "tpm2_clear -Q -c p"),
    (Same, "tpm2_getcap handles-nv-index"),
    (Same, "tpm2_getcap handles-persistent"),
    (Same, "tpm2_testparms rsa3072:rsapss-sha384"),
    (Same, "tpm2_testparms ecc384:ecdsa-sha384"),
    (Free, "tpm2_selftest --fulltest"),
    (Free, "tpm2_gettestresult"),
    (Free, "tpm2_shutdown"),
];

/// Runs the script over all transports of our TPM and over the reference; all must agree.
pub(super) fn check(maker: Maker) -> Result<Outcome> {
    let reference = transcript(Maker::Swtpm, Transport::Tcp)?;
    let mut runs = 1;
    if maker == Maker::Ftpm {
        for transport in Transport::ALL {
            let own = transcript(maker, transport).with_context(|| format!("over {transport:?}"))?;
            for ((_, line), (ours, theirs)) in SCRIPT.iter().zip(own.iter().zip(&reference)) {
                ensure!(
                    ours == theirs,
                    "`{line}` over {transport:?} gave\n{ours}\nand the reference\n{theirs}"
                );
            }
            println!("   {transport:?}: {} lines as the reference", SCRIPT.len());
            runs += 1;
        }
    }
    Ok(Outcome::Counted { passed: runs * SCRIPT.len() as u64, failed: 0 })
}

/// What a tool lists, but for the NV index with the posture, which no other TPM has.
fn without_posture(output: &str) -> String {
    let mut is_inside = false;
    let others = output.lines().filter(|line| {
        let line = line.to_lowercase();
        if !line.is_empty() && !line.starts_with(' ') {
            is_inside = line.starts_with("0x110f000:");
        }
        !is_inside && line != "- 0x110f000"
    });
    others.collect::<Vec<_>>().join("\n")
}

/// The comparable part of each line's output.
fn transcript(maker: Maker, transport: Transport) -> Result<Vec<String>> {
    let folder = tempfile::tempdir()?;
    let tpm = RunningTpm::start(maker, transport, folder.path())?;
    let tools = Tools::new(&tpm.tcti, folder.path(), false);
    for (name, content) in FILES {
        tools.write(name, content)?;
    }
    let mut lines = vec![];
    for (output, line) in SCRIPT {
        lines.push(match output {
            Same => without_posture(&tools.run(line)?),
            Free => tools.run(line).map(|_| String::new())?,
            Refused(words) => tools.refused(line, words).map(|_| String::new())?,
        });
    }
    tpm.end()?;
    Ok(lines)
}
