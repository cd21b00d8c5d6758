//! `eventTime`, `allowedLateness`, `latePolicy`, `eventId`: when events happened, and which are one and the same.

use super::fields::Fields;
use super::form::{Field, Form, Kind};
use super::print::{self, Members, other};
use crate::rule::{EventId, EventTime, LatePolicy, Span, TimeFormat, Timing};

pub(super) static FIELDS: [Field; 4] = [
    Field::new(
        "eventTime",
        Kind::Object(&EVENT_TIME),
        "Where an event says when it happened. Default: the timestamp of its record.",
    ),
    Field::new(
        "allowedLateness",
        Kind::SpanOrNone,
        "How long conclusions from something not having come wait for late events. Default 0s.",
    ),
    Field::new(
        "latePolicy",
        Kind::OneOf(LatePolicy::NAMES),
        "What happens to a late event: `apply` (default) counts it while its window is open, `drop` refuses it once it is later than the allowed lateness.",
    ),
    Field::new("eventId", Kind::Object(&EVENT_ID), "What names an event, so that it counts once."),
];

static EVENT_TIME: Form = Form {
    name: "an event time",
    fields: &[
        Field::needed("jsonPath", Kind::Path, "Where the time stands; the first node counts."),
        Field::new("format", Kind::OneOf(TimeFormat::NAMES), "How it is written. Default rfc3339."),
    ],
};

static EVENT_ID: Form = Form {
    name: "an event id",
    fields: &[
        Field::needed("jsonPath", Kind::Path, "Where the id stands; the first node counts."),
        Field::new("retention", Kind::Span, "How long it is remembered. Default 24h."),
    ],
};

/// Reads when events happened, among the fields of the rule.
pub(super) fn read(fields: &mut Fields<'_, '_>) -> Timing {
    let event_time = fields.object("eventTime", |fields| {
        let path = fields.path("jsonPath");
        let format = fields.one_of("format", TimeFormat::from_name).unwrap_or_default();
        Some(EventTime { path: path?, format })
    });
    let allowed_lateness = fields.span("allowedLateness").unwrap_or_default();
    let late_policy = fields.one_of("latePolicy", LatePolicy::from_name).unwrap_or_default();
    Timing { event_time, allowed_lateness, late_policy }
}

/// Reads what names events, among the fields of the rule.
pub(super) fn read_event_id(fields: &mut Fields<'_, '_>) -> Option<EventId> {
    fields.object("eventId", |fields| {
        let path = fields.path("jsonPath");
        let retention = fields.span("retention").unwrap_or(EventId::RETENTION_DEFAULT);
        Some(EventId { path: path?, retention })
    })
}

pub(super) fn write(members: &mut Members, timing: &Timing, event_id: Option<&EventId>) {
    members.put_some(
        "eventTime",
        timing.event_time.as_ref().map(|event_time| {
            let mut members = Members::default();
            members.put("jsonPath", print::path(&event_time.path));
            members.put_some("format", other(event_time.format, TimeFormat::name));
            members
        }),
    );
    let lateness = Some(timing.allowed_lateness).filter(|lateness| *lateness != Span::ZERO);
    members.put_some("allowedLateness", lateness.map(|lateness| lateness.to_string()));
    members.put_some("latePolicy", other(timing.late_policy, LatePolicy::name));
    members.put_some(
        "eventId",
        event_id.map(|event_id| {
            let mut members = Members::default();
            members.put("jsonPath", print::path(&event_id.path));
            let retention = Some(event_id.retention).filter(|own| *own != EventId::RETENTION_DEFAULT);
            members.put_some("retention", retention.map(|retention| retention.to_string()));
            members
        }),
    );
}
