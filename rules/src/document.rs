//! JSON documents as they are, nothing rounded: the reference representation of an event's payload.
//!
//! Text is accepted exactly where RFC 8259 accepts it, up to a depth. Numbers of any size are exact decimals. Of
//! duplicate names the last one wins, after unescaping. Half a surrogate pair becomes U+FFFD and is noted, so that one
//! bad character does not lose an event. `serde_json::Value` does none of these, hence a type of our own.
//!
//! There are two ways to a document. The reader (`reader`) goes byte by byte, and says where and why a text is none. The
//! other way (`quick`) passes sound text, which events nearly always are, at a fraction of that: it scans (`scan`), then
//! gathers what is wanted (`gather`). Where it passes a text, both give the same; where it does not, the reader decides.

mod beginnings;
mod convert;
mod gather;
mod interest;
mod number;
mod object;
mod quick;
mod reader;
mod scan;
mod skip;
mod string;
mod unquote;

use crate::cursor::Place;

pub use number::Number;
pub use object::Object;
pub use reader::DocumentError;
pub use skip::value_length;
pub use unquote::Unquoted;

pub(crate) use interest::{Interest, Wanted};
pub(crate) use number::literal as number_literal;
pub(crate) use quick::{read_usual, read_usual_quoted};
pub(crate) use string::{hexadecimal, unquoted};

/// One JSON value. Equality is that of RFC 9535: numbers by value, objects regardless of the order of their members.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Node {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number, exact.
    Number(Number),
    /// A string, unescaped.
    String(Box<str>),
    /// The elements in order.
    Array(Vec<Node>),
    /// The members in the order of the text.
    Object(Object),
}

impl Node {
    /// The value of that name, if this is an object that has it.
    pub fn member(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Object(members) => members.get(name),
            Self::Null | Self::Bool(_) | Self::Number(_) | Self::String(_) | Self::Array(_) => None,
        }
    }

    /// The text, if this is a string.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            Self::Null | Self::Bool(_) | Self::Number(_) | Self::Array(_) | Self::Object(_) => None,
        }
    }

    /// The number, if this is one.
    pub fn as_number(&self) -> Option<&Number> {
        match self {
            Self::Number(number) => Some(number),
            Self::Null | Self::Bool(_) | Self::String(_) | Self::Array(_) | Self::Object(_) => None,
        }
    }

    /// Whether this is `null`.
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// Whether this is `null`, `""`, `[]` or `{}`.
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Null => true,
            Self::Bool(_) | Self::Number(_) => false,
            Self::String(text) => text.is_empty(),
            Self::Array(elements) => elements.is_empty(),
            Self::Object(members) => members.is_empty(),
        }
    }

    /// Code points of a string, elements of an array, members of an object; nothing for others.
    pub fn length(&self) -> Option<Number> {
        let length = match self {
            Self::String(text) => text.chars().count(),
            Self::Array(elements) => elements.len(),
            Self::Object(members) => members.len(),
            Self::Null | Self::Bool(_) | Self::Number(_) => return None,
        };
        Some(Number::from(length))
    }

    /// The nodes directly below, in order.
    pub fn children(&self) -> Box<dyn Iterator<Item = &Self> + '_> {
        match self {
            Self::Array(elements) => Box::new(elements.iter()),
            Self::Object(members) => Box::new(members.iter().map(|(_, value)| value)),
            Self::Null | Self::Bool(_) | Self::Number(_) | Self::String(_) => Box::new(std::iter::empty()),
        }
    }

    /// What this is, in words and without its content.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Number(_) => "a number",
            Self::String(_) => "a string",
            Self::Array(_) => "an array",
            Self::Object(_) => "an object",
        }
    }
}

/// A text that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// The value.
    pub root: Node,
    /// Where the first half of a surrogate pair stood that became U+FFFD; nothing in a sound document.
    pub replaced: Option<Place>,
}

impl Document {
    /// Reads one JSON text. A scalar is at depth 0, `[]` at 1; deeper than `depth_max` is refused.
    ///
    /// # Errors
    /// Where and why the text is no JSON, without a word of its content.
    pub fn parse(text: &str, depth_max: usize) -> Result<Self, DocumentError> {
        reader::read(text, depth_max, Wanted::All)
    }

    /// Reads one JSON text as [`Document::parse`] does, but keeps only what is wanted. Elements that are not wanted are
    /// null, so that those behind them keep their index; members that are not wanted are absent.
    pub(crate) fn parse_part(
        text: &str,
        depth_max: usize,
        wanted: Wanted<'_>,
    ) -> Result<Self, DocumentError> {
        reader::read(text, depth_max, wanted)
    }
}
