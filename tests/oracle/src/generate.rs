//! Random rules and histories; a seed replays them.
//!
//! The vocabulary is tiny and the spans are short, so that values repeat, groups meet and times fall on borders of windows.

mod edit;
mod history;
mod rule;

pub use edit::{edited_case, edited_rule};
use rules::{CustomerId, Rule};
use uuid::Uuid;

use crate::History;

/// Rules and what happens to them.
#[derive(Debug, Clone)]
pub struct Case {
    /// What replays the case.
    pub seed: u64,
    /// The rules, in the order in which they are given.
    pub rules: Vec<Rule>,
    /// The events.
    pub history: History,
}

/// What a case is made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Kind {
    /// Any rules over any history.
    #[default]
    Any,
    /// One rule that says the same for any order of arrival within its allowed lateness: absence without resolve or a value
    /// judged at close, without what depends on arrival by nature (ids of events, limits of an hour). All times are readable
    /// and no two events have the same.
    OrderFree,
}

/// The case of a seed.
pub fn case(seed: u64) -> Case {
    case_of(seed, Kind::Any)
}

/// The case of a seed and a kind.
pub fn case_of(seed: u64, kind: Kind) -> Case {
    let mut chance = Chance(seed);
    let count = if kind == Kind::OrderFree { 1 } else { 1 + chance.below(3) };
    let rules = (0..count).map(|_| rule::rule(&mut chance, kind)).collect();
    let history = history::history(&mut chance, kind);
    Case { seed, rules, history }
}

/// The customers of generated events.
pub fn customers() -> [CustomerId; 3] {
    [1, 2, 3].map(|number| CustomerId::from_uuid(Uuid::from_u128(number)))
}

/// SplitMix64: enough for tests.
#[derive(Debug)]
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound as u64).expect("it is below the bound")
    }

    fn pick<T: Clone>(&mut self, among: &[T]) -> T {
        among[self.below(among.len())].clone()
    }

    /// True so many times in a hundred.
    fn percent(&mut self, share: usize) -> bool {
        self.below(100) < share
    }

    fn between(&mut self, least: i64, most: i64) -> i64 {
        let width = usize::try_from(most - least + 1).expect("the least is not above the most");
        least + i64::try_from(self.below(width)).expect("it is below the width")
    }
}
