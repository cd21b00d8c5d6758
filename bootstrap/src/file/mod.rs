//! Files of the archive: rows, sorted, as Parquet; written whole, read in the parts that are asked for.

pub mod blocks;
mod read;
pub(crate) mod schema;
mod write;

pub use read::{Description, FileScan, Filter};
pub(crate) use write::storable;
pub use write::{FileWriter, Written};

#[cfg(test)]
mod tests;
