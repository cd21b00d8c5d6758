//! The groups that an event belongs to.
//!
//! Reading: a node that counts as missing is as if it were not there, so `[1, null]` is in group 1 alone, also where
//! missing keys are null.
//! Reading: 1 KiB is that of a string's text, and of a number's.

use rules::{Grouping, MissingGroup, Node, Object};

/// The most groups of one event.
const FAN_OUT_MAX: usize = 1000;
/// The longest value of a key, in bytes.
const KEY_BYTES_MAX: usize = 1024;

/// A group: the values of the keys, in the order of the rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Group {
    names: Vec<String>,
    values: Vec<Node>,
}

impl Group {
    /// The one without keys.
    pub(crate) const NONE: Self = Self { names: Vec::new(), values: Vec::new() };

    /// The object of the alert, its keys sorted.
    pub(crate) fn object(&self) -> Node {
        let mut members: Vec<(&String, &Node)> = self.names.iter().zip(&self.values).collect();
        members.sort_by_key(|(name, _)| *name);
        let members = members.into_iter().map(|(name, value)| (Box::from(name.as_str()), value.clone()));
        Node::Object(members.collect::<Object>())
    }

    /// The object as text: names the group, and sorts it.
    pub(crate) fn text(&self) -> String {
        self.object().to_string()
    }
}

/// The groups in the order of the Cartesian product, the last key the quickest, each once.
pub(crate) fn groups(grouping: &Grouping, payload: &Node) -> Vec<Group> {
    let names: Vec<String> = grouping.keys.iter().map(|key| key.name.clone()).collect();
    let mut product: Vec<Vec<Node>> = vec![Vec::new()];
    for key in &grouping.keys {
        let mut values: Vec<Node> = Vec::new();
        for node in key.path.select(payload).into_iter().filter(|node| is_key(node)) {
            if !values.contains(node) {
                values.push(node.clone());
            }
        }
        if values.is_empty() && grouping.missing == MissingGroup::Null {
            values.push(Node::Null);
        }
        // No more than the first thousand are ever used.
        values.truncate(FAN_OUT_MAX);
        let extended = product.iter().flat_map(|before| {
            values.iter().map(move |value| before.iter().cloned().chain([value.clone()]).collect())
        });
        product = extended.take(FAN_OUT_MAX).collect();
    }
    product.into_iter().map(|values| Group { names: names.clone(), values }).collect()
}

fn is_key(node: &Node) -> bool {
    match node {
        Node::Bool(_) => true,
        Node::Number(number) => number.to_string().len() <= KEY_BYTES_MAX,
        Node::String(text) => text.len() <= KEY_BYTES_MAX,
        Node::Null | Node::Array(_) | Node::Object(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rules::{GroupKey, Path, Payload};

    fn texts(missing: MissingGroup, json: &str) -> Vec<String> {
        let key = |name: &str| GroupKey {
            name: name.to_owned(),
            path: Path::parse(&format!("$.{name}[*]")).unwrap(),
        };
        let grouping = Grouping { keys: vec![key("z"), key("k")], missing, ..Grouping::default() };
        let payload = Payload::parse(json).unwrap();
        groups(&grouping, payload.root()).iter().map(Group::text).collect()
    }

    #[test]
    fn several_keys_or_nodes_are_the_cartesian_product_each_combination_once() {
        assert_eq!(
            texts(MissingGroup::Skip, r#"{"z":[1,"1",1.0],"k":["b","a"]}"#),
            [r#"{"k":"b","z":1}"#, r#"{"k":"a","z":1}"#, r#"{"k":"b","z":"1"}"#, r#"{"k":"a","z":"1"}"#]
        );
    }

    #[test]
    fn null_arrays_objects_and_values_over_1_kib_count_as_missing() {
        let long = "x".repeat(1025);
        let json = format!(r#"{{"z":[null,[1],{{"a":1}},"{long}"],"k":[true]}}"#);
        assert!(texts(MissingGroup::Skip, &json).is_empty());
        assert_eq!(texts(MissingGroup::Null, &json), [r#"{"k":true,"z":null}"#]);
        assert_eq!(texts(MissingGroup::Null, r#"{"z":[null,1],"k":[true]}"#), [r#"{"k":true,"z":1}"#]);
    }

    #[test]
    fn at_most_a_thousand_combinations() {
        let many: Vec<String> = (0..40).map(|n| n.to_string()).collect();
        let json = format!(r#"{{"z":[{0}],"k":[{0}]}}"#, many.join(","));
        assert_eq!(texts(MissingGroup::Skip, &json).len(), 1000);
    }
}
