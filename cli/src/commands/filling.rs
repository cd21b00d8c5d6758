//! `tocsin rules bootstrap`: how a rule is being filled from the past.

use std::time::Duration;

use serde_json::Value;

use super::bar::Bar;
use crate::arguments::{Output, Remote};
use crate::client::Client;
use crate::failure::Failure;

/// The server is asked so often.
const ASK_EVERY: Duration = Duration::from_millis(500);
/// How often in a row a partition may be at work nowhere: it is being taken over.
const UNSEEN_MAX: u32 = 60;

/// Tells how a rule at this path gets on; waits until it is live, or stops it.
pub(crate) fn filling(
    remote: &Remote,
    rule: &str,
    path: &str,
    wait: bool,
    stop: bool,
) -> Result<(), Failure> {
    let client = Client::new(remote)?;
    let path = format!("{path}/bootstrap");
    if stop {
        let body = client.delete(&path)?.ok()?;
        match remote.output {
            Output::Json => println!("{body}"),
            Output::Text => println!("stopped  {rule}  version {}: it counts from here on", body["version"]),
        }
        return Ok(());
    }
    let mut bar = Bar::new();
    let (mut unseen, mut told) = (0, None);
    loop {
        let answer = client.get(&path)?;
        if wait && answer.status == 503 && unseen < UNSEEN_MAX {
            unseen += 1;
            std::thread::sleep(ASK_EVERY);
            continue;
        }
        unseen = 0;
        let status = answer.ok()?;
        let is_live =
            status["state"] == "live" && status["unseenPartitions"].as_array().is_none_or(Vec::is_empty);
        if !wait || is_live {
            bar.clear();
            match remote.output {
                Output::Json => println!("{status}"),
                Output::Text => println!("{}", text(&status)),
            }
            return Ok(());
        }
        let problem = status["problem"].as_str().map(str::to_owned);
        if problem != told {
            bar.clear();
            problem.iter().for_each(|problem| eprintln!("it waits: {problem}"));
            told = problem;
        }
        bar.draw(percent(&status), || format!("{}{}", state(&status), left(&status)));
        std::thread::sleep(ASK_EVERY);
    }
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a number from 0 to 100")]
fn percent(status: &Value) -> u64 {
    status["percent"].as_f64().unwrap_or_default() as u64
}

fn state(status: &Value) -> &str {
    status["state"].as_str().unwrap_or_default()
}

fn left(status: &Value) -> String {
    match status["secondsLeft"].as_u64() {
        None => String::new(),
        Some(seconds) if seconds < 120 => format!(", about {seconds} s left"),
        Some(seconds) => format!(", about {} min left", seconds.div_ceil(60)),
    }
}

/// One line, and one more for each thing that somebody may have to look after.
fn text(status: &Value) -> String {
    let mut text = format!("{}  {} % of the past{}", state(status), status["percent"], left(status));
    if let Some(problem) = status["problem"].as_str() {
        text.push_str(&format!("\nit waits: {problem}"));
    }
    let unseen = status["unseenPartitions"].as_array().filter(|unseen| !unseen.is_empty());
    if let Some(unseen) = unseen {
        let unseen: Vec<_> = unseen.iter().map(Value::to_string).collect();
        text.push_str(&format!("\nother processes know of partitions {}", unseen.join(", ")));
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn people_are_told_how_far_it_is_and_what_holds_it_up() {
        let status = json!({"state": "folding", "percent": 12.5, "secondsLeft": 130, "unseenPartitions": []});
        assert_eq!(
            (text(&status).as_str(), percent(&status)),
            ("folding  12.5 % of the past, about 3 min left", 12)
        );
        let status = json!({"state": "waiting", "percent": 0.0, "problem": "file x is missing", "unseenPartitions": [1, 3]});
        let told = "waiting  0.0 % of the past\nit waits: file x is missing\nother processes know of partitions 1, 3";
        assert_eq!(text(&status), told);
    }
}
