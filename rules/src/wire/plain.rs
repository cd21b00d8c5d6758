//! The plain form of a rule: all of its fields, each group read and printed by a file of its own.

use serde_json::Value;

use super::fields::Fields;
use super::form::{Field, Form, Kind, Names};
use super::print::Members;
use super::{RuleVersion, aggregate, bootstrap, complete, grouping, output, pattern, policy, scope};
use super::{selections, tests_field, timing, values, window};
use crate::condition::{Scope, Stated};
use crate::document::Object;
use crate::id::{AlertId, RuleKey};
use crate::problem::{Invalid, ProblemCode};
use crate::rule::{
    Aggregate, AlertPolicy, Change, CustomerScope, Evaluation, Limits, Rule, Severity, Status, Window,
};
use crate::suspension::{SUSPENDED_MAX, SuspensionReason};

/// The most labels, and the most annotations.
pub(super) const LABELS_MAX: usize = 64;

const TEXTS: Kind = Kind::Map(Names::Any, &Kind::Text, LABELS_MAX);

/// For whom the rule is suspended; an answer has it, and what is posted may.
pub(super) const SUSPENDED: Field = Field::new(
    "suspended",
    Kind::Objects(&SUSPENSION, 0, SUSPENDED_MAX),
    "For whom the rule is suspended, and why. Written by the server, and ignored.",
);

static SUSPENSION: Form = Form {
    name: "a suspension",
    fields: &[
        Field::new("customerId", Kind::Id, "For whom."),
        Field::new("reason", Kind::OneOf(SuspensionReason::NAMES), "Why."),
        Field::new("since", Kind::Time, "When that was noticed."),
        Field::new("partition", Kind::Whole(0, u32::MAX), "The partition of the event that showed it."),
        Field::new("offset", Kind::Integer, "The offset of that event."),
    ],
};

/// The fields of a rule.
pub(super) static PLAIN: Form = Form {
    name: "a rule",
    fields: &[
        Field::needed(
            "customerId",
            Kind::Id,
            "Whose rule it is; deadbeef-dead-beef-dead-beefdeadbeef for all.",
        ),
        Field::new("alertId", Kind::Id, "The rule's own id. The server makes one if it is absent."),
        Field::needed("alertName", Kind::Text, "What alerts call it."),
        Field::new("alertDescription", Kind::Text, "For people."),
        Field::new(
            "status",
            Kind::OneOf(Status::NAMES),
            "`active` (default); `shadow` is evaluated and its alerts are marked; `draft`, `paused` and `retired` are not evaluated.",
        ),
        Field::new("severity", Kind::OneOf(Severity::NAMES), "How much its alerts matter. Default medium."),
        Field::new("owner", Kind::Text, "Who answers for it."),
        Field::new("labels", TEXTS, "Passed on into alerts."),
        Field::new("annotations", TEXTS, "For people."),
        Field::new(
            "scope",
            Kind::Object(&scope::SCOPE),
            "To which customers it applies. Only on global rules.",
        ),
        Field::new(
            "selections",
            Kind::Map(Names::Selections, &Kind::Condition, selections::SELECTIONS_MAX),
            "Conditions with names, for the others to refer to.",
        ),
        Field::new("match", Kind::Condition, "Which events count."),
        Field::new(
            "aggregate",
            Kind::Object(&aggregate::AGGREGATE),
            "What is made of them. Default: how many there are.",
        ),
        Field::new("window", Kind::Object(&window::WINDOW), "Over which of them. Default: all."),
        Field::new(
            "threshold",
            Kind::Threshold,
            "When the rule fires; an integer means gte. Default 1 for count and distinct, needed otherwise.",
        ),
        Field::new(
            "pattern",
            Kind::Object(&pattern::PATTERN),
            "Events that belong together; in place of an aggregate.",
        ),
        grouping::FIELDS[0],
        grouping::FIELDS[1],
        grouping::FIELDS[2],
        timing::FIELDS[0],
        timing::FIELDS[1],
        timing::FIELDS[2],
        timing::FIELDS[3],
        Field::new(
            "alertPolicy",
            Kind::Object(&policy::POLICY),
            "When alerts are emitted, and when they are over.",
        ),
        output::FIELDS[0],
        output::FIELDS[1],
        output::FIELDS[2],
        Field::new("bootstrap", Kind::Object(&bootstrap::BOOTSTRAP), "What the new rule takes from history."),
        Field::new(
            "bootstrapCustomerId",
            Kind::Id,
            "The one customer whose history is taken, as in the original control message.",
        ),
        Field::new(
            "tests",
            Kind::Objects(&tests_field::TEST, 0, tests_field::TESTS_MAX),
            "Example events, and the alerts that must come of them.",
        ),
        Field::new(
            "expectedVersion",
            Kind::Whole(0, u32::MAX),
            "The write counts only if this is the version in force; 0 for no rule yet.",
        ),
        Field::new("version", Kind::Whole(0, u32::MAX), "Written by the server, and ignored."),
        SUSPENDED,
    ],
};

