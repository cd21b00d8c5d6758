//! What rules mean: the alerts of a history, recomputed from the list of all events at each step.
//!
//! Slow and plain on purpose, and written from the description of the language alone: the engine, which is neither, is
//! compared with it on random rules and histories ([`generate`]). Nothing is kept but events and what a group has said;
//! every value, window, session, completion and deadline is found anew. The only code shared with the engine is the rule model.
//!
//! Where the description leaves a choice, the heads of the modules say `Reading: …`.
//!
//! Reading: timers of one moment go by (alert id, rule's customer, group as text, kind), at the end of a history then by customer.
//! Reading: a rule has version 1 ([`story`] tells of edits). What a timer emits was caused by the record that moved the clock, at the end by the
//! customer's last one.

mod aggregate;
mod clock;
mod completes;
mod decimal;
mod edit;
pub mod generate;
mod grouping;
mod judge;
mod pattern;
mod policy;
mod record;
mod run;
pub mod story;
mod window;

use std::borrow::BorrowMut;
use std::collections::{BTreeMap, BTreeSet};

use rules::{AlertId, CustomerId, Node, Rule, Timestamp};
use serde_json::Value;

use run::{Run, Timer};

/// An event as it arrived.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Whose event.
    pub customer: CustomerId,
    /// What it says.
    pub payload: Node,
    /// The timestamp of its record.
    pub timestamp: Timestamp,
    /// Its place in the stream; grows from event to event.
    pub position: u64,
}

/// Events, and until when time goes on after them.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct History {
    /// In order of arrival.
    pub events: Vec<Event>,
    /// Where every clock moves at the end, if that is later; by default to the greatest time that any customer's clock of the
    /// same event time has come to.
    pub advance_to: Option<Timestamp>,
}

/// The alert records of a history in order of emission, without `emitTime`. Numbers are what `serde_json` reads of them.
pub fn evaluate(rules: &[Rule], history: &History) -> Vec<Value> {
    let read = |record: &Node| serde_json::from_str(&record.to_string()).expect("a record prints as JSON");
    evaluate_exactly(rules, history).iter().map(read).collect()
}

/// The alert records of a history in order of emission, without `emitTime`.
pub fn evaluate_exactly(rules: &[Rule], history: &History) -> Vec<Node> {
    let Lived { rules, runs, mut records } = live_through(rules, history, &[]);
    let ends: BTreeMap<_, _> = rules.iter().map(|(key, rule)| (key, end(rule, history))).collect();
    let mut runs: Vec<Run<'_>> = runs.into_values().flatten().collect();
    for run in &mut runs {
        run.clock = run.clock.max(ends[&(run.rule.key.alert, run.rule.key.customer)]);
    }
    fire(&mut runs, true, &mut records);
    records
}

/// A rule in place of the one with its key, which collects the same.
#[derive(Debug, Clone)]
pub struct Edit {
    /// Before how many events it comes into force.
    pub before: usize,
    /// The rule as it is from then on.
    pub rule: Rule,
}

/// The alert records of a history in which rules are edited, up to the last event: time does not go on after it. What an edit
/// itself brings about comes in order of customers and groups.
pub fn evaluate_edited(rules: &[Rule], history: &History, edits: &[Edit]) -> Vec<Node> {
    live_through(rules, history, edits).records
}

/// A history after its last event.
struct Lived<'a> {
    rules: BTreeMap<(AlertId, CustomerId), &'a Rule>,
    runs: BTreeMap<CustomerId, Vec<Run<'a>>>,
    records: Vec<Node>,
}

fn live_through<'a>(rules: &'a [Rule], history: &'a History, edits: &'a [Edit]) -> Lived<'a> {
    // A later rule with the same key replaces the earlier; rules go by (alert id, customer).
    let mut rules: BTreeMap<_, &Rule> =
        rules.iter().map(|rule| ((rule.key.alert, rule.key.customer), rule)).collect();
    // Customers know nothing of each other but the end.
    let mut runs: BTreeMap<CustomerId, Vec<Run<'a>>> = BTreeMap::new();
    let mut records = Vec::new();
    for (index, event) in history.events.iter().enumerate() {
        for edit in edits.iter().filter(|edit| edit.before == index) {
            let key = edit.rule.key;
            rules.insert((key.alert, key.customer), &edit.rule);
            for run in runs.values_mut().flatten().filter(|run| run.rule.key == key) {
                run.edit(&edit.rule);
                records.extend(run.desk.take());
            }
        }
        if event.customer.is_global() {
            continue;
        }
        let mine = runs.entry(event.customer).or_insert_with(|| {
            let own = rules.values().filter(|rule| is_in_force(rule, event.customer));
            own.map(|rule| Run::new(rule, event.customer)).collect()
        });
        mine.iter_mut().for_each(|run| run.see(event));
        fire(mine, false, &mut records);
        for run in mine {
            run.apply(event);
            records.extend(run.desk.take());
        }
    }
    Lived { rules, runs, records }
}

/// Lets the timers fire that are due at the clock of their run. A timer that fires changes nothing of other runs.
fn fire<'a>(runs: &mut [impl BorrowMut<Run<'a>>], at_end: bool, records: &mut Vec<Node>) {
    let due = |run: &Run<'_>| run.next_timer(at_end).filter(|timer| Some(timer.time) <= run.clock);
    let mut waiting: BTreeSet<(Timer, usize)> = BTreeSet::new();
    waiting.extend(runs.iter().enumerate().filter_map(|(index, run)| Some((due(run.borrow())?, index))));
    while let Some((timer, index)) = waiting.pop_first() {
        let run = runs[index].borrow_mut();
        run.fire(&timer);
        records.extend(run.desk.take());
        waiting.extend(due(run).map(|timer| (timer, index)));
    }
}

/// Where the clocks of a rule come to at the end.
fn end(rule: &Rule, history: &History) -> Option<i64> {
    history.advance_to.map_or_else(|| greatest(rule, history), |time| Some(time.0))
}

/// The greatest time that the clock of any customer comes to under the event time of this rule.
fn greatest(rule: &Rule, history: &History) -> Option<i64> {
    let mut clocks: BTreeMap<CustomerId, clock::Seen> = BTreeMap::new();
    for event in history.events.iter().filter(|event| !event.customer.is_global()) {
        let before = clocks.get(&event.customer).copied();
        clocks.insert(event.customer, clock::see(rule, &event.payload, event.timestamp, before));
    }
    clocks.into_values().map(|seen| seen.clock).max()
}

/// Whether a rule is evaluated for a customer: its own or a global one that reaches it, and active or shadow there.
fn is_in_force(rule: &Rule, customer: CustomerId) -> bool {
    let scope = &rule.scope;
    let is_reached = rule.key.customer == customer
        || (rule.key.customer.is_global()
            && (scope.include.is_empty() || scope.include.contains(&customer))
            && !scope.exclude.contains(&customer));
    is_reached && matches!(rule.status_for(customer), rules::Status::Active | rules::Status::Shadow)
}

#[cfg(test)]
mod tests;
