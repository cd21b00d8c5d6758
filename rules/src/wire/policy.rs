//! `alertPolicy`: when alerts are emitted, and which of that goes together with what the rule evaluates.

use super::fields::Fields;
use super::form::{Field, Form, Kind};
use super::limits::{self, EQ, GT, GTE, LIMITS, LT, LTE, NE};
use super::print::Members;
use super::scope::pointer_to_threshold;
use crate::problem::ProblemCode;
use crate::rule::{
    Aggregate, AlertPolicy, Comparator, CustomerScope, Evaluation, Limits, Mode, Rearm, Resolve, Span, Window,
};

/// The most that `maxPerHour` can allow.
const PER_HOUR_MAX: u32 = 1_000_000;

pub(super) static POLICY: Form = Form {
    name: "an alert policy",
    fields: &[
        Field::new(
            "mode",
            Kind::OneOf(&MODES),
            "`once` until it is armed again, `every` time the threshold holds, at most once in `cooldown`, once `perWindow`. Default: once for total and sliding windows, perWindow for others, every for patterns.",
        ),
        Field::new("cooldown", Kind::Span, "The least time between two alerts. Only with mode cooldown."),
        Field::new(
            "rearm",
            Kind::Object(&LIMITS),
            "What arms the rule again. Only with mode once. Default: nothing; for sliding windows without a mode, that the threshold no longer holds.",
        ),
        Field::new(
            "resolve",
            Kind::Object(&RESOLVE),
            "What ends an alert; whichever comes first. Only with modes once and cooldown.",
        ),
        Field::new("for", Kind::SpanOrNone, "The threshold must hold for so long. Only with mode once."),
        Field::new(
            "maxPerHour",
            Kind::Whole(1, PER_HOUR_MAX),
            "The most alerts per customer and hour; the rest is counted in one summary.",
        ),
    ],
};

static RESOLVE: Form = Form {
    name: "what ends an alert",
    fields: &[
        GT,
        GTE,
        LT,
        LTE,
        EQ,
        NE,
        Field::new("after", Kind::Span, "So much time after the firing, or after the threshold held last."),
        Field::new("onStep", Kind::Name, "An event of the pattern's step of this id."),
    ],
};

const MODES: [&str; 4] = ["once", "every", "cooldown", "perWindow"];

/// Reads the policy from the fields of the rule. What it goes with is known only where the evaluation is sound.
pub(super) fn read(
    fields: &mut Fields<'_, '_>,
    evaluation: Option<&Evaluation>,
    scope: &CustomerScope,
) -> Option<AlertPolicy> {
    let policy = fields.object("alertPolicy", |fields| read_policy(fields, evaluation));
    if !fields.has("alertPolicy") {
        return evaluation.map(AlertPolicy::default_of);
    }
    if let (Some(policy), Some(Evaluation::Aggregate(aggregate))) = (&policy, evaluation) {
        fits_threshold(fields, policy, aggregate, &aggregate.threshold, "/threshold", "");
        for (customer, change) in &scope.overrides {
            let Some(threshold) = &change.threshold else { continue };
            let pointer = pointer_to_threshold(fields, *customer);
            fits_threshold(fields, policy, aggregate, threshold, &pointer, " of an override");
        }
    }
    policy
}

fn read_policy(fields: &mut Fields<'_, '_>, evaluation: Option<&Evaluation>) -> Option<AlertPolicy> {
    let default = evaluation.map(AlertPolicy::default_of);
    let given = fields.one_of("mode", |text| MODES.into_iter().find(|name| *name == text));
    let by_default = default.as_ref().filter(|_| !fields.has("mode")).map(|default| default.mode.name());
    let cooldown = fields.span("cooldown");
    let rearm = fields.object("rearm", limits::read);
    let resolve = fields.object("resolve", |fields| read_resolve(fields, evaluation));
    // No time at all is what holds without the field.
    let hold = fields.span("for").filter(|hold| *hold != Span::ZERO);
    let max_per_hour = fields.whole("maxPerHour");
    let name = given.or(by_default);
    if let Some(name) = name {
        let mode = if given.is_some() { format!("`{name}`") } else { format!("`{name}`, the default here") };
        fits_mode(fields, name, &mode, hold);
    }
    match evaluation {
        Some(Evaluation::Pattern(_)) => {
            if name == Some("perWindow") {
                fields.conflict("mode", "mode `perWindow` does not go with a pattern", "another mode");
            }
            let expected = "no `rearm`; `resolve` with `after` or `onStep` arms the rule again";
            fields.only_with("rearm", "an aggregate; a pattern has no threshold", expected);
            if hold.is_some() {
                fields.only_with("for", "an aggregate; a pattern has no threshold", "no `for`");
            }
        },
        Some(Evaluation::Aggregate(aggregate))
            if name == Some("perWindow") && matches!(aggregate.window, Window::Sliding(_)) =>
        {
            let message = "mode `perWindow` does not go with a window of type `sliding`, which never ends";
            fields.conflict("mode", message, "another mode, or a window of type `tumbling` or `session`");
        },
        Some(Evaluation::Aggregate(_)) | None => {},
    }
    let rearm = match (rearm, default) {
        (Some(limits), _) => Some(Rearm::Limits(limits)),
        (None, Some(default)) if !fields.has("mode") && !fields.has("rearm") => default.rearm,
        (None, _) => None,
    };
    let mode = match name? {
        "once" => Mode::Once,
        "every" => Mode::Every,
        "cooldown" => Mode::Cooldown(cooldown?),
        _ => Mode::PerWindow,
    };
    Some(AlertPolicy { mode, rearm, resolve, hold, max_per_hour })
}

