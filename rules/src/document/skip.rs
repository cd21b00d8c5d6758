//! Passes values that nobody looks at, as quickly as a scan of bytes can. Only sound and usual text is passed; wherever
//! this gives up, the reader goes over the same text again and says what is wrong with it, if anything is.

use super::string::plain_bytes;
use crate::cursor::is_blank;

/// How deep a value nests at most that is passed at a stranger's word.
const LEVELS_MAX: usize = 64;

/// How many bytes the JSON value has that the bytes begin with. Nothing if none begins there, or one that is unusual: half a
/// surrogate pair, deep nesting.
pub fn value_length(bytes: &[u8]) -> Option<usize> {
    value(bytes, 0, LEVELS_MAX)
}

/// The offset behind the value that begins at an offset, and that nests no deeper than so many levels.
pub(super) fn value(bytes: &[u8], at: usize, levels: usize) -> Option<usize> {
    match bytes.get(at)? {
        b'"' => string(bytes, at + 1),
        b'{' => members(bytes, at + 1, levels.checked_sub(1)?),
        b'[' => elements(bytes, at + 1, levels.checked_sub(1)?),
        b't' => word(bytes, at, b"true"),
        b'f' => word(bytes, at, b"false"),
        b'n' => word(bytes, at, b"null"),
        _ => number(bytes, at),
    }
}

fn members(bytes: &[u8], at: usize, levels: usize) -> Option<usize> {
    let mut at = blanks(bytes, at);
    if bytes.get(at)? == &b'}' {
        return Some(at + 1);
    }
    loop {
        at = blanks(bytes, string(bytes, word(bytes, at, b"\"")?)?);
        at = blanks(bytes, word(bytes, at, b":")?);
        at = blanks(bytes, value(bytes, at, levels)?);
        match bytes.get(at)? {
            b',' => at = blanks(bytes, at + 1),
            b'}' => return Some(at + 1),
            _ => return None,
        }
    }
}

fn elements(bytes: &[u8], at: usize, levels: usize) -> Option<usize> {
    let mut at = blanks(bytes, at);
    if bytes.get(at)? == &b']' {
        return Some(at + 1);
    }
    loop {
        at = blanks(bytes, value(bytes, at, levels)?);
        match bytes.get(at)? {
            b',' => at = blanks(bytes, at + 1),
            b']' => return Some(at + 1),
            _ => return None,
        }
    }
}

/// Passes the rest of a string, its closing quote included. Half a surrogate pair is left to the reader, which notes it.
fn string(bytes: &[u8], mut at: usize) -> Option<usize> {
    loop {
        at += plain_bytes(bytes.get(at..)?);
        match (bytes.get(at)?, bytes.get(at + 1)) {
            (b'"', _) => return Some(at + 1),
            (b'\\', Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't')) => at += 2,
            (b'\\', Some(b'u')) => {
                let digits = bytes.get(at + 2..at + 6)?;
                let surrogate = matches!(digits, [b'd' | b'D', b'8' | b'9' | b'a'..=b'f' | b'A'..=b'F', ..]);
                if surrogate || !digits.iter().all(u8::is_ascii_hexdigit) {
                    return None;
                }
                at += 6;
            },
            _ => return None,
        }
    }
}

fn number(bytes: &[u8], mut at: usize) -> Option<usize> {
    if bytes.get(at)? == &b'-' {
        at += 1;
    }
    let integer = digits(bytes, at);
    if integer == at || (integer > at + 1 && bytes.get(at)? == &b'0') {
        return None;
    }
    at = integer;
    if bytes.get(at) == Some(&b'.') {
        let fraction = digits(bytes, at + 1);
        if fraction == at + 1 {
            return None;
        }
        at = fraction;
    }
    if matches!(bytes.get(at), Some(b'e' | b'E')) {
        at += if matches!(bytes.get(at + 1), Some(b'+' | b'-')) { 2 } else { 1 };
        let exponent = digits(bytes, at);
        if exponent == at {
            return None;
        }
        at = exponent;
    }
    Some(at)
}

fn digits(bytes: &[u8], mut at: usize) -> usize {
    while bytes.get(at).is_some_and(u8::is_ascii_digit) {
        at += 1;
    }
    at
}

fn blanks(bytes: &[u8], mut at: usize) -> usize {
    while bytes.get(at).copied().is_some_and(is_blank) {
        at += 1;
    }
    at
}

fn word(bytes: &[u8], at: usize, word: &[u8]) -> Option<usize> {
    bytes.get(at..)?.starts_with(word).then_some(at + word.len())
}

#[cfg(test)]
mod tests {
    #[test]
    fn what_is_passed_is_one_sound_value() {
        for text in [
            r#"{"a":[1,-2.5e+3,0.1E2,true,false,null,"\u00e9\n\"x"],"b":{}, "c" : [ ] }"#,
            "\"\"",
            "0",
            "-0",
            "[[[[]]]]",
        ] {
            assert_eq!(super::value(text.as_bytes(), 0, 4), Some(text.len()), "{text}");
        }
        for text in [
            "",
            "[[[[[]]]]]",
            "01",
            "-",
            "1.",
            "1e",
            "[1,]",
            "{\"a\":1,}",
            "{a:1}",
            "{\"a\"}",
            "\"a",
            "\"\n\"",
            "\"\\x\"",
            "\"\\ud800\"",
            "\"\\u00g0\"",
            "tru",
            "[1",
            "{",
            "[1 2]",
            ".5",
            "+1",
        ] {
            assert_eq!(super::value(text.as_bytes(), 0, 4), None, "{text}");
        }
    }
}
