//! The table of silences.

use rules::{CustomerId, Timestamp};
use sqlx::Row;
use sqlx::any::AnyRow;
use uuid::Uuid;

use super::{Records, RecordsError, Result};
use crate::alerts::inbox::silence::Silence;

/// The most silences of one customer that have not ended.
pub(crate) const SILENCES_MAX: i64 = if cfg!(test) { 5 } else { 1_000 };
/// The most silences that one look at the inbox of everybody reads.
const LASTING_MAX: i64 = 100_000;
/// How long a silence is shown after its end.
const KEPT_AFTER_MS: i64 = 30 * 24 * 60 * 60 * 1_000;

/// Adds a silence. Answers whether there was room for it.
pub(crate) async fn add(records: &Records, silence: &Silence) -> Result<bool> {
    let mut writing = records.begin().await?;
    sqlx::query("DELETE FROM silences WHERE ends_at < $1")
        .bind(silence.made_at.0.saturating_sub(KEPT_AFTER_MS))
        .execute(&mut *writing)
        .await?;
    let (count,): (i64,) =
        sqlx::query_as("SELECT COUNT(*) FROM silences WHERE customer = $1 AND ends_at > $2")
            .bind(silence.customer.to_string())
            .bind(silence.made_at.0)
            .fetch_one(&mut *writing)
            .await?;
    if count >= SILENCES_MAX {
        return Ok(false);
    }
    let matchers = serde_json::to_string(&silence.matchers)
        .map_err(|error| RecordsError::Unusable(format!("matchers cannot be written: {error}")))?;
    sqlx::query(
        "INSERT INTO silences (id, customer, matchers, reason, made_by, made_at, starts_at, ends_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(silence.id.to_string())
    .bind(silence.customer.to_string())
    .bind(matchers)
    .bind(silence.reason.clone())
    .bind(silence.made_by.clone())
    .bind(silence.made_at.0)
    .bind(silence.starts_at.0)
    .bind(silence.ends_at.0)
    .execute(&mut *writing)
    .await?;
    writing.commit().await?;
    Ok(true)
}

/// Silences behind this id in the order they were made that end after `since`, of one customer or of all.
pub(crate) async fn list(
    records: &Records,
    customer: Option<CustomerId>,
    since: Timestamp,
    after: Option<Uuid>,
    limit: usize,
) -> Result<Vec<Silence>> {
    let rows = sqlx::query(
        "SELECT * FROM silences WHERE id > $1 AND ($2 = '' OR customer = $2) AND ends_at > $3 ORDER BY id LIMIT $4",
    )
    .bind(after.map(|id| id.to_string()).unwrap_or_default())
    .bind(customer.map(|customer| customer.to_string()).unwrap_or_default())
    .bind(since.0)
    .bind(i64::try_from(limit).unwrap_or(i64::MAX))
    .fetch_all(records.readers().await?)
    .await?;
    rows.iter().map(read).collect()
}

/// Silences that last at that time, of one customer or of all.
pub(crate) async fn lasting(
    records: &Records,
    customer: Option<CustomerId>,
    now: Timestamp,
) -> Result<Vec<Silence>> {
    let rows = sqlx::query(
        "SELECT * FROM silences WHERE ($1 = '' OR customer = $1) AND starts_at <= $2 AND ends_at > $2
         ORDER BY id LIMIT $3",
    )
    .bind(customer.map(|customer| customer.to_string()).unwrap_or_default())
    .bind(now.0)
    .bind(LASTING_MAX)
    .fetch_all(records.readers().await?)
    .await?;
    rows.iter().map(read).collect()
}

/// Ends a silence now, if it is of this customer where one is given and has not ended; answers it.
pub(crate) async fn end(
    records: &Records,
    id: Uuid,
    customer: Option<CustomerId>,
    now: Timestamp,
) -> Result<Option<Silence>> {
    let mut writing = records.begin().await?;
    let ended = sqlx::query(
        "UPDATE silences SET ends_at = CASE WHEN ends_at > $1 THEN $1 ELSE ends_at END
         WHERE id = $2 AND ($3 = '' OR customer = $3) RETURNING *",
    )
    .bind(now.0)
    .bind(id.to_string())
    .bind(customer.map(|customer| customer.to_string()).unwrap_or_default())
    .fetch_optional(&mut *writing)
    .await?;
    writing.commit().await?;
    ended.as_ref().map(read).transpose()
}

fn read(row: &AnyRow) -> Result<Silence> {
    let corrupt = |column: &str| RecordsError::Unusable(format!("a silence has an unreadable {column}"));
    let text = |column: &str| row.try_get::<String, _>(column);
    Ok(Silence {
        id: text("id")?.parse().map_err(|_| corrupt("id"))?,
        customer: text("customer")?.parse().map_err(|_| corrupt("customer"))?,
        matchers: serde_json::from_str(&text("matchers")?).map_err(|_| corrupt("matcher"))?,
        reason: text("reason")?,
        made_by: text("made_by")?,
        made_at: Timestamp(row.try_get("made_at")?),
        starts_at: Timestamp(row.try_get("starts_at")?),
        ends_at: Timestamp(row.try_get("ends_at")?),
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::on_both;
    use super::*;
    use crate::alerts::inbox::silence::tests::silence;

    #[tokio::test]
    async fn silences_are_kept_found_and_ended() {
        on_both("silences_are_kept_found_and_ended", async |database| {
            let records = database.records();
            let (one, two) = (silence(1, "severity", "HIGH"), silence(2, "labels.team", "blue"));
            assert!(add(&records, &one).await.unwrap() && add(&records, &two).await.unwrap());
            let both = [one.clone(), two.clone()];
            assert_eq!(list(&records, None, Timestamp(0), None, 10).await.unwrap(), both);
            assert_eq!(list(&records, None, Timestamp(0), Some(one.id), 10).await.unwrap(), both[1..]);
            assert_eq!(list(&records, None, Timestamp(20), None, 10).await.unwrap(), []);
            assert_eq!(list(&records, Some(CustomerId::GLOBAL), Timestamp(0), None, 10).await.unwrap(), []);
            assert_eq!(lasting(&records, Some(one.customer), Timestamp(9)).await.unwrap(), []);
            assert_eq!(lasting(&records, Some(one.customer), Timestamp(10)).await.unwrap(), both);
            let another = Some(CustomerId::GLOBAL);
            assert_eq!(end(&records, one.id, another, Timestamp(12)).await.unwrap(), None, "it is another's");
            let ended = end(&records, one.id, Some(one.customer), Timestamp(12)).await.unwrap().unwrap();
            assert_eq!(ended.ends_at, Timestamp(12));
            let again = end(&records, one.id, None, Timestamp(15)).await.unwrap().unwrap();
            assert_eq!(again.ends_at, Timestamp(12), "it has ended once");
            assert_eq!(lasting(&records, None, Timestamp(13)).await.unwrap(), both[1..]);
        })
        .await;
    }

    #[tokio::test]
    async fn there_is_room_for_so_many_and_what_has_ended_takes_none() {
        on_both("there_is_room_for_so_many_and_what_has_ended_takes_none", async |database| {
            let records = database.records();
            for number in 0..SILENCES_MAX {
                let number = u128::try_from(number).unwrap();
                assert!(add(&records, &silence(number, "severity", "HIGH")).await.unwrap());
            }
            let mut late = silence(100, "severity", "HIGH");
            assert!(!add(&records, &late).await.unwrap());
            (late.made_at, late.ends_at) = (Timestamp(20), Timestamp(30));
            assert!(add(&records, &late).await.unwrap());
        })
        .await;
    }
}
