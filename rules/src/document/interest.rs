//! Interests: which parts of documents somebody looks at. A reader that knows them checks the rest of a text and keeps
//! nothing of it.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::beginnings::Beginnings;
use crate::mixer::Mixing;
use crate::path::{Path, Segment, Selector};

/// How many branches of interests are followed side by side. Of a customer's rules and the global ones there are two
/// interests each, and a member may be wanted by its name and as one of all.
const PLACES_MAX: usize = 8;

/// The parts that paths look at, as a tree of names.
#[derive(Debug)]
pub(crate) struct Interest {
    branches: Vec<Branch>,
}

#[derive(Debug, Default)]
struct Branch {
    /// Everything below is looked at.
    whole: bool,
    names: HashMap<Box<str>, u32, Mixing>,
    /// What is looked at in every member and element, too.
    any: Option<u32>,
    /// How the names begin; everything, if every member is looked at.
    beginnings: Beginnings,
}

impl Default for Interest {
    fn default() -> Self {
        Self { branches: vec![Branch::default()] }
    }
}

static NOTHING: LazyLock<Interest> = LazyLock::new(Interest::default);

impl Interest {
    /// What looks at nothing.
    pub(crate) fn nothing() -> &'static Self {
        &NOTHING
    }

    /// Adds what a path may look at.
    pub(crate) fn add(&mut self, path: &Path) {
        let mut at = 0;
        for segment in &path.query().segments {
            let Segment::Child(selectors) = segment else { break };
            if selectors.iter().any(|selector| matches!(selector, Selector::Filter(_))) {
                // Its elements are looked at as a whole, which is simple and seldom much.
                at = self.next(at, None);
                break;
            }
            at = match &**selectors {
                [Selector::Name(name)] => self.next(at, Some(name)),
                _ => self.next(at, None),
            };
        }
        self.branches[at as usize].whole = true;
    }

    /// Everything is looked at.
    pub(crate) fn add_all(&mut self) {
        self.branches[0].whole = true;
    }

    /// Adds everything that another interest wants.
    pub(crate) fn join(&mut self, other: &Self) {
        self.join_branch(0, other, 0);
    }

    fn join_branch(&mut self, at: u32, other: &Self, from: u32) {
        let theirs = &other.branches[from as usize];
        self.branches[at as usize].whole |= theirs.whole;
        let named = theirs.names.iter().map(|(name, next)| (Some(&**name), *next));
        for (name, next) in named.chain(theirs.any.map(|next| (None, next))) {
            let to = self.next(at, name);
            self.join_branch(to, other, next);
        }
    }

    fn next(&mut self, at: u32, name: Option<&str>) -> u32 {
        let new = u32::try_from(self.branches.len()).expect("paths have fewer than 2^32 segments");
        let branch = &mut self.branches[at as usize];
        let next = match name {
            Some(name) => match branch.names.get(name) {
                Some(next) => *next,
                None => {
                    branch.beginnings.add(name);
                    *branch.names.entry(name.into()).or_insert(new)
                },
            },
            None => {
                branch.beginnings = Beginnings::ALL;
                *branch.any.get_or_insert(new)
            },
        };
        if next == new {
            self.branches.push(Branch::default());
        }
        next
    }
}

/// What is wanted of the value at hand.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Wanted<'a> {
    Nothing,
    All,
    Part(Places<'a>),
}

/// Branches of interests.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Places<'a> {
    interests: &'a [&'a Interest],
    /// Which of the interests, and which of its branches.
    all: [(u8, u32); PLACES_MAX],
    count: u8,
}

