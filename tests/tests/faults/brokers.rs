//! Brokers that are killed, three of them in a cluster.

use std::time::Duration;

use tests::harness::arena::Arena;
use tests::harness::fault_table::{conclude, rounds};
use tests::harness::kafka::Broker;

/// Kills a broker, lets the workers go on without it for a moment, and starts it again.
fn kill_and_restart(arena: &mut Arena, cluster: &Broker, node: i32) -> Duration {
    let recovery = arena.disturb(|_| cluster.kill_node(node));
    cluster.restart_node(node);
    recovery
}

#[test]
fn brokers_and_coordinators_are_killed() {
    let test = "brokers_and_coordinators_are_killed";
    let Some(cluster) = Broker::of_its_own(test, 3) else { return };
    let new = |name: &str| Arena::new(name, &cluster.bootstrap, &cluster.bootstrap, 2);

    let mut arena = new("brokers");
    let recoveries: Vec<_> = (0..rounds(1, 15))
        .map(|round| {
            arena.pause(800);
            let node = i32::try_from(round % 3).unwrap() + 1;
            kill_and_restart(&mut arena, &cluster, node)
        })
        .collect();
    conclude("kill -9 of one of three brokers", &recoveries, arena);

    let mut arena = new("transactions");
    let writer = format!("{}.w0", arena.app);
    let recoveries: Vec<_> = (0..rounds(1, 15))
        .map(|_| {
            arena.pause(800);
            let node = cluster.coordinator("__transaction_state", &writer);
            kill_and_restart(&mut arena, &cluster, node)
        })
        .collect();
    conclude("kill -9 of a worker's transaction coordinator", &recoveries, arena);

    if rounds(0, 1) > 0 {
        let mut arena = new("groups");
        let recoveries: Vec<_> = (0..15)
            .map(|_| {
                arena.pause(800);
                let node = cluster.coordinator("__consumer_offsets", &arena.app);
                kill_and_restart(&mut arena, &cluster, node)
            })
            .collect();
        conclude("kill -9 of the group's coordinator", &recoveries, arena);
    }
}
