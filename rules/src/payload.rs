//! An event's payload, decoded for evaluation.

use serde_json::Value;

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
        /// What the parser says.
        message: String,
    },
    /// Nested deeper than [`DEPTH_MAX`].
    #[error("payload is nested deeper than {DEPTH_MAX}")]
    TooDeep,
}

/// A decoded payload. Held behind a type of our own, so that what the matcher reads can change without its callers.
#[derive(Clone, PartialEq)]
pub struct Payload(Value);

impl Payload {
    /// Decodes one JSON document. Duplicate keys: the last one wins.
    pub fn parse(text: &str) -> Result<Self, PayloadError> {
        if too_deep(text.as_bytes()) {
            return Err(PayloadError::TooDeep);
        }
        serde_json::from_str(text).map(Self).map_err(|error| PayloadError::NotJson {
            line: error.line(),
            column: error.column(),
            message: category(&error).to_owned(),
        })
    }

    /// The document as a value.
    pub fn value(&self) -> &Value {
        &self.0
    }
}

impl From<Value> for Payload {
    /// Wraps a value made in code, where depth is the caller's care.
    fn from(value: Value) -> Self {
        Self(value)
    }
}

/// Payloads never reach logs, so the debug form is a mask.
impl std::fmt::Debug for Payload {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Payload(..)")
    }
}

/// The parser's own text can quote the document, so only its category is passed on.
fn category(error: &serde_json::Error) -> &'static str {
    match error.classify() {
        serde_json::error::Category::Eof => "it ends too early",
        serde_json::error::Category::Syntax => "syntax error",
        serde_json::error::Category::Data => "value out of range",
        serde_json::error::Category::Io => "it cannot be read",
    }
}

/// Whether brackets outside of strings nest deeper than [`DEPTH_MAX`]. Looks at structure only; the parser finds faults.
fn too_deep(bytes: &[u8]) -> bool {
    let mut depth = 0usize;
    let mut bytes = bytes.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'[' | b'{' => {
                depth += 1;
                if depth > DEPTH_MAX {
                    return true;
                }
            },
            b']' | b'}' => depth = depth.saturating_sub(1),
            b'"' => skip_string(&mut bytes),
            _ => {},
        }
    }
    false
}

fn skip_string(bytes: &mut std::slice::Iter<'_, u8>) {
    while let Some(byte) = bytes.next() {
        match byte {
            b'\\' => {
                bytes.next();
            },
            b'"' => return,
            _ => {},
        }
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
        assert_eq!(Payload::parse(r#"{"a":1,"a":2}"#).unwrap().value()["a"], 2);
    }
}
