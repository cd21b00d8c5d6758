//! What a rule is, and whether an event matches it.
//!
//! Pure: no clock, file, socket, environment, thread or random source (`clippy.toml` of this crate forbids them).
//!
//! - [`Rule`] is a checked rule; [`read_rule`] makes one from what a tenant posted and reports every problem at once.
//! - [`Payload`] is an event's payload; [`Unquoted`] and [`value_length`] serve those who find it in an envelope.
//! - [`Condition`] is what must hold of a payload, whether it was written as text or as JSON; it reads exact [`Document`]s.
//! - [`RuleBook`] folds the control log into the rules in force, with versions and generations.
//! - [`RuleExplanation`] says why a rule meets a payload or does not, node by node.
//! - [`Matcher::compile`] turns a book into a [`Snapshot`]; [`Snapshot::matches`] answers which rules a payload meets.
#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

mod amount;
mod book;
mod condition;
mod control;
mod cursor;
mod document;
mod explain;
mod id;
mod matcher;
mod mixer;
mod path;
mod payload;
mod problem;
mod rule;
mod simd;
mod suspension;
mod timestamp;
mod wire;

pub use amount::Amount;
pub use book::{ActiveRule, CorruptEntry, Generation, Outcome, Rejection, RuleBook, RuleVersion};
pub use condition::{
    CLAUSES_MAX, Condition, ConditionError, Form, Measure, NESTING_MAX, Op, Quantifier, SelectionName,
    Selections, Stated, Test,
};
pub use control::{Command, CommandRecord, Control, EXPECTED_VERSION_HEADER};
pub use cursor::Place;
pub use document::{Document, DocumentError, Node, Number, Object, Unquoted, value_length};
pub use explain::{
    ConditionExplanation, Explanation, Limits as ExplainLimits, Marks, RuleExplanation, Selected, Why,
};
pub use id::{AlertId, CustomerId, IdError, RuleKey, SavepointId};
pub use matcher::{Matcher, Matches, Merge, Merged, Met, Parts, Snapshot};
pub use path::{Path, PathError, TooManyNodes};
pub use payload::{DEPTH_MAX, Payload, PayloadError};
pub use problem::{Invalid, Problem, ProblemCode};
pub use rule::{
    Aggregate, AlertPolicy, AlertState, Bootstrap, BootstrapFrom, BootstrapMode, By, Change, Comparator,
    CustomerScope, Entity, Evaluation, EventId, EventTime, EvidenceMode, EvidencePolicy, Exception,
    Expectation, Function, GroupKey, Grouping, LatePolicy, Limits, MissingGroup, Mode, OnEdit, Override,
    Part, Pattern, PatternKind, PatternStep, Rearm, Resolve, Rule, RuleTest, Severity, Span, SpanError,
    Status, TestEvent, TimeFormat, Timing, Window,
};
pub use suspension::{SUSPENDED_MAX, Suspend, Suspension, SuspensionReason, Suspensions};
pub use timestamp::{Timestamp, TimestampError};
pub use wire::{RULE_BYTES_MAX, read_rule, rule_schema, write_rule};
