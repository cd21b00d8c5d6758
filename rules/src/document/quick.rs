//! The quick way to a document: scan, then gather, in memory that each thread keeps for the next text.

use std::cell::Cell;

use super::gather::{Parts, gather};
use super::scan::{DEPTH_MAX, Mark, Places, Scan};
use super::unquote::Unquoted;
use super::{Node, Wanted};
use crate::simd;

/// For so many marks or parts memory is kept at most; texts that have more are rare, and pay for theirs.
const ROOM_MAX: usize = 1 << 17;

/// Memory that is used again.
#[derive(Debug, Default)]
struct Scratch {
    marks: Vec<Mark>,
    scalars: Places,
    parts: Parts,
}

thread_local! {
    static SCRATCH: Cell<Option<Box<Scratch>>> = const { Cell::new(None) };
}

/// Reads one sound JSON text and keeps what is wanted. Answers nothing if the text is no document, or an unusual one (half a
/// surrogate pair); then the reader says what holds.
pub(crate) fn read_usual(text: &str, depth_max: usize, wanted: &Wanted<'_>) -> Option<Node> {
    with_scratch(|scratch| scratch.read(text, depth_max, wanted))
}

/// Reads a document that stands in a JSON string, as [`read_usual`] does.
pub(crate) fn read_usual_quoted(literal: &str, depth_max: usize, wanted: &Wanted<'_>) -> Option<Node> {
    Unquoted::lend(|unquoted| {
        let length = unquoted.read(literal.as_bytes())?;
        let text = if length == literal.len() { unquoted.text()? } else { return None };
        read_usual(text, depth_max, wanted)
    })
}

/// The scratch is taken out while it is used, so nothing breaks should its user come back here.
fn with_scratch<T>(read: impl FnOnce(&mut Scratch) -> T) -> T {
    let mut scratch = SCRATCH.take().unwrap_or_default();
    let result = read(&mut scratch);
    scratch.trim();
    SCRATCH.set(Some(scratch));
    result
}

impl Scratch {
    fn read(&mut self, text: &str, depth_max: usize, wanted: &Wanted<'_>) -> Option<Node> {
        if depth_max > DEPTH_MAX {
            return None;
        }
        let Self { marks, scalars, .. } = self;
        let scan = Scan { text: text.as_bytes(), depth_max, marks, scalars };
        let count = simd::best(scan)?;
        if wanted.is_nothing() {
            return Some(Node::Null);
        }
        gather(text, self.marks.get(..count)?, &mut self.parts, wanted)
    }

    fn trim(&mut self) {
        self.parts.clear();
        if self.marks.len().max(self.scalars.room()).max(self.parts.room()) > ROOM_MAX {
            *self = Self::default();
        }
    }
}

#[cfg(test)]
mod tests;
