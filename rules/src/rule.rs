//! A checked rule. Whatever holds a [`Rule`] holds one that can be evaluated.

mod aggregate;
mod fields;
mod limits;
mod names;
mod pattern;
mod policy;
mod span;
mod test;

use std::collections::BTreeMap;

use crate::condition::{Selections, Stated};
use crate::document::Node;
use crate::id::{CustomerId, RuleKey};
use crate::path::Path;

pub use aggregate::{Aggregate, By, Change, Window};
pub use fields::{
    Bootstrap, BootstrapFrom, CustomerScope, Entity, EventId, EventTime, EvidencePolicy, Exception, GroupKey,
    Grouping, Override, Timing,
};
pub use limits::{Comparator, Limits};
pub use names::{
    AlertState, BootstrapMode, EvidenceMode, Function, LatePolicy, MissingGroup, OnEdit, Severity, Status,
    TimeFormat,
};
pub use pattern::{Pattern, PatternKind, PatternStep};
pub use policy::{AlertPolicy, Mode, Rearm, Resolve};
pub use span::{Span, SpanError};
pub use test::{Expectation, RuleTest, TestEvent};

/// A rule as a tenant means it, free of how it was written.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// Whose rule, and which.
    pub key: RuleKey,
    /// What alerts call it.
    pub name: String,
    /// For people.
    pub description: String,
    /// Where it is in its life.
    pub status: Status,
    /// To whom it applies, if it is global.
    pub scope: CustomerScope,
    /// How much its alerts matter.
    pub severity: Severity,
    /// Passed on into alerts.
    pub labels: BTreeMap<String, String>,
    /// For people.
    pub annotations: BTreeMap<String, String>,
    /// Who answers for it.
    pub owner: Option<String>,
    /// Conditions with names, for the others to refer to.
    pub selections: Selections,
    /// How events are put into groups.
    pub grouping: Grouping,
    /// When events happened.
    pub timing: Timing,
    /// What names an event, so that it counts once.
    pub event_id: Option<EventId>,
    /// What is made of events.
    pub evaluation: Evaluation,
    /// When alerts are emitted.
    pub policy: AlertPolicy,
    /// Events that the rule does not see.
    pub exceptions: Vec<Exception>,
    /// Who or what its alerts are about.
    pub entities: Vec<Entity>,
    /// What alerts tell of the events behind them.
    pub evidence: EvidencePolicy,
    /// What it takes from history.
    pub bootstrap: Bootstrap,
    /// What must come of example events.
    pub tests: Vec<RuleTest>,
}

/// What a rule makes of events.
#[derive(Debug, Clone, PartialEq)]
pub enum Evaluation {
    /// A value and a threshold.
    Aggregate(Box<Aggregate>),
    /// Events that belong together.
    Pattern(Pattern),
}

/// One of the conditions of a rule that events are matched with: of an aggregate `increment` and `decrement`, of a pattern
/// its steps and then `until`. At most 17 of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Part(pub u8);

impl Part {
    /// Events that add to an aggregate.
    pub const INCREMENT: Self = Self(0);
    /// Events that take away from an aggregate.
    pub const DECREMENT: Self = Self(1);
}

impl Rule {
    /// The conditions that events are matched with, each with its name: `increment`, `decrement`, the id of a step, `until`.
    pub fn parts(&self) -> Vec<(Part, &str, &Stated)> {
        match &self.evaluation {
            Evaluation::Aggregate(aggregate) => {
                let increment = (Part::INCREMENT, "increment", &aggregate.increment.condition);
                let decrement = aggregate.decrement.as_ref();
                let decrement = decrement.map(|change| (Part::DECREMENT, "decrement", &change.condition));
                [Some(increment), decrement].into_iter().flatten().collect()
            },
            Evaluation::Pattern(pattern) => {
                let steps = pattern.steps.iter().map(|step| (step.id.as_str(), &step.condition));
                let all = steps.chain(pattern.until.iter().map(|until| ("until", until)));
                (0..).map(Part).zip(all).map(|(part, (name, condition))| (part, name, condition)).collect()
            },
        }
    }

