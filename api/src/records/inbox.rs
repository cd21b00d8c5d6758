//! The tables of the inbox. A batch of the alert topic and the position behind it are written in one transaction, so
//! every record is in it once, whatever stops and however many servers write.

use std::collections::HashMap;

use rules::{CustomerId, Timestamp};
use sqlx::any::AnyRow;
use sqlx::{Any, Row, Transaction};
use uuid::Uuid;

use super::projections::{Applied, Projection, Reached, move_to, take};
use super::{Records, RecordsError, Result};
use crate::alerts::inbox::item::{Item, Reading, State, Status};

/// The most alerts of one customer that are kept; beyond them the oldest go.
pub(crate) const ALERTS_MAX: u64 = if cfg!(test) { 20 } else { 100_000 };

/// Writes a batch that was read from `from` on and ends at `to`.
pub(crate) async fn apply(
    records: &Records,
    from: &Reached,
    to: &[u64],
    readings: Vec<Reading>,
) -> Result<Applied> {
    let mut writing = records.begin().await?;
    let (mut last_number, reached) = take(&mut writing, Projection::Inbox).await?;
    if reached != *from {
        return Ok(Applied::Elsewhere(reached));
    }
    // In the order of their first record, so that numbers follow the topic.
    let (mut items, mut order): (HashMap<Uuid, Item>, Vec<Uuid>) = (HashMap::new(), Vec::new());
    let mut foreign = 0;
    for reading in readings {
        let id = reading.instance;
        let known = match items.remove(&id) {
            Some(item) => Some(item),
            None => {
                order.push(id);
                find_in(&mut writing, id).await?
            },
        };
        let item = match known {
            // Ids are made of the customer's own; a record that says otherwise was not written by a worker.
            Some(item) if item.customer != reading.customer => {
                foreign += 1;
                item
            },
            Some(item) => item.fold(reading, from.generation),
            None => {
                last_number += 1;
                Item::begin(reading, last_number, from.generation)
            },
        };
        items.insert(id, item);
    }
    for id in order {
        if let Some(item) = items.remove(&id) {
            put(&mut writing, &item).await?;
        }
    }
    move_to(&mut writing, Projection::Inbox, from.generation, last_number, to).await?;
    writing.commit().await?;
    Ok(Applied::Done { foreign })
}

async fn put(writing: &mut Transaction<'static, Any>, item: &Item) -> Result<()> {
    sqlx::query(
        "INSERT INTO alerts (instance, number, customer, rule, name, severity, state, opened_at, changed_at, records,
             generation, document, status, assignee, handled_at, version)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
         ON CONFLICT (instance) DO UPDATE SET name = $5, severity = $6, state = $7, opened_at = $8, changed_at = $9,
             records = $10, generation = $11, document = $12, status = $13, assignee = $14, handled_at = $15,
             version = $16",
    )
    .bind(item.instance.to_string())
    .bind(item.number.cast_signed())
    .bind(item.customer.to_string())
    .bind(item.rule.to_string())
    .bind(item.name.clone())
    .bind(item.severity.clone())
    .bind(item.state.name())
    .bind(item.opened_at.0)
    .bind(item.changed_at.0)
    .bind(item.records.cast_signed())
    .bind(item.generation.cast_signed())
    .bind(item.document.clone())
    .bind(item.status.name())
    .bind(item.assignee.clone())
    .bind(item.handled_at.0)
    .bind(item.version.cast_signed())
    .execute(&mut **writing)
    .await?;
    Ok(())
}

async fn find_in(writing: &mut Transaction<'static, Any>, id: Uuid) -> Result<Option<Item>> {
    let found = sqlx::query("SELECT * FROM alerts WHERE instance = $1")
        .bind(id.to_string())
        .fetch_optional(&mut **writing)
        .await?;
    found.as_ref().map(read).transpose()
}

/// One alert, of this customer if one is given.
pub(crate) async fn find(records: &Records, id: Uuid, customer: Option<CustomerId>) -> Result<Option<Item>> {
    let found = sqlx::query("SELECT * FROM alerts WHERE instance = $1 AND ($2 = '' OR customer = $2)")
        .bind(id.to_string())
        .bind(customer.map(|customer| customer.to_string()).unwrap_or_default())
        .fetch_optional(records.readers().await?)
        .await?;
    found.as_ref().map(read).transpose()
}

/// Which alerts to list; an empty text means any.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wanted {
    pub(crate) customer: String,
    pub(crate) state: String,
    pub(crate) status: String,
    pub(crate) severity: String,
    pub(crate) rule: String,
    pub(crate) assignee: String,
    /// Only those that came before this number.
    pub(crate) before: Option<u64>,
    pub(crate) limit: usize,
}

