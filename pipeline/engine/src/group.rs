//! Groups: the keys of an event under which a rule keeps state apart.

use std::collections::BTreeSet;
use std::sync::Arc;

use rules::{Grouping, MissingGroup, Node, TooManyNodes};

use crate::scalar::{self, Hash, quoted, scalar};

/// The most groups of one event.
pub const GROUPS_PER_EVENT_MAX: usize = 1000;

/// The keys of a group with their values.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Group {
    /// A JSON object, names sorted. Equal groups have equal texts.
    text: Arc<str>,
}

impl Group {
    /// The group of a rule without keys.
    pub fn none() -> Self {
        Self::from_text("{}")
    }

    pub(crate) fn from_text(text: &str) -> Self {
        Self { text: text.into() }
    }

    /// The JSON object.
    pub fn text(&self) -> &str {
        &self.text
    }

    pub(crate) fn hash(&self) -> Hash {
        scalar::hash(&self.text)
    }
}

/// The groups of an event, in fan-out order: the first key varies slowest.
#[derive(Debug, Default)]
pub(crate) struct FanOut {
    pub(crate) groups: Vec<Group>,
    /// Whether there were more than [`GROUPS_PER_EVENT_MAX`].
    pub(crate) is_cut: bool,
}

/// The groups that an event belongs to; none if it lacks a key and the rule skips such events.
///
/// # Errors
/// The path of a key looks at too much of it.
pub(crate) fn groups(grouping: &Grouping, root: &Node) -> Result<FanOut, TooManyNodes> {
    if grouping.keys.is_empty() {
        return Ok(FanOut { groups: vec![Group::none()], is_cut: false });
    }
    let mut values = Vec::with_capacity(grouping.keys.len());
    for key in &grouping.keys {
        let mut seen = BTreeSet::new();
        let found = key.path.select_bounded(root)?.into_iter().filter_map(scalar);
        // One more than can be used shows that there are too many.
        let mut found: Vec<String> =
            found.filter(|value| seen.insert(value.clone())).take(GROUPS_PER_EVENT_MAX + 1).collect();
        if found.is_empty() {
            match grouping.missing {
                MissingGroup::Skip => return Ok(FanOut::default()),
                MissingGroup::Null => found.push("null".to_owned()),
            }
        }
        values.push((key.name.as_str(), found));
    }
    let mut rows: Vec<Vec<(&str, &str)>> = vec![Vec::new()];
    let mut is_cut = false;
    for (name, found) in &values {
        let longer = rows.iter().flat_map(|row| {
            found.iter().map(move |value| {
                let mut row = row.clone();
                row.push((*name, value.as_str()));
                row
            })
        });
        let mut next: Vec<_> = longer.take(GROUPS_PER_EVENT_MAX + 1).collect();
        is_cut |= next.len() > GROUPS_PER_EVENT_MAX;
        next.truncate(GROUPS_PER_EVENT_MAX);
        rows = next;
    }
    let group = |mut row: Vec<(&str, &str)>| {
        row.sort_unstable();
        let members: Vec<_> = row.iter().map(|(name, value)| format!("{}:{value}", quoted(name))).collect();
        Group::from_text(&format!("{{{}}}", members.join(",")))
    };
    Ok(FanOut { groups: rows.into_iter().map(group).collect(), is_cut })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rules::{GroupKey, Path};

    fn texts(keys: &[(&str, &str)], missing: MissingGroup, json: &str) -> (Vec<String>, bool) {
        let key = |(name, path): &(&str, &str)| GroupKey {
            name: (*name).to_owned(),
            path: Path::parse(path).unwrap(),
        };
        let grouping = Grouping { keys: keys.iter().map(key).collect(), missing, max: 1 };
        let fan_out = groups(&grouping, &rules::Document::parse(json, 8).unwrap().root).unwrap();
        (fan_out.groups.iter().map(|group| group.text().to_owned()).collect(), fan_out.is_cut)
    }

    #[test]
    fn several_keys_and_nodes_make_every_combination_once() {
        let keys = [("z", "$.z[*]"), ("a", "$.a")];
        let (found, _) = texts(&keys, MissingGroup::Skip, r#"{"z":[1,1.0,"1",null,[]],"a":true}"#);
        assert_eq!(found, [r#"{"a":true,"z":1}"#, r#"{"a":true,"z":"1"}"#]);
    }

    #[test]
    fn a_missing_key_skips_the_event_or_is_null() {
        let keys = [("k", "$.k")];
        assert!(texts(&keys, MissingGroup::Skip, "{}").0.is_empty());
        assert_eq!(texts(&keys, MissingGroup::Null, r#"{"k":{}}"#).0, [r#"{"k":null}"#]);
    }

    #[test]
    fn an_event_has_a_thousand_groups_at_most() {
        let json = format!("{:?}", (0..100_000).collect::<Vec<_>>());
        let (found, is_cut) = texts(&[("k", "$[*]"), ("l", "$[*]")], MissingGroup::Skip, &json);
        assert_eq!((found.len(), is_cut), (GROUPS_PER_EVENT_MAX, true));
        assert_eq!(found[999], r#"{"k":0,"l":999}"#);
    }
}
