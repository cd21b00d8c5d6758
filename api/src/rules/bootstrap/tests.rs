use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::http::{Method, StatusCode};
use engine::{Partition, partition_of};
use ports::{BootstrapPhase, BootstrapStatus, Bootstraps, SeenBootstraps};
use rules::{Generation, RuleKey};
use serde_json::{Value, json};

use crate::testing::{ALERT, Answered, CUSTOMER, Harness, PARTITIONS};

const OTHER: &str = "11111111-2222-4333-8444-555555555555";

/// A worker that has these partitions, and fills the rule so.
#[derive(Default)]
struct Worker {
    seen: Mutex<SeenBootstraps>,
}

impl Bootstraps for Worker {
    fn of(&self, rule: &RuleKey) -> SeenBootstraps {
        let mut seen = self.seen.lock().unwrap().clone();
        seen.filling.retain(|(_, status)| status.rule == *rule);
        seen
    }
}

fn home() -> Partition {
    partition_of(CUSTOMER.as_bytes(), PARTITIONS)
}

fn status(phase: BootstrapPhase) -> BootstrapStatus {
    BootstrapStatus {
        rule: format!("{CUSTOMER}/{ALERT}").parse().unwrap(),
        generation: Generation(1),
        phase,
        done: 250,
        total: 1000,
        left: Some(Duration::from_secs(90)),
        problem: None,
    }
}

impl Worker {
    fn fills(&self, status: Option<BootstrapStatus>) {
        let filling = status.into_iter().map(|status| (home(), status)).collect();
        *self.seen.lock().unwrap() = SeenBootstraps { partitions: vec![home()], filling };
    }
}

async fn started() -> (Harness, Arc<Worker>) {
    let worker = Arc::new(Worker::default());
    let mut harness = Harness::with_bootstraps(Arc::<Worker>::clone(&worker));
    harness.workers_are_ahead();
    // In the original form, which has no place for what is changed when filling is stopped.
    let rule = json!({
        "customerId": CUSTOMER, "alertId": ALERT, "alertName": "x", "alertDescription": "", "jsonPath": "$.a", "threshold": 3
    });
    let put = harness.post("/v1/rules", rule.to_string()).await;
    assert_eq!(put.status, StatusCode::CREATED, "{}", put.text);
    (harness, worker)
}

fn path() -> String {
    format!("/v1/rules/{CUSTOMER}/{ALERT}/bootstrap")
}

async fn token(harness: &Harness, role: &str, customer: &str) -> String {
    let wanted = json!({"role": role, "customerId": customer, "name": "x"});
    harness.post("/v1/tokens", wanted.to_string()).await.json()["token"].as_str().unwrap().to_owned()
}

async fn asked(harness: &Harness, token: &str, method: Method) -> Answered {
    harness.send_as(token, method, &path(), "").await
}

#[tokio::test]
async fn progress_is_told_and_customers_learn_nothing_of_others() {
    let (harness, worker) = started().await;
    let told =
        BootstrapStatus { problem: Some("archive file x".to_owned()), ..status(BootstrapPhase::Folding) };
    worker.fills(Some(told));
    let all = harness.get(&path()).await.json();
    assert_eq!(
        all,
        json!({
            "state": "folding", "percent": 25.0, "secondsLeft": 90, "problem": "archive file x", "unseenPartitions": [],
            "partitions": [{
                "partition": home().0, "state": "folding", "events": 250, "eventsAtMost": 1000, "problem": "archive file x"
            }],
        })
    );
    let own = token(&harness, "viewer", CUSTOMER).await;
    let own = asked(&harness, &own, Method::GET).await.json();
    assert_eq!((&own["percent"], &own["partitions"]), (&json!(25.0), &Value::Null));
    assert!(own["problem"].as_str().unwrap().contains("operators"), "{own}");
    let other = token(&harness, "rule-author", OTHER).await;
    for method in [Method::GET, Method::DELETE] {
        assert_eq!(asked(&harness, &other, method).await.code(), "TOC-4014");
    }
    worker.fills(Some(status(BootstrapPhase::Chasing)));
    let chasing = harness.get(&path()).await.json();
    assert_eq!((&chasing["state"], &chasing["percent"]), (&json!("chasing"), &json!(100.0)));
    worker.fills(None);
    let live = harness.get(&path()).await.json();
    assert_eq!((&live["state"], &live["percent"]), (&json!("live"), &json!(100.0)));
}

#[tokio::test]
async fn filling_is_stopped_by_a_rule_that_takes_no_history_and_a_live_rule_is_left_alone() {
    let (harness, worker) = started().await;
    worker.fills(None);
    let refused = asked(&harness, crate::testing::TOKEN, Method::DELETE).await;
    assert_eq!((refused.status, refused.code()), (StatusCode::CONFLICT, "TOC-4043".to_owned()));
    worker.fills(Some(status(BootstrapPhase::Folding)));
    let viewer = token(&harness, "viewer", CUSTOMER).await;
    assert_eq!(asked(&harness, &viewer, Method::DELETE).await.status, StatusCode::FORBIDDEN);
    let author = token(&harness, "rule-author", CUSTOMER).await;
    let stopped = asked(&harness, &author, Method::DELETE).await;
    assert_eq!((stopped.status, stopped.header("etag")), (StatusCode::OK, "\"2\""), "{}", stopped.text);
    let rule = stopped.json();
    assert_eq!((&rule["bootstrap"], &rule["threshold"]), (&json!({"onEdit": "reset"}), &json!({"gte": 3})));
}

#[tokio::test]
async fn what_is_not_known_here_is_said() {
    let (harness, _) = started().await;
    for method in [Method::GET, Method::DELETE] {
        let unseen = asked(&harness, crate::testing::TOKEN, method).await;
        assert_eq!((unseen.status, unseen.code()), (StatusCode::SERVICE_UNAVAILABLE, "TOC-4042".to_owned()));
    }
    let none = harness.get(&format!("/v1/rules/{OTHER}/{ALERT}/bootstrap")).await;
    assert_eq!(none.code(), "TOC-4014");
}
