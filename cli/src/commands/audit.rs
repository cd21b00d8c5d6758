//! `tocsin audit …`

use api::audit::entry::{Chained, Link};
use serde_json::Value;

use super::table;
use crate::arguments::{AuditCommand, Output, Remote};
use crate::client::Client;
use crate::failure::Failure;

/// Runs the command.
pub(crate) fn audit(command: AuditCommand) -> Result<(), Failure> {
    match command {
        AuditCommand::List { remote, limit } => list(&remote, limit),
        AuditCommand::Verify { remote, expect } => verify(&remote, expect.as_deref()),
    }
}

fn list(remote: &Remote, limit: u16) -> Result<(), Failure> {
    let body = Client::new(remote)?.get(&format!("/v1/audit?limit={limit}"))?.ok()?;
    let mut rows = Vec::new();
    for entry in body["entries"].as_array().into_iter().flatten() {
        match remote.output {
            Output::Json => println!("{entry}"),
            Output::Text => {
                let text = |field: &str| match &entry[field] {
                    Value::String(text) => text.clone(),
                    other => other.to_string(),
                };
                rows.push(["at", "who", "source", "action", "object", "status", "times"].map(text));
            },
        }
    }
    if remote.output == Output::Text {
        println!("{}", table::render(["AT", "WHO", "FROM", "WHAT", "OF", "STATUS", "TIMES"], &rows));
    }
    Ok(())
}

/// Follows the chain from its beginning; the server's word is not taken for anything but what is in it.
fn verify(remote: &Remote, expect: Option<&str>) -> Result<(), Failure> {
    let expect = expect.map(noted).transpose()?;
    let client = Client::new(remote)?;
    let broken = |reason: String| Failure::no(format!("the audit log is not what it was: {reason}"));
    let mut link: Option<Link> = None;
    let mut seen = expect.is_none();
    let mut cursor = String::new();
    loop {
        let body = client.get(&format!("/v1/audit?oldestFirst=true&limit=1000{cursor}"))?.ok()?;
        let read = |value: &Value| serde_json::from_value::<Link>(value.clone()).ok();
        let (Some(begin), Some(end)) = (read(&body["beginsBehind"]), read(&body["endsWith"])) else {
            return Err(Failure::usage("only who sees the whole log can verify it: an `auditor`, or `root`"));
        };
        let at = link.get_or_insert(begin);
        seen |= expect.as_ref() == Some(at);
        for entry in body["entries"].as_array().into_iter().flatten() {
            let entry: Chained = serde_json::from_value(entry.clone())
                .map_err(|error| broken(format!("the entry behind {} cannot be read: {error}", at.number)))?;
            at.follow(&entry).map_err(broken)?;
            seen |= expect.as_ref() == Some(at);
        }
        match body["next"].as_str() {
            Some(next) => cursor = format!("&next={next}"),
            None if *at == end => break,
            // More came while this was read; it is behind what was read, or missing.
            None if at.number < end.number && !is_empty(&body["entries"]) => {
                cursor = format!("&next={}", at.number);
            },
            None => {
                let (at, end) = (at.number, end.number);
                return Err(broken(format!("it ends with entry {at}, and should with {end}")));
            },
        }
    }
    let end = link.unwrap_or_default();
    if let Some(expect) = expect.filter(|_| !seen) {
        return Err(broken(format!("entry {} with the hash that was noted is not in it", expect.number)));
    }
    match remote.output {
        Output::Json => println!("{}", serde_json::json!(end)),
        Output::Text => println!(
            "sound up to {}:{}\nnote this and pass it with --expect next time, to see that the end was not cut off",
            end.number, end.hash
        ),
    }
    Ok(())
}

fn is_empty(entries: &Value) -> bool {
    entries.as_array().is_none_or(Vec::is_empty)
}

/// What was noted of an earlier verification: `NUMBER:HASH`.
fn noted(text: &str) -> Result<Link, Failure> {
    let wrong = || Failure::usage(format!("--expect: `{text}` is not NUMBER:HASH"));
    let (number, hash) = text.split_once(':').ok_or_else(wrong)?;
    Ok(Link { number: number.parse().map_err(|_| wrong())?, hash: hash.to_owned() })
}
