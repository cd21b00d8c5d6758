//! `pattern`: steps, and how they make one.

use std::collections::BTreeSet;

use super::fields::Fields;
use super::form::{Field, Form, Kind};
use super::print::{self, Members};
use crate::condition::Scope;
use crate::rule::{Pattern, PatternKind, PatternStep};

/// The most steps of a pattern.
const STEPS_MAX: usize = 16;
/// The most events that a step may need.
const MIN_MAX: u32 = 10_000;

pub(super) static PATTERN: Form = Form {
    name: "a pattern",
    fields: &[
        Field::needed(
            "type",
            Kind::OneOf(&KINDS),
            "`sequence`: the steps one after the other; `all`: every step, in any order; `atLeast`: `n` of them; `absence`: the first step without the second one after it.",
        ),
        Field::needed(
            "steps",
            Kind::Objects(&STEP, 2, STEPS_MAX),
            "The steps: two for absence, 2 to 16 otherwise.",
        ),
        Field::new("n", Kind::Whole(1, 16), "How many of the steps atLeast needs."),
        Field::new(
            "within",
            Kind::Span,
            "All of it happens within this time. Needed for sequence and absence.",
        ),
        Field::new("until", Kind::Condition, "An event that voids everything before it."),
    ],
};

static STEP: Form = Form {
    name: "a step",
    fields: &[
        Field::needed("id", Kind::Name, "The step's name within the pattern."),
        Field::needed("match", Kind::Condition, "Which events."),
        Field::new("min", Kind::Whole(1, MIN_MAX), "How many of them are needed. Default 1. Not in absence."),
        Field::new(
            "entityPath",
            Kind::Path,
            "Different values there are counted instead of events. Only in all and atLeast.",
        ),
        Field::new(
            "expectedCountPath",
            Kind::Path,
            "Where an event of this step says how many of the other steps are needed. On one step of all.",
        ),
    ],
};

const KINDS: [&str; 4] = ["sequence", "all", "atLeast", "absence"];

pub(super) fn read(fields: &mut Fields<'_, '_>, scope: &mut Scope<'_>) -> Option<Pattern> {
    let kind = fields.one_of("type", |text| KINDS.into_iter().find(|name| *name == text));
    let mut steps = fields.objects("steps", |step| read_step(step, kind, scope));
    let n = fields.whole("n");
    let within = fields.span("within");
    let until = fields.condition("until", scope);
    // The faults of steps are told already; what is wrong between them is told of sound ones.
    let given = fields.given("steps").map_or(0, |steps| steps.children().count());
    let complete = steps.len() == given;
    let kind = kind?;
    unique(fields, &steps);
    let announcing = steps.iter().filter(|step| step.expected_count_path.is_some()).count();
    if announcing > 1 {
        let message = format!("{announcing} steps have an `expectedCountPath`");
        fields.conflict("steps", message, "one of the steps, which announces how many the others need");
    }
    if announcing == 0 {
        for step in &mut steps {
            step.min.take_if(|min| *min == 1);
        }
    }
    if kind == "absence" && given > 2 {
        let message = format!("a pattern of type `absence` has {given} steps");
        fields.conflict("steps", message, "two: what begins, and what should have come");
    }
    if matches!(kind, "sequence" | "absence") && !fields.has("within") {
        fields.missing("within", &format!("a pattern of type `{kind}`"));
    }
    let kind = match kind {
        "atLeast" => {
            if !fields.has("n") {
                fields.missing("n", "a pattern of type `atLeast`");
            }
            let n = n?;
            if usize::try_from(n).is_ok_and(|n| n > given) {
                let message = format!("`n` is {n} and there are {given} steps");
                fields.conflict("n", message, "at most the number of steps");
            }
            PatternKind::AtLeast(u8::try_from(n).ok()?)
        },
        other => {
            let expected = "type `atLeast`, or no `n`";
            fields.only_with("n", &format!("type `atLeast`, not with `{other}`"), expected);
            match other {
                "sequence" => PatternKind::Sequence,
                "all" => PatternKind::All,
                _ => PatternKind::Absence,
            }
        },
    };
    complete.then_some(Pattern { kind, steps, within, until })
}

fn unique(fields: &mut Fields<'_, '_>, steps: &[PatternStep]) {
    let mut ids = BTreeSet::new();
    for step in steps {
        if !ids.insert(&step.id) {
            let message = format!("two steps have the id `{}`", step.id);
            fields.conflict("steps", message, "an id of its own for each step");
        }
    }
}

fn read_step(fields: &mut Fields<'_, '_>, kind: Option<&str>, scope: &mut Scope<'_>) -> Option<PatternStep> {
    let id = fields.text("id");
    let condition = fields.condition("match", scope);
    let min = fields.whole("min");
    let (entity_path, expected_count_path) = (fields.path("entityPath"), fields.path("expectedCountPath"));
    if let Some(kind) = kind {
        if kind == "absence" && min.is_some_and(|min| min > 1) {
            let message =
                "`min` does not go with a pattern of type `absence`, in which one event of a step is enough";
            fields.conflict("min", message, "no `min`");
        }
        if !matches!(kind, "all" | "atLeast") {
            let only = format!("patterns of type `all` and `atLeast`, not with `{kind}`");
            fields.only_with("entityPath", &only, "no `entityPath`");
        }
        if kind != "all" {
            let only = format!("patterns of type `all`, not with `{kind}`");
            fields.only_with("expectedCountPath", &only, "no `expectedCountPath`");
        }
    }
    if fields.has("expectedCountPath") {
        for name in ["min", "entityPath"] {
            let expected = "a step that announces how many the others need, and nothing else";
            fields.only_without(name, "expectedCountPath", expected);
        }
    }
    Some(PatternStep { id: id?, condition: condition?, min, entity_path, expected_count_path })
}

pub(super) fn write(pattern: &Pattern) -> Members {
    let mut members = Members::default();
    members.put("type", pattern.kind.name());
    members.put_list(
        "steps",
        pattern.steps.iter().map(|step| {
            let mut members = Members::default();
            members.put("id", step.id.as_str());
            members.put("match", step.condition.to_value());
            members.put_some("min", step.min);
            members.put_some("entityPath", step.entity_path.as_ref().map(print::path));
            members.put_some("expectedCountPath", step.expected_count_path.as_ref().map(print::path));
            members
        }),
    );
    if let PatternKind::AtLeast(n) = pattern.kind {
        members.put("n", n);
    }
    members.put_some("within", pattern.within.map(|within| within.to_string()));
    members.put_some("until", pattern.until.as_ref().map(|until| until.to_value()));
    members
}
