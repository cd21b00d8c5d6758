//! Opening: topics, ends and positions as the database holds them.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, RwLock};

use engine::{Offset, Partition, Timestamp};
use ports::{Committed, Error, ErrorKind, Place, Result, Retention};

use super::Settings;
use super::database::Database;
use super::draft::TopicsByName;
use super::notes::{Note, Start};
use super::queue::{Generations, Queue};
use super::shared::Shared;
use super::topic::{Progress, Topic};

/// The notes by kind.
#[derive(Default)]
struct Notes {
    topics: BTreeMap<String, (u32, Retention)>,
    starts: HashMap<(String, Partition), Start>,
    committed: HashMap<(String, String), BTreeMap<Partition, Committed>>,
    generations: Generations,
    is_marked: bool,
}

/// Reads what is needed to go on.
pub(super) fn recover(database: Database, settings: &Settings) -> Result<Shared> {
    let notes = read_notes(&database)?;
    let mut topics = TopicsByName::new();
    let mut next = Vec::new();
    let mut last_written = Timestamp(i64::MIN);
    for (name, (partitions, retention)) in notes.topics {
        let slot = next.len();
        let mut progress = Vec::new();
        for partition in (0..partitions).map(Partition) {
            let start = notes.starts.get(&(name.clone(), partition)).copied();
            let (found, written) = find_end(&database, &name, partition, start.unwrap_or_default())?;
            last_written = last_written.max(written);
            next.push(found.bounds().end);
            progress.push(found);
        }
        let topic = Topic::new(name.clone(), retention, slot, progress);
        topics.insert(name, Arc::new(topic));
    }
    Ok(Shared {
        topics: RwLock::new(topics),
        creating: Mutex::new(()),
        committed: Mutex::new(notes.committed),
        queue: Queue::new(next, notes.generations),
        database,
        last_written,
        limits: settings.limits,
        limits_by_topic: settings.limits_by_topic.clone(),
    })
}

fn read_notes(database: &Database) -> Result<Notes> {
    let mut notes = Notes::default();
    for note in database.notes()? {
        match note {
            Note::Format(format) if Note::format() == Note::Format(format) => notes.is_marked = true,
            Note::Format(format) => {
                return Err(Error::new(
                    ErrorKind::Corrupt,
                    format!(
                        "the log has format {format}, which this version cannot read: start the one that wrote it"
                    ),
                ));
            },
            Note::Topic { name, partitions, retention } => {
                notes.topics.insert(name, (partitions, retention));
            },
            Note::Start { topic, partition, start } => {
                notes.starts.insert((topic, partition), start);
            },
            Note::Committed { group, topic, partition, committed } => {
                let positions = notes.committed.entry((group, topic)).or_default();
                positions.insert(partition, committed);
            },
            Note::Generation { group, generation } => {
                notes.generations.insert(group, generation);
            },
        }
    }
    if !notes.is_marked && !notes.topics.is_empty() {
        return Err(Error::new(ErrorKind::Corrupt, "the log has topics but no format"));
    }
    Ok(notes)
}

/// The end is where the last record says, which was written last; with none left it is where the partition starts.
fn find_end(
    database: &Database,
    topic: &str,
    partition: Partition,
    start: Start,
) -> Result<(Progress, Timestamp)> {
    let last = Place { partition, offset: Offset(u64::MAX) };
    Ok(match database.last(topic, last)? {
        Some((offset, trailer, size)) => {
            let progress = Progress::new(start, offset.next(), trailer.position + size);
            (progress, trailer.written)
        },
        None => {
            let progress = Progress::new(start, start.offset, start.position);
            (progress, Timestamp(i64::MIN))
        },
    })
}
