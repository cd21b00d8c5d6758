//! Random rules that obey what the language refuses.

pub(super) mod aggregate;
mod pattern;
pub(super) mod policy;

use std::collections::BTreeMap;

use rules::{
    AlertId, Comparator, Condition, CustomerId, CustomerScope, Entity, Evaluation, EventId, EventTime,
    EvidenceMode, EvidencePolicy, Exception, Form, GroupKey, Grouping, LatePolicy, Limits, MissingGroup,
    Override, Path, Rule, RuleKey, SelectionName, Selections, Severity, Span, Stated, Status, TimeFormat,
    Timestamp, Timing, Window,
};
use uuid::Uuid;

use super::{Chance, Kind, customers};

/// Spans in milliseconds: they divide one another, so that borders meet.
const SPANS: [u64; 8] = [1_000, 2_000, 3_000, 5_000, 5_000, 10_000, 10_000, 20_000];

pub(super) fn rule(chance: &mut Chance, kind: Kind) -> Rule {
    let free = kind == Kind::OrderFree;
    let owner = if chance.percent(40) { CustomerId::GLOBAL } else { customers()[0] };
    let alert = AlertId::from_uuid(Uuid::from_u128(0xA0 + chance.below(3) as u128));
    let selections = selections();
    let evaluation = if chance.percent(if free { 40 } else { 35 }) {
        Evaluation::Pattern(pattern::pattern(chance, kind))
    } else {
        Evaluation::Aggregate(Box::new(aggregate::aggregate(chance, kind)))
    };
    let scope = if owner.is_global() { scope(chance, &evaluation, kind) } else { CustomerScope::default() };
    let policy = policy::policy(chance, &evaluation, &scope, kind);
    let event_id =
        (!free && chance.percent(30)).then(|| EventId { path: path("$.id"), retention: retention(chance) });
    let entity = |kind: &str, id: &str, display: Option<&str>| Entity {
        kind: kind.to_owned(),
        id_path: path(id),
        display_path: display.map(path),
    };
    let entities = [entity("thing", "$.e", None), entity("key", "$.k", Some("$.a"))];
    let entities = entities.into_iter().take(chance.below(3)).collect();
    Rule {
        key: RuleKey { customer: owner, alert },
        name: "made".to_owned(),
        description: String::new(),
        status: if chance.percent(10) { Status::Shadow } else { Status::Active },
        scope,
        severity: chance.pick(Severity::ALL),
        labels: BTreeMap::new(),
        annotations: BTreeMap::new(),
        owner: None,
        selections,
        grouping: grouping(chance, &evaluation, kind),
        timing: timing(chance, kind),
        event_id,
        evaluation,
        policy,
        exceptions: exceptions(chance),
        entities,
        evidence: evidence(chance, kind),
        bootstrap: Default::default(),
        tests: Vec::new(),
    }
}

fn selections() -> Selections {
    let name = SelectionName::new("sel").expect("this is a name");
    [(name, stated("$.a in [1, 2]"))].into_iter().collect()
}

fn scope(chance: &mut Chance, evaluation: &Evaluation, kind: Kind) -> CustomerScope {
    let mut scope = CustomerScope::default();
    if chance.percent(20) {
        scope.include.insert(customers()[chance.below(2)]);
    }
    if chance.percent(20) {
        scope.exclude.insert(customers()[chance.below(3)]);
    }
    if chance.percent(40) {
        let threshold = match evaluation {
            Evaluation::Aggregate(made) if chance.percent(70) => {
                Some(aggregate::threshold(chance, made.function))
            },
            Evaluation::Aggregate(_) | Evaluation::Pattern(_) => None,
        };
        // Whether a value is judged at close depends on the threshold in force.
        let threshold = threshold.filter(|limits| match evaluation {
            Evaluation::Aggregate(made) => kind != Kind::OrderFree || !made.is_running(limits),
            Evaluation::Pattern(_) => true,
        });
        let severity = chance.percent(50).then_some(Severity::Critical);
        let status =
            chance.percent(25).then(|| chance.pick(&[Status::Paused, Status::Shadow, Status::Active]));
        let change = Override { threshold, severity, status };
        if change != Override::default() {
            scope.overrides.insert(customers()[chance.below(3)], change);
        }
    }
    scope
}

