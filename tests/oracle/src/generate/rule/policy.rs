//! Random policies.

use rules::{AlertPolicy, Comparator, CustomerScope, Evaluation, Limits, Mode, Rearm, Resolve, Span, Window};

use super::super::{Chance, Kind};
use super::{limits, span};

pub(in crate::generate) fn policy(
    chance: &mut Chance,
    evaluation: &Evaluation,
    scope: &CustomerScope,
    kind: Kind,
) -> AlertPolicy {
    let mut policy = AlertPolicy::default_of(evaluation);
    if kind == Kind::Any && chance.percent(15) {
        policy.max_per_hour = Some(1 + u32::from(chance.percent(50)));
    }
    if chance.percent(15) {
        return policy;
    }
    let thresholds = thresholds(evaluation, scope);
    let is_pattern = matches!(evaluation, Evaluation::Pattern(_));
    let window = match evaluation {
        Evaluation::Aggregate(aggregate) => Some(aggregate.window),
        Evaluation::Pattern(_) => None,
    };
    policy.mode = match chance.below(10) {
        0..=4 => Mode::Once,
        5 if is_pattern => Mode::Cooldown(Span::from_millis(500)),
        5..=6 => Mode::Every,
        7..=8 => Mode::Cooldown(span(chance)),
        _ if matches!(window, None | Some(Window::Sliding(_))) => Mode::Once,
        _ => Mode::PerWindow,
    };
    let once = policy.mode == Mode::Once;
    // The default of sliding windows, where the rule says nothing.
    policy.rearm = policy.rearm.take().filter(|_| once);
    if once && !is_pattern && chance.percent(45) {
        policy.rearm = beside(chance, &thresholds).map(Rearm::Limits).or(policy.rearm);
    }
    let may_resolve = kind == Kind::Any || !is_pattern;
    if may_resolve && matches!(policy.mode, Mode::Once | Mode::Cooldown(_)) && chance.percent(70) {
        policy.resolve = resolve(chance, evaluation, &thresholds);
    }
    let running = match evaluation {
        Evaluation::Aggregate(aggregate) => thresholds.iter().all(|limits| aggregate.is_running(limits)),
        Evaluation::Pattern(_) => false,
    };
    if once && running && chance.percent(25) {
        policy.hold = Some(span(chance));
    }
    policy
}

/// The thresholds that may be in force.
fn thresholds(evaluation: &Evaluation, scope: &CustomerScope) -> Vec<Limits> {
    let Evaluation::Aggregate(aggregate) = evaluation else { return Vec::new() };
    let others = scope.overrides.values().filter_map(|change| change.threshold.clone());
    [aggregate.threshold.clone()].into_iter().chain(others).collect()
}

fn resolve(chance: &mut Chance, evaluation: &Evaluation, thresholds: &[Limits]) -> Option<Resolve> {
    let mut resolve = Resolve::default();
    if chance.percent(50) {
        resolve.after = Some(span(chance));
    }
    match evaluation {
        Evaluation::Aggregate(_) => {
            if chance.percent(65) {
                resolve.limits = beside(chance, thresholds);
            }
        },
        Evaluation::Pattern(pattern) => {
            if chance.percent(65) {
                resolve.on_step = u8::try_from(chance.below(pattern.steps.len())).ok();
            }
        },
    }
    (resolve != Resolve::default()).then_some(resolve)
}

/// Limits that no value meets together with a threshold.
fn beside(chance: &mut Chance, thresholds: &[Limits]) -> Option<Limits> {
    let comparators = Comparator::ALL;
    let mut tries = (0..12).map(|_| limits(&[(chance.pick(&comparators), chance.between(-2, 5))]));
    tries.find(|tried| !thresholds.iter().any(|threshold| threshold.overlap(tried)))
}
