//! The original control message: `{"customerId", "alertId", "alertName", "alertDescription", "threshold", "jsonPath",
//! "bootstrapCustomerId"}`. It counts events at whose path there is something.

use std::sync::Arc;

use serde_json::Value;

use super::fields::Fields;
use super::form::{Field, Form, Kind, Names};
use super::plain::{LABELS_MAX, SUSPENDED, counting};
use super::print::Members;
use super::values;
use super::{RuleVersion, complete};
use crate::amount::Amount;
use crate::condition::{Condition, Form as ConditionForm, Stated, Test};
use crate::document::Object;
use crate::id::RuleKey;
use crate::path::Path;
use crate::problem::Invalid;
use crate::rule::{Bootstrap, BootstrapMode, Comparator, Evaluation, Limits, Rule, Severity};

const CUSTOMER: Field =
    Field::needed("customerId", Kind::Id, "Whose rule it is; deadbeef-dead-beef-dead-beefdeadbeef for all.");
const ALERT: Field = Field::needed("alertId", Kind::Id, "The rule's own id.");
const NAME: Field = Field::new("alertName", Kind::Text, "What alerts call it.");
const DESCRIPTION: Field = Field::new("alertDescription", Kind::Text, "For people.");
const PATH: Field = Field::needed(
    "jsonPath",
    Kind::Path,
    "Events count where it selects something that is not null, \"\", [] or {}.",
);
const BOOTSTRAP: Field =
    Field::new("bootstrapCustomerId", Kind::Id, "The one customer whose history is taken.");
const VERSION: Field = Field::new("version", Kind::Whole(0, u32::MAX), "Written by the server, and ignored.");

/// The seven fields, and what the server adds to its answers.
pub(super) static ORIGINAL: Form = Form {
    name: "the original control message, which a top-level `jsonPath` makes it",
    fields: &[
        CUSTOMER,
        ALERT,
        NAME,
        DESCRIPTION,
        Field::new("threshold", Kind::Integer, "It fires when the count reaches this. Default 1."),
        PATH,
        BOOTSTRAP,
        VERSION,
        SUSPENDED,
    ],
};

/// As it was stored before it was stored in its own form.
static STORED: Form = Form {
    name: "a stored control message",
    fields: &[
        CUSTOMER,
        ALERT,
        NAME,
        DESCRIPTION,
        Field::new("severity", Kind::OneOf(Severity::NAMES), ""),
        Field::new("labels", Kind::Map(Names::Any, &Kind::Text, LABELS_MAX), ""),
        Field::new("threshold", Kind::Threshold, ""),
        PATH,
        BOOTSTRAP,
        VERSION,
    ],
};

/// Reads a posted message.
pub(super) fn read(members: &Object) -> Result<Rule, Invalid> {
    complete(&ORIGINAL, members, |fields| {
        let threshold =
            fields.value("threshold", values::integer).map(|bound| Limits::at_least(bound.into()));
        read_common(fields, threshold)
    })
}

/// Reads a stored message.
pub(super) fn read_stored(members: &Object) -> Result<Rule, Invalid> {
    complete(&STORED, members, |fields| {
        let threshold = fields.threshold("threshold");
        let severity = fields.one_of("severity", Severity::from_name).unwrap_or_default();
        let labels = fields.texts("labels");
        Some(Rule { severity, labels, ..read_common(fields, threshold)? })
    })
}

fn read_common(fields: &mut Fields<'_, '_>, threshold: Option<Limits>) -> Option<Rule> {
    let customer = fields.value("customerId", values::owner);
    let alert = fields.value("alertId", values::alert);
    let name = fields.text("alertName").unwrap_or_default();
    let description = fields.text("alertDescription").unwrap_or_default();
    let path = fields.path("jsonPath");
    let bootstrap_customer = fields.value("bootstrapCustomerId", values::owner);
    fields.value("version", values::version);
    let threshold = threshold.unwrap_or_else(|| Limits::at_least(Amount::ONE));
    let key = RuleKey { customer: customer?, alert: alert? };
    let mut rule = counting(key, name, condition(path?), threshold);
    rule.description = description;
    rule.bootstrap =
        Bootstrap { mode: BootstrapMode::State, customer: bootstrap_customer, ..Bootstrap::default() };
    Some(rule)
}

fn condition(path: Path) -> Stated {
    Stated {
        condition: Condition::Test(Arc::new(Test::selects_content(path))),
        form: ConditionForm::Original,
    }
}

/// The message, if the rule says what one can say.
pub(super) fn write(rule: &Rule, version: RuleVersion) -> Option<Value> {
    let Evaluation::Aggregate(aggregate) = &rule.evaluation else { return None };
    let stated = &aggregate.increment.condition;
    let (ConditionForm::Original, Condition::Test(test)) = (stated.form, &stated.condition) else {
        return None;
    };
    let mut same = counting(rule.key, rule.name.clone(), stated.clone(), aggregate.threshold.clone());
    same.description.clone_from(&rule.description);
    same.bootstrap.mode = BootstrapMode::State;
    same.bootstrap.customer = rule.bootstrap.customer;
    let threshold = integer(&aggregate.threshold).filter(|_| same == *rule)?;
    let mut members = Members::default();
    members.put("customerId", rule.key.customer.to_string());
    members.put("alertId", rule.key.alert.to_string());
    members.put("alertName", rule.name.as_str());
    members.put("alertDescription", rule.description.as_str());
    members.put("threshold", threshold);
    members.put("jsonPath", test.path().text());
    members.put_some("bootstrapCustomerId", rule.bootstrap.customer.map(|customer| customer.to_string()));
    members.put("version", version.0);
    Some(members.into())
}

fn integer(limits: &Limits) -> Option<i64> {
    let mut limits = limits.iter();
    match (limits.next(), limits.next()) {
        (Some((Comparator::Gte, bound)), None) => bound.to_number().as_i64(),
        _ => None,
    }
}