fn grouping(chance: &mut Chance, evaluation: &Evaluation, kind: Kind) -> Grouping {
    let keys: &[(&str, &str)] = match chance.below(10) {
        0..=3 => &[],
        4..=5 => &[("k", "$.k")],
        6..=7 => &[("k", "$['k', 'none']")],
        8 => &[("each", "$.k[*]")],
        _ => &[("k", "$['k', 'b']"), ("b", "$.b")],
    };
    let keys = keys.iter().map(|(name, at)| GroupKey { name: (*name).to_owned(), path: path(at) }).collect();
    // When a group that has nothing left stops counting is nobody's promise, so groups that end have room.
    let never_ends = match evaluation {
        Evaluation::Aggregate(aggregate) => aggregate.window == Window::Total,
        Evaluation::Pattern(pattern) => pattern.within.is_none(),
    };
    let few = kind == Kind::Any && never_ends && chance.percent(10);
    Grouping {
        keys,
        missing: if chance.percent(30) { MissingGroup::Null } else { MissingGroup::Skip },
        max: if few { 1 + u32::from(chance.percent(50)) } else { Grouping::MAX_DEFAULT },
    }
}

fn timing(chance: &mut Chance, kind: Kind) -> Timing {
    let definition = |at: &str, format: TimeFormat| Some(EventTime { path: path(at), format });
    let least = if kind == Kind::OrderFree { 2 } else { 0 };
    let event_time = match chance.below(10).max(least) {
        0..=1 => None,
        2..=6 => definition("$.at", TimeFormat::UnixMillis),
        7..=8 => definition("$.ts", TimeFormat::Rfc3339),
        _ => definition("$.ts", TimeFormat::Iso8601),
    };
    let lateness = chance.pick(&[0, 1_000, 2_000, 5_000, 10_000, 20_000]);
    Timing {
        event_time,
        allowed_lateness: Span::from_millis(lateness),
        late_policy: if chance.percent(25) { LatePolicy::Drop } else { LatePolicy::Apply },
    }
}

fn retention(chance: &mut Chance) -> Span {
    if chance.percent(40) { EventId::RETENTION_DEFAULT } else { span(chance) }
}

fn exceptions(chance: &mut Chance) -> Vec<Exception> {
    let expires_at =
        chance.percent(50).then_some(Timestamp(1_700_002_800_000 + chance.between(-10, 10) * 1_000));
    let exception = Exception { condition: stated("$.b == 2"), reason: None, owner: None, expires_at };
    if chance.percent(15) { vec![exception] } else { Vec::new() }
}

fn evidence(chance: &mut Chance, kind: Kind) -> EvidencePolicy {
    let max = chance.pick(&[10, 10, 2]);
    // Where an event stands depends on arrival.
    let none = kind == Kind::OrderFree || chance.percent(20);
    EvidencePolicy {
        mode: if none { EvidenceMode::None } else { EvidenceMode::Refs },
        max,
        redact: Vec::new(),
    }
}

fn span(chance: &mut Chance) -> Span {
    Span::from_millis(chance.pick(&SPANS))
}

/// Conditions that many events meet, and that overlap.
fn condition(chance: &mut Chance) -> Stated {
    let text = chance.pick(&[
        "$.a == 0",
        "$.a == 1",
        "$.a == 2",
        "$.a in [0, 1]",
        "$.a != 3",
        "$.b == 0",
        "$.b == 1",
        "$.a exists",
        "sel",
        "$.a == 0 || $.b == 1",
    ]);
    stated(text)
}

fn limits(limits: &[(Comparator, i64)]) -> Limits {
    let limits = limits.iter().map(|(comparator, bound)| (*comparator, (*bound).into()));
    Limits::new(limits.collect()).expect("one or two different comparators")
}

fn stated(text: &str) -> Stated {
    let name = SelectionName::new("sel").expect("this is a name");
    Stated { condition: Condition::parse(text, &[name]).expect("conditions parse"), form: Form::Text }
}

fn path(text: &str) -> Path {
    Path::parse(text).expect("paths parse")
}
