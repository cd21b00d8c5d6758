//! The rule book as a partition stores it: one entry a rule, and the book's own counter.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use engine::{Key, Partition, Table, Write, erase, judge_anew, partition_of};
use ports::{Error, ErrorKind, GENERATION_KEY, Result, Store};
use rules::{ActiveRule, AlertId, CustomerId, Generation, Outcome, RuleBook, RuleKey};

/// Reads the book that a store holds.
pub(crate) fn load(store: &dyn Store) -> Result<RuleBook> {
    let mut entries = Vec::new();
    for (key, value) in store.scan(Table::Rules)? {
        entries.push((read_key(&key)?, value.to_vec()));
    }
    let counter = store.get_many(Table::Meta, &[GENERATION_KEY])?.remove(0);
    let next = match counter {
        Some(bytes) => {
            Generation(u64::from_be_bytes(bytes.as_ref().try_into().map_err(|_| corrupt("its counter"))?))
        },
        None => Generation(1),
    };
    RuleBook::restore(entries, next).map_err(|entry| corrupt(&entry.to_string()))
}

/// The writes by which a partition's stored rules follow one change of the book.
pub(crate) fn follow(
    outcome: &Outcome,
    book: &RuleBook,
    partition: Partition,
    partitions: u32,
) -> Vec<Write> {
    match outcome {
        Outcome::Created(now) => vec![put(now), counter(book)],
        Outcome::Replaced { now, before } => {
            let mut writes = vec![put(now), counter(book)];
            writes.extend(sweep(before, Some(now), partition, partitions));
            writes
        },
        Outcome::Deleted(before) => {
            let key = write_key(before.rule.key);
            let mut writes = vec![Write::Delete { table: Table::Rules, key }];
            writes.extend(sweep(before, None, partition, partitions));
            writes
        },
        Outcome::Unchanged(_) | Outcome::Rejected(_) => Vec::new(),
    }
}

/// The writes that turn the stored book into the one in force, for a partition that was elsewhere meanwhile.
pub(crate) fn difference(
    stored: &RuleBook,
    book: &RuleBook,
    partition: Partition,
    partitions: u32,
) -> Vec<Write> {
    let before: BTreeMap<RuleKey, _> = stored.iter().map(|active| (active.rule.key, active)).collect();
    let mut writes = Vec::new();
    for now in book.iter() {
        let old = before.get(&now.rule.key);
        if old.is_none_or(|old| old != &now) {
            writes.push(put(now));
        }
    }
    for old in stored.iter() {
        let now = book.get(&old.rule.key);
        if now.is_none() {
            writes.push(Write::Delete { table: Table::Rules, key: write_key(old.rule.key) });
        }
        writes.extend(sweep(old, now.map(Arc::as_ref), partition, partitions));
    }
    writes.push(counter(book));
    writes
}

fn put(active: &ActiveRule) -> Write {
    Write::Put { table: Table::Rules, key: write_key(active.rule.key), value: active.to_bytes().into() }
}

fn counter(book: &RuleBook) -> Write {
    let value = Bytes::copy_from_slice(&book.next_generation().0.to_be_bytes());
    Write::Put { table: Table::Meta, key: GENERATION_KEY, value }
}

/// What an edit or a deletion leaves to be done in the groups that the partition keeps, by sweeps in later epochs. What is to
/// be erased is never read again meanwhile, since generations are not used twice.
fn sweep(
    before: &ActiveRule,
    now: Option<&ActiveRule>,
    partition: Partition,
    partitions: u32,
) -> Option<Write> {
    let customer = before.rule.key.customer;
    let is_here =
        customer.is_global() || partition_of(customer.to_string().as_bytes(), partitions) == partition;
    match now.filter(|now| now.generation == before.generation) {
        _ if !is_here => None,
        None => Some(erase(before)),
        Some(now) if now.judges_since != before.judges_since => Some(judge_anew(now)),
        Some(_) => None,
    }
}

pub(crate) fn write_key(key: RuleKey) -> Key {
    [*key.customer.as_bytes(), *key.alert.as_bytes()].concat().into()
}

fn read_key(bytes: &[u8]) -> Result<RuleKey> {
    let (customer, alert) = bytes.split_at_checked(16).ok_or_else(|| corrupt("a key"))?;
    let customer: [u8; 16] = customer.try_into().map_err(|_| corrupt("a key"))?;
    let alert: [u8; 16] = alert.try_into().map_err(|_| corrupt("a key"))?;
    Ok(RuleKey { customer: CustomerId::from_bytes(customer), alert: AlertId::from_bytes(alert) })
}

fn corrupt(what: &str) -> Error {
    Error::new(ErrorKind::Corrupt, format!("the stored rule book cannot be read: {what}"))
}
