//! Numbers and words, checked where they begin.

use crate::document::skip;

const NULL: u64 = u64::from_le_bytes(*b"null\0\0\0\0");
const TRUE: u64 = u64::from_le_bytes(*b"true\0\0\0\0");
const FALSE: u64 = u64::from_le_bytes(*b"false\0\0\0");
const FOUR: u64 = u64::MAX >> 32;
const FIVE: u64 = u64::MAX >> 24;

/// Whether a number or a word stands at the offset, and ends where one may.
#[inline(always)]
pub(super) fn is_sound(text: &[u8], at: usize) -> Option<()> {
    let rest = text.get(at..)?;
    let length = match rest.first_chunk() {
        Some(eight) => match u64::from_le_bytes(*eight) {
            word if word & FOUR == NULL || word & FOUR == TRUE => 4,
            word if word & FIVE == FALSE => 5,
            word => number(word).or_else(|| skip::value(rest, 0, 0))?,
        },
        None => skip::value(rest, 0, 0)?,
    };
    match rest.get(length) {
        None | Some(b',' | b']' | b'}' | b' ' | b'\n' | b'\r' | b'\t') => Some(()),
        Some(_) => None,
    }
}

/// The length of a positive integer of less than eight digits, if one begins the word.
#[inline(always)]
fn number(word: u64) -> Option<usize> {
    const ONES: u64 = u64::from_le_bytes([1; 8]);
    // Of a digit the upper half is 3, and stays 3 if 6 is added to it.
    let threes = ONES * 0x30;
    let others = ((word ^ threes) | (word.wrapping_add(ONES * 6) ^ threes)) & (ONES * 0xF0);
    let length = (others.trailing_zeros() / 8) as usize;
    let is_plain = (1..8).contains(&length) && (length == 1 || word & 0xFF != u64::from(b'0'));
    let ends = word.checked_shr(8 * u32::try_from(length).ok()?)? & 0xFF;
    (is_plain && !matches!(ends, 0x2E | 0x45 | 0x65)).then_some(length)
}
