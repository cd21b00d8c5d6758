//! History as a user meets it, on the embedded log: events are archived, rules are tried on them, older ones are added.
#![allow(clippy::unwrap_used, reason = "tests panic when something is wrong")]

use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use serde_json::{Value, json};
use tests::harness::process::{Tocsin, binary};
use tests::harness::wait_for;
use tests::workload::customer;

const PATIENCE: Duration = Duration::from_secs(60);

fn tocsin(arguments: &[&str]) -> Output {
    Command::new(binary()).args(arguments).output().unwrap()
}

fn archived(data: &Path) -> u64 {
    let data = data.to_str().unwrap();
    let status = tocsin(&["history", "status", "--data", data, "--output", "json"]);
    assert!(status.status.success(), "{}", String::from_utf8_lossy(&status.stderr));
    serde_json::from_slice::<Value>(&status.stdout).unwrap()["rows"].as_u64().unwrap()
}

fn rule(threshold: u64) -> Value {
    json!({"customerId": customer(1), "alertId": "b0f7f3a8-9a43-4a5e-8b57-0a5d5a2f4c10", "alertName": "probe", "match": "$.probe == 1", "threshold": threshold})
}

/// What a rule would have done, compared with another one.
fn preview(process: &Tocsin, data: &Path, rule: &Value, other: Option<&Value>) -> Value {
    let file = |name: &str, rule: &Value| {
        let path = data.join(name);
        std::fs::write(&path, rule.to_string()).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let token = data.join("root.token");
    let mut arguments = vec!["rules".to_owned(), "preview".to_owned(), file("rule.json", rule)];
    arguments.extend([
        "--server".to_owned(),
        process.http.address.clone(),
        "--output".to_owned(),
        "json".to_owned(),
    ]);
    arguments.extend(["--token-file".to_owned(), token.to_str().unwrap().to_owned()]);
    if let Some(other) = other {
        arguments.extend(["--other".to_owned(), file("other.json", other)]);
    }
    let done = tocsin(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    serde_json::from_slice(&done.stdout).unwrap()
}

#[test]
fn events_are_archived_and_rules_are_tried_on_them_and_on_older_ones() {
    let data = tempfile::tempdir().unwrap();
    let process = Tocsin::start(data.path(), &["--archive-flush-seconds", "1"]);
    let event = |index: usize| json!({"customerId": customer(index), "payload": {"probe": 1}});
    assert!(process.http.events(&[event(1), event(1), event(2)]));
    wait_for("the events are archived", PATIENCE, || (archived(data.path()) == 3).then_some(()));
    let answer = preview(&process, data.path(), &rule(3), None);
    assert_eq!(answer["fired"], 0, "{answer}");

    let older = data.path().join("older.ndjson");
    let line = json!({"tenant": customer(1), "at": 1_600_000_000, "probe": 1});
    std::fs::write(&older, format!("{line}\nno json\n")).unwrap();
    let folder = data.path().to_str().unwrap();
    let import = |more: &[&str]| {
        let usual =
            ["history", "import", older.to_str().unwrap(), "--data", folder, "--customer-path", "$.tenant"];
        let usual = usual.iter().chain(&["--time-path", "$.at", "--time-unit", "s", "--payload-path", "$"]);
        tocsin(&usual.chain(more).copied().collect::<Vec<_>>())
    };
    let refused = import(&[]);
    assert_eq!(refused.status.code(), Some(2));
    let told = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(told.contains("older.ndjson:2: it is no JSON: line 1 column 2"), "{told}");
    assert!(import(&["--skip-bad-lines"]).status.success());
    let again = import(&["--skip-bad-lines"]);
    assert!(String::from_utf8_lossy(&again.stdout).contains("imported before"));
    assert_eq!(archived(data.path()), 4);

    let answer = preview(&process, data.path(), &rule(3), Some(&rule(4)));
    assert_eq!(answer["fired"], 1, "{answer}");
    assert_eq!(answer["compared"]["added"]["count"], 1);
    assert_eq!(answer["end"], "complete");
    assert_eq!(process.stop(), Some(0));

    let erased =
        tocsin(&["history", "erase", "--data", folder, "--customer", &customer(1), "--request", "T-1"]);
    assert!(erased.status.success(), "{}", String::from_utf8_lossy(&erased.stderr));
    assert_eq!(archived(data.path()), 1);
}

#[test]
fn an_archive_that_is_switched_off_is_not_there() {
    let data = tempfile::tempdir().unwrap();
    let process = Tocsin::start(data.path(), &["--archive", "off"]);
    let body = json!({"rule": rule(1)}).to_string();
    let (status, problem) =
        process.http.post("/v1/rules:preview", "application/json", body.as_bytes()).unwrap();
    assert_eq!((status, &problem["code"]), (503, &json!("TOC-4035")));
    assert!(!data.path().join("archive").exists());
    assert_eq!(process.stop(), Some(0));
}
