//! Appending outside of transactions: one idempotent producer, shared by all threads.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use ports::{Error, ErrorKind, Outgoing, Place, Result};
use rdkafka::producer::Producer as _;

use super::context::lock;
use super::delivery::{DeliveryContext, Producer, Undelivered, check_size, deliver};
use super::errors::{error, from_kafka};
use super::metrics;
use super::observer::Observer;
use super::settings::{DELIVERY_TIMEOUT, Settings};

/// librdkafka gives up on a record after its delivery timeout; its report needs a moment more.
const REPORT_TIMEOUT: Duration = DELIVERY_TIMEOUT.saturating_add(Duration::from_secs(2));

/// Appends for all threads of the process.
pub(super) struct Appender {
    settings: Settings,
    // Replaced when librdkafka has given it up, which happens if the brokers forget a sequence of records.
    producer: Mutex<Arc<Producer>>,
}

impl Appender {
    pub(super) fn new(settings: Settings) -> Result<Self> {
        Ok(Self { producer: Mutex::new(Arc::new(connect(&settings)?)), settings })
    }

    /// Appends records and answers their places, once all are durable.
    pub(super) fn append(&self, observer: &Observer, records: Vec<Outgoing>) -> Result<Vec<Place>> {
        let mut placed = Vec::with_capacity(records.len());
        for record in records {
            check_size(&record)?;
            placed.push((observer.place(&record)?, record));
        }
        let producer = Arc::clone(&lock(&self.producer));
        match deliver(&producer, &placed, Instant::now() + REPORT_TIMEOUT) {
            Ok(places) => {
                metrics::appended(places.len());
                Ok(places)
            },
            Err(Undelivered::Late) => Err(Error::new(
                ErrorKind::Unavailable,
                "appending records: Kafka took none, or too few, of them in time",
            )),
            Err(Undelivered::Refused(code)) => {
                let ended = producer.client().fatal_error();
                let Some((cause, detail)) = ended else {
                    return Err(error("appending records", code, ""));
                };
                self.replace(&producer)?;
                Err(error("appending records", cause, &detail))
            },
        }
    }

    fn replace(&self, ended: &Arc<Producer>) -> Result<()> {
        let mut producer = lock(&self.producer);
        if Arc::ptr_eq(&producer, ended) {
            *producer = Arc::new(connect(&self.settings)?);
        }
        Ok(())
    }
}

fn connect(settings: &Settings) -> Result<Producer> {
    let producer = settings.producer().create_with_context(DeliveryContext::default());
    producer.map_err(|problem| from_kafka("connecting to Kafka", &problem))
}
