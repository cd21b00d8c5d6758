//! Walks the marks of a scanned document and keeps what is wanted of it.
//!
//! The text is sound here, so members that nobody looks at cost a glance at two bytes of their names, and containers one
//! step to their end. Should marks and text disagree all the same, nothing is answered and the reader reads.

use std::borrow::Cow;

use super::scan::Mark;
use super::{Node, Object, Wanted, number, string};
use crate::cursor::{Cursor, is_blank};

/// Where parts wait until their container is complete, so that it is allocated once and no larger than it must be.
#[derive(Debug, Default)]
pub(super) struct Parts {
    members: Vec<(Box<str>, Node)>,
    elements: Vec<Node>,
}

impl Parts {
    /// Forgets everything, which is something only after a walk that has failed.
    pub(super) fn clear(&mut self) {
        self.members.clear();
        self.elements.clear();
    }

    /// How much memory is held, in parts.
    pub(super) fn room(&self) -> usize {
        self.members.capacity().max(self.elements.capacity())
    }
}

/// What is wanted of a scanned document.
pub(super) fn gather(text: &str, marks: &[Mark], parts: &mut Parts, wanted: &Wanted<'_>) -> Option<Node> {
    let start = text.bytes().position(|byte| !is_blank(byte))?;
    Walk { text, marks, parts }.value(start, 0, wanted)
}

struct Walk<'a> {
    text: &'a str,
    marks: &'a [Mark],
    parts: &'a mut Parts,
}

impl<'a> Walk<'a> {
    /// The value that begins at an offset, and at a mark if it is a container.
    fn value(&mut self, at: usize, mark: usize, wanted: &Wanted<'_>) -> Option<Node> {
        if wanted.is_nothing() {
            return Some(Node::Null);
        }
        let is_kept = matches!(wanted, Wanted::All);
        Some(match self.byte(at)? {
            b'{' => Node::Object(self.object(mark, wanted)?),
            b'[' => Node::Array(self.array(mark, wanted)?),
            b't' => Node::Bool(true),
            b'f' => Node::Bool(false),
            b'"' if is_kept => Node::String(self.string(at)?.0.into()),
            b'-' | b'0'..=b'9' if is_kept => Node::Number(number::literal(&mut self.cursor(at))?),
            _ => Node::Null,
        })
    }

    fn object(&mut self, opened: usize, wanted: &Wanted<'_>) -> Option<Object> {
        let beginnings = wanted.beginnings();
        let closed = self.marks.get(opened)?.close as usize;
        let before = self.parts.members.len();
        let mut mark = opened + 1;
        while mark < closed {
            let at = self.at(mark)?;
            let value_mark = mark + 1;
            mark = match self.byte(self.at(value_mark)?)? {
                b'{' | b'[' => self.marks.get(value_mark)?.close as usize + 1,
                _ => value_mark,
            };
            let beginning = self.text.as_bytes().get(at + 1..)?.first_chunk()?;
            if !beginnings.may_have(*beginning) {
                continue;
            }
            let (name, behind) = self.string(at)?;
            let below = wanted.member(&name);
            if !below.is_nothing() {
                let at = self.behind_blanks(self.behind_blanks(behind)? + 1)?;
                let value = self.value(at, value_mark, &below)?;
                self.parts.members.push((name.into(), value));
            }
        }
        Some(self.parts.members.drain(before..).collect())
    }

    fn array(&mut self, opened: usize, wanted: &Wanted<'_>) -> Option<Vec<Node>> {
        let below = wanted.element();
        let closed = self.marks.get(opened)?.close as usize;
        let before = self.parts.elements.len();
        let mut mark = opened + 1;
        while mark < closed {
            let at = self.at(mark)?;
            let element = self.value(at, mark, &below)?;
            self.parts.elements.push(element);
            mark = match self.byte(at)? {
                b'{' | b'[' => self.marks.get(mark)?.close as usize + 1,
                _ => mark + 1,
            };
        }
        Some(self.parts.elements.drain(before..).collect())
    }

    /// A string, borrowed where nothing is escaped, and the offset behind its closing quote.
    fn string(&self, at: usize) -> Option<(Cow<'a, str>, usize)> {
        let start = at + 1;
        let end = start + string::plain_bytes(self.text.as_bytes().get(start..)?);
        if self.byte(end)? == b'"' {
            return Some((Cow::Borrowed(self.text.get(start..end)?), end + 1));
        }
        let mut cursor = self.cursor(start);
        let unescaped = string::read(&mut cursor).ok()?;
        Some((Cow::Owned(unescaped.text.into()), cursor.at()))
    }

    fn behind_blanks(&self, mut at: usize) -> Option<usize> {
        while is_blank(self.byte(at)?) {
            at += 1;
        }
        Some(at)
    }

    fn cursor(&self, at: usize) -> Cursor<'a> {
        let mut cursor = Cursor::new(self.text);
        cursor.return_to(at);
        cursor
    }

    fn at(&self, mark: usize) -> Option<usize> {
        Some(self.marks.get(mark)?.at as usize)
    }

    fn byte(&self, at: usize) -> Option<u8> {
        self.text.as_bytes().get(at).copied()
    }
}
