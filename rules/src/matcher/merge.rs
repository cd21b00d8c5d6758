//! Merges: compiling layers of changes and their base into one index, which takes long where there are very many rules,
//! and so is done beside the stream. [`Snapshot::merge`] says what there is to do, [`Merge::run`] does it in any thread, and
//! [`Snapshot::adopt`] takes the result over, whatever has changed meanwhile.

use std::collections::HashMap;
use std::sync::Arc;

use super::Snapshot;
use super::layers::{Base, Stack};
use crate::id::CustomerId;

/// Layers of one owner that are to be compiled into one. A clone keeps them in memory, which takes long to free: whoever
/// has one last pays for that.
#[derive(Debug, Clone)]
pub struct Merge {
    owner: CustomerId,
    stack: Stack,
}

/// What has become of a [`Merge`].
#[derive(Debug)]
pub struct Merged {
    owner: CustomerId,
    base: Base,
}

impl Merge {
    /// Compiles: a second for 100,000 rules. What other threads do with the snapshot meanwhile does not matter.
    #[must_use]
    pub fn run(self) -> Merged {
        Merged { owner: self.owner, base: self.stack.compile() }
    }
}

impl Snapshot {
    /// The merge that is needed most; nothing if there are few changes everywhere. Without it, every change makes events a
    /// little dearer, and after a hundred thousand [`Snapshot::with`] has to compile everything itself.
    pub fn merge(&self) -> Option<Merge> {
        let waiting =
            self.owners.iter().filter_map(|(owner, layers)| Some((layers.waiting()?, owner, layers)));
        let (_, owner, layers) = waiting.max_by_key(|(waiting, owner, _)| (*waiting, **owner))?;
        Some(Merge { owner: *owner, stack: layers.stack() })
    }

    /// The same rules with this merge in place of the layers that it was made of. If those are gone, the snapshot stays.
    #[must_use]
    pub fn adopt(&self, merged: Merged) -> Self {
        let Merged { owner, base } = merged;
        let Some(layers) = self.owners.get(&owner).and_then(|layers| layers.on(base)) else {
            return self.clone();
        };
        let mut owners = HashMap::clone(&self.owners);
        owners.insert(owner, Arc::new(layers));
        Self { owners: Arc::new(owners) }
    }
}
