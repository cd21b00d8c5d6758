//! The answer of an import: a line for each line, a summary, and the queue in which they wait for the client.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use rules::{AlertId, CustomerId};
use serde::Serialize;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use utoipa::ToSchema;

use crate::error::{Fault, Problem, ProblemBody};

/// How much waits for a client that does not read, in bytes.
const QUEUE_BYTES_MAX: usize = 32 << 20;
/// The queue's bytes are counted in pieces of this size.
const PIECE: usize = 1024;
/// A chunk is handed on when it is that large.
const CHUNK_BYTES: usize = 64 * 1024;

/// A line of the answer.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
#[schema(as = ImportLine)]
pub(crate) enum Report {
    /// What became of a line.
    Line(LineReport),
    /// The last line.
    End(EndReport),
}

/// What became of a line.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ImportedLine)]
pub(crate) struct LineReport {
    /// Its number, from 1.
    pub(super) line: u64,
    /// What became of it.
    pub(super) status: Status,
    /// The rule's customer, if it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub(super) customer_id: Option<CustomerId>,
    /// The rule's id; made by the server if the line has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub(super) alert_id: Option<AlertId>,
    /// The version in force now; absent if there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) version: Option<u32>,
    /// What is wrong with it, the first 20.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) problems: Vec<Fault>,
}

/// What became of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ImportStatus)]
pub(crate) enum Status {
    /// The rule is new.
    Created,
    /// The rule has replaced an earlier version.
    Replaced,
    /// The rule is in force as it stands.
    Unchanged,
    /// It is no rule; nothing was changed.
    Invalid,
    /// It expected another version than the one in force; nothing was changed.
    Stale,
}

/// The last line.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ImportEnd)]
pub(crate) struct EndReport {
    /// What became of all lines.
    pub(super) summary: Summary,
    /// Why the import has ended early. Lines that have no answer may have been written.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<ProblemBody>)]
    pub(super) stopped: Option<Problem>,
}

/// What became of all lines.
#[derive(Debug, Clone, Default, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ImportSummary)]
pub(crate) struct Summary {
    /// How many lines were answered.
    pub(super) lines: u64,
    /// How many rules are new.
    pub(super) created: u64,
    /// How many have replaced an earlier version.
    pub(super) replaced: u64,
    /// How many were in force already.
    pub(super) unchanged: u64,
    /// How many lines are no rules.
    pub(super) invalid: u64,
    /// How many expected another version.
    pub(super) stale: u64,
    /// Whether nothing was written.
    pub(crate) dry_run: bool,
    /// Whether all of it is in force on every partition; absent if nothing was written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) effective: Option<bool>,
    /// The partitions that do not have it in force yet; only if it is not effective.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) missing_partitions: Option<Vec<u32>>,
}

impl Summary {
    pub(super) fn count(&mut self, status: Status) {
        self.lines += 1;
        *match status {
            Status::Created => &mut self.created,
            Status::Replaced => &mut self.replaced,
            Status::Unchanged => &mut self.unchanged,
            Status::Invalid => &mut self.invalid,
            Status::Stale => &mut self.stale,
        } += 1;
    }
}

impl Summary {
    /// The numbers by status.
    pub(crate) fn counts(&self) -> impl Iterator<Item = (&'static str, u64)> {
        [
            ("created", self.created),
            ("replaced", self.replaced),
            ("unchanged", self.unchanged),
            ("invalid", self.invalid),
            ("stale", self.stale),
        ]
        .into_iter()
    }
}

/// Some lines of the answer, with their share of the queue.
pub(super) struct Chunk {
    bytes: Bytes,
    _share: OwnedSemaphorePermit,
}

impl Chunk {
    /// The lines; their share of the queue is free from now on.
    pub(super) fn into_bytes(self) -> Bytes {
        self.bytes
    }
}

/// The client does not want the answer any more, or does not read it.
#[derive(Debug)]
pub(super) struct Gone;

/// Collects the answer.
pub(super) struct Sender {
    chunks: UnboundedSender<Result<Chunk, Problem>>,
    queue: Arc<Semaphore>,
    patience: Duration,
    begun: Vec<u8>,
    has_sent: bool,
    pub(super) summary: Summary,
}

/// An empty answer. A client that reads nothing for so long while the queue is full has gone.
pub(super) fn reports(patience: Duration) -> (Sender, UnboundedReceiver<Result<Chunk, Problem>>) {
    // Unbounded in number; in bytes it is bounded by the shares.
    let (chunks, receiver) = unbounded_channel();
    let queue = Arc::new(Semaphore::new(QUEUE_BYTES_MAX / PIECE));
    let (begun, has_sent, summary) = (Vec::new(), false, Summary::default());
    (Sender { chunks, queue, patience, begun, has_sent, summary }, receiver)
}

impl Sender {
    /// Adds a line.
    pub(super) async fn line(&mut self, report: LineReport) -> Result<(), Gone> {
        self.summary.count(report.status);
        self.write(&Report::Line(report));
        if self.begun.len() >= CHUNK_BYTES { self.flush().await } else { Ok(()) }
    }

    /// Hands on what has been collected.
    pub(super) async fn flush(&mut self) -> Result<(), Gone> {
        if self.begun.is_empty() {
            return Ok(());
        }
        let bytes = Bytes::from(std::mem::take(&mut self.begun));
        let pieces = bytes.len().div_ceil(PIECE).min(QUEUE_BYTES_MAX / PIECE);
        let share = Arc::clone(&self.queue).acquire_many_owned(u32::try_from(pieces).unwrap_or(u32::MAX));
        let Ok(Ok(share)) = timeout(self.patience, share).await else { return Err(Gone) };
        self.has_sent = true;
        self.chunks.send(Ok(Chunk { bytes, _share: share })).map_err(|_| Gone)
    }

    /// Ends the answer. What stops an import before the first line was handed on is the whole answer.
    pub(super) async fn end(mut self, stopped: Option<Problem>) -> Result<(), Gone> {
        match stopped {
            Some(problem) if !self.has_sent && self.begun.is_empty() => {
                self.chunks.send(Err(problem)).map_err(|_| Gone)
            },
            stopped => {
                let summary = self.summary.clone();
                self.write(&Report::End(EndReport { summary, stopped }));
                self.flush().await
            },
        }
    }

    fn write(&mut self, report: &Report) {
        serde_json::to_writer(&mut self.begun, report).expect("a report has only names that JSON has");
        self.begun.push(b'\n');
    }
}
