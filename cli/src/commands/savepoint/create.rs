//! `tocsin savepoint create`: asks a running system, and waits until every part is kept.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::arguments::{Output, Remote};
use crate::client::Client;
use crate::failure::Failure;

/// How often is asked whether it is complete.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Asks for a savepoint and waits for it.
pub(super) fn create(remote: &Remote, timeout: u64) -> Result<(), Failure> {
    let client = Client::new(remote)?;
    let begun = client.post("/v1/savepoints", "application/json", b"{}")?.ok()?;
    let id = begun["id"].as_str().unwrap_or_default().to_owned();
    let deadline = Instant::now() + Duration::from_secs(timeout);
    loop {
        let answer = client.get(&format!("/v1/savepoints/{id}"))?;
        let savepoint = if answer.status == 404 { begun.clone() } else { answer.ok()? };
        if savepoint["complete"] == Value::Bool(true) {
            match remote.output {
                Output::Json => println!("{savepoint}"),
                Output::Text => println!("savepoint  {id}  {} bytes", savepoint["bytes"]),
            }
            return Ok(());
        }
        if Instant::now() >= deadline {
            let problem = savepoint["problem"].as_str().unwrap_or_default();
            return Err(Failure::no(format!(
                "savepoint {id} is not complete after {timeout} s: {problem}; `tocsin savepoint show {id}` tells how it goes on"
            )));
        }
        std::thread::sleep(LOOK_EVERY);
    }
}
