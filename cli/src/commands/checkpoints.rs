//! `tocsin checkpoints …`

use std::io::{IsTerminal, Write};

use ports::{ErrorKind, Savepoints};
use serde_json::json;
use state::checkpoint::Place;

use super::savepoint::settings;
use super::table;
use crate::arguments::{CheckpointsCommand, Output, SettingFlags};
use crate::config::Config;
use crate::failure::Failure;

/// Runs the command.
pub(crate) fn checkpoints(
    command: CheckpointsCommand,
    load: impl Fn(&SettingFlags) -> Result<Config, Failure>,
) -> Result<(), Failure> {
    match command {
        CheckpointsCommand::List { settings, output } => list(&load(&settings)?, output),
        CheckpointsCommand::Verify { settings } => verify(&load(&settings)?),
        CheckpointsCommand::Collect { settings } => collect(&load(&settings)?),
    }
}

fn list(config: &Config, output: Output) -> Result<(), Failure> {
    let place = Place::open(settings(config)?)?;
    let mut rows = Vec::new();
    for name in place.checkpoints()? {
        match (place.kept(&name), output) {
            (Ok(kept), Output::Json) => println!(
                "{}",
                json!({
                    "name": kept.name, "partition": kept.partition.0, "position": kept.position.to_string(),
                    "bytes": kept.bytes, "taken": kept.taken,
                })
            ),
            (Ok(kept), Output::Text) => rows.push([
                kept.partition.to_string(),
                rules::Timestamp(kept.taken).to_string(),
                format!("{}/{}", kept.position.timeline, kept.position.epoch),
                kept.position.next.to_string(),
                kept.bytes.to_string(),
            ]),
            (Err(error), Output::Json) => println!("{}", json!({"name": name, "problem": error.message})),
            (Err(error), Output::Text) if error.kind == ErrorKind::Corrupt => {
                rows.push([error.message, String::new(), String::new(), String::new(), String::new()]);
            },
            (Err(error), Output::Text) => return Err(error.into()),
        }
    }
    if output == Output::Text {
        println!("{}", table::render(["PARTITION", "TAKEN", "TIMELINE/EPOCH", "NEXT EVENT", "BYTES"], &rows));
    }
    Ok(())
}

fn verify(config: &Config) -> Result<(), Failure> {
    let place = Place::open(settings(config)?)?;
    let mut names = place.checkpoints()?;
    for savepoint in place.list()? {
        names.extend(place.parts(savepoint.id)?);
    }
    let mut damaged = 0;
    for name in &names {
        let mut line = Progress::new(name);
        match place.verify(name, |bytes| line.came(bytes)) {
            Ok(bytes) => {
                line.end();
                println!("sound    {name}  {bytes} bytes");
            },
            Err(error) if error.kind == ErrorKind::Corrupt => {
                line.end();
                println!("damaged  {name}: {error}");
                damaged += 1;
            },
            Err(error) => return Err(error.into()),
        }
    }
    if damaged > 0 {
        return Err(Failure::no(format!("{damaged} of {} are damaged", names.len())));
    }
    println!("all {} are sound", names.len());
    Ok(())
}

fn collect(config: &Config) -> Result<(), Failure> {
    let collected = Place::open(settings(config)?)?.collect()?;
    println!("removed  {} files, {} bytes", collected.files, collected.bytes);
    Ok(())
}

/// A line that shows how many bytes have come, on a terminal only.
struct Progress<'a> {
    name: &'a str,
    bytes: u64,
    shown: u64,
    is_terminal: bool,
}

/// How many bytes come between two looks.
const STEP: u64 = 8 * 1024 * 1024;

impl<'a> Progress<'a> {
    fn new(name: &'a str) -> Self {
        Self { name, bytes: 0, shown: 0, is_terminal: std::io::stderr().is_terminal() }
    }

    fn came(&mut self, bytes: u64) {
        self.bytes += bytes;
        if self.is_terminal && self.bytes - self.shown >= STEP {
            self.shown = self.bytes;
            self.print(&format!("reading  {}  {} MiB", self.name, self.bytes / 1024 / 1024));
        }
    }

    fn end(&self) {
        if self.shown > 0 {
            self.print("");
        }
    }

    /// A terminal that is gone is no reason to stop.
    fn print(&self, text: &str) {
        let mut err = std::io::stderr();
        drop(write!(err, "\r\x1b[2K{text}").and_then(|()| err.flush()));
    }
}
