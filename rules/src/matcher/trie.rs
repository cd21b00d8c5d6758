//! The places that matter, as a tree: one walk over a document visits the nodes at all of them, and nothing else.

use std::collections::BTreeMap;

use super::place::{Place, Step};
use crate::condition::Measure;
use crate::document::Node;

/// Names what is sought at one place, with one measure.
pub(super) type ProbeId = u32;

/// Places and the probes there.
#[derive(Debug)]
pub(super) struct Trie {
    branches: Vec<Branch>,
    probes: u32,
}

#[derive(Debug, Default)]
struct Branch {
    names: BTreeMap<Box<str>, usize>,
    indexes: Vec<(usize, usize)>,
    any: Option<usize>,
    probes: Vec<(Measure, ProbeId)>,
}

impl Default for Trie {
    fn default() -> Self {
        Self { branches: vec![Branch::default()], probes: 0 }
    }
}

impl Trie {
    /// The probe at a place, made if it is new; probes are numbered from 0.
    pub(super) fn probe(&mut self, place: &Place, measure: Measure) -> ProbeId {
        let mut at = 0;
        for step in place {
            let new = self.branches.len();
            let branch = &mut self.branches[at];
            let next = match step {
                Step::Name(name) => *branch.names.entry(name.clone()).or_insert(new),
                Step::Any => *branch.any.get_or_insert(new),
                Step::Index(index) => match branch.indexes.iter().find(|(own, _)| own == index) {
                    Some((_, next)) => *next,
                    None => {
                        branch.indexes.push((*index, new));
                        new
                    },
                },
            };
            if next == new {
                self.branches.push(Branch::default());
            }
            at = next;
        }
        let probes = &mut self.branches[at].probes;
        if let Some((_, probe)) = probes.iter().find(|(own, _)| *own == measure) {
            return *probe;
        }
        probes.push((measure, self.probes));
        self.probes += 1;
        self.probes - 1
    }

    /// Calls for every probe with every node at its place.
    pub(super) fn walk<'a>(&self, root: &'a Node, visit: &mut impl FnMut(Measure, ProbeId, &'a Node)) {
        self.walk_from(0, root, visit);
    }

    fn walk_from<'a>(&self, at: usize, node: &'a Node, visit: &mut impl FnMut(Measure, ProbeId, &'a Node)) {
        let branch = &self.branches[at];
        for (measure, probe) in &branch.probes {
            visit(*measure, *probe, node);
        }
        match node {
            Node::Object(members) => {
                // The shorter side is gone through, the other one searched.
                if branch.names.len() <= members.len() {
                    for (name, next) in &branch.names {
                        if let Some(value) = members.get(name) {
                            self.walk_from(*next, value, visit);
                        }
                    }
                } else {
                    for (name, value) in members.iter() {
                        if let Some(next) = branch.names.get(name) {
                            self.walk_from(*next, value, visit);
                        }
                    }
                }
                if let Some(next) = branch.any {
                    members.iter().for_each(|(_, value)| self.walk_from(next, value, visit));
                }
            },
            Node::Array(elements) => {
                for (index, next) in &branch.indexes {
                    if let Some(value) = elements.get(*index) {
                        self.walk_from(*next, value, visit);
                    }
                }
                if let Some(next) = branch.any {
                    elements.iter().for_each(|value| self.walk_from(next, value, visit));
                }
            },
            Node::Null | Node::Bool(_) | Node::Number(_) | Node::String(_) => {},
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::Document;
    use crate::matcher::place::place;
    use crate::path::Path;

    #[test]
    fn a_walk_visits_what_the_paths_select() {
        let text = r#"{"a":[{"b":1},{"b":2}],"b":{"x":{"b":3}},"c":4}"#;
        let root = Document::parse(text, 64).unwrap().root;
        let paths = ["$", "$.a", "$.a[*].b", "$.a[1]", "$.*", "$.b.x.b", "$.none", "$.a.b", "$.b[0]"];
        let mut trie = Trie::default();
        let mut probe = |text: &str| {
            let place = place(&Path::parse(text).unwrap().query().segments).unwrap();
            trie.probe(&place, Measure::Value)
        };
        let probes: Vec<ProbeId> = paths.iter().map(|path| probe(path)).collect();
        assert_eq!(probe("$['a']"), probes[1]);
        let mut visited = vec![Vec::new(); paths.len()];
        trie.walk(&root, &mut |_, probe, node| visited[probe as usize].push(node));
        for (path, visited) in paths.iter().zip(visited) {
            assert_eq!(visited, Path::parse(path).unwrap().select(&root), "{path}");
        }
    }
}
