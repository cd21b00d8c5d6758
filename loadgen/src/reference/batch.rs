//! Batches of records through `rd_kafka_consume_batch_queue`, which rust-rdkafka does not wrap.
//! The only unsafe code of this crate. Records are lent to a closure and given back when it returns.
#![allow(
    unsafe_code,
    reason = "the batch call exists in the C interface only, and is the reference for what consuming costs"
)]

use std::ffi::c_int;
use std::ptr;
use std::slice;
use std::time::Duration;

use anyhow::{Result, bail};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::RDKafkaErrorCode;
use rdkafka_sys as ffi;

/// How many records one call brings at most.
const BATCH_MAX: usize = 4_096;

/// What the queue holds.
pub(crate) enum Item<'i> {
    /// The value of a record, and how many bytes its key has.
    Record { value: &'i [u8], key_bytes: usize },
    /// A partition has no more records now.
    End,
    /// The client's trouble.
    Error(RDKafkaErrorCode),
}

/// Reads a consumer's queue in batches.
pub(crate) struct Batches {
    // Given back in `drop`, which runs before the fields are dropped: the queue refers to the client.
    queue: ptr::NonNull<ffi::rd_kafka_queue_t>,
    records: Vec<*mut ffi::rd_kafka_message_t>,
    _consumer: BaseConsumer,
}

impl Batches {
    /// Takes over a consumer that has a group id and its assignment.
    pub(crate) fn new(consumer: BaseConsumer) -> Result<Self> {
        // SAFETY: the pointer is that of a live client, which `Self` keeps alive.
        let queue = unsafe { ffi::rd_kafka_queue_get_consumer(consumer.client().native_ptr()) };
        let Some(queue) = ptr::NonNull::new(queue) else {
            bail!("librdkafka has no consumer queue without a group id")
        };
        Ok(Self { queue, records: vec![ptr::null_mut(); BATCH_MAX], _consumer: consumer })
    }

    /// Waits this long for records and lends each to `take`.
    pub(crate) fn next(&mut self, patience: Duration, mut take: impl FnMut(Item<'_>)) -> Result<()> {
        let millis = c_int::try_from(patience.as_millis())?;
        // SAFETY: the queue is live, and the array has room for as many pointers as it says.
        let count = unsafe {
            ffi::rd_kafka_consume_batch_queue(
                self.queue.as_ptr(),
                millis,
                self.records.as_mut_ptr(),
                self.records.len(),
            )
        };
        let Ok(count) = usize::try_from(count) else { bail!("librdkafka refused to read its queue") };
        for &record in &self.records[..count] {
            let owned = Owned(record);
            take(owned.item());
        }
        Ok(())
    }
}

impl Drop for Batches {
    fn drop(&mut self) {
        // SAFETY: the reference that `new` was given is given back once, before the client is dropped.
        unsafe { ffi::rd_kafka_queue_destroy(self.queue.as_ptr()) };
    }
}

/// One record that is ours until it is dropped.
struct Owned(*mut ffi::rd_kafka_message_t);

impl Owned {
    fn item(&self) -> Item<'_> {
        // SAFETY: the batch call filled this slot with a valid message that lives until `drop`.
        let record = unsafe { &*self.0 };
        match record.err {
            ffi::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR if record.payload.is_null() => {
                Item::Record { value: &[], key_bytes: record.key_len }
            },
            ffi::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR => {
                // SAFETY: a payload that is not null has `len` initialised bytes, which live as long as the message.
                let value = unsafe { slice::from_raw_parts(record.payload.cast::<u8>(), record.len) };
                Item::Record { value, key_bytes: record.key_len }
            },
            ffi::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR__PARTITION_EOF => Item::End,
            error => Item::Error(error.into()),
        }
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        // SAFETY: the message is ours and is destroyed once.
        unsafe { ffi::rd_kafka_message_destroy(self.0) };
    }
}
