use super::*;
use crate::condition::SelectionName;
use crate::document::Document;
use proptest::prelude::*;
use serde_json::json;

fn root(payload: &str) -> Node {
    Document::parse(payload, 64).unwrap().root
}

fn explained(condition: &str, payload: &str) -> Explanation {
    let condition = Condition::parse(condition, &[]).unwrap_or_else(|error| panic!("{condition}: {error}"));
    let (root, selections) = (root(payload), Selections::new());
    let explanation = condition.explain(&root, &selections, Limits::default());
    assert_eq!(explanation.holds, condition.holds(&root, &selections), "{condition:?} on {payload}");
    explanation
}

#[track_caller]
fn reasons(payload: &str, cases: &[(&str, bool, &str)]) {
    for (condition, holds, reason) in cases {
        let explanation = explained(condition, payload);
        assert_eq!((explanation.holds, explanation.reason.as_str()), (*holds, *reason), "{condition}");
    }
}

#[test]
fn a_test_says_what_it_found() {
    let payload =
        r#"{"n": 3, "s": "Abc", "q": "3", "l": ["bug", "wip", 7], "o": {"length": 9}, "b": true, "ip": "x"}"#;
    reasons(
        payload,
        &[
            ("$.n == 3.0", true, "the node equals 3"),
            ("$.n > 5", false, "the node is not greater than 5"),
            ("$.n != 3", false, "the node equals 3"),
            ("none $.n == 3", false, "the node equals 3, and with `none` it must not"),
            ("$.s > 5", false, "the node is a string, a number was compared"),
            ("$.q == 3", false, "the node is a string, a number was compared; nothing is converted"),
            ("$.s == \"abc\"", false, "the node differs in case alone; `ignoreCase` takes it"),
            ("$.s startsWith \" Ab\"", false, "the node differs in blanks at an end alone"),
            ("$.n regex \"3\"", false, "the node is a number; `regex` looks at strings"),
            ("$.ip in cidr \"10.0.0.0/8\"", false, "the node is no IP address"),
            ("$.n contains 3", false, "the node is a number; `contains` looks at strings and arrays"),
            ("$.l[*] == \"bug\"", true, "1 of 3 nodes equals \"bug\"; one is enough"),
            (
                "every $.l[*] in [\"bug\", \"wip\"]",
                false,
                "2 of 3 nodes are among \"bug\", \"wip\"; all must",
            ),
            (
                "none $.l[*] startsWith [\"x\", \"y\"]",
                true,
                "none of 3 nodes starts with any of \"x\", \"y\"; none may",
            ),
            ("$.l[*] notEmpty", true, "all 3 nodes are not empty; one is enough"),
            ("$.l", true, "the path selects 1 node"),
            ("$.l missing", false, "the path selects 1 node"),
            ("$.l.length() > 5", false, "the length is not greater than 5"),
            ("$.b.length() > 5", false, "there is no length: $['b'] is a boolean"),
            ("$.o.length > 5", true, "the length is greater than 5"),
        ],
    );
}

#[test]
fn a_path_that_selects_nothing_says_where_it_ended() {
    let payload = r#"{"user": {"Name": "x", "tags": []}, "list": [{"a": 1}, {"a": 2}], "s": "t"}"#;
    reasons(
        payload,
        &[
            ("$.usr", false, "the path selects nothing: $ has no member ['usr']"),
            (
                "$.user.name.first",
                false,
                "the path selects nothing: $['user'] has no member ['name'], but ['Name']",
            ),
            ("$.s.x.y == 1", false, "the path selects nothing: $['s'] is a string, which has no members"),
            ("$.list[5]", false, "the path selects nothing: $['list'] has 2 elements, none at [5]"),
            ("$.s[0]", false, "the path selects nothing: $['s'] is a string, which has no elements"),
            (
                "$.list[*].b",
                false,
                "the path selects nothing: of 2 nodes before it none leads on; the first, $['list'][0], has no member ['b']",
            ),
            (
                "$.list[?@.a > 5].a",
                false,
                "the path selects nothing: $['list'] has 2 elements, none that the filter takes",
            ),
            ("$.user.tags[*]", false, "the path selects nothing: $['user']['tags'] is an empty array"),
            ("$..zzz", false, "the path selects nothing: $ has nothing like it at any depth"),
            (
                "$.usr != 1",
                true,
                "the path selects nothing: $ has no member ['usr'], and `!=` holds where nothing is",
            ),
            ("$.usr missing", true, "the path selects nothing: $ has no member ['usr']"),
            (
                "every $.usr == 1",
                false,
                "the path selects nothing: $ has no member ['usr'], and `every` asks for one at least",
            ),
        ],
    );
}

