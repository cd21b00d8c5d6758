//! The table of audit entries.

use rules::Timestamp;
use sqlx::any::AnyRow;
use sqlx::{Any, Row, Transaction};

use super::{Records, RecordsError, Result};
use crate::audit::entry::{Chained, Entry, Link};

/// How many entries are kept; a tenth of them goes when there are more.
#[cfg(not(test))]
const ENTRIES_MAX: u64 = 1_000_000;
#[cfg(test)]
const ENTRIES_MAX: u64 = 100;

/// Which entries to read.
#[derive(Default)]
pub(crate) struct Wanted {
    pub(crate) customer: Option<String>,
    pub(crate) who: Option<String>,
    pub(crate) oldest_first: bool,
    /// Only those behind this one, in the order in which they are read.
    pub(crate) behind: Option<u64>,
    pub(crate) limit: usize,
}

/// Adds entries to the end of the chain.
pub(crate) async fn append(records: &Records, entries: &[Entry]) -> Result<()> {
    let mut writing = records.begin().await?;
    // Taking the row first makes all who append wait for each other, in PostgreSQL too.
    let head = sqlx::query("UPDATE audit_head SET id = id WHERE id = 1 RETURNING *")
        .fetch_one(&mut *writing)
        .await?;
    let mut end = Link { number: number(&head, "number")?, hash: head.try_get("hash")? };
    let removed = number(&head, "removed_number")?;
    for entry in entries {
        let next = end.chain(entry.clone());
        insert(&mut writing, &next).await?;
        end = Link { number: next.number, hash: next.hash };
    }
    sqlx::query("UPDATE audit_head SET number = $1, hash = $2 WHERE id = 1")
        .bind(end.number.cast_signed())
        .bind(end.hash)
        .execute(&mut *writing)
        .await?;
    if end.number - removed > ENTRIES_MAX {
        remove(&mut writing, removed + ENTRIES_MAX / 10).await?;
    }
    Ok(writing.commit().await?)
}

async fn insert(writing: &mut Transaction<'static, Any>, chained: &Chained) -> Result<()> {
    let Chained { number, entry, hash } = chained;
    sqlx::query(
        "INSERT INTO audit (number, at, who, role, customer, source, action, object, status, code, request, times, hash)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
    )
    .bind(number.cast_signed())
    .bind(entry.at.0)
    .bind(entry.who.clone())
    .bind(entry.role.clone())
    .bind(entry.customer_id.clone())
    .bind(entry.source.clone())
    .bind(entry.action.clone())
    .bind(entry.object.clone())
    .bind(i64::from(entry.status))
    .bind(entry.code.clone())
    .bind(entry.request_id.clone())
    .bind(entry.times.cast_signed())
    .bind(hash.clone())
    .execute(&mut **writing)
    .await?;
    Ok(())
}

/// Removes entries up to this one, whose hash stays as the beginning of the chain.
async fn remove(writing: &mut Transaction<'static, Any>, last: u64) -> Result<()> {
    sqlx::query(
        "UPDATE audit_head SET removed_number = $1, removed_hash = (SELECT hash FROM audit WHERE number = $1)
         WHERE id = 1",
    )
    .bind(last.cast_signed())
    .execute(&mut **writing)
    .await?;
    sqlx::query("DELETE FROM audit WHERE number <= $1")
        .bind(last.cast_signed())
        .execute(&mut **writing)
        .await?;
    tracing::warn!(up_to = last, "old entries of the audit log were removed to make room");
    Ok(())
}

/// Entries in their order, or the newest first.
pub(crate) async fn list(records: &Records, wanted: &Wanted) -> Result<Vec<Chained>> {
    let (statement, begin) = if wanted.oldest_first {
        (
            "SELECT * FROM audit WHERE number > $1 AND ($2 = '' OR customer = $2) AND ($3 = '' OR who = $3)
             ORDER BY number LIMIT $4",
            0,
        )
    } else {
        (
            "SELECT * FROM audit WHERE number < $1 AND ($2 = '' OR customer = $2) AND ($3 = '' OR who = $3)
             ORDER BY number DESC LIMIT $4",
            i64::MAX,
        )
    };
    let rows = sqlx::query(statement)
        .bind(wanted.behind.map_or(begin, u64::cast_signed))
        .bind(wanted.customer.clone().unwrap_or_default())
        .bind(wanted.who.clone().unwrap_or_default())
        .bind(i64::try_from(wanted.limit).unwrap_or(i64::MAX))
        .fetch_all(records.readers().await?)
        .await?;
    rows.iter().map(read).collect()
}

