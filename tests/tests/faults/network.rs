//! A network between workers and broker that is cut, slow, deaf or torn.

use std::time::Duration;

use tests::harness::arena::Arena;
use tests::harness::fault_table::{conclude, rounds};
use tests::harness::kafka::Broker;
use tests::harness::proxy::{Network, Proxy};

#[test]
fn a_network_that_fails_loses_nothing() {
    let test = "a_network_that_fails_loses_nothing";
    let (listener, port) = Proxy::reserve();
    let Some(broker) = Broker::with_proxy(test, port) else { return };
    let proxy = Proxy::start(listener, broker.behind_proxy());
    let through = format!("127.0.0.1:{port}");
    let seconds = Duration::from_secs;
    let faults = [
        ("the network cut for two seconds", Network::Cut, seconds(2)),
        ("the network cut for longer than the session", Network::Cut, seconds(9)),
        ("every message 150 ms late for five seconds", Network::Slow(Duration::from_millis(150)), seconds(5)),
        ("requests held for three seconds, then delivered", Network::Held, seconds(3)),
        ("answers held for longer than a transaction may last", Network::Mute, seconds(8)),
        ("connections cut in the middle of a request", Network::Torn, Duration::from_millis(300)),
    ];
    for (told, network, time) in faults {
        let mut arena = Arena::new("network", &through, &broker.bootstrap, 1);
        let recoveries: Vec<_> = (0..rounds(1, 10))
            .map(|_| {
                arena.pause(600);
                arena.disturb(|_| {
                    proxy.set(network);
                    std::thread::sleep(time);
                    proxy.set(Network::Sound);
                })
            })
            .collect();
        conclude(told, &recoveries, arena);
    }
}
