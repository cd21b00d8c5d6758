//! A commit from the member's side: what is checked before, and what its outcome means to the caller.

use std::thread;
use std::time::{Duration, Instant};

use engine::Partition;
use ports::{CommitError, Error, ErrorKind, Outgoing, Place, Positions};

use super::delivery::{Producer, check_size};
use super::ffi::GroupMetadata;
use super::member::KafkaMember;
use super::metrics;
use super::settings::HEARTBEAT;
use super::settle::{self, Records};
use super::transaction::{Attempt, NewPositions, Outcome, Tried};

/// Being fenced twice within this time means that two processes run under one name.
const FENCED_AGAIN: Duration = Duration::from_secs(60);

/// A process that took our name over shows in the group within a heartbeat or two.
const VERDICT_TIMEOUT: Duration = HEARTBEAT.saturating_mul(2);

type Committing<T> = Result<T, CommitError>;

impl KafkaMember {
    pub(super) fn transact(
        &mut self,
        records: Vec<Outgoing>,
        positions: Positions<'_>,
    ) -> Committing<Vec<Place>> {
        let result = self.try_transact(records, positions);
        match &result {
            Ok(_) => {},
            Err(CommitError::Aborted(_)) => metrics::not_committed("aborted"),
            Err(CommitError::Lost(_)) => metrics::not_committed("lost"),
            Err(CommitError::Fatal(_)) => metrics::not_committed("fatal"),
        }
        result
    }

    fn try_transact(&mut self, records: Vec<Outgoing>, positions: Positions<'_>) -> Committing<Vec<Place>> {
        self.serve().map_err(CommitError::Fatal)?;
        if self.has_untold_loss() {
            let problem = "partitions were lost before the commit began";
            return Err(CommitError::Lost(Error::new(ErrorKind::Unavailable, problem)));
        }
        let records = self.place(records)?;
        if records.is_empty() && positions(&[]).is_empty() {
            return Ok(Vec::new());
        }
        let producer = match self.producer.take() {
            Some(producer) => producer,
            None => settle::reconnect(&self.settings, &self.writer).map_err(CommitError::Fatal)?,
        };
        let outcome = Attempt {
            producer: &producer,
            topic: &self.membership.topic,
            records: &records,
            positions,
            standing: &|positions| self.standing(positions),
        }
        .run();
        self.conclude(producer, outcome)
    }

    fn place(&self, records: Vec<Outgoing>) -> Committing<Vec<(Partition, Outgoing)>> {
        let mut placed = Vec::with_capacity(records.len());
        for record in records {
            check_size(&record).map_err(CommitError::Fatal)?;
            match self.observer.place(&record) {
                Ok(partition) => placed.push((partition, record)),
                Err(problem) if problem.is_transient() => return Err(CommitError::Aborted(problem)),
                Err(problem) => return Err(CommitError::Fatal(problem)),
            }
        }
        Ok(placed)
    }

    /// The member's standing in its group at this moment, if all these partitions are its own. The broker refuses
    /// positions under a stale one, but not those of a partition that another member has: that is checked here.
    fn standing(&self, positions: &NewPositions) -> Result<GroupMetadata, Error> {
        let lost = |problem: String| Err(Error::new(ErrorKind::Unavailable, problem));
        if let Some((partition, _)) =
            positions.iter().find(|(partition, _)| !self.assignment.holds(*partition))
        {
            return lost(format!("partition {partition} is not this member's"));
        }
        let Some(group) = self.client().group_metadata() else {
            return lost("the client is closing".to_owned());
        };
        let member = group.member();
        if member.is_empty() || group.generation() < 0 || member != self.assignment.member() {
            return lost("the group has excluded this member".to_owned());
        }
        Ok(group)
    }

    fn conclude(&mut self, producer: Producer, outcome: Outcome) -> Committing<Vec<Place>> {
        match outcome {
            Outcome::Done { places, slow } => {
                if !slow {
                    self.producer = Some(producer);
                }
                Ok(places)
            },
            // If the producer could not abort, the next transaction is refused, and that replaces it.
            Outcome::Aborted(cause) => {
                self.producer = Some(producer);
                Err(self.not_done(cause))
            },
            Outcome::Impossible(cause) => {
                self.producer = Some(producer);
                Err(CommitError::Fatal(cause))
            },
            Outcome::Lost(cause) => {
                self.producer = Some(producer);
                Err(CommitError::Lost(cause))
            },
            Outcome::Doubtful { cause, fenced, tried } => {
                drop(producer);
                tracing::warn!(target: "kafka", %cause, fenced, "a commit is in doubt");
                if fenced {
                    self.await_verdict(&cause)?;
                }
                self.producer =
                    Some(settle::reconnect(&self.settings, &self.writer).map_err(CommitError::Fatal)?);
                let happened = match &tried {
                    None => false,
                    Some(tried) => {
                        let consumer = self.client().consumer();
                        let records = Records { settings: &self.settings, observer: &self.observer };
                        settle::happened(consumer, &self.membership.topic, tried, &records)
                            .map_err(CommitError::Fatal)?
                    },
                };
                match tried {
                    Some(Tried { places, .. }) if happened => Ok(places),
                    _ => Err(self.not_done(cause)),
                }
            },
        }
    }

    /// Somebody started a producer under our id: another process of our name, which the group is about to tell us,
    /// or a member that took our partitions over and ended the transaction that it found open.
    fn await_verdict(&mut self, cause: &Error) -> Committing<()> {
        let deadline = Instant::now() + VERDICT_TIMEOUT;
        while Instant::now() < deadline {
            self.serve().map_err(CommitError::Fatal)?;
            thread::sleep(HEARTBEAT / 10);
        }
        let again = self.fenced_at.is_some_and(|moment| moment.elapsed() < FENCED_AGAIN);
        if again {
            let problem = Error::new(ErrorKind::Fenced, cause.message.clone());
            return Err(CommitError::Fatal(problem.during("fenced twice within a minute")));
        }
        self.fenced_at = Some(Instant::now());
        Ok(())
    }

    /// Whether a commit that did not happen can be tried again.
    fn not_done(&mut self, cause: Error) -> CommitError {
        if let Err(problem) = self.serve() {
            return CommitError::Fatal(problem);
        }
        // No partition has to be named to ask whether the group still knows us.
        if self.has_untold_loss() || self.standing(&[]).is_err() {
            return CommitError::Lost(cause);
        }
        CommitError::Aborted(cause)
    }
}
