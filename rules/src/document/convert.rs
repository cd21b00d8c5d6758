//! Documents to and from JSON text and the values of `serde_json`.

use std::fmt;

use serde_json::Value;

use super::{Node, Number};

impl From<&Value> for Node {
    /// The same value; its numbers are what `serde_json` has kept of them.
    fn from(value: &Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(value) => Self::Bool(*value),
            Value::Number(number) => {
                Self::Number(Number::parse(&number.to_string()).expect("serde_json prints numbers as JSON"))
            },
            Value::String(text) => Self::String(text.as_str().into()),
            Value::Array(elements) => Self::Array(elements.iter().map(Self::from).collect()),
            Value::Object(members) => {
                let members =
                    members.iter().map(|(name, value)| (Box::from(name.as_str()), Self::from(value)));
                Self::Object(members.collect())
            },
        }
    }
}

impl Node {
    /// The same value for `serde_json`; nothing if it cannot hold one of the numbers exactly.
    pub fn to_value(&self) -> Option<Value> {
        Some(match self {
            Self::Null => Value::Null,
            Self::Bool(value) => Value::Bool(*value),
            Self::Number(number) => Value::Number(to_serde(number)?),
            Self::String(text) => Value::String(text.as_ref().to_owned()),
            Self::Array(elements) => {
                Value::Array(elements.iter().map(Self::to_value).collect::<Option<_>>()?)
            },
            Self::Object(members) => {
                let members = members.iter().map(|(name, value)| Some((name.to_owned(), value.to_value()?)));
                Value::Object(members.collect::<Option<_>>()?)
            },
        })
    }
}

fn to_serde(number: &Number) -> Option<serde_json::Number> {
    let text = number.to_string();
    let theirs: serde_json::Number = match number.as_i64() {
        Some(integer) => integer.into(),
        None => text
            .parse::<u64>()
            .map(Into::into)
            .ok()
            .or_else(|| serde_json::Number::from_f64(text.parse().ok()?))?,
    };
    (Number::parse(&theirs.to_string())? == *number).then_some(theirs)
}

/// Writes compact JSON, exactly.
impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Bool(value) => write!(f, "{value}"),
            Self::Number(number) => write!(f, "{number}"),
            Self::String(text) => quote(f, text),
            Self::Array(elements) => {
                f.write_str("[")?;
                for (index, element) in elements.iter().enumerate() {
                    write!(f, "{}{element}", if index == 0 { "" } else { "," })?;
                }
                f.write_str("]")
            },
            Self::Object(members) => {
                f.write_str("{")?;
                for (index, (name, value)) in members.iter().enumerate() {
                    f.write_str(if index == 0 { "" } else { "," })?;
                    quote(f, name)?;
                    write!(f, ":{value}")?;
                }
                f.write_str("}")
            },
        }
    }
}

fn quote(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    f.write_str(&Value::from(text).to_string())
}

#[cfg(test)]
mod tests {
    use crate::document::Document;

    #[test]
    fn a_document_prints_to_itself() {
        let text = r#"{"b":[1e400,"\u0001é\"",null,true],"a":{},"c":0.30000000000000004}"#;
        let document = Document::parse(text, 64).unwrap();
        assert_eq!(document.root.to_string(), text);
    }

    #[test]
    fn serde_json_takes_only_numbers_that_it_can_hold() {
        let value = |text: &str| Document::parse(text, 64).unwrap().root.to_value();
        assert_eq!(
            value("[1,18446744073709551615,0.1,1e300]"),
            Some(serde_json::json!([1, u64::MAX, 0.1, 1e300]))
        );
        for text in
            ["1e400", "9007199254740993.5", "[18446744073709551617]", "0.12345678901234567890123", "1e-400"]
        {
            assert_eq!(value(text), None, "{text}");
        }
    }
}
