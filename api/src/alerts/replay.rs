//! Reads alerts from the log for one stream, until the ring has what it needs.

use std::sync::Arc;
use std::time::Duration;

use engine::{Offset, Partition};
use ports::{Error, ErrorKind, Log, Polled, Reader};
use tokio::sync::Semaphore;

use super::begin::{Gap, bounds, resume};
use super::vector::Vector;
use crate::blocking::blocking;

/// How many streams read from the log at the same time; the others take turns.
const READS_MAX: usize = 16;
const RECORDS_MAX: usize = 256;
/// How long one read may wait, and so how long it keeps others from their turn.
const POLL: Duration = Duration::from_millis(100);

/// The log, for streams.
#[derive(Clone)]
pub(super) struct Source {
    log: Arc<dyn Log>,
    topic: Arc<str>,
    turns: Arc<Semaphore>,
}

/// What reading answers.
pub(super) enum Read {
    /// Records behind the position.
    Records(Polled),
    /// The position is no longer there.
    Gap(Gap),
}

/// One stream's reader; opened when it is needed.
#[derive(Default)]
pub(super) struct Replay {
    reader: Option<Box<dyn Reader>>,
    origin: Option<Vector>,
}

impl Source {
    /// The alert topic of this log.
    pub(super) fn new(log: Arc<dyn Log>, topic: &str) -> Self {
        Self { log, topic: topic.into(), turns: Arc::new(Semaphore::new(READS_MAX)) }
    }

    /// Where a stream at this position goes on, by what the log still has.
    pub(super) async fn resume(&self, at: Vector, partitions: usize) -> ports::Result<(Vector, Option<Gap>)> {
        let topic = Arc::clone(&self.topic);
        self.ask(move |log| Ok(resume(at, &bounds(log, &topic, partitions)?))).await
    }

    /// Does one blocking call in turn.
    async fn ask<T: Send + 'static>(
        &self,
        call: impl FnOnce(&dyn Log) -> ports::Result<T> + Send + 'static,
    ) -> ports::Result<T> {
        let lost = |_| Error::new(ErrorKind::Unavailable, "a call of the log has ended early");
        let turn = Arc::clone(&self.turns).acquire_owned().await;
        let turn = turn.map_err(|_| Error::new(ErrorKind::Unavailable, "the server is stopping"))?;
        let log = Arc::clone(&self.log);
        let called = blocking(move || {
            let answer = call(&*log);
            drop(turn);
            answer
        });
        called.await.map_err(lost)?
    }
}

impl Replay {
    /// Reads on from this position; `origin` is where the ring began.
    ///
    /// Offsets have holes, so a ring that began at the topic's end may never be reached record by record. A reader
    /// that comes to the end has passed every end from before it was opened. Later ends prove nothing: the reader may
    /// not have heard of them yet when it says that it is at the end.
    pub(super) async fn read(
        &mut self,
        source: &Source,
        at: &Vector,
        origin: Option<Vector>,
    ) -> ports::Result<Read> {
        let from: Vec<(Partition, Offset)> = at.pairs().collect();
        let topic = Arc::clone(&source.topic);
        let reader = self.reader.take();
        if reader.is_none() {
            self.origin = origin;
        }
        let read = source.ask(move |log| {
            let mut reader = match reader {
                Some(reader) => reader,
                None => log.reader(&topic, &from)?,
            };
            let polled = reader.poll(RECORDS_MAX, POLL)?;
            Ok((reader, polled))
        });
        match read.await {
            Ok((reader, polled)) => {
                self.reader = Some(reader);
                Ok(Read::Records(polled))
            },
            Err(error) if error.kind == ErrorKind::Gone => {
                let (_, gap) = source.resume(at.clone(), at.len()).await?;
                // Without a gap the range was gone for a moment only, which is as good as an error that passes.
                gap.map(Read::Gap).ok_or_else(|| Error::new(ErrorKind::Unavailable, error.message))
            },
            Err(error) => Err(error),
        }
    }

    /// The position that is passed once the reader is at the end.
    pub(super) fn origin(&self) -> Option<&Vector> {
        self.origin.as_ref()
    }
}
