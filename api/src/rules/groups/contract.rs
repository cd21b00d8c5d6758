//! What the contract says of groups, whose own types the engine makes. A test holds both against each other.

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// Groups of a rule.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RuleGroups {
    /// The version of the rule that collects them.
    rule_version: u32,
    /// The groups, those with the greatest values first.
    groups: Vec<RuleGroup>,
    /// Where the next page begins; absent on the last one.
    next: Option<String>,
    /// How many groups were looked at.
    groups_seen: usize,
    /// Whether the rule has more groups than are looked at, so that some may be missing.
    is_partial: bool,
}

/// What a group has come to.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RuleGroup {
    /// The keys of the group.
    group: Value,
    /// The present value; null for patterns, and where there is none.
    value: Option<f64>,
    /// Present and true if the value is an estimate.
    value_is_estimate: Option<bool>,
    /// The tumbling window or session that the value is of; absent where there is none.
    window: Option<RuleGroupWindow>,
    /// How many events contributed to it; of a pattern, how many are kept.
    contributions: u64,
    /// Event time of the first of them.
    first_seen: Option<String>,
    /// Event time of the last of them.
    last_seen: Option<String>,
    /// Whether an alert is open.
    firing: bool,
    /// Whether a rule of mode `once` may fire.
    armed: bool,
    /// When something changes next by time alone.
    next_timer: Option<String>,
    /// What has to come before it fires; empty while an alert is open.
    missing: Vec<String>,
}

/// From `start` on, up to `end`.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RuleGroupWindow {
    /// Its first moment.
    start: String,
    /// The first moment behind it. Of a session: unless another event comes before.
    end: String,
}
