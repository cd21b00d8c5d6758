//! What rdkafka does not offer safely: batch consumption from a private queue, and the transaction calls with their
//! error flags. All `unsafe` of the connector is here; no pointer leaves this module.
#![allow(unsafe_code, reason = "rdkafka has no batch consumption and sleeps in its commit_transaction")]

use std::ffi::{CStr, CString, c_char, c_void};
use std::ptr::{self, NonNull};
use std::time::Duration;

use bytes::Bytes;
use ports::Header;
use rdkafka::TopicPartitionList;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::producer::{Producer, ProducerContext, ThreadedProducer};
use rdkafka::types::{RDKafkaErrorCode, RDKafkaRespErr};
use rdkafka_sys as sys;

/// A consumer whose partitions deliver into one private queue, apart from its events.
pub(super) struct QueuedConsumer<C: ConsumerContext> {
    // The queue is a part of the client: fields are dropped in order, so it goes first.
    queue: Queue,
    consumer: BaseConsumer<C>,
}

struct Queue(NonNull<sys::rd_kafka_queue_t>);

// SAFETY: librdkafka's queues may be used from any thread.
unsafe impl Send for Queue {}
// SAFETY: as above; they lock themselves.
unsafe impl Sync for Queue {}

impl Drop for Queue {
    fn drop(&mut self) {
        // SAFETY: the pointer came from librdkafka, is owned by this value alone and is not used again.
        unsafe { sys::rd_kafka_queue_destroy(self.0.as_ptr()) }
    }
}

/// A record as it was fetched, or an event of its partition.
pub(super) struct Fetched {
    pub(super) partition: i32,
    pub(super) offset: i64,
    pub(super) timestamp: i64,
    pub(super) key: Option<Bytes>,
    pub(super) value: Option<Bytes>,
    pub(super) headers: Vec<Header>,
    pub(super) problem: Option<(RDKafkaErrorCode, String)>,
}

impl<C: ConsumerContext> QueuedConsumer<C> {
    pub(super) fn new(consumer: BaseConsumer<C>) -> Self {
        // SAFETY: the client is alive. librdkafka ends the process rather than answer null here.
        let queue = unsafe { sys::rd_kafka_queue_new(consumer.client().native_ptr()) };
        let queue = Queue(NonNull::new(queue).expect("librdkafka allocates or aborts"));
        Self { queue, consumer }
    }

    pub(super) fn consumer(&self) -> &BaseConsumer<C> {
        &self.consumer
    }

    /// Makes a partition deliver into the private queue. To be called before it is assigned; stopping a partition
    /// undoes it.
    pub(super) fn forward(&self, topic: &CStr, partition: i32) {
        let client = self.consumer.client().native_ptr();
        // SAFETY: the client is alive and the name ends with a null byte.
        let source = unsafe { sys::rd_kafka_queue_get_partition(client, topic.as_ptr(), partition) };
        let source = Queue(NonNull::new(source).expect("a consumer has a queue for every partition"));
        // SAFETY: both queues are alive; the forward holds a reference of its own.
        unsafe { sys::rd_kafka_queue_forward(source.0.as_ptr(), self.queue.0.as_ptr()) }
    }

    /// Takes up to `records_max` records, waiting up to `timeout` for the first.
    pub(super) fn take(&self, records_max: usize, timeout: Duration, headers: bool) -> Vec<Fetched> {
        if records_max == 0 {
            std::thread::sleep(timeout);
            return Vec::new();
        }
        // The call waits until its array is full, so the first record is waited for alone.
        let mut messages = Vec::new();
        self.take_messages(1, timeout, &mut messages);
        if !messages.is_empty() {
            self.take_messages(records_max - 1, Duration::ZERO, &mut messages);
        }
        copy(&messages, headers)
    }

    fn take_messages(&self, count_max: usize, timeout: Duration, messages: &mut Vec<Message>) {
        let mut pointers: Vec<*mut sys::rd_kafka_message_t> = vec![ptr::null_mut(); count_max];
        // SAFETY: the queue is alive and the array has room for as many pointers as are asked for.
        let taken = unsafe {
            sys::rd_kafka_consume_batch_queue(
                self.queue.0.as_ptr(),
                millis(timeout),
                pointers.as_mut_ptr(),
                count_max,
            )
        };
        let taken = usize::try_from(taken).unwrap_or(0);
        messages.extend(pointers.into_iter().take(taken).filter_map(NonNull::new).map(Message));
    }

    /// The group's view of this member, in one consistent copy.
    pub(super) fn group_metadata(&self) -> Option<GroupMetadata> {
        // SAFETY: the client is alive; the answer is a copy that we own.
        let metadata = unsafe { sys::rd_kafka_consumer_group_metadata(self.consumer.client().native_ptr()) };
        NonNull::new(metadata).map(GroupMetadata)
    }
}

/// A message that pins the buffer it was fetched in until it is dropped.
struct Message(NonNull<sys::rd_kafka_message_t>);

impl Message {
    fn parts(&self) -> &sys::rd_kafka_message_t {
        // SAFETY: librdkafka filled the message, and it lives until this value is dropped.
        unsafe { self.0.as_ref() }
    }

