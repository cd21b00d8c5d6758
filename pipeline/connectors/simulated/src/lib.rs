//! A world of one thread for tests: a log with transactions and groups as Kafka has them, stores on disks that can be
//! lost, virtual time, and faults at any call of a port.
//!
//! Every call of a port is a [`Point`]. There the world may let the calling process crash, stop it while others go on,
//! or refuse, delay and lose what was asked for. All of it follows from a seed, or from a list of faults by the number of
//! the call ([`Faults`]); so one seed replays a run exactly, and a failing list can be made shorter. What happened is kept
//! as [`Seen`] for an auditor and as a trace for people.
#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

mod broker;
mod chance;
mod checkpoints;
mod commit;
mod fault;
mod group;
mod log;
mod member;
mod mutation;
mod process;
mod reader;
mod seen;
mod stores;
mod world;

pub use chance::draw;
pub use fault::{Fault, Faults, Point, Rates};
pub use log::SimulatedLog;
pub use mutation::Mutation;
pub use process::{Crashed, ProcessId};
pub use seen::Seen;
pub use stores::{SimulatedStores, Tables};
pub use world::{Meanwhile, World};
