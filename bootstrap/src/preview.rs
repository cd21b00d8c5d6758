//! Previews: what a rule would have done, and what another version of it would have done differently. Nothing live is touched.

mod differences;
mod tally;

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use engine::Alert;
use ports::{
    Differences, PreviewAnswer as Answer, PreviewBudget as Budget, PreviewEnd as Ended,
    PreviewProgress as Progress, PreviewQuestion as Question, Previews,
};
use rules::{CustomerId, Span};

use self::tally::Tally;
use crate::error::Result;
use crate::fold::{Fold, Setting};
use crate::row::Row;
use crate::scan::{Scan, Selection};
use crate::table::Table;

/// Progress is told about so often.
const TELL_EVERY: Duration = Duration::from_millis(500);

/// Runs a preview over the newest version of the archive.
///
/// # Errors
/// Files that are missing or damaged, and the store's; never an answer about less than it says.
pub fn preview(
    table: &Table,
    topic: &str,
    partitions: u32,
    question: Question,
    tell: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<Answer> {
    let snapshot = table.load()?;
    let mut selection = Selection::all();
    // Nobody else's events can matter to the rules.
    if let Some(customers) = customers(&question) {
        selection = selection.of(customers);
    }
    if let Some(times) = question.times.clone() {
        selection = selection.between(times);
    }
    let latest = snapshot.files().map(|file| file.times.1).max().unwrap_or_default();
    let until = question.times.as_ref().map_or(latest, |times| latest.min(times.end));
    let setting =
        Setting { topic: topic.to_owned(), partitions, idle_after: Span::from_millis(60_000), until };
    let scan = Scan::new(table, &snapshot, &selection)?;
    let fold = Fold::new(question.rules, setting.clone());
    let other = question.other.map(|rules| (Fold::new(rules, setting), Differences::default()));
    let course = Course {
        scan,
        fold,
        other,
        tally: Tally::default(),
        alerts: (Vec::new(), Vec::new()),
        customer: None,
        budget: question.budget,
        started: Instant::now(),
        told: Instant::now(),
    };
    let mut answer = course.run(tell)?;
    answer.version = snapshot.version();
    Ok(answer)
}

/// Previews over an archive.
pub struct ArchivePreviews {
    /// The archive.
    pub table: Table,
    /// The event topic.
    pub topic: String,
    /// How many partitions it has, as far as that is known yet.
    pub partitions: Box<dyn Fn() -> ports::Result<u32> + Send + Sync>,
}

impl Previews for ArchivePreviews {
    fn preview(
        &self,
        question: Question,
        tell: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> ports::Result<Answer> {
        let partitions = (self.partitions)()?;
        Ok(preview(&self.table, &self.topic, partitions, question, tell)?)
    }
}

/// The customers whose events the rules can meet; none if all.
fn customers(question: &Question) -> Option<BTreeSet<CustomerId>> {
    let books = [Some(&question.rules), question.other.as_ref()];
    let owners: BTreeSet<_> = books
        .into_iter()
        .flatten()
        .flat_map(|book| book.iter().map(|active| active.rule.key.customer))
        .collect();
    let is_global = owners.iter().any(|customer| customer.is_global());
    match (&question.customers, is_global) {
        (asked, true) => asked.clone(),
        (None, false) => Some(owners),
        (Some(asked), false) => Some(asked.intersection(&owners).copied().collect()),
    }
}

/// A preview at work.
struct Course {
    scan: Scan,
    fold: Fold,
    other: Option<(Fold, Differences)>,
    tally: Tally,
    /// The alerts of the customer at hand: of the rules and of the others.
    alerts: (Vec<Alert>, Vec<Alert>),
    customer: Option<CustomerId>,
    budget: Budget,
    started: Instant,
    told: Instant,
}

impl Course {
    fn run(mut self, tell: &mut dyn FnMut(Progress) -> ControlFlow<()>) -> Result<Answer> {
        let mut batch = Vec::new();
        let ended = loop {
            let began = Instant::now();
            self.scan.next(&mut batch)?;
            if batch.is_empty() {
                break Ended::Complete;
            }
            self.fold(&batch)?;
            if self.told.elapsed() >= TELL_EVERY {
                self.told = Instant::now();
                if tell(self.progress()).is_break() {
                    break Ended::Cancelled;
                }
            }
            if self.started.elapsed() > self.budget.time {
                break Ended::Time;
            }
            if self.scan.read().value_bytes > self.budget.value_bytes {
                break Ended::Bytes;
            }
            std::thread::sleep(rest(began.elapsed(), self.budget.cpu_percent));
        };
        if ended == Ended::Complete {
            self.end_customer()?;
        }
        Ok(Answer {
            end: ended,
            progress: self.progress(),
            version: None,
            value_bytes: self.scan.read().value_bytes,
            refused: self.fold.refused(),
            fired: self.tally.finish(),
            differences: self.other.map(|(_, differences)| differences),
        })
    }

    fn progress(&self) -> Progress {
        let rows = self.scan.read().rows;
        Progress { rows, rows_expected: self.scan.rows_expected(), fired: self.tally.count() }
    }

    fn fold(&mut self, batch: &[Row]) -> Result<()> {
        for rows in batch.chunk_by(|one, other| one.customer == other.customer) {
            let customer = rows.first().and_then(|row| row.customer);
            if customer != self.customer {
                self.end_customer()?;
                self.customer = customer;
            }
            self.fold.rows(rows, &mut self.alerts.0)?;
            if let Some((other, _)) = &mut self.other {
                other.rows(rows, &mut self.alerts.1)?;
            }
            // Without another side nothing has to be kept until the customer ends.
            if self.other.is_none() {
                self.alerts.0.drain(..).for_each(|alert| self.tally.add(alert));
            }
        }
        Ok(())
    }

    fn end_customer(&mut self) -> Result<()> {
        self.fold.end_customer(&mut self.alerts.0)?;
        if let Some((other, differences)) = &mut self.other {
            other.end_customer(&mut self.alerts.1)?;
            differences::add(differences, &self.alerts.0, &self.alerts.1);
            self.alerts.1.clear();
        }
        self.alerts.0.drain(..).for_each(|alert| self.tally.add(alert));
        Ok(())
    }
}

/// How long to rest after so much work, so that no more than this share of a core is used.
fn rest(worked: Duration, cpu_percent: u32) -> Duration {
    match cpu_percent.clamp(1, 100) {
        100 => Duration::ZERO,
        percent => worked * (100 - percent) / percent,
    }
}

#[cfg(test)]
mod tests;
