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
    let mut replaced = None;
    loop {
        text.push_str(cursor.eat_while(|byte| byte >= 0x20 && byte != b'"' && byte != b'\\'));
        match cursor.peek() {
            b'"' => {
                cursor.eat("\"");
                return Ok(Unescaped { text: text.into(), replaced });
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
