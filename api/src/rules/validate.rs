//! Checks a rule without writing it.

use axum::Json;
use axum::extract::{Request, State};
use rules::{AlertId, RULE_BYTES_MAX, RuleVersion, Stated, read_rule, write_rule};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::error::{Answer, Problem, ProblemBody};
use crate::state::App;

/// Stands for an id that was left out while the rule is read; the answer does not have it.
const NO_ID: AlertId = AlertId::from_bytes([0xFF; 16]);

/// A sound rule.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Validated {
    /// The rule as it would be answered, with defaults filled in.
    #[schema(value_type = Object)]
    rule: Value,
    /// Whether it is evaluated on its own instead of together with all others, which costs more: a condition of it has
    /// too many clauses.
    evaluated_alone: bool,
}

/// Checks a rule and writes nothing. A sound one is answered in its normal form; for any other the answer is the one
/// that writing it would get, with all problems at once.
#[utoipa::path(post, path = "/v1/rules:validate", tag = "rules", security(("token" = [])),
    request_body = Value,
    responses(
        (status = 200, description = "The rule is sound", body = Validated),
        (status = "4XX", description = "It is not; `errors` has every problem", body = ProblemBody, content_type = "application/problem+json")
    ))]
pub(crate) async fn validate(State(app): State<App>, request: Request) -> Answer<Json<Validated>> {
    let document = app.bodies.read(request, RULE_BYTES_MAX).await?;
    // Regular expressions take milliseconds to compile.
    let read = crate::blocking::blocking(move || read_rule(&document.bytes, Some(NO_ID))).await?;
    let (rule, _) = read.map_err(|invalid| Problem::from(&invalid))?;
    let mut written = write_rule(&rule, RuleVersion(0));
    if let Value::Object(members) = &mut written {
        members.remove("version");
        if rule.key.alert == NO_ID {
            members.remove("alertId");
        }
    }
    let is_wide = |stated: &Stated| stated.condition.needs_fallback(&rule.selections);
    let evaluated_alone = rule.parts().into_iter().any(|(_, _, stated)| is_wide(stated));
    Ok(Json(Validated { rule: written, evaluated_alone }))
}
