//! `tocsin savepoint …`
//!
//! Only `create` needs a running system. The others look at the place of checkpoints and at the log themselves, since
//! they are wanted while nothing runs.

mod create;
mod fork;
mod rescale;
mod restore;

use ports::{Log, Position, Savepoint, Savepoints, Topics};
use rules::SavepointId;
use serde_json::{Value, json};
use state::checkpoint::{Place, Settings};

use super::table;
use crate::arguments::{Output, SavepointCommand};
use crate::config::Config;
use crate::failure::Failure;

/// Runs the command.
pub(crate) fn savepoint(
    command: SavepointCommand,
    load: impl Fn(&crate::arguments::SettingFlags) -> Result<Config, Failure>,
) -> Result<(), Failure> {
    match command {
        SavepointCommand::Create { remote, timeout } => create::create(&remote, timeout),
        SavepointCommand::List { settings, output } => list(&load(&settings)?, output),
        SavepointCommand::Show { settings, id, output } => show(&load(&settings)?, &id, output),
        SavepointCommand::Delete { settings, id } => delete(&load(&settings)?, &id),
        SavepointCommand::Restore { settings, id } => restore::restore(&load(&settings)?, &id),
        SavepointCommand::Fork { settings, id, from } => fork::fork(&load(&settings)?, &id, &from),
        SavepointCommand::Rescale { settings, id, to, events } => {
            rescale::rescale(&load(&settings)?, &id, to, events.as_deref())
        },
    }
}

/// The settings of the place of checkpoints.
pub(crate) fn settings(config: &Config) -> Result<&Settings, Failure> {
    let off =
        || Failure::usage("checkpoints are off, and savepoints with them: set a place with --checkpoints");
    config.checkpoints.as_ref().ok_or_else(off)
}

/// Finds a savepoint by its id, or the newest whole one by the word `latest`.
fn find(place: &Place, id: &str) -> Result<Savepoint, Failure> {
    if id == "latest" {
        let whole = place.list()?.into_iter().find(|savepoint| savepoint.problem().is_none());
        return whole.ok_or_else(|| Failure::no("there is no complete savepoint"));
    }
    let wrong = |_| Failure::usage(format!("`{id}` is not a savepoint's id: expected a UUID, or `latest`"));
    let id: SavepointId = id.parse().map_err(wrong)?;
    place
        .find(id)?
        .ok_or_else(|| Failure::no(format!("there is no savepoint {id}; see `tocsin savepoint list`")))
}

/// As [`find`], and it can be restored.
fn find_whole(place: &Place, id: &str) -> Result<Savepoint, Failure> {
    let savepoint = find(place, id)?;
    match savepoint.problem() {
        None => Ok(savepoint),
        Some(problem) => {
            Err(Failure::no(format!("savepoint {} cannot be restored: {problem}", savepoint.id)))
        },
    }
}

/// That every event after these positions is still in the log, and none of them lies beyond it.
fn check_events(log: &dyn Log, topics: &Topics, savepoint: &Savepoint) -> Result<(), Failure> {
    let partitions = log.partitions(&topics.events)?;
    if partitions != savepoint.partitions {
        return Err(Failure::no(format!(
            "topic `{}` has {partitions} partitions, the savepoint has {}: `tocsin savepoint rescale` makes one that fits",
            topics.events, savepoint.partitions
        )));
    }
    for part in &savepoint.parts {
        let bounds = log.bounds(&topics.events, part.partition)?;
        let next = part.position.next;
        if next < bounds.start || next > bounds.end {
            return Err(Failure::no(format!(
                "the savepoint goes on at event {next} of partition {}, topic `{}` has events from {} to {} there",
                part.partition, topics.events, bounds.start, bounds.end
            )));
        }
    }
    Ok(())
}

/// The greatest timeline that a group has committed, if any.
fn committed_timeline(log: &dyn Log, config: &Config) -> Result<Option<u32>, Failure> {
    let committed = log.committed(&config.app, &config.topics.events)?;
    let position = |text: &str| text.parse::<Position>().ok();
    let timelines = committed.iter().flatten().map(|at| position(&at.metadata).map_or(0, |at| at.timeline));
    Ok(timelines.max())
}

fn list(config: &Config, output: Output) -> Result<(), Failure> {
    let savepoints = Place::open(settings(config)?)?.list()?;
    match output {
        Output::Json => savepoints.iter().for_each(|savepoint| println!("{}", to_json(savepoint))),
        Output::Text => {
            let row = |savepoint: &Savepoint| {
                [
                    savepoint.id.to_string(),
                    rules::Timestamp(savepoint.taken()).to_string(),
                    savepoint.bytes().to_string(),
                    savepoint.problem().unwrap_or_else(|| "complete".to_owned()),
                ]
            };
            let rows: Vec<_> = savepoints.iter().map(row).collect();
            println!("{}", table::render(["SAVEPOINT", "TAKEN", "BYTES", "STATE"], &rows));
        },
    }
    Ok(())
}

fn show(config: &Config, id: &str, output: Output) -> Result<(), Failure> {
    let place = Place::open(settings(config)?)?;
    let savepoint = find(&place, id)?;
    if output == Output::Json {
        println!("{}", to_json(&savepoint));
        return Ok(());
    }
    println!("savepoint  {}", savepoint.id);
    println!("state      {}", savepoint.problem().unwrap_or_else(|| "complete".to_owned()));
    println!("rules      {}", place.book(savepoint.id)?.entries.len());
    let row = |part: &ports::Part| {
        let at = &part.position;
        [part.partition.to_string(), at.next.to_string(), at.control.to_string(), part.bytes.to_string()]
    };
    let rows: Vec<_> = savepoint.parts.iter().map(row).collect();
    println!("{}", table::render(["PARTITION", "NEXT EVENT", "NEXT CONTROL", "BYTES"], &rows));
    Ok(())
}

fn delete(config: &Config, id: &str) -> Result<(), Failure> {
    let place = Place::open(settings(config)?)?;
    let savepoint = find(&place, id)?;
    place.remove(savepoint.id)?;
    println!("deleted  {}; its files go when a day has passed and nothing else names them", savepoint.id);
    Ok(())
}

fn to_json(savepoint: &Savepoint) -> Value {
    let part = |part: &ports::Part| json!({"partition": part.partition.0, "position": part.position.to_string(), "bytes": part.bytes});
    json!({
        "id": savepoint.id.to_string(), "complete": savepoint.problem().is_none(), "problem": savepoint.problem(),
        "partitions": savepoint.partitions, "bytes": savepoint.bytes(), "taken": savepoint.taken(),
        "parts": savepoint.parts.iter().map(part).collect::<Vec<_>>(),
    })
}
