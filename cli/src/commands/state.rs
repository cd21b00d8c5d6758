//! `tocsin rules state`: what a rule has come to, group by group.

use serde_json::Value;

use super::rules::path;
use super::table;
use crate::arguments::{Output, Remote};
use crate::client::Client;
use crate::failure::Failure;

/// The most groups that one request answers.
const PAGE_MAX: usize = 1000;

/// Prints up to `limit` groups, those with the greatest values first.
pub(super) fn state(
    remote: &Remote,
    rule: &str,
    customer: Option<&str>,
    limit: usize,
) -> Result<(), Failure> {
    let client = Client::new(remote)?;
    let filter = customer.map(|customer| format!("&customerId={customer}")).unwrap_or_default();
    let (mut rows, mut left, mut cursor) = (Vec::new(), limit, String::new());
    while left > 0 {
        let page = left.min(PAGE_MAX);
        let body = client.get(&format!("{}/state?limit={page}{filter}{cursor}", path(rule)?))?.ok()?;
        for group in body["groups"].as_array().into_iter().flatten() {
            left = left.saturating_sub(1);
            match remote.output {
                Output::Json => println!("{group}"),
                Output::Text => rows.push(row(group)),
            }
        }
        if body["isPartial"] == Value::Bool(true) {
            eprintln!(
                "the rule has more groups than were looked at ({}): some may be missing",
                body["groupsSeen"]
            );
        }
        match body["next"].as_str() {
            Some(next) => cursor = format!("&next={next}"),
            None => break,
        }
    }
    if remote.output == Output::Text {
        println!("{}", table::render(["GROUP", "VALUE", "STATE", "LAST SEEN", "NEXT TIMER", "LACKS"], &rows));
    }
    Ok(())
}

fn row(group: &Value) -> [String; 6] {
    let text = |field: &str| group[field].as_str().unwrap_or("-").to_owned();
    let estimate = if group["valueIsEstimate"] == Value::Bool(true) { "~" } else { "" };
    let value = if group["value"].is_null() { "-".to_owned() } else { group["value"].to_string() };
    let state = match (group["firing"].as_bool(), group["armed"].as_bool()) {
        (Some(true), _) => "firing",
        (_, Some(false)) => "has fired",
        _ => "waits",
    };
    let lacks: Vec<&str> =
        group["missing"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    [
        group["group"].to_string(),
        format!("{estimate}{value}"),
        state.to_owned(),
        text("lastSeen"),
        text("nextTimer"),
        lacks.join("; "),
    ]
}
