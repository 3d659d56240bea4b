//! What went wrong in other TPMs. Each row of conformance/lessons.toml has tests, or waits for what is planned; from it
//! docs/security-lessons.md is made.

use crate::workspace::{cargo, output, root};
use anyhow::{Context, Result, bail};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

/// Where the document lies.
pub(crate) const PAGE: &str = "docs/security-lessons.md";

const DATA: &str = "conformance/lessons.toml";

/// The list that the rows were made from. It is kept outside of the repository, and is not there for everybody.
const SOURCE: &str = "../shared/reference/lessons.md";

/// The document as the data say, once every row holds.
pub(crate) fn page() -> Result<String> {
    let text = fs::read_to_string(root().join(DATA)).context(DATA)?;
    let lessons: Lessons = toml::from_str(&text).context(DATA)?;
    let present = Present::read()?;
    let mut problems = problems(&lessons, &present);
    if let Ok(source) = fs::read_to_string(root().join(SOURCE)) {
        problems.extend(missing(&lessons, &source));
    }
    if !problems.is_empty() {
        bail!("{DATA}:\n   {}", problems.join("\n   "));
    }
    Ok(write(&lessons, &present))
}

/// The three tables of rows.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Lessons {
    optee_ftpm: Vec<Row>,
    paper: Vec<Row>,
    attack: Vec<Row>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    /// What the names of its tests begin with.
    id: String,
    case: String,
    /// What went wrong; of the paper's mechanisms, what each is for.
    was: String,
    here: String,
    /// Package, module and function, as cargo's `--package` and its report name them.
    #[serde(default)]
    tests: Vec<String>,
    waits_for: Option<WaitsFor>,
}

/// What is planned and not there yet. One of the three.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WaitsFor {
    /// Without `TPM2_`.
    command: Option<String>,
    /// Without `TPM_ALG_`.
    algorithm: Option<String>,
    /// A folder.
    platform: Option<String>,
    /// What will be shown there.
    to: String,
}

/// What there is.
struct Present {
    /// The tests of the workspace, and the file that each is in.
    tests: BTreeMap<String, Test>,
    commands: BTreeSet<String>,
    algorithms: BTreeSet<String>,
    platforms: BTreeSet<String>,
}

struct Test {
    path: String,
    ignored: bool,
}

impl Lessons {
    fn rows(&self) -> impl Iterator<Item = &Row> {
        self.optee_ftpm.iter().chain(&self.paper).chain(&self.attack)
    }
}

impl Present {
    fn read() -> Result<Self> {
        let offered = output(cargo().args(["run", "--quiet", "-p", "tpm2-core", "--example", "offered"]))?;
        let lines = |kind: &str| {
            let kind = format!("{kind} ");
            offered.lines().filter_map(|line| line.strip_prefix(&kind)).map(str::to_owned).collect()
        };
        let mut platforms = BTreeSet::new();
        for entry in fs::read_dir(root().join("platforms"))? {
            platforms.insert(format!("platforms/{}", entry?.file_name().display()));
        }
        let mut tests = BTreeMap::new();
        for (package, folder) in packages()? {
            for sources in ["src", "tests"] {
                collect(&package, &folder, sources, &mut tests)?;
            }
        }
        Ok(Self { tests, commands: lines("command"), algorithms: lines("algorithm"), platforms })
    }

    /// What of this exists already.
    fn has(&self, waits: &WaitsFor) -> Option<String> {
        let WaitsFor { command, algorithm, platform, .. } = waits;
        let command =
            command.as_ref().filter(|name| self.commands.contains(*name)).map(|n| format!("TPM2_{n}"));
        let algorithm =
            algorithm.as_ref().filter(|name| self.algorithms.contains(*name)).map(|n| format!("TPM_ALG_{n}"));
        let platform = platform.as_ref().filter(|name| self.platforms.contains(*name)).cloned();
        command.or(algorithm).or(platform)
    }
}

/// What is wrong with the rows.
fn problems(lessons: &Lessons, present: &Present) -> Vec<String> {
    let mut problems = vec![];
    let mut seen = BTreeSet::new();
    for row in lessons.rows() {
        let id = &row.id;
        if !seen.insert(id) {
            problems.push(format!("{id} stands there twice"));
        }
        if row.tests.is_empty() && row.waits_for.is_none() {
            problems.push(format!("{id} has no test, and waits for nothing"));
        }
        for name in &row.tests {
            match present.tests.get(name) {
                None => problems.push(format!("{id}: there is no test {name}")),
                Some(test) if test.ignored => problems.push(format!("{id}: {name} is not run (#[ignore])")),
                Some(_) => {}
            }
        }
        if !row.tests.is_empty() && !row.tests.iter().any(|name| function(name).starts_with(id.as_str())) {
            problems.push(format!("{id}: none of its tests has a name that begins with it"));
        }
        if let Some(waits) = &row.waits_for {
            if [&waits.command, &waits.algorithm, &waits.platform].into_iter().flatten().count() != 1 {
                problems
                    .push(format!("{id} has to wait for one thing: a command, an algorithm or a platform"));
            }
            if let Some(there) = present.has(waits) {
                problems.push(format!("{id} waits for {there}, which is there: write its test"));
            }
        }
    }
    problems
}

