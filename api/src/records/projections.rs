//! How far topics were read into tables. A position is written in one transaction with what comes of the records before
//! it, so every record counts once, whatever stops and however many servers read.

use sqlx::any::AnyRow;
use sqlx::{Any, Row, Transaction};

use super::{Records, Result};

/// The row that whoever writes takes first; its `next` is the last number that was given.
const HEAD: i64 = -1;

/// Something that is read into tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Projection {
    /// The inbox.
    Inbox,
    /// What is to be sent to destinations.
    Deliveries,
}

/// How far a topic was read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Reached {
    /// Counts how often it was begun anew.
    pub(crate) generation: u64,
    /// Per partition, from 0 on, the offset that comes next.
    pub(crate) next: Vec<u64>,
}

/// What came of a batch.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Applied {
    /// It is in the tables; so many of its records could not be used, and were left out.
    Done { foreign: usize },
    /// Somebody else has read on, or begun anew: this is where to go on.
    Elsewhere(Reached),
}

impl Projection {
    const fn name(self) -> &'static str {
        match self {
            Self::Inbox => "inbox",
            Self::Deliveries => "deliveries",
        }
    }
}

/// How far the topic was read; of a partition that is new, nothing.
pub(crate) async fn reached(records: &Records, of: Projection, partitions: usize) -> Result<Reached> {
    let mut writing = records.begin().await?;
    for part in (0..).take(partitions).chain([HEAD]) {
        sqlx::query(
            "INSERT INTO projections (name, part, next, generation) VALUES ($1, $2, 0, 0) ON CONFLICT DO NOTHING",
        )
        .bind(of.name())
        .bind(part)
        .execute(&mut *writing)
        .await?;
    }
    let (_, reached) = take(&mut writing, of).await?;
    writing.commit().await?;
    Ok(reached)
}

/// How far the topic was read, without waiting for anybody.
pub(crate) async fn look(records: &Records, of: Projection) -> Result<Reached> {
    let rows = sqlx::query("SELECT part, next, generation FROM projections WHERE name = $1 ORDER BY part")
        .bind(of.name())
        .fetch_all(records.readers().await?)
        .await?;
    Ok(read(&rows)?.1)
}

/// Takes the head, for which others wait until the end of the transaction; answers the last number that was given, and
/// the positions.
pub(super) async fn take(writing: &mut Transaction<'static, Any>, of: Projection) -> Result<(u64, Reached)> {
    sqlx::query("UPDATE projections SET next = next WHERE name = $1 AND part = $2")
        .bind(of.name())
        .bind(HEAD)
        .execute(&mut **writing)
        .await?;
    let rows = sqlx::query("SELECT part, next, generation FROM projections WHERE name = $1 ORDER BY part")
        .bind(of.name())
        .fetch_all(&mut **writing)
        .await?;
    read(&rows)
}

fn read(rows: &[AnyRow]) -> Result<(u64, Reached)> {
    let number =
        |row: &AnyRow, column: &str| -> Result<u64> { Ok(row.try_get::<i64, _>(column)?.cast_unsigned()) };
    let (mut last_number, mut reached) = (0, Reached::default());
    for row in rows {
        let next = number(row, "next")?;
        if row.try_get::<i64, _>("part")? == HEAD {
            (last_number, reached.generation) = (next, number(row, "generation")?);
        } else {
            reached.next.push(next);
        }
    }
    Ok((last_number, reached))
}

/// Begins to read anew from these positions.
pub(crate) async fn begin_anew(records: &Records, of: Projection, from: &[u64]) -> Result<Reached> {
    reached(records, of, from.len()).await?;
    let mut writing = records.begin().await?;
    let (last_number, reached) = take(&mut writing, of).await?;
    let generation = reached.generation + 1;
    // Partitions that the topic no longer has.
    sqlx::query("DELETE FROM projections WHERE name = $1 AND part >= $2")
        .bind(of.name())
        .bind(i64::try_from(from.len()).unwrap_or(i64::MAX))
        .execute(&mut *writing)
        .await?;
    move_to(&mut writing, of, generation, last_number, from).await?;
    writing.commit().await?;
    Ok(Reached { generation, next: from.to_vec() })
}

/// Notes the positions that are reached with this transaction.
pub(super) async fn move_to(
    writing: &mut Transaction<'static, Any>,
    of: Projection,
    generation: u64,
    last_number: u64,
    to: &[u64],
) -> Result<()> {
    for (part, next) in [(HEAD, last_number)].into_iter().chain((0..).zip(to.iter().copied())) {
        sqlx::query("UPDATE projections SET next = $1, generation = $2 WHERE name = $3 AND part = $4")
            .bind(next.cast_signed())
            .bind(generation.cast_signed())
            .bind(of.name())
            .bind(part)
            .execute(&mut **writing)
            .await?;
    }
    Ok(())
}
