use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use parquet::arrow::ArrowWriter;

use super::*;
use crate::objects::Objects;
use crate::testing::{customer, rows};

fn mapping() -> Mapping {
    Mapping::new("$.who.id", None, ("$.at", TimeUnit::Seconds), Some("$.nr"), "$").unwrap()
}

fn settings(skip_bad_lines: bool) -> Settings {
    Settings { mapping: mapping(), partitions: 4, skip_bad_lines }
}

fn line(number: u8, at: i64) -> String {
    format!("{{\"who\": {{\"id\": \"{}\"}}, \"at\": {at}, \"nr\": {at}, \"big\": 1.10}}\n", customer(number))
}

struct Folder {
    dir: tempfile::TempDir,
    table: Table,
}

impl Folder {
    fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap(), table: Table::new(Objects::memory()) }
    }

    fn import(&self, name: &str, bytes: &[u8], skip_bad_lines: bool) -> Report {
        let path = self.dir.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        let mut last = 0;
        let report =
            import(&self.table, &path, &settings(skip_bad_lines), Timestamp(0), &mut |read| last = read)
                .unwrap();
        assert!(report.imported == Imported::Known || last > 0);
        report
    }
}

#[test]
fn lines_become_rows_before_the_log_in_the_order_of_their_times() {
    let folder = Folder::new();
    folder.import("b.ndjson", format!("{}\n{}", line(2, 50), line(3, 40)).as_bytes(), false);
    folder.import("a.jsonl", line(2, 45).as_bytes(), false);
    let rows = rows(&folder.table);
    assert!(rows.iter().all(|row| row.offset < 0));
    let mut of_two: Vec<_> = rows.iter().filter(|row| row.customer == Some(customer(2))).collect();
    of_two.sort_by_key(|row| row.offset);
    assert_eq!(of_two.iter().map(|row| row.timestamp.0).collect::<Vec<_>>(), [45_000, 50_000]);
    let value = format!("{{\"customerId\":\"{}\",\"payload\":{}}}", customer(2), line(2, 45).trim());
    assert_eq!(of_two[0].value.as_ref().unwrap(), &value);
    assert_eq!(of_two[0].headers.as_ref().unwrap(), "[{\"name\":\"id\",\"text\":\"45\"}]");
    let home = partition_of(customer(2).to_string().as_bytes(), 4);
    assert!(of_two.iter().all(|row| row.partition == home));
}

#[test]
fn a_file_is_imported_once_whatever_it_is_called() {
    let folder = Folder::new();
    let done = Imported::Done { rows: 1 };
    assert_eq!(folder.import("a.ndjson", line(2, 1).as_bytes(), false).imported, done);
    assert_eq!(folder.import("b.ndjson", line(2, 1).as_bytes(), false).imported, Imported::Known);
    assert_eq!(rows(&folder.table).len(), 1);
}

#[test]
fn bad_lines_are_told_with_their_numbers_and_hold_the_file_back() {
    let folder = Folder::new();
    let lines = format!("{}no json\n{{}}\n\n{}", line(2, 1), line(2, -1));
    let report = folder.import("a.ndjson", lines.as_bytes(), false);
    assert_eq!((report.imported, report.bad), (Imported::Refused, 3));
    let told: Vec<_> = report.bad_lines.iter().map(|bad| (bad.line, bad.problem.as_str())).collect();
    assert_eq!(told[0], (2, "it is no JSON: line 1 column 2"));
    assert_eq!(told[1], (3, "the customer is missing"));
    assert_eq!(told[2], (5, "the time lies outside of the years 1970 to 2248"));
    assert_eq!(rows(&folder.table).len(), 0);
    let report = folder.import("a.ndjson", lines.as_bytes(), true);
    assert_eq!((report.imported, report.bad), (Imported::Done { rows: 1 }, 3));
}

#[test]
fn gzip_and_parquet_say_the_same_as_lines() {
    let lines = format!("{}{}", line(2, 1), line(3, 2));
    let gzip = Folder::new();
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(lines.as_bytes()).unwrap();
    assert_eq!(
        gzip.import("a.json.gz", &encoder.finish().unwrap(), false).imported,
        Imported::Done { rows: 2 }
    );
    let parquet = Folder::new();
    let schema = arrow_json::reader::infer_json_schema(lines.as_bytes(), None).unwrap().0;
    let schema = std::sync::Arc::new(schema);
    let mut reader =
        arrow_json::ReaderBuilder::new(std::sync::Arc::clone(&schema)).build(lines.as_bytes()).unwrap();
    let mut writer = ArrowWriter::try_new(Vec::new(), schema, None).unwrap();
    writer.write(&reader.next().unwrap().unwrap()).unwrap();
    let bytes = writer.into_inner().unwrap();
    assert_eq!(parquet.import("a.parquet", &bytes, false).imported, Imported::Done { rows: 2 });
    let places = |folder: &Folder| {
        rows(&folder.table).iter().map(|row| (row.partition, row.offset, row.customer)).collect::<Vec<_>>()
    };
    assert_eq!(places(&gzip), places(&parquet));
}

#[test]
fn a_folder_is_searched_and_other_files_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("x")).unwrap();
    for name in ["b.ndjson", "x/a.json.gz", "readme.txt"] {
        std::fs::write(dir.path().join(name), "").unwrap();
    }
    let found = files(&[dir.path().to_owned()]).unwrap();
    let names: Vec<_> = found.iter().map(|path| path.strip_prefix(dir.path()).unwrap().to_owned()).collect();
    assert_eq!(names, [PathBuf::from("b.ndjson"), PathBuf::from("x/a.json.gz")]);
    assert!(files(&[dir.path().join("readme.txt")]).is_err());
    assert!(files(&[dir.path().join("none")]).is_err());
}

#[test]
fn paths_name_members_alone() {
    let of = |path: &str| Mapping::new("$.a", None, (path, TimeUnit::Millis), None, "$").map(drop);
    assert_eq!(of("$.a.b"), Ok(()));
    for wrong in ["a.b", "$a", "$.a[0]", "$..a", "$.*"] {
        assert!(of(wrong).is_err(), "{wrong}");
    }
}
