//! The queue before the writer: numbers records, keeps the order of callers, and bounds what waits.
//!
//! Offsets are given out by the calling thread under the queue's lock, and the request joins the queue before the
//! lock is released: so positions can be made from the places while the caller's closure is at hand, and records are
//! written in the order of their offsets. If a write fails the queue is closed for good, since offsets that were
//! given out after it stand on records that are not there.

use std::collections::{BTreeMap, VecDeque};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use engine::Offset;
use ports::{Error, ErrorKind, Place, Result};

use super::draft::Draft;
use super::notes::Note;

/// The most bytes that wait; a larger request waits until it is alone.
const QUEUE_BYTES_MAX: usize = 64 * 1024 * 1024;
/// The most bytes that are written in one step, or one request if that is larger.
const GROUP_BYTES_MAX: usize = 8 * 1024 * 1024;
/// What a note counts for.
const NOTE_BYTES: usize = 256;

/// How often each group was joined.
pub(super) type Generations = BTreeMap<String, u64>;

/// What a caller waits for: all of it is written in one step.
pub(super) struct Request {
    pub(super) draft: Draft,
    pub(super) places: Vec<Place>,
    pub(super) notes: Vec<Note>,
    pub(super) answer: SyncSender<Result<Vec<Place>>>,
}

impl Request {
    fn size(&self) -> usize {
        self.draft.size() + self.notes.len() * NOTE_BYTES
    }
}

/// The queue.
pub(super) struct Queue {
    state: Mutex<State>,
    work: Condvar,
    room: Condvar,
}

struct State {
    waiting: VecDeque<Request>,
    bytes: usize,
    /// The next free offset of every partition of every topic, by slot.
    next: Vec<Offset>,
    generations: Generations,
    /// Why nothing more is taken.
    failure: Option<Error>,
    closed: bool,
}

impl Queue {
    pub(super) fn new(next: Vec<Offset>, generations: Generations) -> Self {
        let state =
            State { waiting: VecDeque::new(), bytes: 0, next, generations, failure: None, closed: false };
        Self { state: Mutex::new(state), work: Condvar::new(), room: Condvar::new() }
    }

    /// A panic in a caller's closure leaves the state as it was, so a poisoned lock is still good.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds the partitions of a new topic and answers the slot of the first.
    pub(super) fn add_partitions(&self, count: u32) -> usize {
        let mut state = self.lock();
        let slot = state.next.len();
        state.next.resize(slot + count as usize, Offset(0));
        slot
    }

    /// How often a group was joined.
    pub(super) fn generation(&self, group: &str) -> Option<u64> {
        self.lock().generations.get(group).copied()
    }

    /// Numbers the records, has `prepare` say what is to be noted with them, and waits until all is durable.
    ///
    /// `prepare` runs under the lock that all callers need, so it must be short and not call the log.
    pub(super) fn submit(
        &self,
        draft: Draft,
        prepare: impl FnOnce(&mut Generations, &[Place]) -> Result<Vec<Note>>,
    ) -> Result<Vec<Place>> {
        let (answer, answered) = sync_channel(1);
        {
            let mut state = self.with_room(draft.size())?;
            let state = &mut *state;
            // On a copy: if `prepare` refuses, no offset was given out.
            let mut next = state.next.clone();
            let places = draft.places(&mut next);
            let notes = prepare(&mut state.generations, &places)?;
            if places.is_empty() && notes.is_empty() {
                return Ok(places);
            }
            state.next = next;
            let request = Request { draft, places, notes, answer };
            state.bytes += request.size();
            state.waiting.push_back(request);
        }
        self.work.notify_one();
        // The writer answers every request that it takes, and a closed queue those that are left.
        answered.recv().unwrap_or_else(|_| Err(stopped()))
    }

    fn with_room(&self, size: usize) -> Result<MutexGuard<'_, State>> {
        let mut state = self.lock();
        loop {
            if let Some(failure) = &state.failure {
                return Err(failure.clone());
            }
            if state.waiting.is_empty() || state.bytes + size <= QUEUE_BYTES_MAX {
                return Ok(state);
            }
            metrics::counter!(crate::metrics::QUEUE_FULL_TOTAL).increment(1);
            state = self.room.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Waits for requests and takes as many as make a group; none once the queue is closed and empty.
    pub(super) fn take(&self) -> Option<Vec<Request>> {
        let mut state = self.lock();
        while state.waiting.is_empty() {
            if state.closed {
                return None;
            }
            state = self.work.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        let (mut group, mut bytes) = (Vec::new(), 0);
        while let Some(first) = state.waiting.front() {
            if !group.is_empty() && bytes + first.size() > GROUP_BYTES_MAX {
                break;
            }
            bytes += first.size();
            group.extend(state.waiting.pop_front());
        }
        state.bytes -= bytes;
        self.room.notify_all();
        Some(group)
    }

    /// Refuses everything from now on, also what waits.
    pub(super) fn fail(&self, failure: &Error) {
        let waiting = {
            let mut state = self.lock();
            state.failure.get_or_insert_with(|| failure.clone());
            state.bytes = 0;
            std::mem::take(&mut state.waiting)
        };
        self.room.notify_all();
        for request in waiting {
            // A caller that has gone needs no answer.
            drop(request.answer.send(Err(failure.clone())));
        }
    }

    /// Lets the writer end once nothing waits.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.work.notify_one();
    }
}

/// The error of those whom the writer left without an answer.
pub(super) fn stopped() -> Error {
    Error::new(
        ErrorKind::Corrupt,
        "the writer of the log has stopped: see the messages above, then start again",
    )
}
