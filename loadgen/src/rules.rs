//! Puts the workload's rules in force over HTTP, and takes them away again.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use crate::console;
use crate::http::{Answer, Client};
use crate::workload::Rule;

/// How many rules are on their way at once.
const CONNECTIONS: usize = 8;
/// How long an overloaded server is asked again for the same rule.
const OVERLOAD_PATIENCE: Duration = Duration::from_secs(30);
/// How many rules lie between two lines of progress.
const PROGRESS_EVERY: usize = 500;

/// The original system's control message.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Control<'r> {
    customer_id: Uuid,
    alert_id: Uuid,
    alert_name: &'r str,
    alert_description: &'r str,
    threshold: u64,
    json_path: &'r str,
    bootstrap_customer_id: Option<Uuid>,
}

/// Posts all rules; comes back when each is in force on every partition.
pub(crate) fn post(client: &Client, rules: &[Rule]) -> Result<()> {
    each(rules, "posted", |rule| {
        let control = Control {
            customer_id: rule.customer_id,
            alert_id: rule.alert_id,
            alert_name: &rule.name,
            alert_description: "posted by loadgen, which deletes it at the end of its run",
            threshold: rule.threshold,
            json_path: &rule.json_path,
            bootstrap_customer_id: None,
        };
        let body = serde_json::to_vec(&control).context("a rule is JSON")?;
        let answer = patiently(|| client.post("/v1/rules", "application/json", &body))?;
        let answer = answer.accept("POST", &client.address("/v1/rules"))?;
        in_force(&answer)
    })
}

/// Deletes all rules. One that is already gone is as good.
pub(crate) fn delete(client: &Client, rules: &[Rule]) -> Result<()> {
    each(rules, "deleted", |rule| {
        let path = format!("/v1/rules/{}/{}", rule.customer_id, rule.alert_id);
        let answer = patiently(|| client.delete(&path))?;
        if answer.status != 404 {
            answer.accept("DELETE", &client.address(&path))?;
        }
        Ok(())
    })
}

/// An accepted rule that is not in force yet would make the first alerts a matter of luck.
fn in_force(answer: &Answer) -> Result<()> {
    let answer: Value = serde_json::from_str(&answer.body)
        .context("POST /v1/rules was answered by something else than JSON")?;
    if answer["effective"] == Value::Bool(false) {
        let missing =
            answer.get("missingPartitions").or_else(|| answer.get("missing")).unwrap_or(&Value::Null);
        bail!(
            "a rule was accepted but is not in force (missing partitions: {missing}); are workers running on all of them?"
        );
    }
    Ok(())
}

/// Asks again as long as the other side says it is overloaded.
fn patiently(ask: impl Fn() -> Result<Answer>) -> Result<Answer> {
    let deadline = Instant::now() + OVERLOAD_PATIENCE;
    loop {
        let answer = ask()?;
        let wait = answer.retry_after.unwrap_or(Duration::from_millis(200));
        if !answer.overloaded() || Instant::now() + wait > deadline {
            return Ok(answer);
        }
        thread::sleep(wait);
    }
}

/// Does this for every rule over some connections; the first failure ends it.
fn each(rules: &[Rule], done: &str, act: impl Fn(&Rule) -> Result<()> + Sync) -> Result<()> {
    let next = AtomicUsize::new(0);
    let failure = Mutex::new(None);
    let failed = || failure.lock().unwrap_or_else(PoisonError::into_inner);
    thread::scope(|scope| {
        for _ in 0..CONNECTIONS.min(rules.len()) {
            scope.spawn(|| {
                while let Some(number) =
                    Some(next.fetch_add(1, Ordering::Relaxed)).filter(|at| *at < rules.len())
                {
                    if let Err(error) = act(&rules[number]) {
                        failed().get_or_insert(error);
                        next.store(rules.len(), Ordering::Relaxed);
                        return;
                    }
                    if number > 0 && number.is_multiple_of(PROGRESS_EVERY) {
                        console::progress(&format!("{number} of {} rules {done}", rules.len()));
                    }
                }
            });
        }
    });
    failure.into_inner().unwrap_or_else(PoisonError::into_inner).map_or(Ok(()), Err)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::FakeServer;
    use std::collections::BTreeSet;
    use std::sync::Arc;

    fn rules(count: u128) -> Vec<Rule> {
        (0..count)
            .map(|number| Rule {
                customer_id: Uuid::from_u128(7),
                alert_id: Uuid::from_u128(number),
                name: "a rule".to_owned(),
                json_path: "$.probes[?(@.name == 'p-0')]".to_owned(),
                threshold: 3,
            })
            .collect()
    }

    fn client(server: &FakeServer) -> Client {
        Client::new(&server.address, "secret").expect("the address is fine")
    }

    #[test]
    fn every_rule_is_posted_once_in_the_original_form() {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&seen);
        let server = FakeServer::start(move |request| {
            kept.lock().expect("not poisoned").push(request.body.clone());
            (201, r#"{"effective":true}"#.to_owned())
        });
        post(&client(&server), &rules(50)).expect("all are taken");
        let bodies = seen.lock().expect("not poisoned");
        let ids: BTreeSet<String> = bodies
            .iter()
            .map(|body| serde_json::from_str::<Value>(body).expect("is JSON")["alertId"].to_string())
            .collect();
        assert_eq!((bodies.len(), ids.len()), (50, 50));
        assert!(
            bodies[0].contains(r#""threshold":3"#) && bodies[0].contains(r#""bootstrapCustomerId":null"#)
        );
    }

    #[test]
    fn an_overloaded_server_is_asked_again() {
        let asked = AtomicUsize::new(0);
        let server = FakeServer::start(move |_| match asked.fetch_add(1, Ordering::Relaxed) {
            0 => (429, String::new()),
            _ => (200, "{}".to_owned()),
        });
        post(&client(&server), &rules(1)).expect("is taken at the second time");
    }

    #[test]
    fn a_rule_that_is_not_in_force_fails_the_run() {
        let server = FakeServer::start(|_| (200, r#"{"effective":false,"missing":[3]}"#.to_owned()));
        let text = post(&client(&server), &rules(3)).expect_err("is not in force").to_string();
        assert!(text.contains("missing partitions: [3]"), "{text}");
    }

    #[test]
    fn deleting_what_is_gone_is_fine() {
        let server = FakeServer::start(|_| (404, String::new()));
        delete(&client(&server), &rules(3)).expect("nothing to delete");
    }
}
