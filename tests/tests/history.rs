//! History as a user meets it, on the embedded log: events are archived, rules are tried on them, older ones are added.
#![allow(clippy::unwrap_used, reason = "tests panic when something is wrong")]

use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use serde_json::{Value, json};
use tests::harness::process::{Tocsin, binary};
use tests::harness::{s3, wait_for};
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

#[test]
fn files_in_a_bucket_are_imported_once() {
    let Some(server) = s3::server("files_in_a_bucket_are_imported_once") else { return };
    let data = tempfile::tempdir().unwrap();
    let line =
        |at: u64| json!({"customerId": customer(1), "timestamp": at, "payload": {"probe": 1}}).to_string();
    let folder = server.folder().join("exports/2024");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("a.ndjson"), format!("{}\n{}\n", line(1), line(2))).unwrap();
    std::fs::write(folder.join("b.ndjson"), line(3)).unwrap();
    std::fs::write(folder.join("readme.txt"), "not for import").unwrap();
    let import = |place: &str, secret: &str| {
        let place = format!("s3://{}/{place}", s3::BUCKET);
        let mut command = Command::new(binary());
        command.args(["history", "import", &place, "--data", data.path().to_str().unwrap()]);
        let options = [
            ("AWS_ENDPOINT", server.endpoint.as_str()),
            ("AWS_ALLOW_HTTP", "true"),
            ("AWS_REGION", "us-east-1"),
            ("AWS_ACCESS_KEY_ID", s3::USER),
            ("AWS_SECRET_ACCESS_KEY", secret),
        ];
        command.envs(options).output().unwrap()
    };
    let said = |output: &Output| {
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
    };
    let denied = import("exports", "mistaken-7731");
    assert!(!denied.status.success());
    assert!(!said(&denied).contains("mistaken-7731"), "secrets are not told: {}", said(&denied));
    let done = import("exports", s3::SECRET);
    assert!(done.status.success(), "{}", said(&done));
    assert!(said(&done).contains("exports/2024/a.ndjson: 2 events"), "{}", said(&done));
    assert_eq!(archived(data.path()), 3);
    // One object by its own name; what it holds is known already.
    let again = import("exports/2024/a.ndjson", s3::SECRET);
    assert!(said(&again).contains("a.ndjson: imported before"), "{}", said(&again));
    assert_eq!(archived(data.path()), 3);
    let none = import("elsewhere", s3::SECRET);
    assert_eq!(none.status.code(), Some(2));
    assert!(said(&none).contains("no file to import"), "{}", said(&none));
}
