//! Delivery reports: a batch of records is handed to librdkafka, which tells for each where it stands or why not.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use engine::{Offset, Partition};
use ports::{Error, ErrorKind, Outgoing, Place, Result};
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::KafkaError;
use rdkafka::message::{Header, Message, OwnedHeaders};
use rdkafka::producer::{BaseRecord, DeliveryResult, ProducerContext, ThreadedProducer};
use rdkafka::types::RDKafkaErrorCode;

use super::context::{Watch, lock};
use super::observer::number;
use super::settings::RECORD_BYTES_MAX;

/// A producer with a thread of its own that serves delivery reports.
pub(super) type Producer = ThreadedProducer<DeliveryContext>;

/// Between two tries to put a record into a full queue.
const QUEUE_PAUSE: Duration = Duration::from_millis(1);

/// Why a batch was not delivered whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Undelivered {
    /// librdkafka or the broker refused a record.
    Refused(RDKafkaErrorCode),
    /// Not all reports came in time.
    Late,
}

/// The records of one call, and what was reported of them.
pub(super) struct Batch {
    state: Mutex<Reports>,
    all_reported: Condvar,
}

struct Reports {
    open: usize,
    places: Vec<Place>,
    failure: Option<RDKafkaErrorCode>,
}

/// What librdkafka carries beside a record and gives back with its report.
pub(super) struct Slot {
    batch: Arc<Batch>,
    index: usize,
}

impl Batch {
    fn new(records: usize) -> Arc<Self> {
        let nowhere = Place { partition: Partition(0), offset: Offset(0) };
        let state = Reports { open: records, places: vec![nowhere; records], failure: None };
        Arc::new(Self { state: Mutex::new(state), all_reported: Condvar::new() })
    }

    fn report(&self, index: usize, outcome: std::result::Result<Place, RDKafkaErrorCode>) {
        let mut state = lock(&self.state);
        match outcome {
            Ok(place) => state.places[index] = place,
            // The first one tells most: the others often fail because of it.
            Err(code) => state.failure = state.failure.or(Some(code)),
        }
        state.open -= 1;
        if state.open == 0 {
            self.all_reported.notify_all();
        }
    }

    fn wait(&self, deadline: Instant) -> std::result::Result<Vec<Place>, Undelivered> {
        let mut state = lock(&self.state);
        while state.open > 0 {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(state.failure.map_or(Undelivered::Late, Undelivered::Refused));
            }
            let waited = self.all_reported.wait_timeout(state, left);
            (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        }
        match state.failure {
            Some(code) => Err(Undelivered::Refused(code)),
            None => Ok(std::mem::take(&mut state.places)),
        }
    }
}

/// Hands records to a producer and waits until each is reported. The answer has their places in order.
pub(super) fn deliver(
    producer: &Producer,
    records: &[(Partition, Outgoing)],
    deadline: Instant,
) -> std::result::Result<Vec<Place>, Undelivered> {
    if records.is_empty() {
        return Ok(Vec::new());
    }
    let batch = Batch::new(records.len());
    for (index, (partition, record)) in records.iter().enumerate() {
        let slot = Slot { batch: Arc::clone(&batch), index };
        send(producer, *partition, record, slot, deadline)?;
    }
    batch.wait(deadline)
}

fn send(
    producer: &Producer,
    partition: Partition,
    record: &Outgoing,
    slot: Slot,
    deadline: Instant,
) -> std::result::Result<(), Undelivered> {
    let outgoing = BaseRecord::<[u8], [u8], Box<Slot>> {
        topic: &record.topic,
        partition: Some(number(partition)),
        payload: record.value.as_deref(),
        key: record.key.as_deref(),
        timestamp: record.timestamp.map(|timestamp| timestamp.0),
        headers: headers(record),
        delivery_opaque: Box::new(slot),
    };
    let mut result = producer.send(outgoing);
    loop {
        match result {
            Ok(()) => return Ok(()),
            Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), again)) => {
                if Instant::now() >= deadline {
                    return Err(Undelivered::Late);
                }
                thread::sleep(QUEUE_PAUSE);
                result = producer.send(again);
            },
            Err((problem, _)) => {
                let code = problem.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Fail);
                return Err(Undelivered::Refused(code));
            },
        }
    }
}

fn headers(record: &Outgoing) -> Option<OwnedHeaders> {
    if record.headers.is_empty() {
        return None;
    }
    let empty = OwnedHeaders::new_with_capacity(record.headers.len());
    Some(record.headers.iter().fold(empty, |headers, header| {
        headers.insert(Header { key: &header.name, value: Some(&header.value[..]) })
    }))
}

/// Refuses a record that would fail at every try.
pub(super) fn check_size(record: &Outgoing) -> Result<()> {
    let headers = record.headers.iter().map(|header| header.name.len() + header.value.len());
    let fields = [&record.key, &record.value].into_iter().flatten();
    let size = fields.map(bytes::Bytes::len).chain(headers).sum::<usize>();
    if size <= RECORD_BYTES_MAX {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::Refused,
        format!(
            "a record of {size} bytes for topic `{}` is over the limit of {RECORD_BYTES_MAX} bytes",
            record.topic
        ),
    ))
}

/// The context of producers.
#[derive(Default)]
pub(super) struct DeliveryContext(Watch);

impl ClientContext for DeliveryContext {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        self.0.log(level, facility, message);
    }

    fn error(&self, problem: KafkaError, reason: &str) {
        self.0.error(problem, reason);
    }
}

impl ProducerContext for DeliveryContext {
    type DeliveryOpaque = Box<Slot>;

    fn delivery(&self, report: &DeliveryResult<'_>, slot: Box<Slot>) {
        let outcome = match report {
            Ok(message) => Ok(Place {
                partition: Partition(u32::try_from(message.partition()).unwrap_or(0)),
                offset: Offset(u64::try_from(message.offset()).unwrap_or(0)),
            }),
            Err((problem, _)) => Err(problem.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Fail)),
        };
        slot.batch.report(slot.index, outcome);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(offset: u64) -> Place {
        Place { partition: Partition(1), offset: Offset(offset) }
    }

    #[test]
    fn places_stand_in_the_order_of_the_records() {
        let batch = Batch::new(2);
        batch.report(1, Ok(place(8)));
        assert_eq!(batch.wait(Instant::now()), Err(Undelivered::Late));
        batch.report(0, Ok(place(7)));
        assert_eq!(batch.wait(Instant::now()), Ok(vec![place(7), place(8)]));
    }

    #[test]
    fn the_first_failure_is_told_once_all_are_reported() {
        let batch = Batch::new(2);
        batch.report(0, Err(RDKafkaErrorCode::MessageTimedOut));
        batch.report(1, Err(RDKafkaErrorCode::PurgeQueue));
        let expected = Undelivered::Refused(RDKafkaErrorCode::MessageTimedOut);
        assert_eq!(batch.wait(Instant::now()), Err(expected));
    }

    #[test]
    fn a_record_over_the_limit_is_refused_by_topic_and_size() {
        let mut record = Outgoing {
            topic: "alerts".into(),
            partition: None,
            timestamp: None,
            key: Some("k".into()),
            value: Some(vec![0; RECORD_BYTES_MAX - 1].into()),
            headers: Vec::new(),
        };
        assert_eq!(check_size(&record), Ok(()));
        record.headers.push(ports::Header::new("h", "v"));
        let refused = check_size(&record).unwrap_err();
        assert_eq!(refused.kind, ErrorKind::Refused);
        assert!(refused.message.contains("`alerts`") && refused.message.contains("1000002"), "{refused}");
    }
}