/// Alerts, those that came last first.
pub(crate) async fn list(records: &Records, wanted: &Wanted) -> Result<Vec<Item>> {
    let rows = sqlx::query(
        "SELECT * FROM alerts WHERE number < $1 AND ($2 = '' OR customer = $2) AND ($3 = '' OR state = $3)
             AND ($4 = '' OR status = $4 OR ($4 = 'active' AND status <> 'closed')) AND ($5 = '' OR severity = $5) AND ($6 = '' OR rule = $6)
             AND ($7 = '' OR assignee = $7)
         ORDER BY number DESC LIMIT $8",
    )
    .bind(wanted.before.map_or(i64::MAX, u64::cast_signed))
    .bind(wanted.customer.clone())
    .bind(wanted.state.clone())
    .bind(wanted.status.clone())
    .bind(wanted.severity.clone())
    .bind(wanted.rule.clone())
    .bind(wanted.assignee.clone())
    .bind(i64::try_from(wanted.limit).unwrap_or(i64::MAX))
    .fetch_all(records.readers().await?)
    .await?;
    rows.iter().map(read).collect()
}

/// Alerts that have something in common, counted.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Group {
    pub(crate) customer: String,
    pub(crate) key: String,
    /// The name of the rule, if that is what they have in common.
    pub(crate) name: String,
    pub(crate) alerts: u64,
    pub(crate) firing: u64,
    pub(crate) open: u64,
    pub(crate) acknowledged: u64,
    /// When the latest of them changed.
    pub(crate) changed_at: Timestamp,
}

/// What alerts are grouped by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum By {
    Rule,
    Severity,
    Assignee,
}

/// Groups of alerts that are not closed, those with the most firing alerts first.
pub(crate) async fn groups(records: &Records, by: By, customer: &str, limit: usize) -> Result<Vec<Group>> {
    macro_rules! grouped {
        ($column:literal) => {
            concat!(
                "SELECT customer, ",
                $column,
                " AS key, MAX(name) AS name, COUNT(*) AS alerts,
                     COUNT(CASE WHEN state = 'firing' THEN 1 END) AS firing,
                     COUNT(CASE WHEN status = 'open' THEN 1 END) AS open,
                     COUNT(CASE WHEN status = 'acknowledged' THEN 1 END) AS acknowledged,
                     MAX(changed_at) AS changed_at
                 FROM alerts WHERE status <> 'closed' AND ($1 = '' OR customer = $1)
                 GROUP BY customer, ",
                $column,
                " ORDER BY firing DESC, changed_at DESC, customer, key LIMIT $2"
            )
        };
    }
    let statement = match by {
        By::Rule => grouped!("rule"),
        By::Severity => grouped!("severity"),
        By::Assignee => grouped!("assignee"),
    };
    let rows = sqlx::query(statement)
        .bind(customer.to_owned())
        .bind(i64::try_from(limit).unwrap_or(i64::MAX))
        .fetch_all(records.readers().await?)
        .await?;
    let read = |row: &AnyRow| {
        Ok(Group {
            customer: row.try_get("customer")?,
            key: row.try_get("key")?,
            name: if by == By::Rule { row.try_get("name")? } else { String::new() },
            alerts: number(row, "alerts")?,
            firing: number(row, "firing")?,
            open: number(row, "open")?,
            acknowledged: number(row, "acknowledged")?,
            changed_at: Timestamp(row.try_get("changed_at")?),
        })
    };
    rows.iter().map(read).collect()
}

/// Something that somebody did about an alert, with what came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Action {
    pub(crate) version: u64,
    pub(crate) at: Timestamp,
    pub(crate) who: String,
    pub(crate) status: Status,
    pub(crate) assignee: String,
    pub(crate) note: String,
}

/// What somebody does about an alert; what is none stays.
#[derive(Debug, Clone, Default)]
pub(crate) struct Change {
    pub(crate) status: Option<Status>,
    pub(crate) assignee: Option<String>,
    pub(crate) note: String,
    /// The version that they have seen, if it must still be that one.
    pub(crate) expected: Option<u64>,
}

/// What came of a change.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Changed {
    /// The alert as it is now.
    Done(Item),
    /// Somebody else was faster; as it is now.
    Stale(Item),
    /// There is no such alert of this customer.
    Missing,
    /// It has so many actions that there is no room for another.
    Full,
}

/// The most actions of one alert.
const ACTIONS_MAX: u64 = 1_000;

