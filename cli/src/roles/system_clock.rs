//! The system's clocks.

use std::time::{Instant, SystemTime};

use engine::Timestamp;
use worker::{Clock, Moment};

/// The system's clocks, the monotonic one since this was made.
pub(crate) struct SystemClock(Instant);

impl SystemClock {
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Moment {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let wall = Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX));
        Moment { wall, monotonic: self.0.elapsed() }
    }
}
