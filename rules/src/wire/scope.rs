//! `scope`: to which customers a global rule applies, and what is different for one of them.

use super::fields::{Fields, object};
use super::form::{Field, Form, Kind, Names};
use super::limits;
use super::print::Members;
use super::values::{customer, one_customer};
use crate::document::Node;
use crate::id::CustomerId;
use crate::problem::ProblemCode;
use crate::rule::{CustomerScope, Override, Severity, Status};

/// The most customers in each list, and with something of their own.
pub(super) const CUSTOMERS_MAX: usize = 1_000;

pub(super) static SCOPE: Form = Form {
    name: "a scope",
    fields: &[
        Field::new("include", CUSTOMERS, "Only these customers; empty means all."),
        Field::new("exclude", CUSTOMERS, "Not these customers, whatever `include` says."),
        Field::new(
            "overrides",
            Kind::Map(Names::Customers, &Kind::Object(&OVERRIDE), CUSTOMERS_MAX),
            "What is different for one customer, by its id.",
        ),
    ],
};
const CUSTOMERS: Kind = Kind::List(&Kind::Customer, 0, CUSTOMERS_MAX);

static OVERRIDE: Form = Form {
    name: "an override",
    fields: &[
        Field::new("threshold", Kind::Threshold, "In place of the rule's threshold."),
        Field::new("severity", Kind::OneOf(Severity::NAMES), "In place of the rule's severity."),
        Field::new("status", Kind::OneOf(Status::NAMES), "In place of the rule's status."),
    ],
};

pub(super) fn read(fields: &mut Fields<'_, '_>) -> Option<CustomerScope> {
    let include = fields.list("include", customer).into_iter().collect();
    let exclude = fields.list("exclude", customer).into_iter().collect();
    let mut scope = CustomerScope { include, exclude, ..CustomerScope::default() };
    for (name, pointer, value) in fields.members("overrides") {
        let id = one_customer(&pointer, name).map_err(|problem| fields.problems().push(problem));
        let changes = object(&OVERRIDE, value, pointer.clone(), fields.problems(), read_override);
        let (Ok(id), Some(changes)) = (id, changes) else { continue };
        if changes != Override::default() && scope.overrides.insert(id, changes).is_some() {
            let message = "the customer has two overrides, in letters of different case";
            fields.report(ProblemCode::OutOfRange, pointer, message, "one override for a customer");
        }
    }
    Some(scope)
}

fn read_override(fields: &mut Fields<'_, '_>) -> Option<Override> {
    Some(Override {
        threshold: fields.threshold("threshold"),
        severity: fields.one_of("severity", Severity::from_name),
        status: fields.one_of("status", Status::from_name),
    })
}

/// The pointer to the threshold of a customer's override, for which the rule may have the id in either case.
pub(super) fn pointer_to_threshold(rule: &Fields<'_, '_>, customer: CustomerId) -> String {
    let id = customer.to_string();
    let overrides = rule.given("scope").and_then(|scope| scope.member("overrides"));
    let written = match overrides {
        Some(Node::Object(members)) => {
            members.iter().map(|(name, _)| name).find(|name| name.eq_ignore_ascii_case(&id))
        },
        _ => None,
    };
    format!("/scope/overrides/{}/threshold", written.unwrap_or(&id))
}

pub(super) fn write(scope: &CustomerScope) -> Members {
    let mut members = Members::default();
    members.put_list("include", scope.include.iter().map(ToString::to_string));
    members.put_list("exclude", scope.exclude.iter().map(ToString::to_string));
    let overrides = scope.overrides.iter().map(|(customer, change)| {
        let mut members = Members::default();
        members.put_some("threshold", change.threshold.as_ref().map(limits::write));
        members.put_some("severity", change.severity.map(Severity::name));
        members.put_some("status", change.status.map(Status::name));
        (customer.to_string(), members)
    });
    members.put_map("overrides", overrides);
    members
}
