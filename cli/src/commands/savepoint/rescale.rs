//! `tocsin savepoint rescale`: a savepoint for another number of partitions.
//!
//! With more partitions a key's events go elsewhere, so what was sent before must have been evaluated: the savepoint
//! must lie at the end of its topic.

use std::collections::BTreeMap;

use engine::{Offset, Partition};
use ports::Log;
use rules::SavepointId;
use state::checkpoint::{Place, Rescale};

use super::{find_whole, settings};
use crate::config::Config;
use crate::failure::Failure;
use crate::roles::open_log;

/// Writes a new savepoint with `to` partitions, which reads `events` from its start if that is given.
pub(super) fn rescale(config: &Config, id: &str, to: u32, events: Option<&str>) -> Result<(), Failure> {
    if to == 0 || to > 1024 {
        return Err(Failure::usage("--to takes 1 to 1024"));
    }
    let place = Place::open(settings(config)?)?;
    let savepoint = find_whole(&place, id)?;
    let log = open_log(config)?;
    let ends = drained(log.as_ref(), config, &savepoint)?;
    let next = |partition| match events {
        Some(_) => Offset(0),
        None => ends.get(&partition).copied().unwrap_or(Offset(0)),
    };
    let next: BTreeMap<_, _> = (0..to).map(Partition).map(|partition| (partition, next(partition))).collect();
    let scratch = config.data.join("rescale");
    let failed = |error: std::io::Error| Failure::other_side(format!("{}: {error}", scratch.display()));
    if scratch.exists() {
        std::fs::remove_dir_all(&scratch).map_err(failed)?;
    }
    std::fs::create_dir_all(&scratch).map_err(failed)?;
    let new = SavepointId::from_uuid(uuid::Uuid::new_v4());
    let rewritten = Rescale { savepoint: &savepoint, id: new, next: &next, scratch: &scratch }.run(&place);
    std::fs::remove_dir_all(&scratch).map_err(failed)?;
    rewritten?;
    println!("rescaled  {} to {to} partitions: savepoint {new}", savepoint.id);
    println!("restore or fork it once the topics have {to} partitions");
    Ok(())
}

/// Where each partition of the topic ends, if the savepoint lies there.
fn drained(
    log: &dyn Log,
    config: &Config,
    savepoint: &ports::Savepoint,
) -> Result<BTreeMap<Partition, Offset>, Failure> {
    let topic = &config.topics.events;
    let mut ends = BTreeMap::new();
    for part in &savepoint.parts {
        let end = log.bounds(topic, part.partition)?.end;
        if end > part.position.next {
            return Err(Failure::no(format!(
                "topic `{topic}` has events after the savepoint in partition {}: stop the producers, let the workers \
                 read to the end, and take the savepoint then",
                part.partition
            )));
        }
        ends.insert(part.partition, part.position.next);
    }
    Ok(ends)
}
