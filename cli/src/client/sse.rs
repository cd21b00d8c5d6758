//! Server-sent events (the `text/event-stream` format of the HTML standard), as far as the alert stream uses it.

use std::io::BufRead;

/// One event.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Event {
    /// Its type, `alert` or `gap`.
    pub(crate) kind: String,
    /// The position after it.
    pub(crate) id: Option<String>,
    /// Its data.
    pub(crate) data: String,
}

/// The events of a stream.
pub(crate) struct Events<R> {
    lines: R,
}

impl<R: BufRead> Events<R> {
    pub(crate) fn new(lines: R) -> Self {
        Self { lines }
    }
}

impl<R: BufRead> Iterator for Events<R> {
    type Item = std::io::Result<Event>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut event = Event::default();
        let mut line = String::new();
        loop {
            line.clear();
            match self.lines.read_line(&mut line) {
                Ok(0) => return None,
                Ok(_) => {},
                Err(error) => return Some(Err(error)),
            }
            let line = line.trim_end_matches(['\n', '\r']);
            if line.is_empty() {
                if event.data.is_empty() {
                    continue;
                }
                return Some(Ok(event));
            }
            let (field, value) = line.split_once(':').unwrap_or((line, ""));
            let value = value.strip_prefix(' ').unwrap_or(value);
            match field {
                "event" => value.clone_into(&mut event.kind),
                "id" => event.id = Some(value.to_owned()),
                "data" if event.data.is_empty() => value.clone_into(&mut event.data),
                "data" => {
                    event.data.push('\n');
                    event.data.push_str(value);
                },
                // A comment (the name is empty) or a field that is not for us.
                _ => {},
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_read_and_comments_skipped() {
        let text = ": hello\n\nevent: alert\nid: 1\ndata: {\"a\":1}\n\n: alive\n\ndata: x\r\ndata: y\r\n\r\ndata: cut";
        let events: Vec<_> = Events::new(text.as_bytes()).map(Result::unwrap).collect();
        let alert = Event { kind: "alert".into(), id: Some("1".into()), data: "{\"a\":1}".into() };
        assert_eq!(events, [alert, Event { data: "x\ny".into(), ..Event::default() }]);
    }
}
