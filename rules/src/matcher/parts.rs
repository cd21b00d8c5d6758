//! Parts of strings: all prefixes, suffixes and substrings that are sought at one place, found in one pass over the
//! string (Aho-Corasick).

use std::collections::BTreeMap;

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};

use super::access::Anchor;
use super::target::Target;

/// So few parts are looked for one by one: an automaton would be larger, and not quicker.
const FEW: usize = 4;

/// What is sought, as it is collected.
pub(super) type Anchored = BTreeMap<Box<str>, Vec<(Anchor, Target)>>;

/// What is sought, each part with what it leads to.
#[derive(Debug)]
pub(super) enum Parts {
    Few(Box<[(Box<str>, Anchor, Target)]>),
    Many {
        automaton: AhoCorasick,
        /// The targets of each pattern of the automaton, from here to where those of the next one begin.
        from: Box<[u32]>,
        targets: Box<[(Anchor, Target)]>,
    },
}

impl Parts {
    /// All targets if there are more parts than one automaton can hold.
    pub(super) fn new(parts: Anchored) -> Result<Self, Vec<Target>> {
        if parts.len() <= FEW {
            let each = parts.into_iter().flat_map(|(part, targets)| {
                targets.into_iter().map(move |(anchor, target)| (part.clone(), anchor, target))
            });
            return Ok(Self::Few(each.collect()));
        }
        // Half the memory of the tables that would be chosen for a few dozen parts.
        let kind = Some(AhoCorasickKind::ContiguousNFA);
        let patterns = parts.keys().map(|part| part.as_bytes());
        let built = AhoCorasick::builder().match_kind(MatchKind::Standard).kind(kind).build(patterns);
        let Ok(automaton) = built else {
            return Err(parts.into_values().flatten().map(|(_, target)| target).collect());
        };
        let mut from = vec![0];
        let mut all = Vec::new();
        for targets in parts.into_values() {
            all.extend(targets);
            from.push(u32::try_from(all.len()).expect("an automaton holds fewer patterns"));
        }
        Ok(Self::Many { automaton, from: from.into(), targets: all.into() })
    }

    /// Calls for the parts that the text has where they belong; for one several times if it has it several times.
    pub(super) fn find(&self, text: &str, found: &mut impl FnMut(Target)) {
        match self {
            Self::Few(parts) => {
                for (part, anchor, target) in parts {
                    let has = match anchor {
                        Anchor::Start => text.starts_with(&**part),
                        Anchor::Anywhere => text.contains(&**part),
                        Anchor::End => text.ends_with(&**part),
                    };
                    if has {
                        found(*target);
                    }
                }
            },
            Self::Many { automaton, from, targets } => {
                for hit in automaton.find_overlapping_iter(text) {
                    let pattern = hit.pattern().as_usize();
                    for (anchor, target) in &targets[from[pattern] as usize..from[pattern + 1] as usize] {
                        let in_place = match anchor {
                            Anchor::Start => hit.start() == 0,
                            Anchor::Anywhere => true,
                            Anchor::End => hit.end() == text.len(),
                        };
                        if in_place {
                            found(*target);
                        }
                    }
                }
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_count_where_they_belong() {
        let some = [
            ("ab", vec![(Anchor::Start, 1), (Anchor::End, 2)]),
            ("b", vec![(Anchor::Anywhere, 3)]),
            ("é", vec![(Anchor::End, 4)]),
        ];
        let others = ["v", "w", "x", "y", "z"].map(|other| (other, vec![(Anchor::Start, 5)]));
        for all in [some.to_vec(), some.into_iter().chain(others).collect()] {
            let targets = |list: Vec<(Anchor, u32)>| {
                list.into_iter().map(|(anchor, group)| (anchor, Target::Group(group))).collect()
            };
            let parts =
                Parts::new(all.into_iter().map(|(part, list)| (part.into(), targets(list))).collect())
                    .unwrap();
            let found = |text: &str| {
                let mut found = Vec::new();
                parts.find(text, &mut |target| found.push(target));
                found.sort_unstable();
                found.dedup();
                found
            };
            let groups = |numbers: &[u32]| numbers.iter().copied().map(Target::Group).collect::<Vec<_>>();
            assert_eq!(found("abc"), groups(&[1, 3]));
            assert_eq!(found("cab"), groups(&[2, 3]));
            assert_eq!(found("ab"), groups(&[1, 2, 3]));
            assert_eq!(found("aé"), groups(&[4]));
            assert!(found("").is_empty());
        }
    }
}
