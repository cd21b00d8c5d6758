//! `tocsin alerts list|groups|show|ack|close|reopen|note|rebuild|silence|silences|unsilence`

use std::time::{SystemTime, UNIX_EPOCH};

use rules::{Span, Timestamp};
use serde_json::{Map, Value, json};

use super::table;
use crate::arguments::{AlertChange, AlertFilter, AlertsCommand, Output, Remote};
use crate::client::Client;
use crate::failure::Failure;

/// Runs a command of the inbox.
pub(super) fn inbox(command: AlertsCommand) -> Result<(), Failure> {
    match command {
        // It has a file of its own.
        AlertsCommand::Tail { .. } => Ok(()),
        AlertsCommand::List { remote, filter, limit } => list(&remote, &filter, limit),
        AlertsCommand::Groups { remote, by, customer } => groups(&remote, &by, customer),
        AlertsCommand::Show { remote, id } => show(&remote, id),
        AlertsCommand::Ack(change) => set(&change, Some("acknowledged")),
        AlertsCommand::Close(change) => set(&change, Some("closed")),
        AlertsCommand::Reopen(change) => set(&change, Some("open")),
        AlertsCommand::Note(change) => set(&change, None),
        AlertsCommand::Rebuild { remote } => rebuild(&remote),
        AlertsCommand::Silence { remote, matchers, lasts, reason, customer } => {
            silence(&remote, &matchers, &lasts, &reason, customer)
        },
        AlertsCommand::Silences { remote, ended } => silences(&remote, ended),
        AlertsCommand::Unsilence { remote, id } => unsilence(&remote, id),
    }
}

fn list(remote: &Remote, filter: &AlertFilter, limit: usize) -> Result<(), Failure> {
    let id = |id: Option<uuid::Uuid>| id.map(|id| id.to_string());
    let status = Some(filter.status.clone()).filter(|status| status != "all");
    let parameters = [
        ("state", filter.state.clone()),
        ("status", status),
        ("severity", filter.severity.clone()),
        ("alertId", id(filter.rule)),
        ("assignee", filter.assignee.clone()),
        ("customerId", id(filter.customer)),
    ];
    let mut query = String::new();
    for (name, value) in parameters {
        if let Some(value) = value {
            query += &format!("&{name}={}", encoded(&value));
        }
    }
    let client = Client::new(remote)?;
    let (mut rows, mut left, mut cursor) = (Vec::new(), limit, String::new());
    while left > 0 {
        let body = client.get(&format!("/v1/alerts?limit={}{query}{cursor}", left.min(1_000)))?.ok()?;
        let alerts = body["alerts"].as_array().map(Vec::as_slice).unwrap_or_default();
        left = left.saturating_sub(alerts.len());
        for alert in alerts {
            match remote.output {
                Output::Json => println!("{alert}"),
                Output::Text => rows.push(
                    [
                        "alertInstanceId",
                        "openedAt",
                        "state",
                        "status",
                        "severity",
                        "alertName",
                        "assignee",
                        "customerId",
                    ]
                    .map(|field| text(alert, field)),
                ),
            }
        }
        if body["stale"] == true {
            eprintln!("tocsin: the server cannot read the alert topic now; alerts may be missing");
        }
        match body["next"].as_str() {
            Some(next) => cursor = format!("&next={next}"),
            None => break,
        }
    }
    if remote.output == Output::Text {
        let headings = ["ALERT", "OPENED", "STATE", "STATUS", "SEVERITY", "RULE", "ASSIGNEE", "CUSTOMER"];
        println!("{}", table::render(headings, &rows));
    }
    Ok(())
}

fn groups(remote: &Remote, by: &str, customer: Option<uuid::Uuid>) -> Result<(), Failure> {
    let customer = customer.map(|customer| format!("&customerId={customer}")).unwrap_or_default();
    let path = format!("/v1/alerts:groups?limit=1000&by={}{customer}", encoded(by));
    let body = Client::new(remote)?.get(&path)?.ok()?;
    if remote.output == Output::Json {
        println!("{body}");
        return Ok(());
    }
    let fields = ["key", "alertName", "alerts", "firing", "open", "acknowledged", "changedAt", "customerId"];
    let groups = body["groups"].as_array().into_iter().flatten();
    let rows: Vec<_> = groups.map(|group| fields.map(|field| text(group, field))).collect();
    let headings = ["GROUP", "RULE", "ALERTS", "FIRING", "OPEN", "ACKNOWLEDGED", "CHANGED", "CUSTOMER"];
    println!("{}", table::render(headings, &rows));
    Ok(())
}

fn show(remote: &Remote, id: uuid::Uuid) -> Result<(), Failure> {
    let body = Client::new(remote)?.get(&format!("/v1/alerts/{id}"))?.ok()?;
    if remote.output == Output::Json {
        println!("{body}");
        return Ok(());
    }
    print(&body);
    for action in body["actions"].as_array().into_iter().flatten() {
        let parts = ["at", "who", "status", "assignee", "note"].map(|field| text(action, field));
        println!("  {}", parts.join("  ").trim_end());
    }
    println!("{}", body["alert"]);
    Ok(())
}