/// Reads a rule. `fresh_id` names it if it does not itself.
pub(super) fn read(
    members: &Object,
    fresh_id: Option<AlertId>,
) -> Result<(Rule, Option<RuleVersion>), Invalid> {
    complete(&PLAIN, members, |fields| {
        let rule = read_rule(fields, fresh_id);
        let expected = fields.value("expectedVersion", values::version);
        // Written by the server; accepted back, so that what `GET` answers can be posted again.
        fields.value("version", values::version);
        Some((rule?, expected))
    })
}

fn read_rule(fields: &mut Fields<'_, '_>, fresh_id: Option<AlertId>) -> Option<Rule> {
    let customer = fields.value("customerId", values::owner);
    let alert = fields.value("alertId", values::alert);
    let alert = alert.or_else(|| fresh_id.filter(|_| !fields.has("alertId")));
    if fresh_id.is_none() && !fields.has("alertId") {
        fields.missing("alertId", "a rule");
    }
    let name = fields.text("alertName");
    let description = fields.text("alertDescription").unwrap_or_default();
    let status = fields.one_of("status", Status::from_name).unwrap_or_default();
    let severity = fields.one_of("severity", Severity::from_name).unwrap_or_default();
    let owner = fields.text("owner");
    let (labels, annotations) = (fields.texts("labels"), fields.texts("annotations"));
    let customers = fields.object("scope", scope::read).unwrap_or_default();
    if customers != CustomerScope::default() && customer.is_some_and(|customer| !customer.is_global()) {
        let only = "a global rule, whose `customerId` is deadbeef-dead-beef-dead-beefdeadbeef";
        fields.only_with("scope", only, "no `scope`, or a global rule");
    }
    let (selections, names, used) = selections::read(fields);
    let mut conditions = Scope::new(&names);
    conditions.used = used;
    let evaluation = read_evaluation(fields, &mut conditions, &customers);
    let grouping = grouping::read(fields);
    let (timing, event_id) = (timing::read(fields), timing::read_event_id(fields));
    let policy = policy::read(fields, evaluation.as_ref(), &customers);
    let exceptions = output::read_exceptions(fields, &mut conditions);
    let (entities, evidence) = (output::read_entities(fields), output::read_evidence(fields));
    let mut bootstrap = fields.object("bootstrap", bootstrap::read).unwrap_or_default();
    bootstrap.customer = fields.value("bootstrapCustomerId", values::owner);
    let tests = tests_field::read(fields, &grouping);
    Some(Rule {
        key: RuleKey { customer: customer?, alert: alert? },
        name: name?,
        description,
        status,
        scope: customers,
        severity,
        labels,
        annotations,
        owner,
        selections,
        grouping,
        timing,
        event_id,
        evaluation: evaluation?,
        policy: policy?,
        exceptions,
        entities,
        evidence,
        bootstrap,
        tests,
    })
}

