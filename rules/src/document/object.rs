//! Objects: members in the order of the text, found by name.

use std::hash::Hasher;

use super::Node;
use crate::mixer::Mixer;

/// Objects of up to this many members are searched from the front, which is quicker than an index and needs no memory.
const UNINDEXED_MAX: usize = 16;

/// The members of an object. Names are distinct: of duplicates, the last one stays where it stood.
#[derive(Debug, Clone, Default)]
pub struct Object {
    members: Vec<(Box<str>, Node)>,
    /// Where each member is, by name; empty for small objects.
    places: Vec<Place>,
}

/// A member's position, by which names are found: in the order of hash and name, since names are compared slowly.
#[derive(Debug, Clone, Copy)]
struct Place {
    hash: u32,
    position: u32,
}

impl Object {
    /// The value of that name.
    pub fn get(&self, name: &str) -> Option<&Node> {
        if self.places.is_empty() {
            return self.members.iter().find(|(own, _)| **own == *name).map(|(_, value)| value);
        }
        let wanted = hash(name);
        let order = |place: &Place| place.hash.cmp(&wanted).then_with(|| (*self.member(*place).0).cmp(name));
        let found = self.places.binary_search_by(order);
        found.ok().map(|index| &self.member(self.places[index]).1)
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

    fn member(&self, place: Place) -> &(Box<str>, Node) {
        &self.members[place.position as usize]
    }
}

impl FromIterator<(Box<str>, Node)> for Object {
    fn from_iter<I: IntoIterator<Item = (Box<str>, Node)>>(members: I) -> Self {
        let mut members: Vec<(Box<str>, Node)> = members.into_iter().collect();
        // Most objects are small and sound: each name is compared with those before it, and nothing is allocated.
        if members.len() <= UNINDEXED_MAX
            && members
                .iter()
                .enumerate()
                .all(|(at, (name, _))| members.iter().take(at).all(|(own, _)| own != name))
        {
            members.shrink_to_fit();
            return Self { members, places: Vec::new() };
        }
        let mut places = sorted(&members);
        let name = |place: Place| &*members[place.position as usize].0;
        let mut shadowed: Vec<u32> = places
            .windows(2)
            // Of one name, the later member stands later.
            .filter(|pair| pair[0].hash == pair[1].hash && name(pair[0]) == name(pair[1]))
            .map(|pair| pair[0].position)
            .collect();
        if !shadowed.is_empty() {
            shadowed.sort_unstable();
            let mut position = 0..;
            members.retain(|_| position.next().is_none_or(|at| shadowed.binary_search(&at).is_err()));
            places = sorted(&members);
        }
        if members.len() <= UNINDEXED_MAX {
            places = Vec::new();
        }
        members.shrink_to_fit();
        Self { members, places }
    }
}

/// The places by hash, name and position.
fn sorted(members: &[(Box<str>, Node)]) -> Vec<Place> {
    let mut places: Vec<Place> =
        (0..).zip(members).map(|(position, (name, _))| Place { hash: hash(name), position }).collect();
    places.sort_unstable_by_key(|place| (place.hash, place.position));
    // Different names have one hash by chance or by intent: without an order of names a search would go through all of them.
    let name = |place: &Place| &*members[place.position as usize].0;
    for same in places.chunk_by_mut(|left, right| left.hash == right.hash) {
        if same.len() > 1 {
            same.sort_by(|left, right| name(left).cmp(name(right)));
        }
    }
    places
}

fn hash(name: &str) -> u32 {
    let mut mixer = Mixer::default();
    mixer.write(name.as_bytes());
    // The upper half depends on all bytes.
    u32::try_from(mixer.finish() >> 32).expect("half of 64 bits are 32")
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
        members.map(|(index, name)| (Box::<str>::from(*name), Node::Number(index.into()))).collect()
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
        let order: Vec<_> = large.iter().map(|(name, _)| name.to_owned()).collect();
        assert_eq!(order, names[60..].to_vec());
    }

    /// Names that somebody has chosen to have one hash.
    #[test]
    fn names_of_one_hash_are_told_apart() {
        let mut known = std::collections::HashMap::new();
        let pairs: Vec<[String; 2]> = (0..400_000)
            .filter_map(|number: u32| {
                let name = format!("name-{number}");
                known.insert(hash(&name), name.clone()).map(|other| [other, name])
            })
            .take(5)
            .collect();
        assert_eq!(pairs.len(), 5, "of so many names some have one hash");
        let names: Vec<&str> =
            pairs.iter().flatten().chain(pairs.iter().flatten()).map(String::as_str).collect();
        let object = object(&[names, (0..20).map(|_| "other").collect()].concat());
        assert_eq!(object.len(), 11);
        for (at, name) in pairs.iter().flatten().enumerate() {
            assert_eq!(object.get(name), Some(&Node::Number((10 + at).into())));
        }
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
