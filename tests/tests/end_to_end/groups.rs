//! What a rule has come to, as its customer sees it, and nobody else.

use std::time::Duration;

use serde_json::{Value, json};
use tests::harness::http::Http;
use tests::harness::process::{Tocsin, binary};
use tests::harness::wait_for;
use tests::workload::customer;

const ALERT: &str = super::ALERT;
const GLOBAL: &str = super::GLOBAL;

/// Three failures of a user in an hour.
fn rule(owner: &str) -> Value {
    json!({"customerId": owner, "alertId": ALERT, "alertName": "failures", "match": "$.failed", "threshold": 3,
           "groupBy": [{"name": "user", "jsonPath": "$.user"}], "eventTime": {"jsonPath": "$.at"},
           "window": {"type": "tumbling", "size": "1h"}})
}

fn failed(of: usize, user: usize) -> Value {
    json!({"customerId": customer(of),
           "payload": {"failed": true, "user": format!("u{user}"), "at": "2026-01-01T10:20:00Z"}})
}

fn path(owner: &str, query: &str) -> String {
    format!("/v1/rules/{owner}/{ALERT}/state{query}")
}

/// A client with a token of the customer.
fn viewer(process: &Tocsin, of: usize) -> Http {
    let wanted = json!({"role": "viewer", "customerId": customer(of), "name": "sees"}).to_string();
    let (status, made) = process.http.post("/v1/tokens", "application/json", wanted.as_bytes()).unwrap();
    assert_eq!(status, 201, "{made}");
    Http::new(&process.http.address, made["token"].as_str().unwrap())
}

/// The groups, as soon as so many events are in them: what is shown is what is committed.
fn committed(http: &Http, path: &str, contributions: u64) -> Value {
    wait_for("the groups of a rule", Duration::from_secs(60), || {
        let (status, page) = http.get(path)?;
        assert_eq!(status, 200, "{page}");
        let groups = page["groups"].as_array().unwrap();
        let all: u64 = groups.iter().map(|group| group["contributions"].as_u64().unwrap()).sum();
        (all == contributions).then_some(page)
    })
}

#[test]
fn the_groups_of_a_rule_are_shown_with_value_window_and_next_timer() {
    let data = tempfile::tempdir().unwrap();
    let process = Tocsin::start(data.path(), &[]);
    let owner = customer(1);
    process.http.rule(&rule(&owner));
    let events: Vec<_> = (1..=5).flat_map(|user| std::iter::repeat_n(failed(1, user), user)).collect();
    assert!(process.http.events(&events));

    let tenant = viewer(&process, 1);
    let page = committed(&tenant, &path(&owner, ""), 15);
    assert_eq!(
        (&page["ruleVersion"], &page["groupsSeen"], &page["isPartial"]),
        (&json!(1), &json!(5), &json!(false))
    );
    assert!(page.get("next").is_none());
    let shown = |group: &Value| (group["group"]["user"].clone(), group["value"].as_u64().unwrap());
    let groups = page["groups"].as_array().unwrap();
    let expected: Vec<_> = (1..=5_u64).rev().map(|user| (json!(format!("u{user}")), user)).collect();
    assert_eq!(groups.iter().map(shown).collect::<Vec<_>>(), expected);
    let end = "2026-01-01T11:00:00.000Z";
    let last = &groups[4];
    assert_eq!(last["window"], json!({"start": "2026-01-01T10:00:00.000Z", "end": end}));
    assert_eq!((&last["nextTimer"], &last["firing"]), (&json!(end), &json!(false)));
    assert_eq!(last["missing"], json!(["a value gte 3; it is 1"]));
    assert_eq!(last["lastSeen"], "2026-01-01T10:20:00.000Z");

    let (mut paged, mut cursor) = (Vec::new(), String::new());
    loop {
        let (status, page) = tenant.get(&path(&owner, &format!("?limit=2{cursor}"))).unwrap();
        assert_eq!(status, 200, "{page}");
        paged.push(page["groups"].as_array().unwrap().iter().map(shown).collect::<Vec<_>>());
        let Some(next) = page["next"].as_str() else { break };
        cursor = format!("&next={next}");
    }
    assert_eq!(paged, [&expected[..2], &expected[2..4], &expected[4..]]);

    let printed = std::process::Command::new(binary())
        .args([
            "rules",
            "state",
            &format!("{owner}/{ALERT}"),
            "--limit",
            "3",
            "--server",
            &process.http.address,
        ])
        .arg("--token-file")
        .arg(data.path().join("root.token"))
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&printed.stdout);
    let rows: Vec<Vec<&str>> = text.lines().map(|line| line.split_whitespace().take(2).collect()).collect();
    assert_eq!(
        rows[1..],
        [[r#"{"user":"u5"}"#, "5"], [r#"{"user":"u4"}"#, "4"], [r#"{"user":"u3"}"#, "3"]],
        "{text}"
    );

    // What is kept is shown after a crash, too, as soon as the partition is live again.
    process.kill9();
    let process = Tocsin::start(data.path(), &[]);
    let again = committed(&process.http, &path(&owner, ""), 15);
    assert_eq!(again["groups"], page["groups"]);
}

#[test]
fn nobody_sees_groups_of_another_customer() {
    let data = tempfile::tempdir().unwrap();
    let process = Tocsin::start(data.path(), &[]);
    process.http.rule(&rule(&customer(1)));
    process.http.rule(&rule(GLOBAL));
    assert!(process.http.events(&[failed(1, 1), failed(2, 2), failed(2, 2)]));
    let of = |who: usize| format!("?customerId={}", customer(who));
    committed(&process.http, &path(GLOBAL, &of(1)), 1);
    committed(&process.http, &path(GLOBAL, &of(2)), 2);

    let tenant = viewer(&process, 2);
    let (status, page) = tenant.get(&path(GLOBAL, "")).unwrap();
    assert_eq!((status, page["groups"].as_array().unwrap().len()), (200, 1), "{page}");
    assert_eq!(page["groups"][0]["group"], json!({"user": "u2"}), "its own, not the other's");
    for hidden in [
        path(&customer(1), ""),
        path(&customer(1), &of(2)),
        path(GLOBAL, &of(1)),
        format!("/v1/rules/{}/{}/state", customer(2), uuid::Uuid::from_u128(9)),
    ] {
        let (status, problem) = tenant.get(&hidden).unwrap();
        assert_eq!(status, 404, "{hidden} {problem}");
        assert!(!problem.to_string().contains("u1"), "{problem}");
    }
    process.kill9();
}
