//! What the contract says of questions and explanations, whose own types are read and written elsewhere. A test holds
//! both against each other.
#![expect(dead_code, reason = "only described, never made")]

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// A rule and an event.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Question {
    /// The rule; without it `customerId` and `alertId` name one in force.
    #[schema(value_type = Option<Object>)]
    rule: Option<Value>,
    /// The customer of a rule in force.
    customer_id: Option<String>,
    /// The id of a rule in force.
    alert_id: Option<String>,
    /// The payload: a JSON document, or one as a string.
    payload: Option<Value>,
    /// Instead of the payload the whole event, `{"customerId", "payload"}`.
    #[schema(value_type = Option<Object>)]
    event: Option<Value>,
}

/// A rule, explained on one payload.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RuleExplanation {
    /// Whose rule it is.
    customer_id: String,
    /// Which rule.
    alert_id: String,
    /// What alerts call it.
    alert_name: String,
    /// Whether the rule is evaluated for the event's customer, by its owner, scope and status; absent if there is a
    /// payload alone.
    applies: Option<bool>,
    /// Its conditions.
    conditions: Vec<ConditionExplanation>,
}

/// One condition of a rule, explained.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ConditionExplanation {
    /// Which condition of the rule: `match`; `increment` and `decrement` of an aggregate that has both; the id of a
    /// step and `until` of a pattern; `exceptions/0` and so on, of which one that holds hides the event from the rule.
    name: String,
    /// Why it holds or does not.
    explanation: Explanation,
}

/// Why a condition, or a part of one, holds or does not.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Explanation {
    /// Whether it holds.
    holds: bool,
    /// Why, in words.
    reason: String,
    /// What it is.
    kind: Kind,
    /// Of `all` and `any`: the parts.
    #[schema(no_recursion)]
    parts: Option<Vec<Explanation>>,
    /// Of `not` and `selection`: what is negated or named; absent for a selection that was explained before.
    #[schema(no_recursion)]
    part: Option<Box<Explanation>>,
    /// Of `selection`: the name.
    selection: Option<String>,
    /// Of `test`: the test as text.
    text: Option<String>,
    /// Of `test`: its path, with its measure.
    path: Option<String>,
    /// Of `test`: what is asked.
    op: Option<String>,
    /// Of `test`: which of the nodes must meet it, `any`, `every` or `none`.
    quantifier: Option<String>,
    /// Of `test`: nodes that the path selected, those that decided first, ten at most.
    nodes: Option<Vec<Selected>>,
    /// Of `test`: how many nodes there are to look at.
    nodes_total: Option<usize>,
    /// Of `test`: how many of them meet it.
    nodes_met: Option<usize>,
}

/// What a part of a condition is.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
enum Kind {
    All,
    Any,
    Not,
    Selection,
    Test,
}

/// A node that a path selected.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Selected {
    /// Where it stands: a normalized path (RFC 9535).
    path: String,
    /// What is compared, as JSON; a long value is cut and ends in `…`.
    value: String,
    /// Whether the value is the node's length.
    is_length: Option<bool>,
    /// Whether it meets the test.
    meets: bool,
    /// Why not, where that is not plain from the value.
    why: Option<String>,
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use rules::{CustomerId, ExplainLimits, Payload, read_rule};
    use serde_json::{Value, json};

    fn names(value: &Value, schema: &str, found: &mut BTreeSet<(String, String)>) {
        for (name, member) in value.as_object().unwrap() {
            found.insert((schema.to_owned(), name.clone()));
            let inner = match name.as_str() {
                "conditions" => "ConditionExplanation",
                "explanation" | "parts" | "part" => "Explanation",
                "nodes" => "Selected",
                _ => continue,
            };
            match member {
                Value::Array(list) => list.iter().for_each(|each| names(each, inner, found)),
                single => names(single, inner, found),
            }
        }
    }

    #[test]
    fn the_contract_has_the_members_of_an_explanation() {
        let rule = json!({
            "customerId": crate::testing::CUSTOMER, "alertId": crate::testing::ALERT, "alertName": "n",
            "selections": {"s": "$.a.length() > 1"}, "match": "s && ($.b == 1 || !$.c)",
        });
        let (rule, _) = read_rule(rule.to_string().as_bytes(), None).unwrap();
        let payload = Payload::from(json!({"a": "x", "b": ["1", 2]}));
        let limits = ExplainLimits::default();
        let explained = rules::RuleExplanation::new(&rule, Some(CustomerId::GLOBAL), &payload, limits);
        let mut written = BTreeSet::new();
        names(&serde_json::to_value(&explained).unwrap(), "RuleExplanation", &mut written);

        let contract = serde_json::to_value(crate::router::contract()).unwrap();
        let mut described = BTreeSet::new();
        for schema in ["RuleExplanation", "ConditionExplanation", "Explanation", "Selected"] {
            for name in contract["components"]["schemas"][schema]["properties"].as_object().unwrap().keys() {
                described.insert((schema.to_owned(), name.clone()));
            }
        }
        assert_eq!(written, described);
    }
}
