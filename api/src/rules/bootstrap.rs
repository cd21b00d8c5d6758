//! How a rule gets on that is being filled from the past, and how that is stopped.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use engine::{Partition, partition_of};
use ports::{BootstrapPhase, BootstrapStatus, SeenBootstraps};
use rules::{ActiveRule, Bootstrap, OnEdit, RuleKey, write_rule};
use serde::Serialize;
use utoipa::ToSchema;

use super::tried::ForceQuery;
use super::write::{Written, commit};
use super::{posted, precondition, sight};
use crate::access::{Caller, Reach};
use crate::blocking::blocking;
use crate::error::{Answer, Code, Problem, ProblemBody};
use crate::extract::RulePath;
use crate::state::App;

/// What a customer is told where the whole story names files, or offsets that count the events of others.
const TROUBLE: &str = "the past cannot be read at present; it is tried again, and operators are told why";

/// How a rule is being filled from the past.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Filling {
    /// `waiting`, `folding`, `copying` or `chasing`, of the partition that is least far; `live` when all are done.
    state: &'static str,
    /// How much of the past is folded.
    percent: f64,
    /// How long the rest of that takes at the pace so far, if that can be told.
    #[serde(skip_serializing_if = "Option::is_none")]
    seconds_left: Option<u64>,
    /// Why it does not get on, if it does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
    /// The partitions on which it is not live yet. Offsets count the events of all customers, so only who sees all of them sees this.
    #[serde(skip_serializing_if = "Option::is_none")]
    partitions: Option<Vec<FillingOn>>,
    /// Partitions that other processes have at work, of which this one knows nothing.
    unseen_partitions: Vec<u32>,
}

/// How a rule is being filled on one partition.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct FillingOn {
    /// The partition.
    partition: u32,
    /// How far it has come there.
    state: &'static str,
    /// How many events are folded.
    events: u64,
    /// How many there are at most; 0 as long as that is not known.
    events_at_most: u64,
    /// Why it does not get on, if it does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
}

/// Tells how a rule is being filled from the past: how far, and about how long it still takes.
#[utoipa::path(get, path = "/v1/rules/{customerId}/{alertId}/bootstrap", tag = "rules", security(("token" = [])),
    params(("customerId" = String, Path, format = Uuid), ("alertId" = String, Path, format = Uuid)),
    responses(
        (status = 200, description = "How it gets on; `live` also if it never took history", body = Filling),
        (status = "4XX", description = "Refused", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "No worker of this process has its partitions", body = ProblemBody, content_type = "application/problem+json")
    ))]
pub(crate) async fn get(
    State(app): State<App>,
    caller: Caller,
    RulePath(key): RulePath,
) -> Answer<Json<Filling>> {
    let reach = caller.reach();
    let active =
        app.follower.look(|book| book.get(&key).filter(|active| sight::sees(reach, active)).cloned());
    let active = active.ok_or_else(|| no_such_rule(&key))?;
    let (seen, unseen) = look(&app, &active).await?;
    Ok(Json(filling(&seen, &unseen, reach)))
}

/// Stops filling a rule from the past: it is saved anew with `bootstrap: {mode: none, onEdit: reset}`, and counts from here on.
#[utoipa::path(delete, path = "/v1/rules/{customerId}/{alertId}/bootstrap", tag = "rules", security(("token" = [])),
    params(("customerId" = String, Path, format = Uuid), ("alertId" = String, Path, format = Uuid),
        ("If-Match" = Option<String>, Header, description = "The version that must be in force")),
    responses(
        (status = 200, description = "The rule as it counts from here on", body = Written),
        (status = "4XX", description = "Refused; 409 if it is not being filled", body = ProblemBody, content_type = "application/problem+json"),
        (status = "5XX", description = "Failed", body = ProblemBody, content_type = "application/problem+json")
    ))]
pub(crate) async fn delete(
    State(app): State<App>,
    caller: Caller,
    RulePath(key): RulePath,
    headers: HeaderMap,
) -> Answer<Response> {
    app.follower.look(|book| sight::may_write(caller.reach(), &key, book))?;
    let expected = precondition::expected(&headers)?;
    let active = app.follower.look(|book| book.get(&key).cloned()).ok_or_else(|| no_such_rule(&key))?;
    let (seen, unseen) = look(&app, &active).await?;
    // To save a rule anew that is live would throw away what it has counted.
    if seen.filling.is_empty() {
        return Err(match unseen.first() {
            None => Problem::new(Code::NotFilling, "the rule is live, so there is nothing to stop"),
            Some(partition) => not_seen(*partition),
        });
    }
    let record = without_history(&app, active, expected).await?;
    commit(&app, record).await
}

