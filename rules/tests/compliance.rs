//! The JSONPath compliance suite through the front door of rules. Every case that ends otherwise than the suite says is
//! in the table of `docs/rules.md`, by name.
#![expect(
    clippy::disallowed_methods,
    reason = "the suite is read from outside of the repository, as the environment says"
)]
#![expect(clippy::unwrap_used, reason = "a suite of another shape fails the test")]

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path as FilePath, PathBuf};

use rules::{Document, Node, Path};

const SUITE: &str = "jsonpath-cts.json";

fn root() -> PathBuf {
    // Asked at run time: a target folder that several checkouts share keeps the paths of one of them.
    FilePath::new(&std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo runs the tests")).join("..")
}

fn suite() -> Option<Node> {
    let folder =
        std::env::var_os("TOCSIN_TEST_DATA").map_or_else(|| root().join("../shared/data"), PathBuf::from);
    let text = std::fs::read_to_string(folder.join(SUITE)).ok()?;
    Some(Document::parse(&text, 200).unwrap().root)
}

/// What is different in a case; nothing if our answer is the suite's.
fn difference(case: &Node) -> Option<String> {
    let selector = case.member("selector").and_then(Node::as_str).unwrap();
    let invalid = case.member("invalid_selector").is_some();
    let path = match Path::parse(selector) {
        Ok(_) if invalid => return Some("accepted, though it is invalid".to_owned()),
        Err(_) if invalid => return None,
        Err(error) => return Some(format!("refused: {error}")),
        Ok(path) => path,
    };
    let found = Node::Array(path.select(case.member("document").unwrap()).into_iter().cloned().collect());
    let right = match (case.member("result"), case.member("results")) {
        (Some(result), _) => *result == found,
        (None, Some(Node::Array(results))) => results.contains(&found),
        _ => panic!("{selector}: the case has no result"),
    };
    (!right).then(|| format!("selected {found}"))
}

/// The table of differences in the documentation: name and reason.
fn documented() -> BTreeMap<String, String> {
    let text = std::fs::read_to_string(root().join("docs/rules.md")).unwrap();
    let rows = text.lines().skip_while(|line| !line.starts_with("| case of the suite")).skip(2);
    let rows = rows.take_while(|line| line.starts_with('|')).map(|line| {
        let mut cells = line.trim_matches('|').split('|').map(str::trim);
        (cells.next().unwrap().trim_matches('`').to_owned(), cells.next().unwrap().to_owned())
    });
    rows.collect()
}

#[test]
fn every_difference_from_the_suite_is_documented() {
    let Some(suite) = suite() else {
        let line = "SKIPPED every_difference_from_the_suite_is_documented: TOCSIN_TEST_DATA has no jsonpath-cts.json";
        println!("{line}");
        if let Some(log) = std::env::var_os("TOCSIN_SKIP_LOG") {
            let mut log = std::fs::OpenOptions::new().create(true).append(true).open(log).unwrap();
            writeln!(log, "{line}").unwrap();
        }
        return;
    };
    let Some(Node::Array(cases)) = suite.member("tests") else { panic!("the suite has no tests") };
    let mut found = BTreeMap::new();
    for case in cases {
        if let Some(difference) = difference(case) {
            found.insert(case.member("name").and_then(Node::as_str).unwrap().to_owned(), difference);
        }
    }
    println!("{} of {} cases as the suite says", cases.len() - found.len(), cases.len());
    let documented = documented();
    let surprising: Vec<_> = found.iter().filter(|(name, _)| !documented.contains_key(*name)).collect();
    assert!(surprising.is_empty(), "not in docs/rules.md: {surprising:#?}");
    let outdated: Vec<_> = documented.keys().filter(|name| !found.contains_key(*name)).collect();
    assert!(outdated.is_empty(), "in docs/rules.md, but as the suite says: {outdated:#?}");
}
