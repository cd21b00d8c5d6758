//! Literals of RFC 9535: strings in either quote, numbers, `true`, `false`, `null`.

use super::parser::Fault;
use crate::cursor::Cursor;
use crate::document::{Node, hexadecimal};

/// Reads a string whose opening quote is next.
pub(crate) fn string(cursor: &mut Cursor<'_>) -> Result<Box<str>, Fault> {
    let opening = cursor.at();
    let quote = if cursor.eat("'") {
        b'\''
    } else if cursor.eat("\"") {
        b'"'
    } else {
        return Err(Fault::expected(cursor, "a string in quotes"));
    };
    let mut text = String::new();
    loop {
        text.push_str(cursor.eat_while(|byte| byte >= 0x20 && byte != quote && byte != b'\\'));
        let at = cursor.at();
        match cursor.peek() {
            byte if byte == quote => {
                cursor.next_char();
                return Ok(text.into());
            },
            b'\\' => {
                cursor.eat("\\");
                text.push(
                    escaped(cursor, quote)
                        .ok_or_else(|| Fault::syntax(at, "this is no escape of RFC 9535"))?,
                );
            },
            _ if cursor.is_done() => return Err(Fault::syntax(opening, "the string has no closing quote")),
            _ => return Err(Fault::expected(cursor, "an escape such as \\n or \\u0000")),
        }
    }
}

fn escaped(cursor: &mut Cursor<'_>, quote: u8) -> Option<char> {
    match cursor.next_char()? {
        'b' => Some('\u{8}'),
        'f' => Some('\u{c}'),
        'n' => Some('\n'),
        'r' => Some('\r'),
        't' => Some('\t'),
        own @ ('/' | '\\') => Some(own),
        own if own == char::from(quote) => Some(own),
        'u' => {
            let unit = hexadecimal(cursor).ok()?;
            if !(0xD800..0xDC00).contains(&unit) {
                return char::from_u32(unit);
            }
            let second = cursor.eat("\\u").then(|| hexadecimal(cursor).ok()).flatten()?;
            let second = (0xDC00..0xE000).contains(&second).then_some(second)?;
            char::from_u32(0x10000 + ((unit - 0xD800) << 10) + (second - 0xDC00))
        },
        _ => None,
    }
}

/// Reads `true`, `false` or `null`; a longer word that begins so is none of them.
pub(crate) fn word(cursor: &mut Cursor<'_>) -> Option<Node> {
    let start = cursor.at();
    let literal = match cursor.eat_while(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
        "true" => Node::Bool(true),
        "false" => Node::Bool(false),
        "null" => Node::Null,
        _ => {
            cursor.return_to(start);
            return None;
        },
    };
    Some(literal)
}