    fn key(&self) -> Option<&[u8]> {
        let message = self.parts();
        // SAFETY: librdkafka's pointer and length describe the key, which lives as long as the message.
        unsafe { slice(message.key, message.key_len) }
    }

    /// The value, or the text of an event.
    fn payload(&self) -> Option<&[u8]> {
        let message = self.parts();
        // SAFETY: as for the key.
        unsafe { slice(message.payload, message.len) }
    }

    fn timestamp(&self) -> i64 {
        let mut kind = sys::rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
        // SAFETY: the message is alive and `kind` is a place to write to.
        unsafe { sys::rd_kafka_message_timestamp(self.0.as_ptr(), &raw mut kind) }
    }

    fn headers(&self) -> Vec<Header> {
        let mut list = ptr::null_mut();
        // SAFETY: the message is alive; the list stays its property.
        let found = unsafe { sys::rd_kafka_message_headers(self.0.as_ptr(), &raw mut list) };
        if found != RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR {
            return Vec::new();
        }
        (0..).map_while(|index| header(list, index)).collect()
    }
}

impl Drop for Message {
    fn drop(&mut self) {
        // SAFETY: the message is owned by this value alone and is not used again.
        unsafe { sys::rd_kafka_message_destroy(self.0.as_ptr()) }
    }
}

fn header(list: *const sys::rd_kafka_headers_t, index: usize) -> Option<Header> {
    let (mut name, mut value, mut size): (*const c_char, *const c_void, usize) =
        (ptr::null(), ptr::null(), 0);
    // SAFETY: the list belongs to a live message; the three places are written only if the index exists.
    let found =
        unsafe { sys::rd_kafka_header_get_all(list, index, &raw mut name, &raw mut value, &raw mut size) };
    if found != RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR {
        return None;
    }
    // SAFETY: names end with a null byte; the value's pointer and length belong together.
    let (name, value) = unsafe { (CStr::from_ptr(name), slice(value, size)) };
    let value = Bytes::copy_from_slice(value.unwrap_or_default());
    Some(Header::new(name.to_string_lossy().into_owned(), value))
}

/// # Safety
/// A pointer that is not null must be valid for that many bytes for the lifetime of the answer.
unsafe fn slice<'a>(pointer: *const c_void, size: usize) -> Option<&'a [u8]> {
    // SAFETY: promised by the caller; librdkafka marks an absent field with a null pointer.
    (!pointer.is_null()).then(|| unsafe { std::slice::from_raw_parts(pointer.cast(), size) })
}

/// Copies keys and values of a batch into one allocation, so that the fetch buffers can go.
fn copy(messages: &[Message], headers: bool) -> Vec<Fetched> {
    let size =
        |message: &Message| message.key().map_or(0, <[u8]>::len) + message.payload().map_or(0, <[u8]>::len);
    let mut buffer = Vec::with_capacity(messages.iter().map(size).sum());
    for message in messages {
        buffer.extend_from_slice(message.key().unwrap_or_default());
        buffer.extend_from_slice(message.payload().unwrap_or_default());
    }
    let mut rest = Bytes::from(buffer);
    let mut next = |field: Option<&[u8]>| field.map(|field| rest.split_to(field.len()));
    let fetched = |message: &Message| {
        let parts = message.parts();
        let (key, value) = (next(message.key()), next(message.payload()));
        let problem = (parts.err != RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR).then(|| {
            let text = value.as_deref().map(String::from_utf8_lossy);
            (parts.err.into(), text.unwrap_or_default().into_owned())
        });
        Fetched {
            partition: parts.partition,
            offset: parts.offset,
            timestamp: message.timestamp(),
            key,
            value,
            headers: if headers && problem.is_none() { message.headers() } else { Vec::new() },
            problem,
        }
    };
    messages.iter().map(fetched).collect()
}

/// Generation and member id of a member, as they stood together at one moment.
pub(super) struct GroupMetadata(NonNull<sys::rd_kafka_consumer_group_metadata_t>);

// SAFETY: it is a copy that belongs to no client and no thread.
unsafe impl Send for GroupMetadata {}

impl GroupMetadata {
    /// The id that the group gave the member; empty while it is none.
    pub(super) fn member(&self) -> String {
        // SAFETY: the copy is alive and owns the text, which ends with a null byte if there is one.
        unsafe {
            let member = sys::rd_kafka_consumer_group_metadata_member_id(self.0.as_ptr());
            if member.is_null() {
                return String::new();
            }
            CStr::from_ptr(member).to_string_lossy().into_owned()
        }
    }

    /// The group's generation; negative while the member has none.
    pub(super) fn generation(&self) -> i32 {
        // SAFETY: the copy is alive.
        unsafe { sys::rd_kafka_consumer_group_metadata_generation_id(self.0.as_ptr()) }
    }
}

impl Drop for GroupMetadata {
    fn drop(&mut self) {
        // SAFETY: the copy is owned by this value alone and is not used again.
        unsafe { sys::rd_kafka_consumer_group_metadata_destroy(self.0.as_ptr()) }
    }
}

