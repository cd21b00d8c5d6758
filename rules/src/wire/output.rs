//! `exceptions`, `entities`, `evidence`: which events a rule does not see, and what its alerts tell.

use super::fields::Fields;
use super::form::{Field, Form, Kind};
use super::print::{self, Members, other};
use super::values;
use crate::condition::Scope;
use crate::rule::{Entity, EvidenceMode, EvidencePolicy, Exception};

/// The most exceptions of one rule.
const EXCEPTIONS_MAX: usize = 64;
/// The most entities that an alert is about.
const ENTITIES_MAX: usize = 16;
/// The most events of which an alert tells.
const EVIDENCE_MAX: u32 = 100;
/// The most paths that are taken out of payloads.
const REDACTED_MAX: usize = 64;

pub(super) static FIELDS: [Field; 3] = [
    Field::new(
        "exceptions",
        Kind::Objects(&EXCEPTION, 0, EXCEPTIONS_MAX),
        "Events that the rule does not see.",
    ),
    Field::new("entities", Kind::Objects(&ENTITY, 0, ENTITIES_MAX), "Who or what an alert is about."),
    Field::new("evidence", Kind::Object(&EVIDENCE), "What an alert tells of the events behind it."),
];

static EXCEPTION: Form = Form {
    name: "an exception",
    fields: &[
        Field::needed("match", Kind::Condition, "Which events the rule does not see."),
        Field::new("reason", Kind::Text, "Why, for people."),
        Field::new("owner", Kind::Text, "Who answers for it."),
        Field::new("expiresAt", Kind::Time, "It is in force for events before this time. Default: for ever."),
    ],
};

static ENTITY: Form = Form {
    name: "an entity",
    fields: &[
        Field::needed("type", Kind::Name, "What kind of thing it is, for instance user."),
        Field::needed("idPath", Kind::Path, "Where its id stands."),
        Field::new("displayPath", Kind::Path, "Where a name for people stands."),
    ],
};

static EVIDENCE: Form = Form {
    name: "evidence",
    fields: &[
        Field::new(
            "mode",
            Kind::OneOf(EvidenceMode::NAMES),
            "`refs` (default) says where the events are, `full` also what they say, `none` nothing.",
        ),
        Field::new("max", Kind::Whole(0, EVIDENCE_MAX), "Of how many events, the latest. Default 10."),
        Field::new(
            "redact",
            Kind::List(&Kind::Path, 0, REDACTED_MAX),
            "What is taken out of payloads in alerts.",
        ),
    ],
};

/// Reads events that the rule does not see, among the fields of the rule.
pub(super) fn read_exceptions(fields: &mut Fields<'_, '_>, scope: &mut Scope<'_>) -> Vec<Exception> {
    fields.objects("exceptions", |fields| {
        let condition = fields.condition("match", scope);
        let (reason, owner) = (fields.text("reason"), fields.text("owner"));
        let expires_at = fields.time("expiresAt");
        Some(Exception { condition: condition?, reason, owner, expires_at })
    })
}

/// Reads whom alerts are about, among the fields of the rule.
pub(super) fn read_entities(fields: &mut Fields<'_, '_>) -> Vec<Entity> {
    fields.objects("entities", |fields| {
        let (kind, id_path) = (fields.text("type"), fields.path("idPath"));
        let display_path = fields.path("displayPath");
        Some(Entity { kind: kind?, id_path: id_path?, display_path })
    })
}

/// Reads what alerts tell, among the fields of the rule.
pub(super) fn read_evidence(fields: &mut Fields<'_, '_>) -> EvidencePolicy {
    let read = fields.object("evidence", |fields| {
        Some(EvidencePolicy {
            mode: fields.one_of("mode", EvidenceMode::from_name).unwrap_or_default(),
            max: fields.whole("max").unwrap_or(EvidencePolicy::MAX_DEFAULT),
            redact: fields.list("redact", values::path),
        })
    });
    read.unwrap_or_default()
}

pub(super) fn write(
    members: &mut Members,
    exceptions: &[Exception],
    entities: &[Entity],
    evidence: &EvidencePolicy,
) {
    let exceptions = exceptions.iter().map(|exception| {
        let mut members = Members::default();
        members.put("match", exception.condition.to_value());
        members.put_some("reason", exception.reason.as_deref());
        members.put_some("owner", exception.owner.as_deref());
        members.put_some("expiresAt", exception.expires_at.map(|time| time.to_string()));
        members
    });
    members.put_list("exceptions", exceptions);
    let entities = entities.iter().map(|entity| {
        let mut members = Members::default();
        members.put("type", entity.kind.as_str());
        members.put("idPath", print::path(&entity.id_path));
        members.put_some("displayPath", entity.display_path.as_ref().map(print::path));
        members
    });
    members.put_list("entities", entities);
    let mut inside = Members::default();
    inside.put_some("mode", other(evidence.mode, EvidenceMode::name));
    inside.put_some("max", Some(evidence.max).filter(|max| *max != EvidencePolicy::MAX_DEFAULT));
    inside.put_list("redact", evidence.redact.iter().map(print::path));
    members.put_group("evidence", inside);
}
