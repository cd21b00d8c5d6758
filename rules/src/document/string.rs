//! Strings of JSON: what stands between two quotes, unescaped.

use crate::cursor::Cursor;

/// What a string was read to.
pub(super) struct Unescaped {
    pub(super) text: Box<str>,
    /// Where the first half of a surrogate pair stood that became U+FFFD.
    pub(super) replaced: Option<usize>,
}

/// Reads a string whose opening quote has been passed, up to and with its closing quote.
///
/// # Errors
/// What was expected, at the cursor's place.
pub(super) fn read(cursor: &mut Cursor<'_>) -> Result<Unescaped, &'static str> {
    let mut text = String::new();
    let replaced = read_into(cursor, &mut text)?;
    Ok(Unescaped { text: text.into(), replaced })
}

/// The text of a whole JSON string, and whether half a surrogate pair was replaced; nothing if it is none.
pub(crate) fn unquoted(literal: &str) -> Option<(String, bool)> {
    if let Some(text) = plainly_unquoted(literal.as_bytes()) {
        return Some((text, false));
    }
    let mut cursor = Cursor::new(literal);
    let mut text = String::with_capacity(literal.len());
    let replaced = if cursor.eat("\"") { read_into(&mut cursor, &mut text).ok()? } else { return None };
    cursor.is_done().then_some((text, replaced.is_some()))
}

/// The same for a string whose escapes stand for one byte each, as those of a document in a string mostly do.
fn plainly_unquoted(literal: &[u8]) -> Option<String> {
    let mut rest = literal.strip_prefix(b"\"")?;
    let mut text = Vec::with_capacity(rest.len());
    loop {
        let (plain, behind) = rest.split_at_checked(plain_bytes(rest))?;
        text.extend_from_slice(plain);
        rest = match behind {
            [b'"'] => return String::from_utf8(text).ok(),
            [b'\\', escape, behind @ ..] => {
                text.push(match escape {
                    b'"' | b'\\' | b'/' => *escape,
                    b'b' => 0x08,
                    b'f' => 0x0C,
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    _ => return None,
                });
                behind
            },
            _ => return None,
        };
    }
}

fn read_into(cursor: &mut Cursor<'_>, text: &mut String) -> Result<Option<usize>, &'static str> {
    let mut replaced = None;
    loop {
        let from = cursor.at();
        cursor.return_to(from + plain_bytes(cursor.rest().as_bytes()));
        text.push_str(cursor.between(from, cursor.at()));
        match cursor.peek() {
            b'"' => {
                cursor.eat("\"");
                return Ok(replaced);
            },
            b'\\' => {
                let at = cursor.at();
                cursor.eat("\\");
                let next = escaped(cursor)?;
                if next.is_none() {
                    replaced.get_or_insert(at);
                }
                text.push(next.unwrap_or(char::REPLACEMENT_CHARACTER));
            },
            _ if cursor.is_done() => return Err("a closing quote"),
            _ => return Err("an escape instead of a control character"),
        }
    }
}

/// Passes a string like [`read`] and keeps nothing of it; answers what was replaced.
///
/// # Errors
/// As [`read`], at the same places.
pub(super) fn skip(cursor: &mut Cursor<'_>) -> Result<Option<usize>, &'static str> {
    let mut replaced = None;
    loop {
        cursor.return_to(cursor.at() + plain_bytes(cursor.rest().as_bytes()));
        match cursor.peek() {
            b'"' => {
                cursor.eat("\"");
                return Ok(replaced);
            },
            b'\\' => {
                let at = cursor.at();
                cursor.eat("\\");
                if escaped(cursor)?.is_none() {
                    replaced.get_or_insert(at);
                }
            },
            _ if cursor.is_done() => return Err("a closing quote"),
            _ => return Err("an escape instead of a control character"),
        }
    }
}

/// The length of the string that the text begins with, if it holds no escapes and is closed.
pub(super) fn plain(text: &str) -> Option<usize> {
    let bytes = text.as_bytes().strip_prefix(b"\"")?;
    let length = plain_bytes(bytes);
    (bytes.get(length) == Some(&b'"')).then_some(length)
}

/// How many bytes come before the first quote, backslash or control character: eight at a step, and this is the loop
/// in which most of the time goes that a long payload takes.
pub(super) fn plain_bytes(bytes: &[u8]) -> usize {
    const ONES: u64 = u64::from_le_bytes([1; 8]);
    const HIGHS: u64 = ONES << 7;
    let mut at = 0;
    while let Some(chunk) = bytes.get(at..).and_then(<[u8]>::first_chunk::<8>) {
        let word = u64::from_le_bytes(*chunk);
        let zero = |word: u64| word.wrapping_sub(ONES) & !word & HIGHS;
        let below_blank = word.wrapping_sub(ONES * 0x20) & !word & HIGHS;
        let hits = zero(word ^ (ONES * 0x22)) | zero(word ^ (ONES * 0x5C)) | below_blank;
        if hits != 0 {
            // A borrow may mark bytes behind the first one, so the first mark alone is sure.
            return at + (hits.trailing_zeros() / 8) as usize;
        }
        at += 8;
    }
    let rest = bytes.get(at..).unwrap_or_default();
    at + rest.iter().position(|byte| matches!(byte, 0..0x20 | b'"' | b'\\')).unwrap_or(rest.len())
}

/// The character of an escape whose backslash has been passed; nothing for half a surrogate pair.
fn escaped(cursor: &mut Cursor<'_>) -> Result<Option<char>, &'static str> {
    let plain = match cursor.peek() {
        b'"' => '"',
        b'\\' => '\\',
        b'/' => '/',
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        b'u' => {
            cursor.eat("u");
            return unicode(cursor);
        },
        _ => return Err("an escape of JSON"),
    };
    cursor.next_char();
    Ok(Some(plain))
}

fn unicode(cursor: &mut Cursor<'_>) -> Result<Option<char>, &'static str> {
    let unit = hexadecimal(cursor)?;
    if !(0xD800..0xDC00).contains(&unit) {
        return Ok(char::from_u32(unit));
    }
    let behind = cursor.at();
    if cursor.eat("\\u") {
        let second = hexadecimal(cursor)?;
        if (0xDC00..0xE000).contains(&second) {
            return Ok(char::from_u32(0x10000 + ((unit - 0xD800) << 10) + (second - 0xDC00)));
        }
        // Not the other half: it stands for itself.
        cursor.return_to(behind);
    }
    Ok(None)
}

/// Four hexadecimal digits.
pub(crate) fn hexadecimal(cursor: &mut Cursor<'_>) -> Result<u32, &'static str> {
    let digits = cursor.rest().as_bytes().get(..4).filter(|digits| digits.iter().all(u8::is_ascii_hexdigit));
    let digits = digits.and_then(|digits| std::str::from_utf8(digits).ok());
    let unit =
        digits.and_then(|digits| u32::from_str_radix(digits, 16).ok()).ok_or("four hexadecimal digits")?;
    cursor.return_to(cursor.at() + 4);
    Ok(unit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_string_that_was_quoted_is_unquoted(text in any::<String>(), tail in "[\"\\\\/\n\t\r\u{8}\u{c}a{}:é]*") {
            for text in [&text, &tail, &(text.clone() + &tail)] {
                let literal = serde_json::Value::from(text.as_str()).to_string();
                prop_assert_eq!(unquoted(&literal), Some((text.clone(), false)));
                prop_assert_eq!(unquoted(literal.strip_suffix('"').unwrap()), None);
            }
        }
    }

    #[test]
    fn what_is_no_string_or_more_than_one_is_refused() {
        for literal in ["", "\"", "a\"", "\"a\"b", "\"a\" ", "{}", "\"\\x\"", "\"\n\"", "\"\\\"", "\"\\"] {
            assert_eq!(unquoted(literal), None, "{literal:?}");
        }
        assert_eq!(unquoted(r#""\/\u00e9\ud800""#), Some(("/é\u{fffd}".to_owned(), true)));
    }
}
