//! Events and rules by chance, in the proportions in which people write them; a seed replays them.
#![allow(dead_code, reason = "every test and benchmark takes its own part of this")]

mod chance;
pub(crate) mod evaluations;
pub(crate) mod sets;
pub(crate) mod whole;

pub(crate) use chance::Chance;
use rules::{
    AlertId, Command, Condition, CustomerId, Evaluation, Form, Pattern, PatternKind, PatternStep, RuleBook,
    Stated, read_rule,
};
use serde_json::{Map, Value, json};
use uuid::Uuid;

const ACTIONS: [&str; 6] = ["created", "deleted", "Deleted", "opened", "closed", "shared"];
const PEOPLE: [&str; 6] = ["ann", "bob", "Émile", "zoe", "ann-admin", "root"];
const DOMAINS: [&str; 3] = ["example.com", "Example.org", "corp.test"];

/// An event of a service in which people share documents.
pub(crate) fn event(chance: &mut Chance) -> Value {
    let person = |chance: &mut Chance| {
        let name = chance.pick(&PEOPLE);
        let email = format!("{name}@{}", chance.pick(&DOMAINS));
        let mut person =
            json!({"login": name, "email": email, "id": chance.below(40), "admin": chance.one_in(3)});
        if chance.one_in(4) {
            person["manager"] = json!({"login": chance.pick(&PEOPLE), "id": chance.below(40)});
        }
        person
    };
    let entry = |chance: &mut Chance| {
        json!({"scope": chance.pick(&["anyone", "user", "domain"]), "role": chance.pick(&["reader", "owner", "writer"]),
               "weight": chance.below(10), "user": person(chance)})
    };
    let acl: Vec<Value> = (0..chance.below(4)).map(|_| entry(chance)).collect();
    let labels: Vec<&str> = (0..chance.below(4)).map(|_| chance.pick(&["bug", "urgent", "Q1", ""])).collect();
    let odd = [
        json!(null),
        json!(""),
        json!([]),
        json!({}),
        json!("x"),
        json!(0),
        json!([1, "a", null]),
        json!({"length": 3}),
    ];
    let amounts = [json!(1), json!(1.0), json!(1.5), json!(-0.0), json!(1e20), json!(u64::MAX), json!("1")];
    let mut event = json!({
        "action": chance.pick(&ACTIONS), "actor": person(chance), "acl": acl, "labels": labels,
        "repository": {"private": chance.one_in(2), "name": format!("repo-{}", chance.below(30)), "size": chance.below(100)},
        "ip": format!("10.{}.0.{}", chance.below(3), chance.below(5)),
        "amount": amounts[chance.below(amounts.len())], "odd": odd[chance.below(odd.len())], "deep": {"er": {"items": [{"id": chance.below(5)}, {"id": chance.below(5), "acl": 1}]}},
        "message": format!("user {} did {} on arn:aws:iam::1:role/{}", chance.pick(&PEOPLE), chance.pick(&ACTIONS), chance.pick(&["admin", "dev"])),
    });
    if let Value::Object(members) = &mut event
        && chance.one_in(3)
    {
        let names: Vec<String> = members.keys().cloned().collect();
        members.remove(&names[chance.below(names.len())]);
    }
    event
}

/// A leaf of the event by chance: its path, with indexes or as `[*]`, and its value.
pub(crate) fn leaf(chance: &mut Chance, event: &Value) -> (String, Value) {
    let (mut path, mut node) = ("$".to_owned(), event);
    loop {
        match node {
            Value::Object(members) if !members.is_empty() => {
                let (name, value) =
                    members.iter().nth(chance.below(members.len())).expect("it is below the length");
                let plain = name.bytes().all(|byte| byte.is_ascii_lowercase());
                path.push_str(&if !plain || chance.one_in(5) {
                    format!("['{name}']")
                } else {
                    format!(".{name}")
                });
                node = value;
            },
            Value::Array(elements) if !elements.is_empty() => {
                let index = chance.below(elements.len());
                path.push_str(&match chance.below(6) {
                    0 => format!("[{index}]"),
                    1 => "[-1]".to_owned(),
                    2 => "[0:]".to_owned(),
                    _ => "[*]".to_owned(),
                });
                node = &elements[index];
            },
            leaf => return (path, leaf.clone()),
        }
    }
}