/// What the list that the rows were made from has and they have not.
fn missing(lessons: &Lessons, source: &str) -> Vec<String> {
    let numbered =
        source.lines().filter(|line| line.split_once(". ").is_some_and(|(n, _)| n.parse::<u8>().is_ok()));
    let in_tables = source.lines().filter(|line| line.starts_with("| "));
    // Each of the two tables has a header; the lines below them begin with `|-`.
    let (wanted, there) = (numbered.count() + in_tables.count() - 2, lessons.rows().count());
    let mut problems = vec![];
    if wanted != there {
        problems.push(format!("{there} rows where {SOURCE} has {wanted}"));
    }
    for word in source.split(|c: char| c.is_whitespace() || ",.()|".contains(c)) {
        if word.starts_with("CVE-") && !lessons.rows().any(|row| named(row, word)) {
            problems.push(format!("{word} is in {SOURCE} and has no row"));
        }
    }
    problems
}

/// Whether a row's case names this CVE, which may be written `CVE-2021-3623/3746`.
fn named(row: &Row, cve: &str) -> bool {
    let first = cve.split('/').next().unwrap_or(cve);
    row.case.contains(first)
}

fn write(lessons: &Lessons, present: &Present) -> String {
    let mut page = String::from(
        "# What went wrong in other TPMs, and what holds here\n\
         Made by `cargo xtask docs` from `conformance/lessons.toml`. It fails where a test is not there, where a row has \
         none, and where one waits for something that exists by now. Each row's tests are found by its name: \
         `cargo test --workspace roca`.\n",
    );
    let chapters = [
        (
            "The platform layer of the maintained open fTPM, as read in 2025",
            "what went wrong",
            &lessons.optee_ftpm,
        ),
        ("The mechanisms of the fTPM paper (Raj et al., 2016)", "what it is for", &lessons.paper),
        ("Attacks", "what went wrong", &lessons.attack),
    ];
    for (title, was, rows) in chapters {
        let _ = write!(page, "\n## {title}\n| row | case | {was} | here | tests |\n|---|---|---|---|---|\n");
        for row in rows {
            let tests: Vec<String> = row.tests.iter().map(|name| link(name, present)).collect();
            let waits = row.waits_for.as_ref().map(in_words);
            let shown: Vec<String> = tests.into_iter().chain(waits).collect();
            let Row { id, case, was, here, .. } = row;
            let _ = writeln!(page, "| `{id}` | {case} | {was} | {here} | {} |", shown.join("<br>"));
        }
    }
    page.push_str(
        "\nOut of scope, in the paper and here: opening the chip, glitches, cold boot, JTAG, and a secure monitor that is \
         itself taken over.\n",
    );
    page
}

fn link(name: &str, present: &Present) -> String {
    let path = present.tests.get(name).map_or("", |test| &test.path);
    format!("[`{}`](../{path})", function(name))
}

fn in_words(waits: &WaitsFor) -> String {
    let command = waits.command.as_ref().map(|name| format!("TPM2_{name}"));
    let algorithm = waits.algorithm.as_ref().map(|name| format!("TPM_ALG_{name}"));
    let thing = command.or(algorithm).or(waits.platform.clone()).unwrap_or_default();
    format!("waits for {thing}: {}", waits.to)
}

/// The last part of a test's name.
fn function(name: &str) -> &str {
    name.rsplit("::").next().unwrap_or(name)
}

/// The packages of the workspace, and where they lie in it.
fn packages() -> Result<Vec<(String, String)>> {
    #[derive(Deserialize)]
    struct Manifest {
        workspace: Option<Workspace>,
        package: Option<Package>,
    }
    #[derive(Deserialize)]
    struct Workspace {
        members: Vec<String>,
    }
    #[derive(Deserialize)]
    struct Package {
        name: String,
    }
    let read = |folder: &str| -> Result<Manifest> {
        let path = root().join(folder).join("Cargo.toml");
        toml::from_str(&fs::read_to_string(&path)?).with_context(|| path.display().to_string())
    };
    let members = read("")?.workspace.context("no workspace")?.members;
    let named = |folder: String| Ok((read(&folder)?.package.context("no package")?.name, folder));
    members.into_iter().map(named).collect()
}

/// Adds the tests below `folder`/`below`, each under package, module and function.
fn collect(package: &str, folder: &str, below: &str, tests: &mut BTreeMap<String, Test>) -> Result<()> {
    let top = root().join(folder).join(below);
    for path in rust_files(&top)? {
        let within = path.strip_prefix(&top)?;
        let text = fs::read_to_string(&path)?;
        for (name, ignored) in tests_of(&text) {
            let name = [package, &module(within), name].join("::").replace("::::", "::");
            tests.insert(name, Test { path: format!("{folder}/{below}/{}", within.display()), ignored });
        }
    }
    Ok(())
}

