//! Savepoints: every partition has taken its part, all at the line of the rules that asked for it.

use std::collections::BTreeMap;

use engine::{Offset, Partition};
use ports::Topics;
use rules::{CommandRecord, Control, SavepointId};

use crate::APP;
use crate::play::Played;
use crate::scenario::Scenario;

/// What is wrong with the parts that were taken, each told with the control record at which it was.
pub(crate) fn check(
    scenario: &Scenario,
    played: &Played,
    parts: &BTreeMap<SavepointId, BTreeMap<Partition, Offset>>,
) -> Vec<String> {
    let mut wrong = Vec::new();
    for record in &played.records[&Topics::of(APP).controls] {
        let read = CommandRecord { key: record.key.as_deref(), value: None, expected_version: None };
        let Ok(Control::Savepoint(id)) = Control::read(&read) else { continue };
        let taken = parts.get(&id);
        for partition in (0..scenario.partitions).map(Partition) {
            match taken.and_then(|taken| taken.get(&partition)) {
                None => wrong.push(format!("savepoint {id} has no part of partition {partition}")),
                Some(line) if *line != record.offset.next() => wrong.push(format!(
                    "savepoint {id}, control record {}: partition {partition} took its part at {line}",
                    record.offset
                )),
                Some(_) => {},
            }
        }
    }
    wrong
}
