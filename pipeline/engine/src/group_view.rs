//! The state of a group as people may see it: the live answer to "why has it (not) fired".

use rules::{Amount, Evaluation, Rule, Timestamp};
use serde::Serialize;

use crate::group::Group;
use crate::head::Head;
use crate::key::is_head;
use crate::stored::{self, StoredError};

/// What is known of a group.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GroupView {
    /// The keys of the group.
    pub group: Group,
    /// The present value, where it stands with the group: over all time, or over a sliding window.
    pub value: Option<Amount>,
    /// How many events contributed to it.
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
}

impl GroupView {
    /// Reads an entry of the state of a rule; nothing if it is not that of a group.
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
        let seen = |time| (head.present.events > 0).then_some(time);
        let timers = [head.timers.change, head.timers.hold, head.timers.resolve];
        Ok(Some(Self {
            group: Group::from_text(&head.group),
            value: shown,
            contributions: head.present.events,
            first_seen: seen(head.present.first),
            last_seen: seen(head.present.last),
            firing: head.policy.episode.is_some(),
            armed: head.policy.armed,
            next_timer: timers.into_iter().flatten().map(|due| due.due).min(),
        }))
    }
}
