//! Random edits that keep what was collected: another threshold, for all customers or for one, and another policy.

use std::collections::BTreeMap;

use rules::{Evaluation, Mode, Rule, RuleKey};

use super::rule::{aggregate, policy};
use super::{Case, Chance, Kind, case, customers};
use crate::Edit;

/// The case of a seed, with edits of its rules in between.
pub fn edited_case(seed: u64) -> (Case, Vec<Edit>) {
    let mut case = case(seed);
    let mut chance = Chance(seed ^ 0xED17);
    // Which groups an hour has room for depends on the order in which a sweep finds them.
    let unlimited = |rule: &mut Rule| {
        if !rule.grouping.keys.is_empty() {
            rule.policy.max_per_hour = None;
        }
    };
    case.rules.iter_mut().for_each(unlimited);
    let mut current: BTreeMap<RuleKey, Rule> =
        case.rules.iter().map(|rule| (rule.key, rule.clone())).collect();
    let keys: Vec<RuleKey> = current.keys().copied().collect();
    let mut places: Vec<usize> =
        (0..1 + chance.below(4)).map(|_| chance.below(case.history.events.len())).collect();
    places.sort_unstable();
    let edit = |before: usize| {
        let key = chance.pick(&keys);
        let mut rule = edited(&mut chance, &current[&key]);
        unlimited(&mut rule);
        current.insert(key, rule.clone());
        Edit { before, rule }
    };
    let edits = places.into_iter().map(edit).collect();
    (case, edits)
}

/// An edit of a rule by a seed. As in [`edited_case`], a rule with groups has no limit of an hour, before and after.
pub fn edited_rule(seed: u64, rule: &Rule) -> Rule {
    let mut now = edited(&mut Chance(seed), rule);
    if !now.grouping.keys.is_empty() {
        now.policy.max_per_hour = None;
    }
    now
}

fn edited(chance: &mut Chance, rule: &Rule) -> Rule {
    loop {
        let mut now = rule.clone();
        if let Evaluation::Aggregate(made) = &mut now.evaluation {
            if chance.percent(70) {
                made.threshold = aggregate::threshold(chance, made.function);
            }
            if rule.key.customer.is_global() && chance.percent(40) {
                let threshold = aggregate::threshold(chance, made.function);
                let change = now.scope.overrides.entry(customers()[chance.below(3)]).or_default();
                change.threshold = chance.percent(70).then_some(threshold);
            }
        }
        // Limits that go with the threshold before may contradict the one now.
        now.policy = policy::policy(chance, &now.evaluation, &now.scope, Kind::Any);
        let per_window = |rule: &Rule| rule.policy.mode == Mode::PerWindow;
        // What has fired under another mode is not known of a window.
        if per_window(rule) == per_window(&now) {
            return now;
        }
    }
}
