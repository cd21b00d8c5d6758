//! `tocsin history`: the archive of all events.

use std::path::Path;
use std::time::SystemTime;

use bootstrap::compaction::{Compacted, compact as compact_once};
use bootstrap::erasure;
use bootstrap::import::{self, Imported, Mapping, Report};
use bootstrap::retention::{expire, sweep};
use bootstrap::{Objects, Table, archiver};
use engine::{Partition, Timestamp};
use rules::CustomerId;
use serde_json::json;
use uuid::Uuid;

use super::bar::Bar;
use super::import_source::Source;
use crate::arguments::{ImportArguments, Output, TimeUnit};
use crate::config::Config;
use crate::failure::Failure;
use crate::roles;

/// Shows what the archive holds.
pub(crate) fn status(config: &Config, output: Output) -> Result<(), Failure> {
    let table = table(config)?;
    let snapshot = table.load()?;
    let topic = &config.topics.events;
    let sum = snapshot.sum();
    let bytes: u64 = snapshot.files().map(|file| file.size).sum();
    let partitions: Vec<_> = snapshot
        .partitions(topic)
        .into_iter()
        .map(|partition| (partition, snapshot.start(partition), snapshot.next(topic, partition)))
        .collect();
    match output {
        Output::Json => {
            let partitions: Vec<_> = partitions
                .iter()
                .map(|(partition, start, next)| json!({"partition": partition, "start": start, "next": next}))
                .collect();
            let status = json!({
                "place": table.objects().name(), "version": snapshot.version(), "rows": sum.rows,
                "files": snapshot.files().count(), "bytes": bytes, "partitions": partitions,
            });
            println!("{status}");
        },
        Output::Text => {
            println!("archive   {}", table.objects().name());
            println!(
                "version   {}",
                snapshot.version().map_or_else(|| "none".to_owned(), |version| version.to_string())
            );
            println!("events    {}", sum.rows);
            println!("files     {} ({bytes} bytes)", snapshot.files().count());
            for (partition, start, next) in partitions {
                let from = start.map_or_else(|| "-".to_owned(), |start| start.to_string());
                let next = next.map_or_else(|| "-".to_owned(), |next| next.to_string());
                println!("partition {partition}: offsets {from} up to {next}");
            }
        },
    }
    Ok(())
}

/// Imports files of events from before the log.
pub(crate) fn import(config: &Config, arguments: &ImportArguments) -> Result<(), Failure> {
    let table = table(config)?;
    import::check_partitions(&table.load()?, &config.topics.events, config.partitions)?;
    let settings = import::Settings {
        mapping: mapping(arguments)?,
        partitions: config.partitions,
        skip_bad_lines: arguments.skip_bad_lines,
    };
    let options =
        config.checkpoints.as_ref().map(|checkpoints| checkpoints.options.clone()).unwrap_or_default();
    let mut files = Vec::new();
    for place in &arguments.files {
        files.extend(Source::at(place, &options)?);
    }
    let scratch = tempfile::tempdir().map_err(|error| {
        Failure::other_side(format!("a folder for what is fetched cannot be made: {error}"))
    })?;
    let mut bar = Bar::new();
    let (mut rows, mut refused) = (0, 0);
    for (index, source) in files.iter().enumerate() {
        let name = source.name();
        let short = || name.file_name().unwrap_or_default().to_string_lossy();
        let note = |doing: &str| format!("{doing} {} ({} of {})", short(), index + 1, files.len());
        // How long an object is, is not known before it is here.
        let path = source.fetch(&scratch, &mut |_| bar.draw(0, || note("fetching")))?;
        let size = std::fs::metadata(&path).map_or(0, |metadata| metadata.len());
        let mut read = |read: u64| bar.draw((read * 100).checked_div(size).unwrap_or(100), || note("of"));
        let report = import::import(&table, &path, &settings, now(), &mut read);
        source.forget(&path);
        bar.clear();
        let report = report?;
        tell(name, &report);
        match report.imported {
            Imported::Done { rows: imported } => rows += imported,
            Imported::Known => {},
            Imported::Refused => refused += 1,
        }
    }
    println!("{rows} events of {} files imported, {refused} files refused", files.len());
    match refused {
        0 => Ok(()),
        _ => Err(Failure::usage(
            "files with bad lines were not imported: mend them, or leave the lines out with --skip-bad-lines",
        )),
    }
}

fn mapping(arguments: &ImportArguments) -> Result<Mapping, Failure> {
    let unit = match arguments.time_unit {
        TimeUnit::S => import::TimeUnit::Seconds,
        TimeUnit::Ms => import::TimeUnit::Millis,
        TimeUnit::Us => import::TimeUnit::Micros,
    };
    let customer = arguments.customer.map(CustomerId::from_uuid);
    if customer.is_some_and(CustomerId::is_global) {
        return Err(Failure::usage("an event cannot belong to the customer of global rules"));
    }
    Mapping::new(
        &arguments.customer_path,
        customer,
        (&arguments.time_path, unit),
        arguments.id_path.as_deref(),
        &arguments.payload_path,
    )
    .map_err(Failure::usage)
}

fn tell(file: &Path, report: &Report) {
    let name = file.display();
    for bad in &report.bad_lines {
        eprintln!("{name}:{}: {}", bad.line, bad.problem);
    }
    if report.bad > report.bad_lines.len() as u64 {
        eprintln!("{name}: {} further bad lines", report.bad - report.bad_lines.len() as u64);
    }
    match report.imported {
        Imported::Done { rows } => println!("{name}: {rows} events"),
        Imported::Known => println!("{name}: imported before"),
        Imported::Refused => println!("{name}: not imported, {} bad lines", report.bad),
    }
}

/// Does all compactions that are due, and removes what is too old.
pub(crate) fn compact(config: &Config) -> Result<(), Failure> {
    let table = table(config)?;
    loop {
        match compact_once(&table, now())? {
            Compacted::Nothing => break,
            Compacted::Merged { inputs, outputs, rows } => {
                println!("{inputs} files became {outputs}, with {rows} events");
            },
            Compacted::Lost => {},
        }
    }
    let days = config.archive.as_ref().and_then(|archive| archive.keep_days);
    let expired = days.map_or(Ok(0), |days| expire(&table, days, now()))?;
    let swept = sweep(&table, now())?;
    println!("{expired} files were too old, {swept} files were removed");
    Ok(())
}

/// Erases a customer's events.
pub(crate) fn erase(config: &Config, customer: Uuid, request: &str) -> Result<(), Failure> {
    let table = table(config)?;
    let erasure = erasure::erase(&table, CustomerId::from_uuid(customer), request, now())?;
    let record = serde_json::to_string(&erasure).map_err(|error| Failure::other_side(error.to_string()))?;
    println!("{record}");
    Ok(())
}

/// Goes on behind records that are lost.
pub(crate) fn accept_gap(config: &Config, partition: u32) -> Result<(), Failure> {
    let table = table(config)?;
    let log = roles::connect(config)?;
    let (from, until) =
        archiver::accept_gap(log.as_ref(), &table, &config.topics.events, Partition(partition), now())?;
    println!("partition {partition}: the records from offset {from} up to {until} stay out of the archive");
    Ok(())
}

fn table(config: &Config) -> Result<Table, Failure> {
    let off = || Failure::usage("the archive is switched off: name its folder with --archive");
    let archive = config.archive.as_ref().ok_or_else(off)?;
    Ok(Table::new(Objects::folder(&archive.folder)?))
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
