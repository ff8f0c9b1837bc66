//! Every code has a page in `docs/errors/`, and every page is tested.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

fn read(path: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    fs::read_to_string(root.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Where findings are made, each with its code on a line of its own.
const FINDINGS: [&str; 4] = [
    "graph-core/src/compile/findings.rs",
    "agents/src/findings/agents.rs",
    "agents/src/findings/chains.rs",
    "agents/src/findings/tools.rs",
];

/// The codes in the places that make them.
fn codes() -> BTreeSet<String> {
    let findings: String = FINDINGS.map(read).concat();
    let of_findings = findings
        .lines()
        .filter_map(|line| line.trim().strip_prefix('"')?.strip_suffix("\","));
    let errors = read("graph-core/src/run/error.rs");
    let of_runs = errors.lines().filter_map(|line| {
        let (_, code) = line.split_once("=> \"")?;
        code.strip_suffix("\",")
    });
    let is_code = |code: &&str| code.chars().all(|c| c.is_ascii_lowercase() || c == '-');
    of_findings
        .chain(of_runs)
        .filter(is_code)
        .map(str::to_owned)
        .collect()
}

#[test]
fn every_code_has_a_page_and_every_page_a_code() {
    let pages: BTreeSet<String> = fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/errors"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter_map(|name| Some(name.strip_suffix(".md")?.to_owned()))
        .filter(|name| name != "README")
        .collect();
    assert!(pages.contains("unknown-node") && pages.contains("no-runtime"));
    assert_eq!(pages, codes());
}

#[test]
fn every_page_is_listed_tested_and_about_its_code() {
    let (index, tested) = (read("docs/errors/README.md"), read("src/error_pages.rs"));
    for code in codes() {
        let page = read(&format!("docs/errors/{code}.md"));
        assert!(
            index.contains(&format!("]({code}.md)")),
            "{code} is not in the index"
        );
        assert!(
            tested.contains(&format!("errors/{code}.md\"")),
            "{code} is not tested"
        );
        assert!(
            page.starts_with(&format!("# `{code}`\n")),
            "{code} has another title"
        );
        assert!(
            page.contains(&format!(", \"{code}\");")),
            "no example asserts {code}"
        );
    }
}
