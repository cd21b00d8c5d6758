//! The table of tokens: what is kept of each is its hash.

use rules::{CustomerId, Timestamp};
use sqlx::Row;
use sqlx::any::AnyRow;
use uuid::Uuid;

use super::{Records, RecordsError, Result};
use crate::access::Role;
use crate::token::TokenHash;

/// The most tokens of one customer, and of the system itself.
pub(crate) const TOKENS_MAX: i64 = 1_000;
/// How long a token is shown after its end.
const KEPT_AFTER_MS: i64 = 30 * 24 * 60 * 60 * 1_000;

/// A token without its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StoredToken {
    pub(crate) id: Uuid,
    pub(crate) name: String,
    pub(crate) role: Role,
    /// Of whom it is; none for roles of the system.
    pub(crate) customer: Option<CustomerId>,
    pub(crate) made_at: Timestamp,
    pub(crate) made_by: String,
    pub(crate) expires_at: Timestamp,
}

/// Adds a token. Answers whether there was room for it.
pub(crate) async fn add(records: &Records, token: &StoredToken, hash: &TokenHash) -> Result<bool> {
    let mut writing = records.begin().await?;
    sqlx::query("DELETE FROM tokens WHERE expires_at < $1")
        .bind(token.made_at.0.saturating_sub(KEPT_AFTER_MS))
        .execute(&mut *writing)
        .await?;
    let customer = token.customer.map(|customer| customer.to_string());
    let (count,): (i64,) =
        sqlx::query_as("SELECT COUNT(*) FROM tokens WHERE COALESCE(customer, '') = $1 AND expires_at > $2")
            .bind(customer.clone().unwrap_or_default())
            .bind(token.made_at.0)
            .fetch_one(&mut *writing)
            .await?;
    if count >= TOKENS_MAX {
        return Ok(false);
    }
    sqlx::query(
        "INSERT INTO tokens (id, hash, name, role, customer, made_at, made_by, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(token.id.to_string())
    .bind(hash.to_hex())
    .bind(token.name.clone())
    .bind(token.role.name())
    .bind(customer)
    .bind(token.made_at.0)
    .bind(token.made_by.clone())
    .bind(token.expires_at.0)
    .execute(&mut *writing)
    .await?;
    writing.commit().await?;
    Ok(true)
}

/// The token with this hash, whether it has ended or not.
pub(crate) async fn find(records: &Records, hash: &TokenHash) -> Result<Option<StoredToken>> {
    let found = sqlx::query("SELECT * FROM tokens WHERE hash = $1")
        .bind(hash.to_hex())
        .fetch_optional(records.readers().await?)
        .await?;
    found.as_ref().map(read).transpose()
}

/// Tokens behind this id in the order they were made, of one customer or of all.
pub(crate) async fn list(
    records: &Records,
    customer: Option<CustomerId>,
    after: Option<Uuid>,
    limit: usize,
) -> Result<Vec<StoredToken>> {
    let rows =
        sqlx::query("SELECT * FROM tokens WHERE id > $1 AND ($2 = '' OR customer = $2) ORDER BY id LIMIT $3")
            .bind(after.map(|id| id.to_string()).unwrap_or_default())
            .bind(customer.map(|customer| customer.to_string()).unwrap_or_default())
            .bind(i64::try_from(limit).unwrap_or(i64::MAX))
            .fetch_all(records.readers().await?)
            .await?;
    rows.iter().map(read).collect()
}

/// Removes a token, if it is of this customer where one is given; answers what it was.
pub(crate) async fn remove(
    records: &Records,
    id: Uuid,
    customer: Option<CustomerId>,
) -> Result<Option<StoredToken>> {
    let mut writing = records.begin().await?;
    let removed = sqlx::query("DELETE FROM tokens WHERE id = $1 AND ($2 = '' OR customer = $2) RETURNING *")
        .bind(id.to_string())
        .bind(customer.map(|customer| customer.to_string()).unwrap_or_default())
        .fetch_optional(&mut *writing)
        .await?;
    writing.commit().await?;
    removed.as_ref().map(read).transpose()
}

fn read(row: &AnyRow) -> Result<StoredToken> {
    let corrupt = |column: &str| RecordsError::Unusable(format!("a stored token has an unreadable {column}"));
    let role: String = row.try_get("role")?;
    let customer: Option<String> = row.try_get("customer")?;
    Ok(StoredToken {
        id: row.try_get::<String, _>("id")?.parse().map_err(|_| corrupt("id"))?,
        name: row.try_get("name")?,
        role: Role::from_name(&role).ok_or_else(|| corrupt("role"))?,
        customer: customer.map(|id| id.parse()).transpose().map_err(|_| corrupt("customer"))?,
        made_at: Timestamp(row.try_get("made_at")?),
        made_by: row.try_get("made_by")?,
        expires_at: Timestamp(row.try_get("expires_at")?),
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::on_both;
    use super::*;
    use crate::token;

    const CUSTOMER: &str = "9f20f8a4-d8c8-4a74-ac90-3452b97c2e34";

    fn stored(number: u128, customer: Option<&str>) -> StoredToken {
        StoredToken {
            id: Uuid::from_u128(number),
            name: format!("token {number}"),
            role: if customer.is_some() { Role::Viewer } else { Role::Auditor },
            customer: customer.map(|id| id.parse().unwrap()),
            made_at: Timestamp(1_000),
            made_by: "root".to_owned(),
            expires_at: Timestamp(2_000),
        }
    }

    #[tokio::test]
    async fn tokens_are_kept_found_listed_and_removed() {
        on_both("tokens_are_kept_found_listed_and_removed", async |database| {
            let records = database.records();
            let (mine, other) = (stored(1, Some(CUSTOMER)), stored(2, None));
            assert!(add(&records, &mine, &token::hash("one")).await.unwrap());
            assert!(add(&records, &other, &token::hash("two")).await.unwrap());
            assert!(add(&records, &stored(3, None), &token::hash("two")).await.is_err(), "a hash is unique");

            assert_eq!(find(&records, &token::hash("one")).await.unwrap(), Some(mine.clone()));
            assert_eq!(find(&records, &token::hash("three")).await.unwrap(), None);
            let all = list(&records, None, None, 10).await.unwrap();
            assert_eq!(all, [mine.clone(), other.clone()]);
            let (only_mine, only_other) = (std::slice::from_ref(&mine), std::slice::from_ref(&other));
            assert_eq!(list(&records, None, Some(mine.id), 10).await.unwrap(), only_other);
            assert_eq!(list(&records, None, None, 1).await.unwrap(), only_mine);
            assert_eq!(list(&records, mine.customer, None, 10).await.unwrap(), only_mine);

            assert_eq!(remove(&records, other.id, mine.customer).await.unwrap(), None, "it is another's");
            assert_eq!(remove(&records, other.id, None).await.unwrap(), Some(other));
            assert_eq!(remove(&records, mine.id, mine.customer).await.unwrap(), Some(mine.clone()));
            assert_eq!(remove(&records, mine.id, None).await.unwrap(), None);
        })
        .await;
    }

    #[tokio::test]
    async fn old_tokens_make_room_and_there_is_an_end_of_it() {
        on_both("old_tokens_make_room_and_there_is_an_end_of_it", async |database| {
            let records = database.records();
            let mut writing = records.begin().await.unwrap();
            for number in 0..TOKENS_MAX {
                sqlx::query("INSERT INTO tokens VALUES ($1, $1, 'n', 'viewer', $2, 1000, 'root', 2000)")
                    .bind(Uuid::from_u128(u128::try_from(number).unwrap()).to_string())
                    .bind(CUSTOMER)
                    .execute(&mut *writing)
                    .await
                    .unwrap();
            }
            writing.commit().await.unwrap();
            let mut one = stored(5_000, Some(CUSTOMER));
            assert!(!add(&records, &one, &token::hash("one")).await.unwrap());
            assert!(
                add(&records, &stored(5_001, None), &token::hash("two")).await.unwrap(),
                "another's room"
            );
            one.made_at = Timestamp(2_001);
            assert!(add(&records, &one, &token::hash("one")).await.unwrap(), "the others have ended");
            one.made_at = Timestamp(2_001 + KEPT_AFTER_MS);
            one.expires_at = Timestamp(one.made_at.0 + 1);
            one.id = Uuid::from_u128(6_000);
            assert!(add(&records, &one, &token::hash("three")).await.unwrap());
            assert_eq!(list(&records, None, None, 10).await.unwrap(), [one], "who ended long ago is gone");
        })
        .await;
    }
}
