//! The machine a result comes from; without it figures cannot be compared.

use std::fs;
use std::thread;

use serde::{Deserialize, Serialize};

/// What is known of this machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Machine {
    /// Cores that this process may use.
    pub(crate) cores: usize,
    /// The model of the first.
    pub(crate) cpu: String,
    /// Memory in GiB, rounded down.
    pub(crate) memory_gib: u64,
    /// The kernel's release.
    pub(crate) kernel: String,
}

impl Machine {
    /// Asks `/proc`; what it does not say is `unknown`.
    pub(crate) fn here() -> Self {
        let read = |path| fs::read_to_string(path).unwrap_or_default();
        let unknown = || "unknown".to_owned();
        let kib: Option<u64> =
            field(&read("/proc/meminfo"), "MemTotal").and_then(|text| text.split(' ').next()?.parse().ok());
        Self {
            cores: thread::available_parallelism().map_or(0, usize::from),
            cpu: field(&read("/proc/cpuinfo"), "model name").unwrap_or_else(unknown),
            memory_gib: kib.unwrap_or(0) >> 20,
            kernel: Some(read("/proc/sys/kernel/osrelease").trim().to_owned())
                .filter(|text| !text.is_empty())
                .unwrap_or_else(unknown),
        }
    }
}

/// The value of the first line `name : value`.
fn field(text: &str, name: &str) -> Option<String> {
    text.lines().find_map(|line| {
        let (found, value) = line.split_once(':')?;
        (found.trim() == name).then(|| value.trim().to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::field;

    #[test]
    fn the_first_of_equal_fields_counts() {
        let text = "processor\t: 0\nmodel name\t: A: fast one\n\nmodel name\t: another\n";
        assert_eq!(field(text, "model name").as_deref(), Some("A: fast one"));
        assert_eq!(field(text, "flags"), None);
    }
}
