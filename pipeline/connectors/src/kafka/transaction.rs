//! One try of a commit: a Kafka transaction that holds records and positions.

use std::time::{Duration, Instant};

use engine::Partition;
use ports::{Committed, Error, ErrorKind, Outgoing, Place, Positions};
use rdkafka::TopicPartitionList;
use rdkafka::producer::Producer as _;
use rdkafka::types::RDKafkaErrorCode;

use super::bounded::within;
use super::delivery::{Producer, Undelivered, deliver};
use super::errors::{error, kind};
use super::ffi::{self, GroupMetadata, TransactionError, TransactionResult};
use super::metrics::{self, Step};
use super::observer::{number, raw};
use super::settings::TRANSACTION_TIMEOUT;

/// A call that takes longer was not answered at once. A late duplicate of it could end a later transaction of the same
/// producer, so that one is replaced, which makes the brokers refuse the duplicate.
const SLOW: Duration = Duration::from_millis(500);

/// How long one call may take. The broker ends the transaction before.
const CALL_TIMEOUT: Duration = TRANSACTION_TIMEOUT.saturating_add(Duration::from_secs(1));

/// How long a call is waited for that may not keep to that.
const CALL_PATIENCE: Duration = CALL_TIMEOUT.saturating_add(Duration::from_secs(1));

/// What became of a try.
#[derive(Debug)]
pub(super) enum Outcome {
    /// It happened. If `slow`, the producer must be replaced before the next one.
    Done { places: Vec<Place>, slow: bool },
    /// It did not happen, and the producer can be used again.
    Aborted(Error),
    /// It did not happen and cannot: the caller's records are at fault.
    Impossible(Error),
    /// It did not happen: a partition in question is no longer this member's.
    Lost(Error),
    /// Nobody here knows, and the producer is useless. `tried` holds the places and positions if they were sent.
    Doubtful { cause: Error, fenced: bool, tried: Option<Tried> },
}

/// Positions to be committed.
pub(super) type NewPositions = [(Partition, Committed)];

/// What was under way when a doubt came up.
#[derive(Debug)]
pub(super) struct Tried {
    pub(super) places: Vec<Place>,
    pub(super) positions: Vec<(Partition, Committed)>,
    /// One of its records: topic and place. Whether it can be read tells what became of all.
    pub(super) evidence: Option<(String, Place)>,
}

/// What a transaction is about.
pub(super) struct Attempt<'a> {
    pub(super) producer: &'a Producer,
    /// The topic that the positions are of.
    pub(super) topic: &'a str,
    pub(super) records: &'a [(Partition, Outgoing)],
    pub(super) positions: Positions<'a>,
    /// The member's standing in the group, if the partitions with positions are its own.
    pub(super) standing: &'a dyn Fn(&NewPositions) -> Result<GroupMetadata, Error>,
}

impl Attempt<'_> {
    /// Runs the transaction to its end.
    pub(super) fn run(&self) -> Outcome {
        if let Err(problem) = ffi::begin(self.producer) {
            return self.failed("beginning a transaction", &problem, None);
        }
        let begun = Instant::now();
        let places = match deliver(self.producer, self.records, begun + CALL_TIMEOUT) {
            Ok(places) => places,
            Err(undelivered) => return self.undelivered(undelivered),
        };
        metrics::commit_step(Step::Deliver, begun.elapsed());
        let positions = (self.positions)(&places);
        if positions.is_empty() {
            let problem = "a commit needs a position for every partition that it speaks for";
            return self.abort(Outcome::Impossible(Error::new(ErrorKind::Refused, problem)));
        }
        // Only now is known which partitions the commit speaks for.
        let group = match (self.standing)(&positions) {
            Ok(group) => group,
            Err(problem) => return self.abort(Outcome::Lost(problem)),
        };
        self.end(places, positions, group)
    }

    fn end(
        &self,
        places: Vec<Place>,
        positions: Vec<(Partition, Committed)>,
        group: GroupMetadata,
    ) -> Outcome {
        let list = match list(self.topic, &positions) {
            Ok(list) => list,
            Err(problem) => return self.abort(Outcome::Impossible(problem)),
        };
        let sent = Instant::now();
        let producer = self.producer.clone();
        let send = move || ffi::send_offsets(&producer, &list, &group, CALL_TIMEOUT);
        let Some(result) = within(CALL_PATIENCE, send) else {
            let problem = "committing positions: Kafka's client does not answer";
            let cause = Error::new(ErrorKind::Unavailable, problem);
            return Outcome::Doubtful { cause, fenced: false, tried: None };
        };
        let offsets_took = sent.elapsed();
        metrics::commit_step(Step::Positions, offsets_took);
        if let Err(problem) = result {
            return self.failed("committing positions", &problem, None);
        }
        let ending = Instant::now();
        let result = again_while_retriable(|| ffi::commit(self.producer, CALL_TIMEOUT));
        metrics::commit_step(Step::Commit, ending.elapsed());
        match result {
            Ok(()) => Outcome::Done { places, slow: offsets_took > SLOW || ending.elapsed() > SLOW },
            Err(problem) => {
                let first = self.records.first().zip(places.first());
                let evidence = first.map(|((_, record), place)| (record.topic.clone(), *place));
                self.failed("committing a transaction", &problem, Some(Tried { places, positions, evidence }))
            },
        }
    }

    /// A call failed: aborts if librdkafka says that it can, else leaves it in doubt.
    fn failed(&self, action: &str, problem: &TransactionError, tried: Option<Tried>) -> Outcome {
        let cause = error(action, problem.code, &problem.text);
        // Positions that were refused or could not be sent are not there, whatever the flags say.
        let abortable = problem.abortable || (problem.retriable && tried.is_none());
        if !abortable || problem.fatal {
            let (cause, fenced) = self.cause(cause, problem.code);
            return Outcome::Doubtful { cause, fenced, tried };
        }
        match problem.code {
            RDKafkaErrorCode::UnknownMemberId => self.abort(Outcome::Lost(cause)),
            RDKafkaErrorCode::FencedInstanceId => self.abort(Outcome::Lost(cause)),
            code => self.abort(refused(code, cause)),
        }
    }

    fn undelivered(&self, undelivered: Undelivered) -> Outcome {
        let action = "writing the records of a commit";
        let late =
            || Error::new(ErrorKind::Unavailable, format!("{action}: Kafka took too few of them in time"));
        match undelivered {
            Undelivered::Late => Outcome::Doubtful { cause: late(), fenced: false, tried: None },
            Undelivered::Refused(code) => {
                let cause = error(action, code, "");
                if self.producer.client().fatal_error().is_some() {
                    let (cause, fenced) = self.cause(cause, code);
                    return Outcome::Doubtful { cause, fenced, tried: None };
                }
                self.abort(refused(code, cause))
            },
        }
    }

    /// Ends the transaction without effect. If that fails nothing was committed either, but the producer is useless.
    fn abort(&self, outcome: Outcome) -> Outcome {
        match again_while_retriable(|| ffi::abort(self.producer, CALL_TIMEOUT)) {
            Ok(()) => outcome,
            Err(problem) => match outcome {
                // What the caller must learn does not depend on the producer; the next commit replaces it.
                Outcome::Lost(_) | Outcome::Impossible(_) => outcome,
                Outcome::Aborted(_) | Outcome::Done { .. } | Outcome::Doubtful { .. } => {
                    let cause = error("aborting a transaction", problem.code, &problem.text);
                    let (cause, fenced) = self.cause(cause, problem.code);
                    Outcome::Doubtful { cause, fenced, tried: None }
                },
            },
        }
    }

    /// A fatal error hides the one that caused it.
    fn cause(&self, cause: Error, code: RDKafkaErrorCode) -> (Error, bool) {
        let (code, cause) = match self.producer.client().fatal_error() {
            Some((code, detail)) => (code, error("in a transaction", code, &detail)),
            None => (code, cause),
        };
        (cause, kind(code) == ErrorKind::Fenced)
    }
}

