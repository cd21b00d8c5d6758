//! The groups of a rule: the live answer to "why has it (not) fired".

mod contract;

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use engine::{GroupCursor, GroupPage, partition_of};
use ports::{GroupQuery, NoGroups};
use rules::{CustomerId, RuleKey};
use serde::Deserialize;

use super::sight::sees;
use crate::access::Caller;
use crate::blocking::blocking;
use crate::error::{Answer, Code, Problem, ProblemBody};
use crate::extract::{Parameters, RulePath, customer, limit};
use crate::state::{App, Shared};

/// Which groups are shown.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct GroupsQuery {
    /// Of a global rule: whose groups. Not needed with a token of a customer, which sees its own.
    customer_id: Option<String>,
    /// The most groups in the answer, at most 1,000; 100 if not given.
    limit: Option<usize>,
    /// The `next` of the page before.
    next: Option<String>,
}

/// Shows what a rule has come to, group by group, those with the greatest values first: value, whether it fires, what it lacks, and when
/// something changes by time alone. What is committed is read, beside the stream; what happens between two pages may show a group twice
/// or not at all. Only a process that evaluates the customer's events can answer.
#[utoipa::path(get, path = "/v1/rules/{customerId}/{alertId}/state", tag = "rules", security(("token" = [])),
    params(("customerId" = String, Path, format = Uuid), ("alertId" = String, Path, format = Uuid), GroupsQuery),
    responses(
        (status = 200, description = "A page of groups", body = contract::RuleGroups),
        (status = "4XX", description = "Refused", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "The state is not here, or too many look at once", body = ProblemBody,
            content_type = "application/problem+json")
    ))]
pub(crate) async fn groups(
    State(app): State<App>,
    caller: Caller,
    RulePath(rule): RulePath,
    Parameters(query): Parameters<GroupsQuery>,
) -> Answer<Json<GroupPage>> {
    let limit = limit(query.limit)?;
    let bad = || Problem::new(Code::BadQuery, "`next` is not what a page before has answered");
    let behind = query.next.as_deref().map(|next| GroupCursor::from_text(next).ok_or_else(bad));
    let behind = behind.transpose()?;
    let wanted = query.customer_id.as_deref().map(customer).transpose()?;
    let reach = caller.reach();
    if !app.follower.look(|book| book.get(&rule).is_some_and(|active| sees(reach, active))) {
        return Err(Problem::new(Code::NoSuchRule, format!("there is no rule {rule}")));
    }
    let customer = whose(&caller, &rule, wanted)?;
    page(&app, GroupQuery { rule, customer, limit, behind }).await.map(Json)
}

/// Whose groups: of a customer's rule its own, of a global one those of the customer that is named or asks.
fn whose(caller: &Caller, rule: &RuleKey, wanted: Option<CustomerId>) -> Answer<CustomerId> {
    let wanted = match wanted {
        None if !rule.customer.is_global() => return Ok(rule.customer),
        wanted => caller.narrowed(wanted)?,
    };
    match wanted {
        Some(customer) if customer == rule.customer && !customer.is_global() => Ok(customer),
        Some(customer) if rule.customer.is_global() && !customer.is_global() => Ok(customer),
        Some(_) if !rule.customer.is_global() => {
            let detail = "`customerId` is another one than the rule's, whose groups are its customer's alone";
            Err(Problem::new(Code::BadQuery, detail))
        },
        _ => {
            let detail = "each customer of a global rule has groups of its own: name one with `customerId`";
            Err(Problem::new(Code::BadQuery, detail))
        },
    }
}

async fn page(app: &Shared, query: GroupQuery) -> Answer<GroupPage> {
    let Ok(turn) = Arc::clone(&app.looks).try_acquire_owned() else {
        return Err(Problem::new(Code::Overloaded, "too many look at groups at once").retry_after(1));
    };
    let Some(groups) = app.groups.clone() else {
        let (log, topic) = (Arc::clone(&app.log), app.topics.events.clone());
        let partitions = blocking(move || log.partitions(&topic)).await?;
        let partitions = partitions.map_err(|error| error.during("asking for the partitions of events"))?;
        let partition = partition_of(query.customer.to_string().as_bytes(), partitions);
        let detail = format!(
            "this process evaluates no events: the groups are in partition {partition}; ask the `tocsin run` that has it"
        );
        return Err(Problem::new(Code::StateElsewhere, detail));
    };
    let answer = blocking(move || {
        // Held to the end of the work, also if the client does not wait for it.
        let _turn = turn;
        groups.groups(&query)
    });
    answer.await?.map_err(|problem| match problem {
        NoGroups::Failed(error) => error.into(),
        elsewhere => Problem::new(Code::StateElsewhere, elsewhere.to_string()).retry_after(1),
    })
}

#[cfg(test)]
mod tests;
