//! Whether brackets pair, and what stands between them belongs there; and the marks of what they hold.

use super::grammar::Tokens;
use super::places;
use crate::simd::Block;

/// The deepest nesting that can be scanned: the kinds of all open brackets stand in one word.
pub(in super::super) const DEPTH_MAX: usize = 64;

/// A place where something begins or ends. Those of a document stand in the order of its text: each member and element at
/// its first byte, each bracket, and what is both once.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in super::super) struct Mark {
    /// The byte.
    pub(in super::super) at: u32,
    /// For a bracket that opens, the mark of the one that closes; else it means nothing.
    pub(in super::super) close: u32,
}

#[derive(Debug)]
pub(super) struct Nesting<'a> {
    depth_max: usize,
    depth: usize,
    /// The kinds of open brackets, one for braces, the innermost lowest.
    kinds: u64,
    /// The marks of open brackets, the outermost first.
    opened: [u32; DEPTH_MAX],
    marks: &'a mut Vec<Mark>,
    count: usize,
}

impl<'a> Nesting<'a> {
    pub(super) fn new(depth_max: usize, marks: &'a mut Vec<Mark>) -> Self {
        let depth_max = depth_max.min(DEPTH_MAX);
        Self { depth_max, depth: 0, kinds: 0, opened: [0; DEPTH_MAX], marks, count: 0 }
    }

    /// Goes over the brackets of the next block, and refuses it if anything in it is misplaced.
    #[inline(always)]
    pub(super) fn block(&mut self, tokens: &Tokens, block: &Block, at: u32) -> Option<()> {
        let mut brackets = tokens.open | tokens.close;
        let marked = tokens.parts | brackets;
        let slots = places::slots(self.marks, self.count);
        places::write::<4, _>(slots, marked, |slot, place| slot.at = at | place);
        // What stands up to and with a bracket is within those before it.
        let (mut astray, mut before) = (tokens.misplaced, 0);
        while brackets != 0 {
            let bracket = brackets & brackets.wrapping_neg();
            let upto = bracket | bracket.wrapping_sub(1);
            astray |= self.out_of_place(tokens) & upto & !before;
            before = upto;
            let place = brackets.trailing_zeros() as usize;
            let is_brace = block[place % 64] & 0x20 != 0;
            let behind = (marked & bracket.wrapping_sub(1)).count_ones() as usize;
            let mark = self.count.wrapping_add(behind);
            if tokens.open & bracket != 0 {
                self.open(is_brace, mark)?;
            } else {
                self.close(is_brace, mark)?;
            }
            brackets &= brackets.wrapping_sub(1);
        }
        astray |= self.out_of_place(tokens) & !before;
        self.count = self.count.wrapping_add(marked.count_ones() as usize);
        if astray == 0 { Some(()) } else { None }
    }

    /// Whether no bracket is open.
    pub(super) fn is_closed(&self) -> bool {
        self.depth == 0
    }

    /// How many marks have been written.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// What may not stand directly within the innermost bracket.
    #[inline(always)]
    fn out_of_place(&self, tokens: &Tokens) -> u64 {
        if self.depth == 0 {
            tokens.comma
        } else if self.kinds & 1 == 1 {
            tokens.nameless
        } else {
            tokens.colon
        }
    }

    #[inline(always)]
    fn open(&mut self, is_brace: bool, mark: usize) -> Option<()> {
        if self.depth >= self.depth_max {
            return None;
        }
        self.opened[self.depth % DEPTH_MAX] = u32::try_from(mark).ok()?;
        self.kinds = self.kinds << 1 | u64::from(is_brace);
        self.depth = self.depth.wrapping_add(1);
        Some(())
    }

    #[inline(always)]
    fn close(&mut self, is_brace: bool, mark: usize) -> Option<()> {
        self.depth = self.depth.checked_sub(1)?;
        if self.kinds & 1 != u64::from(is_brace) {
            return None;
        }
        self.kinds >>= 1;
        let opened = self.opened[self.depth % DEPTH_MAX] as usize;
        self.marks.get_mut(opened)?.close = u32::try_from(mark).ok()?;
        Some(())
    }
}
