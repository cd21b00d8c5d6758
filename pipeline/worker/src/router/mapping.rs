//! From any record to an event: where the customer and the payload stand, and the envelope that is made of them.

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;
use engine::{Input, Reason, Refusal};
use rules::{CustomerId, Path};
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

/// The largest value of an event that is routed: with its key it stays below Kafka's default limit of a message.
pub(super) const VALUE_BYTES_MAX: usize = 999_000;

/// Where something stands in a JSON document: the names from member to member. None at all is the whole document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field(Vec<String>);

impl Field {
    /// Reads a JSONPath that consists of names alone, for instance `$.tenant.id`, or `$` for the whole document.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let path = Path::parse(text).map_err(|error| error.to_string())?;
        let names = path.names().ok_or("only names may stand in it, as in `$.tenant.id`")?;
        Ok(Self(names.into_iter().map(str::to_owned).collect()))
    }

    /// The text of the field's value. Of members that share a name the last one counts.
    fn find<'a>(&self, document: &'a RawValue) -> Option<&'a RawValue> {
        self.0.iter().try_fold(document, |value, name| member(value, name))
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("$")?;
        self.0.iter().try_for_each(|name| write!(f, ".{name}"))
    }
}

/// Where the customer of a record is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Customer {
    /// The record's key is the id.
    Key,
    /// A field of the value.
    Field(Field),
}

/// How a record becomes an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mapping {
    /// Where its customer is told.
    pub customer: Customer,
    /// What of its value is the payload.
    pub payload: Field,
}

/// A record's customer and the value of its event.
pub(super) type Routed = (CustomerId, Bytes);

impl Mapping {
    /// The event of a record. The payload's text is taken over as it stands; one that is neither an object nor a string
    /// is put into a string, as the envelope wants it.
    ///
    /// # Errors
    /// Why there is none; the detail quotes nothing of the record.
    pub(super) fn route(&self, input: &Input) -> Result<Routed, Refusal> {
        let value =
            input.value.as_deref().ok_or_else(|| refusal(Reason::NoValue, "the record has no value"))?;
        let text = std::str::from_utf8(value).map_err(|error| Refusal {
            reason: Reason::NotUtf8,
            detail: format!("the value is not UTF-8 from byte {} on", error.valid_up_to()),
        })?;
        let document: &RawValue = serde_json::from_str(text).map_err(|error| Refusal {
            reason: Reason::BadEnvelope,
            detail: format!(
                "the value is not one JSON document: line {} column {}",
                error.line(),
                error.column()
            ),
        })?;
        let customer = self.customer(input, document)?;
        let payload = self.payload.find(document).ok_or_else(|| Refusal {
            reason: Reason::BadPayloadType,
            detail: format!("the payload is missing: there is nothing at {}", self.payload),
        })?;
        let payload = match payload.get().as_bytes().first() {
            Some(b'{' | b'"') => Cow::Borrowed(payload.get()),
            _ => Cow::Owned(quoted(payload.get())),
        };
        let event = format!("{{\"customerId\":\"{customer}\",\"payload\":{payload}}}");
        if event.len() > VALUE_BYTES_MAX {
            let detail = format!("the event has {} bytes, at most {VALUE_BYTES_MAX} are routed", event.len());
            return Err(Refusal { reason: Reason::TooLarge, detail });
        }
        Ok((customer, event.into()))
    }

    fn customer(&self, input: &Input, document: &RawValue) -> Result<CustomerId, Refusal> {
        let no_id = |detail: String| Refusal { reason: Reason::BadCustomer, detail };
        let id = match &self.customer {
            Customer::Key => {
                let key = input.key.as_deref().ok_or_else(|| no_id("the record has no key".to_owned()))?;
                let key = std::str::from_utf8(key).ok();
                key.and_then(|key| key.parse().ok())
                    .ok_or_else(|| no_id("the record's key is not a UUID".to_owned()))?
            },
            Customer::Field(field) => {
                let found =
                    field.find(document).ok_or_else(|| no_id(format!("there is nothing at {field}")))?;
                let id = serde_json::from_str::<String>(found.get()).ok();
                id.and_then(|id| id.parse().ok()).ok_or_else(|| no_id(format!("{field} is not a UUID")))?
            },
        };
        if CustomerId::is_global(id) {
            return Err(refusal(
                Reason::GlobalCustomer,
                "an event cannot belong to the customer of global rules",
            ));
        }
        Ok(id)
    }
}

fn refusal(reason: Reason, detail: &str) -> Refusal {
    Refusal { reason, detail: detail.to_owned() }
}

