//! The places that matter, as a tree: one walk over a document visits the nodes at all of them, and nothing else.

use std::collections::BTreeMap;

use super::place::{Place, Step};
use super::sites::SiteId;
use crate::document::Node;

/// Places and their sites.
#[derive(Debug)]
pub(super) struct Trie {
    branches: Vec<Branch>,
}

#[derive(Debug, Default)]
struct Branch {
    names: BTreeMap<Box<str>, usize>,
    indexes: Vec<(usize, usize)>,
    any: Option<usize>,
    site: Option<SiteId>,
}

impl Default for Trie {
    fn default() -> Self {
        Self { branches: vec![Branch::default()] }
    }
}

impl Trie {
    /// Adds a place.
    pub(super) fn add(&mut self, place: &Place, site: SiteId) {
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
        self.branches[at].site = Some(site);
    }

    /// Calls for every site with every node at its place.
    pub(super) fn walk<'a>(&self, root: &'a Node, visit: &mut impl FnMut(SiteId, &'a Node)) {
        self.walk_from(0, root, visit);
    }

    fn walk_from<'a>(&self, at: usize, node: &'a Node, visit: &mut impl FnMut(SiteId, &'a Node)) {
        let branch = &self.branches[at];
        if let Some(site) = branch.site {
            visit(site, node);
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
    use crate::matcher::place::{exact, visit};
    use crate::path::Path;

    #[test]
    fn a_walk_visits_what_the_paths_select() {
        let text = r#"{"a":[{"b":1},{"b":2}],"b":{"x":{"b":3}},"c":4}"#;
        let root = Document::parse(text, 64).unwrap().root;
        let paths = ["$", "$.a", "$.a[*].b", "$.a[1]", "$.*", "$.b.x.b", "$.none", "$.a.b", "$.b[0]"];
        let mut trie = Trie::default();
        for (site, path) in (0..).zip(paths) {
            trie.add(&exact(&Path::parse(path).unwrap().query().segments).unwrap(), site);
        }
        let mut visited = vec![Vec::new(); paths.len()];
        trie.walk(&root, &mut |site, node| visited[site as usize].push(node));
        for (path, visited) in paths.iter().zip(visited) {
            assert_eq!(visited, Path::parse(path).unwrap().select(&root), "{path}");
            let mut alone = Vec::new();
            let place = exact(&Path::parse(path).unwrap().query().segments).unwrap();
            visit(&place, &root, &mut |node| alone.push(node));
            assert_eq!(visited, alone, "{path}");
        }
    }
}
