//! What tests need around the product: its process, its HTTP API, a real Kafka.

pub mod arena;
pub mod audit;
pub mod disk;
pub mod fault_table;
pub mod http;
pub mod kafka;
pub mod process;
pub mod proxy;
pub mod role;
pub mod s3;

use std::fs::OpenOptions;
use std::io::Write;
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

/// Notes that a test was skipped: on standard error, and in the file that `TOCSIN_SKIP_LOG` names.
pub fn skip(test: &str, reason: &str) {
    let line = format!("SKIPPED {test}: {reason}\n");
    eprint!("{line}");
    if let Some(path) = std::env::var_os("TOCSIN_SKIP_LOG") {
        let log = OpenOptions::new().create(true).append(true).open(path);
        log.unwrap().write_all(line.as_bytes()).unwrap();
    }
}
