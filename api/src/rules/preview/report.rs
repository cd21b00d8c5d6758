//! The lines of a preview's answer.

use engine::Alert;
use ports::{Difference, PreviewAnswer, PreviewProgress};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::error::{Code, Problem};

/// A line: how far it is, what came out, or why it could not be brought to an end.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "it describes the lines in the contract")]
pub(crate) struct PreviewLine {
    /// Rows folded, rows in the files that are looked into, alerts so far.
    progress: Option<Value>,
    /// `end` (`complete`, `timeBudget`, `byteBudget`), `fired`, `records`, `days`, `first`, `entities`, `compared`, `rows`, `refused`.
    result: Option<Value>,
    /// The problem.
    stopped: Option<Value>,
}

pub(super) fn progress(progress: PreviewProgress) -> Value {
    json!({"progress": shares(progress)})
}

fn shares(progress: PreviewProgress) -> Value {
    let PreviewProgress { rows, rows_expected, fired } = progress;
    json!({"rows": rows, "rowsExpected": rows_expected, "fired": fired})
}

pub(super) fn result(answer: &PreviewAnswer) -> Value {
    let fired = &answer.fired;
    let days: Vec<_> = fired
        .days
        .iter()
        .map(|day| json!({"customerId": day.customer, "day": day.day, "fired": day.fired}))
        .collect();
    let entities: Vec<_> = fired
        .entities
        .iter()
        .map(|entity| {
            let id: Option<Box<RawValue>> = serde_json::from_str(&entity.id).ok();
            json!({"customerId": entity.customer, "type": entity.kind, "id": id, "fired": entity.fired})
        })
        .collect();
    let compared = answer.differences.as_ref().map(|differences| {
        json!({"same": differences.same, "added": side(&differences.added), "removed": side(&differences.removed)})
    });
    json!({"result": {
        "end": answer.end.name(), "rows": answer.progress.rows, "bytes": answer.value_bytes, "refused": answer.refused,
        "archiveVersion": answer.version, "fired": fired.fired, "records": fired.records, "days": days,
        "furtherDays": fired.further_days, "first": alerts(&fired.first), "entities": entities,
        "furtherEntities": fired.further_entities, "compared": compared,
    }})
}

pub(super) fn stopped(error: &ports::Error) -> Value {
    let code = match error.kind {
        ports::ErrorKind::Unavailable => Code::LogUnavailable,
        _ => Code::ArchiveUnusable,
    };
    tracing::warn!(%error, "a preview could not be brought to an end");
    json!({"stopped": Problem::new(code, error.message.clone())})
}

fn side(difference: &Difference) -> Value {
    json!({"count": difference.count, "first": alerts(&difference.first)})
}

/// Alerts in their wire form.
fn alerts(alerts: &[Alert]) -> Vec<Value> {
    alerts.iter().filter_map(|alert| serde_json::from_slice(&alert.to_json()).ok()).collect()
}
