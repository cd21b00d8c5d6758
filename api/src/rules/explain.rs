//! Explains why a rule meets an event or does not.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use engine::{EVENT_BYTES_MAX, Reason, Refusal, decode};
use rules::{
    ActiveRule, AlertId, CustomerId, ExplainLimits, Payload, PayloadError, Rule, RuleExplanation, RuleKey,
    read_rule,
};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::contract;
use super::sight::sees;
use crate::access::{Caller, Reach, foreign};
use crate::error::{Answer, Code, Fault, Problem, ProblemBody};
use crate::state::App;

/// What a body is.
const EXPECTED: &str = "an object with `rule` (or `customerId` and `alertId`) and `payload` (or `event`)";
/// The largest body: an event whose payload is a string that escapes much, and a rule.
const BODY_BYTES_MAX: usize = 4 << 20;
/// Stands for an id that the rule leaves out.
const NO_ID: AlertId = AlertId::from_bytes([0; 16]);

/// What is to be explained; texts as they came, so that no number is rewritten on the way.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Question<'a> {
    #[serde(borrow)]
    rule: Option<&'a RawValue>,
    customer_id: Option<String>,
    alert_id: Option<String>,
    #[serde(borrow)]
    payload: Option<&'a RawValue>,
    #[serde(borrow)]
    event: Option<&'a RawValue>,
}

/// Explains one rule on one event: the tree of each of its conditions with the truth of every part, the nodes that its
/// paths selected, and why. The rule is in the body, or is the one in force with these ids.
#[utoipa::path(post, path = "/v1/rules:explain", tag = "rules", security(("token" = [])),
    request_body = contract::Question,
    responses(
        (status = 200, description = "Why", body = contract::RuleExplanation),
        (status = "4XX", description = "Refused", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "Too many explanations at once", body = ProblemBody, content_type = "application/problem+json")
    ))]
pub(crate) async fn explain(
    State(app): State<App>,
    caller: Caller,
    request: Request,
) -> Answer<Json<RuleExplanation>> {
    let reach = caller.reach();
    let document = app.bodies.read(request, BODY_BYTES_MAX).await?;
    let follower = app.follower.clone();
    let explained = app.explaining(move || {
        let question: Question<'_> = serde_json::from_slice(&document.bytes)
            .map_err(|error| Problem::unreadable_body(&error, EXPECTED))?;
        let rule = question
            .rule(|key| follower.look(|book| book.get(key).filter(|active| sees(reach, active)).cloned()))?;
        let (customer, payload) = question.event()?;
        if let (Some(customer), Reach::Customer(own)) = (customer, reach)
            && customer != own
        {
            // Whether a global rule applies to another customer is that one's business.
            let detail = "the event belongs to another customer than the token";
            let fault = foreign("/event/customerId");
            return Err(Problem::new(Code::OtherCustomer, detail).with_faults(vec![fault]));
        }
        Ok(RuleExplanation::new(rule.rule(), customer, &payload, ExplainLimits::default()))
    });
    Ok(Json(explained.await?))
}

/// The rule in question.
enum Subject {
    Given(Box<Rule>),
    InForce(Arc<ActiveRule>),
}

impl Subject {
    fn rule(&self) -> &Rule {
        match self {
            Self::Given(rule) => rule,
            Self::InForce(active) => &active.rule,
        }
    }
}

impl Question<'_> {
    fn rule(&self, in_force: impl FnOnce(&RuleKey) -> Option<Arc<ActiveRule>>) -> Answer<Subject> {
        match (self.rule, &self.customer_id, &self.alert_id) {
            (Some(text), None, None) => {
                let read = read_rule(text.get().as_bytes(), Some(NO_ID));
                let (rule, _) = read.map_err(|mut invalid| {
                    for problem in &mut invalid.problems {
                        problem.pointer.insert_str(0, "/rule");
                    }
                    Problem::from(&invalid)
                })?;
                Ok(Subject::Given(Box::new(rule)))
            },
            (None, Some(customer), Some(alert)) => {
                let bad = |pointer| {
                    move |_| Problem::bad_body(pointer, "this is no UUID", "a UUID of 36 characters")
                };
                let key = RuleKey {
                    customer: customer.parse().map_err(bad("/customerId"))?,
                    alert: alert.parse().map_err(bad("/alertId"))?,
                };
                let none = || Problem::new(Code::NoSuchRule, format!("there is no rule {key}"));
                in_force(&key).map(Subject::InForce).ok_or_else(none)
            },
            _ => Err(Problem::bad_body(
                "",
                "it does not name one rule",
                "either `rule`, or `customerId` and `alertId`",
            )),
        }
    }

    fn event(&self) -> Answer<(Option<CustomerId>, Payload)> {
        match (self.payload, self.event) {
            (Some(payload), None) => Ok((None, read_payload(payload.get())?)),
            (None, Some(event)) => {
                let event = decode(Some(event.get().as_bytes())).map_err(|refusal| {
                    let mut fault = Fault::from(&refusal);
                    fault.pointer = Some(format!("/event{}", fault.pointer.unwrap_or_default()));
                    Problem::of_event(&refusal, fault)
                })?;
                Ok((Some(event.customer), event.payload))
            },
            _ => Err(Problem::bad_body("", "it does not have one event", "either `payload` or `event`")),
        }
    }
}

/// A payload as events hold it: a string is a document as text; unlike there, any other document is taken too.
fn read_payload(text: &str) -> Answer<Payload> {
    let refused = |reason, detail: String| {
        let refusal = Refusal { reason, detail };
        Problem::of_event(&refusal, Fault { pointer: Some("/payload".to_owned()), ..Fault::from(&refusal) })
    };
    if text.len() > EVENT_BYTES_MAX {
        let detail = format!("the payload has {} bytes, at most {EVENT_BYTES_MAX} are allowed", text.len());
        return Err(refused(Reason::TooLarge, detail));
    }
    let read = if text.starts_with('"') { Payload::parse_quoted(text) } else { Payload::parse(text) };
    read.map_err(|error| {
        let reason = match error {
            PayloadError::NotJson { .. } => Reason::BadPayload,
            PayloadError::TooDeep => Reason::TooDeep,
        };
        refused(reason, error.to_string())
    })
}

#[cfg(test)]
mod tests;
