//! After a doubt: a new producer under the same id, whose start ends whatever the old one left, and then what the
//! group has committed tells whether the commit happened.

use std::thread;
use std::time::{Duration, Instant};

use ports::{Error, ErrorKind, Place, Reader, Result};
use rdkafka::consumer::{BaseConsumer, ConsumerContext};
use tracing::{info, warn};

use super::delivery::{DeliveryContext, Producer};
use super::errors::{error, from_kafka, kind};
use super::ffi;
use super::metrics;
use super::observer::{Observer, committed};
use super::reader::KafkaReader;
use super::settings::Settings;
use super::transaction::Tried;

/// How long brokers may be away before a doubt is given up on. Less than the time after which the group excludes a
/// member that does not poll.
const PATIENCE: Duration = Duration::from_secs(120);

/// One try.
const TRY_TIMEOUT: Duration = Duration::from_secs(10);

/// Between two tries.
const PAUSE: Duration = Duration::from_millis(100);

/// Starts a transactional producer: fences former ones of this id and ends their transaction.
pub(super) fn connect(settings: &Settings, id: &str, patience: Duration) -> Result<Producer> {
    let action = format!("starting the transactional producer `{id}`");
    let deadline = Instant::now() + patience;
    loop {
        let producer = settings.transactional_producer(id).create_with_context(DeliveryContext::default());
        let producer: Producer = producer.map_err(|problem| from_kafka(&action, &problem))?;
        let problem = loop {
            match ffi::init(&producer, TRY_TIMEOUT) {
                Ok(()) => return Ok(producer),
                // The same producer resumes.
                Err(problem) if problem.retriable && !problem.fatal && Instant::now() < deadline => {},
                Err(problem) => break problem,
            }
        };
        let failure = error(&action, problem.code, &problem.text);
        let may_pass = kind(problem.code) == ErrorKind::Unavailable;
        if !may_pass || Instant::now() >= deadline {
            return Err(failure);
        }
        warn!(target: "kafka", %failure, "trying again with a new producer");
        thread::sleep(PAUSE);
    }
}

/// Replaces a producer after a doubt.
pub(super) fn reconnect(settings: &Settings, id: &str) -> Result<Producer> {
    metrics::producer_recreated();
    connect(settings, id, PATIENCE)
}

/// How long positions may be pending before a record is asked instead. Every transaction has ended by then; but a broker
/// that was killed just as one ended may keep its positions pending for good, and then only a later commit of the same
/// writer, or a restart of the coordinator, settles them.
const PENDING_MAX: Duration = Duration::from_secs(15);

/// How long reading that record may take.
const READ_TIMEOUT: Duration = Duration::from_secs(5);

/// How to read single records.
pub(super) struct Records<'a> {
    pub(super) settings: &'a Settings,
    pub(super) observer: &'a Observer,
}

impl Records<'_> {
    /// Whether a record of a transaction that has ended was committed; none while that cannot be told.
    fn is_committed(&self, topic: &str, place: Place) -> Option<bool> {
        // Below the end nothing is open any more.
        let bounds = self.observer.bounds(topic, place.partition).ok()?;
        if bounds.end <= place.offset {
            return None;
        }
        let from = [(place.partition, place.offset)];
        let mut reader = KafkaReader::open(self.settings, self.observer, topic, &from).ok()?;
        let deadline = Instant::now() + READ_TIMEOUT;
        while Instant::now() < deadline {
            let polled = reader.poll(1, PAUSE).ok()?;
            match polled.records.first() {
                Some(first) => return Some(first.offset == place.offset),
                None if polled.at_end => return Some(false),
                None => {},
            }
        }
        None
    }
}

/// Whether what was tried is committed. The old transaction must be over: [`reconnect`] first.
pub(super) fn happened<C: ConsumerContext>(
    consumer: &BaseConsumer<C>,
    topic: &str,
    doubtful: &Tried,
    records: &Records<'_>,
) -> Result<bool> {
    let tried = &doubtful.positions;
    let partitions: Vec<_> = tried.iter().map(|(partition, _)| *partition).collect();
    let (began, deadline) = (Instant::now(), Instant::now() + PATIENCE);
    loop {
        match committed(consumer, topic, &partitions, TRY_TIMEOUT) {
            Ok(found) => {
                let happened =
                    found.iter().zip(tried).all(|((_, found), (_, tried))| found.as_ref() == Some(tried));
                info!(target: "kafka", happened, "a doubtful commit is settled");
                return Ok(happened);
            },
            Err(code) if kind(code) == ErrorKind::Unavailable && Instant::now() < deadline => {
                if began.elapsed() >= PENDING_MAX
                    && let Some((topic, place)) = &doubtful.evidence
                    && let Some(happened) = records.is_committed(topic, *place)
                {
                    warn!(target: "kafka", happened, "positions stay pending; a record tells what became of the commit");
                    return Ok(happened);
                }
                thread::sleep(PAUSE);
            },
            Err(code) => return Err(unknown(error("reading committed positions", code, ""))),
        }
    }
}

fn unknown(cause: Error) -> Error {
    cause.during("it is unknown whether a commit happened; a restart will tell")
}
