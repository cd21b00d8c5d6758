//! The product as a user meets it, on the embedded log: rules over HTTP, events in, alerts out, restarts, bad input.
#![allow(clippy::unwrap_used, reason = "tests panic when something is wrong")]

#[path = "end_to_end/groups.rs"]
mod groups;

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};
use tests::harness::disk::SmallDisk;
use tests::harness::process::Tocsin;
use tests::harness::{skip, wait_for};
use tests::workload::{Random, customer};
use uuid::Uuid;

const GLOBAL: &str = "deadbeef-dead-beef-dead-beefdeadbeef";
const ALERT: &str = "b0f7f3a8-9a43-4a5e-8b57-0a5d5a2f4c10";

fn rule(owner: &str, threshold: u64) -> Value {
    json!({"customerId": owner, "alertId": ALERT, "alertName": "probe", "match": "$.probe", "threshold": threshold})
}

fn event(index: usize) -> Value {
    json!({"customerId": customer(index), "payload": {"probe": 1}})
}

/// (customer, value) of the first alerts of the stream.
fn alerts(process: &Tocsin, count: usize) -> BTreeSet<(String, u64)> {
    let read = |(_, alert): (String, Value)| {
        (alert["customerId"].as_str().unwrap().to_owned(), alert["value"].as_u64().unwrap())
    };
    process.http.alerts("0").take(count).map(read).collect()
}

#[test]
fn a_rule_takes_effect_fires_and_keeps_its_count_over_a_restart() {
    let data = tempfile::tempdir().unwrap();
    let process = Tocsin::start(data.path(), &[]);
    process.http.rule(&rule(GLOBAL, 3));
    assert!(process.http.events(&[event(1), event(1), event(2), event(1)]));
    assert_eq!(alerts(&process, 1), [(customer(1), 3)].into());
    assert_eq!(process.stop(), Some(0));

    let process = Tocsin::start(data.path(), &[]);
    assert!(process.http.events(&[event(2), event(1), event(2)]));
    assert_eq!(alerts(&process, 2), [(customer(1), 3), (customer(2), 3)].into());
    let (status, listed) = process.http.get("/v1/rules").unwrap();
    assert_eq!((status, listed["rules"].as_array().unwrap().len()), (200, 1));
    process.kill9();
}

#[test]
fn an_edit_of_the_name_keeps_the_count_and_a_stale_edit_is_refused() {
    let data = tempfile::tempdir().unwrap();
    let process = Tocsin::start(data.path(), &[]);
    process.http.rule(&rule(&customer(1), 2));
    assert!(process.http.events(&[event(1)]));
    let mut renamed = rule(&customer(1), 2);
    renamed["alertName"] = "renamed".into();
    process.http.rule(&renamed);
    renamed["expectedVersion"] = 1.into();
    let (status, problem) =
        process.http.post("/v1/rules", "application/json", renamed.to_string().as_bytes()).unwrap();
    assert_eq!(status, 412, "{problem}");
    assert!(process.http.events(&[event(1)]));
    let (_, alert) = process.http.alerts("0").next().unwrap();
    assert_eq!(
        (&alert["alertName"], &alert["ruleVersion"], &alert["value"]),
        (&json!("renamed"), &json!(2), &json!(2))
    );
}

#[test]
fn a_second_process_on_the_same_data_folder_refuses_to_start() {
    let data = tempfile::tempdir().unwrap();
    let process = Tocsin::start(data.path(), &[]);
    let second = Tocsin::run_to_end(data.path(), &[]);
    assert_eq!(second.code, Some(2), "{}", second.stderr);
    assert!(second.stderr.contains("in use"), "{}", second.stderr);
    assert!(process.http.events(&[event(1)]), "the first goes on");
}

#[test]
fn nothing_is_answered_without_the_token_but_health_and_the_contract() {
    let data = tempfile::tempdir().unwrap();
    let mut process = Tocsin::start(data.path(), &[]);
    let mode = std::os::unix::fs::PermissionsExt::mode(
        &data.path().join("root.token").metadata().unwrap().permissions(),
    );
    assert_eq!(mode & 0o777, 0o600);
    process.http.token = "wrong".to_owned();
    for path in ["/v1/rules", "/v1/alerts/stream"] {
        assert_eq!(process.http.get(path).unwrap().0, 401, "{path}");
    }
    for path in ["/healthz", "/readyz", "/openapi.json"] {
        assert_eq!(process.http.get(path).unwrap().0, 200, "{path}");
    }
}

