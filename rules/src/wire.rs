//! The JSON forms of a rule: the original control message and the plain form. Reading reports every problem at once.
//!
//! An object with a top-level `jsonPath` is the original control message; anything else is the plain form.

use serde_json::{Value, json};
use std::sync::Arc;

use crate::amount::Amount;
use crate::book::RuleVersion;
use crate::condition::{Condition, Form, Scope, Stated, Test, path_advice};
use crate::cursor::Place;
use crate::document::{Document, DocumentError, Node, Object};
use crate::id::{AlertId, CustomerId, RuleKey};
use crate::path::Path;
use crate::problem::{Invalid, Problem, ProblemCode};
use crate::rule::{
    Aggregate, AlertPolicy, Bootstrap, BootstrapMode, Change, Evaluation, Limits, Rule, Window,
};
use fields::Fields;

mod fields;

/// The largest rule, in bytes of its JSON.
pub const RULE_BYTES_MAX: usize = 64 * 1024;

/// How deep a rule's JSON may nest: conditions nest 32 deep, with an object and an array each.
const RULE_DEPTH_MAX: usize = 100;

const ORIGINAL_FIELDS: &[&str] = &[
    "customerId",
    "alertId",
    "alertName",
    "alertDescription",
    "threshold",
    "jsonPath",
    "bootstrapCustomerId",
];
const PLAIN_FIELDS: &[&str] = &[
    "customerId",
    "alertId",
    "alertName",
    "alertDescription",
    "severity",
    "labels",
    "selections",
    "match",
    "threshold",
    "bootstrapCustomerId",
    "expectedVersion",
    "version",
];

/// Reads a rule that somebody posted. `fresh_id` names the rule if the plain form does not.
///
/// # Errors
/// All problems of the document, each with a JSON pointer or with line and column.
pub fn read_rule(text: &[u8], fresh_id: Option<AlertId>) -> Result<(Rule, Option<RuleVersion>), Invalid> {
    if text.len() > RULE_BYTES_MAX {
        return Err(problem(
            ProblemCode::LimitPassed,
            "",
            format!("the rule has {} bytes", text.len()),
            format!("at most {RULE_BYTES_MAX}"),
        )
        .into());
    }
    match document(text)? {
        Node::Object(members) if members.get("jsonPath").is_some() => read_original(&members),
        Node::Object(members) => read_plain(&members, fresh_id, PLAIN_FIELDS),
        other => Err(not_an_object(&other).into()),
    }
}

/// Reads what [`write_rule`] wrote: the plain form, in which `jsonPath` may stand for the condition.
pub(crate) fn read_stored(document: &Value) -> Result<Rule, Invalid> {
    let Node::Object(members) = Node::from(document) else {
        return Err(not_an_object(&Node::from(document)).into());
    };
    Ok(read_plain(&members, None, &[PLAIN_FIELDS, &["jsonPath"]].concat())?.0)
}

fn not_an_object(node: &Node) -> Problem {
    problem(ProblemCode::WrongType, "", format!("the rule is {}", node.kind()), "a JSON object".to_owned())
}

fn document(text: &[u8]) -> Result<Node, Problem> {
    let unreadable = |place: Place, expected: &str| Problem {
        place: Some((place.line, place.column)),
        ..problem(
            ProblemCode::NotJson,
            "",
            "the rule is not JSON that can be read".to_owned(),
            expected.to_owned(),
        )
    };
    let text = std::str::from_utf8(text).map_err(|error| {
        let sound = text.get(..error.valid_up_to()).and_then(|sound| std::str::from_utf8(sound).ok());
        let sound = sound.unwrap_or_default();
        unreadable(Place::of(sound, sound.len()), "UTF-8")
    })?;
    match Document::parse(text, RULE_DEPTH_MAX) {
        // A rule with another character than was meant would match other events than were meant.
        Ok(Document { replaced: Some(place), .. }) => {
            Err(unreadable(place, "both halves of a surrogate pair"))
        },
        Ok(document) => Ok(document.root),
        Err(DocumentError::Syntax { place, expected }) => Err(unreadable(place, expected)),
        Err(DocumentError::TooDeep { place, .. }) => {
            Err(unreadable(place, &format!("at most {RULE_DEPTH_MAX} arrays and objects within each other")))
        },
    }
}

/// The plain form of a rule in force, or the original one where the rule has its meaning.
pub fn write_rule(rule: &Rule, version: RuleVersion) -> Value {
    let mut document = json!({
        "customerId": rule.key.customer,
        "alertId": rule.key.alert,
        "alertName": rule.name,
        "alertDescription": rule.description,
        "severity": rule.severity.name(),
        "labels": rule.labels,
        "version": version.0,
    });
    if let Evaluation::Aggregate(aggregate) = &rule.evaluation {
        let stated = &aggregate.increment.condition;
        if let (Form::Original, Condition::Test(test)) = (stated.form, &stated.condition) {
            document["jsonPath"] = test.path().text().into();
        } else {
            document["match"] = stated.to_value();
        }
        let limits = aggregate.threshold.iter();
        let limits = limits.map(|(comparator, bound)| (comparator.name().to_owned(), json!(bound)));
        document["threshold"] = Value::Object(limits.collect());
    }
    if !rule.selections.is_empty() {
        let named = rule.selections.iter().map(|(name, stated)| (name.to_string(), stated.to_value()));
        document["selections"] = Value::Object(named.collect());
    }
    if let Some(customer) = rule.bootstrap.customer {
        document["bootstrapCustomerId"] = customer.to_string().into();
    }
    document
}

