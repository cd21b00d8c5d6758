//! Whether each token may follow the one before it, for all tokens of a block at once.
//!
//! A document is sound if its strings, numbers and words are, its brackets pair, and
//! - a value stands at the start and behind each bracket that opens, comma and colon, or the bracket is closed at once;
//! - behind a value comes a comma, a bracket that closes, or the end; a colon instead if it is a name;
//! - a name is a string that stands behind a bracket that opens or a comma, with a colon behind it;
//! - what stands behind brackets that open and commas has a name in objects, and has none in arrays.
//!
//! All but the last hold between neighbours, so each is a few operations on masks: where tokens of a kind end, where the
//! next ones begin behind them, and which those may be. The last one takes the brackets around and is left to `nesting`.

use super::strings::Quoted;
use crate::simd::Classes;

/// What one block hands to the next one: one if its first byte, or the first one behind its blanks, follows …
#[derive(Debug)]
pub(super) struct Grammar {
    /// … a bracket that opens or a comma.
    part: u64,
    /// … one of these, a colon, or nothing: it is the start of the document.
    value: u64,
    /// … a value or a bracket that opens.
    end: u64,
    /// … what may be a name.
    name: u64,
    /// One if the block begins in a string that may be a name.
    in_name: u64,
    /// One if it begins in a number or a word.
    in_scalar: u64,
}

impl Default for Grammar {
    fn default() -> Self {
        Self { part: 0, value: 1, end: 0, name: 0, in_name: 0, in_scalar: 0 }
    }
}

/// What a block holds outside of its strings.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tokens {
    pub(super) open: u64,
    pub(super) close: u64,
    pub(super) comma: u64,
    pub(super) colon: u64,
    /// Where numbers and words begin.
    pub(super) scalars: u64,
    /// Where members and elements begin.
    pub(super) parts: u64,
    /// Where it is seen of one of them that it has no name: at its first or right behind its last byte.
    pub(super) nameless: u64,
    /// What may not stand where it does, here or in a string.
    pub(super) misplaced: u64,
}

impl Grammar {
    /// The tokens of the next block.
    #[inline(always)]
    pub(super) fn block(&mut self, classes: &Classes, strings: &Quoted) -> Tokens {
        if classes.blank & !strings.inside == 0 {
            self.tokens::<false>(classes, strings)
        } else {
            self.tokens::<true>(classes, strings)
        }
    }

    /// Whether the document may end here.
    pub(super) fn is_complete(&self) -> bool {
        self.end == 1
    }

    #[inline(always)]
    fn tokens<const BLANKS: bool>(&mut self, classes: &Classes, strings: &Quoted) -> Tokens {
        let outside = !strings.inside;
        let (open, close) = (classes.open & outside, classes.close & outside);
        let (comma, colon) = (classes.comma & outside, classes.colon & outside);
        let blank = if BLANKS { classes.blank & outside } else { 0 };
        let scalar = outside & !(strings.closing | open | close | comma | colon | blank);
        let scalars = scalar & !(scalar << 1 | self.in_scalar);
        self.in_scalar = scalar >> 63;

        let divides = open | comma;
        let parts = behind::<BLANKS>(divides, 0, &mut self.part, blank);
        let values = behind::<BLANKS>(divides | colon, 0, &mut self.value, blank);
        let ends = behind::<BLANKS>(strings.closing | close | scalar | open, scalar, &mut self.end, blank);

        let (sum, left) = strings.inside.overflowing_add(strings.opening & parts);
        let (sum, still_left) = sum.overflowing_add(self.in_name);
        self.in_name = u64::from(left | still_left);
        let names = sum & !strings.inside & strings.closing;
        let behind_name = behind::<BLANKS>(names, 0, &mut self.name, blank);

        let misplaced = (strings.opening | open | scalars) & !values
            // A bracket may close behind the one that opens, but not behind a comma; a comma stands behind neither.
            | close & !ends
            | comma & (parts | !ends)
            | colon & !behind_name
            | strings.misplaced;
        let nameless = behind_name & !colon | parts & !(strings.opening | close);
        Tokens { open, close, comma, colon, scalars, parts, nameless, misplaced }
    }
}

/// Where the next tokens begin behind some that end in these bytes; they cannot begin where one goes on. A sum runs through
/// the blanks that begin there, and out of the block if they reach its end.
#[inline(always)]
fn behind<const BLANKS: bool>(ends: u64, goes_on: u64, carry: &mut u64, blank: u64) -> u64 {
    let next = (ends << 1 | *carry) & !goes_on;
    *carry = ends >> 63;
    if !BLANKS {
        return next;
    }
    let (sum, left) = next.overflowing_add(blank);
    *carry |= u64::from(left);
    sum & !blank
}
