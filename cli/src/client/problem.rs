//! Problems of the API (RFC 9457) as lines for people.

use std::fmt::Write as _;

use serde_json::Value;

/// What the answer says is wrong: its code and detail, then a line for each place.
pub(crate) fn describe(status: u16, body: &Value) -> String {
    let text = |field: &str| body.get(field).and_then(Value::as_str);
    let summary = text("detail").or_else(|| text("title")).unwrap_or("the server gave no reason");
    let mut message = match text("code") {
        Some(code) => format!("{code} {summary}"),
        None => format!("HTTP {status}: {summary}"),
    };
    let places = ["errors", "rejected"].iter().find_map(|field| body.get(*field)?.as_array());
    for place in places.into_iter().flatten() {
        line(&mut message, place);
    }
    message
}

/// One problem in its place.
pub(crate) fn line(message: &mut String, place: &Value) {
    let text = |field: &str| place.get(field).and_then(Value::as_str).filter(|text| !text.is_empty());
    let number = |field: &str| place.get(field).and_then(Value::as_u64);
    message.push_str("\n  ");
    for (word, part) in [("line", number("line")), ("column", number("column"))] {
        if let Some(part) = part {
            write!(message, "{word} {part} ").expect("a string takes every text");
        }
    }
    let parts = [text("pointer"), text("code"), text("message")];
    message.push_str(&parts.into_iter().flatten().collect::<Vec<_>>().join(" "));
    if let Some(expected) = text("expected") {
        write!(message, "; expected {expected}").expect("a string takes every text");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_problem_is_told_with_every_place() {
        let body = json!({"code": "TOC-4001", "detail": "the rule is not valid", "errors": [
            {"code": "TOC-1003", "pointer": "", "message": "`match` is missing", "expected": "`match`"},
            {"code": "TOC-1001", "line": 2, "column": 7, "message": "not JSON", "expected": "an object"},
        ]});
        let expected = "TOC-4001 the rule is not valid\n  TOC-1003 `match` is missing; expected `match`\n  line 2 column 7 \
                        TOC-1001 not JSON; expected an object";
        assert_eq!(describe(400, &body), expected);
        assert_eq!(
            describe(502, &Value::String("bad gateway".into())),
            "HTTP 502: the server gave no reason"
        );
    }
}
