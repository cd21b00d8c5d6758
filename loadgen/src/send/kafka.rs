//! Events straight into the topic, by an idempotent producer of our own.
//! One thread generates and produces; librdkafka keeps each partition, and so each customer, in order.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::DeliveryResult;
use rdkafka::producer::{BaseRecord, Producer, ProducerContext, ThreadedProducer};
use rdkafka::{ClientConfig, ClientContext};

use super::{Job, Sent};
use crate::workload::event::Writer;

/// How long a full queue or an unconfirmed record is waited for.
const DELIVERY_PATIENCE: Duration = Duration::from_secs(30);
const FULL_QUEUE_PAUSE: Duration = Duration::from_millis(1);

/// Counts confirmations.
#[derive(Debug, Default)]
struct Deliveries {
    confirmed: AtomicU64,
    failure: Mutex<Option<String>>,
}

/// The producer's callback.
#[derive(Clone)]
struct Confirm(Arc<Deliveries>);

impl ClientContext for Confirm {}

impl ProducerContext for Confirm {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        match result {
            Ok(_) => {
                self.0.confirmed.fetch_add(1, Ordering::Relaxed);
            },
            Err((error, _)) => {
                let mut failure = self.0.failure.lock().unwrap_or_else(PoisonError::into_inner);
                failure.get_or_insert_with(|| error.to_string());
            },
        }
    }
}

impl Deliveries {
    fn check(&self, topic: &str) -> Result<()> {
        match &*self.failure.lock().unwrap_or_else(PoisonError::into_inner) {
            None => Ok(()),
            Some(failure) => bail!("an event was not taken by the topic {topic}: {failure}"),
        }
    }
}

/// Sends the whole workload; comes back when the broker has confirmed every event.
pub(crate) fn send(broker: &str, topic: &str, compression: &str, job: Job<'_>) -> Result<Sent> {
    let deliveries = Arc::new(Deliveries::default());
    let producer: ThreadedProducer<Confirm> = ClientConfig::new()
        .set("bootstrap.servers", broker)
        .set("enable.idempotence", "true")
        .set("partitioner", "murmur2")
        .set("compression.type", compression)
        .set("linger.ms", "1")
        .set("batch.size", "262144")
        .set("queue.buffering.max.messages", "200000")
        .set("queue.buffering.max.kbytes", "262144")
        .set("message.timeout.ms", "30000")
        .create_with_context(Confirm(Arc::clone(&deliveries)))
        .context("creating the producer of events")?;

    let schedule = job.workload.schedule();
    let mut writer = Writer::new(job.workload, job.bodies);
    let mut sent = Sent::new();
    let mut envelope = String::new();
    let mut next = 0;
    while next < schedule.count() {
        let Some(now) = job.wait_for(next) else { break };
        let due = schedule.due_by(now);
        while next < due && !job.stop.load(Ordering::Relaxed) {
            envelope.clear();
            writer.append(next, &mut envelope);
            let customer = &job.workload.customers()[job.workload.fact(next).customer];
            produce(
                &producer,
                BaseRecord::to(topic).key(customer.id_text.as_str()).payload(envelope.as_str()),
            )?;
            // Against the time now, not that of waking up: a full queue delays single events.
            sent.leave(schedule.due(next), job.period, job.start.elapsed());
            sent.bytes += u64::try_from(envelope.len())?;
            next += 1;
        }
        deliveries.check(topic)?;
    }
    // ThreadedProducer's own flush sleeps in steps of 100 ms; the counter is exact.
    let deadline = Instant::now() + DELIVERY_PATIENCE;
    while deliveries.confirmed.load(Ordering::Relaxed) < next {
        deliveries.check(topic)?;
        if Instant::now() > deadline {
            bail!("{broker} did not confirm {} events in time", producer.in_flight_count());
        }
        thread::sleep(FULL_QUEUE_PAUSE);
    }
    sent.events = next;
    sent.finished = job.start.elapsed();
    Ok(sent)
}

/// Queues a record, waiting while the queue is full.
fn produce(producer: &ThreadedProducer<Confirm>, record: BaseRecord<'_, str, str>) -> Result<()> {
    let deadline = Instant::now() + DELIVERY_PATIENCE;
    let mut record = record;
    loop {
        match producer.send(record) {
            Ok(()) => return Ok(()),
            Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), back))
                if Instant::now() < deadline =>
            {
                thread::sleep(FULL_QUEUE_PAUSE);
                record = back;
            },
            Err((error, _)) => return Err(error).context("queueing an event for Kafka"),
        }
    }
}
