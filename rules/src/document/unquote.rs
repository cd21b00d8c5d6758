//! JSON strings unescaped into a buffer that is used again: how a payload comes out of its envelope.
//!
//! Sixty-four bytes at a step, of which the backslashes that only introduce quotes and backslashes are dropped. Other
//! escapes are few in a document that was quoted, and are replaced one by one. What is unusual (half a surrogate pair)
//! or wrong is left to the reader.

use std::cell::Cell;

use crate::simd::{self, Lanes, Task, block_at, introducing};

/// The longest buffer that is kept for the next string, so that one large event does not hold memory for ever.
const KEPT_MAX: usize = 1 << 21;

/// A string that was unescaped, in a buffer that may be used again.
#[derive(Debug, Default)]
pub struct Unquoted {
    /// Longer than the string; what is behind it means nothing.
    buffer: Vec<u8>,
    length: usize,
}

thread_local! {
    static LENT: Cell<Option<Unquoted>> = const { Cell::new(None) };
}

impl Unquoted {
    /// Lends the buffer that this thread keeps.
    pub fn lend<T>(read: impl FnOnce(&mut Self) -> T) -> T {
        // It is taken out while it is lent, so nothing breaks should its user come back here.
        let mut unquoted = LENT.take().unwrap_or_default();
        let result = read(&mut unquoted);
        if unquoted.buffer.len() <= KEPT_MAX {
            LENT.set(Some(unquoted));
        }
        result
    }

    /// Unescapes the JSON string that the bytes begin with, in place of the last one. Answers how many bytes it has with
    /// its quotes; nothing if there is no string, or none that is usual: half a surrogate pair is not.
    pub fn read(&mut self, bytes: &[u8]) -> Option<usize> {
        simd::best(Unquote { bytes, unquoted: self })
    }

    /// The string; nothing if the bytes were not UTF-8.
    pub fn text(&self) -> Option<&str> {
        std::str::from_utf8(self.buffer.get(..self.length)?).ok()
    }
}

struct Unquote<'a> {
    bytes: &'a [u8],
    unquoted: &'a mut Unquoted,
}

impl Task for Unquote<'_> {
    type Output = Option<usize>;

    #[inline(always)]
    fn run(self, lanes: impl Lanes) -> Option<usize> {
        let Self { bytes, unquoted: Unquoted { buffer, length } } = self;
        *length = 0;
        if bytes.first() != Some(&b'"') {
            return None;
        }
        // No escape is shorter than what it stands for, and a step writes a whole block.
        if buffer.len() < bytes.len() + 64 {
            buffer.resize((bytes.len() + 64).next_power_of_two(), 0);
        }
        let (mut at, mut to, mut last) = (1usize, 0usize, [0; 64]);
        // One if the first byte of the next block is escaped, by a backslash that was dropped.
        let mut carry = 0;
        loop {
            // Behind the end stand control characters, which end a string that is not closed.
            let block = block_at(bytes, at, 0, &mut last);
            let classes = lanes.classes(block);
            let introducing = introducing(classes.backslash & !carry);
            let escaped = introducing << 1 | carry;
            let closing = classes.quote & !escaped;
            let replaced = escaped & !(classes.quote | classes.backslash);
            lanes.compact(block, introducing, buffer.get_mut(to..)?.first_chunk_mut()?);
            let stops = closing | classes.control | replaced;
            if stops == 0 {
                // So the next block need not wait for what is in this one.
                at = at.wrapping_add(64);
                to = to.wrapping_add(introducing.count_zeros() as usize);
                carry = introducing >> 63;
                continue;
            }
            let stop = stops & stops.wrapping_neg();
            let before = stop.wrapping_sub(1);
            to += (before & !introducing).count_ones() as usize;
            at += before.count_ones() as usize;
            if stop & closing != 0 {
                *length = to;
                return Some(at + 1);
            }
            if stop & replaced == 0 {
                return None;
            }
            carry = 0;
            loop {
                let (character, passed) = replacement(bytes.get(at..)?)?;
                to += character.encode_utf8(buffer.get_mut(to..to + 4)?).len();
                at += passed;
                // Often there are several: line ends and what the next line is set in by.
                if bytes.get(at) != Some(&b'\\') {
                    break;
                }
                at += 1;
            }
        }
    }
}

/// What an escape stands for, given what is behind its backslash, and how long that is.
fn replacement(behind: &[u8]) -> Option<(char, usize)> {
    Some(match behind.first()? {
        plain @ (b'"' | b'\\' | b'/') => (char::from(*plain), 1),
        b'b' => ('\u{8}', 1),
        b'f' => ('\u{c}', 1),
        b'n' => ('\n', 1),
        b'r' => ('\r', 1),
        b't' => ('\t', 1),
        b'u' => {
            let unit = hexadecimal(behind.get(1..5)?)?;
            match char::from_u32(unit.into()) {
                Some(character) => (character, 5),
                None if behind.get(5..7)? == b"\\u" => {
                    let second = hexadecimal(behind.get(7..11)?)?;
                    (char::decode_utf16([unit, second]).next()?.ok()?, 11)
                },
                None => return None,
            }
        },
        _ => return None,
    })
}

fn hexadecimal(digits: &[u8]) -> Option<u16> {
    digits
        .iter()
        .try_fold(0, |sum, digit| Some(sum << 4 | u16::try_from(char::from(*digit).to_digit(16)?).ok()?))
}

#[cfg(test)]
mod tests;
