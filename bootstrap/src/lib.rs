//! History: every event that ever was, in files that other programs can read too, and what rules make of it.
//!
//! - [`archiver`] writes the records of the event topic into the [`table`], exactly once;
//! - [`table`] says which files count, in entries that are created once each;
//! - [`compaction`], [`retention`] and [`erasure`] replace files and take them away;
//! - [`import`] adds what happened before the log began;
//! - [`scan`] reads rows of a pinned version, of chosen customers, offsets and times alone;
//! - [`Archived`] hands rows to the worker, which fills new rules from them;
//! - [`fold`] applies rules to what a scan reads, and [`preview`] tells what they would have done.
//!
//! Where something is missing or damaged there is an [`Error`] that names it, never a smaller answer.

pub mod archiver;
pub mod compaction;
pub mod erasure;
mod error;
pub mod file;
pub mod fold;
pub mod import;
pub mod metrics;
pub mod objects;
mod past;
pub mod preview;
pub mod retention;
mod rewrite;
pub mod row;
pub mod scan;
pub mod table;
#[cfg(test)]
mod testing;
mod time;

pub use archiver::Archiver;
pub use error::{Error, Result};
pub use objects::Objects;
pub use past::Archived;
pub use row::Row;
pub use scan::{Scan, Selection};
pub use table::{Snapshot, Table};