/// Reads an aggregate or a pattern.
fn read_evaluation(
    fields: &mut Fields<'_, '_>,
    conditions: &mut Scope<'_>,
    customers: &CustomerScope,
) -> Option<Evaluation> {
    if !fields.has("pattern") {
        return aggregate::read(fields, conditions).map(Box::new).map(Evaluation::Aggregate);
    }
    let pattern = fields.object("pattern", |fields| pattern::read(fields, conditions));
    for (name, expected) in [
        ("match", "the `match` of each step"),
        ("aggregate", "one of them"),
        ("window", "`pattern.within`"),
        ("threshold", "no `threshold`; a pattern holds when it is complete"),
    ] {
        fields.only_without(name, "pattern", expected);
    }
    for (customer, _) in customers.overrides.iter().filter(|(_, change)| change.threshold.is_some()) {
        let pointer = scope::pointer_to_threshold(fields, *customer);
        let message = "the `threshold` of an override does not go with `pattern`";
        fields.report(ProblemCode::Conflict, pointer, message, "no `threshold`");
    }
    pattern.map(Evaluation::Pattern)
}

/// A rule that counts events, with the defaults of everything else.
pub(super) fn counting(key: RuleKey, name: String, condition: Stated, threshold: Limits) -> Rule {
    let evaluation = Evaluation::Aggregate(Box::new(Aggregate {
        function: Default::default(),
        path: None,
        increment: Change { condition, by: None },
        decrement: None,
        floor: None,
        entity_path: None,
        window: Window::Total,
        threshold,
    }));
    Rule {
        key,
        name,
        description: String::new(),
        status: Default::default(),
        scope: Default::default(),
        severity: Default::default(),
        labels: Default::default(),
        annotations: Default::default(),
        owner: None,
        selections: Default::default(),
        grouping: Default::default(),
        timing: Default::default(),
        event_id: None,
        policy: AlertPolicy::default_of(&evaluation),
        evaluation,
        exceptions: Vec::new(),
        entities: Vec::new(),
        evidence: Default::default(),
        bootstrap: Default::default(),
        tests: Vec::new(),
    }
}

/// The rule in the plain form. Name, description, status, severity and threshold are always there, for those who show
/// rules; of the rest what is as it would be anyway is left out.
pub(super) fn write(rule: &Rule, version: RuleVersion) -> Value {
    let mut members = Members::default();
    members.put("customerId", rule.key.customer.to_string());
    members.put("alertId", rule.key.alert.to_string());
    members.put("alertName", rule.name.as_str());
    members.put("alertDescription", rule.description.as_str());
    members.put("status", rule.status.name());
    members.put("severity", rule.severity.name());
    members.put_some("owner", rule.owner.as_deref());
    for (name, texts) in [("labels", &rule.labels), ("annotations", &rule.annotations)] {
        members.put_map(name, texts.iter().map(|(name, text)| (name.clone(), text.as_str())));
    }
    members.put_group("scope", scope::write(&rule.scope));
    let selections = rule.selections.iter();
    members.put_map("selections", selections.map(|(name, stated)| (name.to_string(), stated.to_value())));
    match &rule.evaluation {
        Evaluation::Aggregate(aggregate) => aggregate::write(&mut members, aggregate),
        Evaluation::Pattern(pattern) => members.put("pattern", pattern::write(pattern)),
    }
    grouping::write(&mut members, &rule.grouping);
    timing::write(&mut members, &rule.timing, rule.event_id.as_ref());
    members.put_group("alertPolicy", policy::write(&rule.policy, &rule.evaluation));
    output::write(&mut members, &rule.exceptions, &rule.entities, &rule.evidence);
    members.put_group("bootstrap", bootstrap::write(&rule.bootstrap));
    members.put_some("bootstrapCustomerId", rule.bootstrap.customer.map(|customer| customer.to_string()));
    members.put_list("tests", rule.tests.iter().map(tests_field::write));
    members.put("version", version.0);
    members.into()
}