/// One entry of a list of partitions.
pub(super) struct Entry {
    pub(super) partition: i32,
    pub(super) offset: i64,
    pub(super) metadata: String,
    pub(super) problem: Option<RDKafkaErrorCode>,
}

/// The entries of a list. rdkafka's own reading panics on metadata that is not UTF-8.
pub(super) fn entries(list: &TopicPartitionList) -> Vec<Entry> {
    // SAFETY: the list is alive and not changed meanwhile; its array has `cnt` elements.
    let elements = unsafe {
        let list = &*list.ptr();
        let count = usize::try_from(list.cnt).unwrap_or(0);
        if count == 0 { &[] } else { std::slice::from_raw_parts(list.elems, count) }
    };
    let entry = |element: &sys::rd_kafka_topic_partition_t| {
        // SAFETY: pointer and size of the metadata belong together and live as long as the list.
        let metadata = unsafe { slice(element.metadata, element.metadata_size) };
        let failed = element.err != RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR;
        Entry {
            partition: element.partition,
            offset: element.offset,
            metadata: String::from_utf8_lossy(metadata.unwrap_or_default()).into_owned(),
            problem: failed.then(|| element.err.into()),
        }
    };
    elements.iter().map(entry).collect()
}

/// The error of a transaction call, with what librdkafka says about how to go on.
#[derive(Debug, Clone)]
pub(super) struct TransactionError {
    pub(super) code: RDKafkaErrorCode,
    pub(super) text: String,
    pub(super) retriable: bool,
    pub(super) abortable: bool,
    pub(super) fatal: bool,
}

pub(super) type TransactionResult = Result<(), TransactionError>;

/// Takes over the error object of a transaction call; null is success.
fn checked(error: *mut sys::rd_kafka_error_t) -> TransactionResult {
    if error.is_null() {
        return Ok(());
    }
    // SAFETY: the call gave us the error object; it is read, then destroyed once.
    unsafe {
        let text = CStr::from_ptr(sys::rd_kafka_error_string(error)).to_string_lossy();
        let answer = TransactionError {
            code: sys::rd_kafka_error_code(error).into(),
            text: text.into_owned(),
            retriable: sys::rd_kafka_error_is_retriable(error) != 0,
            abortable: sys::rd_kafka_error_txn_requires_abort(error) != 0,
            fatal: sys::rd_kafka_error_is_fatal(error) != 0,
        };
        sys::rd_kafka_error_destroy(error);
        Err(answer)
    }
}

/// Fences former writers of this transactional id, ends their transaction, and makes the producer ready.
pub(super) fn init<C: ProducerContext>(
    producer: &ThreadedProducer<C>,
    timeout: Duration,
) -> TransactionResult {
    // SAFETY: the client is alive.
    checked(unsafe { sys::rd_kafka_init_transactions(producer.client().native_ptr(), millis(timeout)) })
}

/// Begins a transaction.
pub(super) fn begin<C: ProducerContext>(producer: &ThreadedProducer<C>) -> TransactionResult {
    // SAFETY: the client is alive.
    checked(unsafe { sys::rd_kafka_begin_transaction(producer.client().native_ptr()) })
}

/// Puts positions into the transaction.
pub(super) fn send_offsets<C: ProducerContext>(
    producer: &ThreadedProducer<C>,
    positions: &TopicPartitionList,
    group: &GroupMetadata,
    timeout: Duration,
) -> TransactionResult {
    // SAFETY: client, list and metadata are alive; the call copies what it keeps.
    checked(unsafe {
        sys::rd_kafka_send_offsets_to_transaction(
            producer.client().native_ptr(),
            positions.ptr(),
            group.0.as_ptr(),
            millis(timeout),
        )
    })
}

/// Commits. The delivery reports must have come before: librdkafka waits for them, and rdkafka's own call, which we
/// avoid for that reason, in steps of 100 ms.
pub(super) fn commit<C: ProducerContext>(
    producer: &ThreadedProducer<C>,
    timeout: Duration,
) -> TransactionResult {
    // SAFETY: the client is alive.
    checked(unsafe { sys::rd_kafka_commit_transaction(producer.client().native_ptr(), millis(timeout)) })
}

/// Aborts.
pub(super) fn abort<C: ProducerContext>(
    producer: &ThreadedProducer<C>,
    timeout: Duration,
) -> TransactionResult {
    // SAFETY: the client is alive.
    checked(unsafe { sys::rd_kafka_abort_transaction(producer.client().native_ptr(), millis(timeout)) })
}

/// A topic's name as librdkafka takes it.
pub(super) fn topic_name(topic: &str) -> ports::Result<CString> {
    CString::new(topic).map_err(|_| {
        ports::Error::new(ports::ErrorKind::Misconfigured, "the name of a topic holds a null character")
    })
}

/// librdkafka counts in milliseconds of 32 bits, and a negative number waits for ever.
fn millis(timeout: Duration) -> i32 {
    i32::try_from(timeout.as_millis()).unwrap_or(i32::MAX)
}
