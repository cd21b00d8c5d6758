//! What the simulation has found, each as small as it can be.

use simulated::{Fault, Faults, Point};
use simulation::{How, Item, Scenario, What, run, scenario};

fn short(seed: u64, workers: u32) -> Scenario {
    let mut short = Scenario { faults: Faults::None, workers, ..scenario(seed) };
    short.items.truncate(10);
    short
}

/// Ends of transactions and aborted records take places, so where a partition ends does not tell whether there is anything
/// to be read: time stood still for ever behind them.
#[test]
fn silence_is_noticed_behind_an_aborted_transaction() {
    let mut scenario = short(2, 1);
    let last = scenario.items.iter().rfind(|item| matches!(&item.what, What::Write(..))).cloned();
    let Some(Item { at, what: What::Write(records, _), .. }) = last else { panic!("something is written") };
    scenario.items.push(Item { at: at + 1, what: What::Write(records, How::Aborted), fault: None });
    assert_eq!(run(&scenario).1, [""; 0]);
}

/// A crash in the very first commit leaves places in the changelog that nobody ever reads; the partition took them for a
/// past that it did not remember, and stopped for good.
#[test]
fn an_aborted_first_commit_is_no_past() {
    let calm = short(3, 1);
    let first = run(&calm).0.points.iter().position(|point| *point == Point::CommitWritten);
    let call = first.expect("something is committed") as u64;
    for fault in [Fault::Crash, Fault::Aborted, Fault::Stop { millis: 9_000 }] {
        let faults = Faults::Listed([(call, fault)].into());
        assert_eq!(run(&Scenario { faults, ..calm.clone() }).1, [""; 0], "{fault}");
    }
}

/// A worker that slept while it took a partition over, and woke up when others had gone on with it, took their commits for
/// a loss and reported the partition as stopped for good.
#[test]
fn a_partition_that_moved_on_meanwhile_has_not_stopped() {
    let mut found = 0;
    for seed in 1..12 {
        let calm = short(seed, 2);
        let opened = (0..).zip(run(&calm).0.points).filter(|(_, point)| *point == Point::StoreOpen);
        for (call, _) in opened {
            let faults = Faults::Listed([(call, Fault::Stop { millis: 15_000 })].into());
            let (played, wrong) = run(&Scenario { faults, ..calm.clone() });
            assert_eq!(wrong, [""; 0], "seed {seed}, call {call}");
            found += usize::from(played.trace.iter().any(|line| line.contains("is out of group")));
        }
    }
    assert!(found > 0, "nobody slept long enough");
}
