//! Server-sent events: bytes in, in any pieces; whole events out. Pure.

use anyhow::{Result, bail};

/// How long one line may be.
const LINE_BYTES_MAX: usize = 4 << 20;

/// One event.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Event {
    /// Its name, `message` if it has none.
    pub(crate) name: String,
    /// Its data, lines joined by line feeds.
    pub(crate) data: String,
    /// The stream's position after it, if one was ever given.
    pub(crate) id: Option<String>,
}

/// A parser that keeps what is not complete yet.
#[derive(Debug, Default)]
pub(crate) struct Parser {
    line: Vec<u8>,
    after_return: bool,
    name: String,
    data: Option<String>,
    id: Option<String>,
}

impl Parser {
    /// Takes the next bytes of the stream and adds the events that they complete.
    pub(crate) fn push(&mut self, bytes: &[u8], events: &mut Vec<Event>) -> Result<()> {
        for &byte in bytes {
            // A line ends with CR, LF or both.
            let second_half = std::mem::replace(&mut self.after_return, byte == b'\r') && byte == b'\n';
            match byte {
                b'\n' if second_half => {},
                b'\n' | b'\r' => {
                    let line = std::mem::take(&mut self.line);
                    events.extend(self.end_line(&String::from_utf8_lossy(&line)));
                    self.line = line;
                    self.line.clear();
                },
                _ if self.line.len() == LINE_BYTES_MAX => {
                    bail!("the alert stream has a line of more than {LINE_BYTES_MAX} bytes")
                },
                _ => self.line.push(byte),
            }
        }
        Ok(())
    }

    fn end_line(&mut self, line: &str) -> Option<Event> {
        if line.is_empty() {
            let name = std::mem::take(&mut self.name);
            let data = self.data.take()?;
            let name = if name.is_empty() { "message".to_owned() } else { name };
            return Some(Event { name, data, id: self.id.clone() });
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut self.name),
            "data" => match &mut self.data {
                None => self.data = Some(value.to_owned()),
                Some(data) => {
                    data.push('\n');
                    data.push_str(value);
                },
            },
            "id" => self.id = Some(value.to_owned()),
            // A comment has no name before its colon; `retry` and fields of the future mean nothing here.
            _ => {},
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREAM: &str = ": hello\n\nid: a1\ndata: {\"x\":\"é\"}\n\nevent: gap\r\ndata:one\r\ndata: two\r\n\r\nretry: 5\nid\ndata\n\n: bye\ndata: cut";

    fn event(name: &str, data: &str, id: &str) -> Event {
        Event { name: name.to_owned(), data: data.to_owned(), id: Some(id.to_owned()) }
    }

    fn expected() -> Vec<Event> {
        vec![
            event("message", "{\"x\":\"é\"}", "a1"),
            event("gap", "one\ntwo", "a1"),
            event("message", "", ""),
        ]
    }

    #[test]
    fn split_at_every_byte_it_is_the_same_stream() {
        for at in 0..=STREAM.len() {
            let (head, tail) = STREAM.as_bytes().split_at(at);
            let (mut parser, mut events) = (Parser::default(), Vec::new());
            parser.push(head, &mut events).expect("lines are short");
            parser.push(tail, &mut events).expect("lines are short");
            assert_eq!(events, expected(), "split at {at}");
        }
    }

    #[test]
    fn one_byte_at_a_time_it_is_the_same_stream() {
        let (mut parser, mut events) = (Parser::default(), Vec::new());
        for byte in STREAM.as_bytes() {
            parser.push(std::slice::from_ref(byte), &mut events).expect("lines are short");
        }
        assert_eq!(events, expected());
    }

    #[test]
    fn a_line_without_end_is_refused() {
        let (mut parser, mut events) = (Parser::default(), Vec::new());
        parser.push(&vec![b'x'; LINE_BYTES_MAX], &mut events).expect("is just short enough");
        parser.push(b"x", &mut events).expect_err("is too long");
    }
}
