//! Lanes in plain arithmetic, for every machine; what the others must answer, too.

use super::{Block, Classes, Lanes};

/// Lanes of any processor.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Portable;

/// For each byte the lowest bit of the eighth that stands for its class, eighths in the order of [`Classes`]. Eight of
/// these, each shifted by its place, make the masks of eight bytes side by side.
static CLASSES: [u64; 256] = {
    let mut table = [0; 256];
    let members: [&[u8]; 7] = [b"\"", b"\\", b"{[", b"}]", b",", b":", b" \t\n\r"];
    let mut class = 0;
    while class < members.len() {
        let mut index = 0;
        while index < members[class].len() {
            table[members[class][index] as usize] |= 1 << (8 * class);
            index += 1;
        }
        class += 1;
    }
    let mut control = 0;
    while control < 0x20 {
        table[control] |= 1 << (8 * 7);
        control += 1;
    }
    table
};

impl Lanes for Portable {
    #[inline(always)]
    fn classes(self, block: &Block) -> Classes {
        let mut masks = [0u64; 8];
        let (eights, _) = block.as_chunks::<8>();
        for (group, eight) in eights.iter().enumerate() {
            let side_by_side = eight
                .iter()
                .enumerate()
                .fold(0, |sum, (place, byte)| sum | CLASSES[usize::from(*byte)] << place);
            for (mask, own) in masks.iter_mut().zip(side_by_side.to_le_bytes()) {
                *mask |= u64::from(own) << (8 * group);
            }
        }
        let [quote, backslash, open, close, comma, colon, blank, control] = masks;
        Classes { quote, backslash, open, close, comma, colon, blank, control }
    }

    #[inline(always)]
    fn odd_from_start(self, bits: u64) -> u64 {
        [1, 2, 4, 8, 16, 32].iter().fold(bits, |sum, by| sum ^ (sum << by))
    }

    #[inline(always)]
    fn compact(self, block: &Block, dropped: u64, into: &mut Block) {
        let (mut from, mut to, mut rest) = (0, 0, dropped);
        loop {
            // Behind the last bit this is 64, the end of the block.
            let until = rest.trailing_zeros() as usize;
            let kept = block.get(from..until).unwrap_or_default();
            if let Some(slots) = into.get_mut(to..to + kept.len()) {
                slots.copy_from_slice(kept);
            }
            if rest == 0 {
                return;
            }
            (from, to) = (until + 1, to + kept.len());
            rest &= rest - 1;
        }
    }
}
