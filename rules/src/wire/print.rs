//! Puts the JSON of a rule together; what is as it would be anyway is left out.

use serde_json::{Map, Value, json};

use crate::amount::Amount;
use crate::document::Node;
use crate::path::Path;

/// The members of an object.
#[derive(Debug, Default)]
pub(super) struct Members(Map<String, Value>);

impl Members {
    pub(super) fn put(&mut self, name: &str, value: impl Into<Value>) {
        self.0.insert(name.to_owned(), value.into());
    }

    /// Puts what is there.
    pub(super) fn put_some(&mut self, name: &str, value: Option<impl Into<Value>>) {
        if let Some(value) = value {
            self.put(name, value);
        }
    }

    /// Puts a list that is not empty.
    pub(super) fn put_list<V: Into<Value>>(&mut self, name: &str, values: impl IntoIterator<Item = V>) {
        let values: Vec<Value> = values.into_iter().map(Into::into).collect();
        if !values.is_empty() {
            self.put(name, values);
        }
    }

    /// Puts a map that is not empty.
    pub(super) fn put_map<V: Into<Value>>(
        &mut self,
        name: &str,
        values: impl IntoIterator<Item = (String, V)>,
    ) {
        let values: Map<_, _> = values.into_iter().map(|(name, value)| (name, value.into())).collect();
        if !values.is_empty() {
            self.put(name, Value::Object(values));
        }
    }

    /// Puts an object that is not empty.
    pub(super) fn put_group(&mut self, name: &str, members: Self) {
        if !members.is_empty() {
            self.put(name, members);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<Members> for Value {
    fn from(members: Members) -> Self {
        Self::Object(members.0)
    }
}

/// The name, unless it is the default.
pub(super) fn other<T: Copy + PartialEq + Default>(
    value: T,
    name: impl Fn(T) -> &'static str,
) -> Option<&'static str> {
    (value != T::default()).then(|| name(value))
}

pub(super) fn path(path: &Path) -> Value {
    path.text().into()
}

/// The number; readers have seen to it that `serde_json` holds it exactly.
pub(super) fn number(amount: Amount) -> Value {
    Node::Number(amount.to_number()).to_value().unwrap_or_else(|| json!(amount))
}