#[test]
fn the_nodes_are_located_and_the_member_called_length_too() {
    let explanation = explained("$.box.length > 1", r#"{"box": {"length": 40}}"#);
    let expected = json!({
        "holds": true, "reason": "the length is greater than 1", "kind": "test", "text": "$.box.length > 1",
        "path": "$.box.length", "op": "gt", "quantifier": "any", "nodesTotal": 1, "nodesMet": 1,
        "nodes": [{"path": "$['box']['length']", "value": "40", "meets": true}],
    });
    assert_eq!(serde_json::to_value(&explanation).unwrap(), expected);
}

#[test]
fn of_many_nodes_those_that_decided_are_listed() {
    let elements: Vec<String> = (0..1000).map(|number| number.to_string()).collect();
    let payload = format!("{{\"a\": [{}]}}", elements.join(","));
    let listed = |condition: &str| {
        let Why::Test { nodes, nodes_total, .. } = explained(condition, &payload).why else { panic!() };
        assert_eq!((nodes_total, nodes.len()), (1000, 10));
        nodes.into_iter().map(|node| node.path).collect::<Vec<_>>()
    };
    assert_eq!(listed("$.a[*] == 777").last().unwrap(), "$['a'][777]");
    assert_eq!(listed("every $.a[*] < 990").first().unwrap(), "$['a'][990]");
    assert_eq!(listed("$.a[*] < 0").first().unwrap(), "$['a'][0]");
}

#[test]
fn a_selection_is_explained_where_it_is_named_first() {
    let name = SelectionName::new("shared").unwrap();
    let condition = Condition::parse("shared && !(shared && $.x)", std::slice::from_ref(&name)).unwrap();
    let shared = Condition::parse("$.a == 1", &[]).unwrap();
    let selections: Selections =
        [(name, Stated { condition: shared, form: crate::condition::Form::Text })].into_iter().collect();
    let text = condition.explain(&root(r#"{"a": 1}"#), &selections, Limits::default()).to_text(Marks::Words);
    let expected = "\
yes all of these: all 2 hold
    yes shared: the selection holds
        yes $.a == 1
            the node equals 1
            $['a'] = 1
    yes not this: what is negated does not hold
        no  all of these: 1 of 2 does not hold
            yes shared: the selection holds, as explained above
            no  $.x
                the path selects nothing: $ has no member ['x']
";
    assert_eq!(text, expected);
}

#[test]
fn the_text_lists_nodes_and_says_how_many_more_there_are() {
    let limits = Limits { nodes_max: 2, value_chars_max: 6, location_chars_max: 12 };
    let condition = Condition::parse("every $.*.value == 1", &[]).unwrap();
    let payload = root(
        r#"{"a": {"value": 1}, "long name": {"value": "1"}, "c": {"value": "abcdefghij"}, "d": {"value": 2}}"#,
    );
    let text = condition.explain(&payload, &Selections::new(), limits).to_text(Marks::Signs);
    let expected = "\
✗ every $.*.value == 1
  1 of 4 nodes equals 1; all must
  ✗ $['long name… = \"1\"  -- is a string, a number was compared; nothing is converted
  ✗ $['c']['valu… = \"abcde…  -- is a string, a number was compared
  and 2 more
";
    assert_eq!(text, expected);
}

#[test]
fn nothing_in_a_rule_or_payload_steers_a_terminal() {
    let text =
        explained("$['\\u001b[31m'] == \"\u{202e}\u{9b}\"", "{\"\\u001b[31m\": \"\u{202e}\\u001b\u{9b}\"}")
            .to_text(Marks::Signs);
    assert!(!text.chars().any(|each| each != '\n' && (each.is_control() || is_direction(each))), "{text:?}");
    fn is_direction(each: char) -> bool {
        each == '\u{202e}'
    }
}

#[test]
fn the_debug_form_shows_no_payload() {
    let explanation = explained("$.a == \"other\"", r#"{"a": "hunter2"}"#);
    assert!(!format!("{explanation:?}").contains("hunter2"));
}

#[test]
fn a_huge_value_costs_what_is_shown_of_it() {
    let huge = "x".repeat(1 << 20);
    let payload = format!("{{\"{huge}\": \"{huge}\"}}");
    let json = serde_json::to_string(&explained("$.* == \"y\"", &payload)).unwrap();
    assert!(json.len() < 2_000, "{}", json.len());
    let json = serde_json::to_string(&explained("$.*.z == \"y\"", &payload)).unwrap();
    assert!(json.len() < 2_000, "{}", json.len());
}

fn payloads() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(json!(null)),
        any::<bool>().prop_map(|value| json!(value)),
        (-2..3_i32).prop_map(|value| json!(value)),
        "[abA1 ]{0,2}".prop_map(|value| json!(value)),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(|list| json!(list)),
            prop::collection::btree_map("[abl]|length", inner, 0..4).prop_map(|members| json!(members)),
        ]
    })
}

fn tests() -> impl Strategy<Value = String> {
    let path = prop::sample::select(vec![
        "$",
        "$.a",
        "$.b",
        "$.a.b",
        "$.*",
        "$.*.a",
        "$..a",
        "$..*",
        "$[0]",
        "$[*].b",
        "$[?@.a]",
        "$.a[?@ == 1]",
        "$[-1:]",
        "$.l.length()",
        "$..*.length()",
        "$.a.length",
        "$.*.length",
    ]);
    let quantifier = prop::sample::select(vec!["", "", "any ", "every ", "none "]);
    let asks = prop::sample::select(vec![
        "== 1",
        "!= 1",
        "== \"a\"",
        "!= \"a\" ignoreCase",
        "> 0",
        "<= \"a\"",
        "in [1, \"A\", null] ignoreCase",
        "not in [1, \"a\"]",
        "contains \"a\"",
        "contains [1, true]",
        "startsWith \"a\"",
        "endsWith [\"b\", \"1\"]",
        "regex \"^[ab]\"",
        "in cidr \"10.0.0.0/8\"",
        "empty",
        "notEmpty",
    ]);
    let plain = (path.clone(), prop::sample::select(vec!["exists", "missing"]))
        .prop_map(|(path, asks)| format!("{path} {asks}"));
    let full =
        (quantifier, path, asks).prop_map(|(quantifier, path, asks)| format!("{quantifier}{path} {asks}"));
    prop_oneof![4 => full, 1 => plain]
}

fn conditions() -> impl Strategy<Value = String> {
    tests().prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 2..4).prop_map(|parts| format!("({})", parts.join(" && "))),
            prop::collection::vec(inner.clone(), 2..4).prop_map(|parts| format!("({})", parts.join(" || "))),
            inner.prop_map(|part| format!("!({part})")),
        ]
    })
}

/// Every part of the tree has the truth that its own text has.
fn agrees(explanation: &Explanation, root: &Node) {
    match &explanation.why {
        Why::All { parts } => {
            assert_eq!(explanation.holds, parts.iter().all(|part| part.holds));
            parts.iter().for_each(|part| agrees(part, root));
        },
        Why::Any { parts } => {
            assert_eq!(explanation.holds, parts.iter().any(|part| part.holds));
            parts.iter().for_each(|part| agrees(part, root));
        },
        Why::Not { part } => {
            assert_eq!(explanation.holds, !part.holds);
            agrees(part, root);
        },
        Why::Selection { .. } => {},
        Why::Test { text, nodes, nodes_total, nodes_met, .. } => {
            let test = Condition::parse(text, &[]).unwrap();
            assert_eq!(explanation.holds, test.holds(root, &Selections::new()), "{text}");
            assert!(nodes_met <= nodes_total && nodes.len() <= *nodes_total);
        },
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_tree_has_the_truth_of_the_evaluation(text in conditions(), payload in payloads()) {
        let root = Node::from(&payload);
        let explanation = explained(&text, &payload.to_string());
        agrees(&explanation, &root);
        explanation.to_text(Marks::Signs);
    }
}
