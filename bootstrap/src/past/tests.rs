use super::*;
use crate::testing::{Faulty, customer, flush, row, rows};
use std::collections::BTreeSet;

fn read(table: &Table, wanted: &Wanted, until: u64) -> Vec<(i64, i64)> {
    let pinned = Archived::new(table.clone(), "events").pin().unwrap();
    let mut rows = pinned.rows(Partition(0), wanted, Offset(until)).unwrap();
    let mut read = Vec::new();
    while let Some(batch) = rows.next_batch().unwrap() {
        read.extend(batch.into_iter().map(|input| (input.offset.signed(), input.timestamp.0)));
    }
    read
}

#[test]
fn rows_from_before_the_log_come_first_and_each_customer_in_order() {
    let table = Table::new(Faulty::default().objects());
    flush(&table, vec![row(1, 0, 3, 30), row(2, 0, 4, 40), row(1, 0, 5, 50), row(1, 1, 3, 30)], Timestamp(0));
    flush(&table, vec![row(1, 0, -2, 10), row(2, 0, -1, 20)], Timestamp(0));
    let of = |number: u8| Wanted { customers: Some(BTreeSet::from([customer(number)])), since: None };
    assert_eq!(read(&table, &of(1), 6), [(-2, 10), (3, 30), (5, 50)]);
    assert_eq!(read(&table, &of(2), 4), [(-1, 20)], "what is not below the offset is left to the log");
    let mut all = read(&table, &Wanted::default(), 6);
    let before = all.iter().position(|(offset, _)| *offset >= 0);
    assert_eq!(before, Some(2), "{all:?}");
    all.sort_unstable();
    assert_eq!(all, [(-2, 10), (-1, 20), (3, 30), (4, 40), (5, 50)]);
    assert_eq!(rows(&table).len(), 6);
    let recent = Wanted { customers: None, since: Some(Timestamp(40)) };
    assert!(read(&table, &recent, 6).contains(&(5, 50)) && !read(&table, &recent, 6).contains(&(-2, 10)));
}

#[test]
fn an_archive_that_does_not_answer_is_an_error_and_never_an_end() {
    let faulty = Faulty::default();
    let table = Table::new(faulty.objects());
    flush(&table, vec![row(1, 0, 0, 30)], Timestamp(0));
    let pinned = Archived::new(table.clone(), "events").pin().unwrap();
    let mut rows = pinned.rows(Partition(0), &Wanted::default(), Offset(1)).unwrap();
    let names: Vec<_> = table.load().unwrap().files().map(|file| file.path.clone()).collect();
    assert_eq!(names.len(), 1);
    table.objects().delete(&names[0]).unwrap();
    let error = rows.next_batch().unwrap_err();
    assert!(error.message.contains(&names[0]), "{error}");
}
