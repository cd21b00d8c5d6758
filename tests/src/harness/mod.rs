//! What tests need around the product: its process, its HTTP API, a real Kafka.

pub mod audit;
pub mod http;
pub mod kafka;
pub mod process;

use std::time::{Duration, Instant};

/// Waits until something holds, and says what was waited for if it never does.
pub fn wait_for<T>(what: &str, patience: Duration, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + patience;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "waited {patience:?} for {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
