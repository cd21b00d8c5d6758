//! Reads alerts as a stranger would: over the HTTP stream, or with a consumer of its own on the alert topic.
//! Either reader is a thread that notes the time as soon as it has an alert's bytes and hands it on by a bounded
//! channel; a full channel makes the reader wait, after the time was noted.

mod sse;
pub(crate) mod stream;
pub(crate) mod topic;

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::ledger::Alert;

/// How many sightings may wait for the ledger.
const WAITING_MAX: usize = 65_536;
/// How long a reader may take until it listens.
const OPEN_PATIENCE: Duration = Duration::from_secs(30);

/// What a reader has to say.
#[derive(Debug)]
pub(crate) enum Sighting {
    /// It listens: alerts from now on will be seen.
    Open,
    /// An alert, and when it was read.
    Alert(Instant, Alert),
    /// It had to connect again, and went on where it had been.
    Reconnected,
    /// It cannot go on.
    Failed(anyhow::Error),
}

/// The ends of a new channel between a reader and the ledger.
pub(crate) fn channel() -> (SyncSender<Sighting>, Receiver<Sighting>) {
    sync_channel(WAITING_MAX)
}

/// Waits until the reader listens.
pub(crate) fn wait_open(sightings: &Receiver<Sighting>) -> Result<()> {
    loop {
        match sightings
            .recv_timeout(OPEN_PATIENCE)
            .context("the alerts could not be opened for reading in time")?
        {
            Sighting::Open => return Ok(()),
            Sighting::Failed(error) => return Err(error),
            // Of earlier rules; ours are not posted yet.
            Sighting::Alert(..) | Sighting::Reconnected => {},
        }
    }
}

/// An alert record's bytes as an alert.
fn decode(bytes: &[u8]) -> Result<Alert> {
    serde_json::from_slice(bytes).with_context(|| {
        let excerpt: String = String::from_utf8_lossy(bytes).chars().take(200).collect();
        format!("an alert is not the JSON it should be: {excerpt}")
    })
}
