//! The traits between the worker, the connectors, the state backend and the API, and the plain values that cross them.
//!
//! Pure but for [`memory`], whose condition variable lets tests wait. What a position, a changelog record or a topic
//! means is decided here; connectors move bytes.
#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

mod bootstrap;
pub mod changelog;
mod error;
mod groups;
mod history;
mod log;
mod member;
pub mod memory;
mod position;
mod preview;
mod savepoint;
mod store;
mod topics;

pub use bootstrap::{BootstrapPhase, BootstrapStatus, Bootstraps, SeenBootstraps};
pub use error::{Error, ErrorKind, Result};
pub use groups::{GroupQuery, Groups, NoGroups, StateReader};
pub use history::{History, PinnedHistory, Rows, Wanted};
pub use log::{Bounds, Committed, Header, Log, Outgoing, Place, Polled, Reader, Record, header};
pub use member::{CommitError, Member, MemberEvent, Membership, Positions};
pub use position::{Position, PositionError};
pub use preview::{
    Difference, Differences, Fired, FiredAbout, FiredOnDay, PreviewAnswer, PreviewBudget, PreviewEnd,
    PreviewProgress, PreviewQuestion, Previews,
};
pub use savepoint::{Part, Savepoint, Savepoints};
pub use store::{GENERATION_KEY, POSITION_KEY, Restore, SAVEPOINT_KEY, Store, Stores, Usable};
pub use topics::{Retention, TopicSpec, TopicState, Topics, findings};
