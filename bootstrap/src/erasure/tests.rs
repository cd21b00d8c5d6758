use super::*;
use crate::objects::Objects;
use crate::retention::sweep;
use crate::testing::{customer, flush, row, rows};
use engine::Partition;

fn table() -> Table {
    let table = Table::new(Objects::memory());
    for file in 0..3i64 {
        let mut filed: Vec<_> =
            (2u8..6).map(|number| row(number, 0, file * 10 + i64::from(number), 0)).collect();
        if file == 1 {
            filed.retain(|row| row.customer != Some(customer(3)));
        }
        flush(&table, filed, Timestamp(0));
    }
    table
}

#[test]
fn one_customer_goes_and_all_others_stay() {
    let table = table();
    let kept: Vec<_> = rows(&table).into_iter().filter(|row| row.customer != Some(customer(3))).collect();
    let untouched: Vec<_> = table.load().unwrap().files().map(|file| file.path.clone()).collect();
    let done = erase(&table, customer(3), "request-1", Timestamp(5)).unwrap();
    assert_eq!((done.rows, done.files), (2, 2));
    assert_eq!(rows(&table), kept);
    let snapshot = table.load().unwrap();
    assert_eq!(snapshot.files().filter(|file| untouched.contains(&file.path)).count(), 1);
    // Its records are gone, and that they were there is still covered.
    Selection::all().within(vec![(Partition(0), 2..6)]).check(&snapshot).unwrap();
    let records = table.objects().list("_erasures").unwrap();
    assert_eq!(records.len(), 1);
    let record = table.objects().get(&records[0].path).unwrap().unwrap();
    let mut record: serde_json::Value = serde_json::from_slice(&record).unwrap();
    let hash = record["sha256"].take();
    record.as_object_mut().unwrap().remove("sha256");
    let expected = Sha256::digest(record.to_string().as_bytes());
    assert_eq!(hash, expected.iter().map(|byte| format!("{byte:02x}")).collect::<String>());
    assert_eq!(erase(&table, customer(3), "request-2", Timestamp(6)).unwrap().rows, 0);
    assert!(erase(&table, customer(3), "../x", Timestamp(6)).is_err());
}

#[test]
fn who_reads_an_older_version_can_until_the_files_are_swept() {
    let table = table();
    let pinned = table.load().unwrap();
    let selection = Selection::all().of(BTreeSet::from([customer(3)]));
    let read = || {
        let mut batch = Vec::new();
        Scan::new(&table, &pinned, &selection)
            .and_then(|mut scan| scan.next(&mut batch))
            .map(|()| batch.len())
    };
    let now = Timestamp(time::OffsetDateTime::now_utc().unix_timestamp() * 1000);
    erase(&table, customer(3), "request-1", now).unwrap();
    sweep(&table, now).unwrap();
    assert!(read().unwrap() > 0);
    sweep(&table, now.plus(GRACE).plus(GRACE)).unwrap();
    assert!(matches!(read(), Err(Error::Missing { .. })));
    assert_eq!(rows(&table).len(), 9);
}
