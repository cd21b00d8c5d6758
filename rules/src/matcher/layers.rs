//! The rules of one owner in layers: a large base that stays as it is, and over it the rules that have changed since. So a
//! change among very many rules costs what compiling some hundred takes. The layers are merged into a new base beside the
//! stream (`merge`); until that is done, further ones are laid over them, and each costs an event a walk.

use std::sync::Arc;

use super::index::Index;
use super::seen::Scratch;
use super::{Matches, Met, Parts};
use crate::book::{ActiveRule, RuleBook};
use crate::document::{Interest, Node};
use crate::id::{AlertId, CustomerId, RuleKey};
use crate::rule::EventTime;

/// So many rules are compiled anew after each change: one or two milliseconds.
const RECENT_MAX: usize = 256;
/// More layers than these are compiled into one at once, whatever that takes: after so many changes nobody merges.
const LAYERS_MAX: usize = 512;
/// So many changes are merged at the least.
const MERGED_MIN: usize = 512;
/// One in so many rules of the base may have changed before it is merged.
const CHANGED_SHARE: usize = 128;

/// A base, and what has changed since.
#[derive(Debug)]
pub(super) struct Layers {
    /// The base first; of a rule in several of them the last one counts.
    all: Vec<Layer>,
    /// What the rules above the base look at.
    interest_above: Interest,
}

/// Rules that were compiled together.
#[derive(Debug, Clone)]
struct Layer {
    index: Arc<Index>,
    /// The numbers of rules that have changed since, in order.
    hidden: Vec<u32>,
    /// The numbers of rules that are not for every customer, in order.
    scoped: Arc<[u32]>,
}

/// Layers that are to become a base.
#[derive(Debug, Clone)]
pub(super) struct Stack(Vec<Layer>);

/// The base that layers have become.
#[derive(Debug)]
pub(super) struct Base {
    /// The layers as they were.
    from: Stack,
    layer: Layer,
}

impl Layers {
    /// Compiles the rules of an owner, which come by alert id.
    pub(super) fn new<'a>(rules: impl Iterator<Item = &'a Arc<ActiveRule>>) -> Self {
        Self::of(vec![Layer::new(rules)])
    }

    fn of(all: Vec<Layer>) -> Self {
        let mut interest_above = Interest::default();
        all.iter().skip(1).for_each(|layer| interest_above.join(layer.index.interest()));
        Self { all, interest_above }
    }

    /// The layers after these rules of the owner have changed in the book.
    pub(super) fn with(&self, book: &RuleBook, owner: CustomerId, mut alerts: Vec<AlertId>) -> Self {
        let is_small = self.base().len() <= RECENT_MAX;
        if is_small || self.all.len() > LAYERS_MAX {
            return Self::new(book.of(owner));
        }
        let mut all = self.all.clone();
        all.iter_mut().for_each(|layer| layer.hide(&alerts));
        let last = all.last().filter(|last| last.live_len() + alerts.len() <= RECENT_MAX);
        if let Some(last) = last.filter(|_| self.is_growing()) {
            alerts.extend(last.live().map(|active| active.rule.key.alert));
            all.pop();
        }
        alerts.sort_unstable();
        alerts.dedup();
        let key = |alert: &AlertId| RuleKey { customer: owner, alert: *alert };
        let layer = Layer::new(alerts.iter().filter_map(|alert| book.get(&key(alert))));
        if layer.index.len() > 0 {
            all.push(layer);
        }
        Self::of(all)
    }

    /// How many changes wait to be merged; nothing if they are not worth it.
    pub(super) fn waiting(&self) -> Option<usize> {
        let above: usize = self.all.iter().skip(1).map(|layer| layer.index.len()).sum();
        let waiting = above.max(self.all.first().map_or(0, |base| base.hidden.len()));
        (waiting > MERGED_MIN.max(self.base().len() / CHANGED_SHARE)).then_some(waiting)
    }

    /// What is to be merged: all layers but the last one, if that is still growing.
    pub(super) fn stack(&self) -> Stack {
        Stack(self.all[..self.all.len() - usize::from(self.is_growing())].to_vec())
    }

    /// Whether the next change may be compiled together with the last layer. All other layers stay until they are merged.
    fn is_growing(&self) -> bool {
        self.all.len() > 1 && self.all.last().is_some_and(|last| last.index.len() < RECENT_MAX)
    }

    /// The layers on a new base. Nothing if the layers that it was made of are not there any more.
    pub(super) fn on(&self, base: Base) -> Option<Self> {
        let Base { from: Stack(from), layer: mut merged } = base;
        let is_there = |(now, then): (&Layer, &Layer)| Arc::ptr_eq(&now.index, &then.index);
        if self.all.len() < from.len() || !self.all.iter().zip(&from).all(is_there) {
            return None;
        }
        // What has changed while the base was made.
        let changed: Vec<AlertId> =
            self.all.iter().zip(&from).flat_map(|(now, then)| now.hidden_since(then)).collect();
        merged.hide(&changed);
        let above = self.all.iter().skip(from.len()).cloned();
        Some(Self::of([merged].into_iter().chain(above).collect()))
    }

    fn base(&self) -> &Index {
        &self.all[0].index
    }

    /// How the rules read event time; ways that no rule uses any more may be among them.
    pub(super) fn event_times(&self) -> impl Iterator<Item = &EventTime> {
        self.all.iter().flat_map(|layer| layer.index.event_times())
    }

    /// What of a document the rules look at.
    pub(super) fn interests(&self) -> [&Interest; 2] {
        [self.base().interest(), &self.interest_above]
    }

    /// Adds what the document of a customer meets, and answers how many lists by alert id that were.
    pub(super) fn matches<'a>(
        &'a self,
        customer: CustomerId,
        root: &Node,
        scratch: &mut Scratch,
        matches: &mut Matches<'a>,
    ) -> usize {
        let found = |layer: &'a Layer| usize::from(layer.matches(customer, root, scratch, matches));
        self.all.iter().map(found).sum()
    }
}

