//! Events by `POST /v1/events`, one NDJSON batch after the other on each connection.
//! A connection sends for its own share of the customers, so that each customer's events arrive in order.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use serde_json::Value;

use super::{Job, Sent};
use crate::http::{Answer, Client};
use crate::workload::event::Writer;

const PATH: &str = "/v1/events";
/// Half of what the other side takes in one request.
const BATCH_BYTES_MAX: usize = 8 << 20;
/// How long an overloaded server is asked again to take one batch.
const OVERLOAD_PATIENCE: Duration = Duration::from_secs(60);

/// Which customers a connection sends for: those whose index leaves this remainder.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Share {
    number: usize,
    of: usize,
}

/// All shares of a run with this many connections.
pub(crate) fn shares(connections: u32) -> impl Iterator<Item = Share> {
    let of = usize::try_from(connections).expect("a number of connections fits");
    (0..of).map(move |number| Share { number, of })
}

/// Sends one share of the workload until its end.
pub(crate) fn send(client: &Client, share: Share, job: Job<'_>) -> Result<Sent> {
    let schedule = job.workload.schedule();
    let mut writer = Writer::new(job.workload, job.bodies);
    let mut sent = Sent::new();
    let mut batch = String::new();
    let mut next = 0;
    while next < schedule.count() {
        let Some(now) = job.wait_for(next) else { break };
        batch.clear();
        let mut events = 0;
        let due = schedule.due_by(now);
        while next < due && batch.len() < BATCH_BYTES_MAX {
            if job.workload.fact(next).customer % share.of == share.number {
                writer.append(next, &mut batch);
                batch.push('\n');
                events += 1;
                sent.leave(schedule.due(next), job.period, now);
            }
            next += 1;
        }
        if events > 0 {
            post(client, &batch, job, &mut sent)?;
            sent.events += events;
            sent.bytes += u64::try_from(batch.len())? - events;
            sent.batches += 1;
            sent.finished = job.start.elapsed();
        }
    }
    Ok(sent)
}

/// Posts a batch until it is taken. Only a refusal for overload is repeated: after a broken connection nobody knows
/// whether the batch was taken, and sending it twice would make the truth of the run wrong.
fn post(client: &Client, batch: &str, job: Job<'_>, sent: &mut Sent) -> Result<()> {
    let begin = Instant::now();
    loop {
        let answer = client.post(PATH, "application/x-ndjson", batch.as_bytes())?;
        let wait = answer.retry_after.unwrap_or(Duration::from_millis(100));
        if answer.overloaded()
            && begin.elapsed() + wait < OVERLOAD_PATIENCE
            && !job.stop.load(std::sync::atomic::Ordering::Relaxed)
        {
            sent.retries += 1;
            thread::sleep(wait);
            continue;
        }
        let answer = answer.accept("POST", &client.address(PATH))?;
        sent.answers.record(begin.elapsed());
        return all_taken(&answer);
    }
}

/// A 2xx answer may still name single lines that were not taken.
fn all_taken(answer: &Answer) -> Result<()> {
    let Ok(body) = serde_json::from_str::<Value>(&answer.body) else {
        return Ok(());
    };
    for name in ["rejected", "errors"] {
        let refused = match &body[name] {
            Value::Number(count) => count.as_u64() != Some(0),
            Value::Array(lines) => !lines.is_empty(),
            _ => false,
        };
        if refused {
            let excerpt: String = body[name].to_string().chars().take(300).collect();
            bail!("POST {PATH} did not take every line; {name}: {excerpt}");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schedule::Schedule;
    use crate::testing::FakeServer;
    use crate::workload::bodies::Bodies;
    use crate::workload::{Settings, Workload};
    use std::collections::BTreeMap;
    use std::num::NonZeroU64;
    use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
    use std::sync::{Arc, Mutex};
    use uuid::Uuid;

    fn workload(rate: u64) -> Workload {
        Workload::new(Settings {
            seed: 1,
            run: Uuid::from_u128(1),
            customers: 5,
            rules: 2,
            probe_every: NonZeroU64::new(5).expect("not zero"),
            schedule: Schedule::new(NonZeroU64::new(rate).expect("not zero"), Duration::from_millis(300)),
        })
    }

    fn send_all(server: &FakeServer, workload: &Workload) -> Result<Sent> {
        let client = Client::new(&server.address, "secret").expect("the address is fine");
        let bodies = Bodies::named("audit", 1).expect("a known workload");
        let stop = AtomicBool::new(false);
        let job = Job {
            workload,
            bodies: &bodies,
            start: Instant::now(),
            period: Duration::from_millis(10),
            stop: &stop,
        };
        let mut all = Sent::new();
        for share in shares(2) {
            all.merge(&send(&client, share, job)?);
        }
        Ok(all)
    }

    #[test]
    fn every_event_arrives_once_and_each_customers_in_order() {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&lines);
        let asked = AtomicU64::new(0);
        let server = FakeServer::start(move |request| {
            if asked.fetch_add(1, Ordering::Relaxed) == 3 {
                return (503, String::new());
            }
            kept.lock().expect("not poisoned").extend(request.body.lines().map(str::to_owned));
            (200, r#"{"accepted":1,"errors":[]}"#.to_owned())
        });
        let workload = workload(1_000);
        let sent = send_all(&server, &workload).expect("all is taken");
        assert_eq!((sent.events, sent.retries), (300, 1));
        let mut last: BTreeMap<String, u64> = BTreeMap::new();
        let lines = lines.lock().expect("not poisoned");
        assert_eq!(lines.len(), 300);
        for line in lines.iter() {
            let envelope: Value = serde_json::from_str(line).expect("is JSON");
            let payload: Value =
                serde_json::from_str(envelope["payload"].as_str().expect("is text")).expect("is JSON");
            let sequence = payload["sequence"].as_u64().expect("is a number");
            let before = last.insert(envelope["customerId"].to_string(), sequence);
            assert!(before.is_none_or(|before| before < sequence));
        }
    }

    #[test]
    fn a_refused_line_fails_the_run() {
        let server = FakeServer::start(|_| (200, r#"{"errors":[{"line":1,"code":"TOC-3001"}]}"#.to_owned()));
        let text = send_all(&server, &workload(100)).expect_err("is refused").to_string();
        assert!(text.contains("did not take every line") && text.contains("TOC-3001"), "{text}");
    }

    #[test]
    fn a_slow_server_makes_events_late_not_fewer() {
        let server = FakeServer::start(|_| {
            thread::sleep(Duration::from_millis(60));
            (200, "{}".to_owned())
        });
        let sent = send_all(&server, &workload(200)).expect("all is taken");
        assert_eq!(sent.events, 60);
        assert!(sent.late > 0 && sent.behind_max > Duration::from_millis(30), "{sent:?}");
    }
}
