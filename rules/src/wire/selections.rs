//! `selections`: conditions with names.

use super::fields::{Fields, condition};
use crate::condition::{Scope, SelectionName, Selections, Used};
use crate::problem::ProblemCode;

/// The most selections of one rule.
pub(super) const SELECTIONS_MAX: usize = 64;

/// Reads the conditions that have names: the sound ones, all names that others may refer to, and what they use up.
pub(super) fn read(fields: &mut Fields<'_, '_>) -> (Selections, Vec<SelectionName>, Used) {
    let mut scope = Scope::new(&[]);
    scope.in_selection = true;
    let (mut selections, mut names) = (Selections::new(), Vec::new());
    for (name, pointer, value) in fields.members("selections") {
        let Some(name) = SelectionName::new(name) else {
            let expected = "a letter or `_`, then letters, digits and `_`, and no keyword of conditions";
            fields.report(
                ProblemCode::BadSelectionName,
                pointer,
                "this is no name for a selection",
                expected,
            );
            continue;
        };
        names.push(name.clone());
        let read = condition(value, &pointer, &mut scope, fields.problems());
        selections.extend(read.map(|stated| (name, stated)));
    }
    (selections, names, scope.used)
}
