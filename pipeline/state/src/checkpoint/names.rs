//! How objects are named.
//!
//! `apps/{app}/checkpoints/{partition}/{timeline}-{epoch}.json` and `apps/{app}/savepoints/{id}/{partition}.json` are
//! manifests, `sst/{blake3}-{upload}` the files that they name.
//! The part after the hash names the upload that wrote the object and when it began. So an object is written once, by
//! one writer, and how old it is does not depend on anybody else: an unnamed object that is older than any upload may
//! last can be removed without asking who might be about to name it.

use engine::Partition;
use ports::Position;
use rules::SavepointId;

/// All files.
pub(crate) const FILES: &str = "sst";
/// All manifests.
pub(crate) const APPS: &str = "apps";

/// Names one upload: when it began, in milliseconds since 1970, and a number of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Upload {
    pub(crate) began: i64,
    pub(crate) nonce: u64,
}

/// The object of a file with this hash.
pub(crate) fn file(hash: &blake3::Hash, upload: Upload) -> String {
    format!("{FILES}/{}-{:012x}{:016x}", hash.to_hex(), upload.began, upload.nonce)
}

/// When the upload began that wrote this object.
pub(crate) fn began(object: &str) -> Option<i64> {
    let upload = object.strip_prefix(FILES)?.rsplit_once('-')?.1;
    i64::from_str_radix(upload.get(..12)?, 16).ok()
}

/// The folder of a partition's manifests.
pub(crate) fn checkpoints(app: &str, partition: Partition) -> String {
    format!("{APPS}/{app}/checkpoints/{:05}", partition.0)
}

/// The manifest of a checkpoint at this position.
pub(crate) fn checkpoint(partition: Partition, position: &Position) -> String {
    let folder = checkpoints(&position.app, partition);
    format!("{folder}/{:010}-{:020}.json", position.timeline, position.epoch)
}

/// The folder of all savepoints of a deployment.
pub(crate) fn savepoints(app: &str) -> String {
    format!("{APPS}/{app}/savepoints")
}

/// The manifest of a partition's part of a savepoint.
pub(crate) fn part(app: &str, savepoint: SavepointId, partition: Partition) -> String {
    format!("{}/{savepoint}/{:05}.json", savepoints(app), partition.0)
}

/// The savepoint that a manifest is a part of.
pub(crate) fn savepoint_of(manifest: &str) -> Option<SavepointId> {
    let mut parts = manifest.rsplit('/').skip(1);
    parts.next()?.parse().ok()
}

/// Timeline and epoch of a manifest, from its name alone.
pub(crate) fn standing(manifest: &str) -> Option<(u32, u64)> {
    let name = manifest.rsplit('/').next()?.strip_suffix(".json")?;
    let (timeline, epoch) = name.split_once('-')?;
    Some((timeline.parse().ok()?, epoch.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_what_they_were_made_of() {
        let position = "v=1;app=a;timeline=2;epoch=70;next=1;changelog=2;control=3;clock=0;writer=a.one";
        let name = checkpoint(Partition(3), &position.parse().unwrap());
        assert_eq!(name, "apps/a/checkpoints/00003/0000000002-00000000000000000070.json");
        assert_eq!(standing(&name), Some((2, 70)));
        let object = file(&blake3::hash(b"abc"), Upload { began: 1_700_000_000_000, nonce: 7 });
        assert!(object.ends_with("85-018bcfe568000000000000000007"), "{object}");
        assert_eq!(began(&object), Some(1_700_000_000_000));
        assert_eq!((began("sst/other"), standing("apps/a/checkpoints/00003/x.json")), (None, None));
    }
}
