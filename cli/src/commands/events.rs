//! `tocsin events send`

use serde_json::{Value, json};

use super::input;
use crate::arguments::{EventsCommand, Output};
use crate::client::Client;
use crate::failure::Failure;

/// How many bytes go into one request; the API takes 16 MiB.
const BATCH_BYTES: usize = 4 << 20;

/// Runs the command.
pub(crate) fn events(command: EventsCommand) -> Result<(), Failure> {
    let EventsCommand::Send { remote, files, customer } = command;
    let client = Client::new(&remote)?;
    let (mut accepted, mut rejected) = (0, Vec::new());
    for file in &files {
        let bytes = input::read(file)?;
        // Empty lines are counted, so that numbers in messages are those of the file.
        let lines: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').collect();
        for (first, batch) in batches(&lines) {
            let body = body(batch, customer);
            let answer = client.post("/v1/events?positions=false", "application/x-ndjson", &body)?;
            if !matches!(answer.status, 200 | 400)
                || answer.body.get("accepted").is_none() && answer.status != 200
            {
                return Err(answer.refused());
            }
            accepted += answer.body["accepted"].as_u64().unwrap_or_default();
            for mut line in answer.body["rejected"].as_array().cloned().unwrap_or_default() {
                line["line"] = json!(line["line"].as_u64().unwrap_or_default() + first as u64);
                line["file"] = json!(file.display().to_string());
                rejected.push(line);
            }
        }
    }
    match remote.output {
        Output::Json => println!("{}", json!({"accepted": accepted, "rejected": rejected})),
        Output::Text => println!("accepted {accepted}, rejected {}", rejected.len()),
    }
    if rejected.is_empty() {
        return Ok(());
    }
    let told = |line: &Value| {
        let text = |field: &str| line[field].as_str().unwrap_or_default();
        format!("{} line {}: {} {}", text("file"), line["line"], text("code"), text("message"))
    };
    Err(Failure::usage(rejected.iter().map(told).collect::<Vec<_>>().join("\n")))
}

/// Runs of lines that fit a request, each with the number of lines before it.
fn batches<'a>(lines: &'a [&'a [u8]]) -> Vec<(usize, &'a [&'a [u8]])> {
    let mut batches = Vec::new();
    let (mut start, mut bytes) = (0, 0);
    for (index, line) in lines.iter().enumerate() {
        if bytes + line.len() > BATCH_BYTES && index > start {
            batches.push((start, &lines[start..index]));
            (start, bytes) = (index, 0);
        }
        bytes += line.len();
    }
    if lines[start..].iter().any(|line| !line.trim_ascii().is_empty()) {
        batches.push((start, &lines[start..]));
    }
    batches
}

/// The lines as they are, or each as the payload of that customer.
fn body(lines: &[&[u8]], customer: Option<uuid::Uuid>) -> Vec<u8> {
    let wrap = |line: &&[u8]| match customer {
        Some(customer) if !line.trim_ascii().is_empty() => {
            json!({"customerId": customer, "payload": String::from_utf8_lossy(line)}).to_string().into_bytes()
        },
        _ => line.to_vec(),
    };
    lines.iter().map(wrap).collect::<Vec<_>>().join(&b'\n')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_keep_the_order_and_know_their_first_line() {
        let long = vec![b'x'; BATCH_BYTES - 10];
        let lines: Vec<&[u8]> = vec![b"a", &long, b"b", &long, b""];
        let cut: Vec<_> = batches(&lines).into_iter().map(|(first, batch)| (first, batch.len())).collect();
        assert_eq!(cut, [(0, 3), (3, 2)]);
        assert!(batches(&[b"", b" "]).is_empty());
    }

    #[test]
    fn bare_payloads_are_wrapped_and_empty_lines_stay() {
        let customer = uuid::Uuid::nil();
        let body = String::from_utf8(body(&[b"{\"a\":1}", b""], Some(customer))).unwrap();
        assert_eq!(body, format!("{}\n", json!({"customerId": customer, "payload": "{\"a\":1}"})));
    }
}
