//! What the group has committed, against what the topics hold.

use std::io::{BufRead, Write};
use std::time::Duration;

use engine::{Offset, Partition};
use ports::{Committed, Log, Position, header};
use worker::last_position;

use super::Finding;
use crate::config::Config;
use crate::failure::Failure;

/// How many of the latest dead letters of a partition are looked at.
const LETTERS: u64 = 1000;

/// The reason of a dead letter whose event came in another partition than its key's.
const MISPLACED: &[u8] = b"TOC-2010";

pub(super) fn findings(log: &dyn Log, config: &Config) -> ports::Result<Vec<Finding>> {
    let mut findings = Vec::new();
    let committed = log.committed(&config.app, &config.topics.events)?;
    for (committed, partition) in committed.into_iter().zip(0..).map(|(at, index)| (at, Partition(index))) {
        match committed {
            None => findings.extend(missing(log, config, partition)?),
            Some(committed) => findings.extend(unfit(log, config, partition, &committed)?),
        }
        findings.extend(misplaced(log, config, partition)?);
    }
    Ok(findings)
}

fn missing(log: &dyn Log, config: &Config, partition: Partition) -> ports::Result<Option<Finding>> {
    let changelog = log.bounds(&config.topics.changelog, partition)?;
    Ok((changelog.end > Offset(0)).then(|| {
        Finding::new(
            format!(
                "group `{}` has no committed offset for partition {partition}, although its changelog shows that it has \
                 run: a group without members loses its offsets after the broker's `offsets.retention.minutes`",
                config.app
            ),
            "stop the workers, then `tocsin doctor --fix offsets`",
        )
    }))
}

fn unfit(
    log: &dyn Log,
    config: &Config,
    partition: Partition,
    committed: &Committed,
) -> ports::Result<Vec<Finding>> {
    let mut findings = Vec::new();
    let position: Position = match committed.metadata.parse() {
        Ok(position) => position,
        Err(error) => {
            let wrong = format!(
                "the committed offset of partition {partition} has metadata of another program: {error}"
            );
            return Ok(vec![Finding::new(
                wrong,
                "another consumer has used the group's name: give it another",
            )]);
        },
    };
    let topics = &config.topics;
    for (topic, at, of) in [
        (&topics.events, position.next, partition),
        (&topics.changelog, position.changelog, partition),
        (&topics.controls, position.control, Partition(0)),
    ] {
        let bounds = log.bounds(topic, of)?;
        if at > bounds.end {
            findings.push(Finding::new(
                format!("partition {partition} stands at {at} of `{topic}`, which ends at {}", bounds.end),
                "the topic was made anew: `tocsin savepoint restore`, or start under another --app name",
            ));
        } else if at < bounds.start && topic != &topics.changelog {
            findings.push(Finding::new(
                format!("partition {partition} stands at {at} of `{topic}`, which begins at {}", bounds.start),
                "records were removed before they were read: raise the topic's retention, and restore a savepoint",
            ));
        }
    }
    Ok(findings)
}

/// Producers whose clients choose partitions in another way are the usual cause of misplaced events.
fn misplaced(log: &dyn Log, config: &Config, partition: Partition) -> ports::Result<Option<Finding>> {
    let topic = &config.topics.dead_letters;
    let bounds = log.bounds(topic, partition)?;
    if bounds.end == bounds.start {
        return Ok(None);
    }
    let from = Offset(bounds.end.0.saturating_sub(LETTERS)).max(bounds.start);
    let polled = log.reader(topic, &[(partition, from)])?.poll(1000, Duration::from_secs(2))?;
    let is_misplaced =
        |headers: &[ports::Header]| header(headers, "reason").is_some_and(|reason| reason == MISPLACED);
    let count = polled.records.iter().filter(|record| is_misplaced(&record.headers)).count();
    Ok((count > 0).then(|| {
        Finding::new(
            format!(
                "{count} of the last {} dead letters of partition {partition} are events in the wrong partition for their key",
                polled.records.len()
            ),
            "set `partitioner=murmur2_random` in producers built on librdkafka, as Kafka's Java clients do by default; the \
             key is the customerId in lower case",
        )
    }))
}

/// Sets the offsets that a group has lost to where its changelog ends.
pub(super) fn reseed(log: &dyn Log, config: &Config, yes: bool) -> Result<(), Failure> {
    let committed = log.committed(&config.app, &config.topics.events)?;
    let mut seeds = Vec::new();
    for (_, partition) in committed.iter().zip(0..).filter(|(at, _)| at.is_none()) {
        let partition = Partition(partition);
        if let Some(position) = last_position(log, &config.app, &config.topics.changelog, partition)? {
            println!(
                "partition {partition}: event {}, epoch {} of timeline {}",
                position.next, position.epoch, position.timeline
            );
            seeds.push((partition, Committed { next: position.next, metadata: position.to_string() }));
        }
    }
    if seeds.is_empty() {
        println!("no offset is missing of which the changelog tells");
        return Ok(());
    }
    if !yes && !confirmed(&config.app)? {
        return Err(Failure::no("nothing was changed"));
    }
    log.seed(&config.app, &config.topics.events, &seeds)?;
    println!("set the offsets of {} partitions of group `{}`", seeds.len(), config.app);
    Ok(())
}

fn confirmed(app: &str) -> Result<bool, Failure> {
    let failed =
        |error: std::io::Error| Failure::other_side(format!("no answer can be read: {error}; use --yes"));
    print!("Set these offsets of group `{app}`? [y/N] ");
    std::io::stdout().flush().map_err(failed)?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer).map_err(failed)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}
