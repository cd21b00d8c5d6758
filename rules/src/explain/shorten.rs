//! Values cut to a length: the cost is that of what is kept, however large the value.

use std::fmt::{self, Write};

use crate::document::{Node, Object};

/// What stands for the rest.
const REST: char = '…';

/// The text of anything, cut behind so many characters.
pub(super) fn text(value: impl fmt::Display, chars_max: usize) -> String {
    let mut cut = Cut { text: String::new(), left: chars_max };
    match write!(cut, "{value}") {
        Ok(()) => cut.text,
        Err(fmt::Error) => cut.text + REST.encode_utf8(&mut [0; 4]),
    }
}

/// A value as JSON, cut behind so many characters.
pub(super) fn value(node: &Node, chars_max: usize) -> String {
    text(Json(node), chars_max)
}

/// Takes characters until it is full, and is an error from then on, which ends whatever prints into it.
struct Cut {
    text: String,
    left: usize,
}

impl Write for Cut {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let end = text.char_indices().nth(self.left).map(|(end, _)| end);
        match end.and_then(|end| text.get(..end)) {
            Some(beginning) => {
                self.text.push_str(beginning);
                self.left = 0;
                Err(fmt::Error)
            },
            None => {
                self.text.push_str(text);
                self.left -= text.chars().count();
                Ok(())
            },
        }
    }
}

/// JSON written piece by piece, where the printing of documents would first make a copy of a whole string.
struct Json<'a>(&'a Node);

impl fmt::Display for Json<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Node::String(text) => quoted(f, text),
            Node::Array(elements) => {
                f.write_char('[')?;
                for (index, element) in elements.iter().enumerate() {
                    write!(f, "{}{}", if index == 0 { "" } else { "," }, Json(element))?;
                }
                f.write_char(']')
            },
            Node::Object(members) => object(f, members),
            plain @ (Node::Null | Node::Bool(_) | Node::Number(_)) => write!(f, "{plain}"),
        }
    }
}

fn object(f: &mut fmt::Formatter<'_>, members: &Object) -> fmt::Result {
    f.write_char('{')?;
    for (index, (name, value)) in members.iter().enumerate() {
        f.write_str(if index == 0 { "" } else { "," })?;
        quoted(f, name)?;
        write!(f, ":{}", Json(value))?;
    }
    f.write_char('}')
}

fn quoted(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    f.write_char('"')?;
    for each in text.chars() {
        match each {
            '"' | '\\' => write!(f, "\\{each}")?,
            '\n' => f.write_str("\\n")?,
            '\r' => f.write_str("\\r")?,
            '\t' => f.write_str("\\t")?,
            control if control.is_control() => write!(f, "\\u{:04x}", u32::from(control))?,
            other => f.write_char(other)?,
        }
    }
    f.write_char('"')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::Document;

    fn shown(json: &str, chars_max: usize) -> String {
        value(&Document::parse(json, 64).unwrap().root, chars_max)
    }

    #[test]
    fn a_short_value_is_whole_and_a_long_one_is_cut() {
        for json in [r#"{"a":[1,null,true,"x\n\"\\"],"b":{}}"#, "\"é😀\"", "1e400", "[]", "\"\\u0001\""] {
            assert_eq!(shown(json, 100), json);
        }
        assert_eq!(shown("[1,2,3]", 7), "[1,2,3]");
        assert_eq!(shown("[1,2,3]", 6), "[1,2,3…");
        assert_eq!(shown("\"é😀é\"", 2), "\"é…");
        assert_eq!(shown("\"\u{7f}\u{9b}\"", 100), "\"\\u007f\\u009b\"");
        assert_eq!(text("abc", 0), "…");
        assert_eq!(text("", 0), "");
    }

    #[test]
    fn the_cut_text_of_json_is_its_beginning() {
        let json = format!("[{}]", vec!["\"xyz\""; 100_000].join(","));
        assert_eq!(shown(&json, 10), format!("{}…", json.get(..10).unwrap()));
    }
}
