//! Lines of a file of events: an envelope with an optional timestamp, or a bare payload.

use std::io::{BufRead, Read};

use engine::{EVENT_BYTES_MAX, Timestamp, decode_stamped};
use rules::{CustomerId, DEPTH_MAX, Document, Node, Payload};

use crate::failure::Failure;

/// The longest line that is read; what is longer is no event in any case.
const LINE_BYTES_MAX: u64 = 2 * EVENT_BYTES_MAX as u64;

/// An event of the file.
pub(super) struct Line {
    /// Its line, from 1.
    pub(super) number: u64,
    pub(super) customer: CustomerId,
    pub(super) payload: Payload,
    pub(super) timestamp: Timestamp,
}

/// Reads lines. Blank ones count and are passed over.
pub(super) struct LineReader<R> {
    source: R,
    customer: Option<CustomerId>,
    number: u64,
    buffer: Vec<u8>,
}

impl<R: BufRead> LineReader<R> {
    /// With a customer, every line is a payload of this customer.
    pub(super) fn new(source: R, customer: Option<CustomerId>) -> Self {
        Self { source, customer, number: 0, buffer: Vec::new() }
    }

    /// The next event, or why the next line is none.
    pub(super) fn next(&mut self) -> Result<Option<Result<Line, String>>, Failure> {
        loop {
            self.buffer.clear();
            let read = (&mut self.source).take(LINE_BYTES_MAX).read_until(b'\n', &mut self.buffer);
            let read = read.map_err(|error| Failure::usage(format!("events: {error}")))?;
            if read == 0 {
                return Ok(None);
            }
            self.number += 1;
            let is_cut = read as u64 == LINE_BYTES_MAX && self.buffer.last() != Some(&b'\n');
            if is_cut {
                self.pass_the_rest()?;
            }
            let text = self.buffer.trim_ascii();
            if text.is_empty() && !is_cut {
                continue;
            }
            let line = if is_cut {
                Err(format!("the line has more than {LINE_BYTES_MAX} bytes"))
            } else {
                self.event(text)
            };
            return Ok(Some(line.map_err(|problem| format!("line {}: {problem}", self.number))));
        }
    }

    fn pass_the_rest(&mut self) -> Result<(), Failure> {
        loop {
            let available = self.source.fill_buf();
            let available = available.map_err(|error| Failure::usage(format!("events: {error}")))?;
            let newline = available.iter().position(|byte| *byte == b'\n');
            let (length, is_done) = (available.len(), available.is_empty() || newline.is_some());
            self.source.consume(newline.map_or(length, |at| at + 1));
            if is_done {
                return Ok(());
            }
        }
    }

    fn event(&self, text: &[u8]) -> Result<Line, String> {
        let number = self.number;
        // Without a timestamp, the line number in milliseconds keeps the order.
        let by_line = Timestamp(i64::try_from(number).unwrap_or(i64::MAX));
        if let Some(customer) = self.customer {
            let text = std::str::from_utf8(text).map_err(|_| "the payload is not UTF-8".to_owned())?;
            if text.len() > EVENT_BYTES_MAX {
                return Err(format!("the payload has more than {EVENT_BYTES_MAX} bytes"));
            }
            let payload = Payload::parse(text).map_err(|error| error.to_string())?;
            return Ok(Line { number, customer, payload, timestamp: by_line });
        }
        let event = decode_stamped(text);
        let (event, stamp) =
            event.map_err(|refusal| format!("{} {}", refusal.reason.code(), refusal.detail))?;
        let timestamp = stamp.map(timestamp).transpose()?.flatten().unwrap_or(by_line);
        Ok(Line { number, customer: event.customer, payload: event.payload, timestamp })
    }
}

/// The envelope's `timestamp`, as JSON text: milliseconds or RFC 3339; null is none.
fn timestamp(text: &str) -> Result<Option<Timestamp>, String> {
    let moment = match Document::parse(text, DEPTH_MAX).map(|document| document.root) {
        Ok(Node::Null) => return Ok(None),
        Ok(Node::Number(number)) => number.as_i64().map(Timestamp),
        Ok(Node::String(text)) => text.parse().ok(),
        Ok(Node::Bool(_) | Node::Array(_) | Node::Object(_)) | Err(_) => None,
    };
    let moment = moment.filter(|moment| moment.is_writable());
    let expected = "expected RFC 3339, or milliseconds since 1970 as an integer";
    moment.map(Some).ok_or_else(|| format!("`timestamp` is no time of the years 0001 to 9999: {expected}"))
}

/// The moment that a text of the command line names.
pub(super) fn moment_of(text: &str) -> Option<Timestamp> {
    let timestamp = match text.parse::<i64>() {
        Ok(millis) => Timestamp(millis),
        Err(_) => text.parse().ok()?,
    };
    timestamp.is_writable().then_some(timestamp)
}
