//! Processes of workers that end, hang and are replaced.

use std::time::{Duration, Instant};

use tests::harness::arena::Arena;
use tests::harness::fault_table::{conclude, rounds};
use tests::harness::kafka::broker;

/// Longer than the group's session, so that whoever hangs so long is excluded.
const HANGS: Duration = Duration::from_secs(9);

#[test]
fn a_worker_that_is_killed_goes_on_where_it_was() {
    let test = "a_worker_that_is_killed_goes_on_where_it_was";
    let Some((broker, _lease)) = broker(test) else { return };
    let mut arena = Arena::new("killed", &broker.bootstrap, &broker.bootstrap, 1);
    let recoveries: Vec<_> = (0..rounds(3, 200))
        .map(|_| {
            arena.pause(700);
            arena.disturb(|arena| {
                arena.take(0).kill9();
                arena.start(0);
            })
        })
        .collect();
    conclude("kill -9 of the only worker, started again at once", &recoveries, arena);
}

#[test]
fn another_worker_takes_over_what_a_dead_one_had() {
    let test = "another_worker_takes_over_what_a_dead_one_had";
    let Some((broker, _lease)) = broker(test) else { return };
    let mut arena = Arena::new("takeover", &broker.bootstrap, &broker.bootstrap, 2);
    let recoveries: Vec<_> = (0..rounds(1, 10))
        .map(|round| {
            arena.wait_until_shared();
            arena.pause(500);
            let victim = round % 2;
            let recovery = arena.disturb(|arena| arena.take(victim).kill9());
            arena.disturb(|arena| arena.start(victim));
            recovery
        })
        .collect();
    conclude("kill -9 of one of two workers, the other takes over", &recoveries, arena);
}

/// A process that hangs and wakes up after others have its partitions can commit nothing, and comes back as a member.
#[test]
fn a_zombie_commits_nothing_and_joins_again() {
    let test = "a_zombie_commits_nothing_and_joins_again";
    let Some((broker, _lease)) = broker(test) else { return };
    let mut arena = Arena::new("zombie", &broker.bootstrap, &broker.bootstrap, 2);
    let recoveries: Vec<_> = (0..rounds(1, 10))
        .map(|round| {
            arena.wait_until_shared();
            arena.pause(500);
            let (zombie, other) = (round % 2, 1 - round % 2);
            let frozen = Instant::now();
            let recovery = arena.disturb(|arena| arena.worker(zombie).freeze());
            std::thread::sleep(HANGS.saturating_sub(frozen.elapsed()));
            arena.worker(zombie).thaw();
            arena.pause(3000);
            // It serves again: alone it has everything.
            arena.disturb(|arena| arena.take(other).kill9());
            arena.disturb(|arena| arena.start(other));
            assert!(arena.worker(zombie).is_running(), "the zombie has ended");
            recovery
        })
        .collect();
    conclude("SIGSTOP of one of two workers for longer than its session, then SIGCONT", &recoveries, arena);
}

#[test]
fn workers_are_replaced_one_after_the_other_under_load() {
    let test = "workers_are_replaced_one_after_the_other_under_load";
    let Some((broker, _lease)) = broker(test) else { return };
    let mut arena = Arena::new("rolling", &broker.bootstrap, &broker.bootstrap, 3);
    let recoveries: Vec<_> = (0..3 * rounds(1, 8))
        .map(|round| {
            arena.disturb(|arena| {
                assert_eq!(arena.take(round % 3).stop(), Some(0));
                arena.start(round % 3);
            })
        })
        .collect();
    conclude("rolling restart of three workers", &recoveries, arena);
}