fn refused(code: RDKafkaErrorCode, cause: Error) -> Outcome {
    match kind(code) {
        ErrorKind::Unavailable | ErrorKind::Fenced => Outcome::Aborted(cause),
        ErrorKind::Misconfigured
        | ErrorKind::Gone
        | ErrorKind::Corrupt
        | ErrorKind::Full
        | ErrorKind::Refused => Outcome::Impossible(cause),
    }
}

/// librdkafka resumes such a call when it is called again.
fn again_while_retriable(call: impl Fn() -> TransactionResult) -> TransactionResult {
    let deadline = Instant::now() + CALL_TIMEOUT;
    loop {
        match call() {
            Err(problem) if problem.retriable && !problem.abortable && Instant::now() < deadline => {},
            result => return result,
        }
    }
}

fn list(topic: &str, positions: &[(Partition, Committed)]) -> Result<TopicPartitionList, Error> {
    let mut list = TopicPartitionList::with_capacity(positions.len());
    for (partition, committed) in positions {
        let mut entry = list.add_partition(topic, number(*partition));
        entry
            .set_offset(rdkafka::Offset::Offset(raw(committed.next)))
            .map_err(|problem| Error::new(ErrorKind::Refused, problem.to_string()))?;
        entry.set_metadata(&committed.metadata);
    }
    Ok(list)
}

#[cfg(test)]
mod tests {
    use engine::Offset;
    use rdkafka::consumer::BaseConsumer;
    use rdkafka::mocking::{MockCluster, MockCoordinator};

    use super::*;
    use crate::kafka::ffi::QueuedConsumer;
    use crate::kafka::settings::Settings;
    use crate::kafka::settle;

    #[test]
    fn a_coordinator_that_stays_away_does_not_hold_a_commit_up_for_good() {
        let (topic, writer, group) = ("events", "a.one", "a");
        let cluster = MockCluster::new(2).unwrap();
        cluster.create_topic(topic, 1, 1).unwrap();
        cluster.coordinator(MockCoordinator::Transaction(writer.to_owned()), 1).unwrap();
        cluster.coordinator(MockCoordinator::Group(group.to_owned()), 2).unwrap();
        let settings = Settings::new(cluster.bootstrap_servers(), "tests");
        let producer = settle::connect(&settings, writer, CALL_TIMEOUT).unwrap();
        let consumer: BaseConsumer = settings.member(group, "one").create().unwrap();
        let consumer = QueuedConsumer::new(consumer);
        cluster.broker_down(2).unwrap();
        let next = Committed { next: Offset(1), metadata: String::new() };
        let attempt = Attempt {
            producer: &producer,
            topic,
            records: &[],
            positions: &mut |_: &[Place]| vec![(Partition(0), next.clone())],
            standing: &|_| Ok(consumer.group_metadata().unwrap()),
        };
        let outcome = attempt.run();
        assert!(matches!(outcome, Outcome::Doubtful { fenced: false, tried: None, .. }), "{outcome:?}");
    }
}
