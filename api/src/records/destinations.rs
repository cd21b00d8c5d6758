//! The tables of destinations and of what is to be sent to them.

use std::collections::HashMap;

use rules::{CustomerId, Timestamp};
use sqlx::Row;
use sqlx::any::AnyRow;
use uuid::Uuid;

use super::projections::{Applied, Projection, Reached, move_to, take};
use super::{Records, RecordsError, Result};
use crate::alerts::inbox::item::Reading;
use crate::alerts::inbox::silence::Matcher;
use crate::destinations::form::Form;

/// The most destinations of one customer.
pub(crate) const DESTINATIONS_MAX: i64 = 20;
/// The most deliveries that wait for one destination; further ones are dropped, and counted.
pub(crate) const WAITING_MAX: u64 = if cfg!(test) { 10 } else { 10_000 };

/// A destination.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Destination {
    pub(crate) id: Uuid,
    pub(crate) customer: CustomerId,
    pub(crate) name: String,
    /// May hold a secret in its path.
    pub(crate) url: String,
    pub(crate) form: Form,
    /// Signs what is sent.
    pub(crate) secret: String,
    /// Only alerts for which all of them hold; all alerts if there are none.
    pub(crate) matchers: Vec<Matcher>,
    pub(crate) made_by: String,
    pub(crate) made_at: Timestamp,
    /// Attempts that have failed since the last success.
    pub(crate) failures: u64,
    pub(crate) last_error: String,
    pub(crate) delivered: u64,
    pub(crate) dropped: u64,
}

/// Addresses and secrets never reach logs.
impl std::fmt::Debug for Destination {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Destination({})", self.id)
    }
}

/// Something that is to be sent.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Delivery {
    pub(crate) number: u64,
    /// When it was put in.
    pub(crate) at: Timestamp,
    pub(crate) document: String,
}

/// Adds a destination. Answers whether there was room for it.
pub(crate) async fn add(records: &Records, destination: &Destination) -> Result<bool> {
    let mut writing = records.begin().await?;
    // The reading of alerts waits until it is there, so that it gets all from now on.
    take(&mut writing, Projection::Deliveries).await?;
    let (count,): (i64,) = sqlx::query_as("SELECT COUNT(*) FROM destinations WHERE customer = $1")
        .bind(destination.customer.to_string())
        .fetch_one(&mut *writing)
        .await?;
    if count >= DESTINATIONS_MAX {
        return Ok(false);
    }
    let matchers = serde_json::to_string(&destination.matchers)
        .map_err(|error| RecordsError::Unusable(format!("matchers cannot be written: {error}")))?;
    sqlx::query(
        "INSERT INTO destinations (id, customer, name, url, form, secret, matchers, made_by, made_at, leased_until,
             next_at, failures, last_error, delivered, dropped)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 0, 0, 0, '', 0, 0)",
    )
    .bind(destination.id.to_string())
    .bind(destination.customer.to_string())
    .bind(destination.name.clone())
    .bind(destination.url.clone())
    .bind(destination.form.name())
    .bind(destination.secret.clone())
    .bind(matchers)
    .bind(destination.made_by.clone())
    .bind(destination.made_at.0)
    .execute(&mut *writing)
    .await?;
    writing.commit().await?;
    Ok(true)
}

/// Destinations behind this id in the order they were made, of one customer or of all, with how many deliveries wait.
pub(crate) async fn list(
    records: &Records,
    customer: Option<CustomerId>,
    after: Option<Uuid>,
    limit: usize,
) -> Result<Vec<(Destination, u64)>> {
    let rows = sqlx::query(
        "SELECT destinations.*, (SELECT COUNT(*) FROM deliveries WHERE destination = destinations.id) AS waiting
         FROM destinations WHERE id > $1 AND ($2 = '' OR customer = $2) ORDER BY id LIMIT $3",
    )
    .bind(after.map(|id| id.to_string()).unwrap_or_default())
    .bind(customer.map(|customer| customer.to_string()).unwrap_or_default())
    .bind(i64::try_from(limit).unwrap_or(i64::MAX))
    .fetch_all(records.readers().await?)
    .await?;
    rows.iter().map(|row| Ok((read(row)?, number(row, "waiting")?))).collect()
}

