//! What came out, against what must: alerts, dead letters, late events, state.

use std::collections::{BTreeMap, BTreeSet};

use engine::{GroupView, Partition, Table};
use ports::{Record, Topics, header};
use rules::{CustomerId, Document, Node, Number, Object, Rule, Window};

use super::expected::Expected;
use crate::APP;
use crate::play::Played;
use crate::scenario::BAD;

/// What is wrong with what came out of a partition.
pub(crate) fn check(played: &Played, partition: Partition, expected: &Expected) -> Vec<String> {
    let mut wrong = expected.wrong.clone();
    wrong.extend(alerts(played, partition, expected));
    wrong.extend(dead_letters(played, partition, expected));
    wrong.extend(late_events(played, partition));
    wrong.extend(state(played, partition, expected));
    wrong.into_iter().map(|what| format!("partition {partition}: {what}")).collect()
}

/// Alerts by customer, each in order.
type Alerts = BTreeMap<String, Vec<String>>;

fn alerts(played: &Played, partition: Partition, expected: &Expected) -> Vec<String> {
    let topics = Topics::of(APP);
    let mut found: Alerts = BTreeMap::new();
    let mut wrong = Vec::new();
    for (topic, origin) in [(&topics.alerts, "live"), (&topics.alerts_shadow, "shadow")] {
        for record in played.records[topic].iter().filter(|record| record.partition == partition) {
            match as_the_oracle_writes(record, partition, origin) {
                Ok((customer, text)) => found.entry(customer).or_default().push(text),
                Err(problem) => wrong.push(format!("alert {} of `{topic}`: {problem}", record.offset)),
            }
        }
    }
    let mut awaited: Alerts = BTreeMap::new();
    for record in &expected.told.records {
        awaited.entry(member(record, "customerId")).or_default().push(record.to_string());
    }
    let customers: BTreeSet<&String> = found.keys().chain(awaited.keys()).collect();
    for customer in customers {
        let sorted = |alerts: &Alerts| {
            let mut alerts = alerts.get(customer).cloned().unwrap_or_default();
            alerts.sort();
            alerts
        };
        wrong.extend(difference(customer, &sorted(&found), &sorted(&awaited)));
    }
    wrong
}

/// What is lost and what is extra of two sorted lists.
fn difference(customer: &str, found: &[String], awaited: &[String]) -> Vec<String> {
    let mut counts: BTreeMap<&String, i64> = BTreeMap::new();
    found.iter().for_each(|alert| *counts.entry(alert).or_default() += 1);
    awaited.iter().for_each(|alert| *counts.entry(alert).or_default() -= 1);
    let wrong = counts.into_iter().filter(|(_, count)| *count != 0);
    let tell = |(alert, count): (&String, i64)| {
        let what = if count > 0 { "extra" } else { "lost" };
        format!("{what} alert of customer {customer}: {alert}")
    };
    wrong.map(tell).collect()
}

/// An alert without the time of emission, and as if its partition were 0.
fn as_the_oracle_writes(
    record: &Record,
    partition: Partition,
    origin: &str,
) -> Result<(String, String), String> {
    let text = std::str::from_utf8(record.value.as_deref().unwrap_or_default()).map_err(|_| "no text")?;
    let root = Document::parse(text, 64).map_err(|_| "no JSON")?.root;
    let Node::Object(members) = &root else { return Err("no object".to_owned()) };
    if member(&root, "origin") != origin {
        return Err("it is on the wrong topic".to_owned());
    }
    let mut kept = Vec::new();
    for (name, value) in members.iter().filter(|(name, _)| *name != "emitTime") {
        let value = if name == "evidence" { evidence(value, partition)? } else { value.clone() };
        kept.push((Box::from(name), value));
    }
    let alert = Node::Object(kept.into_iter().collect::<Object>());
    Ok((member(&root, "customerId"), alert.to_string()))
}

fn evidence(list: &Node, partition: Partition) -> Result<Node, String> {
    let Node::Array(list) = list else { return Err("evidence is no list".to_owned()) };
    let own = Node::Number(Number::from(i64::from(partition.0)));
    let mut all = Vec::new();
    for place in list {
        let Node::Object(members) = place else { return Err("evidence is no object".to_owned()) };
        if members.iter().any(|(name, value)| name == "partition" && *value != own) {
            return Err("evidence names another partition".to_owned());
        }
        let zero = |(name, value): (&str, &Node)| {
            let value = if name == "partition" { Node::Number(Number::from(0_i64)) } else { value.clone() };
            (Box::from(name), value)
        };
        all.push(Node::Object(members.iter().map(zero).collect::<Object>()));
    }
    Ok(Node::Array(all))
}

