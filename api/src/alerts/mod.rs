//! Alerts over HTTP: one reader of the alert topic for all streams, a ring of the latest alerts in memory, and the
//! log itself for whoever comes from further back or is too slow for the ring.
//!
//! A stream's position is a [`vector::Vector`]: per partition the offset that comes next. All that is before it was
//! told, nothing behind it was; so the ring and the log can take turns without loss or repeat.

mod begin;
mod frame;
pub(crate) mod inbox;
mod replay;
mod ring;
pub(crate) mod stream;
mod tail;
mod telling;
mod vector;

pub(crate) use stream::Streams;

#[cfg(test)]
mod tests;