/// Removes a destination with what waits for it, if it is of this customer where one is given; answers what it was.
pub(crate) async fn remove(
    records: &Records,
    id: Uuid,
    customer: Option<CustomerId>,
) -> Result<Option<Destination>> {
    let mut writing = records.begin().await?;
    take(&mut writing, Projection::Deliveries).await?;
    let removed =
        sqlx::query("DELETE FROM destinations WHERE id = $1 AND ($2 = '' OR customer = $2) RETURNING *")
            .bind(id.to_string())
            .bind(customer.map(|customer| customer.to_string()).unwrap_or_default())
            .fetch_optional(&mut *writing)
            .await?;
    if removed.is_some() {
        sqlx::query("DELETE FROM deliveries WHERE destination = $1")
            .bind(id.to_string())
            .execute(&mut *writing)
            .await?;
    }
    writing.commit().await?;
    removed.as_ref().map(read).transpose()
}

/// Puts a batch of alerts in for the destinations that want them, with the positions behind it.
pub(crate) async fn enqueue(
    records: &Records,
    from: &Reached,
    to: &[u64],
    readings: Vec<Reading>,
) -> Result<Applied> {
    let mut writing = records.begin().await?;
    let (mut last_number, reached) = take(&mut writing, Projection::Deliveries).await?;
    if reached != *from {
        return Ok(Applied::Elsewhere(reached));
    }
    let rows = sqlx::query(
        "SELECT destinations.*, (SELECT COUNT(*) FROM deliveries WHERE destination = destinations.id) AS waiting
         FROM destinations ORDER BY id",
    )
    .fetch_all(&mut *writing)
    .await?;
    let mut wanting: HashMap<CustomerId, Vec<(Destination, u64)>> = HashMap::new();
    for row in &rows {
        let destination = read(row)?;
        wanting.entry(destination.customer).or_default().push((destination, number(row, "waiting")?));
    }
    for reading in &readings {
        let Some(destinations) = wanting.get_mut(&reading.customer) else { continue };
        let alert: serde_json::Value = serde_json::from_str(reading.document()).unwrap_or_default();
        for (destination, waiting) in destinations {
            if !destination.matchers.iter().all(|matcher| matcher.matches(&alert)) {
                continue;
            }
            if *waiting >= WAITING_MAX {
                let full = "so many deliveries wait that further ones are dropped";
                sqlx::query("UPDATE destinations SET dropped = dropped + 1, last_error = $1 WHERE id = $2")
                    .bind(full)
                    .bind(destination.id.to_string())
                    .execute(&mut *writing)
                    .await?;
                continue;
            }
            (*waiting, last_number) = (*waiting + 1, last_number + 1);
            sqlx::query("INSERT INTO deliveries (number, destination, at, document) VALUES ($1, $2, $3, $4)")
                .bind(last_number.cast_signed())
                .bind(destination.id.to_string())
                .bind(crate::clock::now().0)
                .bind(reading.document().to_owned())
                .execute(&mut *writing)
                .await?;
        }
    }
    move_to(&mut writing, Projection::Deliveries, from.generation, last_number, to).await?;
    writing.commit().await?;
    Ok(Applied::Done { foreign: 0 })
}

/// Destinations for which something waits and that may be tried now.
pub(crate) async fn due(records: &Records, now: Timestamp, limit: i64) -> Result<Vec<Destination>> {
    let rows = sqlx::query(
        "SELECT * FROM destinations WHERE next_at <= $1 AND leased_until <= $1
             AND EXISTS (SELECT 1 FROM deliveries WHERE destination = destinations.id)
         ORDER BY next_at, id LIMIT $2",
    )
    .bind(now.0)
    .bind(limit)
    .fetch_all(records.readers().await?)
    .await?;
    rows.iter().map(read).collect()
}

/// Takes a destination for some time, so that one server alone sends to it; answers whether nobody else has it.
pub(crate) async fn lease(records: &Records, id: Uuid, now: Timestamp, until: Timestamp) -> Result<bool> {
    let mut writing = records.begin().await?;
    let taken = sqlx::query("UPDATE destinations SET leased_until = $1 WHERE id = $2 AND leased_until <= $3")
        .bind(until.0)
        .bind(id.to_string())
        .bind(now.0)
        .execute(&mut *writing)
        .await?;
    writing.commit().await?;
    Ok(taken.rows_affected() == 1)
}

