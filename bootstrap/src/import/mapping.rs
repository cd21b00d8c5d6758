//! Where in a line of foreign data customer, time, id and payload stand.

use std::collections::BTreeMap;

use engine::{EVENT_BYTES_MAX, Timestamp, decode};
use rules::CustomerId;
use serde_json::value::RawValue;

/// A number of time counts these.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeUnit {
    /// Seconds.
    Seconds,
    /// Milliseconds.
    Millis,
    /// Microseconds.
    Micros,
}

/// A path of members from the top of a line: `$.a.b`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Members(Vec<String>);

impl Members {
    fn parse(text: &str) -> Result<Self, String> {
        let names = text.strip_prefix('$').ok_or_else(|| format!("`{text}` does not begin with `$`"))?;
        if names.is_empty() {
            return Ok(Self(Vec::new()));
        }
        let names = names.strip_prefix('.').ok_or_else(|| format!("`{text}`: expected `$.name.name`"))?;
        let fits = |name: &&str| !name.is_empty() && !name.contains(['[', ']', '*', '?', '\'', '"']);
        let names: Vec<&str> = names.split('.').collect();
        if !names.iter().all(fits) {
            return Err(format!("`{text}`: expected names of members alone, as in `$.user.id`"));
        }
        Ok(Self(names.into_iter().map(str::to_owned).collect()))
    }

    /// The text at the path.
    fn find<'a>(&self, text: &'a RawValue) -> Option<&'a RawValue> {
        self.0.iter().try_fold(text, |at, name| {
            let members: BTreeMap<String, &RawValue> = serde_json::from_str(at.get()).ok()?;
            members.get(name).copied()
        })
    }
}

/// Where things stand.
#[derive(Debug, Clone)]
pub struct Mapping {
    customer: Members,
    fixed: Option<CustomerId>,
    time: Members,
    unit: TimeUnit,
    id: Option<Members>,
    payload: Members,
}

/// An event as it is imported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Whose.
    pub customer: CustomerId,
    /// When.
    pub time: Timestamp,
    /// Its own id.
    pub id: Option<String>,
    /// The value of its record.
    pub value: String,
}

impl Mapping {
    /// Paths of members; `fixed` is the customer of all lines, if all belong to one.
    ///
    /// # Errors
    /// A path that is none.
    pub fn new(
        customer: &str,
        fixed: Option<CustomerId>,
        (time, unit): (&str, TimeUnit),
        id: Option<&str>,
        payload: &str,
    ) -> Result<Self, String> {
        Ok(Self {
            customer: Members::parse(customer)?,
            fixed,
            time: Members::parse(time)?,
            unit,
            id: id.map(Members::parse).transpose()?,
            payload: Members::parse(payload)?,
        })
    }

    /// Reads a line.
    ///
    /// # Errors
    /// Why it is no event; nothing of the line is quoted.
    pub fn read(&self, line: &str) -> Result<Event, String> {
        let line: &RawValue = serde_json::from_str(line)
            .map_err(|error| format!("it is no JSON: line {} column {}", error.line(), error.column()))?;
        let customer = match self.fixed {
            Some(customer) => customer,
            None => {
                let raw = self.customer.find(line).ok_or("the customer is missing")?;
                let text: String = serde_json::from_str(raw.get()).map_err(|_| "the customer is no text")?;
                text.parse().map_err(|_| "the customer is no UUID")?
            },
        };
        let time = self.time.find(line).ok_or("the time is missing")?;
        let time = self.time(time.get()).ok_or("the time is neither RFC 3339 nor a whole number")?;
        if !(Timestamp(0)..=super::TIME_MAX).contains(&time) {
            return Err("the time lies outside of the years 1970 to 2248".to_owned());
        }
        let id = self.id.as_ref().map(|id| id.find(line).ok_or("the id is missing")).transpose()?;
        let id = id.map(|id| serde_json::from_str(id.get()).unwrap_or_else(|_| id.get().to_owned()));
        let payload = self.payload.find(line).ok_or("the payload is missing")?.get();
        let value = format!("{{\"customerId\":\"{customer}\",\"payload\":{payload}}}");
        if value.len() > EVENT_BYTES_MAX {
            return Err(format!("the event has more than {EVENT_BYTES_MAX} bytes"));
        }
        decode(Some(value.as_bytes())).map_err(|refusal| refusal.detail)?;
        Ok(Event { customer, time, id, value })
    }

    fn time(&self, raw: &str) -> Option<Timestamp> {
        if raw.starts_with('"') {
            return serde_json::from_str::<String>(raw).ok()?.parse().ok();
        }
        let number: i64 = raw.parse().ok()?;
        let millis = match self.unit {
            TimeUnit::Seconds => number.checked_mul(1000)?,
            TimeUnit::Millis => number,
            TimeUnit::Micros => number.div_euclid(1000),
        };
        Some(Timestamp(millis))
    }
}