fn literal(value: &Value) -> String {
    match value {
        Value::Array(_) | Value::Object(_) => "null".to_owned(),
        scalar => scalar.to_string(),
    }
}

fn part<'a>(chance: &mut Chance, text: &'a str, from_start: bool) -> &'a str {
    let bounds: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
    let cut = bounds[chance.below(bounds.len())];
    if from_start { text.get(..cut) } else { text.get(cut..) }.unwrap_or_default()
}

/// A statement about the event's leaf, or near to it.
pub(crate) fn statement(chance: &mut Chance, event: &Value) -> String {
    let (path, value) = leaf(chance, event);
    let text = value.as_str().unwrap_or("x").to_owned();
    let case = if chance.one_in(4) { " ignoreCase" } else { "" };
    let quantifier = chance.pick(&["", "", "", "any ", "every ", "none "]);
    let other = chance.below(50);
    let quoted = |text: &str| Value::from(text).to_string();
    match chance.below(100) {
        0..=40 => format!("{path} == {}", literal(&value)),
        41..=44 => format!("{quantifier}{path} == {}{case}", literal(&value)),
        45..=54 => format!("{path} in [{}, \"none-{other}\", {other}]", literal(&value)),
        55..=57 => format!("{quantifier}{path} not in [{}, {other}]{case}", literal(&value)),
        58..=62 => format!("{quantifier}{path} != {}{case}", literal(&value)),
        63..=66 => {
            format!("{quantifier}{path} contains {}{case}", quoted(part(chance, &text, chance_bool(other))))
        },
        67..=69 => format!("{path} startsWith [{}, \"zz\"]{case}", quoted(part(chance, &text, true))),
        70..=72 => format!("{quantifier}{path} endsWith {}{case}", quoted(part(chance, &text, false))),
        73..=78 => format!("{quantifier}{path} {} {other}", chance.pick(&["<", "<=", ">", ">="])),
        79 => format!("{path} > {other} && {path} <= {}", other + 20),
        80 => format!("{path} >= \"b\" && {path} < {}", quoted(&text)),
        81..=82 => {
            let pattern = chance.pick(&[
                "^ann",
                "role/(admin|dev)$",
                "d.d",
                "(?i)DELETED",
                "[0-9]{2}",
                "user (bob|zoe)",
                "",
            ]);
            format!("{path} regex {}{case}", quoted(pattern))
        },
        83 => format!("$.ip in cidr [\"10.{}.0.0/16\", \"::/0\"]", chance.below(3)),
        84..=85 => format!("{path} {}", chance.pick(&["exists", "missing", "empty", "notEmpty"])),
        86 => format!("{quantifier}{path} {}", chance.pick(&["empty", "notEmpty"])),
        87..=88 => format!("{path}.length() > {}", chance.below(12)),
        89 => format!("$.odd.length >= {}", chance.below(4)),
        90..=93 => {
            let filter = chance.pick(&[
                "@.scope == 'anyone'",
                "@.role == 'owner' && @.weight > 4",
                "@.user.login == 'ann' || @.weight == 1",
                "@.user.manager",
                "!@.user.manager",
                "search(@.role, 'r')",
                "@.weight >= 8 && @.user.id < 20",
                "'domain' == @.scope",
            ]);
            let rest = chance.pick(&[
                "",
                ".role == \"owner\"",
                ".user.id < 10",
                ".weight != 3",
                ".user.email endsWith \"com\"",
            ]);
            format!("{quantifier}$.acl[?{filter}]{}", if rest.is_empty() { " notEmpty" } else { rest })
        },
        94..=95 => format!(
            "{quantifier}$.labels contains [\"{}\", 1, null]{case}",
            chance.pick(&["bug", "URGENT", "urg"])
        ),
        96 => format!("$..id == {}", chance.below(40)),
        97 => format!("$..[?@.id == {}] exists", chance.below(40)),
        98 => format!("$.acl['0', 0, 1].weight == {}", chance.below(10)),
        _ => format!("$.*.id > {other}"),
    }
}