/// Refuses what does not go with the mode.
fn fits_mode(fields: &mut Fields<'_, '_>, name: &str, mode: &str, hold: Option<Span>) {
    if name == "cooldown" {
        if !fields.has("cooldown") {
            fields.missing("cooldown", "mode `cooldown`");
        }
    } else {
        let only = format!("mode `cooldown`, not with {mode}");
        fields.only_with("cooldown", &only, "mode `cooldown`, or no `cooldown`");
    }
    if name != "once" {
        let only = format!("mode `once`, not with {mode}");
        fields.only_with("rearm", &only, "mode `once`, or no `rearm`");
        if hold.is_some() {
            fields.only_with("for", &only, "mode `once`, or no `for`");
        }
    }
    if !matches!(name, "once" | "cooldown") {
        let only = format!("modes `once` and `cooldown`, not with {mode}");
        fields.only_with("resolve", &only, "mode `once` or `cooldown`, or no `resolve`");
    }
}

fn read_resolve(fields: &mut Fields<'_, '_>, evaluation: Option<&Evaluation>) -> Option<Resolve> {
    let (after, step) = (fields.span("after"), fields.text("onStep"));
    let given = limits::any_given(fields);
    let limits = limits::comparisons(fields);
    if !given && !fields.has("after") && !fields.has("onStep") {
        let expected = "a comparison, `after` or `onStep`";
        fields.refuse(ProblemCode::OutOfRange, "there is nothing that ends an alert", expected);
    }
    let mut on_step = None;
    match evaluation {
        Some(Evaluation::Pattern(pattern)) => {
            for comparator in Comparator::ALL {
                let expected = "`after` or `onStep`";
                fields.only_with(
                    comparator.name(),
                    "an aggregate; a pattern has no value to compare",
                    expected,
                );
            }
            on_step = step.as_ref().and_then(|id| pattern.steps.iter().position(|step| step.id == *id));
            if on_step.is_none() && step.is_some() {
                let ids: Vec<_> = pattern.steps.iter().map(|step| step.id.as_str()).collect();
                let message = "the pattern has no step of that id";
                let pointer = fields.pointer_to("onStep");
                let expected = format!("one of {}", ids.join(", "));
                fields.report(ProblemCode::OutOfRange, pointer, message, expected);
            }
        },
        Some(Evaluation::Aggregate(_)) => {
            fields.only_with("onStep", "a pattern", "comparisons or `after`");
        },
        None => {},
    }
    let on_step = on_step.and_then(|index| u8::try_from(index).ok());
    Some(Resolve { limits, after, on_step })
}

/// Refuses what does not go with a threshold: the rule's own, or that of an override.
fn fits_threshold(
    fields: &mut Fields<'_, '_>,
    policy: &AlertPolicy,
    aggregate: &Aggregate,
    threshold: &Limits,
    pointer: &str,
    whose: &str,
) {
    let is_own = whose.is_empty();
    if policy.hold.is_some() && !aggregate.is_running(threshold) {
        let pointer = if is_own { "/alertPolicy/for" } else { pointer };
        let message = format!(
            "`alertPolicy.for` does not go with the threshold{whose}: in this window the value is judged once, when the window closes"
        );
        let expected = "no `for`, a window of type `total` or `sliding`, or a threshold of `gt` and `gte` alone (for min `lt` and `lte`)";
        fields.report(ProblemCode::Conflict, pointer.to_owned(), message, expected);
    }
    let rearm = match &policy.rearm {
        Some(Rearm::Limits(limits)) => Some(("rearm", limits)),
        Some(Rearm::ThresholdFails) | None => None,
    };
    let resolve = policy.resolve.as_ref().and_then(|resolve| resolve.limits.as_ref());
    for (name, limits) in rearm.into_iter().chain(resolve.map(|limits| ("resolve", limits))) {
        if aggregate.can_meet_both(threshold, limits) {
            let at = if is_own { format!("/alertPolicy/{name}") } else { pointer.to_owned() };
            let message = format!("some value meets both `alertPolicy.{name}` and the threshold{whose}");
            let expected = format!("a `{name}` that holds only where the threshold does not");
            fields.report(ProblemCode::Conflict, at, message, expected);
        }
    }
}

/// The policy, as far as it is another one than the rule would have anyway.
pub(super) fn write(policy: &AlertPolicy, evaluation: &Evaluation) -> Members {
    let default = AlertPolicy::default_of(evaluation);
    let mut members = Members::default();
    let arms_itself = policy.rearm.is_none() && default.rearm.is_some();
    if policy.mode != default.mode || arms_itself {
        members.put("mode", policy.mode.name());
    }
    if let Mode::Cooldown(cooldown) = policy.mode {
        members.put("cooldown", cooldown.to_string());
    }
    if let Some(Rearm::Limits(limits)) = &policy.rearm {
        members.put("rearm", limits::write(limits));
    }
    members.put_some(
        "resolve",
        policy.resolve.as_ref().map(|resolve| {
            let mut members = Members::default();
            if let Some(limits) = &resolve.limits {
                limits::write_into(&mut members, limits);
            }
            members.put_some("after", resolve.after.map(|after| after.to_string()));
            members.put_some("onStep", resolve.on_step.and_then(|step| step_id(evaluation, step)));
            members
        }),
    );
    members.put_some("for", policy.hold.map(|hold| hold.to_string()));
    members.put_some("maxPerHour", policy.max_per_hour);
    members
}

fn step_id(evaluation: &Evaluation, step: u8) -> Option<&str> {
    match evaluation {
        Evaluation::Pattern(pattern) => pattern.steps.get(usize::from(step)).map(|step| step.id.as_str()),
        Evaluation::Aggregate(_) => None,
    }
}
