//! `groupBy`, `missingGroup`, `maxGroups`: how events are put into groups.

use std::collections::BTreeSet;

use super::fields::Fields;
use super::form::{Field, Form, Kind};
use super::print::{self, Members, other};
use crate::problem::ProblemCode;
use crate::rule::{GroupKey, Grouping, MissingGroup};

/// The most keys of a group.
const KEYS_MAX: usize = 8;
/// The most groups that a rule may allow one customer.
const GROUPS_MAX: u32 = 10_000_000;

pub(super) static FIELDS: [Field; 3] = [
    Field::new(
        "groupBy",
        Kind::Objects(&GROUP_KEY, 0, KEYS_MAX),
        "The keys of a group: events with the same values are counted together, apart from others.",
    ),
    Field::new(
        "missingGroup",
        Kind::OneOf(MissingGroup::NAMES),
        "What happens to an event without a key: `skip` (default) leaves it out, `null` puts it into the group of null.",
    ),
    Field::new(
        "maxGroups",
        Kind::Whole(1, GROUPS_MAX),
        "The most groups of one customer; events of further ones are refused. Default 100000.",
    ),
];

static GROUP_KEY: Form = Form {
    name: "a key of groups",
    fields: &[
        Field::needed("name", Kind::Name, "The key's name in alerts."),
        Field::needed(
            "jsonPath",
            Kind::Path,
            "Where its value is. Several nodes put the event into several groups.",
        ),
    ],
};

/// Reads the fields among those of the rule.
pub(super) fn read(fields: &mut Fields<'_, '_>) -> Grouping {
    let keys = fields.objects("groupBy", |key| {
        let (name, path) = (key.text("name"), key.path("jsonPath"));
        Some(GroupKey { name: name?, path: path? })
    });
    let mut names = BTreeSet::new();
    for key in &keys {
        if !names.insert(&key.name) {
            let message = format!("two keys have the name `{}`", key.name);
            fields.report(
                ProblemCode::Conflict,
                fields.pointer_to("groupBy"),
                message,
                "a name for each key",
            );
        }
    }
    let missing = fields.one_of("missingGroup", MissingGroup::from_name).unwrap_or_default();
    let max = fields.whole("maxGroups").unwrap_or(Grouping::MAX_DEFAULT);
    Grouping { keys, missing, max }
}

pub(super) fn write(members: &mut Members, grouping: &Grouping) {
    let keys = grouping.keys.iter().map(|key| {
        let mut members = Members::default();
        members.put("name", key.name.as_str());
        members.put("jsonPath", print::path(&key.path));
        members
    });
    members.put_list("groupBy", keys);
    members.put_some("missingGroup", other(grouping.missing, MissingGroup::name));
    members.put_some("maxGroups", Some(grouping.max).filter(|max| *max != Grouping::MAX_DEFAULT));
}
