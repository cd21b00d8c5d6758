//! What a process of this machine has used: CPU time and peak memory, from `/proc`.
//! The clock ticks are those of the kernel's interface, 100 a second on every Linux, whatever its own.

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result};

const TICK: Duration = Duration::from_millis(10);
const KIB: u64 = 1_024;

/// What a process has used so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Usage {
    /// User and system time of all threads, those that ended too.
    pub(crate) cpu: Duration,
    /// The greatest resident set.
    pub(crate) peak_rss_bytes: u64,
}

/// What this process has used.
pub(crate) fn own() -> Result<Usage> {
    of("self")
}

/// What another process has used.
pub(crate) fn other(pid: u32) -> Result<Usage> {
    of(&pid.to_string())
}

fn of(process: &str) -> Result<Usage> {
    let read = |file: &str| {
        let path = format!("/proc/{process}/{file}");
        fs::read_to_string(&path)
            .with_context(|| format!("cannot read {path}; does the process (--pid) run here?"))
    };
    let cpu = cpu(&read("stat")?).with_context(|| format!("/proc/{process}/stat is not understood"))?;
    let peak = peak(&read("status")?).with_context(|| format!("/proc/{process}/status is not understood"))?;
    Ok(Usage { cpu, peak_rss_bytes: peak })
}

/// utime and stime are the 14th and 15th fields; the second is a name in parentheses and may hold anything.
fn cpu(stat: &str) -> Option<Duration> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace().skip(11);
    let user: u32 = fields.next()?.parse().ok()?;
    let system: u32 = fields.next()?.parse().ok()?;
    Some(TICK * user.checked_add(system)?)
}

fn peak(status: &str) -> Option<u64> {
    let value = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(value.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? * KIB)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_parentheses_and_blanks_does_not_shift_the_fields() {
        let stat = "7 (a) b (c) S 1 7 7 0 -1 4194560 100 0 0 0 150 50 0 0 20 0 3 0 99 1 2 3";
        assert_eq!(cpu(stat), Some(Duration::from_secs(2)));
    }

    #[test]
    fn peak_memory_is_in_bytes() {
        assert_eq!(peak("Name:\tx\nVmHWM:\t    2048 kB\nVmRSS:\t 1 kB\n"), Some(2 << 20));
    }

    #[test]
    fn this_process_has_used_memory() {
        assert!(own().expect("/proc is there").peak_rss_bytes > 0);
    }
}