fn rust_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = vec![];
    if folder.is_dir() {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                files.extend(rust_files(&path)?);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    Ok(files)
}

/// `rsa/mod.rs` is the module `rsa`; `lib.rs` and `main.rs` are none.
fn module(file: &Path) -> String {
    let words = file.with_extension("");
    let words = words.iter().filter_map(|word| word.to_str());
    words.filter(|word| !["mod", "lib", "main"].contains(word)).collect::<Vec<_>>().join("::")
}

/// The functions that stand below a `#[test]`, and whether each is ignored.
fn tests_of(source: &str) -> Vec<(&str, bool)> {
    let mut found = vec![];
    let (mut is_test, mut ignored) = (false, false);
    for line in source.lines().map(str::trim) {
        if line == "#[test]" {
            (is_test, ignored) = (true, false);
        } else if let Some(rest) = line.strip_prefix("fn ").filter(|_| is_test) {
            found.extend(rest.split(['(', '<']).next().map(|name| (name, ignored)));
            is_test = false;
        } else if line.starts_with("#[ignore") {
            ignored = true;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROW: &str = r#"
        paper = []
        attack = []
        [[optee_ftpm]]
        id = "roca"
        case = "CVE-2017-15361"
        was = "a structure"
        here = "none"
    "#;

    fn lessons(more: &str) -> Lessons {
        toml::from_str(&format!("{ROW}{more}")).unwrap()
    }

    fn present() -> Present {
        let set = |name: &str| BTreeSet::from([name.to_owned()]);
        let test =
            |name: &str, ignored| (name.to_owned(), Test { path: "crates/a/src/b.rs".into(), ignored });
        Present {
            tests: BTreeMap::from([
                test("a::b::roca_is_gone", false),
                test("a::b::roca_sleeps", true),
                test("a::b::other", false),
            ]),
            commands: set("PolicyNV"),
            algorithms: set("SHA256"),
            platforms: set("platforms/optee"),
        }
    }

    fn wrong(more: &str) -> String {
        problems(&lessons(more), &present()).join("\n")
    }

    #[test]
    fn a_row_has_a_test_or_waits_for_what_is_not_there() {
        assert_eq!(wrong(""), "roca has no test, and waits for nothing");
        assert_eq!(wrong(r#"tests = ["a::b::roca_is_gone", "a::b::other"]"#), "");
        for (key, name) in [("command", "PolicyOR"), ("algorithm", "SHA3_256"), ("platform", "platforms/psa")]
        {
            assert_eq!(wrong(&format!(r#"waits_for = {{ {key} = "{name}", to = "see" }}"#)), "");
        }
    }

    #[test]
    fn a_test_that_is_not_there_or_not_run_is_found() {
        assert!(wrong(r#"tests = ["a::b::roca_is_back"]"#).contains("there is no test a::b::roca_is_back"));
        assert!(wrong(r#"tests = ["a::b::roca_sleeps"]"#).contains("is not run"));
        assert!(wrong(r#"tests = ["a::b::other"]"#).contains("begins with it"));
    }

    #[test]
    fn a_row_does_not_wait_for_what_is_there() {
        for (key, name) in [("command", "PolicyNV"), ("algorithm", "SHA256"), ("platform", "platforms/optee")]
        {
            let said = wrong(&format!(r#"waits_for = {{ {key} = "{name}", to = "see" }}"#));
            assert!(said.contains("which is there"), "{said}");
        }
        assert!(wrong(r#"waits_for = { to = "see" }"#).contains("one thing"));
        assert!(toml::from_str::<Lessons>(&format!("{ROW}waits_for = {{ luck = \"good\" }}")).is_err());
    }

    #[test]
    fn a_row_that_the_source_has_and_the_data_have_not_is_found() {
        let tables = "1. What\n| mechanism | meaning |\n|---|---|\n| case | cause |\n|---|---|\n";
        let lessons = lessons(r#"tests = ["a::b::roca_is_gone"]"#);
        assert_eq!(missing(&lessons, tables), Vec::<String>::new());
        assert_eq!(missing(&lessons, &format!("{tables}| CVE-2017-15361 | x |\n")).len(), 1);
        assert_eq!(missing(&lessons, &tables.replace("What", "CVE-2000-1/2, again")).len(), 1);
    }

    #[test]
    fn tests_are_found_in_sources() {
        let source = "#[test]\n    /// Why.\n    fn one() {\nfn no_test() {}\n#[test]\n#[ignore = \"slow\"]\nfn two(x: u8) {";
        assert_eq!(tests_of(source), [("one", false), ("two", true)]);
        assert_eq!(module(Path::new("rsa/mod.rs")), "rsa");
        assert_eq!(module(Path::new("structures/sizes.rs")), "structures::sizes");
        assert_eq!(module(Path::new("lib.rs")), "");
    }

    #[test]
    fn a_page_links_to_the_file_of_each_test() {
        let page = write(&lessons(r#"tests = ["a::b::roca_is_gone"]"#), &present());
        assert!(page.contains("[`roca_is_gone`](../crates/a/src/b.rs)"), "{page}");
    }
}
