//! The groups of a rule of one customer, page by page, those with the greatest values first: the live answer to "why has it (not)
//! fired". Reads state and changes nothing.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use rules::{ActiveRule, Amount, CustomerId};
use serde::{Deserialize, Serialize};

use crate::apply::Failure;
use crate::group_view::GroupView;
use crate::head::Head;
use crate::key::RuleKeys;
use crate::scalar;
use crate::stored;
use crate::view::{Source, after};
use crate::write::Table;

/// The most groups that are looked at for one page.
pub const GROUPS_LOOKED_AT_MAX: usize = 100_000;

/// Where a page begins: behind the group of this value and text. Groups without a value come last.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct GroupCursor(Reverse<Option<Amount>>, String);

/// Groups of a rule.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GroupPage {
    /// The groups, those with the greatest values first.
    pub groups: Vec<GroupView>,
    /// Where the next page begins, if there is one.
    #[serde(skip)]
    pub next: Option<GroupCursor>,
    /// How many groups were looked at.
    pub groups_seen: usize,
    /// Whether the rule has more groups than are looked at, so that some may be missing.
    pub is_partial: bool,
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
        let cursor = GroupCursor(Reverse(present.value_for(active)), head.group);
        if behind.is_none_or(|behind| cursor > *behind) {
            best.insert(cursor);
        }
        if best.len() > limit {
            best.pop_last();
            is_more = true;
        }
    }
    let next = if is_more { best.last().cloned() } else { None };
    let mut groups = Vec::with_capacity(best.len());
    for GroupCursor(_, text) in best {
        let key = RuleKeys::new(customer, active.generation).group(scalar::hash(&text)).head();
        let Some(value) = source.get(Table::State, &key)? else { continue };
        let head: Head = stored::from_bytes(&value).map_err(corrupt)?;
        let present = head.present_bucket(source, active, customer)?;
        groups.push(GroupView::of(active, customer, &head, &present));
    }
    Ok(GroupPage { groups, next, groups_seen, is_partial })
}
