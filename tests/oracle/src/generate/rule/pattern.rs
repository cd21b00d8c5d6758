//! Random patterns.

use rules::{Pattern, PatternKind, PatternStep};

use super::super::{Chance, Kind};
use super::{condition, path, span};

pub(super) fn pattern(chance: &mut Chance, wanted: Kind) -> Pattern {
    let mut count = 2 + chance.below(2);
    let kind = match chance.below(8) {
        _ if wanted == Kind::OrderFree => PatternKind::Absence,
        0..=1 => PatternKind::Sequence,
        2..=3 => PatternKind::All,
        4 => PatternKind::AtLeast(u8::try_from(1 + chance.below(count)).expect("there are few steps")),
        _ => PatternKind::Absence,
    };
    if kind == PatternKind::Absence {
        count = 2;
    }
    let is_together = matches!(kind, PatternKind::All | PatternKind::AtLeast(_));
    let announcer = (kind == PatternKind::All && chance.percent(40)).then(|| chance.below(count));
    let steps = (0..count).map(|index| {
        let announces = announcer == Some(index);
        PatternStep {
            id: format!("s{index}"),
            condition: condition(chance),
            min: (kind != PatternKind::Absence && !announces && chance.percent(30))
                .then(|| chance.pick(&[1, 2, 2, 3]))
                // One is what there is without saying so, unless a step announces how many.
                .filter(|min| *min > 1 || announcer.is_some()),
            entity_path: (is_together && !announces && chance.percent(35))
                .then(|| path(chance.pick(&["$.e", "$.e[*]"]))),
            expected_count_path: announces.then(|| path(chance.pick(&["$.c", "$.c", "$.n"]))),
        }
    });
    let steps = steps.collect();
    let within = (!is_together || chance.percent(70)).then(|| span(chance).max(span(chance)));
    let until = chance.percent(25).then(|| condition(chance));
    Pattern { kind, steps, within, until }
}
