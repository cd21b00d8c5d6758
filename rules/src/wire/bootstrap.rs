//! `bootstrap`: what a new rule takes from history.

use serde_json::Value;

use super::fields::Fields;
use super::form::{Field, Form, Kind};
use super::print::{Members, other};
use super::values::{Read, parse_time, problem, string};
use crate::document::Node;
use crate::problem::ProblemCode;
use crate::rule::{Bootstrap, BootstrapFrom, BootstrapMode, OnEdit};

pub(super) static BOOTSTRAP: Form = Form {
    name: "a bootstrap",
    fields: &[
        Field::new(
            "mode",
            Kind::OneOf(BootstrapMode::NAMES),
            "`none` (default) takes nothing, `state` what was counted, `alerts` also the alerts that would have been.",
        ),
        Field::new(
            "from",
            Kind::Start,
            "The oldest record that is taken: `beginning` (default), a duration before the rule was saved, or a time.",
        ),
        Field::new(
            "onEdit",
            Kind::OneOf(OnEdit::NAMES),
            "What an edit does to what was counted: `auto` (default) keeps it if the meaning is the same and rebuilds it otherwise; or always `keep`, `reset`, `rebuild`.",
        ),
        Field::new(
            "onFirstMatch",
            Kind::Flag,
            "A global rule looks into a customer's history when an event of the customer matches for the first time. Default false.",
        ),
    ],
};

pub(super) fn read(fields: &mut Fields<'_, '_>) -> Option<Bootstrap> {
    Some(Bootstrap {
        mode: fields.one_of("mode", BootstrapMode::from_name).unwrap_or_default(),
        from: fields.value("from", from).unwrap_or_default(),
        on_edit: fields.one_of("onEdit", OnEdit::from_name).unwrap_or_default(),
        on_first_match: fields.flag("onFirstMatch").unwrap_or_default(),
        customer: None,
    })
}

fn from(pointer: &str, value: &Node) -> Read<BootstrapFrom> {
    let text = string(pointer, value)?;
    if text == "beginning" {
        return Ok(BootstrapFrom::Beginning);
    }
    if let Ok(span) = text.parse() {
        return Ok(BootstrapFrom::Before(span));
    }
    parse_time(text).map(BootstrapFrom::At).map_err(|message| {
        let expected =
            "`beginning`, a duration up to 3650d before now as in 90d, or a time as in 2026-01-31T12:00:00Z";
        problem(ProblemCode::OutOfRange, pointer, message, expected)
    })
}

pub(super) fn write(bootstrap: &Bootstrap) -> Members {
    let from: Option<Value> = match bootstrap.from {
        BootstrapFrom::Beginning => None,
        BootstrapFrom::Before(span) => Some(span.to_string().into()),
        BootstrapFrom::At(time) => Some(time.to_string().into()),
    };
    let mut members = Members::default();
    members.put_some("mode", other(bootstrap.mode, BootstrapMode::name));
    members.put_some("from", from);
    members.put_some("onEdit", other(bootstrap.on_edit, OnEdit::name));
    members.put_some("onFirstMatch", bootstrap.on_first_match.then_some(true));
    members
}