/// A text as a JSON string.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// The last member of that name, if the value is an object that has one.
fn member<'a>(value: &'a RawValue, name: &str) -> Option<&'a RawValue> {
    let mut deserializer = serde_json::Deserializer::from_str(value.get());
    deserializer.deserialize_map(MemberVisitor(name)).ok().flatten()
}

struct MemberVisitor<'n>(&'n str);

impl<'de> Visitor<'de> for MemberVisitor<'_> {
    type Value = Option<&'de RawValue>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = None;
        while let Some(name) = map.next_key::<Cow<'de, str>>()? {
            if name == self.0 {
                found = Some(map.next_value()?);
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "9F20F8A4-d8c8-4a74-ac90-3452b97c2e34";

    fn mapping(customer: &str, payload: &str) -> Mapping {
        let customer =
            if customer == "key" { Customer::Key } else { Customer::Field(Field::parse(customer).unwrap()) };
        Mapping { customer, payload: Field::parse(payload).unwrap() }
    }

    fn input(key: &str, value: &str) -> Input {
        let bytes = |text: &str| Some(Bytes::copy_from_slice(text.as_bytes()));
        Input { key: bytes(key), value: bytes(value), ..Input::default() }
    }

    fn event(mapping: &Mapping, value: &str) -> String {
        let (customer, event) = mapping.route(&input(ID, value)).unwrap();
        assert_eq!(customer.to_string(), ID.to_lowercase());
        // What is routed must be what the worker reads.
        assert_eq!(engine::decode(Some(&event)).unwrap().customer, customer);
        String::from_utf8(event.to_vec()).unwrap()
    }

    #[test]
    fn raw_json_is_wrapped_and_its_text_stays_as_it_was() {
        let raw = format!(r#"{{"tenant": {{"id": "{ID}"}}, "sum": 1.00000000000000000001}}"#);
        assert_eq!(
            event(&mapping("$.tenant.id", "$"), &raw),
            format!(r#"{{"customerId":"{}","payload":{raw}}}"#, ID.to_lowercase())
        );
    }

    #[test]
    fn an_envelope_keeps_its_payload_and_an_array_becomes_a_string() {
        let text = format!(r#"{{"customerId": "{ID}", "payload": "{{\"a\":1}}", "x": 1}}"#);
        assert!(event(&mapping("$.customerId", "$.payload"), &text).ends_with(r#","payload":"{\"a\":1}"}"#));
        assert!(
            event(&mapping("key", "$.items"), r#"{"items": ["b"]}"#).ends_with(r#","payload":"[\"b\"]"}"#)
        );
    }

    #[test]
    fn of_members_that_share_a_name_the_last_counts_also_if_names_are_escaped() {
        assert!(
            event(&mapping("key", "$.a"), r#"{"a": {"n": 1}, "\u0061": {"n": 2}}"#).contains(r#"{"n": 2}"#)
        );
    }

    #[test]
    fn what_cannot_be_an_event_is_refused_with_its_reason_and_without_its_content() {
        let by_field = mapping("$.id", "$.payload");
        let refused = |mapping: &Mapping, input: &Input| mapping.route(input).unwrap_err();
        for (value, reason) in [
            ("{", Reason::BadEnvelope),
            ("[] []", Reason::BadEnvelope),
            ("[]", Reason::BadCustomer),
            (r#"{"id": 7, "payload": {}}"#, Reason::BadCustomer),
            (r#"{"id": "secret", "payload": {}}"#, Reason::BadCustomer),
            (r#"{"id": "deadbeef-dead-beef-dead-beefdeadbeef", "payload": {}}"#, Reason::GlobalCustomer),
            (&format!(r#"{{"id": "{ID}"}}"#), Reason::BadPayloadType),
            (
                &format!(r#"{{"id": "{ID}", "payload": {{"a": "{}"}}}}"#, "x".repeat(VALUE_BYTES_MAX)),
                Reason::TooLarge,
            ),
        ] {
            let refusal = refused(&by_field, &input(ID, value));
            assert_eq!(refusal.reason, reason, "{}", refusal.detail);
            assert!(!refusal.detail.contains("secret"), "{}", refusal.detail);
        }
        let bytes = Input { value: Some(Bytes::from_static(b"\xff")), ..Input::default() };
        assert_eq!(refused(&by_field, &bytes).reason, Reason::NotUtf8);
        assert_eq!(refused(&by_field, &Input::default()).reason, Reason::NoValue);
        assert_eq!(refused(&mapping("key", "$"), &input("acme", "{}")).reason, Reason::BadCustomer);
    }

    #[test]
    fn a_field_is_a_path_of_names() {
        assert_eq!(Field::parse("$.a.b").unwrap().to_string(), "$.a.b");
        assert!(Field::parse("$.a[0]").unwrap_err().contains("only names"));
        assert!(Field::parse("a.b").is_err());
    }
}