fn member(record: &Node, name: &str) -> String {
    let Node::Object(members) = record else { return String::new() };
    let found = members.iter().find(|(known, _)| *known == name);
    found.and_then(|(_, value)| value.as_str()).unwrap_or_default().to_owned()
}

fn dead_letters(played: &Played, partition: Partition, expected: &Expected) -> Vec<String> {
    let topics = Topics::of(APP);
    let place = partition.0.to_string();
    let of = |record: &&Record| text(record, "topic") == topics.events && text(record, "partition") == place;
    let mut found: Vec<u64> = played.records[&topics.dead_letters]
        .iter()
        .filter(of)
        .filter_map(|record| text(record, "offset").parse().ok())
        .collect();
    found.sort_unstable();
    let awaited: Vec<u64> = expected.dead.iter().map(|offset| offset.0).collect();
    if found == awaited { Vec::new() } else { vec![format!("dead letters of {found:?}, not of {awaited:?}")] }
}

/// Dead letters of the control topic: each malformed record once.
pub(crate) fn check_controls(played: &Played) -> Vec<String> {
    let topics = Topics::of(APP);
    let letters = played.records[&topics.dead_letters].iter();
    let mut found: Vec<u64> = letters
        .filter(|record| text(record, "topic") == topics.controls)
        .filter_map(|record| text(record, "offset").parse().ok())
        .collect();
    found.sort_unstable();
    let bad = played.records[&topics.controls].iter().filter(|record| header(&record.headers, BAD).is_some());
    let awaited: Vec<u64> = bad.map(|record| record.offset.0).collect();
    let wrong = format!("dead letters of control records {found:?}, not of {awaited:?}");
    if found == awaited { Vec::new() } else { vec![wrong] }
}

/// An event is late for a rule once at most.
fn late_events(played: &Played, partition: Partition) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let late = played.records[&Topics::of(APP).late].iter().filter(|record| record.partition == partition);
    let place = |record: &Record| (text(record, "rule"), text(record, "offset"));
    let twice = late.map(place).filter(|place| !seen.insert(place.clone()));
    twice.map(|(rule, offset)| format!("event {offset} is late for rule {rule} twice")).collect()
}

fn text(record: &Record, name: &str) -> String {
    header(&record.headers, name).map(|text| String::from_utf8_lossy(text).into_owned()).unwrap_or_default()
}

/// A group in the state: customer, life of its rule, keys.
type GroupId = (CustomerId, u64, String);

/// The groups that rules over all time count in, with the number of their contributions.
fn state(played: &Played, partition: Partition, expected: &Expected) -> Vec<String> {
    let Some(store) = played.stores.get(&partition) else { return vec!["it has no store".to_owned()] };
    let mut found: BTreeMap<GroupId, u64> = BTreeMap::new();
    for (_, key, value) in store.entries().filter(|(table, ..)| *table == Table::State) {
        let Some((customer, life)) = owner(key) else { continue };
        let Some(rule) =
            expected.rules.get(&life).map(|known| &known.rule).filter(|rule| counts_for_ever(rule))
        else {
            continue;
        };
        match GroupView::read(rule, key, value) {
            Ok(Some(view)) => {
                found.insert((customer, life, view.group.text().to_owned()), view.contributions);
            },
            Ok(None) => {},
            Err(problem) => return vec![format!("state of customer {customer}: {problem}")],
        }
    }
    let mut awaited: BTreeMap<GroupId, u64> = BTreeMap::new();
    for group in &expected.told.groups {
        if expected.rules.get(&group.life).is_some_and(|known| counts_for_ever(&known.rule)) {
            let id = (group.customer, group.life, group.group.clone());
            awaited.insert(id, group.contributions as u64);
        }
    }
    let ids: BTreeSet<&GroupId> = found.keys().chain(awaited.keys()).collect();
    let of = |counts: &BTreeMap<GroupId, u64>, id: &GroupId| counts.get(id).copied().unwrap_or(0);
    let differ = ids.into_iter().filter(|id| of(&found, id) != of(&awaited, id));
    differ.map(|id| format!("{id:?} counts {}, not {}", of(&found, id), of(&awaited, id))).collect()
}

fn counts_for_ever(rule: &Rule) -> bool {
    matches!(&rule.evaluation, rules::Evaluation::Aggregate(aggregate) if aggregate.window == Window::Total)
}

/// Customer and generation in a key of the state: behind a hash of eight bytes.
fn owner(key: &[u8]) -> Option<(CustomerId, u64)> {
    let customer: [u8; 16] = key.get(8..24)?.try_into().ok()?;
    let life: [u8; 8] = key.get(24..32)?.try_into().ok()?;
    Some((CustomerId::from_bytes(customer), u64::from_be_bytes(life)))
}
