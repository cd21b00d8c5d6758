use engine::Timestamp;
use rules::{Command, RuleBook};

use super::*;
use crate::objects::Objects;
use crate::testing::{book, count, customer, event, flush, row};

/// Customers 2 to 5 with five events each, one a day.
fn table() -> Table {
    let table = Table::new(Objects::memory());
    let rows = (2u8..6).flat_map(|number| {
        (0..5i64).map(move |day| {
            let value = event(number, "{\"n\": 1}");
            let partition = engine::partition_of(customer(number).to_string().as_bytes(), 2);
            let offset = i64::from(number) * 10 + day;
            Row { value: Some(value), ..row(number, partition.0, offset, day * 86_400_000) }
        })
    });
    flush(&table, rows.collect(), Timestamp(0));
    table
}

fn question(rules: RuleBook) -> Question {
    let budget = Budget { cpu_percent: 100, ..Budget::default() };
    Question { rules, other: None, customers: None, times: None, budget }
}

fn ask(question: Question) -> Answer {
    preview(&table(), "events", 2, question, &mut |_| ControlFlow::Continue(())).unwrap()
}

/// A rule for everybody that fires at so many events.
fn global(threshold: u64) -> RuleBook {
    let mut rule = count(2, threshold);
    rule["customerId"] = CustomerId::GLOBAL.to_string().into();
    book(&[rule])
}

#[test]
fn it_tells_how_often_for_whom_and_when() {
    let answer = ask(question(global(3)));
    assert_eq!((answer.end, answer.fired.fired, answer.refused), (Ended::Complete, 4, 0));
    assert_eq!(answer.progress.rows, 20);
    let mut days: Vec<_> = answer
        .fired
        .days
        .iter()
        .map(|counted| (counted.customer, counted.day.as_str(), counted.fired))
        .collect();
    days.sort();
    let mut expected: Vec<_> = (2..6).map(|number| (customer(number), "1970-01-03", 1)).collect();
    expected.sort();
    assert_eq!(days, expected);
    assert_eq!(answer.fired.first.len(), 4);
}

#[test]
fn only_events_that_can_matter_are_read() {
    let answer = ask(question(book(&[count(3, 5)])));
    assert_eq!((answer.progress.rows, answer.fired.fired), (5, 1));
    let asked = Question { customers: Some(BTreeSet::from([customer(4)])), ..question(global(3)) };
    let answer = ask(asked);
    assert_eq!((answer.progress.rows, answer.fired.fired), (5, 1));
    let day = |day: i64| Timestamp(day * 86_400_000);
    let answer = ask(Question { times: Some(day(1)..day(3)), ..question(global(3)) });
    assert_eq!((answer.progress.rows, answer.fired.fired), (8, 0));
}

#[test]
fn two_versions_are_compared() {
    let answer = ask(Question { other: Some(global(4)), ..question(global(3)) });
    let differences = answer.differences.unwrap();
    // The same group fires a day earlier.
    assert_eq!((differences.added.count, differences.removed.count, differences.same), (4, 4, 0));
    let mut other = global(3);
    for rule in [count(2, 1), count(3, 9)] {
        let (mut rule, _) = rules::read_rule(rule.to_string().as_bytes(), None).unwrap();
        rule.key.alert = rules::AlertId::from_bytes([9; 16]);
        other.apply(Command::Put { rule: Box::new(rule), expected: None });
    }
    let differences = ask(Question { other: Some(other), ..question(global(3)) }).differences.unwrap();
    assert_eq!((differences.added.count, differences.removed.count, differences.same), (0, 1, 4));
}

#[test]
fn a_budget_ends_it_and_it_says_so() {
    let budget = Budget { value_bytes: 10, ..Budget::default() };
    assert_eq!(ask(Question { budget, ..question(global(3)) }).end, Ended::Bytes);
    let budget = Budget { time: Duration::ZERO, ..Budget::default() };
    assert_eq!(ask(Question { budget, ..question(global(3)) }).end, Ended::Time);
}

#[test]
fn work_rests_as_long_as_its_share_asks() {
    let worked = Duration::from_millis(10);
    assert_eq!(rest(worked, 100), Duration::ZERO);
    assert_eq!(rest(worked, 50), worked);
    assert_eq!(rest(worked, 25), worked * 3);
    assert_eq!(rest(worked, 0), worked * 99);
}
