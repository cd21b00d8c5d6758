//! The audit log: who did what, when, from where, and who was refused. Entries form a chain ([`entry`]); what is done is
//! written before it is answered, refusals are gathered ([`refusals`]). One task writes, many entries in a transaction.

pub mod entry;
pub(crate) mod list;
mod refusals;
#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use crate::error::{Answer, Code, Problem};
use crate::records::{Records, RecordsError, audit};
use crate::stop::Stop;
use entry::Entry;
use refusals::Refusals;

/// How many entries wait to be written; whoever has one more waits for room.
const WAITING_MAX: usize = 1_024;
/// How many entries a transaction writes.
const BATCH_MAX: usize = 256;
/// How long an answer waits for its entry.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often gathered refusals are looked at.
const TICK: Duration = Duration::from_secs(1);

/// Writes entries.
pub(crate) struct Audit {
    records: Records,
    entries: mpsc::Sender<Waiting>,
    /// The last entries could not be written.
    failing: AtomicBool,
}

struct Waiting {
    entry: Entry,
    /// Who waits until it is written; nobody for refusals.
    done: Option<oneshot::Sender<bool>>,
}

impl Audit {
    /// An audit log in these records, and the task that writes it until `stop`.
    pub(crate) fn new(records: Records, stop: Stop) -> (Self, impl Future<Output = ()> + Send + use<>) {
        let (entries, receiver) = mpsc::channel(WAITING_MAX);
        let writing = write(records.clone(), receiver, stop);
        (Self { records, entries, failing: AtomicBool::new(false) }, writing)
    }

    /// Whether what is done now can be written down; otherwise it must not be done.
    pub(crate) async fn ready(&self) -> Answer<()> {
        if self.failing.load(Ordering::Acquire) {
            // An entry that says so shows whether the next one can be written.
            if let Err(error) = audit::append(&self.records, &[Entry::resumed()]).await {
                tracing::error!(%error, "the audit log still cannot be written");
                let detail = "the audit log cannot be written, so nothing is done that has to be in it";
                return Err(Problem::new(Code::RecordsUnavailable, detail).retry_after(1));
            }
            self.failing.store(false, Ordering::Release);
        }
        Ok(())
    }

    /// Writes down what was done, before it is answered.
    pub(crate) async fn done(&self, entry: Entry) -> Answer<()> {
        let (done, written) = oneshot::channel();
        let waiting = Waiting { entry, done: Some(done) };
        let writing = async { self.entries.send(waiting).await.is_ok() && written.await == Ok(true) };
        if timeout(PATIENCE, writing).await == Ok(true) {
            return Ok(());
        }
        self.failing.store(true, Ordering::Release);
        let detail =
            "it was done, and could not be written to the audit log; nothing further is done until it can";
        Err(Problem::new(Code::RecordsUnavailable, detail).retry_after(1))
    }

    /// Counts a refusal. Nobody waits for it; if too many wait already it is counted as lost.
    pub(crate) fn refused(&self, entry: Entry) {
        if self.entries.try_send(Waiting { entry, done: None }).is_err() {
            crate::metrics::audit_lost(1);
        }
    }
}

async fn write(records: Records, mut entries: mpsc::Receiver<Waiting>, mut stop: Stop) {
    let mut refusals = Refusals::new(Instant::now());
    let mut tick = tokio::time::interval(TICK);
    loop {
        let mut waiting = Vec::new();
        tokio::select! {
            taken = entries.recv_many(&mut waiting, BATCH_MAX) => {
                if taken == 0 {
                    break;
                }
            },
            _ = tick.tick() => {},
            () = stop.wait() => break,
        }
        batch(&records, waiting, &mut refusals, false).await;
    }
    entries.close();
    let mut waiting = Vec::new();
    while entries.recv_many(&mut waiting, BATCH_MAX).await > 0 {}
    batch(&records, waiting, &mut refusals, true).await;
}

async fn batch(records: &Records, waiting: Vec<Waiting>, refusals: &mut Refusals, last: bool) {
    let (mut told, mut done) = (Vec::new(), Vec::new());
    for Waiting { entry, done: waits } in waiting {
        match waits {
            Some(waits) => {
                told.push(entry);
                done.push(waits);
            },
            None => told.extend(refusals.count(entry)),
        }
    }
    let now = Instant::now();
    told.extend(if last { refusals.rest(now) } else { refusals.due(now) });
    if told.is_empty() {
        return;
    }
    let written = audit::append(records, &told).await;
    if let Err(error) = &written {
        lost(&told, error);
    }
    for waits in done {
        // Who waits no longer has given its answer.
        waits.send(written.is_ok()).ok();
    }
}

/// What cannot be kept is at least logged.
fn lost(entries: &[Entry], error: &RecordsError) {
    crate::metrics::audit_lost(entries.len() as u64);
    tracing::error!(%error, entries = entries.len(), "the audit log cannot be written");
    for Entry { who, source, action, object, status, times, .. } in entries {
        tracing::error!(who, source, action, object, status, times, "not in the audit log");
    }
}
