//! What one stream tells next: from the ring where it can, from the log where it must.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout_at};

use super::begin::Gap;
use super::replay::{Read, Replay, Source};
use super::ring::{Alert, Turn};
use super::tail::Tail;
use super::vector::Vector;

const ALERTS_MAX: usize = 128;
/// How long to wait after an error of the log.
const PAUSE: Duration = Duration::from_millis(500);

/// The next things to tell; empty if nothing came in time.
pub(super) enum News {
    /// Alerts, each with the position behind it. Those of other customers are left out already.
    Alerts(Vec<(Vector, Bytes)>),
    /// Alerts were missed.
    Gap(Gap),
}

/// One stream.
pub(super) struct Telling {
    tail: Tail,
    source: Source,
    customer: Option<Bytes>,
    /// All before this was told or left out, nothing behind it.
    at: Vector,
    place: Place,
    last: watch::Receiver<Turn>,
}

enum Place {
    /// Reading from the ring, from this turn on.
    Ring(Turn),
    /// Reading from the log.
    Log(Replay),
}

impl Telling {
    /// A stream from this position on, of one customer's alerts or of all.
    pub(super) fn new(tail: Tail, source: Source, at: Vector, customer: Option<Bytes>) -> Self {
        let last = tail.subscribe();
        Self {
            tail,
            source,
            customer,
            at,
            // The first look at the ring decides.
            place: Place::Log(Replay::default()),
            last,
        }
        .seated()
    }

    /// Where the stream is.
    pub(super) fn at(&self) -> &Vector {
        &self.at
    }

    /// What comes next; waits for it until `deadline`, or a little longer if the log is slow.
    pub(super) async fn next(&mut self, deadline: Instant) -> News {
        match &mut self.place {
            Place::Ring(turn) => {
                let turn = *turn;
                self.read_ring(turn, deadline).await
            },
            Place::Log(_) => self.read_log().await,
        }
    }

    async fn read_ring(&mut self, turn: Turn, deadline: Instant) -> News {
        // Marked as seen before looking, so that what comes after the look is noticed.
        self.last.mark_unchanged();
        let alerts = self.tail.look(|ring| ring.read(turn, ALERTS_MAX)).flatten();
        let Some(alerts) = alerts else {
            crate::metrics::stream_replay();
            self.place = Place::Log(Replay::default());
            return News::Alerts(Vec::new());
        };
        if alerts.is_empty() {
            // Over or changed: either way the caller asks again.
            drop(timeout_at(deadline, self.last.changed()).await);
            return News::Alerts(Vec::new());
        }
        self.place = Place::Ring(turn + alerts.len() as u64);
        News::Alerts(alerts.iter().filter_map(|alert| self.pass(alert)).collect())
    }

    async fn read_log(&mut self) -> News {
        let Place::Log(replay) = &mut self.place else {
            return News::Alerts(Vec::new());
        };
        let origin = self.tail.look(|ring| ring.origin().clone());
        let read = replay.read(&self.source, &self.at, origin).await;
        let passed = replay.origin().cloned();
        let polled = match read {
            Ok(Read::Records(polled)) => polled,
            Ok(Read::Gap(gap)) => {
                self.at = gap.to.clone();
                self.seat();
                return News::Gap(gap);
            },
            Err(error) => {
                tracing::debug!(%error, "a stream cannot read the log and tries again");
                sleep(PAUSE).await;
                return News::Alerts(Vec::new());
            },
        };
        let alerts = polled.records.into_iter().map(|record| Arc::new(Alert::from(record)));
        let news = alerts.filter_map(|alert| self.pass(&alert)).collect();
        if let (true, Some(passed)) = (polled.at_end, passed) {
            self.at.raise(&passed);
        }
        self.seat();
        News::Alerts(news)
    }

    /// Moves on behind an alert, and answers it if it is to be told.
    fn pass(&mut self, alert: &Alert) -> Option<(Vector, Bytes)> {
        if !self.at.pass(alert.partition, alert.offset) {
            return None;
        }
        let wanted = |customer: &Bytes| alert.key.as_ref() == Some(customer);
        let value = alert.value.as_ref()?;
        let told = self.customer.as_ref().is_none_or(wanted);
        told.then(|| (self.at.clone(), value.clone()))
    }

    /// Takes a place in the ring as soon as the position allows it.
    fn seat(&mut self) {
        if let Some(turn) = self.tail.look(|ring| ring.join(&self.at)).flatten() {
            self.place = Place::Ring(turn);
        }
    }

    fn seated(mut self) -> Self {
        self.seat();
        self
    }
}