fn set(change: &AlertChange, status: Option<&str>) -> Result<(), Failure> {
    let mut body = Map::new();
    for (name, value) in
        [("status", status), ("assignee", change.assignee.as_deref()), ("note", change.note.as_deref())]
    {
        if let Some(value) = value {
            body.insert(name.to_owned(), Value::from(value));
        }
    }
    if body.is_empty() {
        return Err(Failure::usage("say what to note: --assignee NAME or --note TEXT"));
    }
    let path = format!("/v1/alerts/{}", change.id);
    let answer = Client::new(&change.remote)?.patch(&path, &Value::Object(body))?.ok()?;
    match change.remote.output {
        Output::Json => println!("{answer}"),
        Output::Text => print(&answer),
    }
    Ok(())
}

fn rebuild(remote: &Remote) -> Result<(), Failure> {
    let body = Client::new(remote)?.post("/v1/alerts:rebuild", "application/json", b"")?.ok()?;
    match remote.output {
        Output::Json => println!("{body}"),
        Output::Text => println!("the inbox is read again; reading {}", body["generation"]),
    }
    Ok(())
}

fn silence(
    remote: &Remote,
    matchers: &[String],
    lasts: &str,
    reason: &str,
    customer: Option<uuid::Uuid>,
) -> Result<(), Failure> {
    let matchers: Vec<Value> = matchers.iter().map(|text| matcher(text)).collect::<Result<_, _>>()?;
    let span: Span = lasts
        .parse()
        .map_err(|_| Failure::usage(format!("--lasts: `{lasts}` is not a time like 30m, 8h or 7d")))?;
    let mut body = json!({"matchers": matchers, "reason": reason, "endsAt": ends(span)});
    if let Some(customer) = customer {
        body["customerId"] = json!(customer.to_string());
    }
    let client = Client::new(remote)?;
    let made = client.post("/v1/silences", "application/json", body.to_string().as_bytes())?.ok()?;
    match remote.output {
        Output::Json => println!("{made}"),
        Output::Text => println!("silence  {}  until {}", text(&made, "id"), text(&made, "endsAt")),
    }
    Ok(())
}

/// When something ends that begins now.
fn ends(span: Span) -> Timestamp {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map(|since| since.as_millis()).unwrap_or_default();
    let end = now.saturating_add(u128::from(span.as_millis()));
    Timestamp(i64::try_from(end).unwrap_or(i64::MAX))
}

/// Reads `FIELD=VALUE` or `FIELD!=VALUE`.
pub(super) fn matcher(text: &str) -> Result<Value, Failure> {
    let wrong = || Failure::usage(format!("`{text}` is not FIELD=VALUE or FIELD!=VALUE"));
    let (field, value) = text.split_once('=').ok_or_else(wrong)?;
    let (field, op) = match field.strip_suffix('!') {
        Some(field) => (field, "notIn"),
        None => (field, "in"),
    };
    Ok(json!({"field": field, "op": op, "values": [value]}))
}

fn silences(remote: &Remote, ended: bool) -> Result<(), Failure> {
    let mut rows = Vec::new();
    let path = format!("/v1/silences?limit=1000&ended={ended}");
    Client::new(remote)?.pages(&path, "silences", |silence| match remote.output {
        Output::Json => println!("{silence}"),
        Output::Text => {
            let matchers = silence["matchers"].as_array().into_iter().flatten().map(matched);
            let [id, ends, by, reason, customer] =
                ["id", "endsAt", "createdBy", "reason", "customerId"].map(|field| text(silence, field));
            rows.push([id, matchers.collect::<Vec<_>>().join(" "), ends, by, reason, customer]);
        },
    })?;
    if remote.output == Output::Text {
        let headings = ["SILENCE", "WHAT", "ENDS", "MADE BY", "REASON", "CUSTOMER"];
        println!("{}", table::render(headings, &rows));
    }
    Ok(())
}

/// A matcher in one word.
fn matched(matcher: &Value) -> String {
    let op = match matcher["op"].as_str() {
        Some("in") => "=",
        Some("notIn") => "!=",
        Some("startsWith") => "^=",
        _ => "*=",
    };
    let values = matcher["values"].as_array().into_iter().flatten().filter_map(Value::as_str);
    format!("{}{op}{}", text(matcher, "field"), values.collect::<Vec<_>>().join(","))
}

fn unsilence(remote: &Remote, id: uuid::Uuid) -> Result<(), Failure> {
    let body = Client::new(remote)?.delete(&format!("/v1/silences/{id}"))?.ok()?;
    match remote.output {
        Output::Json => println!("{body}"),
        Output::Text => println!("ended  {id}  {}", text(&body, "reason")),
    }
    Ok(())
}

/// An alert of the inbox in one line.
fn print(alert: &Value) {
    let fields = ["alertInstanceId", "state", "status", "severity", "alertName", "assignee"];
    println!("{}", fields.map(|field| text(alert, field)).join("  ").trim_end());
}

pub(super) fn text(object: &Value, field: &str) -> String {
    match &object[field] {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// A text as a query parameter's value.
fn encoded(text: &str) -> String {
    let one = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matchers_are_read_and_written() {
        let read = |text: &str| matcher(text).map(|value| matched(&value)).map_err(drop);
        assert_eq!(read("labels.team=a=b"), Ok("labels.team=a=b".to_owned()));
        assert_eq!(read("severity!=LOW"), Ok("severity!=LOW".to_owned()));
        assert!(matcher("severity").is_err());
    }

    #[test]
    fn what_has_a_meaning_in_queries_is_written_otherwise() {
        assert_eq!(encoded("a&b=ü"), "a%26b%3D%C3%BC");
    }
}
