//! How the stores use RocksDB: memory shared between all of them, and files small enough for a laptop.

use engine::Table;
use rocksdb::{
    BlockBasedOptions, Cache, ColumnFamilyDescriptor, DBCompressionType, DBRecoveryMode, LogLevel, Options,
    SliceTransform, WriteBufferManager,
};

/// The length of the hash that begins every key of state: one customer's keys share it.
const CUSTOMER_HASH_BYTES: usize = 8;

/// The most bytes of one table in memory; the shared manager may ask for a flush earlier.
const WRITE_BUFFER_BYTES: usize = 16 * 1024 * 1024;

/// The most bytes that a start has to read from write-ahead logs, per store.
const WAL_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// What the list of files takes from the disk at a time. It has some KiB; RocksDB would take 4 MiB, which fills a small disk.
const MANIFEST_STEP_BYTES: usize = 64 * 1024;

/// What all stores share, so that their number does not multiply their memory.
#[derive(Clone)]
pub(crate) struct Memory {
    cache: Cache,
    buffers: WriteBufferManager,
}

impl Memory {
    /// A block cache of that many bytes; write buffers are charged to it.
    pub(crate) fn new(cache_bytes: usize, write_buffer_bytes: usize) -> Self {
        let cache = Cache::new_lru_cache(cache_bytes);
        // Without stalls: a commit that waits for a flush would stop the stream, a little more memory does not.
        let buffers =
            WriteBufferManager::new_write_buffer_manager_with_cache(write_buffer_bytes, false, cache.clone());
        Self { cache, buffers }
    }
}

/// The options of a store as a whole.
pub(crate) fn database(memory: &Memory) -> Options {
    let mut options = Options::default();
    options.create_if_missing(true);
    options.create_missing_column_families(true);
    options.set_write_buffer_manager(&memory.buffers);
    options.set_max_total_wal_size(WAL_BYTES_MAX);
    options.set_manifest_preallocation_size(MANIFEST_STEP_BYTES);
    // A lost tail of the log is made good from the changelog, as long as what is left is a prefix over all tables.
    options.set_wal_recovery_mode(DBRecoveryMode::PointInTime);
    options.set_atomic_flush(true);
    options.set_max_background_jobs(2);
    options.set_max_open_files(128);
    options.set_avoid_unnecessary_blocking_io(true);
    options.set_keep_log_file_num(2);
    options.set_max_log_file_size(1024 * 1024);
    options.set_log_level(LogLevel::Warn);
    options.set_stats_dump_period_sec(0);
    options
}

/// The tables as column families.
pub(crate) fn tables(memory: &Memory) -> Vec<ColumnFamilyDescriptor> {
    let table = |table: Table| ColumnFamilyDescriptor::new(table.name(), column_family(memory, table));
    let default =
        ColumnFamilyDescriptor::new(rocksdb::DEFAULT_COLUMN_FAMILY_NAME, column_family(memory, Table::Meta));
    Table::ALL.into_iter().map(table).chain([default]).collect()
}

fn column_family(memory: &Memory, table: Table) -> Options {
    let mut blocks = BlockBasedOptions::default();
    blocks.set_block_cache(&memory.cache);
    // Inside the cache, where they count against its bound.
    blocks.set_cache_index_and_filter_blocks(true);
    blocks.set_pin_l0_filter_and_index_blocks_in_cache(true);
    blocks.set_bloom_filter(10.0, false);
    let mut options = Options::default();
    options.set_write_buffer_size(WRITE_BUFFER_BYTES);
    options.set_compression_type(DBCompressionType::Lz4);
    options.set_bottommost_compression_type(DBCompressionType::Zstd);
    match table {
        Table::State => {
            options.set_prefix_extractor(SliceTransform::create_fixed_prefix(CUSTOMER_HASH_BYTES));
            // Most reads for a new customer find nothing; this tells so without a search of the buffer.
            options.set_memtable_prefix_bloom_ratio(0.05);
        },
        Table::Meta | Table::Rules | Table::Timers => {},
    }
    options.set_block_based_table_factory(&blocks);
    options
}
