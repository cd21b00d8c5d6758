//! The log in a real Kafka: the contract that every log keeps, then what only Kafka can do to us.
#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "tests panic when something is wrong, and print what they saw"
)]

use ports::Log;
use tests::contract;
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

contract! {
    on_kafka;
    topics_are_created_once_and_described,
    a_missing_topic_is_misconfigured,
    records_read_back_as_they_were_written,
    keys_choose_the_partition,
    many_records_stay_in_order,
    readers_begin_where_they_are_told_and_see_the_end,
    a_commit_writes_records_and_positions_together,
    a_commit_that_is_refused_leaves_nothing_behind,
    a_member_that_comes_back_goes_on_from_its_positions,
    a_second_process_of_one_name_fences_the_first,
    a_poll_without_records_ends_in_time,
}
