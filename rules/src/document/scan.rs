//! A scan that checks a whole document at the speed of memory, and marks where its containers and their members stand.
//!
//! Sixty-four bytes at a step, each step a handful of operations on masks with one bit per byte: which bytes are in
//! strings (`strings`), whether each token may follow the one before it (`grammar`), numbers and words (`scalars`), and
//! only for brackets a loop of its own (`nesting`), because what a comma means is the same from one bracket to the next.
//! So a document is checked without a look at every token, and the marks are enough to walk it (`gather`).
//!
//! The scan passes sound documents. It gives no reasons: whatever it does not pass, the reader goes over, and says what is
//! wrong or, as with half a surrogate pair, that nothing is.

mod grammar;
mod nesting;
mod places;
mod scalars;
mod strings;

use crate::simd::{Block, Lanes, Task, block_at};
use grammar::Grammar;
use nesting::Nesting;
use strings::Strings;

pub(super) use nesting::{DEPTH_MAX, Mark};
pub(super) use places::Places;

/// Scans one document.
pub(super) struct Scan<'a> {
    pub(super) text: &'a [u8],
    /// At most [`DEPTH_MAX`].
    pub(super) depth_max: usize,
    /// Where marks are written; earlier ones are overwritten, and those behind the last one mean nothing.
    pub(super) marks: &'a mut Vec<Mark>,
    /// Where numbers and words wait to be checked, all at once.
    pub(super) scalars: &'a mut Places,
}

impl Task for Scan<'_> {
    /// How many marks were written, if the document is sound.
    type Output = Option<usize>;

    #[inline(always)]
    fn run(self, lanes: impl Lanes) -> Option<usize> {
        // Places in marks are of 32 bits.
        u32::try_from(self.text.len()).ok()?;
        let mut steps = Steps {
            strings: Strings::default(),
            grammar: Grammar::default(),
            scalars: self.scalars,
            nesting: Nesting::new(self.depth_max, self.marks),
        };
        steps.scalars.clear();
        let (mut at, mut last) = (0, [0; 64]);
        while at < self.text.len() {
            steps.block(lanes, self.text, at, block_at(self.text, at, b' ', &mut last))?;
            at += 64;
        }
        // Behind a last block that is full there is no blank to end a word or a number.
        steps.scalars.iter().try_for_each(|at| scalars::is_sound(self.text, at))?;
        let sound = steps.strings.is_closed() && steps.grammar.is_complete() && steps.nesting.is_closed();
        sound.then(|| steps.nesting.count())
    }
}

/// What one step hands to the next one.
struct Steps<'a> {
    strings: Strings,
    grammar: Grammar,
    scalars: &'a mut Places,
    nesting: Nesting<'a>,
}

impl Steps<'_> {
    #[inline(always)]
    fn block(&mut self, lanes: impl Lanes, text: &[u8], at: usize, block: &Block) -> Option<()> {
        let classes = lanes.classes(block);
        let strings = self.strings.block(lanes, &classes, text, at)?;
        let tokens = self.grammar.block(&classes, &strings);
        // Texts are not as long as 32 bits could count.
        let at = u32::try_from(at).ok()?;
        if tokens.scalars != 0 {
            self.scalars.add(tokens.scalars, at);
        }
        self.nesting.block(&tokens, block, at)
    }
}

#[cfg(test)]
mod tests;
