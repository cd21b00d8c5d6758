//! What `tocsin run` prints once it is ready, and the demonstration: example rules, a small stream of events, and the
//! alerts with their latency, all over the HTTP API like anybody else.

mod story;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::Value;
use worker::Stop;

use crate::client::Client;
use crate::failure::Failure;
use story::Story;

/// How long the alerts of the demonstration may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// Answers what waits until the system is ready, says so, and tells the story if that is wanted.
pub(crate) fn announce(address: String, token: String, demo: bool, stop: Stop) -> impl FnOnce() + Send {
    move || {
        let client = Client::of(&address, token);
        while !client.get("/readyz").is_ok_and(|answer| answer.status == 200) {
            if stop.is_requested() {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        println!("ready {address}");
        if demo {
            match tell(&client, &stop) {
                Ok(()) => println!("demo   done; the system stays up, stop it with Ctrl-C"),
                Err(failure) => eprintln!("tocsin: demo: {failure}"),
            }
        }
    }
}

fn tell(client: &Client, stop: &Stop) -> Result<(), Failure> {
    let kept = client.get("/v1/rules?limit=1000")?.ok()?;
    let kept = kept["rules"].as_array().map_or(0, Vec::len);
    if kept > 0 {
        println!("demo   found {kept} rules of an earlier start; their counts go on");
    }
    let story = Story::new();
    for rule in story.rules() {
        let answer = client.post("/v1/rules", "application/json", rule.to_string().as_bytes())?.ok()?;
        println!("rule   {} (version {})", rule["alertName"].as_str().unwrap_or_default(), answer["version"]);
    }
    // Opened before the first event, so that no alert is missed.
    let alerts = client.stream("/v1/alerts/stream", None)?;
    let mut sent: BTreeMap<String, Instant> = BTreeMap::new();
    for event in story.events() {
        sent.insert(event.customer.to_string(), Instant::now());
        client.post("/v1/events", "application/json", event.json.to_string().as_bytes())?.ok()?;
    }
    println!("events {} sent", story.events().len());
    let deadline = Instant::now() + PATIENCE;
    let mut awaited = story.new_customers();
    for event in alerts {
        let event = event.map_err(|error| Failure::other_side(format!("alert stream: {error}")))?;
        let alert: Value = serde_json::from_str(&event.data).unwrap_or_default();
        let customer = alert["customerId"].as_str().unwrap_or_default();
        let Some(sent) = sent.get(customer) else { continue };
        println!("alert  {} after {} ms", crate::commands::alert_summary(&alert), sent.elapsed().as_millis());
        awaited.remove(customer);
        if awaited.is_empty() || stop.is_requested() || Instant::now() > deadline {
            return Ok(());
        }
    }
    Err(Failure::other_side("the alert stream ended early"))
}
