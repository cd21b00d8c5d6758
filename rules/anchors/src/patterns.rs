//! One set of rules in three languages: conditions of ours, patterns of quamina and event-ruler, and JSONPath queries.

use serde_json::{Value, json};

use crate::made::Chance;
use crate::made::sets::{Paths, word};

/// One rule in every language.
pub(crate) struct Forms {
    pub(crate) condition: String,
    pub(crate) pattern: String,
    /// Selects something of an array with the event if the rule is met.
    pub(crate) query: String,
}

/// What a field must be.
enum Must {
    Be(Vec<Value>),
    StartWith(String),
    Exist,
}

/// So many rules; the first one is met by some events.
pub(crate) fn set(count: usize, paths: &Paths) -> Vec<Forms> {
    let mut chance = Chance(9);
    (0..count).map(|number| forms(&rule(number, &mut chance, paths), paths)).collect()
}

fn rule(number: usize, chance: &mut Chance, paths: &Paths) -> Vec<(&'static str, Must)> {
    let Paths { text, start, number: size, number_max, popular, popular_value, flag, person, .. } = paths;
    let is = |value: Value| Must::Be(vec![value]);
    let (one, other) = (format!("{}-{number}", word(chance)), format!("{}{number}", word(chance)));
    let size_is = is(json!(number_max + 1 + number));
    match number {
        0 => return vec![(popular, is(json!(popular_value))), (flag, is(json!(false)))],
        _ => {},
    }
    match number % 10 {
        0 => vec![(popular, is(json!(popular_value))), (person, is(json!(one)))],
        1 => vec![(person, is(json!(one))), (flag, is(json!(true)))],
        2 => vec![(person, Must::Be(vec![json!(one), json!(other), json!(format!("x{number}"))]))],
        3 => vec![(text, Must::StartWith(format!("{start}{one}")))],
        4 => vec![(size, size_is), (flag, is(json!(false)))],
        5 => vec![(popular, is(json!(popular_value))), (flag, is(json!(false))), (person, is(json!(one)))],
        6 => vec![(text, is(json!(one)))],
        7 => vec![(person, Must::Exist), (text, is(json!(one)))],
        8 => vec![("element", is(json!(one)))],
        _ => vec![(popular, Must::Be(vec![json!(popular_value), json!("moved")])), (size, size_is)],
    }
}

fn forms(rule: &[(&str, Must)], paths: &Paths) -> Forms {
    let mut pattern = json!({});
    let (mut conditions, mut filters) = (Vec::new(), Vec::new());
    for (path, must) in rule {
        let is_element = *path == "element";
        let name = if is_element { format!("{}.{}", paths.array, paths.member) } else { (*path).to_owned() };
        let mut at = &mut pattern;
        for step in name.trim_start_matches("$.").split('.') {
            at = &mut at[step];
        }
        let condition_path =
            if is_element { format!("{}[*].{}", paths.array, paths.member) } else { (*path).to_owned() };
        let query_path = format!("@{}", path.trim_start_matches('$'));
        let quoted = |value: &Value| value.to_string().replace('"', "'");
        match must {
            Must::Be(values) => {
                *at = json!(values);
                conditions.push(format!("{condition_path} in {}", json!(values)));
                let any: Vec<String> = values
                    .iter()
                    .map(|value| match is_element {
                        true => format!("@{}[?@.{} == {}]", &paths.array[1..], paths.member, quoted(value)),
                        false => format!("{query_path} == {}", quoted(value)),
                    })
                    .collect();
                filters.push(format!("({})", any.join(" || ")));
            },
            Must::StartWith(start) => {
                *at = json!([{"prefix": start}]);
                conditions.push(format!("{condition_path} startsWith {}", json!(start)));
                filters.push(format!(
                    "search({query_path}, '^{}')",
                    start.replace('/', "\\\\/").replace('.', "\\\\.")
                ));
            },
            Must::Exist => {
                *at = json!([{"exists": true}]);
                conditions.push(format!("{condition_path} exists"));
                filters.push(query_path);
            },
        }
    }
    Forms {
        condition: conditions.join(" && "),
        pattern: pattern.to_string(),
        query: format!("$[?{}]", filters.join(" && ")),
    }
}
