//! Sends what waits for destinations: of each one thing after the other in the order of the topic, of all so many at
//! once, of a customer only a few, so that a destination that is dead or slow delays nobody else. A delivery comes at
//! least once: who is told twice sees the same `tocsin-delivery`.

use std::collections::HashMap;
use std::time::Duration;

use rules::{CustomerId, Timestamp};
use serde_json::Value;
use tokio::task::JoinSet;
use tokio::time::sleep;
use uuid::Uuid;

use super::send::{Message, Sender};
use super::verdict::{Verdict, pause};
use crate::blocking::blocking;
use crate::clock;
use crate::records::destinations::{self, Came, Delivery, Destination};
use crate::records::{Records, RecordsError, silences};
use crate::settings::Settings;
use crate::stop::Stop;

/// How often it is looked what waits.
const LOOK: Duration = Duration::from_millis(200);
/// How long to wait after an error of the records.
const PAUSE: Duration = Duration::from_secs(1);
/// How many deliveries of a destination are sent before others get their turn.
const TURN: i64 = 20;
/// To so many destinations of one customer is sent at once.
const OF_CUSTOMER_MAX: usize = 4;
/// So long a server that has stopped in the midst keeps a destination from others: longer than an attempt takes.
const LEASE: Duration = Duration::from_secs(30);
/// After so long a delivery is given up.
const GIVEN_UP_AFTER: Duration = Duration::from_secs(24 * 60 * 60);

/// Sends what waits.
pub(crate) struct Deliverer {
    work: Work,
    sending_max: usize,
}

/// Which destination each turn is of, and whose.
type Busy = HashMap<tokio::task::Id, (Uuid, CustomerId)>;

#[derive(Clone)]
struct Work {
    records: Records,
    sender: Sender,
}

impl Deliverer {
    pub(crate) fn new(records: Records, settings: &Settings) -> Self {
        let sender = Sender::new(settings.destination_networks.clone());
        Self { work: Work { records, sender }, sending_max: settings.sending_max }
    }

    /// Sends until the stop; what is under way then is sent again after the next start.
    pub(crate) async fn run(self, mut stop: Stop) {
        let mut turns = JoinSet::new();
        let mut busy = Busy::new();
        let endless = async {
            loop {
                while let Some(ended) = turns.try_join_next_with_id() {
                    busy.remove(&ended.map_or_else(|panicked| panicked.id(), |(task, ())| task));
                }
                if let Err(error) = self.begin(&mut turns, &mut busy).await {
                    tracing::warn!(%error, "what is to be sent to destinations cannot be read");
                    sleep(PAUSE).await;
                }
                sleep(LOOK).await;
            }
        };
        tokio::select! {
            () = endless => {},
            () = stop.wait() => {},
        }
    }

    /// Begins a turn of every destination for which something waits, as far as there is room.
    async fn begin(&self, turns: &mut JoinSet<()>, busy: &mut Busy) -> Result<(), RecordsError> {
        let now = clock::now();
        // More than there is room for, since some of one customer may have to wait.
        for destination in destinations::due(&self.work.records, now, 1_000).await? {
            let is_busy = busy.values().any(|(id, _)| *id == destination.id);
            let of_customer = busy.values().filter(|(_, customer)| *customer == destination.customer).count();
            if busy.len() >= self.sending_max {
                break;
            }
            if of_customer >= OF_CUSTOMER_MAX || is_busy {
                continue;
            }
            let (id, customer) = (destination.id, destination.customer);
            let work = self.work.clone();
            let turn = turns.spawn(async move {
                if let Err(error) = work.turn(destination).await {
                    tracing::warn!(%error, destination = %id, "what was sent cannot be written down");
                    sleep(PAUSE).await;
                }
            });
            busy.insert(turn.id(), (id, customer));
        }
        Ok(())
    }
}

impl Work {
    async fn turn(&self, destination: Destination) -> Result<(), RecordsError> {
        let (id, now) = (destination.id, clock::now());
        if !destinations::lease(&self.records, id, now, later(now, LEASE)).await? {
            return Ok(());
        }
        let mut failures = destination.failures;
        for delivery in destinations::waiting(&self.records, id, TURN).await? {
            let number = delivery.number;
            destinations::keep(&self.records, id, later(clock::now(), LEASE)).await?;
            let came = self.deliver(&destination, delivery, failures).await?;
            destinations::note(&self.records, id, number, &came).await?;
            match came {
                Came::Again(..) => break,
                Came::Delivered => failures = 0,
                Came::Silenced | Came::Dropped(_) => {},
            }
        }
        destinations::keep(&self.records, id, Timestamp(0)).await
    }

    async fn deliver(
        &self,
        destination: &Destination,
        delivery: Delivery,
        failures: u64,
    ) -> Result<Came, RecordsError> {
        let now = clock::now();
        let alert: Value = serde_json::from_str(&delivery.document).unwrap_or_default();
        let lasting = silences::lasting(&self.records, Some(destination.customer), now).await?;
        if lasting.iter().any(|silence| silence.silences(destination.customer, &alert)) {
            crate::metrics::delivery("silenced");
            return Ok(Came::Silenced);
        }
        let sender = self.sender.clone();
        let Destination { id, name, url, form, secret, .. } = destination.clone();
        let Delivery { number, at, document } = delivery;
        let sent = blocking(move || {
            let body = form.body(&document, &name);
            let named = format!("{id}-{number}");
            let seconds = now.0.div_euclid(1_000);
            sender.send(&Message { url: &url, secret: &secret, delivery: &named, now: seconds, body: &body })
        });
        let verdict = sent.await.unwrap_or_else(|_| Verdict::Again("the attempt has ended early".to_owned()));
        Ok(match verdict {
            Verdict::Delivered => {
                crate::metrics::delivery("delivered");
                Came::Delivered
            },
            Verdict::Refused(reason) => {
                crate::metrics::delivery("refused");
                Came::Dropped(reason)
            },
            Verdict::Again(reason) if later(at, GIVEN_UP_AFTER) <= now => {
                crate::metrics::delivery("given-up");
                Came::Dropped(format!("{reason}, for a day"))
            },
            Verdict::Again(reason) => {
                crate::metrics::delivery("failed");
                let spread = id.as_u128() % 1_000;
                let pause = pause(failures + 1, u64::try_from(spread).unwrap_or_default());
                Came::Again(reason, later(now, pause))
            },
        })
    }
}

fn later(time: Timestamp, by: Duration) -> Timestamp {
    Timestamp(time.0.saturating_add(i64::try_from(by.as_millis()).unwrap_or(i64::MAX)))
}