    /// Whether the rule has one condition that needs no name: it adds one for each event that it holds of.
    pub fn is_plain_match(&self) -> bool {
        match &self.evaluation {
            Evaluation::Aggregate(aggregate) => {
                aggregate.decrement.is_none() && aggregate.increment.by.is_none()
            },
            Evaluation::Pattern(_) => false,
        }
    }

    /// Every condition of the rule: its parts, its exceptions and its selections.
    pub fn conditions(&self) -> impl Iterator<Item = &Stated> {
        let parts = self.parts().into_iter().map(|(_, _, stated)| stated);
        let exceptions = self.exceptions.iter().map(|exception| &exception.condition);
        parts.chain(exceptions).chain(self.selections.values())
    }

    /// Every path of the rule at which values are read of events that it meets, besides those of conditions.
    pub fn value_paths(&self) -> impl Iterator<Item = &Path> {
        let groups = self.grouping.keys.iter().map(|key| &key.path);
        let time = self.timing.event_time.iter().map(|time| &time.path);
        let id = self.event_id.iter().map(|id| &id.path);
        let entities = self
            .entities
            .iter()
            .flat_map(|entity| [Some(&entity.id_path), entity.display_path.as_ref()].into_iter().flatten());
        groups.chain(time).chain(id).chain(entities).chain(self.evaluation.paths())
    }

    /// Which of its conditions hold of a payload, one by one: what the shared evaluation must agree with.
    pub fn met(&self, root: &Node) -> Vec<Part> {
        let holds = |stated: &Stated| stated.condition.holds(root, &self.selections);
        self.parts().into_iter().filter(|(_, _, stated)| holds(stated)).map(|(part, _, _)| part).collect()
    }

    /// Whether the rule is evaluated for events of this customer.
    pub fn applies_to(&self, customer: CustomerId) -> bool {
        let reaches = if self.key.customer.is_global() {
            self.scope.includes(customer)
        } else {
            self.key.customer == customer
        };
        reaches && self.status_for(customer).is_evaluated()
    }

    /// The status in force for a customer.
    pub fn status_for(&self, customer: CustomerId) -> Status {
        self.override_of(customer).and_then(|change| change.status).unwrap_or(self.status)
    }

    /// The severity of a customer's alerts.
    pub fn severity_for(&self, customer: CustomerId) -> Severity {
        self.override_of(customer).and_then(|change| change.severity).unwrap_or(self.severity)
    }

    /// The threshold in force for a customer; patterns have none.
    pub fn threshold_for(&self, customer: CustomerId) -> Option<&Limits> {
        let Evaluation::Aggregate(aggregate) = &self.evaluation else { return None };
        let changed = self.override_of(customer).and_then(|change| change.threshold.as_ref());
        Some(changed.unwrap_or(&aggregate.threshold))
    }

    fn override_of(&self, customer: CustomerId) -> Option<&Override> {
        // Hardly any rule has some, and this is asked for every match.
        if self.scope.overrides.is_empty() { None } else { self.scope.overrides.get(&customer) }
    }

    /// Whether an edit from `other` to this rule keeps what was collected. Where nothing that counts has changed, it does; else the
    /// rule decides, and can keep only what its new form can read.
    pub fn keeps_state_of(&self, other: &Self) -> bool {
        !self.drops_history_of(other)
            && (self.counts_the_same_as(other)
                || (self.bootstrap.on_edit == OnEdit::Keep && self.collects_alike(other)))
    }

    /// Whether the edit asks to count from here on where history was taken: that is how filling from the past is stopped.
    fn drops_history_of(&self, other: &Self) -> bool {
        let takes = |rule: &Self| rule.bootstrap.mode != BootstrapMode::None;
        self.bootstrap.on_edit == OnEdit::Reset && !takes(self) && takes(other)
    }

