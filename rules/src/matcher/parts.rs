//! Parts of strings: all prefixes, suffixes and substrings that are sought at one place, found in one pass over the
//! string (Aho-Corasick).

use std::collections::BTreeMap;

use aho_corasick::{AhoCorasick, MatchKind};

use super::access::Anchor;

/// What is sought, each part with its marks.
#[derive(Debug)]
pub(super) struct Parts {
    automaton: AhoCorasick,
    /// By pattern of the automaton.
    marks: Vec<Vec<(Anchor, u32)>>,
}

impl Parts {
    /// Nothing if there are no parts; all marks if there are more parts than one automaton can hold.
    pub(super) fn new(parts: BTreeMap<Box<str>, Vec<(Anchor, u32)>>) -> Result<Option<Self>, Vec<u32>> {
        if parts.is_empty() {
            return Ok(None);
        }
        let patterns = parts.keys().map(|part| part.as_bytes());
        let built = AhoCorasick::builder().match_kind(MatchKind::Standard).build(patterns);
        let marks: Vec<_> = parts.into_values().collect();
        match built {
            Ok(automaton) => Ok(Some(Self { automaton, marks })),
            Err(_) => Err(marks.into_iter().flatten().map(|(_, mark)| mark).collect()),
        }
    }

    /// The marks of the parts that the text has where they belong.
    pub(super) fn find(&self, text: &str, found: &mut Vec<u32>) {
        for hit in self.automaton.find_overlapping_iter(text) {
            for (anchor, mark) in &self.marks[hit.pattern().as_usize()] {
                let in_place = match anchor {
                    Anchor::Start => hit.start() == 0,
                    Anchor::Anywhere => true,
                    Anchor::End => hit.end() == text.len(),
                };
                if in_place {
                    found.push(*mark);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_count_where_they_belong() {
        let parts = [
            ("ab", vec![(Anchor::Start, 1), (Anchor::End, 2)]),
            ("b", vec![(Anchor::Anywhere, 3)]),
            ("é", vec![(Anchor::End, 4)]),
        ];
        let parts = Parts::new(parts.into_iter().map(|(part, marks)| (part.into(), marks)).collect())
            .unwrap()
            .unwrap();
        let found = |text: &str| {
            let mut found = Vec::new();
            parts.find(text, &mut found);
            found.sort_unstable();
            found.dedup();
            found
        };
        assert_eq!(found("abc"), [1, 3]);
        assert_eq!(found("cab"), [2, 3]);
        assert_eq!(found("ab"), [1, 2, 3]);
        assert_eq!(found("xé"), [4]);
        assert!(found("").is_empty());
    }
}
