//! The state backend: keyed state of each partition in a RocksDB of its own.
//!
//! A store is a cache of committed history: the changelog can rebuild it, so writes are atomic but not synced, and
//! after a crash of the machine a store may have fallen back to an earlier write, never to a part of one. What the
//! keys and values mean is the engine's business, and what to do with a store that cannot be read the worker's.

pub mod checkpoint;
mod error;
pub mod metrics;
mod options;
mod reader;
mod store;
mod stores;
#[cfg(test)]
mod tests;

pub use stores::{RocksStores, Settings};
