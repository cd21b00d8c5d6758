use engine::Partition;

use super::*;
use crate::objects::Objects;
use crate::row::Sum;
use crate::table::Span;
use crate::testing::{event, flush, row, rows};

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn sum(table: &Table) -> Sum {
    let mut sum = Sum::default();
    rows(table).iter().for_each(|row| sum.add(row));
    sum
}

#[test]
fn hours_become_one_file_and_then_days_with_the_same_rows() {
    let table = Table::new(Objects::memory());
    for (offset, time) in ["T09:10:00Z", "T09:20:00Z", "T10:10:00Z", "T10:20:00Z"].into_iter().enumerate() {
        let offset = i64::try_from(offset).unwrap();
        let rows = (1u8..9).map(|number| row(number, u32::from(number), offset, offset)).collect();
        flush(&table, rows, at(&format!("2025-11-01{time}")));
    }
    let before = sum(&table);
    assert_eq!(before.rows, 32);
    let merged = |inputs| Compacted::Merged { inputs, outputs: 1, rows: inputs as u64 * 8 };
    // The hour that is not over stays as it is.
    assert_eq!(compact(&table, at("2025-11-01T10:30:00Z")).unwrap(), merged(2));
    assert_eq!(compact(&table, at("2025-11-01T10:30:00Z")).unwrap(), Compacted::Nothing);
    assert_eq!(compact(&table, at("2025-11-01T11:00:00Z")).unwrap(), merged(2));
    let day = Compacted::Merged { inputs: 2, outputs: 1, rows: 32 };
    assert_eq!(compact(&table, at("2025-11-02T00:00:00Z")).unwrap(), day);
    assert_eq!(compact(&table, at("2025-11-02T00:00:00Z")).unwrap(), Compacted::Nothing);
    assert_eq!(sum(&table), before);
    let snapshot = table.load().unwrap();
    let file = snapshot.files().next().unwrap();
    assert_eq!((file.day.as_str(), file.level), ("2025-11-01", Level::Day));
    assert_eq!(file.spans.of(Partition(3)), [Span { from: 0, next: 4 }]);
}

#[test]
fn rows_that_do_not_add_up_are_not_replaced() {
    let table = Table::new(Objects::memory());
    for offset in 0..2 {
        flush(&table, vec![row(2, 0, offset, 0)], at("2025-11-01T09:00:00Z"));
    }
    let snapshot = table.load().unwrap();
    let file = snapshot.files().next().unwrap();
    // The log says another sum than the file has.
    let mut lying = file.as_ref().clone();
    lying.sum.hash ^= 1;
    let now = at("2025-11-01T10:00:00Z");
    let change = Change { operation: "TEST", parameters: json!({}), actions: vec![lying.add(false)], now };
    table.commit(snapshot, change, |_| true).unwrap();
    let error = compact(&table, now).unwrap_err().to_string();
    assert!(error.contains("or others than were written"), "{error}");
    assert_eq!(table.load().unwrap().files().count(), 2);
}

#[test]
fn values_of_a_compacted_file_are_those_that_were_flushed() {
    let table = Table::new(Objects::memory());
    for offset in 0..3 {
        flush(&table, vec![row(2, 0, offset, 0)], at("2025-11-01T09:00:00Z"));
    }
    compact(&table, at("2025-11-01T10:00:00Z")).unwrap();
    let values: Vec<_> = rows(&table).into_iter().map(|row| row.value.unwrap()).collect();
    assert_eq!(values, [event(2, "{\"n\": 0}"), event(2, "{\"n\": 1}"), event(2, "{\"n\": 2}")]);
}
