//! Cuts a body into the texts of events: one object, an array, or one event per line.

use std::fmt;

use bytes::Bytes;
use engine::{Reason, Refusal};
use serde::de::{Deserializer, IgnoredAny, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::error::Fault;

/// The text of what should be an event, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Piece {
    /// The text, without white space around it.
    pub(super) text: Bytes,
    /// The line of the body on which it begins, from 1.
    pub(super) line: usize,
    /// The column at which it begins, from 1.
    pub(super) column: usize,
    /// Its index, if it is an element of an array.
    pub(super) index: Option<usize>,
}

/// How a body holds events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// The body is one event, which may span lines.
    One,
    /// One event per line.
    Lines,
    /// An array of events.
    Array,
}

impl Shape {
    /// The shape of a body: the media type decides where it says so, else a look at the text.
    pub(super) fn of(media_type: Option<&str>, body: &[u8]) -> Self {
        const LINES: [&str; 5] = [
            "application/x-ndjson",
            "application/ndjson",
            "application/jsonl",
            "application/x-jsonlines",
            "application/json-lines",
        ];
        let essence = media_type.map(|kind| kind.split(';').next().unwrap_or_default().trim());
        if essence.is_some_and(|kind| LINES.iter().any(|lines| kind.eq_ignore_ascii_case(lines))) {
            return Self::Lines;
        }
        let text = body.trim_ascii();
        if text.first() == Some(&b'[') {
            return Self::Array;
        }
        match text.iter().position(|byte| *byte == b'\n') {
            Some(end) if is_json(&text[..end]) => Self::Lines,
            Some(_) | None => Self::One,
        }
    }

    /// Hands out the pieces in order.
    ///
    /// # Errors
    /// An array that is not JSON, of which some pieces may have been handed out already.
    pub(super) fn cut(self, body: &Bytes, mut take: impl FnMut(Piece)) -> Result<(), Fault> {
        let mut places = Places::new(body);
        match self {
            Self::One => {
                take(places.piece(body.trim_ascii(), None));
            },
            Self::Lines => {
                let lines = body.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
                for line in lines.filter(|line| !line.is_empty()) {
                    take(places.piece(line, None));
                }
            },
            Self::Array => {
                let mut index = 0;
                let each = |text: &str| {
                    take(places.piece(text.as_bytes(), Some(index)));
                    index += 1;
                };
                read_array(body, each).map_err(|error| broken(&error))?;
            },
        }
        Ok(())
    }
}

fn is_json(text: &[u8]) -> bool {
    serde_json::from_slice::<IgnoredAny>(text).is_ok()
}

/// Elements are handed out one by one: a vector of them could be many times as large as the body.
fn read_array(body: &[u8], each: impl FnMut(&str)) -> serde_json::Result<()> {
    struct Elements<F>(F);
    impl<'de, F: FnMut(&str)> Visitor<'de> for Elements<F> {
        type Value = ();

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an array of events")
        }

        fn visit_seq<A: SeqAccess<'de>>(mut self, mut elements: A) -> Result<(), A::Error> {
            while let Some(element) = elements.next_element::<&'de RawValue>()? {
                (self.0)(element.get());
            }
            Ok(())
        }
    }
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    deserializer.deserialize_seq(Elements(each))?;
    deserializer.end()
}

fn broken(error: &serde_json::Error) -> Fault {
    let refusal =
        Refusal { reason: Reason::BadEnvelope, detail: "the array of events is not JSON".to_owned() };
    Fault {
        line: Some(error.line()),
        column: Some(error.column()),
        expected: "an array of events".to_owned(),
        ..Fault::from(&refusal)
    }
}

/// Counts lines while going through a body from front to back.
struct Places<'a> {
    body: &'a Bytes,
    counted: usize,
    line: usize,
    line_begin: usize,
}

impl<'a> Places<'a> {
    fn new(body: &'a Bytes) -> Self {
        Self { body, counted: 0, line: 1, line_begin: 0 }
    }

    /// The piece with this text, which is a part of the body behind those before.
    fn piece(&mut self, text: &[u8], index: Option<usize>) -> Piece {
        let begin = (text.as_ptr() as usize).saturating_sub(self.body.as_ptr() as usize);
        let begin = begin.clamp(self.counted, self.body.len());
        for (at, byte) in self.body.iter().enumerate().take(begin).skip(self.counted) {
            if *byte == b'\n' {
                self.line += 1;
                self.line_begin = at + 1;
            }
        }
        self.counted = begin;
        let text = if text.is_empty() { Bytes::new() } else { self.body.slice_ref(text) };
        Piece { text, line: self.line, column: begin - self.line_begin + 1, index }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(media_type: Option<&str>, body: &str) -> Vec<(String, usize, usize, Option<usize>)> {
        let body = Bytes::from(body.to_owned());
        let mut pieces = Vec::new();
        let mut take = |piece: Piece| {
            let text = String::from_utf8(piece.text.to_vec()).unwrap();
            pieces.push((text, piece.line, piece.column, piece.index));
        };
        Shape::of(media_type, &body).cut(&body, &mut take).unwrap();
        pieces
    }

    fn own(list: &[(&str, usize, usize, Option<usize>)]) -> Vec<(String, usize, usize, Option<usize>)> {
        list.iter().map(|(text, line, column, index)| ((*text).to_owned(), *line, *column, *index)).collect()
    }

    #[test]
    fn one_event_may_span_lines() {
        assert_eq!(cut(None, "\n {\"a\":\n 1} \n"), own(&[("{\"a\":\n 1}", 2, 2, None)]));
        assert_eq!(cut(None, "nonsense"), own(&[("nonsense", 1, 1, None)]));
    }

    #[test]
    fn lines_are_known_by_media_type_or_by_a_first_line_that_is_whole() {
        let expected = own(&[("{}", 1, 1, None), ("{", 3, 2, None), ("[1]", 4, 1, None)]);
        let body = "{}\r\n\n {\n[1]";
        assert_eq!(cut(Some("application/x-NDJSON; charset=utf-8"), body), expected);
        assert_eq!(cut(Some("application/json"), body), expected);
        assert_eq!(cut(Some("application/x-ndjson"), "\n \n"), own(&[]));
        assert_eq!(cut(Some("application/x-ndjson"), "{\n"), own(&[("{", 1, 1, None)]));
    }

    #[test]
    fn elements_of_an_array_know_their_line_and_index() {
        let body = " [{\"a\":1},\n\n  2, {}\n]\n";
        let expected = [("{\"a\":1}", 1, 3, Some(0)), ("2", 3, 3, Some(1)), ("{}", 3, 6, Some(2))];
        assert_eq!(cut(None, body), own(&expected));
        assert_eq!(cut(None, "[]"), own(&[]));
    }

    #[test]
    fn an_array_that_is_broken_is_placed() {
        for (body, line, column) in [("[{},\n{]", 2, 2), ("[", 1, 1), ("[] {}", 1, 4), ("[1}", 1, 3)] {
            let fault = Shape::Array.cut(&Bytes::from(body), drop).unwrap_err();
            assert_eq!((fault.line, fault.column), (Some(line), Some(column)), "{body}");
        }
        let deep = "[".repeat(100_000);
        assert!(Shape::Array.cut(&Bytes::from(deep), drop).is_err());
    }
}
