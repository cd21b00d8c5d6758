use proptest::prelude::*;

use super::*;
use crate::objects::Objects;
use crate::testing::{customer, flush, row};

/// A table with these rows, in as many files as there are groups of them.
fn table(files: &[Vec<Row>]) -> Table {
    let table = Table::new(Objects::memory());
    files.iter().for_each(|rows| flush(&table, rows.clone(), Timestamp(0)));
    table
}

fn scanned(table: &Table, selection: &Selection) -> Result<Vec<Row>> {
    let mut scan = Scan::new(table, &table.load()?, selection)?;
    let (mut rows, mut batch) = (Vec::new(), Vec::new());
    loop {
        scan.next(&mut batch)?;
        if batch.is_empty() {
            return Ok(rows);
        }
        rows.append(&mut batch);
    }
}

fn arbitrary_row() -> impl Strategy<Value = (u8, u32, i64, i64)> {
    (0u8..12, 0u32..3, -20i64..200, 0i64..1000)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    /// Files, groups, pages and rows may be passed over, whatever is asked for: what comes out is what a look at every row finds.
    #[test]
    fn a_scan_finds_what_a_look_at_every_row_finds(
        places in proptest::collection::vec(arbitrary_row(), 1..200),
        files in 1usize..6,
        customers in proptest::option::of(proptest::collection::btree_set(0u8..12, 1..5)),
        offsets in proptest::option::of((0u32..3, -25i64..210, 0i64..210)),
        times in proptest::option::of((0i64..1000, 0i64..1000)),
        passes in 1i32..6,
    ) {
        let mut seen = BTreeSet::new();
        let rows: Vec<_> = places
            .into_iter()
            .filter(|(_, partition, offset, _)| seen.insert((*partition, *offset)))
            .map(|(number, partition, offset, time)| row(number, partition, offset, time))
            .collect();
        let table = table(&rows.chunks(rows.len().div_ceil(files)).map(<[Row]>::to_vec).collect::<Vec<_>>());
        let mut selection = Selection::all();
        if let Some(numbers) = &customers {
            selection = selection.of(numbers.iter().map(|number| customer(*number)).collect());
        }
        if let Some((partition, from, until)) = offsets {
            selection.filter.offsets = Some(vec![(Partition(partition), from..until)]);
        }
        if let Some((from, until)) = times {
            selection = selection.between(Timestamp(from)..Timestamp(until));
        }
        let mut expected: Vec<_> = rows
            .into_iter()
            .map(|row| Row { key: None, headers: None, ..row })
            .filter(|row| customers.as_ref().is_none_or(|numbers| {
                numbers.iter().any(|number| row.customer == Some(customer(*number)))
            }))
            .filter(|row| offsets.is_none_or(|(partition, from, until)| {
                row.partition == Partition(partition) && (from..until).contains(&row.offset)
            }))
            .filter(|row| times.is_none_or(|(from, until)| (from..until).contains(&row.timestamp.0)))
            .collect();
        expected.sort_by_key(Row::order);
        let snapshot = table.load().unwrap();
        let files = snapshot.files().filter(|file| selection.filter.may_be_in(file)).cloned().collect();
        let mut scan = Scan::over(&table, files, selection.filter, false);
        scan.passes = passes_of(passes).into_iter();
        let (mut found, mut batch) = (Vec::new(), Vec::new());
        loop {
            scan.next(&mut batch).unwrap();
            if batch.is_empty() {
                break;
            }
            found.append(&mut batch);
        }
        prop_assert_eq!(found, expected);
    }
}

#[test]
fn passes_are_all_buckets_once() {
    for count in [1, 2, 3, 7, 128, 500] {
        let buckets: Vec<_> = passes_of(count).into_iter().flatten().collect();
        assert_eq!(buckets, (NO_BUCKET..BUCKETS).collect::<Vec<_>>(), "{count}");
    }
}

#[test]
fn records_that_are_not_there_are_a_gap_and_never_a_smaller_answer() {
    let at = |offset| row(2, 0, offset, 0);
    let table = table(&[vec![at(3), at(4)], vec![at(6)], vec![at(-7)]]);
    let within = |from, until| Selection::all().within(vec![(Partition(0), from..until)]);
    assert_eq!(scanned(&table, &within(3, 5)).unwrap().len(), 2);
    // What lies before the log has no offsets that must be there.
    let error = scanned(&table, &within(i64::MIN, 5)).unwrap_err();
    assert!(matches!(error, Error::Gap { partition: Partition(0), from: 0, until: 3 }), "{error}");
    for (from, until, missing) in [(3, 7, (5, 6)), (6, 9, (7, 9)), (2, 4, (2, 3))] {
        let error = scanned(&table, &within(from, until)).unwrap_err();
        let Error::Gap { partition: Partition(0), from, until } = error else { panic!("{error}") };
        assert_eq!((from, until), missing);
    }
    let error = Scan::partition(&table, &table.load().unwrap(), Partition(1), None, (0, Offset(1))).err();
    assert!(matches!(error, Some(Error::Gap { partition: Partition(1), from: 0, until: 1 })));
}

#[test]
fn a_file_that_has_gone_is_named() {
    let table = table(&[vec![row(2, 0, 0, 0)]]);
    let snapshot = table.load().unwrap();
    let path = snapshot.files().next().unwrap().path.clone();
    table.objects().delete(&path).unwrap();
    let error = scanned(&table, &Selection::all()).unwrap_err();
    assert!(matches!(&error, Error::Missing { file } if *file == path), "{error}");
}
