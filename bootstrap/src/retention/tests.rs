use super::*;
use crate::objects::Objects;
use crate::testing::{flush, row, rows};

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

#[test]
fn days_that_are_too_old_go_and_leave_no_hole() {
    let table = Table::new(Objects::memory());
    for (offset, day) in [(0, "01"), (1, "02"), (2, "03")] {
        flush(
            &table,
            vec![row(2, 0, offset, 0), row(2, 1, offset, 0)],
            at(&format!("2025-11-{day}T12:00:00Z")),
        );
    }
    // What was imported goes by its day, too, and holds nothing up.
    flush(&table, vec![row(2, 0, i64::MIN + 5, 0)], at("2025-11-03T12:00:00Z"));
    // A clock that went back: later offsets in an earlier day.
    flush(&table, vec![row(2, 1, 3, 0)], at("2025-11-01T12:00:00Z"));
    assert_eq!(expire(&table, 30, at("2025-11-04T00:00:00Z")).unwrap(), 0);
    assert_eq!(expire(&table, 1, at("2025-11-04T00:00:00Z")).unwrap(), 2);
    let left: Vec<_> = rows(&table).iter().map(|row| (row.partition.0, row.offset)).collect();
    assert_eq!(left, [(0, i64::MIN + 5), (0, 2), (1, 2), (1, 3)]);
    let snapshot = table.load().unwrap();
    assert_eq!(snapshot.start(Partition(0)), Some(engine::Offset(2)));
}

#[test]
fn files_that_never_counted_are_swept_when_they_are_old() {
    let table = Table::new(Objects::memory());
    flush(&table, vec![row(2, 0, 0, 0)], Timestamp(0));
    table.objects().put("data/ingest_day=2025-11-01/orphan.parquet", bytes::Bytes::new()).unwrap();
    let now = Timestamp(time::OffsetDateTime::now_utc().unix_timestamp() * 1000);
    assert_eq!(sweep(&table, now).unwrap(), 0);
    assert_eq!(sweep(&table, now.plus(GRACE).plus(GRACE)).unwrap(), 1);
    assert_eq!(rows(&table).len(), 1);
}
