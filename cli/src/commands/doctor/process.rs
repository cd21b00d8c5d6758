//! What a running process says of itself.

use std::time::Duration;

use super::Finding;
use crate::config::Config;

const TIMEOUT: Duration = Duration::from_secs(5);

/// Asks the processes that would run under these settings whether they are ready. That none is there is no fault.
pub(super) fn findings(config: &Config) -> Vec<Finding> {
    let mut findings = Vec::new();
    for address in [config.listen, config.worker_listen] {
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(TIMEOUT))
            .build()
            .into();
        let Ok(mut answer) = agent.get(format!("http://{address}/readyz")).call() else { continue };
        let text = answer.body_mut().read_to_string().unwrap_or_default();
        if answer.status().as_u16() == 200 {
            println!("note     the process at {address} is ready");
            continue;
        }
        for reason in reasons(&text) {
            findings.push(Finding::new(format!("the process at {address}: {reason}"), way_out(&reason)));
        }
    }
    findings
}

/// The API answers JSON, a bare worker lines.
fn reasons(text: &str) -> Vec<String> {
    let parsed: Result<serde_json::Value, _> = serde_json::from_str(text);
    let Ok(body) = parsed else { return text.lines().map(str::to_owned).collect() };
    let reasons = body["reasons"].as_array().cloned().unwrap_or_default();
    let told = |reason: &serde_json::Value| match reason {
        serde_json::Value::String(text) => text.clone(),
        other => other["reason"].as_str().map_or_else(|| other.to_string(), str::to_owned),
    };
    if reasons.is_empty() { vec![body.to_string()] } else { reasons.iter().map(told).collect() }
}

fn way_out(reason: &str) -> &'static str {
    for (part, way_out) in [
        (
            "no committed offset",
            "`tocsin doctor --fix offsets` takes them from the changelog, while the workers are stopped",
        ),
        ("no sound checkpoint", "bring the checkpoints back, or `tocsin savepoint restore`"),
        ("has stopped", "see docs/operations.md, a partition that has stopped; the others go on"),
        ("recovering", "wait: its state is being brought to what was committed"),
        ("fetching", "wait: its checkpoint is being fetched"),
        ("full", "make room on the disk, then start again"),
        ("in use", "two processes want one data folder: stop one, or give it another with --data"),
    ] {
        if reason.contains(part) {
            return way_out;
        }
    }
    "the message says what to do"
}
