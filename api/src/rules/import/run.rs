//! The course of an import: lines to batches, batches to the control log, outcomes to the client.

use std::time::Duration;

use engine::{Offset, Partition};
use rules::{Rejection, RuleKey};
use tokio::time::Instant;

use super::judge::{Judged, decided, faults, invalid, judge};
use super::lines::{Line, Lines};
use super::rehearsal::Rehearsal;
use super::report::{Gone, LineReport, Sender, Status};
use crate::access::Reach;
use crate::blocking::blocking;
use crate::body::Arriving;
use crate::error::{Code, Problem};
use crate::rules::effective::Effect;
use crate::rules::outcome::Resolved;
use crate::state::App;

/// A batch has at most so many lines; the follower keeps the outcomes of many more.
const BATCH_LINES: usize = 1_000;
/// A batch is complete with so many bytes.
const BATCH_BYTES: usize = 1 << 20;
/// How long a batch waits for its turn to write.
const TURN_PATIENCE: Duration = Duration::from_secs(30);

/// An import under way.
pub(super) struct Import {
    app: App,
    reach: Reach,
    sender: Sender,
    /// What was rehearsed so far, if nothing is to be written.
    rehearsal: Option<Rehearsal>,
    /// The last record that was written.
    last: Option<Offset>,
}

/// Why an import ends early.
enum Stopped {
    /// Nobody reads the answer any more; nothing further is written.
    Gone,
    /// This is in the way.
    By(Problem),
}

impl From<Gone> for Stopped {
    fn from(_: Gone) -> Self {
        Self::Gone
    }
}

impl From<Problem> for Stopped {
    fn from(problem: Problem) -> Self {
        Self::By(problem)
    }
}

impl Import {
    pub(super) fn new(app: App, reach: Reach, mut sender: Sender, dry_run: bool) -> Self {
        sender.summary.dry_run = dry_run;
        Self { app, reach, sender, rehearsal: dry_run.then(Rehearsal::default), last: None }
    }

    /// Reads the body to its end and answers every line.
    pub(super) async fn run(mut self, body: Arriving) {
        let stopped = match self.take(body).await {
            Ok(()) => None,
            Err(Stopped::By(problem)) => Some(problem),
            Err(Stopped::Gone) => {
                tracing::info!(
                    lines = self.sender.summary.lines,
                    "an import ends, since its client has gone"
                );
                return;
            },
        };
        if stopped.is_none() {
            self.wait().await;
        }
        crate::metrics::rules_imported(&self.sender.summary);
        // Who has gone at the very end misses the last line, and can do nothing with an error.
        drop(self.sender.end(stopped).await);
    }

    async fn take(&mut self, mut body: Arriving) -> Result<(), Stopped> {
        let (mut lines, mut batch) = (Lines::new(), Vec::new());
        let mut bytes = 0;
        while let Some(part) = body.next().await? {
            lines.push(&part, |line| {
                bytes += line.text.as_ref().map_or(0, bytes::Bytes::len);
                batch.push(line);
            });
            while batch.len() >= BATCH_LINES || bytes >= BATCH_BYTES {
                let rest = batch.split_off(batch.len().min(BATCH_LINES));
                bytes = rest.iter().map(|line: &Line| line.text.as_ref().map_or(0, bytes::Bytes::len)).sum();
                self.batch(std::mem::replace(&mut batch, rest)).await?;
            }
        }
        lines.finish(|line| batch.push(line));
        self.batch(batch).await
    }

    async fn batch(&mut self, lines: Vec<Line>) -> Result<(), Stopped> {
        if lines.is_empty() {
            return Ok(());
        }
        match self.rehearsal.take() {
            Some(rehearsal) => self.rehearse(lines, rehearsal).await?,
            None => self.write(lines).await?,
        }
        Ok(self.sender.flush().await?)
    }

