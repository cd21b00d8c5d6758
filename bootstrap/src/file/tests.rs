use std::sync::Arc;

use engine::Partition;

use super::*;
use crate::error::Error;
use crate::objects::Objects;
use crate::row::Row;
use crate::table::{DataFile, Level, Span, Spans};
use crate::testing::row;

/// Stores rows as one file.
fn stored(objects: &Objects, mut rows: Vec<Row>) -> Arc<DataFile> {
    rows.sort_by_key(Row::order);
    let mut writer = FileWriter::new(Level::Hour).unwrap();
    rows.into_iter().for_each(|row| writer.push(row).unwrap());
    let written = writer.finish().unwrap();
    objects.put("data/x.parquet", written.bytes.clone()).unwrap();
    Arc::new(DataFile {
        path: "data/x.parquet".to_owned(),
        size: written.bytes.len() as u64,
        day: "2025-11-01".to_owned(),
        hour: 0,
        modified: 0,
        level: Level::Hour,
        sum: written.sum,
        spans: Spans::from_iter([(Partition(0), Span { from: 0, next: 1 << 40 })]),
        buckets: written.buckets,
        customers: written.customers,
        times: written.times,
        blocks: blocks::hashes(&written.bytes),
    })
}

fn read(objects: &Objects, file: &Arc<DataFile>, filter: &Filter) -> crate::Result<(Vec<Row>, u64)> {
    let description = Description::read(objects, file)?;
    let mut scan = FileScan::open(objects.clone(), Arc::clone(file), &description, filter, true)?;
    let mut rows = Vec::new();
    while let Some(row) = scan.take_next()? {
        rows.push(row);
    }
    Ok((rows, scan.bytes_read()))
}

#[test]
fn rows_come_back_byte_for_byte() {
    let objects = Objects::memory();
    let mut rows: Vec<_> = (0u8..5).map(|number| row(number, 0, i64::from(number) - 2, -1)).collect();
    rows[4].key = None;
    rows[3].headers = Some(bytes::Bytes::from_static(b"[]"));
    rows[3].value = Some(bytes::Bytes::new());
    let file = stored(&objects, rows.clone());
    rows.sort_by_key(Row::order);
    assert_eq!(read(&objects, &file, &Filter::default()).unwrap().0, rows);
}

#[test]
fn rows_out_of_order_are_refused() {
    let mut writer = FileWriter::new(Level::Flushed).unwrap();
    writer.push(row(2, 0, 5, 0)).unwrap();
    assert!(writer.push(row(2, 0, 4, 0)).is_err());
}

/// Values that do not compress, so that the file has many pages.
fn large(objects: &Objects) -> Arc<DataFile> {
    let mut noise = 1u64;
    let rows = (0..20_000i64).map(|offset| {
        let number = u8::try_from(2 + offset % 50).unwrap();
        let mut row = row(number, 0, offset, offset);
        let mut text = String::new();
        for _ in 0..16 {
            noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            text.push_str(&format!("{noise:016x}"));
        }
        row.value = Some(crate::testing::event(number, &text));
        row
    });
    stored(objects, rows.collect())
}

#[test]
fn one_customer_costs_few_bytes() {
    let objects = Objects::memory();
    let file = large(&objects);
    let filter = Filter { customers: Some([crate::testing::customer(7)].into()), ..Filter::default() };
    let (rows, bytes) = read(&objects, &file, &filter).unwrap();
    assert_eq!(rows.len(), 400);
    assert!(rows.is_sorted_by_key(|row| row.offset));
    assert!(bytes * 5 < file.size, "{bytes} of {} bytes", file.size);
}

#[test]
fn whatever_is_damaged_is_found_and_named() {
    let objects = Objects::memory();
    let file = large(&objects);
    let sound = objects.get(&file.path).unwrap().unwrap();
    for place in (0..sound.len()).step_by(sound.len() / 200) {
        let mut bytes = sound.to_vec();
        bytes[place] ^= 0x10;
        objects.put(&file.path, bytes.into()).unwrap();
        let error = read(&objects, &file, &Filter::default()).unwrap_err();
        assert!(
            matches!(&error, Error::Damaged { file, .. } if file == "data/x.parquet"),
            "{place}: {error}"
        );
    }
    objects.put(&file.path, sound.slice(..sound.len() - 1)).unwrap();
    assert!(read(&objects, &file, &Filter::default()).is_err());
    objects.delete(&file.path).unwrap();
    assert!(matches!(read(&objects, &file, &Filter::default()), Err(Error::Missing { .. })));
}
