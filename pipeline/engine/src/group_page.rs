//! The groups of a rule of one customer, page by page, those with the greatest values first: the live answer to "why has it (not)
//! fired". Reads state and changes nothing.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use rules::{ActiveRule, Amount, CustomerId};
use serde::{Deserialize, Serialize, Serializer};

use crate::apply::Failure;
use crate::group_view::GroupView;
use crate::head::Head;
use crate::key::RuleKeys;
use crate::scalar::{self, Hash};
use crate::stored;
use crate::view::{Source, after};
use crate::write::Table;

/// The most groups that are looked at for one page.
pub const GROUPS_LOOKED_AT_MAX: usize = 100_000;

/// Where a page begins: behind the group of this value and hash, so that it is short and tells nothing of the group. Groups
/// without a value come last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct GroupCursor(Reverse<Option<Amount>>, Hash);

/// The version of a cursor's text.
const MARK: &str = "g1.";

impl GroupCursor {
    /// The cursor as text that reads back.
    pub fn to_text(self) -> String {
        let digits = stored::to_bytes(&self).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        format!("{MARK}{digits}")
    }

    /// Reads [`GroupCursor::to_text`] back; nothing if the text is none.
    pub fn from_text(text: &str) -> Option<Self> {
        let digits = text.strip_prefix(MARK)?;
        let bytes: Option<Vec<u8>> = digits
            .as_bytes()
            .chunks(2)
            .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
            .collect();
        stored::from_bytes(&bytes?).ok()
    }
}

/// Groups of a rule.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GroupPage {
    /// The version of the rule that collects them.
    pub rule_version: u32,
    /// The groups, those with the greatest values first.
    pub groups: Vec<GroupView>,
    /// Where the next page begins, if there is one.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "as_text")]
    pub next: Option<GroupCursor>,
    /// How many groups were looked at.
    pub groups_seen: usize,
    /// Whether the rule has more groups than are looked at, so that some may be missing.
    pub is_partial: bool,
}

fn as_text<S: Serializer>(cursor: &Option<GroupCursor>, serializer: S) -> Result<S::Ok, S::Error> {
    cursor.map(GroupCursor::to_text).serialize(serializer)
}

/// Reads a page of at most `limit` groups, behind a cursor. Looks at [`GROUPS_LOOKED_AT_MAX`] groups at most.
///
/// # Errors
/// State that cannot be read.
pub fn group_page(
    source: &dyn Source,
    active: &ActiveRule,
    customer: CustomerId,
    behind: Option<&GroupCursor>,
    limit: usize,
) -> Result<GroupPage, Failure> {
    let (mut from, to) = RuleKeys::new(customer, active.generation).heads();
    let corrupt = |problem| Failure::Corrupt { customer, problem };
    let mut best: BTreeSet<GroupCursor> = BTreeSet::new();
    let (mut groups_seen, mut is_partial) = (0, false);
    let mut is_more = false;
    while let Some((key, value)) = source.first(Table::State, &from, &to)? {
        if groups_seen == GROUPS_LOOKED_AT_MAX {
            is_partial = true;
            break;
        }
        from = after(&key);
        groups_seen += 1;
        let head: Head = stored::from_bytes(&value).map_err(corrupt)?;
        let present = head.present_bucket(source, active, customer)?;
        let cursor = GroupCursor(Reverse(present.value_for(active)), scalar::hash(&head.group));
        if behind.is_none_or(|behind| cursor > *behind) {
            best.insert(cursor);
        }
        if best.len() > limit {
            best.pop_last();
            is_more = true;
        }
    }
    let next = if is_more { best.last().copied() } else { None };
    let mut groups = Vec::with_capacity(best.len());
    for GroupCursor(_, group) in best {
        let key = RuleKeys::new(customer, active.generation).group(group).head();
        let Some(value) = source.get(Table::State, &key)? else { continue };
        let head: Head = stored::from_bytes(&value).map_err(corrupt)?;
        let present = head.present_bucket(source, active, customer)?;
        groups.push(GroupView::of(active, customer, &head, &present));
    }
    Ok(GroupPage { rule_version: active.version.0, groups, next, groups_seen, is_partial })
}
