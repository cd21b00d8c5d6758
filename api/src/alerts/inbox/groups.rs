//! `GET /v1/alerts:groups`

use axum::Json;
use axum::extract::State;
use engine::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::access::Caller;
use crate::error::{Answer, Code, Problem, ProblemBody};
use crate::extract::{Parameters, customer, limit};
use crate::records::inbox::{self, By, Group};
use crate::state::App;

/// How to group.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct GroupQuery {
    /// Only the alerts of this customer.
    customer_id: Option<String>,
    /// `rule`, `severity` or `assignee`; `rule` if not given.
    by: Option<String>,
    /// The most groups in the answer, at most 1,000; 100 if not given.
    limit: Option<usize>,
}

/// Groups of alerts.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct GroupList {
    /// Those with the most firing alerts first.
    groups: Vec<AlertGroup>,
    /// Whether there are more groups than are shown.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    more: bool,
}

/// Alerts of one customer that have something in common and are not closed.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct AlertGroup {
    /// Whose alerts.
    #[schema(format = Uuid)]
    customer_id: String,
    /// What they have in common: the rule's id, the severity or who deals with them; empty: nobody.
    key: String,
    /// The rule's name.
    #[serde(skip_serializing_if = "String::is_empty")]
    alert_name: String,
    /// How many there are.
    alerts: u64,
    /// How many of them fire.
    firing: u64,
    /// How many nobody has looked at.
    open: u64,
    /// How many somebody looks at.
    acknowledged: u64,
    /// When the latest of them changed.
    #[schema(value_type = String, format = DateTime)]
    changed_at: Timestamp,
}

impl From<Group> for AlertGroup {
    fn from(group: Group) -> Self {
        Self {
            customer_id: group.customer,
            key: group.key,
            alert_name: group.name,
            alerts: group.alerts,
            firing: group.firing,
            open: group.open,
            acknowledged: group.acknowledged,
            changed_at: group.changed_at,
        }
    }
}

/// Counts the alerts that are not closed by what they have in common.
#[utoipa::path(get, path = "/v1/alerts:groups", tag = "alerts", security(("token" = [])), params(GroupQuery), responses(
    (status = 200, description = "Groups of alerts", body = GroupList),
    (status = "4XX", description = "Refused", body = ProblemBody, content_type = "application/problem+json"),
    (status = "5XX", description = "Failed", body = ProblemBody, content_type = "application/problem+json")
))]
pub(crate) async fn groups(
    State(app): State<App>,
    caller: Caller,
    Parameters(query): Parameters<GroupQuery>,
) -> Answer<Json<GroupList>> {
    let limit = limit(query.limit)?;
    let customer = caller.narrowed(query.customer_id.as_deref().map(customer).transpose()?)?;
    let by = match query.by.as_deref() {
        None | Some("rule") => By::Rule,
        Some("severity") => By::Severity,
        Some("assignee") => By::Assignee,
        Some(_) => return Err(Problem::new(Code::BadQuery, "`by` is `rule`, `severity` or `assignee`")),
    };
    let customer = customer.map(|customer| customer.to_string()).unwrap_or_default();
    let mut groups = inbox::groups(&app.records, by, &customer, limit + 1).await?;
    let more = groups.len() > limit;
    groups.truncate(limit);
    Ok(Json(GroupList { groups: groups.into_iter().map(AlertGroup::from).collect(), more }))
}
