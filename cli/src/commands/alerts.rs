//! `tocsin alerts tail`; the other commands of alerts are in [`super::inbox`].

use std::io::Write;

use serde_json::Value;

use crate::arguments::{AlertsCommand, Output, Remote};
use crate::client::Client;
use crate::failure::Failure;

/// Runs the command.
pub(crate) fn alerts(command: AlertsCommand) -> Result<(), Failure> {
    match command {
        AlertsCommand::Tail { remote, from_start, customer, count } => {
            tail(&remote, from_start, customer.as_deref(), count)
        },
        other => super::inbox::inbox(other),
    }
}

fn tail(
    remote: &Remote,
    from_start: bool,
    customer: Option<&str>,
    count: Option<u64>,
) -> Result<(), Failure> {
    let client = Client::new(remote)?;
    let path = match customer {
        Some(customer) => format!("/v1/alerts/stream?customerId={customer}"),
        None => "/v1/alerts/stream".to_owned(),
    };
    let mut position = from_start.then(|| "0".to_owned());
    let mut left = count.unwrap_or(u64::MAX);
    while left > 0 {
        // The stream ends when the server does; it goes on from the last position.
        for event in client.stream(&path, position.as_deref())? {
            let Ok(event) = event else { break };
            position = event.id.or(position);
            match event.kind.as_str() {
                "alert" => print(&event.data, remote.output)?,
                "gap" => {
                    eprintln!("tocsin: alerts are missing here, they are no longer kept: {}", event.data);
                },
                _ => continue,
            }
            left -= 1;
            if left == 0 {
                return Ok(());
            }
        }
        std::thread::sleep(std::time::Duration::from_millis(500));
    }
    Ok(())
}

fn print(data: &str, output: Output) -> Result<(), Failure> {
    let line = match output {
        Output::Json => data.to_owned(),
        Output::Text => summary(&serde_json::from_str(data).unwrap_or_default()),
    };
    let mut out = std::io::stdout().lock();
    // A reader that closes its end, such as `head`, is not a failure of ours.
    writeln!(out, "{line}")
        .and_then(|()| out.flush())
        .map_err(|error| Failure::no(format!("output: {error}")))
}

/// An alert in one line.
pub(crate) fn summary(alert: &Value) -> String {
    let text = |field: &str| alert[field].as_str().unwrap_or_default();
    format!(
        "{}  {:<8}  {:<13}  {}  value {}  customer {}",
        text("eventTime"),
        text("state"),
        text("severity"),
        text("alertName"),
        alert["value"],
        text("customerId")
    )
}
