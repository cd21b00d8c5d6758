//! Plans large batches on several threads, whatever customers their events belong to: one busy customer is not one busy
//! core.

use std::panic::resume_unwind;
use std::thread;

use engine::{Input, Partition, Plan};
use rules::Snapshot;

/// The fewest events that are worth a thread.
const EVENTS_PER_THREAD_MIN: usize = 512;

/// The plan of a batch, made by up to `threads_max` threads.
pub(crate) fn plan(
    snapshot: &Snapshot,
    partition: Partition,
    partitions: u32,
    mut inputs: Vec<Input>,
    threads_max: usize,
) -> Plan {
    let threads = (inputs.len() / EVENTS_PER_THREAD_MIN).clamp(1, threads_max.max(1));
    if threads == 1 {
        return engine::plan(snapshot, partition, partitions, inputs);
    }
    let share = inputs.len().div_ceil(threads);
    thread::scope(|scope| {
        let mut others = Vec::with_capacity(threads - 1);
        while inputs.len() > share {
            let last = inputs.split_off(inputs.len() - share);
            others.push(scope.spawn(move || engine::plan(snapshot, partition, partitions, last)));
        }
        let first = engine::plan(snapshot, partition, partitions, inputs);
        let others = others.into_iter().rev();
        let others = others.map(|other| other.join().unwrap_or_else(|panic| resume_unwind(panic)));
        Plan::join([first].into_iter().chain(others))
    })
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use engine::Offset;
    use rules::{Command, CustomerId, Matcher, RuleBook, read_rule};
    use serde_json::json;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn several_threads_make_the_plan_that_one_makes() {
        let rule =
            json!({"customerId": CustomerId::GLOBAL, "alertId": Uuid::from_u128(1), "jsonPath": "$.a"});
        let snapshot = snapshot(&rule.to_string());
        let input = |offset: u64| {
            let customer = Uuid::from_u128(u128::from(offset % 7));
            let value = json!({"customerId": customer, "payload": {"a": offset}}).to_string();
            // Some cannot be read.
            let value = if offset.is_multiple_of(5) { "{".to_owned() } else { value };
            Input { offset: Offset(offset), value: Some(Bytes::from(value)), ..Input::default() }
        };
        for count in [0, 1, 511, 1024, 3000] {
            let inputs: Vec<_> = (0..count).map(input).collect();
            let whole = engine::plan(&snapshot, Partition(0), 1, inputs.clone());
            let joined = plan(&snapshot, Partition(0), 1, inputs, 4);
            assert_eq!(format!("{joined:?}"), format!("{whole:?}"), "{count} events");
        }
    }

    fn snapshot(rule: &str) -> Snapshot {
        let (rule, _) = read_rule(rule.as_bytes(), None).unwrap();
        let mut book = RuleBook::default();
        drop(book.apply(Command::Put { rule: Box::new(rule), expected: None }));
        Matcher::compile(&book)
    }
}
