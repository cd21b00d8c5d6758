//! Objects: members in the order of the text, found by name.

use super::Node;

/// Objects of up to this many members are searched from the front, which is quicker than an index and needs no memory.
const UNINDEXED_MAX: usize = 8;

/// The members of an object. Names are distinct: of duplicates, the last one stays where it stood.
#[derive(Debug, Clone, Default)]
pub struct Object {
    members: Vec<(Box<str>, Node)>,
    /// Positions of the members by name; empty for small objects.
    by_name: Vec<u32>,
}

impl Object {
    /// The value of that name.
    pub fn get(&self, name: &str) -> Option<&Node> {
        if self.by_name.is_empty() {
            return self.members.iter().find(|(own, _)| **own == *name).map(|(_, value)| value);
        }
        let found = self.by_name.binary_search_by(|&position| (*self.member(position).0).cmp(name));
        found.ok().map(|index| &self.member(self.by_name[index]).1)
    }

    /// The members in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Node)> {
        self.members.iter().map(|(name, value)| (&**name, value))
    }

    /// How many members there are.
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    fn member(&self, position: u32) -> &(Box<str>, Node) {
        &self.members[position as usize]
    }
}

impl FromIterator<(Box<str>, Node)> for Object {
    fn from_iter<I: IntoIterator<Item = (Box<str>, Node)>>(members: I) -> Self {
        let mut members: Vec<_> = members.into_iter().collect();
        // Most objects are small and sound: each name is compared with those before it, and nothing is allocated.
        if members.len() <= UNINDEXED_MAX
            && members
                .iter()
                .enumerate()
                .all(|(at, (name, _))| members.iter().take(at).all(|(own, _)| own != name))
        {
            members.shrink_to_fit();
            return Self { members, by_name: Vec::new() };
        }
        let mut by_name = sorted(&members);
        let name = |position: u32| &*members[position as usize].0;
        let mut shadowed = vec![false; members.len()];
        let mut duplicates = false;
        for pair in by_name.windows(2) {
            if name(pair[0]) == name(pair[1]) {
                // The sort is stable, so the later member stands later.
                shadowed[pair[0] as usize] = true;
                duplicates = true;
            }
        }
        if duplicates {
            let mut shadowed = shadowed.into_iter();
            members.retain(|_| !shadowed.next().unwrap_or(false));
            by_name = sorted(&members);
        }
        if members.len() <= UNINDEXED_MAX {
            by_name = Vec::new();
        }
        members.shrink_to_fit();
        Self { members, by_name }
    }
}

fn sorted(members: &[(Box<str>, Node)]) -> Vec<u32> {
    let count = u32::try_from(members.len()).expect("a document has fewer than 2^32 members");
    let mut positions: Vec<u32> = (0..count).collect();
    positions.sort_by(|&left, &right| members[left as usize].0.cmp(&members[right as usize].0));
    positions
}

impl PartialEq for Object {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.iter().all(|(name, value)| other.get(name) == Some(value))
    }
}

impl Eq for Object {}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(names: &[&str]) -> Object {
        let members = names.iter().enumerate();
        members.map(|(index, name)| (Box::from(*name), Node::Number(index.into()))).collect()
    }

    #[test]
    fn of_duplicate_names_the_last_one_stays_where_it_stood() {
        let small = object(&["a", "b", "a"]);
        assert_eq!(small.iter().map(|(name, _)| name).collect::<Vec<_>>(), ["b", "a"]);
        assert_eq!(small.get("a"), Some(&Node::Number(2usize.into())));
        let names: Vec<String> = (0..100).map(|n| (n % 40).to_string()).collect();
        let large = object(&names.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(large.len(), 40);
        assert_eq!(large.get("7"), Some(&Node::Number(87usize.into())));
        assert_eq!(large.get("39"), Some(&Node::Number(79usize.into())));
        assert_eq!(large.get("40"), None);
    }

    #[test]
    fn the_order_of_members_does_not_matter_to_equality() {
        let left: Object =
            [(Box::from("a"), Node::Null), (Box::from("b"), Node::Bool(true))].into_iter().collect();
        let right: Object =
            [(Box::from("b"), Node::Bool(true)), (Box::from("a"), Node::Null)].into_iter().collect();
        assert_eq!(left, right);
        assert_ne!(left, object(&["a", "b"]));
    }
}
