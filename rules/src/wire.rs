//! The JSON forms of a rule: the original control message and the plain form. Reading reports every problem at once.
//!
//! An object with a top-level `jsonPath` is the original control message; anything else is the plain form.

use serde_json::{Map, Value, json};

use crate::book::RuleVersion;
use crate::condition::Condition;
use crate::id::{AlertId, CustomerId, RuleKey};
use crate::path::{Path, PathError};
use crate::problem::{Invalid, Problem, ProblemCode};
use crate::rule::{Rule, Severity, Threshold};
use fields::Fields;

mod fields;

/// The largest rule, in bytes of its JSON.
pub const RULE_BYTES_MAX: usize = 64 * 1024;

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
    let document: Value = serde_json::from_slice(text).map_err(|error| Problem {
        place: Some((error.line(), error.column())),
        ..problem(ProblemCode::NotJson, "", "the rule is not JSON".to_owned(), "one JSON object".to_owned())
    })?;
    match document {
        Value::Object(members) if members.contains_key("jsonPath") => read_original(&members),
        Value::Object(members) => read_plain(&members, fresh_id),
        other => Err(problem(
            ProblemCode::WrongType,
            "",
            format!("the rule is {}", fields::kind(&other)),
            "a JSON object".to_owned(),
        )
        .into()),
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
        "threshold": { "gte": rule.threshold.gte },
        "version": version.0,
    });
    let (field, path) = match &rule.condition {
        Condition::SelectsContent(path) => ("jsonPath", path),
        Condition::Exists(path) => ("match", path),
    };
    document[field] = path.text().into();
    if let Some(customer) = rule.bootstrap_customer {
        document["bootstrapCustomerId"] = customer.to_string().into();
    }
    document
}

fn read_original(members: &Map<String, Value>) -> Result<(Rule, Option<RuleVersion>), Invalid> {
    let mut fields = Fields::new(members, ORIGINAL_FIELDS, "the original control message");
    let customer = fields.required("customerId", Fields::customer);
    let alert = fields.required("alertId", Fields::alert);
    let name = fields.optional("alertName", Fields::text).unwrap_or_default();
    let description = fields.optional("alertDescription", Fields::text).unwrap_or_default();
    let threshold = fields
        .optional("threshold", Fields::integer)
        .map_or_else(Threshold::default, |gte| Threshold { gte });
    let path = fields.required("jsonPath", Fields::path);
    let bootstrap_customer = fields.optional("bootstrapCustomerId", Fields::customer);
    fields.finish()?;
    Ok((
        Rule {
            key: RuleKey { customer: believed(customer), alert: believed(alert) },
            name,
            description,
            severity: Severity::default(),
            labels: Default::default(),
            condition: Condition::SelectsContent(believed(path)),
            threshold,
            bootstrap_customer,
        },
        None,
    ))
}

fn read_plain(
    members: &Map<String, Value>,
    fresh_id: Option<AlertId>,
) -> Result<(Rule, Option<RuleVersion>), Invalid> {
    let mut fields = Fields::new(members, PLAIN_FIELDS, "a rule");
    let customer = fields.required("customerId", Fields::customer);
    let alert = match fresh_id {
        Some(fresh) => Some(fields.optional("alertId", Fields::alert).unwrap_or(fresh)),
        None => fields.required("alertId", Fields::alert),
    };
    let name = fields.required("alertName", Fields::text);
    let description = fields.optional("alertDescription", Fields::text).unwrap_or_default();
    let severity = fields.optional("severity", Fields::severity).unwrap_or_default();
    let labels = fields.optional("labels", Fields::labels).unwrap_or_default();
    let path = fields.required("match", Fields::path);
    let threshold = fields.optional("threshold", Fields::threshold).unwrap_or_default();
    let bootstrap_customer = fields.optional("bootstrapCustomerId", Fields::customer);
    let expected = fields.optional("expectedVersion", Fields::version);
    // Written by the server; accepted back, so that what `GET` answers can be posted again.
    fields.optional("version", Fields::version);
    fields.finish()?;
    Ok((
        Rule {
            key: RuleKey { customer: believed(customer), alert: believed(alert) },
            name: believed(name),
            description,
            severity,
            labels,
            condition: Condition::Exists(believed(path)),
            threshold,
            bootstrap_customer,
        },
        expected,
    ))
}

fn believed<T>(value: Option<T>) -> T {
    value.expect("`finish` has refused a document that lacks a required field")
}

fn problem(code: ProblemCode, pointer: &str, message: String, expected: String) -> Problem {
    Problem { code, pointer: pointer.to_owned(), place: None, message, expected }
}

fn path_problem(pointer: &str, error: &PathError) -> Problem {
    let (code, expected) = match error {
        PathError::Syntax(_) => {
            (ProblemCode::BadPath, "an RFC 9535 path such as $.acl[?(@.scope == 'anyone')]")
        },
        PathError::Limit { .. } => (ProblemCode::LimitPassed, "a path within the limits of docs/rules.md"),
        PathError::RootInFilter => (ProblemCode::BadPath, "filters that start at `@`"),
    };
    problem(code, pointer, error.to_string(), expected.to_owned())
}

fn parse_path(pointer: &str, text: &str) -> Result<Path, Problem> {
    Path::parse(text).map_err(|error| path_problem(pointer, &error))
}

fn parse_customer(pointer: &str, text: &str) -> Result<CustomerId, Problem> {
    text.parse().map_err(|error: crate::id::IdError| {
        problem(ProblemCode::OutOfRange, pointer, error.to_string(), "a customer's UUID".to_owned())
    })
}

#[cfg(test)]
mod tests;
