//! `tocsin savepoint fork`: a new deployment begins with the state of another one's savepoint.
//!
//! It reads the same events and shares nothing else: group, transactional ids, rules, changelog and alerts are its own.

use std::collections::BTreeMap;

use engine::Offset;
use ports::{Log, Outgoing, Position};
use rules::Control;
use state::checkpoint::{Book, Place};

use super::restore::seed;
use super::{check_events, committed_timeline, find_whole, settings};
use crate::config::Config;
use crate::failure::Failure;
use crate::roles::{create_missing_topics, open_log};

/// How many control records are written at once.
const RECORDS_MAX: usize = 500;

/// Makes the deployment that the settings describe out of a savepoint of `parent`.
pub(super) fn fork(config: &Config, id: &str, parent: &str) -> Result<(), Failure> {
    if config.app == parent {
        return Err(Failure::usage(format!(
            "a fork of `{parent}` needs a name of its own: give it with --app; to go back, `tocsin savepoint restore`"
        )));
    }
    let to = settings(config)?;
    let into = Place::open(to)?;
    let place = into.of(parent);
    let savepoint = find_whole(&place, id)?;
    check_topics(config, parent, &place.topics(savepoint.id)?.1)?;
    let log = open_log(config)?;
    let log = log.as_ref();
    create_missing_topics(log, config)?;
    check_events(log, &config.topics, &savepoint)?;
    if committed_timeline(log, config)?.is_some() {
        return Err(Failure::no(format!(
            "deployment `{}` has run already: fork under another --app name",
            config.app
        )));
    }
    let control = carry_rules(log, config, &place.book(savepoint.id)?)?;
    // The first timeline is that of a deployment that began with nothing.
    let timeline = into.timeline()?.max(1) + 1;
    let mut positions = BTreeMap::new();
    for part in &savepoint.parts {
        let position = Position {
            app: config.app.clone(),
            timeline,
            changelog: log.bounds(&config.topics.changelog, part.partition)?.end,
            control,
            writer: String::new(),
            ..part.position.clone()
        };
        positions.insert(part.partition, position);
    }
    seed(log, config, &place, &into, to, &savepoint, &positions)?;
    println!("forked  `{parent}` as `{}` from savepoint {}", config.app, savepoint.id);
    println!("start it with --app {}; it reads `{}` from there on", config.app, config.topics.events);
    Ok(())
}

/// A fork must not write where its parent does.
fn check_topics(config: &Config, parent: &str, taken: &[String]) -> Result<(), Failure> {
    let topics = &config.topics;
    let ours = [
        &topics.controls,
        &topics.alerts,
        &topics.alerts_shadow,
        &topics.changelog,
        &topics.dead_letters,
        &topics.late,
    ];
    match ours.into_iter().find(|name| taken.contains(name)) {
        None => Ok(()),
        Some(name) => Err(Failure::usage(format!(
            "topic `{name}` is written by `{parent}`: give the fork one of its own in the table `topics` of its settings"
        ))),
    }
}

/// Writes the rule book of the savepoint as the beginning of the fork's control topic, and answers where it ends.
fn carry_rules(log: &dyn Log, config: &Config, book: &Book) -> Result<Offset, Failure> {
    let topic = &config.topics.controls;
    let bounds = log.bounds(topic, engine::Partition(0))?;
    if bounds.end > Offset(0) {
        return Err(Failure::no(format!(
            "control topic `{topic}` is not empty: fork under another --app name, or remove the topic"
        )));
    }
    let entries = book.entries.iter().map(|(key, entry)| (*key, entry.as_slice()));
    let records: Vec<Outgoing> = Control::carry(entries, book.next)
        .into_iter()
        .map(|(key, value)| Outgoing {
            topic: topic.clone(),
            partition: None,
            timestamp: None,
            key: Some(key.into()),
            value: Some(value.into()),
            headers: Vec::new(),
        })
        .collect();
    for records in records.chunks(RECORDS_MAX) {
        log.append(records.to_vec())?;
    }
    Ok(log.bounds(topic, engine::Partition(0))?.end)
}