impl<'a> Wanted<'a> {
    /// What the interests want of a document; everything if there are very many of them.
    pub(crate) fn of(interests: &'a [&'a Interest]) -> Self {
        let Ok(count) = u8::try_from(interests.len()) else { return Self::All };
        (0..count).fold(Self::Nothing, |wanted, interest| wanted.and(interests, interest, 0))
    }

    pub(crate) fn is_nothing(&self) -> bool {
        matches!(self, Self::Nothing)
    }

    /// How the names begin of which anything may be wanted.
    pub(crate) fn beginnings(&self) -> Beginnings {
        match self {
            Self::Nothing => Beginnings::default(),
            Self::All => Beginnings::ALL,
            Self::Part(places) => {
                let branches = places.all.iter().take(places.count.into());
                branches.fold(Beginnings::default(), |all, (interest, at)| {
                    all.or(&places.interests[usize::from(*interest)].branches[*at as usize].beginnings)
                })
            },
        }
    }

    /// What is wanted of the member of that name.
    pub(crate) fn member(&self, name: &str) -> Self {
        self.below(Some(name))
    }

    /// What is wanted of every element.
    pub(crate) fn element(&self) -> Self {
        self.below(None)
    }

    fn below(&self, name: Option<&str>) -> Self {
        let places = match self {
            Self::Nothing => return Self::Nothing,
            Self::All => return Self::All,
            Self::Part(places) => places,
        };
        let mut wanted = Self::Nothing;
        for (interest, at) in places.all.iter().take(places.count.into()) {
            let branch = &places.interests[usize::from(*interest)].branches[*at as usize];
            let named = name.and_then(|name| branch.names.get(name).copied());
            for next in [named, branch.any].into_iter().flatten() {
                wanted = wanted.and(places.interests, *interest, next);
            }
        }
        wanted
    }

    fn and(self, interests: &'a [&'a Interest], interest: u8, at: u32) -> Self {
        let branch = &interests[usize::from(interest)].branches[at as usize];
        if branch.whole {
            return Self::All;
        }
        if branch.names.is_empty() && branch.any.is_none() {
            return self;
        }
        let mut places = match self {
            Self::All => return self,
            Self::Nothing => Places { interests, all: [(0, 0); PLACES_MAX], count: 0 },
            Self::Part(places) => places,
        };
        // Wildcards beside names may double the places at every level; then all is read.
        let Some(place) = places.all.get_mut(usize::from(places.count)) else { return Self::All };
        *place = (interest, at);
        places.count += 1;
        Self::Part(places)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::{Document, Node};

    fn interest(paths: &[&str]) -> Interest {
        let mut interest = Interest::default();
        paths.iter().for_each(|path| interest.add(&Path::parse(path).unwrap()));
        interest
    }

    fn part(text: &str, interests: &[Interest]) -> Node {
        Document::parse_part(text, 64, Wanted::of(&interests.iter().collect::<Vec<_>>())).unwrap().root
    }

    #[test]
    fn only_what_is_looked_at_is_kept() {
        let text = r#"{"a":{"b":[1,{"c":2}],"d":"e"},"f":[{"g":1,"h":2},3],"f\u006b":4,"a":{"b":5,"d":6}}"#;
        for (paths, expected) in [
            (&["$.a.b", "$.fk"][..], r#"{"fk":4,"a":{"b":5}}"#),
            (&["$.f[1]"], r#"{"f":[{"g":1,"h":2},3]}"#),
            (&["$.f[*].g"], r#"{"f":[{"g":1},null]}"#),
            (&["$.f[?@.g]"], r#"{"f":[{"g":1,"h":2},3]}"#),
            (&["$.none.x"], "{}"),
            (&[], "null"),
        ] {
            assert_eq!(part(text, &[interest(paths)]).to_string(), expected, "{paths:?}");
        }
        assert_eq!(part(text, &[interest(&["$..g"])]), Document::parse(text, 64).unwrap().root);
        assert_eq!(
            part(text, &[interest(&["$.fk"]), interest(&["$.*.d"])]).to_string(),
            r#"{"f":[null,null],"fk":4,"a":{"d":6}}"#
        );
        let mut joined = interest(&["$.fk"]);
        joined.join(&interest(&["$.*.d"]));
        assert_eq!(part(text, &[joined]).to_string(), r#"{"f":[null,null],"fk":4,"a":{"d":6}}"#);
    }
}
