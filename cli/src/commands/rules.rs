//! `tocsin rules …`

use std::path::PathBuf;

use serde_json::Value;

use super::explain::explain;
use super::export::export;
use super::filling::filling;
use super::import::import;
use super::preview::preview;
use super::state::state;
use super::test::test;
use super::validate::validate;
use super::{input, table};
use crate::arguments::{Output, Remote, RulesCommand};
use crate::client::Client;
use crate::failure::Failure;

/// Runs the command.
pub(crate) fn rules(command: RulesCommand) -> Result<(), Failure> {
    match command {
        RulesCommand::Apply { remote, files } => apply(&remote, &files),
        RulesCommand::Get { remote, rule } => get(&remote, &rule),
        RulesCommand::List { remote, customer } => list(&remote, customer.as_deref()),
        RulesCommand::State { remote, rule, customer, limit } => {
            state(&remote, &rule, customer.as_deref(), limit)
        },
        RulesCommand::Delete { remote, rule } => delete(&remote, &rule),
        RulesCommand::Validate { files, output } => validate(&files, output),
        RulesCommand::Test { files, output } => test(&files, output),
        RulesCommand::Explain { rules, rule, event, customer, output } => {
            explain(&rules, rule.as_deref(), &event, customer, output)
        },
        RulesCommand::Bootstrap { remote, rule, wait, stop } => {
            filling(&remote, &rule, &path(&rule)?, wait, stop)
        },
        RulesCommand::Preview(arguments) => preview(&arguments),
        RulesCommand::Import { remote, file, dry_run } => import(&remote, &file, dry_run),
        RulesCommand::Export { remote, customer } => export(&remote, customer),
    }
}

fn apply(remote: &Remote, files: &[PathBuf]) -> Result<(), Failure> {
    let client = Client::new(remote)?;
    let mut refused = Vec::new();
    for file in files {
        for (index, rule) in input::documents(file, &input::read(file)?)?.into_iter().enumerate() {
            let answer = client.post("/v1/rules", "application/json", rule.to_string().as_bytes())?;
            match (answer.status, remote.output) {
                (200 | 201, Output::Json) => println!("{}", answer.body),
                (status @ (200 | 201), Output::Text) => println!("{}", applied(status, &answer.body)),
                (status, _) if status >= 500 => return Err(answer.refused()),
                _ => refused.push(format!("{} rule {}: {}", file.display(), index + 1, answer.refused())),
            }
        }
    }
    if refused.is_empty() { Ok(()) } else { Err(Failure::usage(refused.join("\n"))) }
}

fn applied(status: u16, rule: &Value) -> String {
    let word = if status == 201 { "created" } else { "in force" };
    let effective =
        if rule["effective"] == Value::Bool(false) { ", not yet effective on every partition" } else { "" };
    format!(
        "{word}  {}/{}  version {}{effective}",
        text(rule, "customerId"),
        text(rule, "alertId"),
        rule["version"]
    )
}

fn get(remote: &Remote, rule: &str) -> Result<(), Failure> {
    let body = Client::new(remote)?.get(&path(rule)?)?.ok()?;
    match remote.output {
        Output::Json => println!("{body}"),
        Output::Text => println!("{body:#}"),
    }
    Ok(())
}

fn delete(remote: &Remote, rule: &str) -> Result<(), Failure> {
    let body = Client::new(remote)?.delete(&path(rule)?)?.ok()?;
    match remote.output {
        Output::Json => println!("{body}"),
        Output::Text => println!("deleted  {rule}"),
    }
    Ok(())
}

fn list(remote: &Remote, customer: Option<&str>) -> Result<(), Failure> {
    let client = Client::new(remote)?;
    let filter = customer.map(|customer| format!("&customerId={customer}")).unwrap_or_default();
    let mut rows = Vec::new();
    let mut cursor = String::new();
    loop {
        let body = client.get(&format!("/v1/rules?limit=1000{filter}{cursor}"))?.ok()?;
        for rule in body["rules"].as_array().into_iter().flatten() {
            match remote.output {
                Output::Json => println!("{rule}"),
                Output::Text => rows.push([
                    format!("{}/{}", text(rule, "customerId"), text(rule, "alertId")),
                    rule["version"].to_string(),
                    // The original control message has none of its own.
                    rule["severity"].as_str().unwrap_or("medium").to_owned(),
                    text(rule, "alertName").to_owned(),
                ]),
            }
        }
        match body["next"].as_str() {
            Some(next) => cursor = format!("&next={next}"),
            None => break,
        }
    }
    if remote.output == Output::Text {
        println!("{}", table::render(["RULE", "VERSION", "SEVERITY", "NAME"], &rows));
    }
    Ok(())
}

pub(super) fn path(rule: &str) -> Result<String, Failure> {
    let key: rules::RuleKey = rule
        .parse()
        .map_err(|_| Failure::usage(format!("`{rule}` does not name a rule: expected customerId/alertId")))?;
    Ok(format!("/v1/rules/{key}"))
}

fn text<'a>(rule: &'a Value, field: &str) -> &'a str {
    rule[field].as_str().unwrap_or_default()
}