/// What waits first for a destination.
pub(crate) async fn waiting(records: &Records, id: Uuid, limit: i64) -> Result<Vec<Delivery>> {
    let rows = sqlx::query("SELECT * FROM deliveries WHERE destination = $1 ORDER BY number LIMIT $2")
        .bind(id.to_string())
        .bind(limit)
        .fetch_all(records.readers().await?)
        .await?;
    let read = |row: &AnyRow| {
        Ok(Delivery {
            number: number(row, "number")?,
            at: Timestamp(row.try_get("at")?),
            document: row.try_get("document")?,
        })
    };
    rows.iter().map(read).collect()
}

/// What came of a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Came {
    /// The receiver has it.
    Delivered,
    /// A silence held: it is not to be sent.
    Silenced,
    /// It is given up, for this reason.
    Dropped(String),
    /// It has failed for this reason, and is tried again at that time.
    Again(String, Timestamp),
}

/// Notes what came of a delivery.
pub(crate) async fn note(records: &Records, id: Uuid, number: u64, came: &Came) -> Result<()> {
    let mut writing = records.begin().await?;
    let (statement, error, next_at) = match came {
        Came::Delivered => (
            "UPDATE destinations SET delivered = delivered + 1, failures = 0, last_error = $1, next_at = $2 WHERE id = $3",
            "",
            0,
        ),
        Came::Silenced => ("", "", 0),
        Came::Dropped(error) => (
            "UPDATE destinations SET dropped = dropped + 1, last_error = $1, next_at = $2 WHERE id = $3",
            error.as_str(),
            0,
        ),
        Came::Again(error, next) => (
            "UPDATE destinations SET failures = failures + 1, last_error = $1, next_at = $2 WHERE id = $3",
            error.as_str(),
            next.0,
        ),
    };
    if !statement.is_empty() {
        sqlx::query(statement)
            .bind(error.to_owned())
            .bind(next_at)
            .bind(id.to_string())
            .execute(&mut *writing)
            .await?;
    }
    if !matches!(came, Came::Again(..)) {
        sqlx::query("DELETE FROM deliveries WHERE number = $1")
            .bind(number.cast_signed())
            .execute(&mut *writing)
            .await?;
    }
    Ok(writing.commit().await?)
}

/// Keeps a destination that was taken until then; a time that is over gives it back.
pub(crate) async fn keep(records: &Records, id: Uuid, until: Timestamp) -> Result<()> {
    let mut writing = records.begin().await?;
    sqlx::query("UPDATE destinations SET leased_until = $1 WHERE id = $2")
        .bind(until.0)
        .bind(id.to_string())
        .execute(&mut *writing)
        .await?;
    Ok(writing.commit().await?)
}

fn read(row: &AnyRow) -> Result<Destination> {
    let corrupt = |column: &str| RecordsError::Unusable(format!("a destination has an unreadable {column}"));
    let text = |column: &str| row.try_get::<String, _>(column);
    Ok(Destination {
        id: text("id")?.parse().map_err(|_| corrupt("id"))?,
        customer: text("customer")?.parse().map_err(|_| corrupt("customer"))?,
        name: text("name")?,
        url: text("url")?,
        form: Form::from_name(&text("form")?).ok_or_else(|| corrupt("form"))?,
        secret: text("secret")?,
        matchers: serde_json::from_str(&text("matchers")?).map_err(|_| corrupt("matcher"))?,
        made_by: text("made_by")?,
        made_at: Timestamp(row.try_get("made_at")?),
        failures: number(row, "failures")?,
        last_error: text("last_error")?,
        delivered: number(row, "delivered")?,
        dropped: number(row, "dropped")?,
    })
}

fn number(row: &AnyRow, column: &str) -> Result<u64> {
    Ok(row.try_get::<i64, _>(column)?.cast_unsigned())
}

#[cfg(test)]
mod tests {
    use super::super::projections::reached;
    use super::super::testing::on_both;
    use super::*;
    use crate::alerts::inbox::item::tests::{CUSTOMER, reading};

    const OTHER: &str = "11111111-2222-4333-8444-555555555555";

