//! `tocsin savepoint restore`: a stopped deployment goes back to a savepoint, on a new timeline.

use std::collections::BTreeMap;

use engine::Partition;
use ports::{Committed, Log, Position};
use state::checkpoint::{Place, Settings};

use super::{check_events, committed_timeline, find_whole, settings};
use crate::config::Config;
use crate::failure::Failure;
use crate::roles::open_log;

/// Sets the deployment back. Its rules are not: control records after the savepoint are followed again.
pub(super) fn restore(config: &Config, id: &str) -> Result<(), Failure> {
    let to = settings(config)?;
    let place = Place::open(to)?;
    let savepoint = find_whole(&place, id)?;
    let log = open_log(config)?;
    let log = log.as_ref();
    check_events(log, &config.topics, &savepoint)?;
    let timeline = committed_timeline(log, config)?.unwrap_or(1).max(place.timeline()?) + 1;
    let mut positions = BTreeMap::new();
    for part in &savepoint.parts {
        let changelog = log.bounds(&config.topics.changelog, part.partition)?.end;
        let position = Position { timeline, changelog, writer: String::new(), ..part.position.clone() };
        positions.insert(part.partition, position);
    }
    seed(log, config, &place, &place, to, &savepoint, &positions)?;
    println!("restored  {}  timeline {timeline}", savepoint.id);
    println!("start the deployment `{}` again; it goes on from there", config.app);
    Ok(())
}

/// Hands the savepoint's parts on to these positions and sets the group to them, in this order: a group that stands at
/// a position finds its state.
pub(super) fn seed(
    log: &dyn Log,
    config: &Config,
    from: &Place,
    into: &Place,
    to: &Settings,
    savepoint: &ports::Savepoint,
    positions: &BTreeMap<Partition, Position>,
) -> Result<(), Failure> {
    from.hand_on(savepoint.id, to, positions)?;
    let committed: Vec<_> = positions
        .iter()
        .map(|(partition, position)| {
            (*partition, Committed { next: position.next, metadata: position.to_string() })
        })
        .collect();
    let seeded = log.seed(&config.app, &config.topics.events, &committed);
    if let Err(error) = seeded {
        into.take_back(positions)?;
        return Err(error.into());
    }
    Ok(())
}
