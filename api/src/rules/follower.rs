//! Follows the control topic from its beginning and keeps the rule book that it makes.

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::thread::JoinHandle;
use std::time::Duration;

use engine::{Offset, Partition};
use ports::{Log, Record};
use rules::RuleBook;
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use super::outcome::{Outcomes, Resolved, resolve};
use crate::stop::Stop;

/// Controls have one partition, since they are one history.
const CONTROLS: Partition = Partition(0);
const RECORDS_MAX: usize = 1_000;
/// How long a poll waits, and so how late a stop is noticed.
const POLL: Duration = Duration::from_millis(100);
/// How long to wait after an error of the log.
const PAUSE: Duration = Duration::from_millis(500);

/// The rule book as far as it was read. Clones share it.
#[derive(Clone)]
pub(crate) struct Follower(Arc<Shared>);

struct Shared {
    state: RwLock<State>,
    progress: watch::Sender<Progress>,
}

/// Changed in place under the lock: a copy of a book of 100,000 rules for each record would be the greater evil.
#[derive(Default)]
struct State {
    book: RuleBook,
    outcomes: Outcomes,
}

#[derive(Clone)]
struct Progress {
    next: Offset,
    /// Whether the end was reached once since the start.
    caught_up: bool,
    failure: Option<String>,
}

impl Follower {
    /// A follower that has read nothing yet.
    pub(crate) fn new() -> Self {
        let progress = Progress { next: Offset(0), caught_up: false, failure: None };
        Self(Arc::new(Shared { state: RwLock::default(), progress: watch::Sender::new(progress) }))
    }

    /// Starts the thread that reads the topic.
    pub(crate) fn start(
        &self,
        log: Arc<dyn Log>,
        topic: String,
        stop: Stop,
    ) -> std::io::Result<JoinHandle<()>> {
        let follower = self.clone();
        let run = move || follower.run(&*log, &topic, &stop);
        std::thread::Builder::new().name("api-rules".to_owned()).spawn(run)
    }

    fn run(&self, log: &dyn Log, topic: &str, stop: &Stop) {
        // Whatever ends this thread, a defect too, is seen by whoever asks for readiness.
        let _end = OnEnd(self);
        while !stop.is_set() {
            if let Err(error) = self.follow(log, topic, stop) {
                tracing::warn!(topic, %error, "reading rules has failed and is tried again");
                self.fail(format!("reading `{topic}`: {error}"));
                std::thread::sleep(PAUSE);
            }
        }
    }

    fn follow(&self, log: &dyn Log, topic: &str, stop: &Stop) -> ports::Result<()> {
        let next = self.0.progress.borrow().next;
        let mut reader = log.reader(topic, &[(CONTROLS, next)])?;
        while !stop.is_set() {
            let polled = reader.poll(RECORDS_MAX, POLL)?;
            self.take(&polled.records, polled.at_end);
        }
        Ok(())
    }

    fn take(&self, records: &[Record], at_end: bool) {
        if !records.is_empty() {
            let mut state = self.write();
            let State { book, outcomes } = &mut *state;
            let mut malformed = 0;
            for record in records {
                let resolved = resolve(book, record);
                malformed += usize::from(matches!(resolved, Resolved::Malformed(_)));
                outcomes.push(record.offset, resolved);
            }
            crate::metrics::controls(records.len(), malformed, book.len());
        }
        self.0.progress.send_if_modified(|progress| {
            let next = records.last().map_or(progress.next, |record| record.offset.next());
            let caught_up = progress.caught_up || at_end;
            let modified =
                next != progress.next || caught_up != progress.caught_up || progress.failure.is_some();
            *progress = Progress { next, caught_up, failure: None };
            modified
        });
    }

    fn fail(&self, failure: String) {
        self.0.progress.send_modify(|progress| progress.failure = Some(failure));
    }

    /// Looks into the book.
    pub(super) fn look<T>(&self, at: impl FnOnce(&RuleBook) -> T) -> T {
        at(&self.read().book)
    }

    /// Waits until the record at this offset was read, and tells what became of it. Nothing if that takes too long,
    /// or took so long that it was forgotten.
    pub(super) async fn resolved(&self, offset: Offset, deadline: Instant) -> Option<Resolved> {
        let mut progress = self.0.progress.subscribe();
        let read = progress.wait_for(|progress| progress.next > offset);
        timeout_at(deadline, read).await.ok()?.ok()?;
        self.read().outcomes.find(offset)
    }

    /// Why rules cannot be shown or written now, if so.
    pub(crate) fn not_ready(&self) -> Option<String> {
        let progress = self.0.progress.borrow();
        let behind = || format!("still reading rules; at control record {}", progress.next);
        progress.failure.clone().or_else(|| (!progress.caught_up).then(behind))
    }

    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.0.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.0.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}

struct OnEnd<'a>(&'a Follower);

impl Drop for OnEnd<'_> {
    fn drop(&mut self) {
        self.0.fail("reading rules has ended".to_owned());
    }
}
