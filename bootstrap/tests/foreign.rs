//! Other programs read the table as it is: `deltalake` and `duckdb` for Python.
#![allow(clippy::unwrap_used, reason = "tests panic when something is wrong")]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use bootstrap::archiver::Settings;
use bootstrap::compaction::{Compacted, compact};
use bootstrap::erasure::erase;
use bootstrap::{Archiver, Objects, Table};
use engine::{Partition, Timestamp};
use ports::memory::MemoryLog;
use ports::{Log, Outgoing, Retention, TopicSpec};
use rules::CustomerId;

/// Prints what a foreign reader sees.
const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/foreign.py");

/// Python with both libraries, made once in a folder outside of the checkout.
fn python() -> Result<PathBuf, String> {
    let home = std::env::var_os("HOME").map(PathBuf::from).unwrap_or_else(std::env::temp_dir);
    let folder = home.join(".cache/tocsin/python-history");
    let python = folder.join("bin/python");
    let has = |python: &Path| {
        Command::new(python)
            .args(["-c", "import deltalake, duckdb, pyarrow"])
            .output()
            .is_ok_and(|done| done.status.success())
    };
    if has(&python) {
        return Ok(python);
    }
    let run = |program: &Path, arguments: &[&str]| match Command::new(program).args(arguments).output() {
        Ok(done) if done.status.success() => Ok(()),
        Ok(done) => Err(String::from_utf8_lossy(&done.stderr).lines().last().unwrap_or_default().to_owned()),
        Err(error) => Err(error.to_string()),
    };
    run(Path::new("python3"), &["-m", "venv", folder.to_str().ok_or("the home folder is not UTF-8")?])?;
    run(&python, &["-m", "pip", "install", "--quiet", "deltalake", "duckdb", "pyarrow"])?;
    Ok(python)
}

fn seen(python: &Path, folder: &Path) -> serde_json::Value {
    let done = Command::new(python).arg(SCRIPT).arg(folder).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    serde_json::from_slice(&done.stdout).unwrap()
}

#[test]
fn deltalake_and_duckdb_read_the_table_as_it_is() {
    let python = match python() {
        Ok(python) => python,
        Err(problem) => {
            eprintln!("skipped: Python with deltalake and duckdb cannot be had: {problem}");
            return;
        },
    };
    let log = MemoryLog::default();
    let spec = TopicSpec { name: "events".to_owned(), partitions: 2, retention: Retention::Any };
    log.create_topics(&[spec]).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let table = Table::new(Objects::folder(dir.path()).unwrap());
    let mut archiver = Archiver::open(Arc::new(log.clone()), table.clone(), Settings::new("events")).unwrap();
    let customer = |number: u32| CustomerId::from_bytes((u128::from(number) << 96 | 1).to_be_bytes());
    let noon: Timestamp = "2025-11-01T12:00:00Z".parse().unwrap();
    // So many commits that there is a checkpoint among them, of a table that was compacted before.
    for round in 0..110u32 {
        for partition in 0..2 {
            let value = match round {
                3 => bytes::Bytes::from_static(b"\xff\xff"),
                _ => format!("{{\"customerId\":\"{}\",\"payload\":{{\"n\":{round}}}}}", customer(round % 5))
                    .into(),
            };
            let outgoing = Outgoing {
                topic: "events".to_owned(),
                partition: Some(Partition(partition)),
                timestamp: Some(noon),
                key: None,
                value: Some(value),
                headers: Vec::new(),
            };
            log.append(vec![outgoing]).unwrap();
        }
        archiver.step(Duration::ZERO, noon).unwrap();
        archiver.flush(noon).unwrap();
        if round == 90 {
            let hours_later: Timestamp = "2025-11-01T14:00:00Z".parse().unwrap();
            assert!(matches!(compact(&table, hours_later).unwrap(), Compacted::Merged { .. }));
        }
    }
    let sum = (0..110).sum::<u32>() * 2;
    let here = table.load().unwrap();
    let there = seen(&python, dir.path());
    assert_eq!(there["version"], here.version().unwrap());
    assert_eq!((&there["rows"], &there["pruned"], &there["next"]), (&220.into(), &110.into(), &110.into()));
    assert_eq!(there["files"], here.files().count());
    assert_eq!(there["days"], serde_json::json!(["2025-11-01"]));
    let duckdb: Vec<_> =
        there["duckdb"].as_array().unwrap().iter().map(|part| part.as_str().unwrap()).collect();
    assert_eq!(duckdb[..4], ["220", &sum.to_string(), "5", "2"]);
    assert!(duckdb[4].starts_with("2025-11-01 12:00:00"), "{}", duckdb[4]);
    let value = format!("{{\"customerId\":\"{}\",\"payload\":{{\"n\":0}}}}", customer(0));
    assert_eq!(there["value"], value);
    let erased = erase(&table, customer(0), "request", noon).unwrap();
    assert_eq!(seen(&python, dir.path())["rows"], 220 - erased.rows);
}
