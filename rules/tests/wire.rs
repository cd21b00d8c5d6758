//! Rules by chance: what is printed reads back to the same rule, and whatever is changed in a rule is answered.

use rules::{ActiveRule, Generation, Invalid, ProblemCode, Rule, RuleVersion, read_rule, write_rule};
use serde_json::{Value, json};

mod made;

use made::Chance;

const RULES: usize = 2_000;

fn read(document: &Value) -> Result<Rule, Invalid> {
    Ok(read_rule(document.to_string().as_bytes(), None)?.0)
}

fn reads_back(rule: &Rule, document: &Value) {
    let written = write_rule(rule, RuleVersion(3));
    let back =
        read(&written).unwrap_or_else(|invalid| panic!("{document}\nis printed as\n{written}\n{invalid}"));
    assert_eq!(back, *rule, "{document}\nis printed as\n{written}");
    assert_eq!(write_rule(&back, RuleVersion(3)), written);
    let active = ActiveRule::new(rule.clone(), RuleVersion(3), Generation(9));
    let stored = ActiveRule::from_bytes(rule.key, &active.to_bytes());
    assert_eq!(stored.expect("what was stored is read"), active, "{document}");
}

#[test]
fn what_is_printed_reads_back_to_the_same_rule() {
    for seed in 0..RULES {
        let mut chance = Chance(seed as u64);
        let events: Vec<Value> = (0..4).map(|_| made::event(&mut chance)).collect();
        let document = made::whole::rule(&mut chance, &events);
        let rule = read(&document).unwrap_or_else(|invalid| panic!("seed {seed}: {document}\n{invalid}"));
        reads_back(&rule, &document);
    }
}

#[test]
fn whatever_is_changed_in_a_rule_is_answered_with_its_place() {
    let (mut accepted, mut refused) = (0, 0);
    for seed in 0..RULES {
        let mut chance = Chance(seed as u64);
        let events: Vec<Value> = (0..2).map(|_| made::event(&mut chance)).collect();
        let mut document = made::whole::rule(&mut chance, &events);
        for _ in 0..=chance.below(3) {
            change(&mut chance, &mut document);
        }
        match read(&document) {
            Ok(rule) => {
                reads_back(&rule, &document);
                accepted += 1;
            },
            Err(invalid) => {
                assert!(!invalid.problems.is_empty());
                for problem in &invalid.problems {
                    assert!(
                        document.pointer(&problem.pointer).is_some(),
                        "seed {seed}: {document}\n{problem}"
                    );
                    assert!(!problem.message.is_empty() && !problem.expected.is_empty());
                    assert!(problem.code != ProblemCode::KeyMismatch);
                }
                refused += 1;
            },
        }
    }
    println!("{accepted} accepted, {refused} refused");
    assert!(accepted > RULES / 20 && refused > RULES / 4);
}

/// Removes, replaces, renames or moves a value somewhere in the document.
fn change(chance: &mut Chance, document: &mut Value) {
    let mut places = Vec::new();
    collect(document, "", &mut places);
    let from = places[chance.below(places.len())].clone();
    let other = places[chance.below(places.len())].clone();
    let value = match chance.below(4) {
        0 => document.pointer(&other).cloned().unwrap_or_default(),
        1 => json!(chance.pick(&["", "once", "total", "5m", "$.a", "first", "nobody", "all"])),
        2 => [json!(0), json!(-1), json!(1.5), json!(3), json!(1e300), json!(true)][chance.below(6)].clone(),
        _ => [json!(null), json!([]), json!({}), json!([{}])][chance.below(4)].clone(),
    };
    let Some((parent, name)) = from.rsplit_once('/') else { return };
    let name = name.replace("~1", "/").replace("~0", "~");
    match document.pointer_mut(parent) {
        Some(Value::Object(members)) => match chance.below(3) {
            0 => _ = members.remove(&name),
            1 => _ = members.insert(name, value),
            _ => {
                let new = chance
                    .pick(&["match", "jsonPath", "type", "mode", "resolve", "min", "Window", "by", "~x/"]);
                let moved = members.remove(&name).unwrap_or_default();
                members.insert(new.to_owned(), moved);
            },
        },
        Some(Value::Array(elements)) => elements.push(value),
        _ => {},
    }
}

fn collect(value: &Value, pointer: &str, places: &mut Vec<String>) {
    places.push(pointer.to_owned());
    match value {
        Value::Object(members) => {
            for (name, inner) in members {
                collect(inner, &format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1")), places);
            }
        },
        Value::Array(elements) => {
            for (index, inner) in elements.iter().enumerate() {
                collect(inner, &format!("{pointer}/{index}"), places);
            }
        },
        _ => {},
    }
}
