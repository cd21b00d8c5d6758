//! Which bytes are in strings, and whether what stands there may.

use crate::simd::{Classes, Lanes, introducing};

/// What one block hands to the next one.
#[derive(Debug, Default)]
pub(super) struct Strings {
    /// All ones if the block begins in a string.
    inside: u64,
    /// One if its first byte is escaped.
    escaped: u64,
    /// Where the `u` of a second half of a surrogate pair stands, whose first half has been seen.
    second_half: usize,
}

/// The strings of a block.
#[derive(Debug, Clone, Copy)]
pub(super) struct Quoted {
    /// From opening quotes, which are included, to closing ones, which are not.
    pub(super) inside: u64,
    pub(super) opening: u64,
    pub(super) closing: u64,
    /// Control characters in strings.
    pub(super) misplaced: u64,
}

impl Strings {
    /// The strings of the next block, if their escapes are sound and no half of a surrogate pair stands alone.
    #[inline(always)]
    pub(super) fn block(
        &mut self,
        lanes: impl Lanes,
        classes: &Classes,
        text: &[u8],
        at: usize,
    ) -> Option<Quoted> {
        let mut escaped = self.escaped;
        self.escaped = 0;
        if classes.backslash != 0 {
            let introducing = introducing(classes.backslash & !escaped);
            self.escaped = introducing >> 63;
            escaped |= introducing << 1;
        }
        if escaped != 0 {
            self.escapes(text, at, escaped)?;
        }
        let quote = classes.quote & !escaped;
        let inside = lanes.odd_from_start(quote) ^ self.inside;
        self.inside = (inside >> 63).wrapping_neg();
        Some(Quoted {
            inside,
            opening: quote & inside,
            closing: quote & !inside,
            misplaced: classes.control & inside,
        })
    }

    /// Whether no string is open at the end.
    pub(super) fn is_closed(&self) -> bool {
        self.inside == 0
    }

    /// Checks escapes, given what stands behind their backslashes. One outside of strings is refused elsewhere: a
    /// backslash begins no value.
    fn escapes(&mut self, text: &[u8], at: usize, mut escaped: u64) -> Option<()> {
        while escaped != 0 {
            let at = at + escaped.trailing_zeros() as usize;
            escaped &= escaped - 1;
            match text.get(at)? {
                b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => {},
                b'u' if at == self.second_half => {},
                b'u' => self.unicode(text.get(at + 1..)?, at)?,
                _ => return None,
            }
        }
        Some(())
    }

    fn unicode(&mut self, behind: &[u8], at: usize) -> Option<()> {
        let digits = behind.first_chunk::<4>()?;
        let is_hexadecimal = digits.iter().all(u8::is_ascii_hexdigit);
        match digits {
            [b'd' | b'D', b'8' | b'9' | b'a' | b'b' | b'A' | b'B', ..] => {
                let [b'\\', b'u', b'd' | b'D', b'c'..=b'f' | b'C'..=b'F', third, fourth] =
                    behind.get(4..10)?
                else {
                    return None;
                };
                self.second_half = at + 6;
                (is_hexadecimal && third.is_ascii_hexdigit() && fourth.is_ascii_hexdigit()).then_some(())
            },
            [b'd' | b'D', b'c'..=b'f' | b'C'..=b'F', ..] => None,
            _ => is_hexadecimal.then_some(()),
        }
    }
}