/// Behind which entry the log begins, and which is its last.
pub(crate) async fn ends(records: &Records) -> Result<(Link, Link)> {
    let head =
        sqlx::query("SELECT * FROM audit_head WHERE id = 1").fetch_one(records.readers().await?).await?;
    let begin = Link { number: number(&head, "removed_number")?, hash: head.try_get("removed_hash")? };
    Ok((begin, Link { number: number(&head, "number")?, hash: head.try_get("hash")? }))
}

fn read(row: &AnyRow) -> Result<Chained> {
    let status = number(row, "status")?;
    let corrupt = |_| RecordsError::Unusable("an entry of the audit log has no status".to_owned());
    Ok(Chained {
        number: number(row, "number")?,
        hash: row.try_get("hash")?,
        entry: Entry {
            at: Timestamp(row.try_get("at")?),
            who: row.try_get("who")?,
            role: row.try_get("role")?,
            customer_id: row.try_get("customer")?,
            source: row.try_get("source")?,
            action: row.try_get("action")?,
            object: row.try_get("object")?,
            status: u16::try_from(status).map_err(corrupt)?,
            code: row.try_get("code")?,
            request_id: row.try_get("request")?,
            times: number(row, "times")?,
        },
    })
}

fn number(row: &AnyRow, column: &str) -> Result<u64> {
    Ok(row.try_get::<i64, _>(column)?.cast_unsigned())
}

#[cfg(test)]
mod tests {
    use super::super::testing::on_both;
    use super::*;
    use crate::audit::entry::tests::entry;

    async fn verified(records: &Records) -> std::result::Result<Link, String> {
        let (mut link, end) = ends(records).await.unwrap();
        let wanted = Wanted { oldest_first: true, limit: 10_000, ..Wanted::default() };
        for next in list(records, &wanted).await.unwrap() {
            link.follow(&next)?;
        }
        if link == end {
            Ok(link)
        } else {
            Err(format!("it ends with {} and not {}", link.number, end.number))
        }
    }

    #[tokio::test]
    async fn entries_chain_over_transactions_and_writers_at_once() {
        on_both("entries_chain_over_transactions_and_writers_at_once", async |database| {
            let records = database.records();
            let other = database.records();
            records.ready().await.unwrap();
            let writers = [records.clone(), other, records.clone()].map(|records| {
                tokio::spawn(async move {
                    for number in 0..10 {
                        append(&records, &[entry(&number.to_string()), entry("x")]).await.unwrap();
                    }
                })
            });
            for writer in writers {
                writer.await.unwrap();
            }
            assert_eq!(verified(&records).await.unwrap().number, 60);
            let newest = Wanted { limit: 2, behind: Some(60), ..Wanted::default() };
            let numbers: Vec<u64> =
                list(&records, &newest).await.unwrap().iter().map(|entry| entry.number).collect();
            assert_eq!(numbers, [59, 58]);
            let nobody = Wanted { limit: 2, who: Some("nobody".to_owned()), ..Wanted::default() };
            assert_eq!(list(&records, &nobody).await.unwrap(), []);
        })
        .await;
    }

    #[tokio::test]
    async fn a_change_in_the_table_is_found() {
        on_both("a_change_in_the_table_is_found", async |database| {
            let records = database.records();
            append(&records, &[entry("a"), entry("b"), entry("c")]).await.unwrap();
            for (tampering, found) in [
                ("UPDATE audit SET who = 'root' WHERE number = 3", "entry 3 or"),
                ("DELETE FROM audit WHERE number = 3", "it ends with 2 and not 3"),
                ("DELETE FROM audit WHERE number = 1", "entry 2 follows entry 0"),
            ] {
                let mut writing = records.begin().await.unwrap();
                sqlx::query(tampering).execute(&mut *writing).await.unwrap();
                writing.commit().await.unwrap();
                let error = verified(&records).await.unwrap_err();
                assert!(error.contains(found), "{tampering}: {error}");
            }
        })
        .await;
    }

    #[tokio::test]
    async fn old_entries_make_room_and_the_rest_is_still_a_chain() {
        on_both("old_entries_make_room_and_the_rest_is_still_a_chain", async |database| {
            let records = database.records();
            for _ in 0..=ENTRIES_MAX / 10 {
                append(&records, &vec![entry("a"); 10]).await.unwrap();
            }
            assert_eq!(ends(&records).await.unwrap().0.number, ENTRIES_MAX / 10);
            assert_eq!(verified(&records).await.unwrap().number, ENTRIES_MAX + 10);
        })
        .await;
    }
}
