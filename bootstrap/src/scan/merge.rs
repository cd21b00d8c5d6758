//! Merges sorted files into one sorted stream of rows.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::error::Result;
use crate::file::FileScan;
use crate::row::{Row, RowOrder};

/// Files that are merged. The one whose row comes next is on top; of equals the first.
pub(super) struct Merge {
    files: Vec<FileScan>,
    heads: BinaryHeap<Reverse<(RowOrder, usize)>>,
}

impl Merge {
    pub(super) fn new(files: Vec<FileScan>) -> Result<Self> {
        let mut merge = Self { files, heads: BinaryHeap::new() };
        for index in 0..merge.files.len() {
            merge.put_back(index)?;
        }
        Ok(merge)
    }

    /// Adds rows to the batch: a run out of one file, as long as no other file's row belongs before them.
    pub(super) fn next(&mut self, batch: &mut Vec<Row>) -> Result<()> {
        let Some(Reverse((_, index))) = self.heads.pop() else { return Ok(()) };
        let bound = self.heads.peek().map(|Reverse((order, _))| order);
        self.files[index].take(bound, batch);
        self.put_back(index)
    }

    /// How many bytes of the files were fetched.
    pub(super) fn bytes_read(&self) -> u64 {
        self.files.iter().map(FileScan::bytes_read).sum()
    }

    /// How many rows they hand out at most.
    pub(super) fn rows_looked_at(&self) -> u64 {
        self.files.iter().map(FileScan::rows_looked_at).sum()
    }

    fn put_back(&mut self, index: usize) -> Result<()> {
        let head = self.files[index].peek()?.map(Row::order);
        self.heads.extend(head.map(|order| Reverse((order, index))));
        Ok(())
    }
}
