//! Previews: what rules would have done to events of the past, and what other versions of them would have done differently.

use std::collections::BTreeSet;
use std::ops::{ControlFlow, Range};
use std::time::Duration;

use engine::{Alert, Timestamp};
use rules::{CustomerId, RuleBook};

use crate::error::Result;

/// What is asked.
#[derive(Clone)]
pub struct PreviewQuestion {
    /// The rules whose alerts are counted.
    pub rules: RuleBook,
    /// The rules that they are compared with.
    pub other: Option<RuleBook>,
    /// Only events of these customers.
    pub customers: Option<BTreeSet<CustomerId>>,
    /// Only records with a timestamp in here, the end excluded.
    pub times: Option<Range<Timestamp>>,
    /// What it may cost.
    pub budget: PreviewBudget,
}

/// What a preview may cost. It ends with what it has seen when a bound is met, and says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PreviewBudget {
    /// How long it may take.
    pub time: Duration,
    /// How many bytes of events it may read.
    pub value_bytes: u64,
    /// How much of one core it may use, in per cent.
    pub cpu_percent: u32,
}

impl Default for PreviewBudget {
    fn default() -> Self {
        Self { time: Duration::from_secs(60), value_bytes: 4 << 30, cpu_percent: 50 }
    }
}

/// How far a preview has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PreviewProgress {
    /// Rows that were folded.
    pub rows: u64,
    /// Rows in the files that are looked into.
    pub rows_expected: u64,
    /// Alerts so far.
    pub fired: u64,
}

/// Why a preview ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PreviewEnd {
    /// All was seen.
    Complete,
    /// Its time was over.
    Time,
    /// It has read as much as it may.
    Bytes,
    /// Nobody listens any more.
    Cancelled,
}

impl PreviewEnd {
    /// Its name in answers.
    pub fn name(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Time => "timeBudget",
            Self::Bytes => "byteBudget",
            Self::Cancelled => "cancelled",
        }
    }
}

/// The answer.
#[derive(Debug)]
pub struct PreviewAnswer {
    /// Why it ended; after anything but [`PreviewEnd::Complete`] it is about the rows that were seen alone.
    pub end: PreviewEnd,
    /// How far it came.
    pub progress: PreviewProgress,
    /// The version of the archive that was read.
    pub version: Option<u64>,
    /// Bytes of events that were read.
    pub value_bytes: u64,
    /// Rows that could not be evaluated.
    pub refused: u64,
    /// What would have fired.
    pub fired: Fired,
    /// What the other rules do differently.
    pub differences: Option<Differences>,
}

/// How often a customer's rules would have fired on a day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FiredOnDay {
    /// Whose alerts.
    pub customer: CustomerId,
    /// The day of their event times, in UTC.
    pub day: String,
    /// How many.
    pub fired: u64,
}

/// An entity that alerts are about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FiredAbout {
    /// Whose.
    pub customer: CustomerId,
    /// What kind.
    pub kind: String,
    /// Its id as JSON text.
    pub id: String,
    /// How many alerts are about it.
    pub fired: u64,
}

/// What would have fired.
#[derive(Debug, Default)]
pub struct Fired {
    /// How often alerts would have fired.
    pub fired: u64,
    /// How many records of alerts there would have been: fired, updated and resolved.
    pub records: u64,
    /// By customer and day.
    pub days: Vec<FiredOnDay>,
    /// Alerts of further customers and days.
    pub further_days: u64,
    /// The first alerts that fired, by event time.
    pub first: Vec<Alert>,
    /// Whom they are about, most often first.
    pub entities: Vec<FiredAbout>,
    /// Whether there are further entities.
    pub further_entities: bool,
}

/// Alerts that only one side has.
#[derive(Debug, Default)]
pub struct Difference {
    /// How many.
    pub count: u64,
    /// The first of them, customer by customer.
    pub first: Vec<Alert>,
}

/// How the alerts of two sets of rules differ.
#[derive(Debug, Default)]
pub struct Differences {
    /// Those of the rules in question that the others do not tell.
    pub added: Difference,
    /// Those of the others that the rules in question do not tell.
    pub removed: Difference,
    /// How many both tell.
    pub same: u64,
}

/// Who can look into the past.
pub trait Previews: Send + Sync {
    /// Answers a question, and tells from time to time how far it has come; it is cancelled when that asks for it. Blocks.
    ///
    /// # Errors
    /// What was to be read is missing, damaged or cannot be reached; there is never an answer about less than it says.
    fn preview(
        &self,
        question: PreviewQuestion,
        tell: &mut dyn FnMut(PreviewProgress) -> ControlFlow<()>,
    ) -> Result<PreviewAnswer>;
}
