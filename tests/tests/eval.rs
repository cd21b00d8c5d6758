//! `tocsin eval` and `tocsin rules test`, as a tenant's own checks would run them: without any server.
#![allow(clippy::unwrap_used, reason = "tests panic when something is wrong")]

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;
use tests::harness::process::binary;

const CUSTOMER: &str = "9f20f8a4-d8c8-4a74-ac90-3452b97c2e34";
const OTHER: &str = "11111111-1111-4111-8111-111111111111";

struct Ended {
    code: Option<i32>,
    out: Vec<Value>,
    err: String,
}

fn tocsin(folder: &Path, arguments: &[&str], input: &str) -> Ended {
    let mut process = Command::new(binary())
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    process.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = process.wait_with_output().unwrap();
    let out = String::from_utf8(output.stdout).unwrap();
    Ended {
        code: output.status.code(),
        out: out.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| json!(line))).collect(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

fn folder(files: &[(&str, String)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in files {
        std::fs::write(folder.path().join(name), content).unwrap();
    }
    folder
}

fn event(timestamp: impl Into<Value>, customer: &str, payload: &Value) -> String {
    json!({"customerId": customer, "timestamp": timestamp.into(), "payload": payload}).to_string()
}

/// The time of an alert with its state, group and value.
fn told(alert: &Value) -> (String, String, Value, Value) {
    let text = |field: &str| alert[field].as_str().unwrap_or_default().to_owned();
    (text("eventTime"), text("state"), alert["group"].clone(), alert["value"].clone())
}

fn at(second: u32) -> String {
    format!("1970-01-01T00:00:{second:02}.000Z")
}

#[test]
fn events_of_a_file_make_the_alerts_of_a_running_system() {
    let rules = json!([
        {"customerId": CUSTOMER, "alertId": "00000000-0000-4000-8000-00000000000a", "alertName": "Failed logins",
         "match": "$.action == 'login' && $.ok == false", "groupBy": [{"name": "user", "jsonPath": "$.user"}],
         "window": {"type": "sliding", "size": "10s"}, "threshold": 2, "alertPolicy": {"mode": "once", "resolve": {"lt": 1}}},
        {"customerId": CUSTOMER, "alertId": "00000000-0000-4000-8000-00000000000b", "alertName": "Order late",
         "groupBy": [{"name": "order", "jsonPath": "$.order"}],
         "pattern": {"type": "absence", "within": "20s", "steps": [
             {"id": "placed", "match": "$.action == 'placed'"}, {"id": "shipped", "match": "$.action == 'shipped'"}]},
         "alertPolicy": {"mode": "once", "resolve": {"onStep": "shipped"}}}
    ]);
    let login = |user: &str| json!({"action": "login", "ok": false, "user": user});
    let events = [
        event(1_000, CUSTOMER, &login("u")),
        event(2_000, CUSTOMER, &json!({"action": "placed", "order": 7})),
        event("1970-01-01T00:00:03Z", CUSTOMER, &login("u")),
        event(4_000, OTHER, &login("u")),
        String::new(),
        event(5_000, CUSTOMER, &login("v")),
        event(40_000, CUSTOMER, &json!({"action": "shipped", "order": 7.0})),
    ];
    let folder = folder(&[("rules.json", rules.to_string()), ("events.ndjson", events.join("\n"))]);
    let ended = tocsin(folder.path(), &["eval", "--rules", "rules.json", "--events", "events.ndjson"], "");
    let user = json!({"user": "u"});
    let order = json!({"order": 7});
    let expected = [
        (at(3), "firing".to_owned(), user.clone(), json!(2)),
        (at(13), "resolved".to_owned(), user, json!(0)),
        (at(22), "firing".to_owned(), order.clone(), json!(20_000)),
        (at(40), "resolved".to_owned(), order, json!(38_000)),
    ];
    assert_eq!(ended.out.iter().map(told).collect::<Vec<_>>(), expected, "{}", ended.err);
    assert_eq!(ended.code, Some(0));
    assert!(ended.err.contains("2 rules, 6 events, 4 alerts"), "{}", ended.err);
    assert_eq!(ended.out[0]["evidence"][1]["offset"], 3, "evidence names the line");

    // Time goes on at the end as far as it is told to.
    let start = event(2_000, CUSTOMER, &json!({"action": "placed", "order": 8}));
    let arguments = ["eval", "--rules", "rules.json", "--events", "-"];
    assert_eq!(tocsin(folder.path(), &arguments, &start).out.len(), 0);
    let advanced =
        tocsin(folder.path(), &[&arguments[..], &["--advance-to", "1970-01-01T00:00:22Z"]].concat(), &start);
    assert_eq!(
        advanced.out.iter().map(told).collect::<Vec<_>>(),
        [(at(22), "firing".to_owned(), json!({"order": 8}), json!(20_000))]
    );
}

#[test]
fn a_refused_line_is_told_by_its_number_and_the_others_count() {
    let rule = json!({"customerId": CUSTOMER, "alertName": "n", "match": "$.a", "threshold": 2});
    let folder = folder(&[("rule.json", rule.to_string())]);
    let arguments = ["eval", "--rules", "rule.json", "--events", "-"];
    let good = event(1, CUSTOMER, &json!({"a": 1}));
    let lines = [
        good.as_str(),
        "nonsense",
        r#"{"customerId": "nobody", "payload": {}}"#,
        &event("soon", CUSTOMER, &json!({"a": 1})),
        &event(1.5, CUSTOMER, &json!({"a": 1})),
        &json!({"customerId": CUSTOMER, "payload": "{"}).to_string(),
        good.as_str(),
    ];
    let ended = tocsin(folder.path(), &arguments, &lines.join("\n"));
    assert_eq!((ended.code, ended.out.len()), (Some(2), 1), "{}", ended.err);
    for line in 2..=6 {
        assert!(ended.err.contains(&format!("line {line}:")), "{}", ended.err);
    }
    // Bare payloads, in the order of their lines.
    let bare = tocsin(
        folder.path(),
        &[&arguments[..], &["--customer", CUSTOMER]].concat(),
        "{\"a\":1}\n\n{\"a\":2}\n",
    );
    assert_eq!((bare.code, bare.out.len()), (Some(0), 1), "{}", bare.err);
    assert_eq!(bare.out[0]["eventTime"], "1970-01-01T00:00:00.003Z");
}

#[test]
fn an_invalid_rule_stops_before_the_first_event() {
    let folder = folder(&[("rules.json", json!([{"customerId": CUSTOMER}]).to_string())]);
    let ended = tocsin(folder.path(), &["eval", "--rules", "rules.json", "--events", "-"], "nonsense");
    assert_eq!((ended.code, ended.out.len()), (Some(2), 0));
    assert!(ended.err.contains("TOC-1003") && !ended.err.contains("line 1:"), "{}", ended.err);
}

#[test]
fn matches_are_told_by_line_and_selection() {
    let rules = [
        json!({"customerId": CUSTOMER, "alertId": "00000000-0000-4000-8000-00000000000a", "alertName": "plain",
               "match": "$.a > 1", "exceptions": [{"match": "$.test == true"}]}),
        json!({"customerId": CUSTOMER, "alertId": "00000000-0000-4000-8000-00000000000b", "alertName": "named",
               "selections": {"big": "$.a > 5", "odd": "$.b"}, "match": "big && odd"}),
        json!({"customerId": CUSTOMER, "alertId": "00000000-0000-4000-8000-00000000000c", "alertName": "both ways",
               "aggregate": {"increment": {"match": "$.up"}, "decrement": {"match": "$.down"}}}),
        json!({"customerId": CUSTOMER, "alertId": "00000000-0000-4000-8000-00000000000d", "alertName": "off",
               "status": "paused", "match": "$.a"}),
    ];
    let folder = folder(&[("rules.ndjson", rules.map(|rule| rule.to_string()).join("\n"))]);
    let arguments = ["eval", "--rules", "rules.ndjson", "--events", "-", "--matches", "--customer", CUSTOMER];
    let events = "{\"a\":6}\n\n{\"b\":1,\"up\":1,\"down\":1}\n{\"a\":2,\"test\":true}\n";
    let ended = tocsin(folder.path(), &arguments, events);
    let shown: Vec<_> = ended
        .out
        .iter()
        .map(|told| {
            let alert = told["alertId"].as_str().unwrap();
            let selection = told["selection"].as_str().unwrap_or("-");
            format!("{} {} {selection}", told["line"], alert.get(35..).unwrap())
        })
        .collect();
    assert_eq!(shown, ["1 a -", "1 b big", "3 b odd", "3 c increment", "3 c decrement"], "{}", ended.err);
    assert_eq!(ended.code, Some(0));
}

#[test]
fn tests_of_rules_pass_or_show_both_sides() {
    let rule = |value: i64| {
        json!({"customerId": CUSTOMER, "alertName": "two", "match": "$.a", "threshold": 2, "tests": [{
            "name": "second one fires",
            "events": [{"at": "1s", "payload": {"a": 1}}, {"at": "2s", "payload": {"a": 1}}],
            "expect": [{"at": "2s", "state": "firing", "value": value}]
        }]})
    };
    let folder = folder(&[("good.json", rule(2).to_string()), ("bad.json", rule(3).to_string())]);
    let good = tocsin(folder.path(), &["rules", "test", "good.json"], "");
    assert_eq!(good.code, Some(0), "{}", good.err);
    let bad = tocsin(folder.path(), &["rules", "test", "."], "");
    let shown = format!("{:?}", bad.out);
    assert_eq!(bad.code, Some(1));
    assert!(shown.contains("FAILED") && shown.contains("1 passed, 1 failed"), "{shown}");
}

#[test]
fn scenarios_are_run_beside_the_tests_of_rules() {
    let scenario = |value: u32| {
        format!(
            "rule two {{\"match\": \"$.a\", \"threshold\": 2}}\n1s event {{\"a\": 1}}\n2s event {{\"a\": 1}}\n  => firing two at 2s value {value}\n"
        )
    };
    let folder = folder(&[("good.scenario", scenario(2)), ("bad.scenario", scenario(3))]);
    let good = tocsin(folder.path(), &["rules", "test", "good.scenario"], "");
    assert_eq!(good.code, Some(0), "{}", good.err);
    let bad = tocsin(folder.path(), &["rules", "test", "."], "");
    let shown = format!("{:?}", bad.out);
    assert_eq!(bad.code, Some(1), "{}", bad.err);
    assert!(shown.contains("- => firing two at 2s value 3    (expected by line 4)"), "{shown}");
    assert!(shown.contains("1 passed, 1 failed"), "{shown}");
    std::fs::write(folder.path().join("bad.scenario"), "1s evnt {}\n").unwrap();
    let broken = tocsin(folder.path(), &["rules", "test", "."], "");
    assert_eq!((broken.code, broken.out.len()), (Some(2), 0));
    assert!(broken.err.contains("bad.scenario: line 1: `evnt` is nothing that happens"), "{}", broken.err);
}
