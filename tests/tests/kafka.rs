//! The log in a real Kafka: the contract that every log keeps, then what only Kafka can do to us.
#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "tests panic when something is wrong, and print what they saw"
)]

use ports::Log;
use tests::harness::kafka::{broker, prefix};

#[path = "kafka/doubt.rs"]
mod doubt;
#[path = "kafka/rebalance.rs"]
mod rebalance;
#[path = "kafka/settings.rs"]
mod settings;
#[path = "kafka/speed.rs"]
mod speed;

fn on_kafka(test: &str, run: impl FnOnce(&dyn Log, &str)) {
    let Some((broker, _lease)) = broker(test) else {
        return;
    };
    run(&broker.log(), &prefix(test));
}

tests::contract!(on_kafka);
tests::contract!(on_kafka; positions_of_a_group_without_members_can_be_set);
