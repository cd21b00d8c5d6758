//! Sweeps of a partition: what edits and deletions of rules leave to be done in every group, so much in each epoch.

use engine::{Swept, Table, Timestamp, View, sweep, sweeps};
use ports::{Result, Store};
use rules::RuleBook;

use crate::partition::{LivePartition, Tally, failed};
use crate::settings::Settings;
use crate::uncommitted::Uncommitted;

/// How many looks at state an epoch spends on sweeps; a look finds a group.
const LOOKS_PER_EPOCH: usize = 1000;

/// Where a partition is with its sweeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sweeping {
    /// There is nothing to do.
    Done,
    /// Something is left, and this epoch has room for it.
    Due,
    /// Something is left for the next epoch.
    Paused,
}

impl Sweeping {
    /// How a store was left.
    pub(crate) fn of(store: &dyn Store) -> Result<Self> {
        let (from, to) = sweeps();
        let is_unfinished = store.first(Table::Meta, &from, &to)?.is_some();
        Ok(if is_unfinished { Self::Due } else { Self::Done })
    }

    /// A new epoch begins.
    pub(crate) fn next_epoch(self) -> Self {
        if self == Self::Paused { Self::Due } else { self }
    }
}

impl LivePartition {
    /// Takes the sweeps further that are not done, once in an epoch; nothing if there is nothing to do.
    pub(crate) fn sweep(
        &mut self,
        rules: &RuleBook,
        settings: &Settings,
        now: Timestamp,
    ) -> Result<Option<Tally>> {
        if self.sweeping != Sweeping::Due {
            return Ok(None);
        }
        let source = Uncommitted { segment: &self.segment, store: self.store() };
        let context = self.context(rules, settings, now, self.clock());
        let swept = sweep(View::new(&source, []), &context, LOOKS_PER_EPOCH).map_err(failed)?;
        let Swept { effects, is_unfinished } = swept;
        self.sweeping = if is_unfinished { Sweeping::Paused } else { Sweeping::Done };
        Ok(Some(self.take(effects, settings, now)))
    }
}
