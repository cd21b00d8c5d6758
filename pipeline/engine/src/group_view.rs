//! The state of a group as people may see it: the live answer to "why has it (not) fired".

use rules::{ActiveRule, Amount, CustomerId, Evaluation, Mode, Rearm, Rule, Timestamp};
use serde::Serialize;

use crate::alert::Window;
use crate::apply::Failure;
use crate::bucket::Bucket;
use crate::group::Group;
use crate::head::Head;
use crate::key::{RuleKeys, is_head};
use crate::scalar;
use crate::stored::{self, StoredError};
use crate::view::Source;
use crate::write::Table;

/// What is known of a group.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GroupView {
    /// The keys of the group.
    pub group: Group,
    /// The present value: over all time, or of the window of the present. Patterns have none.
    pub value: Option<Amount>,
    /// Whether the value is an estimate.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub value_is_estimate: bool,
    /// The tumbling window or session that the value is of, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub window: Option<Window>,
    /// How many events contributed to it; of a pattern, how many are kept.
    pub contributions: u64,
    /// Event time of the first and of the last of them.
    pub first_seen: Option<Timestamp>,
    /// See `first_seen`.
    pub last_seen: Option<Timestamp>,
    /// Whether an alert is open.
    pub firing: bool,
    /// Whether a rule of mode `once` may fire.
    pub armed: bool,
    /// When something changes next by time alone.
    pub next_timer: Option<Timestamp>,
    /// What has to come before it fires; empty while an alert is open.
    pub missing: Vec<String>,
}

impl Head {
    /// The contributions that the present value is made of.
    pub(crate) fn present_bucket(
        &self,
        source: &dyn Source,
        active: &ActiveRule,
        customer: CustomerId,
    ) -> Result<Bucket, Failure> {
        let Some(window) = self.window else { return Ok(self.present.clone()) };
        let keys = RuleKeys::new(customer, active.generation).group(scalar::hash(&self.group));
        let Some(value) = source.get(Table::State, &keys.bucket(window))? else {
            return Ok(Bucket::default());
        };
        stored::from_bytes(&value).map_err(|problem| Failure::Corrupt { customer, problem })
    }
}

impl Bucket {
    /// The value under a rule; patterns have none.
    pub(crate) fn value_for(&self, active: &ActiveRule) -> Option<Amount> {
        match &active.rule.evaluation {
            Evaluation::Aggregate(aggregate) => self.value(aggregate),
            Evaluation::Pattern(_) => None,
        }
    }
}

impl GroupView {
    /// Reads an entry of the state of a rule; nothing if it is not that of a group. The value is that of all time or of a sliding
    /// window; those of other windows stand elsewhere.
    ///
    /// # Errors
    /// An entry that cannot be read.
    pub fn read(rule: &Rule, key: &[u8], value: &[u8]) -> Result<Option<Self>, StoredError> {
        if !is_head(key) {
            return Ok(None);
        }
        let head: Head = stored::from_bytes(value)?;
        let shown = match &rule.evaluation {
            Evaluation::Aggregate(aggregate) => head.present.value(aggregate),
            Evaluation::Pattern(_) => None,
        };
        Ok(Some(Self::with(&head, &head.present, shown, Vec::new())))
    }

    pub(crate) fn of(active: &ActiveRule, customer: CustomerId, head: &Head, present: &Bucket) -> Self {
        let value = present.value_for(active);
        let missing = missing(active, customer, head, value);
        let mut view = Self::with(head, present, value, missing);
        if let Evaluation::Pattern(_) = active.rule.evaluation {
            view.contributions = u64::from(head.steps.count);
        }
        if let Evaluation::Aggregate(aggregate) = &active.rule.evaluation {
            view.window = head.window.map(|key| present.window(aggregate.window, key));
        }
        view
    }

    fn with(head: &Head, present: &Bucket, value: Option<Amount>, missing: Vec<String>) -> Self {
        let seen = |time| (present.events > 0).then_some(time);
        Self {
            group: Group::from_text(&head.group),
            value,
            value_is_estimate: present.estimated,
            window: None,
            contributions: present.events,
            first_seen: seen(present.first),
            last_seen: seen(present.last),
            firing: head.policy.episode.is_some(),
            armed: head.policy.armed,
            next_timer: head.timers.all().map(|(_, due)| due).min(),
            missing,
        }
    }
}

/// What has to come before the group fires.
fn missing(active: &ActiveRule, customer: CustomerId, head: &Head, value: Option<Amount>) -> Vec<String> {
    let rule = &active.rule;
    let mut missing = Vec::new();
    if !rule.applies_to(customer) {
        missing.push(format!("the rule is {} here, so it judges nothing", rule.status_for(customer).name()));
    }
    if head.policy.episode.is_some() {
        return missing;
    }
    if let Some(limits) = rule.threshold_for(customer) {
        for (comparator, bound) in limits.iter() {
            if !value.is_some_and(|value| comparator.holds(value, bound)) {
                let value = value.map_or_else(
                    || "there is none".to_owned(),
                    |value| format!("it is {}", value.to_number()),
                );
                missing.push(format!("a value {} {}; {value}", comparator.name(), bound.to_number()));
            }
        }
    }
    if let Evaluation::Pattern(pattern) = &rule.evaluation {
        missing.extend(steps_missing(pattern, head));
    }
    if rule.policy.mode == Mode::Once && !head.policy.armed {
        missing.push(match &rule.policy.rearm {
            Some(Rearm::Limits(_)) => "it has fired, and waits for `rearm`".to_owned(),
            Some(Rearm::ThresholdFails) => {
                "it has fired, and waits until the threshold no longer holds".to_owned()
            },
            None => "it has fired, and a rule of mode `once` without `rearm` fires once".to_owned(),
        });
    }
    if let (Some(since), Some(hold)) = (head.policy.holds_since, rule.policy.hold) {
        missing.push(format!("the threshold must hold until {}", since.plus(hold)));
    }
    missing
}

/// The steps of which nothing is kept; of absence, until when the end may come.
fn steps_missing(pattern: &rules::Pattern, head: &Head) -> Vec<String> {
    if let (rules::PatternKind::Absence, Some(within)) = (pattern.kind, pattern.within) {
        return vec![match head.steps.open {
            Some((began, _)) => {
                format!("step `{}` must not come before {}", pattern.steps[1].id, began.plus(within))
            },
            None => format!("step `{}`", pattern.steps[0].id),
        }];
    }
    let kept = |step: usize| head.steps.serving.get(step).copied().unwrap_or_default();
    let steps = pattern.steps.iter().enumerate();
    let short = steps.filter(|(step, of)| kept(*step) < of.min.unwrap_or(1));
    short.map(|(step, of)| format!("step `{}`: {} of {}", of.id, kept(step), of.min.unwrap_or(1))).collect()
}