    fn destination(number: u128, customer: &str, severity: &str) -> Destination {
        let matcher = serde_json::json!([{"field": "severity", "op": "in", "values": [severity]}]);
        Destination {
            id: Uuid::from_u128(number),
            customer: customer.parse().unwrap(),
            name: "ops".to_owned(),
            url: "https://example.org/".to_owned(),
            form: Form::Tocsin,
            secret: "s".to_owned(),
            matchers: serde_json::from_value(matcher).unwrap(),
            made_by: "root".to_owned(),
            made_at: Timestamp(1),
            failures: 0,
            last_error: String::new(),
            delivered: 0,
            dropped: 0,
        }
    }

    #[tokio::test]
    async fn alerts_wait_once_for_the_destinations_of_their_customer_that_want_them() {
        on_both("alerts_wait_once_for_the_destinations", async |database| {
            let records = database.records();
            let at = reached(&records, Projection::Deliveries, 1).await.unwrap();
            let (own, quiet, others) = (
                destination(1, CUSTOMER, "HIGH"),
                destination(2, CUSTOMER, "LOW"),
                destination(3, OTHER, "HIGH"),
            );
            for destination in [&own, &quiet, &others] {
                assert!(add(&records, destination).await.unwrap());
            }
            let batch = vec![reading(1, "firing", 1), reading(2, "firing", 2)];
            let done = Applied::Done { foreign: 0 };
            assert_eq!(enqueue(&records, &at, &[2], batch.clone()).await.unwrap(), done);
            let again = enqueue(&records, &at, &[2], batch).await.unwrap();
            assert!(matches!(again, Applied::Elsewhere(there) if there.next == [2]));
            let waiting_of = async |id: u128| waiting(&records, Uuid::from_u128(id), 9).await.unwrap().len();
            assert_eq!([waiting_of(1).await, waiting_of(2).await, waiting_of(3).await], [2, 0, 0]);
            let found = due(&records, Timestamp(5), 9).await.unwrap();
            assert_eq!(found, std::slice::from_ref(&own));

            assert!(lease(&records, own.id, Timestamp(5), Timestamp(9)).await.unwrap());
            assert!(!lease(&records, own.id, Timestamp(5), Timestamp(9)).await.unwrap(), "somebody has it");
            assert_eq!(due(&records, Timestamp(5), 9).await.unwrap(), []);
            keep(&records, own.id, Timestamp(0)).await.unwrap();
            let again = Came::Again("away".to_owned(), Timestamp(8));
            note(&records, own.id, 1, &again).await.unwrap();
            assert_eq!(due(&records, Timestamp(7), 9).await.unwrap(), []);
            let [tried] = &due(&records, Timestamp(8), 9).await.unwrap()[..] else { panic!() };
            assert_eq!((tried.failures, tried.last_error.as_str()), (1, "away"));
            note(&records, own.id, 1, &Came::Delivered).await.unwrap();
            note(&records, own.id, 2, &Came::Dropped("no".to_owned())).await.unwrap();
            let listed = list(&records, Some(own.customer), None, 9).await.unwrap();
            let (told, waits) = &listed[0];
            assert_eq!((told.delivered, told.dropped, told.failures, *waits), (1, 1, 0, 0));
            assert_eq!(remove(&records, own.id, Some(others.customer)).await.unwrap(), None);
            assert!(remove(&records, own.id, Some(own.customer)).await.unwrap().is_some());
        })
        .await;
    }

    #[tokio::test]
    async fn what_finds_no_room_is_dropped_and_counted() {
        on_both("what_finds_no_room_is_dropped_and_counted", async |database| {
            let records = database.records();
            let at = reached(&records, Projection::Deliveries, 1).await.unwrap();
            assert!(add(&records, &destination(1, CUSTOMER, "HIGH")).await.unwrap());
            let batch = (0..WAITING_MAX + 3).map(|number| reading(number.into(), "firing", 1)).collect();
            enqueue(&records, &at, &[1], batch).await.unwrap();
            let (told, waits) = list(&records, None, None, 9).await.unwrap().remove(0);
            assert_eq!((told.dropped, waits), (3, WAITING_MAX));
            for number in 2..=u128::try_from(DESTINATIONS_MAX).unwrap() {
                assert!(add(&records, &destination(number, CUSTOMER, "HIGH")).await.unwrap());
            }
            assert!(!add(&records, &destination(99, CUSTOMER, "HIGH")).await.unwrap());
            assert!(add(&records, &destination(99, OTHER, "HIGH")).await.unwrap(), "another's room");
        })
        .await;
    }
}
