//! Regular expressions that require no literal, so that nothing simpler tells where they may match: all of one place are
//! run together, as one automaton.

use regex::{RegexSet, RegexSetBuilder};

use super::target::Target;

/// Fewer than these are run one by one, where their tests are evaluated.
const FEW: usize = 32;
/// The largest set, in bytes of its program and of the states that it keeps; beyond that it is divided.
const PROGRAM_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Sets of regular expressions, and what each of them leads to.
#[derive(Debug)]
pub(super) struct Patterns {
    sets: Vec<(RegexSet, Box<[Target]>)>,
}

impl Patterns {
    /// Makes sets of them. What fits into none goes to `others`.
    pub(super) fn new(
        all: &[(Box<str>, Target)],
        ignore_case: bool,
        others: &mut Vec<Target>,
    ) -> Option<Box<Self>> {
        let mut sets = Vec::new();
        divide(all, ignore_case, &mut sets, others);
        (!sets.is_empty()).then(|| Box::new(Self { sets }))
    }

    /// Calls for the expressions that match the text.
    pub(super) fn find(&self, text: &str, found: &mut impl FnMut(Target)) {
        for (set, targets) in &self.sets {
            set.matches(text).into_iter().for_each(|position| found(targets[position]));
        }
    }
}

fn divide(
    all: &[(Box<str>, Target)],
    ignore_case: bool,
    sets: &mut Vec<(RegexSet, Box<[Target]>)>,
    others: &mut Vec<Target>,
) {
    if all.len() < FEW {
        others.extend(all.iter().map(|(_, target)| *target));
        return;
    }
    let built = RegexSetBuilder::new(all.iter().map(|(pattern, _)| &**pattern))
        .case_insensitive(ignore_case)
        .size_limit(PROGRAM_BYTES_MAX)
        .dfa_size_limit(PROGRAM_BYTES_MAX)
        .build();
    match built {
        Ok(set) => sets.push((set, all.iter().map(|(_, target)| *target).collect())),
        Err(_) => {
            let (left, right) = all.split_at(all.len() / 2);
            divide(left, ignore_case, sets, others);
            divide(right, ignore_case, sets, others);
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_expression_that_matches_is_found_and_none_is_lost() {
        let all: Vec<(Box<str>, Target)> = (0..400)
            .map(|n| {
                let large = if n == 7 { "(\\pL{50}){9}" } else { "" };
                (format!("^[a-z]{{{n}}}[0-9]{large}").into(), Target::Group(n))
            })
            .collect();
        let mut others = Vec::new();
        let patterns = Patterns::new(&all, true, &mut others).unwrap();
        for (text, n) in [("ABC1", 3), ("1", 0), ("abcdefghi5", 9)] {
            let mut found = Vec::new();
            patterns.find(text, &mut |target| found.push(target));
            assert!(found == [Target::Group(n)] || others.contains(&Target::Group(n)), "{text}: {found:?}");
        }
        let kept: usize = patterns.sets.iter().map(|(_, targets)| targets.len()).sum();
        assert_eq!(kept + others.len(), 400);
        assert!(kept > 200, "{kept}");
        assert!(Patterns::new(&all[..3], false, &mut others).is_none());
    }
}
