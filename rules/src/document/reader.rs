//! The reader of JSON text: RFC 8259 by recursive descent, as deep as its caller allows.

use super::{Document, Node, number, string};
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

pub(super) fn read(text: &str, depth_max: usize) -> Result<Document, DocumentError> {
    let mut reader = Reader { cursor: Cursor::new(text), depth_max, replaced: None };
    let root = reader.document().map_err(|fault| {
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

impl Reader<'_> {
    fn document(&mut self) -> Result<Node, Fault> {
        let root = self.value(0)?;
        if self.cursor.is_done() { Ok(root) } else { Err("the end of the document".into()) }
    }

    /// One value with the blanks around it; `depth` is the number of arrays and objects around it.
    fn value(&mut self, depth: usize) -> Result<Node, Fault> {
        self.cursor.skip_blanks();
        let value = match self.cursor.peek() {
            b'{' => self.object(depth)?,
            b'[' => self.array(depth)?,
            b'"' => Node::String(self.string()?),
            b'-' | b'0'..=b'9' => Node::Number(number::literal(&mut self.cursor).ok_or("a number of JSON")?),
            b't' if self.cursor.eat("true") => Node::Bool(true),
            b'f' if self.cursor.eat("false") => Node::Bool(false),
            b'n' if self.cursor.eat("null") => Node::Null,
            _ => return Err("a value".into()),
        };
        self.cursor.skip_blanks();
        Ok(value)
    }

    fn object(&mut self, depth: usize) -> Result<Node, Fault> {
        self.descend(depth, "{")?;
        let mut members = Vec::new();
        while !self.cursor.eat("}") {
            if !members.is_empty() {
                self.expect(",", "`,` or `}`")?;
                self.cursor.skip_blanks();
            }
            if self.cursor.peek() != b'"' {
                return Err("a member's name in double quotes".into());
            }
            let name = self.string()?;
            self.cursor.skip_blanks();
            self.expect(":", "`:`")?;
            members.push((name, self.value(depth + 1)?));
        }
        Ok(Node::Object(members.into_iter().collect()))
    }

    fn array(&mut self, depth: usize) -> Result<Node, Fault> {
        self.descend(depth, "[")?;
        let mut elements = Vec::new();
        while !self.cursor.eat("]") {
            if !elements.is_empty() {
                self.expect(",", "`,` or `]`")?;
            }
            elements.push(self.value(depth + 1)?);
        }
        elements.shrink_to_fit();
        Ok(Node::Array(elements))
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
        self.cursor.eat("\"");
        let unescaped = string::read(&mut self.cursor)?;
        self.replaced = self.replaced.or(unescaped.replaced);
        Ok(unescaped.text)
    }

    fn expect(&mut self, wanted: &str, expected: &'static str) -> Result<(), Fault> {
        if self.cursor.eat(wanted) { Ok(()) } else { Err(expected.into()) }
    }
}

#[cfg(test)]
mod tests;
