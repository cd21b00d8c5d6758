//! The groups of rules, shown to others while the worker goes on: read from the stores, which hold what is committed, on the
//! asker's thread.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use engine::{Failure, GroupPage, Partition, Source, Table, Unavailable, group_page, partition_of};
use ports::{Error, ErrorKind, GroupQuery, Groups, NoGroups, StateReader, Store};
use rules::ActiveRule;

use crate::rulebook;

/// The partitions whose state can be read here. Clones share it.
#[derive(Clone, Default)]
pub struct GroupBoard(Arc<RwLock<Readers>>);

#[derive(Default)]
struct Readers {
    /// How many partitions the event topic has; 0 until that is known.
    partitions: u32,
    live: BTreeMap<Partition, Shown>,
}

/// A partition that is shown, until its owner empties the place. Each has a lock of its own, so that whoever gives a partition
/// up waits for nobody who looks at another one.
type Shown = Arc<RwLock<Option<Arc<dyn StateReader>>>>;

/// Takes a partition off the board when it is dropped, after those who read it at the moment: whoever opens the store next must
/// find it closed.
pub(crate) struct Published {
    board: GroupBoard,
    partition: Partition,
    shown: Shown,
}

impl GroupBoard {
    /// Shows a partition until the answer is dropped; the store must live longer. Nothing if the store cannot be read beside its owner.
    pub(crate) fn publish(
        &self,
        partition: Partition,
        partitions: u32,
        store: &dyn Store,
    ) -> Option<Published> {
        let shown: Shown = Arc::new(RwLock::new(Some(store.reader()?)));
        let mut readers = self.0.write().unwrap_or_else(PoisonError::into_inner);
        readers.partitions = partitions;
        readers.live.insert(partition, Arc::clone(&shown));
        drop(readers);
        Some(Published { board: self.clone(), partition, shown })
    }

    /// The customer's partition, and what shows it.
    fn shown(&self, query: &GroupQuery) -> Result<(Partition, Shown), NoGroups> {
        let readers = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if readers.partitions == 0 {
            return Err(NoGroups::NotReady);
        }
        let partition = partition_of(query.customer.to_string().as_bytes(), readers.partitions);
        let shown = readers.live.get(&partition).ok_or(NoGroups::Elsewhere { partition })?;
        Ok((partition, Arc::clone(shown)))
    }
}

impl Drop for Published {
    fn drop(&mut self) {
        self.board.0.write().unwrap_or_else(PoisonError::into_inner).live.remove(&self.partition);
        *self.shown.write().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

impl std::fmt::Debug for GroupBoard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let readers = self.0.read().unwrap_or_else(PoisonError::into_inner);
        f.debug_set().entries(readers.live.keys()).finish()
    }
}

impl Groups for GroupBoard {
    fn groups(&self, query: &GroupQuery) -> Result<GroupPage, NoGroups> {
        let (partition, shown) = self.shown(query)?;
        let reader = shown.read().unwrap_or_else(PoisonError::into_inner);
        let Some(reader) = reader.as_ref() else { return Err(NoGroups::Elsewhere { partition }) };
        let mut answer = Err(NoGroups::NotInForce { partition });
        reader.look(&mut |source| answer = page(source, partition, query));
        answer
    }
}

fn page(source: &dyn Source, partition: Partition, query: &GroupQuery) -> Result<GroupPage, NoGroups> {
    let active = rule(source, query)?.ok_or(NoGroups::NotInForce { partition })?;
    let page = group_page(source, &active, query.customer, query.behind.as_ref(), query.limit);
    page.map_err(|failure: Failure| unreadable(&failure))
}

/// The rule as the partition has it in force.
fn rule(source: &dyn Source, query: &GroupQuery) -> Result<Option<ActiveRule>, NoGroups> {
    let found = source.get(Table::Rules, &rulebook::write_key(query.rule));
    let Some(bytes) = found.map_err(|Unavailable(error)| unreadable(&error))? else { return Ok(None) };
    ActiveRule::from_bytes(query.rule, &bytes).map(Some).map_err(|entry| unreadable(&entry))
}

fn unreadable(problem: &impl std::fmt::Display) -> NoGroups {
    NoGroups::Failed(Error::new(ErrorKind::Unavailable, format!("the state cannot be read: {problem}")))
}

#[cfg(test)]
mod tests {
    use ports::Stores as _;
    use ports::memory::MemoryStores;
    use rules::{AlertId, CustomerId, RuleKey};

    use super::*;

    #[test]
    fn a_partition_is_shown_while_its_owner_has_it_and_no_longer() {
        let customer: CustomerId = "9f20f8a4-d8c8-4a74-ac90-3452b97c2e34".parse().unwrap();
        let rule = RuleKey { customer, alert: AlertId::from_bytes([7; 16]) };
        let query = GroupQuery { rule, customer, limit: 1, behind: None };
        let board = GroupBoard::default();
        assert!(matches!(board.groups(&query), Err(NoGroups::NotReady)));
        let own = partition_of(customer.to_string().as_bytes(), 2);
        let other = Partition(1 - own.0);
        let stores = MemoryStores::default();
        let [own_store, other_store] = [own, other].map(|partition| stores.open(partition).unwrap());

        let _kept = board.publish(other, 2, other_store.as_ref()).unwrap();
        let elsewhere = |answer| matches!(answer, Err(NoGroups::Elsewhere { partition }) if partition == own);
        assert!(elsewhere(board.groups(&query)));
        let published = board.publish(own, 2, own_store.as_ref()).unwrap();
        assert!(
            matches!(board.groups(&query), Err(NoGroups::NotInForce { .. })),
            "the partition knows no rule yet"
        );
        drop(published);
        assert!(elsewhere(board.groups(&query)));
    }
}
