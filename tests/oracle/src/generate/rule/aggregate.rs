//! Random aggregates.

use rules::{Aggregate, Amount, By, Change, Comparator, Function, Limits, Window};

use super::super::{Chance, Kind};
use super::{condition, limits, path, span};

pub(super) fn aggregate(chance: &mut Chance, kind: Kind) -> Aggregate {
    loop {
        let made = any(chance);
        // A floor and a live set's tie depend on arrival; the rest of what closes does not.
        if kind == Kind::Any || (!made.is_running(&made.threshold) && made.floor.is_none()) {
            return made;
        }
    }
}

fn any(chance: &mut Chance) -> Aggregate {
    let function = chance.pick(&[
        Function::Count,
        Function::Count,
        Function::Count,
        Function::Sum,
        Function::Sum,
        Function::Min,
        Function::Max,
        Function::Avg,
        Function::Distinct,
    ]);
    let is_number = matches!(function, Function::Count | Function::Sum);
    let mut window = match chance.below(8) {
        0..=1 => Window::Total,
        2..=3 => Window::Tumbling(span(chance)),
        4..=5 => Window::Sliding(span(chance)),
        _ => Window::Session(span(chance)),
    };
    let is_set = function == Function::Count && chance.percent(30);
    if is_set && matches!(window, Window::Session(_)) {
        window = Window::Sliding(span(chance));
    }
    let by = |chance: &mut Chance| match chance.below(10) {
        _ if !is_number || is_set => None,
        0 => Some(By::Amount(Amount::ZERO)),
        1 => Some(By::Amount(Amount::from(2_i64))),
        2 => Some(By::Amount(Amount::from_billionths(500_000_000))),
        3..=4 => Some(By::Path(path("$.n"))),
        _ => None,
    };
    let increment = Change { condition: condition(chance), by: by(chance) };
    let takes = is_number && chance.percent(if is_set { 85 } else { 55 });
    let decrement = takes.then(|| Change { condition: condition(chance), by: by(chance) });
    let may_floor = is_number && matches!(window, Window::Total | Window::Tumbling(_));
    let floor = (may_floor && chance.percent(30)).then(|| match is_set {
        true => Amount::ZERO,
        false => Amount::from(chance.between(-1, 1)),
    });
    let values = chance.pick(&["$.n", "$['n', 'b']", "$.n[*]"]);
    let path = match function {
        Function::Count => (!is_set && chance.percent(20)).then(|| path(values)),
        Function::Distinct => Some(path(chance.pick(&["$.e", "$.e[*]", "$.n", "$.k"]))),
        Function::Sum | Function::Min | Function::Max | Function::Avg => Some(path(values)),
    };
    let entity_path = is_set.then(|| super::path(chance.pick(&["$.e", "$.e", "$['e', 'k']", "$.e[*]"])));
    let threshold = threshold(chance, function);
    Aggregate { function, path, increment, decrement, floor, entity_path, window, threshold }
}

pub(in crate::generate) fn threshold(chance: &mut Chance, function: Function) -> Limits {
    use Comparator::{Eq, Gt, Gte, Lt, Lte, Ne};
    let bound = match function {
        Function::Count | Function::Distinct => chance.between(1, 4),
        Function::Sum => chance.between(-1, 6),
        Function::Min | Function::Max | Function::Avg => chance.between(-1, 3),
    };
    match chance.below(12) {
        0..=5 => limits(&[(Gte, bound)]),
        6 => limits(&[(Gt, bound)]),
        7 => limits(&[(Lt, bound)]),
        8 => limits(&[(Lte, bound)]),
        9 => limits(&[(Eq, bound)]),
        10 => limits(&[(Ne, bound)]),
        _ => limits(&[(Gte, bound), (Lt, bound + 2)]),
    }
}
