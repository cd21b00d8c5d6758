use super::*;
use crate::document::unquoted;
use crate::simd::Portable;
use proptest::prelude::*;

/// What a string is unescaped to, the same by all lanes, and its length with its quotes.
fn read(bytes: &[u8]) -> Option<(usize, Vec<u8>)> {
    let (mut quick, mut second, mut portable) =
        (Unquoted::default(), Unquoted::default(), Unquoted::default());
    let length = quick.read(bytes);
    assert_eq!(simd::second_best(Unquote { bytes, unquoted: &mut second }), length);
    assert_eq!(Unquote { bytes, unquoted: &mut portable }.run(Portable), length);
    assert_eq!(quick.buffer[..quick.length], second.buffer[..second.length]);
    assert_eq!(quick.buffer[..quick.length], portable.buffer[..portable.length]);
    Some((length?, quick.buffer[..quick.length].to_vec()))
}

/// What the reader makes of a literal, whatever follows it.
fn compare(literal: &str) {
    let expected = unquoted(literal).filter(|(_, is_altered)| !is_altered);
    let text = expected.map(|(text, _)| (literal.len(), text.into_bytes()));
    for tail in ["", ",", "\\\\", "\\", ",\"payload\":\"{\\\"a\\\":1}\"}"] {
        assert_eq!(read(format!("{literal}{tail}").as_bytes()), text, "{literal:?} {tail:?}");
    }
}

#[test]
fn blocks_may_end_anywhere() {
    const SOUND: [&str; 11] = [
        r#"\""#,
        r"\\",
        r#"\\\""#,
        r"\n",
        r"\n\n",
        r"\u00e9",
        r"\ud83d\ude00",
        "é",
        r"\/",
        r"\b\f\r\t",
        r#"{\"a\":1}"#,
    ];
    const UNSOUND: [&str; 10] = [
        r"\ud800",
        r"\udc00",
        r"\ud800\n",
        r"\ud800\u0041",
        r"\x",
        r"\u12",
        r"\u00g0",
        r"\u+123",
        "\n",
        "\0",
    ];
    for length in 0..140 {
        let filling = "x".repeat(length);
        for (number, piece) in SOUND.iter().chain(&UNSOUND).enumerate() {
            let other = SOUND[(number + length) % SOUND.len()];
            compare(&format!("\"{filling}{piece}\""));
            compare(&format!("\"{filling}{piece}{other}{filling}{other}\""));
            compare(&format!("\"{}{piece}\"", r#"\""#.repeat(length)));
            compare(&format!("\"{}{piece}\"", r"\\".repeat(length)));
        }
    }
}

#[test]
fn what_is_no_string_is_not_read() {
    for bytes in ["", "a", "\"", "\"a", "{}", "\"\\\"", "\"\\", " \"a\""] {
        assert_eq!(read(bytes.as_bytes()), None, "{bytes:?}");
    }
    let mut unquoted = Unquoted::default();
    assert_eq!(unquoted.read(b"\"a\xff\""), Some(4));
    assert_eq!(unquoted.text(), None);
    assert_eq!(unquoted.read(br#""b\u00e9","#), Some(9));
    assert_eq!(unquoted.text(), Some("bé"));
}

proptest! {
    #[test]
    fn what_was_quoted_is_unquoted(text in any::<String>(), tail in "[\"\\\\/\n\t\r\u{8}\u{c}a{}:é]{0,200}") {
        for text in [&text, &tail, &(text.clone() + &tail)] {
            let literal = serde_json::Value::from(text.as_str()).to_string();
            prop_assert_eq!(read(literal.as_bytes()), Some((literal.len(), text.as_bytes().to_vec())));
        }
    }

    #[test]
    fn a_string_ends_at_its_first_quote_that_is_not_escaped(inner in "[\"\\\\nu0dD8cC9fé \n]{0,150}") {
        let bytes = format!("\"{inner}\"");
        let read = read(bytes.as_bytes());
        let length = read.as_ref().map_or(bytes.len(), |(length, _)| *length);
        let expected = unquoted(bytes.get(..length).unwrap()).filter(|(_, is_altered)| !is_altered);
        prop_assert_eq!(read.map(|(_, text)| text), expected.map(|(text, _)| text.into_bytes()));
    }
}
