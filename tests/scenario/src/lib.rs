//! Scenarios: plain files that a tenant can read and write, of rules, timed events and the alerts that must come of them.
//!
//! [`Scenario::read`] reads one, `docs/scenarios.md` describes the format. [`check`] runs it through the loop of a worker, on a
//! log and stores in memory and a clock of its own, in every [`Way`] that must make no difference: in one batch and in many, cut in
//! two anywhere, over several partitions, and with a crash after every batch. [`Mismatch`] shows what differs, line by line.

mod diff;
mod expectation;
mod lines;
mod moment;
mod names;
mod read;
mod scenario;
mod way;
mod world;

pub use diff::Mismatch;
pub use expectation::{Expectation, Stream};
pub use lines::Malformed;
pub use scenario::{Action, Scenario, Step};
pub use way::{Failure, Way, check, ways};
