//! The table of faults: what was injected, how often, and what came of it. Each scenario adds a row; `scripts/faults`
//! prints them.

use std::fs::OpenOptions;
use std::io::Write;
use std::time::Duration;

use super::arena::Arena;

/// How often a fault is injected: a few times in every run, many times where `TOCSIN_FAULTS=nightly`.
pub fn rounds(usual: usize, nightly: usize) -> usize {
    if std::env::var("TOCSIN_FAULTS").as_deref() == Ok("nightly") { nightly } else { usual }
}

/// Ends a scenario: audits it, adds its row, and fails if anything is lost, extra or counted wrongly.
pub fn conclude(fault: &str, recoveries: &[Duration], arena: Arena) {
    let verdict = arena.finish();
    let mut seconds: Vec<f64> = recoveries.iter().map(Duration::as_secs_f64).collect();
    seconds.sort_by(f64::total_cmp);
    let median = seconds.get(seconds.len() / 2).copied().unwrap_or_default();
    let worst = seconds.last().copied().unwrap_or_default();
    let row = format!(
        "| {fault} | {} | {} | {} | {} | {} | {} | {median:.1} / {worst:.1} |",
        recoveries.len(),
        verdict.events,
        verdict.alerts,
        verdict.lost,
        verdict.extra,
        verdict.wrong_counts
    );
    println!("{row}");
    if let Some(path) = std::env::var_os("TOCSIN_FAULT_TABLE") {
        let file = OpenOptions::new().create(true).append(true).open(path);
        writeln!(file.unwrap(), "{row}").unwrap();
    }
    assert!(verdict.alerts > 0, "{verdict:?}");
    assert_eq!((verdict.lost, verdict.extra, verdict.wrong_counts), (0, 0, 0), "{verdict:?}");
}
