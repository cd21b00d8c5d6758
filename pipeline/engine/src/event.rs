//! Decodes a record of the event topic: the envelope `{"customerId": uuid, "payload": "<JSON as a string>" | object}`.
//!
//! Usual envelopes are read in one pass (`plain`). Whatever that does not pass is read again here, by the book: this
//! decides what an envelope means and says what is wrong with one.

mod plain;

use std::borrow::Cow;
use std::fmt;

use rules::{CustomerId, Payload, PayloadError, Snapshot};
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::dead_letter::{Reason, Refusal};

/// The largest event, in bytes of its record's value.
pub const EVENT_BYTES_MAX: usize = 1024 * 1024;

/// A decoded event.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Whose event.
    pub customer: CustomerId,
    /// What happened.
    pub payload: Payload,
}

/// Decodes the value of an event record.
///
/// # Errors
/// Why the record cannot be evaluated; the detail quotes nothing of the record.
pub fn decode(value: Option<&[u8]>) -> Result<Event, Refusal> {
    read(value, &parse)
}

/// Decodes the value of an event record, and answers with it the JSON text of the envelope's `timestamp`, which means something in
/// files alone.
///
/// # Errors
/// As [`decode`].
pub fn decode_stamped(value: &[u8]) -> Result<(Event, Option<&str>), Refusal> {
    check_length(value)?;
    let (event, envelope) = with_envelope(value, &parse)?;
    Ok((event, envelope.timestamp.map(RawValue::get)))
}

/// Decodes the value of an event record, and keeps of its payload what the customer's rules look at.
///
/// # Errors
/// As [`decode`].
pub(crate) fn decode_for(snapshot: &Snapshot, value: Option<&[u8]>) -> Result<Event, Refusal> {
    read(value, &|customer, form| match form {
        Form::Text(text) => snapshot.read(customer, text),
        Form::Quoted(literal) => snapshot.read_quoted(customer, literal),
    })
}

/// Whose event the value of a record is, if it is one that can be evaluated. `snapshot` says how much of its payload is looked at.
///
/// # Errors
/// As [`decode`].
pub fn customer_of(snapshot: &Snapshot, value: Option<&[u8]>) -> Result<CustomerId, Refusal> {
    decode_for(snapshot, value).map(|event| event.customer)
}

/// The text of a payload.
enum Form<'a> {
    /// The document.
    Text(&'a str),
    /// A JSON string that holds the document, as it is written in the envelope.
    Quoted(&'a str),
}

/// How the text of a customer's payload becomes one.
type Reading<'a> = &'a dyn Fn(CustomerId, Form<'_>) -> Result<Payload, PayloadError>;

fn read(value: Option<&[u8]>, reading: Reading<'_>) -> Result<Event, Refusal> {
    let value = value.ok_or_else(|| refusal(Reason::NoValue, "the record has no value"))?;
    check_length(value)?;
    plain::read(value, reading).map_or_else(|| by_the_book(value, reading), Ok)
}

/// The whole payload, whatever rules there are.
fn parse(_: CustomerId, form: Form<'_>) -> Result<Payload, PayloadError> {
    match form {
        Form::Text(text) => Payload::parse(text),
        Form::Quoted(literal) => Payload::parse_quoted(literal),
    }
}

fn check_length(value: &[u8]) -> Result<(), Refusal> {
    if value.len() <= EVENT_BYTES_MAX {
        return Ok(());
    }
    let detail = format!("the event has {} bytes, at most {EVENT_BYTES_MAX} are allowed", value.len());
    Err(Refusal { reason: Reason::TooLarge, detail })
}

fn by_the_book(value: &[u8], reading: Reading<'_>) -> Result<Event, Refusal> {
    with_envelope(value, reading).map(|(event, _)| event)
}

fn with_envelope<'a>(value: &'a [u8], reading: Reading<'_>) -> Result<(Event, Envelope<'a>), Refusal> {
    let text = std::str::from_utf8(value).map_err(|error| Refusal {
        reason: Reason::NotUtf8,
        detail: format!("the event is not UTF-8 from byte {} on", error.valid_up_to()),
    })?;
    let envelope = Envelope::read(text)?;
    let customer = envelope.customer()?;
    let payload = reading(customer, envelope.payload()?).map_err(|error| {
        let reason = match error {
            PayloadError::NotJson { .. } => Reason::BadPayload,
            PayloadError::TooDeep => Reason::TooDeep,
        };
        Refusal { reason, detail: error.to_string() }
    })?;
    Ok((Event { customer, payload }, envelope))
}

fn refusal(reason: Reason, detail: &str) -> Refusal {
    Refusal { reason, detail: detail.to_owned() }
}

/// The fields that mean something, still as JSON text; of records not the timestamp. Others are ignored; of duplicates the last one wins.
#[derive(Default)]
struct Envelope<'a> {
    customer: Option<&'a RawValue>,
    payload: Option<&'a RawValue>,
    timestamp: Option<&'a RawValue>,
}

impl<'a> Envelope<'a> {
    fn read(text: &'a str) -> Result<Self, Refusal> {
        let bad = |error: serde_json::Error| Refusal {
            reason: Reason::BadEnvelope,
            detail: format!(
                "the envelope is not one JSON object: line {} column {}",
                error.line(),
                error.column()
            ),
        };
        let mut deserializer = serde_json::Deserializer::from_str(text);
        let envelope = deserializer.deserialize_map(EnvelopeVisitor).map_err(bad)?;
        deserializer.end().map_err(bad)?;
        Ok(envelope)
    }

    fn customer(&self) -> Result<CustomerId, Refusal> {
        let Some(raw) = self.customer else {
            return Err(refusal(Reason::BadCustomer, "`customerId` is missing"));
        };
        let text: Option<Cow<'_, str>> = string(raw);
        let id: Option<CustomerId> = text.and_then(|text| text.parse().ok());
        let id = id.ok_or_else(|| refusal(Reason::BadCustomer, "`customerId` is not a UUID"))?;
        if id.is_global() {
            return Err(refusal(
                Reason::GlobalCustomer,
                "an event cannot belong to the customer of global rules",
            ));
        }
        Ok(id)
    }

    fn payload(&self) -> Result<Form<'a>, Refusal> {
        let Some(raw) = self.payload else {
            return Err(refusal(Reason::BadPayloadType, "`payload` is missing"));
        };
        match raw.get().as_bytes().first() {
            Some(b'"') => Ok(Form::Quoted(raw.get())),
            Some(b'{') => Ok(Form::Text(raw.get())),
            _ => Err(refusal(Reason::BadPayloadType, "`payload` is neither a string nor an object")),
        }
    }
}

fn string(raw: &RawValue) -> Option<Cow<'_, str>> {
    // Borrowed where nothing is escaped; a plain `Cow` would always copy.
    #[derive(serde::Deserialize)]
    #[serde(transparent)]
    struct Text<'a>(#[serde(borrow)] Cow<'a, str>);
    serde_json::from_str::<Text<'_>>(raw.get()).ok().map(|text| text.0)
}

struct EnvelopeVisitor;

impl<'de> Visitor<'de> for EnvelopeVisitor {
    type Value = Envelope<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with customerId and payload")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Envelope<'de>, A::Error> {
        let mut envelope = Envelope::default();
        while let Some(name) = map.next_key::<Cow<'de, str>>()? {
            match name.as_ref() {
                "customerId" => envelope.customer = Some(map.next_value()?),
                "payload" => envelope.payload = Some(map.next_value()?),
                "timestamp" => envelope.timestamp = Some(map.next_value()?),
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(envelope)
    }
}

#[cfg(test)]
mod tests;
