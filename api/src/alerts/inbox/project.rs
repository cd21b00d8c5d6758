//! Reads the alert topic into tables, each record once: into the inbox, or into what is to be sent to destinations. Any
//! number of servers may do so at the same time; whoever finds that another has read on goes on from there.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use engine::{Offset, Partition};
use ports::{Bounds, Log, Polled, Reader, Record};
use tokio::time::{Instant, sleep};

use super::super::begin::{bounds, end, oldest, resume};
use super::super::vector::Vector;
use super::item::Reading;
use crate::blocking::blocking;
use crate::records::projections::{Applied, Projection, Reached, begin_anew, look, reached};
use crate::records::{Records, destinations, inbox};
use crate::stop::Stop;

const RECORDS_MAX: usize = 512;
/// How long a poll waits, and so how late a stop is noticed.
const POLL: Duration = Duration::from_millis(100);
/// How long to wait after an error.
const PAUSE: Duration = Duration::from_millis(500);
/// How often it is looked whether another server has read on, or somebody asks for all anew.
const LOOK: Duration = Duration::from_secs(1);
/// After how many records room is made.
const TIDY: usize = 10_000;

/// One reading of the topic, and what is known of it. Clones share it.
#[derive(Clone)]
pub(crate) struct Projector {
    projection: Projection,
    failing: Arc<AtomicBool>,
}

impl Projector {
    /// Reads into these tables; [`Projector::run`] does it.
    pub(crate) fn new(projection: Projection) -> Self {
        Self { projection, failing: Arc::default() }
    }

    /// Whether it cannot read or write now, so that alerts may be missing.
    pub(crate) fn is_failing(&self) -> bool {
        self.failing.load(Ordering::Acquire)
    }

    /// Reads and writes until the stop.
    pub(crate) async fn run(self, log: Arc<dyn Log>, topic: String, records: Records, mut stop: Stop) {
        let work = Work { log, topic, records, projector: self.clone() };
        let endless = async {
            loop {
                if let Err(reason) = work.follow().await {
                    self.failing.store(true, Ordering::Release);
                    crate::metrics::inbox_failed();
                    tracing::warn!(
                        topic = work.topic,
                        reason,
                        "alerts cannot be read into tables, which is tried again"
                    );
                    sleep(PAUSE).await;
                }
            }
        };
        // What is under way is rolled back, and done again after the next start.
        tokio::select! {
            () = endless => {},
            () = stop.wait() => {},
        }
    }
}

struct Work {
    log: Arc<dyn Log>,
    topic: String,
    records: Records,
    projector: Projector,
}

impl Work {
    /// Reads on from where the tables are, until somebody else has written.
    async fn follow(&self) -> Result<(), String> {
        let (partitions, bounds) = self.bounds().await?;
        let of = self.projector.projection;
        let mut reached = reached(&self.records, of, partitions).await.map_err(|error| error.to_string())?;
        if is_of_another_log(&reached, &bounds) {
            tracing::warn!(topic = self.topic, "tables are of another log than this one: it is read anew");
            // What was there before is shown, and sent to nobody.
            let from = match of {
                Projection::Inbox => oldest(&bounds),
                Projection::Deliveries => end(&bounds),
            };
            let from: Vec<u64> = from.pairs().map(|(_, next)| next.0).collect();
            reached = begin_anew(&self.records, of, &from).await.map_err(|error| error.to_string())?;
        }
        let at = Vector::new(reached.next.iter().copied().map(Offset).collect());
        let (mut at, gap) = resume(at, &bounds);
        if gap.is_some() && reached.next.iter().any(|next| *next > 0) {
            tracing::warn!(topic = self.topic, "alerts have expired before they were read");
        }
        let mut reader = Some(self.open(&at).await?);
        self.make_room().await?;
        let (mut unwritten, mut looked) = (0, Instant::now());
        loop {
            let polled = self.poll(&mut reader).await?;
            if polled.records.is_empty() {
                // Where others read on, or all is asked for anew, the tables say so.
                if looked.elapsed() >= LOOK {
                    looked = Instant::now();
                    let now = look(&self.records, of).await.map_err(|error| error.to_string())?;
                    if now != reached {
                        return Ok(());
                    }
                }
                if polled.at_end {
                    self.projector.failing.store(false, Ordering::Release);
                }
                continue;
            }
            unwritten += polled.records.len();
            if !self.write(polled.records, &mut at, &mut reached).await? {
                return Ok(());
            }
            if unwritten >= TIDY {
                unwritten = 0;
                self.make_room().await?;
            }
        }
    }

    /// Writes a batch; false if somebody else has written meanwhile.
    async fn write(
        &self,
        records: Vec<Record>,
        at: &mut Vector,
        reached: &mut Reached,
    ) -> Result<bool, String> {
        let count = records.len();
        let mut readings = Vec::with_capacity(count);
        for record in records {
            at.pass(record.partition, record.offset);
            readings.extend(record.value.as_deref().and_then(Reading::read));
        }
        let malformed = count - readings.len();
        let to: Vec<u64> = at.pairs().map(|(_, next)| next.0).collect();
        let applied = match self.projector.projection {
            Projection::Inbox => inbox::apply(&self.records, reached, &to, readings).await,
            Projection::Deliveries => destinations::enqueue(&self.records, reached, &to, readings).await,
        };
        match applied.map_err(|error| error.to_string())? {
            Applied::Done { foreign } => {
                if self.projector.projection == Projection::Inbox {
                    crate::metrics::inbox_records(count, malformed + foreign);
                }
                reached.next = to;
                Ok(true)
            },
            Applied::Elsewhere(_) => Ok(false),
        }
    }

    async fn make_room(&self) -> Result<(), String> {
        if self.projector.projection != Projection::Inbox {
            return Ok(());
        }
        let removed = inbox::make_room(&self.records).await.map_err(|error| error.to_string())?;
        if removed > 0 {
            tracing::warn!(removed, "the oldest alerts of customers with too many have left the inbox");
        }
        Ok(())
    }

    async fn bounds(&self) -> Result<(usize, Vec<Bounds>), String> {
        self.ask(|log, topic| {
            let partitions = log.partitions(topic)? as usize;
            Ok((partitions, bounds(log, topic, partitions)?))
        })
        .await
    }

    async fn open(&self, at: &Vector) -> Result<Box<dyn Reader>, String> {
        let from: Vec<(Partition, Offset)> = at.pairs().collect();
        self.ask(move |log, topic| log.reader(topic, &from)).await
    }

    async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&dyn Log, &str) -> ports::Result<T> + Send + 'static,
    ) -> Result<T, String> {
        let (log, topic) = (Arc::clone(&self.log), self.topic.clone());
        let answer = blocking(move || question(&*log, &topic)).await;
        answer.map_err(|_| "a call of the log has ended early".to_owned())?.map_err(|error| error.to_string())
    }

    async fn poll(&self, reader: &mut Option<Box<dyn Reader>>) -> Result<Polled, String> {
        let mut taken = reader.take().ok_or("a poll has ended early")?;
        let (taken, polled) = self
            .ask(move |_, _| {
                let polled = taken.poll(RECORDS_MAX, POLL)?;
                Ok((taken, polled))
            })
            .await?;
        *reader = Some(taken);
        Ok(polled)
    }
}

/// Positions that this log does not have say nothing about it.
fn is_of_another_log(reached: &Reached, bounds: &[Bounds]) -> bool {
    let beyond = |(next, bounds): (&u64, &Bounds)| *next > bounds.end.max(bounds.start).0;
    reached.next.len() > bounds.len() || reached.next.iter().zip(bounds).any(beyond)
}
