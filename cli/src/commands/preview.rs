//! `tocsin rules preview`: what a rule would have done to the events of the archive.

use std::io::BufRead;
use std::path::Path;

use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::bar::Bar;
use crate::arguments::{Output, PreviewArguments};
use crate::client::{Client, describe_problem};
use crate::failure::Failure;

/// So many alerts are printed for people; JSON has all that were told.
const ALERTS_SHOWN: usize = 10;

/// Runs the command.
pub(crate) fn preview(arguments: &PreviewArguments) -> Result<(), Failure> {
    let client = Client::new(&arguments.remote)?;
    let mut question = json!({"inForce": arguments.in_force});
    let set = [
        ("from", json!(arguments.from)),
        ("until", json!(arguments.until)),
        ("seconds", json!(arguments.seconds)),
        ("mebibytes", json!(arguments.mebibytes)),
        ("cpuPercent", json!(arguments.cpu_percent)),
    ];
    for (name, value) in set {
        question[name] = value;
    }
    if !arguments.customer.is_empty() {
        question["customers"] = json!(arguments.customer);
    }
    // The texts of rules go as they are, so that no number is rewritten on the way.
    let mut body = question.to_string();
    body.pop();
    for (name, file) in [("rule", Some(&arguments.rule)), ("other", arguments.other.as_ref())] {
        if let Some(file) = file {
            body.push_str(&format!(",\"{name}\":{}", rule(file)?.get()));
        }
    }
    body.push('}');
    let lines = client.post_for_lines("/v1/rules:preview", "application/json", body.as_bytes())?;
    let bar = (arguments.remote.output == Output::Text).then(Bar::new);
    follow(lines, arguments.remote.output, bar)
}

fn rule(file: &Path) -> Result<Box<RawValue>, Failure> {
    let failed = |error: &dyn std::fmt::Display| Failure::usage(format!("{}: {error}", file.display()));
    let text = if file == Path::new("-") {
        std::io::read_to_string(std::io::stdin())
    } else {
        std::fs::read_to_string(file)
    };
    serde_json::from_str(&text.map_err(|error| failed(&error))?).map_err(|error| failed(&error))
}

fn follow(lines: impl BufRead, output: Output, mut bar: Option<Bar>) -> Result<(), Failure> {
    for line in lines.lines() {
        let broken =
            |error: &dyn std::fmt::Display| Failure::other_side(format!("the preview broke off: {error}"));
        let line = line.map_err(|error| broken(&error))?;
        let line: Value = serde_json::from_str(&line).map_err(|error| broken(&error))?;
        if let Some(bar) = &mut bar {
            draw(bar, &line["progress"]);
        }
        if let Some(stopped) = line.get("stopped") {
            return Err(Failure::other_side(describe_problem(503, stopped)));
        }
        if let Some(result) = line.get("result") {
            match output {
                Output::Json => println!("{result}"),
                Output::Text => tell(result),
            }
            return Ok(());
        }
    }
    Err(Failure::other_side("the preview broke off: the last line is missing"))
}

fn draw(bar: &mut Bar, progress: &Value) {
    match (progress["rows"].as_u64(), progress["rowsExpected"].as_u64()) {
        (Some(rows), Some(expected)) => {
            let percent = (rows * 100).checked_div(expected).unwrap_or(100);
            bar.draw(percent, || format!("{rows} events, {} alerts", progress["fired"]));
        },
        _ => bar.clear(),
    }
}

fn tell(result: &Value) {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    println!("{} events, would have fired {} times", result["rows"], result["fired"]);
    if result["end"] != "complete" {
        println!("not all was seen: {} was met first", text(&result["end"]));
    }
    if result["refused"] != 0 {
        println!("{} records cannot be evaluated", result["refused"]);
    }
    for day in result["days"].as_array().into_iter().flatten() {
        println!("  {}  {}  {}", text(&day["day"]), text(&day["customerId"]), day["fired"]);
    }
    if let Some(compared) = result["compared"].as_object() {
        let count = |side: &str| compared[side]["count"].clone();
        println!(
            "{} alerts are the same, {} added, {} removed",
            compared["same"],
            count("added"),
            count("removed")
        );
        for (mark, side) in [("+", "added"), ("-", "removed")] {
            alerts(mark, &compared[side]["first"]);
        }
    } else {
        alerts(" ", &result["first"]);
    }
}

fn alerts(mark: &str, alerts: &Value) {
    for alert in alerts.as_array().into_iter().flatten().take(ALERTS_SHOWN) {
        let text = |name: &str| alert[name].as_str().unwrap_or_default().to_owned();
        println!(
            "{mark} {}  {}  {}  {}",
            text("eventTime"),
            text("customerId"),
            text("alertName"),
            alert["group"]
        );
    }
}