/// The record of the rule that takes no history. It must be the rule that was looked at.
async fn without_history(
    app: &App,
    active: Arc<ActiveRule>,
    expected: Option<rules::RuleVersion>,
) -> Answer<ports::Outgoing> {
    let mut rule = active.rule.clone();
    rule.bootstrap = Bootstrap { on_edit: OnEdit::Reset, ..Bootstrap::default() };
    let text = write_rule(&rule, active.version).to_string();
    let expected = expected.unwrap_or(active.version);
    let topic = app.topics.controls.clone();
    let force = ForceQuery { force: true, reason: Some("filling it from the past was stopped".to_owned()) };
    blocking(move || posted::put(&topic, rule.key, text.into(), Some(expected), &force)).await?
}

fn no_such_rule(key: &RuleKey) -> Problem {
    Problem::new(Code::NoSuchRule, format!("there is no rule {key}"))
}

fn not_seen(partition: Partition) -> Problem {
    let detail = format!(
        "partition {partition} is not at work in this process: ask the process whose worker has it, or wait until one has"
    );
    Problem::new(Code::StateElsewhere, detail).retry_after(5)
}

/// What this process knows of a rule, and the partitions of it of which it knows nothing.
async fn look(app: &App, active: &ActiveRule) -> Answer<(SeenBootstraps, Vec<Partition>)> {
    let (log, topic) = (Arc::clone(&app.log), app.topics.events.clone());
    let partitions = blocking(move || log.partitions(&topic)).await??;
    let seen = app.bootstraps.as_ref().map(|bootstraps| bootstraps.of(&active.rule.key)).unwrap_or_default();
    let concerned = concerned(active, partitions);
    let unseen: Vec<_> =
        concerned.iter().copied().filter(|partition| !seen.partitions.contains(partition)).collect();
    match unseen.first() {
        Some(partition) if unseen.len() == concerned.len() => Err(not_seen(*partition)),
        _ => Ok((seen, unseen)),
    }
}

/// The partitions on which a rule takes history.
fn concerned(active: &ActiveRule, partitions: u32) -> Vec<Partition> {
    let owner = Some(active.rule.key.customer).filter(|customer| !customer.is_global());
    match active.rule.bootstrap.customer.or(owner) {
        Some(only) => vec![partition_of(only.to_string().as_bytes(), partitions)],
        None => (0..partitions).map(Partition).collect(),
    }
}

#[allow(clippy::cast_precision_loss, reason = "a handful of partitions")]
fn filling(seen: &SeenBootstraps, unseen: &[Partition], reach: Reach) -> Filling {
    let sees_all = matches!(reach, Reach::All);
    let all = || seen.filling.iter().map(|(_, status)| status);
    let phase = all().map(|status| status.phase).min();
    // Partitions that are done, and those without any past, count as folded.
    let behind = seen.partitions.len().max(1) - seen.filling.len().min(seen.partitions.len());
    let share = all().map(BootstrapStatus::share).sum::<f64>() + behind as f64;
    let folds = || all().filter(|status| status.phase <= BootstrapPhase::Folding);
    let left: Option<Vec<_>> = folds().map(|status| status.left).collect();
    let problem = all().find_map(|status| status.problem.clone());
    let on = |(partition, status): &(Partition, BootstrapStatus)| FillingOn {
        partition: partition.0,
        state: status.phase.name(),
        events: status.done,
        events_at_most: status.total,
        problem: status.problem.clone(),
    };
    Filling {
        state: phase.map_or("live", BootstrapPhase::name),
        percent: (share / seen.partitions.len().max(1) as f64 * 1000.0).round() / 10.0,
        // One fold after the other: their times add up.
        seconds_left: left
            .filter(|left| !left.is_empty())
            .map(|left| left.iter().sum::<std::time::Duration>().as_secs()),
        problem: problem.map(|problem| if sees_all { problem } else { TROUBLE.to_owned() }),
        partitions: sees_all.then(|| seen.filling.iter().map(on).collect()),
        unseen_partitions: unseen.iter().map(|partition| partition.0).collect(),
    }
}

#[cfg(test)]
mod tests;
