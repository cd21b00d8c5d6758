//! Removes what is no longer needed: manifests beyond those that are kept, and files that no manifest names.
//!
//! Why no file goes that a kept manifest names: a file is written once, under the name of its upload, and an upload
//! ends long before [`UNNAMED_AGE`]. A manifest names files of its own upload, which are too young to be looked at,
//! and of its parent, the newest of its partition, which is not removed before it has a successor. So whatever a
//! manifest names that appears while a collection is at work is either too young or named by one that the collection
//! has read. A manifest of a writer that slept through its successors is older than they are and is not kept.

use std::collections::BTreeSet;
use std::time::Duration;

use engine::Partition;
use ports::{Error, ErrorKind, Result};

use super::catalog;
use super::manifest::Manifest;
use super::names;
use super::objects::{Listed, Objects};

/// Files that nothing names are removed when the upload that wrote them began longer ago than this.
pub(crate) const UNNAMED_AGE: Duration = Duration::from_secs(24 * 60 * 60);

/// The manifests to be removed, of a partition's, newest first. Of the present timeline the newest `keep` stay; those
/// of earlier timelines go once the present one has as many. Those of later ones are somebody else's business.
pub(crate) fn superfluous(manifests: &[String], timeline: u32, keep: usize) -> Vec<&String> {
    let keep = keep.max(1);
    let on = |name: &&String| names::standing(name).map(|(timeline, _)| timeline);
    let present: Vec<_> = manifests.iter().filter(|name| on(name) == Some(timeline)).collect();
    let earlier = manifests.iter().filter(|name| on(name).is_some_and(|at| at < timeline));
    let earlier = earlier.filter(|_| present.len() >= keep);
    present.iter().copied().skip(keep).chain(earlier).collect()
}

/// Removes a partition's manifests that need not be kept.
pub(crate) fn retire(
    objects: &Objects,
    app: &str,
    partition: Partition,
    timeline: u32,
    keep: usize,
) -> Result<usize> {
    let manifests = catalog::manifests(objects, app, partition)?;
    let gone = superfluous(&manifests, timeline, keep);
    gone.iter().try_for_each(|name| objects.delete(name))?;
    Ok(gone.len())
}

/// A collection of files, step by step.
pub(crate) struct Collection {
    candidates: Vec<Listed>,
}

/// What a collection has removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Collected {
    /// How many files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl Collection {
    /// Lists the files that are old enough at this time, in milliseconds since 1970.
    pub(crate) fn list(objects: &Objects, now: i64) -> Result<Self> {
        let oldest = now.saturating_sub(i64::try_from(UNNAMED_AGE.as_millis()).unwrap_or(i64::MAX));
        let mut candidates = objects.list(names::FILES)?;
        candidates.retain(|file| names::began(&file.name).is_some_and(|began| began < oldest));
        Ok(Self { candidates })
    }

    /// Takes out the files that a manifest names, of whatever deployment.
    ///
    /// # Errors
    /// A manifest that cannot be read: what it names is not known, so nothing is removed.
    pub(crate) fn mark(mut self, objects: &Objects) -> Result<Self> {
        let mut named = BTreeSet::new();
        for object in objects.list(names::APPS)? {
            // One that is gone meanwhile names nothing.
            let Some(bytes) = objects.get(&object.name)? else { continue };
            let manifest = Manifest::from_bytes(&object.name, &bytes).map_err(|error| {
                let way_out = "remove it if it is of no use; until then no file is removed";
                Error::new(ErrorKind::Corrupt, format!("{error}: {way_out}"))
            })?;
            named.extend(manifest.pieces().map(|piece| piece.object.clone()));
        }
        self.candidates.retain(|file| !named.contains(&file.name));
        Ok(self)
    }

    /// Removes the next file; answers it, or nothing at the end.
    pub(crate) fn remove_next(&mut self, objects: &Objects) -> Result<Option<Listed>> {
        let Some(file) = self.candidates.pop() else { return Ok(None) };
        objects.delete(&file.name)?;
        Ok(Some(file))
    }
}

/// Removes all files that no manifest names and that are old enough.
pub(crate) fn collect(objects: &Objects, now: i64) -> Result<Collected> {
    let mut collection = Collection::list(objects, now)?.mark(objects)?;
    let mut collected = Collected::default();
    while let Some(file) = collection.remove_next(objects)? {
        collected.files += 1;
        collected.bytes += file.bytes;
    }
    Ok(collected)
}