    /// Whether a value that was judged under `other` would be judged alike under this rule: neither threshold, policy, status nor
    /// whom it applies to has changed.
    pub fn judges_as(&self, other: &Self) -> bool {
        let threshold = |rule: &Self| match &rule.evaluation {
            Evaluation::Aggregate(aggregate) => Some(aggregate.threshold.clone()),
            Evaluation::Pattern(_) => None,
        };
        self.status == other.status
            && self.scope == other.scope
            && self.policy == other.policy
            && threshold(self) == threshold(other)
    }

    /// Whether the state of both has the same form: it is grouped, timed and summed up alike, whatever the conditions are.
    fn collects_alike(&self, other: &Self) -> bool {
        self.grouping.keys == other.grouping.keys
            && self.grouping.missing == other.grouping.missing
            && self.timing == other.timing
            && self.event_id == other.event_id
            && self.evaluation.collects_the_same_as(&other.evaluation)
    }

    /// Whether state that was collected under `other` can be kept: which events count, when they happened, how they are
    /// grouped, and what is made of them over which window has not changed, however it is written. What the rule is called,
    /// to whom it applies, its threshold and what its alerts tell may be other ones.
    pub fn counts_the_same_as(&self, other: &Self) -> bool {
        let parts = |rule: &Self| -> Vec<_> {
            rule.parts()
                .into_iter()
                .map(|(_, _, stated)| stated.condition.inlined(&rule.selections))
                .collect()
        };
        let exceptions = |rule: &Self| -> Vec<_> {
            let each = rule.exceptions.iter();
            each.map(|each| (each.condition.condition.inlined(&rule.selections), each.expires_at)).collect()
        };
        self.grouping.keys == other.grouping.keys
            && self.grouping.missing == other.grouping.missing
            && self.timing == other.timing
            && self.event_id == other.event_id
            && self.evaluation.collects_the_same_as(&other.evaluation)
            && parts(self) == parts(other)
            && exceptions(self) == exceptions(other)
    }
}

impl Evaluation {
    /// The paths at which it reads values.
    fn paths(&self) -> Vec<&Path> {
        match self {
            Self::Aggregate(aggregate) => {
                let changes = [Some(&aggregate.increment), aggregate.decrement.as_ref()];
                let by = changes.into_iter().flatten().filter_map(|change| match &change.by {
                    Some(By::Path(path)) => Some(path),
                    Some(By::Amount(_)) | None => None,
                });
                aggregate.path.iter().chain(&aggregate.entity_path).chain(by).collect()
            },
            Self::Pattern(pattern) => pattern
                .steps
                .iter()
                .flat_map(|step| step.entity_path.iter().chain(&step.expected_count_path))
                .collect(),
        }
    }

    /// Whether both collect the same state from the same events; their conditions and thresholds are compared elsewhere.
    fn collects_the_same_as(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Aggregate(left), Self::Aggregate(right)) => {
                let by = |aggregate: &Aggregate| {
                    let decrement = aggregate.decrement.as_ref().map(|change| change.by.clone());
                    (aggregate.increment.by.clone(), decrement)
                };
                left.function == right.function
                    && left.path == right.path
                    && by(left) == by(right)
                    && left.floor == right.floor
                    && left.entity_path == right.entity_path
                    && left.window == right.window
            },
            (Self::Pattern(left), Self::Pattern(right)) => {
                let steps = |pattern: &Pattern| -> Vec<_> {
                    let step = |step: &PatternStep| {
                        (step.min, step.entity_path.clone(), step.expected_count_path.clone())
                    };
                    pattern.steps.iter().map(step).collect()
                };
                left.kind == right.kind
                    && left.within == right.within
                    && left.until.is_some() == right.until.is_some()
                    && steps(left) == steps(right)
            },
            (Self::Aggregate(_), Self::Pattern(_)) | (Self::Pattern(_), Self::Aggregate(_)) => false,
        }
    }
}
