//! What is said of a field that a form does not have: the nearest one that it has.

use super::form::Form;
use crate::problem::{Problem, ProblemCode, escape};

/// Names that differ in more letters are not taken for misspelt.
const DISTANCE_MAX: usize = 3;

pub(super) fn unknown_field(name: &str, pointer: &str, form: &Form) -> Problem {
    let expected = match nearest(name, form.names()) {
        Some(nearest) => format!("a field of {}; did you mean `{nearest}`?", form.name),
        None => format!("a field of {}: {}", form.name, form.names().collect::<Vec<_>>().join(", ")),
    };
    Problem {
        code: ProblemCode::UnknownField,
        pointer: format!("{pointer}/{}", escape(name)),
        place: None,
        message: "unknown field".to_owned(),
        expected,
    }
}

/// The name that was probably meant.
pub(super) fn nearest<'n>(name: &str, known: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    // In a short name three letters are nearly all of it.
    let near = DISTANCE_MAX.min(name.chars().count() / 2);
    let nearest = known.map(|candidate| (distance(name, candidate), candidate)).min()?;
    (nearest.0 <= near).then_some(nearest.1)
}

/// Levenshtein distance without regard to case; names are short, and longer ones are not looked at.
fn distance(left: &str, right: &str) -> usize {
    if left.len() > 64 {
        return usize::MAX;
    }
    let right: Vec<char> = right.to_lowercase().chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, a) in left.to_lowercase().chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in right.iter().enumerate() {
            let substituted = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_suggested_and_a_far_one_is_not() {
        let known = ["severity", "selections", "match", "gt", "gte"];
        let suggested = |name| nearest(name, known.into_iter());
        assert_eq!(suggested("Severty"), Some("severity"));
        assert_eq!(suggested("matches"), Some("match"));
        assert_eq!(suggested("gtee"), Some("gte"));
        assert_eq!(suggested("x"), None);
        assert_eq!(suggested("condition"), None);
    }
}
