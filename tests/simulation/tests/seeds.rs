//! Many seeds: whatever goes wrong, nothing is lost and nothing comes twice.
#![allow(clippy::print_stdout, reason = "a test tells its seeds and what it did")]

use std::collections::BTreeMap;

use simulated::{Fault, Faults};
use simulation::{Scenario, minimise, run, scenario};

/// What many runs did.
#[derive(Default)]
struct Tally {
    faults: BTreeMap<&'static str, u64>,
    alerts: usize,
    events: usize,
    failed: Vec<u64>,
}

/// A number from the environment.
fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().expect("it is a number"))
}

impl Tally {
    fn add(&mut self, other: Self) {
        for (kind, times) in other.faults {
            *self.faults.entry(kind).or_default() += times;
        }
        self.alerts += other.alerts;
        self.events += other.events;
        self.failed.extend(other.failed);
    }
}

fn run_seeds(seeds: impl Iterator<Item = u64>) -> Tally {
    let mut tally = Tally::default();
    for seed in seeds {
        let (played, wrong) = run(&scenario(seed));
        for (_, point, fault) in &played.injected {
            *tally.faults.entry(fault.kind(*point)).or_default() += 1;
        }
        for (kind, times) in &played.outside {
            *tally.faults.entry(kind).or_default() += times;
        }
        tally.alerts += played.records["app.alerts"].len() + played.records["app.alerts-shadow"].len();
        tally.events += played.records["events"].len();
        if let Some(what) = wrong.first() {
            println!("seed {seed}: {what}");
            tally.failed.push(seed);
        }
    }
    tally
}

/// The seeds are dealt out to as many threads as there are cores; each run is of one thread.
fn run_all(first: u64, count: u64) -> Tally {
    let threads = std::thread::available_parallelism().map_or(1, |cores| cores.get() as u64);
    std::thread::scope(|scope| {
        let share = |thread: u64| (first..first + count).filter(move |seed| seed % threads == thread);
        let spawn = |thread| scope.spawn(move || run_seeds(share(thread)));
        let running: Vec<_> = (0..threads).map(spawn).collect();
        let mut tally = Tally::default();
        running.into_iter().for_each(|thread| tally.add(thread.join().expect("a run does not panic")));
        tally.failed.sort_unstable();
        tally
    })
}

/// Fails with the first failing seed, made shorter.
fn judge(first: u64, count: u64, least: u64) {
    let tally = run_all(first, count);
    let injected: u64 = tally.faults.values().sum();
    println!(
        "{count} seeds from {first} on, {} events, {} alerts, {injected} faults:",
        tally.events, tally.alerts
    );
    for (kind, times) in &tally.faults {
        println!("{times:>8}  {kind}");
    }
    if let Some(seed) = tally.failed.first() {
        let (shortest, played, wrong) = minimise(&scenario(*seed));
        played.trace.iter().chain(&wrong).for_each(|line| println!("{line}"));
        println!("items: {:?}", shortest.items);
        panic!(
            "{} of {count} seeds failed: {:?}; the trace above is of seed {seed} with {} items and faults {:?}",
            tally.failed.len(),
            tally.failed,
            shortest.items.len(),
            shortest.faults
        );
    }
    assert!(injected >= least, "{injected} faults are too few");
    assert!(tally.alerts > 0, "nothing fired, so nothing was compared");
}

/// `TOCSIN_SIM_SEED` and `TOCSIN_SIM_SEEDS` choose where to begin, and how many seeds.
#[test]
fn nothing_is_lost_and_nothing_comes_twice() {
    let (first, count) = (setting("TOCSIN_SIM_SEED", 1), setting("TOCSIN_SIM_SEEDS", 2_000));
    judge(first, count, count * 5);
}

#[test]
#[ignore = "takes an hour; cargo test -p simulation --test seeds -- --ignored --nocapture"]
fn nothing_is_lost_and_nothing_comes_twice_at_length() {
    judge(setting("TOCSIN_SIM_SEED", 1_000_000), setting("TOCSIN_SIM_SEEDS", 100_000), 500_000);
}

#[test]
fn a_seed_replays_exactly() {
    for seed in 1..40 {
        let (first, second) = (run(&scenario(seed)).0, run(&scenario(seed)).0);
        assert_eq!(first.fingerprint, second.fingerprint, "seed {seed}");
        // A list of what went wrong is the same run again.
        let list = first.injected.iter().map(|(call, _, fault)| (*call, *fault)).collect();
        let listed = Scenario { faults: Faults::Listed(list), ..scenario(seed) };
        assert_eq!(run(&listed).0.trace.len(), first.trace.len(), "seed {seed} as a list");
    }
}

/// So many calls of a run meet a fault each in turn: those while something comes from outside.
const CALLS_MAX: u64 = 130;

/// One fault alone, at each call of a short run in turn.
fn single_faults(seed: u64) -> usize {
    let all = [
        Fault::Crash,
        Fault::PowerLoss { writes: 3 },
        Fault::Stop { millis: 9_000 },
        Fault::Aborted,
        Fault::AnswerLost { settled: true },
        Fault::AnswerLost { settled: false },
        Fault::Refused,
        Fault::Expelled,
    ];
    let mut short = Scenario { faults: Faults::None, workers: 2, ..scenario(seed) };
    short.items.truncate(14);
    let (calm, wrong) = run(&short);
    assert!(wrong.is_empty(), "seed {seed}: {wrong:?}");
    let mut runs = 0;
    for (call, point) in (0..CALLS_MAX).zip(&calm.points) {
        for fault in all.into_iter().filter(|fault| fault.is_possible_at(*point)) {
            let faults = Faults::Listed([(call, fault)].into());
            let (_, wrong) = run(&Scenario { faults, ..short.clone() });
            assert!(wrong.is_empty(), "seed {seed}, {fault} at call {call}, {point:?}: {wrong:?}");
            runs += 1;
        }
    }
    runs
}

#[test]
fn no_single_fault_at_any_call_changes_what_comes_out() {
    let runs: usize = std::thread::scope(|scope| {
        let running = [3, 11].map(|seed| scope.spawn(move || single_faults(seed)));
        running.into_iter().map(|thread| thread.join().expect("every run is sound")).sum()
    });
    println!("{runs} runs with one fault each");
    assert!(runs > 500, "{runs}");
}
