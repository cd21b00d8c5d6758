//! Hashes of a file's blocks. Parquet pages carry none, so without them a flipped bit could pass as data.
//!
//! Whatever is read of a file is read in whole blocks, and each is held against its hash before a byte of it is used.

use std::collections::BTreeSet;
use std::ops::Range;

use bytes::{Bytes, BytesMut};
use xxhash_rust::xxh3::xxh3_64;

use crate::error::{Error, Result};
use crate::objects::Objects;
use crate::table::DataFile;

/// The size of a block in bytes; the last one of a file may be shorter.
pub const BLOCK_BYTES: u64 = 256 * 1024;

/// The hashes of a file's blocks: the low halves of their XXH3.
pub fn hashes(file: &[u8]) -> Vec<u32> {
    file.chunks(usize::try_from(BLOCK_BYTES).unwrap_or(usize::MAX)).map(hash).collect()
}

#[allow(clippy::cast_possible_truncation, reason = "the low half is what is kept")]
fn hash(block: &[u8]) -> u32 {
    xxh3_64(block) as u32
}

/// Reads parts of a file, in order. Neighbouring blocks are fetched in one request.
///
/// # Errors
/// The file is missing, shorter than it was, or a block is not what was written.
pub fn read(objects: &Objects, file: &DataFile, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
    let damaged = |problem: String| Error::Damaged { file: file.path.clone(), problem };
    if file.size.div_ceil(BLOCK_BYTES) != file.blocks.len() as u64 {
        return Err(damaged(format!("{} bytes do not have {} blocks", file.size, file.blocks.len())));
    }
    if let Some(range) = ranges.iter().find(|range| range.end > file.size || range.start > range.end) {
        return Err(damaged(format!("bytes {range:?} lie outside of its {}", file.size)));
    }
    let runs = runs(ranges);
    let wanted: Vec<_> =
        runs.iter().map(|run| run.start * BLOCK_BYTES..(run.end * BLOCK_BYTES).min(file.size)).collect();
    let parts = objects.ranges(&file.path, &wanted)?;
    for (run, part) in runs.iter().zip(&parts) {
        let blocks = part.chunks(usize::try_from(BLOCK_BYTES).unwrap_or(usize::MAX));
        for (index, block) in (run.start..run.end).zip(blocks) {
            let known = usize::try_from(index).ok().and_then(|index| file.blocks.get(index));
            if known != Some(&hash(block)) {
                return Err(damaged(format!("block {index} of {BLOCK_BYTES} bytes is not what was written")));
            }
        }
    }
    Ok(ranges.iter().map(|range| cut(range, &wanted, &parts)).collect())
}

/// Runs of blocks that hold these bytes.
fn runs(ranges: &[Range<u64>]) -> Vec<Range<u64>> {
    let blocks: BTreeSet<u64> = ranges
        .iter()
        .filter(|range| range.start < range.end)
        .flat_map(|range| range.start / BLOCK_BYTES..range.end.div_ceil(BLOCK_BYTES))
        .collect();
    let mut runs: Vec<Range<u64>> = Vec::new();
    for block in blocks {
        match runs.last_mut() {
            Some(last) if last.end == block => last.end += 1,
            _ => runs.push(block..block + 1),
        }
    }
    runs
}

/// The bytes of a range out of the parts that were read; a range always lies within one run.
fn cut(range: &Range<u64>, wanted: &[Range<u64>], parts: &[Bytes]) -> Bytes {
    let holds = |part: &&(&Range<u64>, &Bytes)| part.0.start <= range.start && range.end <= part.0.end;
    let Some((run, part)) = wanted.iter().zip(parts).collect::<Vec<_>>().iter().find(holds).copied() else {
        return BytesMut::new().freeze();
    };
    let at = |byte: u64| usize::try_from(byte - run.start).unwrap_or(usize::MAX);
    part.slice(at(range.start)..at(range.end))
}
