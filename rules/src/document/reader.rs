//! The reader of JSON text: RFC 8259 by recursive descent, as deep as its caller allows.

use std::borrow::Cow;

use super::{Document, Node, Wanted, number, skip, string};
use crate::cursor::{Cursor, Place};

/// Why a text is no document.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DocumentError {
    /// Not JSON.
    #[error("line {} column {}: expected {expected}", place.line, place.column)]
    Syntax {
        /// Where.
        place: Place,
        /// What belongs there.
        expected: &'static str,
    },
    /// Arrays and objects nest deeper than allowed.
    #[error("line {} column {}: nested deeper than {depth_max}", place.line, place.column)]
    TooDeep {
        /// Where the first bracket stands that is too many.
        place: Place,
        /// What is allowed.
        depth_max: usize,
    },
}

pub(super) fn read(text: &str, depth_max: usize, wanted: Wanted<'_>) -> Result<Document, DocumentError> {
    let mut reader = Reader { cursor: Cursor::new(text), depth_max, replaced: None, is_usual: true };
    let root = reader.document(&wanted).map_err(|fault| {
        let place = Place::of(text, reader.cursor.at());
        match fault {
            Fault::Expected(expected) => DocumentError::Syntax { place, expected },
            Fault::TooDeep => DocumentError::TooDeep { place, depth_max },
        }
    })?;
    Ok(Document { root, replaced: reader.replaced.map(|at| Place::of(text, at)) })
}

struct Reader<'a> {
    cursor: Cursor<'a>,
    depth_max: usize,
    replaced: Option<usize>,
    /// Whether what nobody looks at could be passed by the scan so far; it is not tried twice over one text.
    is_usual: bool,
}

/// What is wrong at the cursor's place.
enum Fault {
    Expected(&'static str),
    TooDeep,
}

impl From<&'static str> for Fault {
    fn from(expected: &'static str) -> Self {
        Self::Expected(expected)
    }
}

impl<'a> Reader<'a> {
    fn document(&mut self, wanted: &Wanted<'_>) -> Result<Node, Fault> {
        let root = self.value(0, wanted)?;
        if self.cursor.is_done() { Ok(root) } else { Err("the end of the document".into()) }
    }

    /// One value with the blanks around it; `depth` is the number of arrays and objects around it. What is not wanted
    /// passes the same grammar and becomes null.
    fn value(&mut self, depth: usize, wanted: &Wanted<'_>) -> Result<Node, Fault> {
        self.cursor.skip_blanks();
        if wanted.is_nothing() && self.is_usual && self.scan(depth) {
            self.cursor.skip_blanks();
            return Ok(Node::Null);
        }
        let value = match self.cursor.peek() {
            b'{' => self.object(depth, wanted)?,
            b'[' => self.array(depth, wanted)?,
            b'"' if !matches!(wanted, Wanted::All) => self.skip_string()?,
            b'"' => Node::String(self.string()?),
            b'-' | b'0'..=b'9' if !matches!(wanted, Wanted::All) => {
                number::skip(&mut self.cursor).ok_or("a number of JSON")?;
                Node::Null
            },
            b'-' | b'0'..=b'9' => Node::Number(number::literal(&mut self.cursor).ok_or("a number of JSON")?),
            b't' if self.cursor.eat("true") => Node::Bool(true),
            b'f' if self.cursor.eat("false") => Node::Bool(false),
            b'n' if self.cursor.eat("null") => Node::Null,
            _ => return Err("a value".into()),
        };
        self.cursor.skip_blanks();
        Ok(if wanted.is_nothing() { Node::Null } else { value })
    }

    /// Passes a value by the scan, if it can.
    fn scan(&mut self, depth: usize) -> bool {
        let rest = self.cursor.rest().as_bytes();
        let end = skip::value(rest, 0, self.depth_max.saturating_sub(depth));
        self.is_usual = end.is_some();
        self.cursor.return_to(self.cursor.at() + end.unwrap_or(0));
        self.is_usual
    }

    fn object(&mut self, depth: usize, wanted: &Wanted<'_>) -> Result<Node, Fault> {
        self.descend(depth, "{")?;
        let (mut members, mut first) = (Vec::new(), true);
        while !self.cursor.eat("}") {
            if !first {
                self.expect(",", "`,` or `}`")?;
                self.cursor.skip_blanks();
            }
            first = false;
            if self.cursor.peek() != b'"' {
                return Err("a member's name in double quotes".into());
            }
            if wanted.is_nothing() {
                self.skip_string()?;
                self.colon()?;
                self.value(depth + 1, wanted)?;
                continue;
            }
            let name = self.name()?;
            self.colon()?;
            let below = wanted.member(&name);
            let value = self.value(depth + 1, &below)?;
            if !below.is_nothing() {
                members.push((name.into(), value));
            }
        }
        Ok(if wanted.is_nothing() { Node::Null } else { Node::Object(members.into_iter().collect()) })
    }

    fn array(&mut self, depth: usize, wanted: &Wanted<'_>) -> Result<Node, Fault> {
        self.descend(depth, "[")?;
        let below = wanted.element();
        let (mut elements, mut first) = (Vec::new(), true);
        while !self.cursor.eat("]") {
            if !first {
                self.expect(",", "`,` or `]`")?;
            }
            first = false;
            let element = self.value(depth + 1, &below)?;
            if !wanted.is_nothing() {
                elements.push(element);
            }
        }
        if wanted.is_nothing() {
            return Ok(Node::Null);
        }
        elements.shrink_to_fit();
        Ok(Node::Array(elements))
    }

    fn colon(&mut self) -> Result<(), Fault> {
        self.cursor.skip_blanks();
        self.expect(":", "`:`")
    }

    fn descend(&mut self, depth: usize, bracket: &str) -> Result<(), Fault> {
        if depth >= self.depth_max {
            return Err(Fault::TooDeep);
        }
        self.cursor.eat(bracket);
        self.cursor.skip_blanks();
        Ok(())
    }

    fn string(&mut self) -> Result<Box<str>, Fault> {
        if let Some(length) = string::plain(self.cursor.rest()) {
            let start = self.cursor.at() + 1;
            self.cursor.return_to(start + length + 1);
            return Ok(self.cursor.between(start, start + length).into());
        }
        self.cursor.eat("\"");
        let unescaped = string::read(&mut self.cursor)?;
        self.replaced = self.replaced.or(unescaped.replaced);
        Ok(unescaped.text)
    }

    /// A member's name, borrowed where nothing is escaped.
    fn name(&mut self) -> Result<Cow<'a, str>, Fault> {
        let start = self.cursor.at() + 1;
        match string::plain(self.cursor.rest()) {
            Some(length) => {
                self.cursor.return_to(start + length + 1);
                Ok(Cow::Borrowed(self.cursor.between(start, start + length)))
            },
            None => Ok(Cow::Owned(self.string()?.into())),
        }
    }

    fn skip_string(&mut self) -> Result<Node, Fault> {
        self.cursor.eat("\"");
        let replaced = string::skip(&mut self.cursor)?;
        self.replaced = self.replaced.or(replaced);
        Ok(Node::Null)
    }

    fn expect(&mut self, wanted: &str, expected: &'static str) -> Result<(), Fault> {
        if self.cursor.eat(wanted) { Ok(()) } else { Err(expected.into()) }
    }
}

#[cfg(test)]
mod tests;
