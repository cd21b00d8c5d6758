//! What checkpoints there are, and whether they are sound.

use engine::Partition;
use ports::{Error, ErrorKind, Position, Result, Usable};

use super::manifest::{Manifest, Piece};
use super::names;
use super::objects::Objects;
use super::upload::Named;

/// The names of a partition's manifests, newest first.
pub(crate) fn manifests(objects: &Objects, app: &str, partition: Partition) -> Result<Vec<String>> {
    let found = objects.list(&names::checkpoints(app, partition))?;
    let mut found: Vec<_> =
        found.into_iter().filter_map(|object| Some((names::standing(&object.name)?, object.name))).collect();
    found.sort_unstable_by(|(one, _), (other, _)| other.cmp(one));
    Ok(found.into_iter().map(|(_, name)| name).collect())
}

/// Reads a manifest.
///
/// # Errors
/// [`ErrorKind::Corrupt`] if it is damaged or not there.
pub(crate) fn read(objects: &Objects, name: &str) -> Result<Named> {
    let missing = || Error::new(ErrorKind::Corrupt, format!("manifest {name} is not there"));
    let bytes = objects.get(name)?.ok_or_else(missing)?;
    Ok(Named { name: name.to_owned(), manifest: Manifest::from_bytes(name, &bytes)? })
}

/// Manifests with their positions, newest first, and what is wrong with those that cannot be read.
pub(crate) type Candidates = (Vec<(Position, Named)>, Vec<String>);

/// The manifests of a partition that a recovery could use by their position.
pub(crate) fn candidates(objects: &Objects, partition: Partition, wanted: &Usable) -> Result<Candidates> {
    let target = &wanted.target;
    let (mut found, mut refused) = (Vec::new(), Vec::new());
    for name in manifests(objects, &target.app, partition)? {
        let of_use = |(timeline, epoch): (u32, u64)| timeline == target.timeline && epoch <= target.epoch;
        if !names::standing(&name).is_some_and(of_use) {
            continue;
        }
        let named = read(objects, &name).and_then(|named| Ok((named.manifest.position(&name)?, named)));
        match named {
            Ok((position, named)) if named.manifest.partition != partition.0 => {
                refused.push(format!("manifest {} at {position} is of another partition", named.name));
            },
            Ok((position, named)) if wanted.takes(&position) => found.push((position, named)),
            // From here on the changelog does not reach back to any of them.
            Ok(_) => break,
            Err(error) if error.kind == ErrorKind::Corrupt => refused.push(error.message),
            Err(error) => return Err(error),
        }
    }
    Ok((found, refused))
}

/// Reads a file back from its object and compares what comes with what the manifest says.
///
/// # Errors
/// [`ErrorKind::Corrupt`] if it is not there, or not what it was.
pub(crate) fn fetch(
    objects: &Objects,
    piece: &Piece,
    mut take: impl FnMut(&[u8]) -> Result<()>,
) -> Result<()> {
    let corrupt = |problem: &str| {
        let message = format!("file `{}` of the checkpoint, object {}: {problem}", piece.name, piece.object);
        Error::new(ErrorKind::Corrupt, message)
    };
    let mut hasher = blake3::Hasher::new();
    let mut bytes = 0;
    let found = objects.download(&piece.object, |chunk| {
        hasher.update(chunk);
        bytes += chunk.len() as u64;
        if bytes > piece.bytes {
            return Err(corrupt("it is longer than it was"));
        }
        take(chunk)
    })?;
    if !found {
        return Err(corrupt("it is not there"));
    }
    if bytes != piece.bytes {
        return Err(corrupt(&format!("it has {bytes} bytes of {}", piece.bytes)));
    }
    if piece.hash() != Some(hasher.finalize()) {
        return Err(corrupt("its hash does not fit"));
    }
    Ok(())
}
