//! Sets of rules that are hard on a matcher in one way each: very many rules that differ in one operand.

use rules::RuleBook;

use super::{Chance, put};

/// The paths at which a set looks, by what stands there in the events.
pub(crate) struct Paths {
    /// A text that begins with `start`.
    pub(crate) text: &'static str,
    pub(crate) start: &'static str,
    /// A number that most events have, and its greatest value.
    pub(crate) number: &'static str,
    pub(crate) number_max: usize,
    /// A value that very many events have.
    pub(crate) popular: &'static str,
    pub(crate) popular_value: &'static str,
    pub(crate) flag: &'static str,
    /// Two more texts; `kind` has one and the same value in nearly all events.
    pub(crate) person: &'static str,
    pub(crate) kind: &'static str,
    pub(crate) kind_value: &'static str,
    /// An array of objects, and a text in each.
    pub(crate) array: &'static str,
    pub(crate) member: &'static str,
}

/// What the made events have.
pub(crate) const MADE: Paths = Paths {
    text: "$.message",
    start: "user ",
    number: "$.repository.size",
    number_max: 100,
    popular: "$.action",
    popular_value: "created",
    flag: "$.repository.private",
    person: "$.actor.login",
    kind: "$.deep.er.items[1].acl",
    kind_value: "1",
    array: "$.acl",
    member: "scope",
};

/// What webhooks of GitHub have.
pub(crate) const WEBHOOKS: Paths = Paths {
    text: "$.repository.html_url",
    start: "https://github.com/",
    number: "$.repository.id",
    number_max: 1_000_000_000,
    popular: "$.action",
    popular_value: "created",
    flag: "$.repository.private",
    person: "$.sender.login",
    kind: "$.sender.type",
    kind_value: "\"User\"",
    array: "$.issue.labels",
    member: "name",
};

const SYLLABLES: [&str; 16] =
    ["ba", "cor", "de", "fin", "gu", "hal", "ix", "jo", "kel", "lum", "mor", "nip", "or", "pa", "qui", "ras"];

/// Something like a word.
pub(crate) fn word(chance: &mut Chance) -> String {
    (0..2 + chance.below(2)).map(|_| chance.pick(&SYLLABLES)).collect()
}

/// The names of the sets.
pub(crate) const NAMES: [&str; 15] = [
    "equal",
    "in",
    "contains",
    "contains a word",
    "starts with",
    "ends with",
    "regex",
    "regex without literals",
    "one-sided range",
    "two-sided range",
    "popular and range",
    "popular and contains",
    "not equal",
    "not equal, all fail",
    "elements",
];

/// The condition of one rule of a set.
pub(crate) fn condition(set: &str, number: usize, chance: &mut Chance, paths: &Paths) -> String {
    let Paths { text, start, number: size, number_max, popular, popular_value, flag, person, kind, .. } =
        paths;
    let (word, other) = (word(chance), chance.below(100_000));
    match set {
        "equal" => format!("{person} == \"{}\"", if number % 100 == 7 { "ann" } else { &word }),
        "in" => format!("{person} in [\"{word}-{number}\", \"{other}-{word}\", \"x{number}\"]"),
        "contains" => format!("{text} contains \"{word}{other}\""),
        "contains a word" => format!("{text} contains \"{word}\""),
        "starts with" => format!("{text} startsWith \"{start}{word}{other}\""),
        "ends with" => format!("{text} endsWith \"{word}{other}\""),
        "regex" => {
            let second = self::word(chance);
            format!("{text} regex \"{word}[0-9]+.*{second}\"")
        },
        "regex without literals" => format!(
            "{text} regex \"[{}-z][0-9]{{{},}}[a-f].{{{}}}$\"",
            chance.pick(&["a", "b", "m"]),
            1 + number % 9,
            number / 9
        ),
        "one-sided range" => format!("{size} > {}", number_max - 1 + other),
        "two-sided range" => {
            let low = chance.below(*number_max);
            format!("{size} > {low} && {size} < {}", low + 1 + chance.below(number_max / 1000 + 1))
        },
        "popular and range" => {
            format!(
                "{popular} == \"{popular_value}\" && {flag} == false && {size} > {}",
                number_max - 1 + other % 1000
            )
        },
        "popular and contains" => {
            format!("{popular} == \"{popular_value}\" && {text} contains \"{word}{other}\"")
        },
        "not equal" => format!("{person} != \"u{number}\" && {popular} != \"a{number}\" && {kind} != \"x\""),
        "not equal, all fail" => {
            format!(
                "{person} != \"u{number}\" && {popular} != \"a{number}\" && {kind} != {}",
                paths.kind_value
            )
        },
        "elements" => format!("{}[?@.{} == '{word}{number}'] exists", paths.array, paths.member),
        other => panic!("there is no set `{other}`"),
    }
}

/// A book of so many global rules of a set.
pub(crate) fn book(set: &str, count: usize, paths: &Paths) -> RuleBook {
    let mut chance = Chance(5);
    let mut book = RuleBook::default();
    for number in 0..count {
        book.apply(put(super::customer(0), number, &condition(set, number, &mut chance, paths)));
    }
    book
}

/// A condition as customers write them: ten kinds at the same few paths, which hardly any event meets.
pub(crate) fn usual(number: usize, chance: &mut Chance, paths: &Paths) -> String {
    let Paths { text, number: size, popular, flag, person, kind, .. } = paths;
    let (word, other) = (word(chance), chance.below(10_000));
    let action = chance.pick(&["created", "opened", "edited", "closed", "deleted"]);
    match number % 10 {
        0 => format!("{popular} == \"{action}\" && {text} == \"org-{other}/{word}\""),
        1 => format!("{person} == \"{word}-{other}\" && {flag} == true && {size} > {other}"),
        2 => format!("{person} == \"{word}{other}\" && {popular} != \"created\""),
        3 => format!(
            "{person} == \"{word}-{other}\" && ({popular} == \"deleted\" || {popular} == \"{action}\" || {popular} == \"moved\")"
        ),
        4 => format!("{text} == \"{word}{other}\" && {person} contains \"{word}\""),
        5 => format!("{size} == {} && {kind} == \"x\"", paths.number_max + 1_000 * other + number % 1000),
        6 => format!("{size} == {} && {popular} == \"{action}\"", paths.number_max + 77 * other + number),
        7 => format!("{flag} == true && {kind} == \"Bot\" && {size} == {}", paths.number_max + number),
        8 => format!("{person} exists && {flag} == true && {text} == \"release-{number}\""),
        _ => format!("{}[?@.{} == '{word}{number}'] exists", paths.array, paths.member),
    }
}