impl Layer {
    /// Compiles rules that come by alert id.
    fn new<'a>(rules: impl Iterator<Item = &'a Arc<ActiveRule>>) -> Self {
        let index = Index::new(rules);
        let scoped = scoped(&index);
        Self { index: Arc::new(index), hidden: Vec::new(), scoped }
    }

    /// Hides those of these rules that it has.
    fn hide(&mut self, alerts: &[AlertId]) {
        for alert in alerts {
            let rules = self.index.rules();
            let Ok(number) = rules.binary_search_by_key(alert, |own| own.rule.key.alert) else { continue };
            let Ok(number) = u32::try_from(number) else { continue };
            if let Err(place) = self.hidden.binary_search(&number) {
                self.hidden.insert(place, number);
            }
        }
    }

    fn live_len(&self) -> usize {
        self.index.len() - self.hidden.len()
    }

    /// The rules that are not hidden, by alert id.
    fn live(&self) -> impl Iterator<Item = &Arc<ActiveRule>> {
        let is_live = |number: &u32| self.hidden.binary_search(number).is_err();
        (0..).zip(self.index.rules()).filter(move |(number, _)| is_live(number)).map(|(_, active)| active)
    }

    /// The rules that are hidden now and were not then.
    fn hidden_since(&self, then: &Self) -> Vec<AlertId> {
        let is_new = |number: &&u32| then.hidden.binary_search(number).is_err();
        let alert = |number: &u32| self.index.rules()[*number as usize].rule.key.alert;
        self.hidden.iter().filter(is_new).map(alert).collect()
    }

    /// Adds what the document meets, and answers whether there is something.
    fn matches<'a>(
        &'a self,
        customer: CustomerId,
        root: &Node,
        scratch: &mut Scratch,
        matches: &mut Matches<'a>,
    ) -> bool {
        let Self { index, hidden, scoped } = self;
        let Matches { met, cut } = matches;
        let before = met.len() + cut.len();
        let rules = index.rules();
        if rules.is_empty() {
            return false;
        }
        let applies = |number: u32| {
            let is_scoped = !scoped.is_empty() && scoped.binary_search(&number).is_ok();
            (hidden.is_empty() || hidden.binary_search(&number).is_err())
                && (!is_scoped || rules[number as usize].applies_to(customer))
        };
        index.matches(
            root,
            scratch,
            &mut |number, parts| {
                if applies(number) {
                    met.push(Met { active: &rules[number as usize], parts: Parts(parts) });
                }
            },
            &mut |number| {
                if applies(number) {
                    cut.push(&rules[number as usize]);
                }
            },
        );
        met.len() + cut.len() > before
    }
}

