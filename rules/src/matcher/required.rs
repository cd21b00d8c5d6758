//! What every string that a regular expression matches must contain, so that the expression is run only on strings
//! that do.

use regex_syntax::hir::{Hir, HirKind};

/// Shorter parts are in too many strings.
const PART_BYTES_MIN: usize = 3;
/// More alternatives than these are not worth it.
const PARTS_MAX: usize = 16;

/// Parts of which every match has at least one; nothing if there are no useful ones.
pub(super) fn required_parts(pattern: &str) -> Option<Vec<Box<str>>> {
    let hir = regex_syntax::parse(pattern).ok()?;
    required(&hir)
}

fn required(hir: &Hir) -> Option<Vec<Box<str>>> {
    match hir.kind() {
        HirKind::Literal(literal) => {
            let text = std::str::from_utf8(&literal.0).ok()?;
            (text.len() >= PART_BYTES_MIN).then(|| vec![text.into()])
        },
        HirKind::Capture(capture) => required(&capture.sub),
        HirKind::Repetition(repetition) if repetition.min > 0 => required(&repetition.sub),
        // The part whose shortest alternative is the longest.
        HirKind::Concat(parts) => {
            parts.iter().filter_map(required).max_by_key(|all| all.iter().map(|part| part.len()).min())
        },
        HirKind::Alternation(alternatives) => {
            let all: Option<Vec<_>> = alternatives.iter().map(required).collect();
            let all: Vec<_> = all?.into_iter().flatten().collect();
            (all.len() <= PARTS_MAX).then_some(all)
        },
        HirKind::Empty | HirKind::Class(_) | HirKind::Look(_) | HirKind::Repetition(_) => None,
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn parts_are_those_that_no_match_lacks() {
        let parts = |pattern: &str| super::required_parts(pattern).map(|parts| parts.join("|"));
        for (pattern, expected) in [
            ("^arn:aws:.*:role/admin$", Some(":role/admin")),
            ("(foo|quux)+", Some("foo|quux")),
            ("a.b", None),
            ("(?i)secret", None),
            ("x*secret?", Some("secre")),
            ("(secret)?", None),
            ("secret|.", None),
        ] {
            assert_eq!(parts(pattern).as_deref(), expected, "{pattern}");
        }
    }
}
