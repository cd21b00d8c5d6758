//! Replaces files by others: the rows of some, merged in their order, in new files, with proof that none was lost or made.

use std::sync::Arc;

use engine::Timestamp;

use crate::archiver::batch::create;
use crate::error::{Error, Result};
use crate::file::FileWriter;
use crate::row::{Row, Sum};
use crate::scan::Scan;
use crate::table::action::Action;
use crate::table::{DataFile, Level, Spans, Table};
use crate::time::Moment;

/// A file of the archive is about so large at most.
const FILE_BYTES_MAX: usize = 128 << 20;

/// New files in the place of others; not visible yet.
pub(crate) struct Rewritten {
    /// The files that are replaced.
    pub(crate) inputs: Vec<Arc<DataFile>>,
    /// What replaces them.
    pub(crate) outputs: Vec<DataFile>,
    /// The rows that are left out.
    pub(crate) dropped: Sum,
}

impl Rewritten {
    /// Writes the rows of these files that are to be kept into new ones of this level.
    pub(crate) fn write(
        table: &Table,
        inputs: Vec<Arc<DataFile>>,
        level: Level,
        now: Timestamp,
        keep: impl Fn(&Row) -> bool,
    ) -> Result<Self> {
        let Some(first) = inputs.first() else {
            return Err(Error::Refused("there is no file to rewrite".to_owned()));
        };
        let moment = Moment { day: first.day.clone(), hour: first.hour };
        let mut spans = Spans::default();
        inputs.iter().for_each(|file| spans.merge(&file.spans));
        let mut scan = Scan::whole(table, inputs.clone());
        let (mut batch, mut outputs) = (Vec::new(), Vec::new());
        let (mut read, mut dropped) = (Sum::default(), Sum::default());
        let mut writer = FileWriter::new(level)?;
        loop {
            scan.next(&mut batch)?;
            if batch.is_empty() {
                break;
            }
            for row in batch.drain(..) {
                read.add(&row);
                if !keep(&row) {
                    dropped.add(&row);
                    continue;
                }
                writer.push(row)?;
                if writer.size() >= FILE_BYTES_MAX {
                    let full = std::mem::replace(&mut writer, FileWriter::new(level)?);
                    outputs.push(create(table, full, level, spans.clone(), &moment, now)?);
                }
            }
        }
        // Even a file without rows says that there are none in its spans.
        if writer.rows() > 0 || outputs.is_empty() {
            outputs.push(create(table, writer, level, spans, &moment, now)?);
        }
        let rewritten = Self { inputs, outputs, dropped };
        rewritten.prove(table, read)?;
        Ok(rewritten)
    }

    /// What was read is what was written once, and what was written now reads back as that.
    fn prove(&self, table: &Table, read: Sum) -> Result<()> {
        let known = self.inputs.iter().fold(Sum::default(), |sum, file| sum.and(file.sum));
        let paths = |files: &mut dyn Iterator<Item = &DataFile>| {
            files.map(|file| file.path.as_str()).collect::<Vec<_>>().join(", ")
        };
        if read != known {
            let problem =
                format!("{} rows were read of {}, or others than were written", read.rows, known.rows);
            return Err(Error::Damaged { file: paths(&mut self.inputs.iter().map(Arc::as_ref)), problem });
        }
        let mut back = self.dropped;
        let mut scan = Scan::whole(table, self.outputs.iter().cloned().map(Arc::new).collect());
        let mut batch = Vec::new();
        loop {
            scan.next(&mut batch)?;
            if batch.is_empty() {
                break;
            }
            batch.iter().for_each(|row| back.add(row));
        }
        if back != known {
            let problem = format!("{} rows read back of {}, or others", back.rows, known.rows);
            return Err(Error::Damaged { file: paths(&mut self.outputs.iter()), problem });
        }
        Ok(())
    }

    /// The lines that put them in place. `changes` is false where the same rows only move.
    pub(crate) fn actions(&self, now: Timestamp, changes: bool) -> Vec<Action> {
        let removed = self.inputs.iter().map(|file| file.remove(now, changes));
        removed.chain(self.outputs.iter().map(|file| file.add(changes))).collect()
    }

    /// Takes new files away that will never count.
    pub(crate) fn discard(&self, table: &Table) {
        for file in &self.outputs {
            if let Err(error) = table.objects().delete(&file.path) {
                tracing::warn!(%error, "a file that does not count could not be removed; it is swept later");
            }
        }
    }
}
