//! The smaller groups of a rule's fields.

use std::collections::{BTreeMap, BTreeSet};

use super::limits::Limits;
use super::names::{
    BootstrapMode, EvidenceMode, LatePolicy, MissingGroup, OnEdit, Severity, Status, TimeFormat,
};
use super::span::Span;
use crate::condition::Stated;
use crate::id::CustomerId;
use crate::path::Path;
use crate::timestamp::Timestamp;

/// To whom a global rule applies, and how.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct CustomerScope {
    /// Only to these; to all if it is empty.
    pub include: BTreeSet<CustomerId>,
    /// Not to these, whatever `include` says.
    pub exclude: BTreeSet<CustomerId>,
    /// What is different for one customer.
    pub overrides: BTreeMap<CustomerId, Override>,
}

impl CustomerScope {
    /// Whether a customer is in it.
    pub fn includes(&self, customer: CustomerId) -> bool {
        (self.include.is_empty() || self.include.contains(&customer)) && !self.exclude.contains(&customer)
    }
}

/// What of a global rule is different for one customer.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Override {
    /// In place of the rule's threshold.
    pub threshold: Option<Limits>,
    /// In place of the rule's severity.
    pub severity: Option<Severity>,
    /// In place of the rule's status.
    pub status: Option<Status>,
}

/// How events are put into groups.
#[derive(Debug, Clone, PartialEq)]
pub struct Grouping {
    /// The keys of a group; without any, all events are one group.
    pub keys: Vec<GroupKey>,
    /// What happens to an event without a key.
    pub missing: MissingGroup,
    /// The most groups of one customer.
    pub max: u32,
}

impl Grouping {
    /// The most groups where a rule says nothing.
    pub const MAX_DEFAULT: u32 = 100_000;
}

impl Default for Grouping {
    fn default() -> Self {
        Self { keys: Vec::new(), missing: MissingGroup::default(), max: Self::MAX_DEFAULT }
    }
}

/// A key of groups.
#[derive(Debug, Clone, PartialEq)]
pub struct GroupKey {
    /// Its name in alerts.
    pub name: String,
    /// Where its values are.
    pub path: Path,
}

/// When events happened, and how late they may come.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Timing {
    /// Where an event says when it happened; without it the record's timestamp does.
    pub event_time: Option<EventTime>,
    /// How long conclusions from something not having come wait.
    pub allowed_lateness: Span,
    /// What happens to late events.
    pub late_policy: LatePolicy,
}

/// Where an event says when it happened. A customer has one clock for each of these.
#[derive(Debug, Clone, PartialEq)]
pub struct EventTime {
    /// Where.
    pub path: Path,
    /// In which format.
    pub format: TimeFormat,
}

/// What names an event, so that it counts once.
#[derive(Debug, Clone, PartialEq)]
pub struct EventId {
    /// Where the name stands.
    pub path: Path,
    /// How long it is remembered.
    pub retention: Span,
}

impl EventId {
    /// The retention where a rule says nothing.
    pub const RETENTION_DEFAULT: Span = Span::from_hours(24);
}

/// Events that a rule does not see.
#[derive(Debug, Clone, PartialEq)]
pub struct Exception {
    /// Which events.
    pub condition: Stated,
    /// Why, for people.
    pub reason: Option<String>,
    /// Who answers for it.
    pub owner: Option<String>,
    /// In force for events before this time; always, if it is absent.
    pub expires_at: Option<Timestamp>,
}

/// Who or what an alert is about.
#[derive(Debug, Clone, PartialEq)]
pub struct Entity {
    /// What kind, for instance `user`.
    pub kind: String,
    /// Where its id stands.
    pub id_path: Path,
    /// Where a name for people stands.
    pub display_path: Option<Path>,
}

/// What an alert tells of the events behind it.
#[derive(Debug, Clone, PartialEq)]
pub struct EvidencePolicy {
    /// What.
    pub mode: EvidenceMode,
    /// Of how many, the latest.
    pub max: u32,
    /// What is taken out of payloads.
    pub redact: Vec<Path>,
}

impl EvidencePolicy {
    /// The number of events where a rule says nothing.
    pub const MAX_DEFAULT: u32 = 10;
}

impl Default for EvidencePolicy {
    fn default() -> Self {
        Self { mode: EvidenceMode::default(), max: Self::MAX_DEFAULT, redact: Vec::new() }
    }
}

/// What a new rule takes from history.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Bootstrap {
    /// What.
    pub mode: BootstrapMode,
    /// From when on.
    pub from: BootstrapFrom,
    /// What an edit does to collected state.
    pub on_edit: OnEdit,
    /// A global rule looks into a customer's history when an event of the customer matches for the first time.
    pub on_first_match: bool,
    /// The one customer whose history a global rule takes (of the original control message).
    pub customer: Option<CustomerId>,
}

/// The oldest record that history is taken from, by record timestamp.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum BootstrapFrom {
    /// The first there is. The default.
    #[default]
    Beginning,
    /// So long before the rule was saved.
    Before(Span),
    /// This time.
    At(Timestamp),
}