impl Stack {
    /// Compiles one base of them. The long part: a second for 100,000 rules.
    pub(super) fn compile(self) -> Base {
        let mut live: Vec<&Arc<ActiveRule>> = self.0.iter().flat_map(Layer::live).collect();
        live.sort_by_key(|active| active.rule.key.alert);
        let layer = Layer::new(live.into_iter());
        Base { from: self, layer }
    }
}

/// Rules of customers are for one customer; global ones mostly for all.
fn scoped(index: &Index) -> Arc<[u32]> {
    let is_scoped = |active: &Arc<ActiveRule>| {
        let scope = &active.rule.scope;
        !scope.include.is_empty()
            || !scope.exclude.is_empty()
            || !scope.overrides.is_empty()
            || !active.suspended.is_empty()
    };
    (0..).zip(index.rules()).filter(|(_, active)| is_scoped(active)).map(|(number, _)| number).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::Command;
    use crate::wire::read_rule;
    use serde_json::json;
    use uuid::Uuid;

    fn owner() -> CustomerId {
        CustomerId::from_uuid(Uuid::from_u128(1))
    }

    fn alert(number: u128) -> AlertId {
        AlertId::from_uuid(Uuid::from_u128(number))
    }

    fn put(book: &mut RuleBook, number: u128, path: &str) -> AlertId {
        let document = json!({"customerId": owner(), "alertId": alert(number), "jsonPath": path});
        let (rule, _) = read_rule(document.to_string().as_bytes(), None).unwrap();
        book.apply(Command::Put { rule: Box::new(rule), expected: None });
        alert(number)
    }

    fn delete(book: &mut RuleBook, number: u128) -> AlertId {
        book.apply(Command::Delete {
            key: RuleKey { customer: owner(), alert: alert(number) },
            expected: None,
        });
        alert(number)
    }

    fn book(rules: u128) -> RuleBook {
        let mut book = RuleBook::default();
        for number in 0..rules {
            put(&mut book, number, "$.a");
        }
        book
    }

    /// How many rules were compiled to come from one to the other.
    fn compiled(before: &Layers, after: &Layers) -> usize {
        let is_new = |layer: &&Layer| before.all.iter().all(|old| !Arc::ptr_eq(&old.index, &layer.index));
        after.all.iter().filter(is_new).map(|layer| layer.index.len()).sum()
    }

    fn live(layers: &Layers) -> usize {
        layers.all.iter().map(Layer::live_len).sum()
    }

    #[test]
    fn a_change_compiles_a_few_rules_however_many_there_are_and_have_changed() {
        let mut book = book(20_000);
        let mut layers = Layers::new(book.of(owner()));
        let (mut running, mut merges) = (None, 0);
        for round in 0..6_000 {
            let changed = match round % 3 {
                0 => put(&mut book, 20_000 + round, "$.b"),
                1 => put(&mut book, round * 7 % 20_000, "$.c"),
                _ => delete(&mut book, round * 11 % 20_000),
            };
            let next = layers.with(&book, owner(), vec![changed]);
            assert!(compiled(&layers, &next) <= RECENT_MAX, "in round {round}");
            layers = next;
            if running.is_none() {
                running = layers.waiting().map(|_| layers.stack());
            }
            // As if a merge took five hundred changes' time.
            if round % 500 == 499
                && let Some(stack) = running.take()
            {
                let base = stack.compile();
                layers = layers.on(base).expect("no change takes a layer of a merge away");
                merges += 1;
            }
            assert!(layers.all.len() <= 16, "{} layers", layers.all.len());
        }
        assert!(merges >= 5, "{merges} merges");
        assert_eq!(live(&layers), book.len());
    }

    /// Whatever has come and gone: otherwise a thread would merge for ever.
    #[test]
    fn a_merge_leaves_nothing_to_be_merged() {
        let mut book = book(1_000);
        let mut layers = Layers::new(book.of(owner()));
        let added = (1_000..2_000).map(|number| put(&mut book, number, "$.b")).collect();
        layers = layers.with(&book, owner(), added);
        let gone = (1_000..1_900).map(|number| delete(&mut book, number)).collect();
        layers = layers.with(&book, owner(), gone);
        assert!(layers.waiting().is_some());
        let base = layers.stack().compile();
        layers = layers.on(base).unwrap();
        assert_eq!((layers.waiting(), live(&layers)), (None, 1_100));
    }
}
