//! The loop: poll -> plan -> fetch -> apply -> commit.
//!
//! One thread, synchronous, over the traits of `ports`. It runs ahead of the commit in memory ([`segment`]), closes an
//! epoch when there is reason to ([`epoch`]), commits it to the log in one atomic step and only then writes the local
//! stores, so a store is always a prefix of committed history. A partition that comes is brought to its committed
//! position first ([`recovery`]).

mod bootstrap;
mod clock;
mod controls;
mod epoch;
mod groups;
mod merging;
pub mod metrics;
mod outgoing;
mod partition;
mod planning;
mod recovery;
mod reseed;
pub mod router;
mod rulebook;
mod segment;
mod settings;
mod silence;
mod status;
mod suspending;
mod sweeping;
mod uncommitted;
mod worker;

pub use bootstrap::{Background, Inline};
pub use clock::{Clock, Moment};
pub use groups::GroupBoard;
pub use reseed::last_position;
pub use settings::Settings;
pub use status::{PartitionState, Status, StatusBoard};
pub use worker::{Stop, Worker};
