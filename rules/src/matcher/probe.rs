//! Probes: everything that a group of clauses seeks at one site, and the targets that a node there leads to.

use std::collections::HashMap;
use std::hash::Hasher;

use super::parts::Parts;
use super::patterns::Patterns;
use super::ranges::Ranges;
use super::sites::SiteId;
use super::target::{Mark, Target};
use super::value::{fingerprint, text_fingerprint};
use crate::condition::{Measure, folded_text, measured};
use crate::document::{Node, Number};
use crate::mixer::{Mixer, Mixing};

/// The number of a probe.
pub(super) type ProbeId = u32;

/// What is sought at one site.
#[derive(Debug)]
pub(super) struct Probe {
    pub(super) site: SiteId,
    pub(super) measure: Measure,
    /// Whether values are sought as they are, and strings in lower case.
    pub(super) by_value: bool,
    pub(super) by_folded: bool,
    pub(super) numbers: Ranges<Number>,
    pub(super) texts: Ranges<Box<str>>,
    pub(super) parts: Option<Box<Parts>>,
    pub(super) folded_parts: Option<Box<Parts>>,
    /// As they are, and regardless of case.
    pub(super) patterns: [Option<Box<Patterns>>; 2],
    pub(super) exists: Box<[Target]>,
    /// Where the nodes of the site may remain unknown, all that it leads to.
    pub(super) all: Box<[Mark]>,
}

/// What is found by an equal value, for all probes.
#[derive(Debug, Default)]
pub(super) struct Values(HashMap<u64, Target, Mixing>);

impl Values {
    pub(super) fn insert(
        &mut self,
        probe: ProbeId,
        folded: bool,
        value: u64,
        target: Target,
    ) -> Option<Target> {
        self.0.insert(value_key(probe, folded, value), target)
    }

    pub(super) fn shrink(&mut self) {
        self.0.shrink_to_fit();
    }

    fn find(&self, probe: ProbeId, folded: bool, value: u64, found: &mut impl FnMut(Target)) {
        if let Some(target) = self.0.get(&value_key(probe, folded, value)) {
            found(*target);
        }
    }
}

impl Probe {
    /// Calls for what the node may lead to.
    pub(super) fn find(&self, id: ProbeId, values: &Values, node: &Node, found: &mut impl FnMut(Target)) {
        let Some(node) = measured(self.measure, node) else { return };
        let node = &*node;
        self.exists.iter().for_each(|target| found(*target));
        if self.by_value {
            values.find(id, false, fingerprint(node), found);
        }
        match node {
            Node::String(text) => {
                if !self.texts.is_empty() {
                    self.texts.find::<str>(text, found);
                }
                if let Some(parts) = &self.parts {
                    parts.find(text, found);
                }
                for patterns in self.patterns.iter().flatten() {
                    patterns.find(text, found);
                }
                if self.by_folded || self.folded_parts.is_some() {
                    let folded = folded_text(text);
                    if self.by_folded {
                        values.find(id, true, text_fingerprint(&folded), found);
                    }
                    if let Some(parts) = &self.folded_parts {
                        parts.find(&folded, found);
                    }
                }
            },
            Node::Null | Node::Bool(_) | Node::Number(_) | Node::Array(_) | Node::Object(_) => {
                if let Node::Number(number) = node {
                    self.numbers.find(number, found);
                }
                if self.by_folded {
                    values.find(id, true, fingerprint(node), found);
                }
            },
        }
    }
}

fn value_key(probe: ProbeId, folded: bool, fingerprint: u64) -> u64 {
    let mut mixer = Mixer::default();
    mixer.write_u64(fingerprint ^ u64::from(folded));
    mixer.write_u32(probe);
    mixer.finish()
}
