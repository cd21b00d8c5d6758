//! An event's payload, decoded for evaluation.

use serde_json::Value;

use crate::document::{Document, DocumentError, Node, Wanted, read_usual, read_usual_quoted, unquoted};

/// The deepest nesting that is accepted: a scalar is at depth 0, `[]` at 1.
pub const DEPTH_MAX: usize = 64;

/// Why a payload is no payload.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PayloadError {
    /// The bytes are not one JSON document; line and column count from 1 within the payload.
    #[error("payload is not JSON at line {line} column {column}: {message}")]
    NotJson {
        /// Line of the fault, from 1.
        line: usize,
        /// Column of the fault, from 1.
        column: usize,
        /// What belongs there; nothing of the payload.
        message: String,
    },
    /// Nested deeper than [`DEPTH_MAX`].
    #[error("payload is nested deeper than {DEPTH_MAX}")]
    TooDeep,
}

/// A decoded payload. Held behind a type of our own, so that what the matcher reads can change without its callers.
#[derive(Clone, PartialEq)]
pub struct Payload {
    root: Node,
    is_altered: bool,
}

impl Payload {
    /// Decodes one JSON document. Duplicate keys: the last one wins.
    ///
    /// # Errors
    /// Where and why the text is no payload.
    pub fn parse(text: &str) -> Result<Self, PayloadError> {
        Self::parse_part(text, Wanted::All)
    }

    /// Decodes one JSON document and keeps only what is wanted; the same texts are accepted.
    pub(crate) fn parse_part(text: &str, wanted: Wanted<'_>) -> Result<Self, PayloadError> {
        if let Some(root) = read_usual(text, DEPTH_MAX, &wanted) {
            return Ok(Self { root, is_altered: false });
        }
        match Document::parse_part(text, DEPTH_MAX, wanted) {
            Ok(Document { root, replaced }) => Ok(Self { root, is_altered: replaced.is_some() }),
            Err(DocumentError::TooDeep { .. }) => Err(PayloadError::TooDeep),
            Err(DocumentError::Syntax { place, expected }) => Err(PayloadError::NotJson {
                line: place.line,
                column: place.column,
                message: format!("expected {expected}"),
            }),
        }
    }

    /// Decodes a document that stands in a JSON string, as it is written, quotes and escapes included.
    ///
    /// # Errors
    /// As [`Payload::parse`]; places count within the decoded string, or within the literal if it is no string.
    pub fn parse_quoted(literal: &str) -> Result<Self, PayloadError> {
        Self::parse_part_quoted(literal, Wanted::All)
    }

    /// Decodes a document that stands in a JSON string and keeps only what is wanted of it.
    pub(crate) fn parse_part_quoted(literal: &str, wanted: Wanted<'_>) -> Result<Self, PayloadError> {
        if let Some(root) = read_usual_quoted(literal, DEPTH_MAX, &wanted) {
            return Ok(Self { root, is_altered: false });
        }
        let Some((text, is_altered)) = unquoted(literal) else {
            // No string, or none that can be read: the reader of documents says why.
            Self::parse(literal)?;
            return Err(PayloadError::NotJson {
                line: 1,
                column: 1,
                message: "expected a string".to_owned(),
            });
        };
        let inner = Self::parse_part(&text, wanted)?;
        Ok(Self { is_altered: inner.is_altered || is_altered, ..inner })
    }

    /// The document.
    pub fn root(&self) -> &Node {
        &self.root
    }

    /// Whether half a surrogate pair was replaced by U+FFFD, so that the payload is not quite what was sent.
    pub fn is_altered(&self) -> bool {
        self.is_altered
    }
}

impl From<Value> for Payload {
    /// Wraps a value made in code, where depth is the caller's care.
    fn from(value: Value) -> Self {
        Self { root: Node::from(&value), is_altered: false }
    }
}

impl From<Node> for Payload {
    /// Wraps a document made in code, where depth is the caller's care.
    fn from(root: Node) -> Self {
        Self { root, is_altered: false }
    }
}

/// Payloads never reach logs, so the debug form is a mask.
impl std::fmt::Debug for Payload {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Payload(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nested(depth: usize) -> String {
        "[".repeat(depth) + &"]".repeat(depth)
    }

    #[test]
    fn depth_64_is_accepted_and_65_refused() {
        assert!(Payload::parse(&nested(64)).is_ok());
        assert_eq!(Payload::parse(&nested(65)), Err(PayloadError::TooDeep));
        assert_eq!(Payload::parse(&nested(100_000)), Err(PayloadError::TooDeep));
    }

    #[test]
    fn brackets_inside_strings_do_not_nest() {
        let text = format!(r#"{{"a":"{}\"{}"}}"#, "[".repeat(100), "{".repeat(100));
        assert!(Payload::parse(&text).is_ok());
    }

    #[test]
    fn a_fault_is_placed_and_not_quoted() {
        let error = Payload::parse("{\"secret\":\n tru}").unwrap_err();
        let PayloadError::NotJson { line, message, .. } = &error else { panic!("{error}") };
        assert_eq!(*line, 2);
        assert!(!message.contains("secret"));
    }

    #[test]
    fn the_last_of_duplicate_keys_wins() {
        let payload = Payload::parse(r#"{"a":1,"a":2}"#).unwrap();
        assert_eq!(payload, Payload::from(serde_json::json!({"a": 2})));
    }

    #[test]
    fn half_a_surrogate_pair_is_noted_and_loses_no_event() {
        assert!(Payload::parse(r#"{"a":"\ud800"}"#).unwrap().is_altered());
        assert!(!Payload::parse(r#"{"a":"\ud83d\ude00"}"#).unwrap().is_altered());
        for literal in [r#""{\"a\":\"\ud800\"}""#, r#""{\"a\":\"\\ud800\"}""#] {
            let payload = Payload::parse_quoted(literal).unwrap();
            assert_eq!(payload.root().member("a").and_then(Node::as_str), Some("\u{fffd}"), "{literal}");
            assert!(payload.is_altered());
        }
        assert!(Payload::parse_quoted("{}").is_err() && Payload::parse_quoted(r#""{""#).is_err());
    }
}