fn read_original(members: &Object) -> Result<(Rule, Option<RuleVersion>), Invalid> {
    let mut fields = Fields::new(members, ORIGINAL_FIELDS, "the original control message");
    let customer = fields.required("customerId", Fields::customer);
    let alert = fields.required("alertId", Fields::alert);
    let name = fields.optional("alertName", Fields::text).unwrap_or_default();
    let description = fields.optional("alertDescription", Fields::text).unwrap_or_default();
    let threshold = fields.optional("threshold", Fields::integer);
    let path = fields.required("jsonPath", Fields::path);
    let bootstrap_customer = fields.optional("bootstrapCustomerId", Fields::customer);
    fields.finish()?;
    let threshold = Limits::at_least(threshold.map_or(Amount::ONE, Amount::from));
    let key = RuleKey { customer: believed(customer), alert: believed(alert) };
    let mut rule = counting(key, name, original(believed(path)), threshold);
    rule.description = description;
    rule.bootstrap = Bootstrap { mode: BootstrapMode::State, customer: bootstrap_customer, ..rule.bootstrap };
    Ok((rule, None))
}

fn read_plain(
    members: &Object,
    fresh_id: Option<AlertId>,
    known: &[&str],
) -> Result<(Rule, Option<RuleVersion>), Invalid> {
    let mut fields = Fields::new(members, known, "a rule");
    let customer = fields.required("customerId", Fields::customer);
    let alert = match fresh_id {
        Some(fresh) => Some(fields.optional("alertId", Fields::alert).unwrap_or(fresh)),
        None => fields.required("alertId", Fields::alert),
    };
    let name = fields.required("alertName", Fields::text);
    let description = fields.optional("alertDescription", Fields::text).unwrap_or_default();
    let severity = fields.optional("severity", Fields::severity).unwrap_or_default();
    let labels = fields.optional("labels", Fields::labels).unwrap_or_default();
    let (selections, names, used) = fields.selections("selections");
    let mut scope = Scope::new(&names);
    scope.used = used;
    let condition = match fields.optional("jsonPath", Fields::path) {
        Some(path) => Some(original(path)),
        None => fields.condition("match", &mut scope),
    };
    let threshold = fields.optional("threshold", Fields::threshold);
    let bootstrap_customer = fields.optional("bootstrapCustomerId", Fields::customer);
    let expected = fields.optional("expectedVersion", Fields::version);
    // Written by the server; accepted back, so that what `GET` answers can be posted again.
    fields.optional("version", Fields::version);
    fields.finish()?;
    let key = RuleKey { customer: believed(customer), alert: believed(alert) };
    let is_original = condition.as_ref().is_some_and(|stated| stated.form == Form::Original);
    let threshold = threshold.unwrap_or_else(|| Limits::at_least(Amount::ONE));
    let mut rule = counting(key, believed(name), believed(condition), threshold);
    rule.description = description;
    rule.severity = severity;
    rule.labels = labels;
    rule.selections = selections;
    let mode = if is_original { BootstrapMode::State } else { BootstrapMode::default() };
    rule.bootstrap = Bootstrap { mode, customer: bootstrap_customer, ..rule.bootstrap };
    Ok((rule, expected))
}

/// A rule that counts events, with the defaults of everything else.
fn counting(key: RuleKey, name: String, condition: Stated, threshold: Limits) -> Rule {
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

/// The condition of the original control message.
fn original(path: Path) -> Stated {
    Stated { condition: Condition::Test(Arc::new(Test::selects_content(path))), form: Form::Original }
}

fn believed<T>(value: Option<T>) -> T {
    value.expect("`finish` has refused a document that lacks a required field")
}

fn problem(code: ProblemCode, pointer: &str, message: String, expected: String) -> Problem {
    Problem { code, pointer: pointer.to_owned(), place: None, message, expected }
}

fn parse_path(pointer: &str, text: &str) -> Result<Path, Problem> {
    Path::parse(text).map_err(|error| {
        let (code, expected) = path_advice(&error);
        problem(code, pointer, error.to_string(), expected.to_owned())
    })
}

fn parse_customer(pointer: &str, text: &str) -> Result<CustomerId, Problem> {
    text.parse().map_err(|error: crate::id::IdError| {
        problem(ProblemCode::OutOfRange, pointer, error.to_string(), "a customer's UUID".to_owned())
    })
}

#[cfg(test)]
mod tests;
