//! Time as the worker sees it. The binary passes the system's clock, tests their own.

use std::time::Duration;

use engine::Timestamp;

/// A moment, once on each clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// The time of day; may jump.
    pub wall: Timestamp,
    /// Time since some start; never goes back.
    pub monotonic: Duration,
}

/// Tells the time.
pub trait Clock: Send {
    /// The present moment.
    fn now(&self) -> Moment;
}