    async fn rehearse(&mut self, lines: Vec<Line>, mut rehearsal: Rehearsal) -> Result<(), Stopped> {
        let (follower, topic) = (self.app.follower.clone(), self.app.topics.controls.clone());
        let reach = self.reach;
        let rehearsed = blocking(move || {
            let one = |judged| match judged {
                Judged::Refused(report) => report,
                Judged::Sound(line, posted) => {
                    let (key, expected) = (posted.rule.key, posted.expected);
                    let written = follower.look(|book| rehearsal.write(book, posted.rule, expected));
                    decided(line, key, written.0, written.1.0)
                },
            };
            let reports: Vec<LineReport> = judge(lines, &topic, reach).into_iter().map(one).collect();
            (reports, rehearsal)
        });
        let (reports, rehearsal) = rehearsed.await?;
        self.rehearsal = Some(rehearsal);
        for report in reports {
            self.sender.line(report).await?;
        }
        Ok(())
    }

    async fn write(&mut self, lines: Vec<Line>) -> Result<(), Stopped> {
        let (topic, reach) = (self.app.topics.controls.clone(), self.reach);
        let written = self.app.in_turn_within(TURN_PATIENCE, move |log| {
            let mut records = Vec::new();
            let one = |judged| match judged {
                Judged::Refused(report) => Err(report),
                Judged::Sound(line, posted) => {
                    records.push(posted.record);
                    Ok((line, posted.rule.key))
                },
            };
            let judged: Vec<Result<(u64, RuleKey), LineReport>> =
                judge(lines, &topic, reach).into_iter().map(one).collect();
            let places = if records.is_empty() { Vec::new() } else { log.append(records)? };
            Ok((judged, places))
        });
        let (judged, places) = written.await?;
        let deadline = Instant::now() + self.app.settings.effective_timeout;
        let mut places = places.into_iter();
        for line in judged {
            let report = match line {
                Err(refused) => refused,
                Ok((line, key)) => {
                    let none = || Problem::new(Code::Internal, "the log took a record and named no place");
                    let place = places.next().ok_or_else(none)?;
                    self.last = Some(place.offset);
                    let resolved = self.app.follower.resolved(place.offset, deadline).await;
                    report(line, key, resolved)?
                },
            };
            self.sender.line(report).await?;
        }
        Ok(())
    }

    /// Waits until everything is in force: once, since control records come into force in their order.
    async fn wait(&mut self) {
        let Some(last) = self.last else { return };
        let deadline = Instant::now() + self.app.settings.import_effective_timeout;
        let effect = self.app.effective.wait(last, deadline).await;
        self.sender.summary.effective = Some(effect == Effect::Everywhere);
        if let Effect::NotIn(partitions) = effect {
            let number = |partition: Partition| partition.0;
            self.sender.summary.missing_partitions = Some(partitions.into_iter().map(number).collect());
        }
    }
}

/// What became of the record of a line.
fn report(line: u64, key: RuleKey, resolved: Option<Resolved>) -> Result<LineReport, Problem> {
    let (status, version) = match resolved {
        Some(Resolved::Created(now)) => (Status::Created, now.version.0),
        Some(Resolved::Replaced(now)) => (Status::Replaced, now.version.0),
        Some(Resolved::Unchanged(now)) => (Status::Unchanged, now.version.0),
        Some(Resolved::Stale(Rejection::Stale { actual, .. }, _)) => (Status::Stale, actual.0),
        Some(Resolved::Malformed(problems)) => return Ok(invalid(line, faults(&problems))),
        Some(
            Resolved::Deleted(_)
            | Resolved::NoSuchRule
            | Resolved::NoRule
            | Resolved::Stale(Rejection::NoSuchRule, _),
        ) => {
            return Err(Problem::new(
                Code::Internal,
                format!("line {line} became another change than it asks for"),
            ));
        },
        None => {
            let detail = format!("line {line} is in the log; this server has not read it back yet");
            return Err(Problem::new(Code::OutcomeUnknown, detail).retry_after(1));
        },
    };
    Ok(decided(line, key, status, version))
}
