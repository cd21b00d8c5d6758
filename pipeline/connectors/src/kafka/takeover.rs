//! What the group has committed for partitions that were just given to us, settled: an open transaction of the
//! former owner may still change it, so the answer is waited for, and a dead owner's transaction is ended.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use engine::Partition;
use ports::{Membership, Position, Result};
use rdkafka::consumer::{BaseConsumer, ConsumerContext};
use rdkafka::types::RDKafkaErrorCode;
use tracing::{info, warn};

use super::context::Watch;
use super::delivery::{DeliveryContext, Producer};
use super::errors::{error, kind};
use super::ffi;
use super::observer::{Found, Observer, committed};
use super::settings::Settings;

/// One try. It is short, because the partitions that are already delivered wait meanwhile.
const TRY_TIMEOUT: Duration = Duration::from_millis(200);

/// How long the former owner may take to end its transaction itself.
const PATIENCE: Duration = Duration::from_millis(500);

/// When waiting is worth a word. Every transaction has ended by then, by our hand or by its timeout.
const STUCK: Duration = Duration::from_secs(30);

/// How long ending a dead writer's transaction may take.
const END_TIMEOUT: Duration = Duration::from_secs(10);

/// Waits for settled positions of partitions that are being taken over.
pub(super) struct Takeover {
    settings: Settings,
    observer: Arc<Observer>,
    membership: Membership,
    writer: String,
    since: Option<Instant>,
    warned: Option<Instant>,
    // At most one thread ends transactions; it says here when it is done.
    ending: Arc<AtomicBool>,
    ended: bool,
}

impl Takeover {
    pub(super) fn new(
        settings: Settings,
        observer: Arc<Observer>,
        membership: Membership,
        writer: String,
    ) -> Self {
        Self {
            settings,
            observer,
            membership,
            writer,
            since: None,
            warned: None,
            ending: Arc::default(),
            ended: false,
        }
    }

    /// What is committed for these partitions; none if it is not settled yet.
    pub(super) fn positions<C: ConsumerContext>(
        &mut self,
        consumer: &BaseConsumer<C>,
        partitions: &[Partition],
    ) -> Result<Option<Found>> {
        let since = *self.since.get_or_insert_with(Instant::now);
        match committed(consumer, &self.membership.topic, partitions, TRY_TIMEOUT) {
            Ok(positions) => {
                (self.since, self.ended) = (None, false);
                return Ok(Some(positions));
            },
            Err(code) if may_pass(code) => {},
            Err(code) => {
                let action = format!("reading the positions of group `{}`", self.membership.group);
                return Err(error(&action, code, ""));
            },
        }
        if since.elapsed() >= PATIENCE && !self.ended && !self.ending.swap(true, Ordering::SeqCst) {
            self.ended = true;
            self.end_in_background(partitions.to_vec());
        }
        if since.elapsed() >= STUCK && self.warned.is_none_or(|moment| moment.elapsed() >= STUCK) {
            self.warned = Some(Instant::now());
            warn!(
                target: "kafka",
                group = self.membership.group,
                ?partitions,
                "committed positions are not settled: if the brokers are up, one that was killed may have left them \
                 pending after their transaction ended; when the coordinator of the group is restarted it reads them anew"
            );
        }
        Ok(None)
    }

    /// Ending takes up to a second, in which the other partitions go on.
    fn end_in_background(&self, partitions: Vec<Partition>) {
        let (settings, observer) = (self.settings.clone(), Arc::clone(&self.observer));
        let (membership, own, ending) =
            (self.membership.clone(), self.writer.clone(), Arc::clone(&self.ending));
        let work = move || {
            end_open_transactions(&settings, &observer, &membership, &own, &partitions);
            ending.store(false, Ordering::SeqCst);
        };
        if let Err(problem) = thread::Builder::new().name("kafka-takeover".to_owned()).spawn(work) {
            warn!(target: "kafka", %problem, "no thread to end open transactions: waiting until they time out");
            self.ending.store(false, Ordering::SeqCst);
        }
    }
}

/// Whether the same question may be answered later.
fn may_pass(code: RDKafkaErrorCode) -> bool {
    code == RDKafkaErrorCode::UnstableOffsetCommit || kind(code) == ports::ErrorKind::Unavailable
}

/// Ends the transactions that keep positions of these partitions open. Fencing a writer that is alive does no harm
/// to what it commits, but costs it a moment; so first it is made sure that a transaction is what we wait for.
fn end_open_transactions(
    settings: &Settings,
    observer: &Observer,
    membership: &Membership,
    own: &str,
    partitions: &[Partition],
) {
    let Ok(positions) = observer.committed(&membership.group, &membership.topic) else {
        return;
    };
    let stable = settings.stable_group_observer(&membership.group).create_with_context(Watch::default());
    let Ok(stable): std::result::Result<BaseConsumer<Watch>, _> = stable else {
        return;
    };
    let mut writers = BTreeSet::new();
    for partition in partitions {
        if committed(&stable, &membership.topic, &[*partition], PATIENCE).is_ok() {
            continue;
        }
        let position = positions.get(partition.0 as usize).cloned().flatten();
        let position = position.and_then(|committed| committed.metadata.parse::<Position>().ok());
        writers.extend(position.map(|position| position.writer));
    }
    writers.remove(own);
    for writer in writers {
        match end(settings, &writer) {
            Ok(()) => info!(target: "kafka", writer, "ended the open transaction of a former owner"),
            Err(problem) => warn!(target: "kafka", writer, problem, "could not end an open transaction"),
        }
    }
}

fn end(settings: &Settings, writer: &str) -> std::result::Result<(), String> {
    let producer = settings.transactional_producer(writer).create_with_context(DeliveryContext::default());
    let producer: Producer = producer.map_err(|problem| problem.to_string())?;
    ffi::init(&producer, END_TIMEOUT).map_err(|problem| problem.text)
}
