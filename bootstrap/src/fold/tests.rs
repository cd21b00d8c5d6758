use super::*;
use crate::testing::{book, count, event};

fn setting(until: i64) -> Setting {
    Setting {
        topic: "events".to_owned(),
        partitions: 1,
        idle_after: Span::from_millis(1000),
        until: Timestamp(until),
    }
}

fn row(number: u8, offset: i64, time: i64, payload: &str) -> Row {
    Row { value: Some(event(number, payload)), ..crate::testing::row(number, 0, offset, time) }
}

#[test]
fn a_rule_counts_over_what_came_before_the_log_and_after() {
    let mut fold = Fold::new(book(&[count(2, 3)]), setting(10));
    let mut alerts = Vec::new();
    let rows =
        [row(2, i64::MIN + 7, 1, "{\"n\": 1}"), row(2, 0, 2, "{\"n\": 1}"), row(2, 1, 3, "{\"n\": 1}")];
    fold.rows(&rows[..1], &mut alerts).unwrap();
    fold.rows(&rows[1..], &mut alerts).unwrap();
    fold.end_customer(&mut alerts).unwrap();
    assert_eq!(alerts.len(), 1);
    assert_eq!(fold.counts().matches, 3);
    let places: Vec<_> =
        alerts[0].evidence.iter().map(|evidence| (evidence.topic.as_str(), evidence.offset.0)).collect();
    assert!(places.contains(&("events", 1)), "{places:?}");
    // The next customer begins with nothing.
    fold.rows(&rows, &mut alerts).unwrap();
    assert_eq!(alerts.len(), 2);
}

#[test]
fn what_cannot_be_evaluated_is_counted() {
    let mut fold = Fold::new(book(&[count(2, 3)]), setting(10));
    let mut alerts = Vec::new();
    let bad = Row { value: None, ..row(2, 0, 0, "{}") };
    fold.rows(&[bad], &mut alerts).unwrap();
    assert_eq!((fold.refused(), alerts.len()), (1, 0));
}
