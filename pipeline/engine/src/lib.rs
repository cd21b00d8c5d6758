//! Keyed state: (rules, state, events) -> effects.
//!
//! Pure: no clock, file, socket, environment, thread or random source. A batch of records goes through
//! [`plan`] (decode and match; needs no state), the caller fetches [`Plan::reads`] in one go, and [`apply`] turns
//! plan and state into [`Effects`]: state writes, alerts and dead letters. Everything is judged per event in offset
//! order, so any split of the input into batches gives the same effects.
#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

mod alert;
mod apply;
mod bucket;
mod clock;
mod dead_letter;
mod evaluate;
mod event;
mod fold;
mod group;
mod group_page;
mod group_view;
mod head;
mod hidden;
mod hit;
mod join;
mod key;
mod moment;
mod partitioner;
mod past;
mod plan;
mod redact;
mod rehearsal;
mod rule_tests;
mod run;
mod scalar;
mod sketch;
mod stored;
mod stream;
mod sweep;
mod tally;
mod trail;
mod varint;
mod view;
mod write;

pub use alert::{ALERT_BYTES_MAX, Alert, AlertEntity, Evidence, Origin, Window};
pub use apply::{Context, Counts, Cut, Effects, Failure, Idle, LateEvent, advance, apply, wake};
pub use dead_letter::{DeadLetter, Reason, Refusal};
pub use evaluate::DISTINCT_EXACT_MAX;
pub use event::{EVENT_BYTES_MAX, Event, customer_of, decode, decode_stamped};
pub use fold::{Fold, Newcomer, Told};
pub use group::{GROUPS_PER_EVENT_MAX, Group};
pub use group_page::{GROUPS_LOOKED_AT_MAX, GroupCursor, GroupPage, group_page};
pub use group_view::GroupView;
pub use hidden::{Hidden, hidden_range, hidden_write, reveal};
pub use join::join;
pub use key::{ClockId, Key, clock_key, generation_of, generation_range, key_owner};
pub use moment::read as read_time;
pub use partitioner::partition_of;
pub use past::{Past, Telling};
pub use plan::{Input, Plan, Step, plan};
pub use rehearsal::{Outcome, Rehearsal};
pub use rule_tests::{Difference, TestReport, run_tests};
pub use stored::StoredError;
pub use stream::{Offset, Partition, Timestamp};
pub use sweep::{Swept, begins_sweep_of, erase, judge_anew, sweep, sweeps};
pub use trail::ENTITIES_MAX;
pub use varint::{Reader, Truncated, put_varint};
pub use view::{CUSTOMER_GROUPS_MAX, MemoryState, Source, Unavailable, View};
pub use write::{Table, Write};
