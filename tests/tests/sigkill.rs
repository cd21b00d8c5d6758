//! The process killed with SIGKILL at random moments: the alerts are those of the reference, none twice.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "tests panic when something is wrong, and print their seed"
)]

use std::time::Duration;

use connectors::embedded::{EmbeddedLog, Settings};
use serde_json::Value;
use tests::harness::audit;
use tests::harness::process::Tocsin;
use tests::workload::{self, Random};
use tests::{harness, reference};

/// How many events there are in all, and in how many rounds they are sent; each round but the last ends in a kill.
const EVENTS: usize = 100_000;
const ROUNDS: usize = 21;

#[test]
fn embedded_twenty_kills_lose_nothing_and_repeat_nothing() {
    let seed = 20_26;
    println!("seed {seed}");
    let mut random = Random(seed);
    let (rules, events) = (workload::rules(), workload::events(EVENTS, seed));
    let data = tempfile::tempdir().unwrap();
    let mut acknowledged = Vec::new();
    for (round, share) in events.chunks(EVENTS.div_ceil(ROUNDS)).enumerate() {
        let process = Tocsin::start(data.path(), &[]);
        if round == 0 {
            rules.iter().for_each(|rule| process.http.rule(rule));
        }
        let last = round + 1 == ROUNDS;
        let kill_after = if last { usize::MAX } else { random.below(share.len() / 500) };
        for (index, batch) in share.chunks(500).enumerate() {
            if index == kill_after {
                std::thread::sleep(Duration::from_millis(random.number() % 60));
                break;
            }
            assert!(process.http.events(batch));
            acknowledged.extend_from_slice(batch);
        }
        if last {
            wait_until_evaluated(&process);
            assert_eq!(process.stop(), Some(0));
        } else {
            process.kill9();
        }
    }
    let log = EmbeddedLog::open(Settings::new(data.path().join("log"))).unwrap();
    let stored = audit::values(&log, "events");
    assert_eq!(sorted(&stored), sorted(&acknowledged), "every acknowledged event is stored once");
    audit::check(&audit::values(&log, "tocsin.alerts"), &reference::alerts(&rules, &stored));
}

fn wait_until_evaluated(process: &Tocsin) {
    // A rule that is new goes through every partition after all events before it.
    let marker = serde_json::json!({
        "customerId": workload::customer(0), "alertName": "marker", "match": "$.no.such.path", "threshold": 1
    });
    harness::wait_for("the marker rule to be effective", Duration::from_secs(240), || {
        let (_, body) = process.http.post("/v1/rules", "application/json", marker.to_string().as_bytes())?;
        (body["effective"] == Value::Bool(true)).then_some(())
    });
    wait_for_lag(process);
}

/// Waits until the alert count stands still although everything was taken up.
fn wait_for_lag(process: &Tocsin) {
    let events = || -> Option<u64> {
        let (_, page) = process.http.get("/metrics")?;
        let line = page.as_str()?.lines().find(|line| line.starts_with("worker_events_total "))?.to_owned();
        line.rsplit(' ').next()?.parse().ok()
    };
    let mut before = None;
    harness::wait_for("all events to be evaluated", Duration::from_secs(240), || {
        std::thread::sleep(Duration::from_millis(1500));
        let now = events();
        let still = now == before;
        before = now;
        still.then_some(())
    });
}

fn sorted(events: &[Value]) -> Vec<String> {
    let mut texts: Vec<_> = events.iter().map(Value::to_string).collect();
    texts.sort_unstable();
    texts
}
