//! Keyed state: (rules, state, events) -> effects.
//!
//! Pure: no clock, file, socket, environment, thread or random source. A batch of records goes through
//! [`plan`] (decode and match; needs no state), the caller fetches [`Plan::reads`] in one go, and [`apply`] turns
//! plan and state into [`Effects`]: state writes, alerts and dead letters. Everything is judged per event in offset
//! order, so any split of the input into batches gives the same effects.
#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

mod alert;
mod apply;
mod count;
mod dead_letter;
mod event;
mod key;
mod partitioner;
mod plan;
mod stream;
mod varint;
mod view;
mod write;

pub use alert::{Alert, AlertState, Evidence, Origin, Window};
pub use apply::{Context, CorruptState, Effects, apply};
pub use count::{Count, CountError, EVIDENCE_MAX};
pub use dead_letter::{DeadLetter, Reason, Refusal};
pub use event::{EVENT_BYTES_MAX, Event, decode};
pub use key::{Key, clock_key, count_key, generation_range};
pub use partitioner::partition_of;
pub use plan::{Input, Matched, Plan, Step, plan};
pub use stream::{Offset, Partition, Timestamp};
pub use varint::{Reader, Truncated, put_varint};
pub use view::View;
pub use write::{Table, Write};