fn chance_bool(number: usize) -> bool {
    number.is_multiple_of(2)
}

/// A condition as text: mostly a few statements that must all hold.
pub(crate) fn condition(chance: &mut Chance, events: &[Value]) -> String {
    let event = &events[chance.below(events.len())];
    let several = |chance: &mut Chance, count: usize, sign: &str| {
        let parts: Vec<String> = (0..count).map(|_| statement(chance, event)).collect();
        parts.join(sign)
    };
    match chance.below(20) {
        0..=7 => several(chance, 1, ""),
        8..=13 => several(chance, 2, " && "),
        14..=15 => several(chance, 3, " && "),
        16 => several(chance, 3, " || "),
        17 => format!("!({})", several(chance, 2, " && ")),
        18 => format!("({}) && !({})", several(chance, 2, " || "), several(chance, 2, " || ")),
        _ if chance.one_in(4) => {
            let pairs: Vec<String> = (0..7).map(|_| format!("({})", several(chance, 2, " || "))).collect();
            pairs.join(" && ")
        },
        // The same one for many rules.
        _ => format!("$.action == \"{}\"", chance.pick(&ACTIONS)),
    }
}

/// The customer of that number; 0 is that of the global rules.
pub(crate) fn customer(number: usize) -> CustomerId {
    if number == 0 { CustomerId::GLOBAL } else { CustomerId::from_uuid(Uuid::from_u128(number as u128)) }
}

/// A rule with that condition, as JSON.
pub(crate) fn document(customer: CustomerId, alert: usize, condition: &str) -> String {
    let mut document = Map::new();
    document.insert("customerId".to_owned(), json!(customer));
    document.insert("alertId".to_owned(), json!(AlertId::from_uuid(Uuid::from_u128(alert as u128))));
    document.insert("alertName".to_owned(), json!("made"));
    document.insert("match".to_owned(), json!(condition));
    Value::Object(document).to_string()
}

/// The command that puts a rule in force.
pub(crate) fn put(customer: CustomerId, alert: usize, condition: &str) -> Command {
    let (rule, _) = read_rule(document(customer, alert, condition).as_bytes(), None)
        .unwrap_or_else(|invalid| panic!("{condition}: {invalid}"));
    Command::Put { rule: Box::new(rule), expected: None }
}

/// The command that puts a rule in force with a condition by chance, or with a pattern of several.
pub(crate) fn put_any(chance: &mut Chance, events: &[Value], customer: CustomerId, alert: usize) -> Command {
    let command = put(customer, alert, &condition(chance, events));
    let Command::Put { mut rule, expected } = command else { return command };
    if chance.one_in(6) {
        let mut stated = || Stated {
            condition: Condition::parse(&condition(chance, events), &[]).expect("it was made here"),
            form: Form::Text,
        };
        let step = |(number, condition)| PatternStep {
            id: format!("step{number}"),
            condition,
            min: None,
            entity_path: None,
            expected_count_path: None,
        };
        let until = alert.is_multiple_of(2).then(&mut stated);
        let steps = (0..2 + alert % 3).map(|number| (number, stated())).map(step).collect();
        rule.evaluation = Evaluation::Pattern(Pattern { kind: PatternKind::All, steps, within: None, until });
    }
    Command::Put { rule, expected }
}

/// A book of rules of the customers from 0 on, and so many of them.
pub(crate) fn book(chance: &mut Chance, events: &[Value], rules: usize, customers: usize) -> RuleBook {
    let mut book = RuleBook::default();
    for alert in 0..rules {
        let owner = customer(chance.below(customers));
        book.apply(put_any(chance, events, owner, alert));
    }
    book
}