/// Does something about an alert.
pub(crate) async fn change(
    records: &Records,
    id: Uuid,
    customer: Option<CustomerId>,
    change: Change,
    who: &str,
    at: Timestamp,
) -> Result<Changed> {
    let mut writing = records.begin().await?;
    // The head first, as whoever reads the topic does: both write the same rows.
    take(&mut writing, Projection::Inbox).await?;
    let found = find_in(&mut writing, id).await?;
    let Some(mut item) = found.filter(|item| customer.is_none_or(|customer| item.customer == customer))
    else {
        return Ok(Changed::Missing);
    };
    if change.expected.is_some_and(|expected| expected != item.version) {
        return Ok(Changed::Stale(item));
    }
    if item.version > ACTIONS_MAX {
        return Ok(Changed::Full);
    }
    if let Some(status) = change.status {
        (item.status, item.handled_at) = (status, at);
    }
    item.assignee = change.assignee.unwrap_or(item.assignee);
    item.version += 1;
    put(&mut writing, &item).await?;
    sqlx::query(
        "INSERT INTO alert_actions (instance, version, at, who, status, assignee, note)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(id.to_string())
    .bind(item.version.cast_signed())
    .bind(at.0)
    .bind(who.to_owned())
    .bind(item.status.name())
    .bind(item.assignee.clone())
    .bind(change.note)
    .execute(&mut *writing)
    .await?;
    writing.commit().await?;
    Ok(Changed::Done(item))
}

/// What people did about an alert, in their order.
pub(crate) async fn actions(records: &Records, id: Uuid) -> Result<Vec<Action>> {
    let rows = sqlx::query("SELECT * FROM alert_actions WHERE instance = $1 ORDER BY version")
        .bind(id.to_string())
        .fetch_all(records.readers().await?)
        .await?;
    let read = |row: &AnyRow| {
        Ok(Action {
            version: number(row, "version")?,
            at: Timestamp(row.try_get("at")?),
            who: row.try_get("who")?,
            status: status(row)?,
            assignee: row.try_get("assignee")?,
            note: row.try_get("note")?,
        })
    };
    rows.iter().map(read).collect()
}

/// Removes the oldest alerts of customers that have more than [`ALERTS_MAX`]; answers how many.
pub(crate) async fn make_room(records: &Records) -> Result<u64> {
    let over =
        sqlx::query("SELECT customer, COUNT(*) AS alerts FROM alerts GROUP BY customer HAVING COUNT(*) > $1")
            .bind(ALERTS_MAX.cast_signed())
            .fetch_all(records.readers().await?)
            .await?;
    let mut removed = 0;
    for row in over {
        let customer: String = row.try_get("customer")?;
        let mut writing = records.begin().await?;
        take(&mut writing, Projection::Inbox).await?;
        let oldest = "SELECT instance FROM alerts WHERE customer = $1 AND number <= COALESCE((SELECT number FROM alerts
            WHERE customer = $1 ORDER BY number DESC LIMIT 1 OFFSET $2), 0)";
        let limit = ALERTS_MAX.cast_signed();
        let actions = sqlx::AssertSqlSafe(format!("DELETE FROM alert_actions WHERE instance IN ({oldest})"));
        sqlx::query(actions).bind(customer.clone()).bind(limit).execute(&mut *writing).await?;
        let alerts = sqlx::AssertSqlSafe(format!("DELETE FROM alerts WHERE instance IN ({oldest})"));
        let done = sqlx::query(alerts).bind(customer).bind(limit).execute(&mut *writing).await?;
        writing.commit().await?;
        removed += done.rows_affected();
    }
    Ok(removed)
}

fn read(row: &AnyRow) -> Result<Item> {
    let text = |column: &str| row.try_get::<String, _>(column);
    let state = State::from_name(&text("state")?).ok_or_else(|| corrupt("state"))?;
    Ok(Item {
        instance: text("instance")?.parse().map_err(|_| corrupt("id"))?,
        number: number(row, "number")?,
        customer: text("customer")?.parse().map_err(|_| corrupt("customer"))?,
        rule: text("rule")?.parse().map_err(|_| corrupt("rule"))?,
        name: text("name")?,
        severity: text("severity")?,
        state,
        opened_at: Timestamp(row.try_get("opened_at")?),
        changed_at: Timestamp(row.try_get("changed_at")?),
        records: number(row, "records")?,
        generation: number(row, "generation")?,
        document: text("document")?,
        status: status(row)?,
        assignee: text("assignee")?,
        handled_at: Timestamp(row.try_get("handled_at")?),
        version: number(row, "version")?,
    })
}

fn status(row: &AnyRow) -> Result<Status> {
    Status::from_name(&row.try_get::<String, _>("status")?).ok_or_else(|| corrupt("status"))
}

fn corrupt(column: &str) -> RecordsError {
    RecordsError::Unusable(format!("an alert of the inbox has an unreadable {column}"))
}

fn number(row: &AnyRow, column: &str) -> Result<u64> {
    Ok(row.try_get::<i64, _>(column)?.cast_unsigned())
}

#[cfg(test)]
#[path = "inbox_tests.rs"]
mod tests;
