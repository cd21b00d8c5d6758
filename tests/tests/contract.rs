//! The contract that every log keeps, on the embedded log. On Kafka: `kafka.rs`.
#![allow(clippy::unwrap_used, reason = "tests panic when something is wrong")]

use connectors::embedded::{EmbeddedLog, Settings};
use ports::Log;
use tests::contract;

fn on_embedded(_test: &str, run: impl FnOnce(&dyn Log, &str)) {
    let folder = tempfile::tempdir().unwrap();
    run(&EmbeddedLog::open(Settings::new(folder.path())).unwrap(), "test");
}

contract! {
    on_embedded;
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
