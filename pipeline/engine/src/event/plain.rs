//! Reads envelopes as producers write them, in one pass: the payload's string is unescaped where it stands, which finds its
//! end, and nothing else of the envelope is long.
//!
//! Sound and usual envelopes alone are passed. Anything else (names or ids with escapes, half a surrogate pair, a fault of
//! any kind) is answered with nothing, and is read again by the book.

use std::str::from_utf8;

use rules::{CustomerId, Unquoted, value_length};

use super::{Event, Form, Reading};

/// The event, if its envelope is usual and its payload sound.
pub(super) fn read(value: &[u8], reading: Reading<'_>) -> Option<Event> {
    Unquoted::lend(|unquoted| {
        let mut envelope = Envelope { rest: value, customer: None, payload: None };
        envelope.members(unquoted)?;
        // A payload of its own text is all that stands between these two.
        let (before, text, behind) = match envelope.payload? {
            Found::Unquoted { from, to } => (value.get(..from)?, unquoted.text()?, value.get(to..)?),
            Found::Object { from, to } => {
                (value.get(..from)?, from_utf8(value.get(from..to)?).ok()?, value.get(to..)?)
            },
        };
        from_utf8(before).ok()?;
        from_utf8(behind).ok()?;
        let customer = envelope.customer.filter(|customer| !customer.is_global())?;
        let payload = reading(customer, Form::Text(text)).ok()?;
        Some(Event { customer, payload })
    })
}

struct Envelope<'a> {
    rest: &'a [u8],
    /// Of duplicates the last one.
    customer: Option<CustomerId>,
    payload: Option<Found>,
}

/// Where a payload stands in the envelope.
enum Found {
    /// A string that has been unescaped.
    Unquoted { from: usize, to: usize },
    /// An object.
    Object { from: usize, to: usize },
}

impl<'a> Envelope<'a> {
    fn members(&mut self, unquoted: &mut Unquoted) -> Option<()> {
        let length = self.rest.len();
        self.expect(b'{')?;
        loop {
            let name = self.string()?;
            self.expect(b':')?;
            let from = length - self.rest.len();
            match (name, self.rest.first()?) {
                (b"customerId", b'"') => self.customer = Some(from_utf8(self.string()?).ok()?.parse().ok()?),
                (b"payload", b'"') => {
                    let to = from + self.pass(unquoted.read(self.rest)?)?;
                    self.payload = Some(Found::Unquoted { from, to });
                },
                (b"payload", b'{') => {
                    let to = from + self.object()?;
                    self.payload = Some(Found::Object { from, to });
                },
                (b"customerId" | b"payload", _) => return None,
                _ => {
                    self.pass(value_length(self.rest)?)?;
                },
            }
            self.skip_blanks();
            match self.rest.split_first()? {
                (b',', rest) => self.rest = rest,
                (b'}', rest) => {
                    self.rest = rest;
                    self.skip_blanks();
                    return self.rest.is_empty().then_some(());
                },
                _ => return None,
            }
        }
    }

    /// Passes a payload that is an object, and answers its length. Where the customer is known and the rest of the envelope
    /// ends in a brace, all before that is taken for the payload: it is if it is one sound document, which its reader
    /// checks, and so it need not be gone over twice.
    fn object(&mut self) -> Option<usize> {
        if self.customer.is_some()
            && let Some(object) = self.rest.trim_ascii_end().strip_suffix(b"}").map(<[u8]>::trim_ascii_end)
            && object.ends_with(b"}")
        {
            return self.pass(object.len());
        }
        self.pass(value_length(self.rest)?)
    }

    /// Passes a string without escapes and with the blanks around it, and answers what it says.
    fn string(&mut self) -> Option<&'a [u8]> {
        self.skip_blanks();
        let behind = self.rest.strip_prefix(b"\"")?;
        let length = behind.iter().position(|byte| matches!(byte, 0..0x20 | b'"' | b'\\'))?;
        let (text, rest) = behind.split_at_checked(length)?;
        self.rest = rest.strip_prefix(b"\"")?;
        Some(text)
    }

    /// Passes a byte with the blanks around it.
    fn expect(&mut self, byte: u8) -> Option<()> {
        self.skip_blanks();
        self.rest = self.rest.strip_prefix(&[byte])?;
        self.skip_blanks();
        Some(())
    }

    fn pass(&mut self, length: usize) -> Option<usize> {
        self.rest = self.rest.get(length..)?;
        Some(length)
    }

    fn skip_blanks(&mut self) {
        while let Some((b' ' | b'\t' | b'\n' | b'\r', rest)) = self.rest.split_first() {
            self.rest = rest;
        }
    }
}