#[test]
fn a_listener_that_others_reach_is_refused_without_a_declared_proxy() {
    let data = tempfile::tempdir().unwrap();
    let ended = Tocsin::run_to_end(data.path(), &["--listen", "0.0.0.0:0"]);
    // Clap takes a flag once; the harness has given it already.
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
    let config = data.path().join("open.toml");
    std::fs::write(&config, "worker-listen = 'nowhere'").unwrap();
    let ended = Tocsin::run_to_end(data.path(), &["--config", config.to_str().unwrap()]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("worker-listen: `nowhere`"), "{}", ended.stderr);
}

/// What a client may send by mistake: each is answered with a code and a place, and the stream goes on.
#[test]
fn bad_events_are_refused_with_code_and_place() {
    let data = tempfile::tempdir().unwrap();
    let process = Tocsin::start(data.path(), &[]);
    process.http.rule(&rule(&customer(1), 1));
    let envelope = |payload: &str| json!({"customerId": customer(1), "payload": payload}).to_string();
    let deep = "[".repeat(1000) + &"]".repeat(1000);
    let large = json!({"customerId": customer(1), "payload": {"a": "x".repeat(2 << 20)}}).to_string();
    let cases: [(Vec<u8>, u16, &str); 9] = [
        (b"{\"customerId\": ".to_vec(), 400, "TOC-2003"),
        (b"{\"customerId\": \"\xff\"}".to_vec(), 400, "TOC-2002"),
        (br#"{"payload": {}}"#.to_vec(), 400, "TOC-2004"),
        (br#"{"customerId": "nobody", "payload": {}}"#.to_vec(), 400, "TOC-2004"),
        (json!({"customerId": GLOBAL, "payload": {}}).to_string().into_bytes(), 400, "TOC-2005"),
        (json!({"customerId": customer(1), "payload": 7}).to_string().into_bytes(), 400, "TOC-2006"),
        (envelope("{\"a\": tru}").into_bytes(), 400, "TOC-2007"),
        (envelope(&deep).into_bytes(), 400, "TOC-2008"),
        (large.into_bytes(), 413, "TOC-2009"),
    ];
    for (body, status, code) in cases {
        let (got, problem) = process.http.post("/v1/events", "application/json", &body).unwrap();
        let text = problem.to_string();
        assert!(
            (got == status || (status == 413 && got == 400)) && text.contains(code),
            "{status} {code}: {got} {text}"
        );
    }
    assert!(process.http.events(&[event(1)]));
    assert_eq!(alerts(&process, 1), [(customer(1), 1)].into());
}

#[test]
fn bad_rules_are_refused_with_every_problem_at_once() {
    let data = tempfile::tempdir().unwrap();
    let process = Tocsin::start(data.path(), &[]);
    let bad = json!({"customerId": "nobody", "alertId": 7, "match": "$.a[", "treshold": 2});
    let (status, problem) =
        process.http.post("/v1/rules", "application/json", bad.to_string().as_bytes()).unwrap();
    assert!((400..500).contains(&status), "{status}");
    let pointers: Vec<_> =
        problem["errors"].as_array().unwrap().iter().map(|error| error["pointer"].clone()).collect();
    assert_eq!(pointers, ["/treshold", "", "/customerId", "/alertId", "/match"].map(Value::from));
    let (status, problem) = process.http.post("/v1/rules", "application/json", b"{\n \"a\": }").unwrap();
    assert!((400..500).contains(&status) && problem["errors"][0]["line"] == 2, "{problem}");

    // Sound, but it does not do what its own test says.
    let untrue = json!({"customerId": customer(1), "alertName": "n", "match": "$.a", "tests": [
        {"name": "none", "events": [{"at": "1s", "payload": {"a": 1}}], "expect": []}
    ]});
    let write =
        |path: &str| process.http.post(path, "application/json", untrue.to_string().as_bytes()).unwrap();
    let (status, problem) = write("/v1/rules");
    assert_eq!((status, &problem["code"]), (422, &json!("TOC-4027")), "{problem}");
    assert_eq!(problem["errors"][0]["pointer"], "/tests/0/expect/0", "{problem}");
    assert_eq!(write("/v1/rules?force=true").0, 400, "a reason is needed");
    assert_eq!(write("/v1/rules?force=true&reason=tried%20by%20hand").0, 201);
}

/// What happened is judged by when it happened: windows, sequences and policies in a running system, over a restart.
#[test]
fn windows_and_patterns_fire_in_a_running_system() {
    let data = tempfile::tempdir().unwrap();
    let process = Tocsin::start(data.path(), &[]);
    let time = json!({"jsonPath": "$.at"});
    for rule in [
        json!({"customerId": customer(1), "alertId": Uuid::from_u128(1), "alertName": "three in ten seconds",
               "match": "$.kind == 'failed'", "groupBy": [{"name": "user", "jsonPath": "$.user"}], "eventTime": time,
               "window": {"type": "sliding", "size": "10s"}, "threshold": 3,
               "alertPolicy": {"mode": "once", "resolve": {"lt": 1}}}),
        json!({"customerId": customer(1), "alertId": Uuid::from_u128(2), "alertName": "failed, then in", "eventTime": time,
               "pattern": {"type": "sequence", "within": "1m", "steps": [
                   {"id": "failed", "match": "$.kind == 'failed'", "min": 2}, {"id": "in", "match": "$.kind == 'in'"}]}}),
    ] {
        let (status, answer) =
            process.http.post("/v1/rules", "application/json", rule.to_string().as_bytes()).unwrap();
        assert_eq!(status, 201, "{answer}");
    }
    let happens = |second: u32, kind: &str, user: &str| json!({"customerId": customer(1), "payload": {"at": format!("2026-01-01T00:00:{second:02}Z"), "kind": kind, "user": user}});
    assert!(process.http.events(&[
        happens(0, "failed", "u"),
        happens(4, "failed", "v"),
        happens(5, "failed", "u")
    ]));
    process.kill9();
    let process = Tocsin::start(data.path(), &[]);
    assert!(process.http.events(&[happens(9, "failed", "u"), happens(30, "in", "u")]));
    let read = |alert: Value| ["alertName", "state", "eventTime", "value"].map(|field| alert[field].clone());
    let told: Vec<_> = process.http.alerts("0").take(3).map(|(_, alert)| read(alert)).collect();
    let expected = [
        ("three in ten seconds", "firing", "2026-01-01T00:00:09.000Z", 3),
        ("three in ten seconds", "resolved", "2026-01-01T00:00:19.000Z", 0),
        ("failed, then in", "firing", "2026-01-01T00:00:30.000Z", 25_000),
    ];
    assert_eq!(
        told,
        expected.map(|(name, state, at, value)| [json!(name), json!(state), json!(at), json!(value)])
    );
}

#[test]
fn a_rule_written_to_a_running_system_is_effective_when_the_answer_comes() {
    let data = tempfile::tempdir().unwrap();
    let process = Tocsin::start(data.path(), &["--partitions", "8"]);
    for index in 0..20 {
        process.http.rule(&rule(&customer(index), 1));
        assert!(process.http.events(&[event(index)]));
    }
    let expected: BTreeSet<_> = (0..20).map(|index| (customer(index), 1)).collect();
    assert_eq!(alerts(&process, 20), expected);
}

#[test]
fn a_deleted_rule_counts_no_more() {
    let data = tempfile::tempdir().unwrap();
    let process = Tocsin::start(data.path(), &[]);
    process.http.rule(&rule(&customer(1), 1));
    let path = format!("/v1/rules/{}/{ALERT}", customer(1));
    let (status, _) = process.http.delete(&path).unwrap();
    assert!((200..300).contains(&status), "{status}");
    assert_eq!(process.http.get(&path).unwrap().0, 404);
    assert_eq!(process.http.delete(&path).unwrap().0, 404);
    process.http.rule(&rule(GLOBAL, 2));
    assert!(process.http.events(&[event(1), event(1)]));
    assert_eq!(alerts(&process, 1), [(customer(1), 2)].into());
}

#[test]
fn rules_that_look_at_too_much_are_suspended_until_they_are_saved() {
    let data = tempfile::tempdir().unwrap();
    let process = Tocsin::start(data.path(), &[]);
    tests::suspension::rules_that_look_at_too_much_are_suspended_until_they_are_saved(&process);
}

#[test]
fn metrics_and_readiness_tell_what_goes_on() {
    let data = tempfile::tempdir().unwrap();
    let process = Tocsin::start(data.path(), &[]);
    process.http.rule(&rule(GLOBAL, 1));
    assert!(process.http.events(&[event(1), event(2)]));
    wait_for("two alerts in the metrics", Duration::from_secs(10), || {
        let (_, page) = process.http.get("/metrics")?;
        page.as_str()?.lines().any(|line| line == "worker_alerts_total 2").then_some(())
    });
}

#[test]
fn the_command_line_does_what_the_tour_says() {
    let data = tempfile::tempdir().unwrap();
    let process = Tocsin::start(data.path(), &[]);
    let rule_file = data.path().join("rule.json");
    std::fs::write(&rule_file, rule(&customer(1), 2).to_string()).unwrap();
    let events_file = data.path().join("events.ndjson");
    std::fs::write(&events_file, "{\"probe\":1}\n{\"probe\":2}\n").unwrap();
    let tocsin = |arguments: &[&str]| {
        let output = std::process::Command::new(tests::harness::process::binary())
            .args(arguments)
            .args(["--server", &process.http.address, "--token-file"])
            .arg(data.path().join("root.token"))
            .output()
            .unwrap();
        let text =
            String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        (output.status.code(), text)
    };
    let name = format!("{}/{ALERT}", customer(1));
    let (code, text) = tocsin(&["rules", "apply", rule_file.to_str().unwrap()]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.starts_with(&format!("created  {name}  version 1")), "{text}");
    assert!(tocsin(&["rules", "get", &name]).1.contains("\"match\": \"$.probe\""));
    assert!(tocsin(&["rules", "list"]).1.contains(&name));
    let (code, text) = tocsin(&["events", "send", "--customer", &customer(1), events_file.to_str().unwrap()]);
    assert_eq!((code, text.trim()), (Some(0), "accepted 2, rejected 0"));
    let (code, text) = tocsin(&["alerts", "tail", "--from-start", "--count", "1"]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("firing") && text.contains("probe  value 2"), "{text}");
    assert_eq!(tocsin(&["rules", "delete", &name]).0, Some(0));
    let (code, text) = tocsin(&["rules", "get", &name]);
    assert!(code == Some(2) && text.contains("TOC-"), "{text}");
    std::fs::write(&events_file, "{\"probe\":1}\n{\"probe\"\n").unwrap();
    let (code, text) = tocsin(&["events", "send", "--customer", &customer(1), events_file.to_str().unwrap()]);
    assert!(code == Some(2) && text.contains("line 2: TOC-2007"), "{text}");
}

/// Some thousand rules go into a running system, a bad line among them; then an event fires one of them.
#[test]
fn thousands_of_rules_are_imported_and_one_fires() {
    const RULES: usize = 5_000;
    let data = tempfile::tempdir().unwrap();
    let process = Tocsin::start(data.path(), &[]);
    let id = |index: usize| format!("00000000-0000-4000-8000-{index:012}");
    let line = |index: usize| {
        json!({
            "customerId": customer(index % 100), "alertId": id(index), "alertName": format!("rule {index}"),
            "match": format!("$.number == {index}"),
        })
        .to_string()
    };
    let mut lines: Vec<String> = (0..RULES).map(line).collect();
    lines[2_500] = "{\"customerId\": \"nobody\", \"alertName\": \"bad\", \"mtch\": \"$.a\"}".to_owned();
    let file = data.path().join("rules.ndjson");
    std::fs::write(&file, lines.join("\n")).unwrap();
    let file = file.to_str().unwrap();
    let token = data.path().join("root.token");
    let tocsin = |arguments: &[&str], remote: bool| {
        let mut command = std::process::Command::new(tests::harness::process::binary());
        command.args(arguments).env("LC_ALL", "C.UTF-8");
        if remote {
            command.args(["--server", &process.http.address, "--token-file"]).arg(&token);
        }
        let output = command.output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    };

    let (code, out, err) = tocsin(&["rules", "validate", file], false);
    assert_eq!((code, out.trim()), (Some(2), "4999 valid, 1 invalid"), "{err}");
    assert!(err.contains("rules.ndjson:2501:1: TOC-1002 /mtch: unknown field"), "{err}");

    let (code, out, err) = tocsin(&["rules", "import", "--dry-run", file], true);
    assert_eq!(code, Some(2), "{err}");
    assert_eq!(out.trim(), "created 4999, replaced 0, unchanged 0, invalid 1, stale 0; nothing was written");
    let (code, out, err) = tocsin(&["rules", "import", file], true);
    assert_eq!(code, Some(2), "{err}");
    assert_eq!(out.trim(), "created 4999, replaced 0, unchanged 0, invalid 1, stale 0");
    assert!(err.contains("rules.ndjson line 2501: invalid") && err.contains("TOC-1002"), "{err}");

    let event = json!({"customerId": customer(77), "payload": {"number": 3_777}});
    assert!(process.http.events(std::slice::from_ref(&event)));
    let (_, alert) = process.http.alerts("0").next().unwrap();
    assert_eq!((&alert["alertId"], &alert["customerId"]), (&json!(id(3_777)), &json!(customer(77))));

    let event_file = data.path().join("event.json");
    std::fs::write(&event_file, event.to_string()).unwrap();
    let (code, exported, err) = tocsin(&["rules", "export"], true);
    assert_eq!((code, exported.lines().count()), (Some(0), RULES - 1), "{err}");
    let again = data.path().join("exported.ndjson");
    std::fs::write(&again, exported).unwrap();
    let again = again.to_str().unwrap();
    let (code, out, err) = tocsin(&["rules", "import", again], true);
    assert_eq!(code, Some(0), "{err}");
    assert_eq!(out.trim(), "created 0, replaced 0, unchanged 4999, invalid 0, stale 0");
    let explain = ["rules", "explain", "--rules", again, "--event", event_file.to_str().unwrap(), "--rule"];
    let (code, out, err) = tocsin(&[&explain[..], &[&id(3_777)]].concat(), false);
    assert_eq!(code, Some(0), "{err}");
    assert!(out.contains("✓ $.number == 3777\n  the node equals 3777\n  $['number'] = 3777\n"), "{out}");
    let (_, out, _) = tocsin(&[&explain[..], &[&id(3_778)]].concat(), false);
    assert!(out.contains("✗ the rule is not evaluated for this customer"), "{out}");
    assert!(out.contains("✗ $.number == 3778\n  the node does not equal 3778\n"), "{out}");
}

#[test]
fn load_over_http_comes_out_exactly() {
    let data = tempfile::tempdir().unwrap();
    let process = Tocsin::start(data.path(), &[]);
    let report = tests::harness::process::load(&process, data.path(), &[]);
    assert!(report.contains("exact: nothing lost, nothing extra"), "{report}");
}

#[test]
fn a_full_disk_stops_it_with_a_clear_error_and_nothing_acknowledged_is_lost() {
    let test = "a_full_disk_stops_it_with_a_clear_error_and_nothing_acknowledged_is_lost";
    let Some(disk) = SmallDisk::mount() else {
        return skip(test, "this process may not mount a tmpfs");
    };
    let data = disk.path().join("data");
    let process = Tocsin::start(&data, &[]);
    process.http.rule(&rule(&customer(1), 1_000_000));
    let mut random = Random(1);
    let mut acknowledged = 0;
    let refused = loop {
        // Nothing that compresses.
        let noise: String = (0..6000).map(|_| format!("{:016x}", random.number())).collect();
        let large = json!({"customerId": customer(1), "payload": {"probe": noise}}).to_string();
        match process.http.post("/v1/events?positions=false", "application/json", large.as_bytes()) {
            Some((200, _)) => acknowledged += 1,
            other => break other,
        }
        assert!(acknowledged < 5000, "the disk fills");
    };
    if let Some((status, problem)) = refused {
        assert!(status >= 500 && problem.to_string().contains("disk"), "{status} {problem}");
    }
    process.kill9();
    disk.enlarge();
    let process = Tocsin::start(&data, &[]);
    let threshold = json!({
        "customerId": customer(1), "alertId": ALERT, "alertName": "probe", "match": "$.probe", "threshold": acknowledged
    });
    process.http.rule(&threshold);
    assert!(process.http.events(&[event(1)]));
    let (_, alert) = process.http.alerts("0").next().unwrap();
    assert!(alert["value"].as_u64().unwrap() >= acknowledged, "{alert}");
}
