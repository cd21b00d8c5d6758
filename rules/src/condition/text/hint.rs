//! What was probably meant: advice for the errors that people make who know other languages.

use super::KEYWORDS;

/// The operator that belongs where `rest` begins, for spellings of other languages.
pub(super) fn instead_of_operator(rest: &str, word: &str) -> Option<String> {
    let meant = match word.to_ascii_lowercase().as_str() {
        "and" => "&&",
        "or" => "||",
        "is" | "eq" | "equals" => "==",
        "ne" | "neq" => "!=",
        "gt" => ">",
        "gte" | "ge" => ">=",
        "lt" => "<",
        "lte" | "le" => "<=",
        "like" | "includes" | "has" => "contains",
        "matches" | "match" => "regex",
        "notin" => "not in",
        "" => return instead_of_sign(rest),
        lower => {
            let keyword = KEYWORDS.into_iter().find(|keyword| keyword.eq_ignore_ascii_case(lower));
            return keyword
                .filter(|keyword| *keyword != word)
                .map(|keyword| format!("`{keyword}`; keywords are case-sensitive"));
        },
    };
    Some(format!("`{meant}`"))
}

fn instead_of_sign(rest: &str) -> Option<String> {
    if rest.starts_with("&&") || rest.starts_with("||") {
        return None;
    }
    for (sign, meant) in [("===", "=="), ("<>", "!="), ("=", "=="), ("&", "&&"), ("|", "||")] {
        if rest.starts_with(sign) {
            return Some(format!("`{meant}`"));
        }
    }
    match rest.chars().next() {
        Some('.' | '[') => Some("no blank inside of a path; $['a b'] has a name with one".to_owned()),
        Some('-') => {
            Some("an operator; a name with `-` goes in brackets and quotes, as in $['a-b']".to_owned())
        },
        _ => None,
    }
}

/// Why a word cannot be the name of a selection, if it cannot: what was expected instead.
pub(super) fn not_a_name(word: &str) -> Option<String> {
    match word.to_ascii_lowercase().as_str() {
        "not" => Some("`!` and parentheses, as in !($.a == 1)".to_owned()),
        "true" | "false" | "null" => Some("a path; a literal stands on the right of an operator".to_owned()),
        "and" | "or" => Some("a path such as $.a, the name of a selection, `!` or `(`".to_owned()),
        _ if KEYWORDS.contains(&word) => Some("a path such as $.a before it".to_owned()),
        _ => None,
    }
}
