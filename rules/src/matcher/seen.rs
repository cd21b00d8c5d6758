//! What is known of an event while an index is asked about it: the nodes at each site and the truth of each test, found
//! once at most, and the rules that are met. The memory for it is used again for the next event.

use std::sync::Arc;

use super::place::visit;
use super::quick::Quick;
use super::sites::{Site, SiteId, Spot};
use super::target::Mark;
use super::truth::Truth;
use super::value::fingerprint;
use crate::condition::Test;
use crate::document::Node;
use crate::path::TooManyNodes;

/// Where a test is evaluated.
#[derive(Debug)]
pub(super) struct TestAt {
    pub(super) test: Arc<Test>,
    pub(super) site: SiteId,
    pub(super) quick: Quick,
}

/// The memory, between events.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    /// What is marked with another number is of another event.
    epoch: u32,
    sites: Vec<Found>,
    /// Nodes, each with the number of the next one at its site.
    nodes: Vec<(&'static Node, u32)>,
    /// Four for each epoch.
    truths: Vec<u32>,
    groups: Vec<u32>,
    /// Lists whose use the index knows.
    pub(super) lists: Lists,
}

/// Lists that are empty between events, but for their memory.
#[derive(Debug, Default)]
pub(super) struct Lists {
    pub(super) candidates: Vec<Mark>,
    pub(super) groups: Vec<u32>,
    pub(super) sites: Vec<SiteId>,
    /// The parts of each rule that are met.
    pub(super) parts: Vec<u32>,
    pub(super) rules: Vec<u32>,
    pub(super) unknown: Vec<u32>,
    /// One bit for each negative clause that was doubted and does not hold.
    pub(super) failed: Vec<u64>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Found {
    epoch: u32,
    /// The last one that was found, from 1.
    last: u32,
    is_cut: bool,
    /// Of the node, once it was asked for, if there is no other.
    fingerprint: Option<u64>,
}

/// What is known of one event.
pub(super) struct Seen<'a, 's> {
    root: &'a Node,
    nodes: Vec<(&'a Node, u32)>,
    scratch: &'s mut Scratch,
    sites: &'s [Site],
    tests: &'s [TestAt],
}

impl<'a, 's> Seen<'a, 's> {
    /// Nothing is known yet.
    pub(super) fn new(
        root: &'a Node,
        scratch: &'s mut Scratch,
        sites: &'s [Site],
        tests: &'s [TestAt],
        groups: usize,
    ) -> Self {
        scratch.epoch += 1;
        if scratch.epoch > u32::MAX / 4 {
            *scratch = Scratch { epoch: 1, ..Scratch::default() };
        }
        grow(&mut scratch.sites, sites.len());
        grow(&mut scratch.truths, tests.len());
        grow(&mut scratch.groups, groups);
        let nodes = std::mem::take(&mut scratch.nodes);
        Self { root, nodes, scratch, sites, tests }
    }

    /// Gives the memory back.
    pub(super) fn finish(mut self) {
        self.nodes.clear();
        // The list is empty, and this keeps its memory.
        self.scratch.nodes = self.nodes.into_iter().map(|_| unreachable!("it is empty")).collect();
    }

    /// Notes a node at a site that the walk visits. Answers whether it is the first one.
    pub(super) fn add(&mut self, site: SiteId, node: &'a Node) -> bool {
        let epoch = self.scratch.epoch;
        let found = &mut self.scratch.sites[site as usize];
        let is_first = found.epoch != epoch;
        let before = if is_first { 0 } else { found.last };
        self.nodes.push((node, before));
        let last = u32::try_from(self.nodes.len()).expect("a document has fewer than 2^32 nodes");
        *found = Found { epoch, last, ..Found::default() };
        is_first
    }

    /// Finds the nodes at a site if that is not done. Answers false if there are too many to look at.
    pub(super) fn find(&mut self, site: SiteId) -> bool {
        let epoch = self.scratch.epoch;
        let found = &mut self.scratch.sites[site as usize];
        if found.epoch == epoch {
            return !found.is_cut;
        }
        *found = Found { epoch, ..Found::default() };
        match &self.sites[site as usize] {
            Site { is_walked: true, .. } => {},
            Site { spot: Spot::Place(place), .. } => {
                visit(place, self.root, &mut |node| {
                    self.add(site, node);
                });
            },
            Site { spot: Spot::Path(test), .. } => {
                // Rules that depend on a path that takes more are cut short for the event.
                match test.path().select_bounded(self.root) {
                    Ok(nodes) => nodes.into_iter().for_each(|node| {
                        self.add(site, node);
                    }),
                    Err(TooManyNodes) => {
                        self.scratch.sites[site as usize].is_cut = true;
                        return false;
                    },
                }
            },
        }
        true
    }

    /// The nodes of a site that were found, in no order.
    pub(super) fn nodes(&self, site: SiteId) -> impl Iterator<Item = &'a Node> {
        let found = &self.scratch.sites[site as usize];
        let mut next = if found.epoch == self.scratch.epoch { found.last } else { 0 };
        std::iter::from_fn(move || {
            let (node, before) = self.nodes.get((next as usize).checked_sub(1)?)?;
            next = *before;
            Some(*node)
        })
    }

    /// Whether the test of that number holds.
    pub(super) fn truth(&mut self, number: u32) -> Truth {
        let epoch = self.scratch.epoch * 4;
        match self.scratch.truths[number as usize].wrapping_sub(epoch) {
            0 => return Truth::False,
            1 => return Truth::True,
            2 => return Truth::Unknown,
            _ => {},
        }
        let TestAt { test, site, quick } = &self.tests[number as usize];
        let truth = if self.find(*site) {
            let quick = if *quick == Quick::No { None } else { self.quick(*quick, *site) };
            Truth::from(quick.unwrap_or_else(|| test.holds_of(self.nodes(*site))))
        } else {
            Truth::Unknown
        };
        self.scratch.truths[number as usize] = epoch + truth as u32;
        truth
    }

    /// Whether a test of that short form holds at a site that was found.
    fn quick(&mut self, quick: Quick, site: SiteId) -> Option<bool> {
        let found = &mut self.scratch.sites[site as usize];
        let Some((node, before)) = self.nodes.get((found.last as usize).wrapping_sub(1)) else {
            return quick.holds(None, fingerprint);
        };
        if *before != 0 {
            return None;
        }
        quick.holds(Some(node), |node| *found.fingerprint.get_or_insert_with(|| fingerprint(node)))
    }

    /// How many nodes are at a site that was found.
    pub(super) fn count(&self, test: u32) -> usize {
        self.nodes(self.tests[test as usize].site).count()
    }

    /// Whether a group is entered for the first time.
    pub(super) fn enter(&mut self, group: u32) -> bool {
        let entered = &mut self.scratch.groups[group as usize];
        std::mem::replace(entered, self.scratch.epoch) != self.scratch.epoch
    }
}

fn grow<T: Clone + Default>(list: &mut Vec<T>, len: usize) {
    if list.len() < len {
        list.resize(len, T::default());
    }
}
