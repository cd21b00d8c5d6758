//! Decodes a record of the event topic: the envelope `{"customerId": uuid, "payload": "<JSON as a string>" | object}`.

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
    read(value, |_, form| match form {
        Form::Quoted(literal) => Payload::parse_quoted(literal),
        Form::Object(text) => Payload::parse(text),
    })
}

/// Decodes the value of an event record, and keeps of its payload what the customer's rules look at.
///
/// # Errors
/// As [`decode`].
pub(crate) fn decode_for(snapshot: &Snapshot, value: Option<&[u8]>) -> Result<Event, Refusal> {
    read(value, |customer, form| match form {
        Form::Quoted(literal) => snapshot.read_quoted(customer, literal),
        Form::Object(text) => snapshot.read(customer, text),
    })
}

/// The payload as it is written in the envelope.
enum Form<'a> {
    /// A JSON string that holds the document.
    Quoted(&'a str),
    /// The document.
    Object(&'a str),
}

fn read(
    value: Option<&[u8]>,
    payload: impl FnOnce(CustomerId, Form<'_>) -> Result<Payload, PayloadError>,
) -> Result<Event, Refusal> {
    let value = value.ok_or_else(|| refusal(Reason::NoValue, "the record has no value"))?;
    if value.len() > EVENT_BYTES_MAX {
        let detail = format!("the event has {} bytes, at most {EVENT_BYTES_MAX} are allowed", value.len());
        return Err(Refusal { reason: Reason::TooLarge, detail });
    }
    let text = std::str::from_utf8(value).map_err(|error| Refusal {
        reason: Reason::NotUtf8,
        detail: format!("the event is not UTF-8 from byte {} on", error.valid_up_to()),
    })?;
    let envelope = Envelope::read(text)?;
    let customer = envelope.customer()?;
    let payload = payload(customer, envelope.payload()?).map_err(|error| {
        let reason = match error {
            PayloadError::NotJson { .. } => Reason::BadPayload,
            PayloadError::TooDeep => Reason::TooDeep,
        };
        Refusal { reason, detail: error.to_string() }
    })?;
    Ok(Event { customer, payload })
}

fn refusal(reason: Reason, detail: &str) -> Refusal {
    Refusal { reason, detail: detail.to_owned() }
}

/// The two fields that mean something, still as JSON text. Others are ignored; of duplicates the last one wins.
#[derive(Default)]
struct Envelope<'a> {
    customer: Option<&'a RawValue>,
    payload: Option<&'a RawValue>,
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
            Some(b'{') => Ok(Form::Object(raw.get())),
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
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(envelope)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const CUSTOMER: &str = "9f20f8a4-d8c8-4a74-ac90-3452b97c2e34";

    fn decoded(envelope: &str) -> Result<Event, Reason> {
        decode(Some(envelope.as_bytes())).map_err(|refusal| refusal.reason)
    }

    #[test]
    fn a_payload_is_a_string_or_an_object() {
        let as_string = json!({"customerId": CUSTOMER, "payload": r#"{"a":"\u00e9\n"}"#}).to_string();
        let as_object =
            json!({"payload": {"a": "é\n"}, "customerId": CUSTOMER.to_uppercase(), "more": [1]}).to_string();
        let expected = Event { customer: CUSTOMER.parse().unwrap(), payload: json!({"a": "é\n"}).into() };
        assert_eq!(decoded(&as_string), Ok(expected.clone()));
        assert_eq!(decoded(&as_object), Ok(expected));
    }

    #[test]
    fn a_string_payload_may_hold_any_document() {
        for document in ["1", "null", "[]", "\"a\""] {
            assert!(
                decoded(&json!({"customerId": CUSTOMER, "payload": document}).to_string()).is_ok(),
                "{document}"
            );
        }
    }

    #[test]
    fn numbers_of_any_size_and_half_a_surrogate_pair_lose_no_event() {
        for payload in [
            r#"{"a":1e400}"#,
            r#""{\"a\":1e400}""#,
            r#"{"a":"\ud800"}"#,
            r#""{\"a\":\"\ud800\"}""#,
            r#""{\"a\":\"\\ud800\"}""#,
        ] {
            let event = decoded(&format!(r#"{{"customerId":"{CUSTOMER}","payload":{payload}}}"#)).unwrap();
            assert_eq!(event.payload.is_altered(), payload.contains("ud800"), "{payload}");
        }
    }

    #[test]
    fn what_is_kept_for_no_rules_is_nothing_and_the_same_events_are_refused() {
        let nobody = rules::Matcher::compile(&rules::RuleBook::default());
        for payload in [r#"{"a":[1]}"#, r#""{\"a\":[1]}""#, r#""{\"a\":[1}""#, "1", r#"{"a":"\ud800"}"#] {
            let text = format!(r#"{{"customerId":"{CUSTOMER}","payload":{payload}}}"#);
            let (whole, part) = (decode(Some(text.as_bytes())), decode_for(&nobody, Some(text.as_bytes())));
            assert_eq!(whole.as_ref().err(), part.as_ref().err(), "{payload}");
            if let (Ok(whole), Ok(part)) = (whole, part) {
                assert_eq!(
                    (part.customer, part.payload.is_altered()),
                    (whole.customer, whole.payload.is_altered())
                );
                assert!(part.payload.root().is_null());
            }
        }
    }

    #[test]
    fn the_last_of_duplicate_fields_wins() {
        let text = format!(
            r#"{{"payload":{{"a":1}},"customerId":"x","customerId":"{CUSTOMER}","payload":{{"a":2}}}}"#
        );
        assert_eq!(decoded(&text).unwrap().payload, json!({"a": 2}).into());
    }

    #[test]
    fn every_fault_has_its_reason() {
        let payload =
            |payload: serde_json::Value| json!({"customerId": CUSTOMER, "payload": payload}).to_string();
        let global = json!({"customerId": CustomerId::GLOBAL, "payload": {}}).to_string();
        let deep = "[".repeat(1000) + &"]".repeat(1000);
        let cases = [
            ("", Reason::BadEnvelope),
            ("[]", Reason::BadEnvelope),
            ("{} {}", Reason::BadEnvelope),
            (r#"{"payload": NaN}"#, Reason::BadEnvelope),
            (r#"{"payload": {}}"#, Reason::BadCustomer),
            (r#"{"customerId": 1, "payload": {}}"#, Reason::BadCustomer),
            (r#"{"customerId": "x", "payload": {}}"#, Reason::BadCustomer),
            (&global, Reason::GlobalCustomer),
            (&json!({ "customerId": CUSTOMER }).to_string(), Reason::BadPayloadType),
            (&payload(json!(null)), Reason::BadPayloadType),
            (&payload(json!([1])), Reason::BadPayloadType),
            (&payload(json!("{")), Reason::BadPayload),
            (&payload(json!("")), Reason::BadPayload),
            (&payload(json!(deep)), Reason::TooDeep),
        ];
        for (envelope, reason) in cases {
            assert_eq!(decoded(envelope), Err(reason), "{envelope:.80}");
        }
        assert_eq!(decode(None).unwrap_err().reason, Reason::NoValue);
        assert_eq!(decode(Some(b"{\"payload\": \"\xff\"}")).unwrap_err().reason, Reason::NotUtf8);
        assert_eq!(decode(Some(&vec![b' '; 2 * EVENT_BYTES_MAX])).unwrap_err().reason, Reason::TooLarge);
    }

    #[test]
    fn an_envelope_that_is_an_object_a_thousand_deep_is_refused_without_recursion() {
        let text = format!(
            r#"{{"customerId":"{CUSTOMER}","payload":{}1{}}}"#,
            "{\"a\":".repeat(1000),
            "}".repeat(1000)
        );
        assert!(matches!(decoded(&text), Err(Reason::BadEnvelope | Reason::TooDeep)));
    }

    #[test]
    fn details_quote_nothing_of_the_record() {
        for envelope in [r#"{"customerId": "hunter2"}"#, r#"{"hunter2": "#, r#"hunter2"#] {
            assert!(!decode(Some(envelope.as_bytes())).unwrap_err().detail.contains("hunter2"));
        }
    }
}
