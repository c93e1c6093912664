//! Questions that rdkafka has no words for, put to librdkafka itself: which topics there are, under which ids, and
//! which offsets their partitions hold.
//!
//! Invariants: each question has a time limit and can be given up at any moment; nothing is written.
//! Deliberately lacking: threads, and any judgement of the answers.

use std::collections::BTreeMap;
use std::ffi::{CStr, CString, c_char};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rdkafka::bindings::*;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use rdkafka::types::{RDKafka, RDKafkaErrorCode, RDKafkaRespErr};

/// How often a question that waits looks whether it was given up.
const LOOK: Duration = Duration::from_millis(50);
const ERROR_BYTES: usize = 256;

/// How long an answer is waited for.
#[derive(Clone, Copy)]
pub struct Patience<'a> {
    pub timeout: Duration,
    pub given_up: &'a AtomicBool,
}

/// A topic as the cluster describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Described {
    /// As `kafka-topics.sh --describe` prints it; `None` from brokers before 2.8.
    pub id: Option<String>,
    /// Each partition, and whether it has a leader.
    pub partitions: BTreeMap<i32, bool>,
}

pub type ByPartition<T> = BTreeMap<(String, i32), T>;

/// A broker that answers just now, by its id: any can describe topics, and the controller may be unknown.
pub fn answering_broker(client: *mut RDKafka, timeout: Duration) -> Result<i32, String> {
    let timeout_ms = i32::try_from(timeout.as_millis()).unwrap_or(i32::MAX);
    let mut metadata: *const rd_kafka_metadata_t = std::ptr::null();
    // SAFETY: the client is alive; no topic is asked for. What is given belongs to us, is read here and destroyed once.
    unsafe {
        let code = rd_kafka_metadata(client, 0, std::ptr::null_mut(), &mut metadata, timeout_ms);
        if code != RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR {
            return Err(RDKafkaErrorCode::from(code).to_string());
        }
        let broker = (*metadata).orig_broker_id;
        rd_kafka_metadata_destroy(metadata);
        if broker >= 0 { Ok(broker) } else { Err("a broker that says no id answers".to_owned()) }
    }
}

/// Describes topics by name; each may be refused by itself.
pub fn describe(
    client: *mut RDKafka,
    broker: i32,
    topics: &[String],
    patience: Patience<'_>,
) -> Result<BTreeMap<String, Result<Described, RDKafkaErrorCode>>, String> {
    let names: Vec<CString> = topics.iter().filter_map(|name| CString::new(name.as_str()).ok()).collect();
    let mut pointers: Vec<*const c_char> = names.iter().map(|name| name.as_ptr()).collect();
    let send = |options: *const rd_kafka_AdminOptions_t, queue: *mut rd_kafka_queue_t| {
        // SAFETY: the names outlive the call, which copies them; the other pointers are those of `ask`.
        unsafe {
            let collection = rd_kafka_TopicCollection_of_topic_names(pointers.as_mut_ptr(), pointers.len());
            rd_kafka_DescribeTopics(client, collection, options, queue);
            rd_kafka_TopicCollection_destroy(collection);
        }
    };
    let read = |event: *mut rd_kafka_event_t| {
        // SAFETY: the event is the answer to this question and lives until `read` returns; so do the descriptions.
        unsafe {
            let result = rd_kafka_event_DescribeTopics_result(event);
            let mut count = 0;
            let found = rd_kafka_DescribeTopics_result_topics(result, &mut count);
            (0..count).map(|index| described(*found.add(index))).collect()
        }
    };
    ask(client, Some(broker), patience, send, read)
}

/// SAFETY: `topic` is a description of an answer that is alive.
unsafe fn described(
    topic: *const rd_kafka_TopicDescription_t,
) -> (String, Result<Described, RDKafkaErrorCode>) {
    // SAFETY: as above; names and arrays belong to the description.
    unsafe {
        let name = CStr::from_ptr(rd_kafka_TopicDescription_name(topic)).to_string_lossy().into_owned();
        let error = rd_kafka_TopicDescription_error(topic);
        if !error.is_null() && rd_kafka_error_code(error) != RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR {
            return (name, Err(rd_kafka_error_code(error).into()));
        }
        let mut count = 0;
        let found = rd_kafka_TopicDescription_partitions(topic, &mut count);
        let partition = |index: usize| {
            let about = *found.add(index);
            let leader = rd_kafka_TopicPartitionInfo_leader(about);
            let led = !leader.is_null() && rd_kafka_Node_id(leader) >= 0;
            (rd_kafka_TopicPartitionInfo_partition(about), led)
        };
        let id = topic_id(rd_kafka_TopicDescription_topic_id(topic));
        (name, Ok(Described { id, partitions: (0..count).map(partition).collect() }))
    }
}

/// SAFETY: `id` is null or belongs to a description that is alive.
unsafe fn topic_id(id: *const rd_kafka_Uuid_t) -> Option<String> {
    if id.is_null() {
        return None;
    }
    // SAFETY: as above.
    let halves =
        unsafe { [rd_kafka_Uuid_most_significant_bits(id), rd_kafka_Uuid_least_significant_bits(id)] };
    let bytes: Vec<u8> = halves.iter().flat_map(|half| half.to_be_bytes()).collect();
    (halves != [0, 0]).then(|| URL_SAFE_NO_PAD.encode(bytes))
}

/// The first offset of each partition that there is, or the end of what is committed. A partition that does not answer
/// is left out.
pub fn offsets(
    client: *mut RDKafka,
    partitions: &[(String, i32)],
    first: bool,
    patience: Patience<'_>,
) -> Result<ByPartition<i64>, String> {
    let mut list = TopicPartitionList::with_capacity(partitions.len());
    let wanted = if first { Offset::Beginning } else { Offset::End };
    for (topic, partition) in partitions {
        let added = list.add_partition_offset(topic, *partition, wanted);
        added.map_err(|error| error.to_string())?;
    }
    let send = |options: *const rd_kafka_AdminOptions_t, queue: *mut rd_kafka_queue_t| {
        // SAFETY: the list outlives the call, which copies it; the other pointers are those of `ask`. The logical
        // offsets of its elements are the numbers that ListOffsets takes.
        unsafe { rd_kafka_ListOffsets(client, list.ptr(), options, queue) }
    };
    let read = |event: *mut rd_kafka_event_t| {
        // SAFETY: the event is the answer to this question and lives until `read` returns; so do its parts.
        unsafe {
            let result = rd_kafka_event_ListOffsets_result(event);
            let mut count = 0;
            let found = rd_kafka_ListOffsets_result_infos(result, &mut count);
            let offset = |index: usize| {
                let about = &*rd_kafka_ListOffsetsResultInfo_topic_partition(*found.add(index));
                let topic = CStr::from_ptr(about.topic).to_string_lossy().into_owned();
                let known = about.err == RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR && about.offset >= 0;
                known.then_some(((topic, about.partition), about.offset))
            };
            (0..count).filter_map(offset).collect()
        }
    };
    ask(client, None, patience, send, read)
}

/// One question: `send` sends it, `read` reads its answer. It goes to `broker`, or where it belongs.
fn ask<T>(
    client: *mut RDKafka,
    broker: Option<i32>,
    patience: Patience<'_>,
    send: impl FnOnce(*const rd_kafka_AdminOptions_t, *mut rd_kafka_queue_t),
    read: impl FnOnce(*mut rd_kafka_event_t) -> T,
) -> Result<T, String> {
    let deadline = Instant::now() + patience.timeout;
    // SAFETY: the client is alive. Options and queue are made here and destroyed here, once; an answer that comes
    // after that is destroyed by librdkafka, which counts who uses a queue.
    unsafe {
        let options = rd_kafka_AdminOptions_new(client, rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_ANY);
        let queue = rd_kafka_queue_new(client);
        let mut text = [0; ERROR_BYTES];
        let timeout_ms = i32::try_from(patience.timeout.as_millis()).unwrap_or(i32::MAX);
        rd_kafka_AdminOptions_set_request_timeout(options, timeout_ms, text.as_mut_ptr(), ERROR_BYTES);
        match broker {
            Some(id) => {
                rd_kafka_AdminOptions_set_broker(options, id, text.as_mut_ptr(), ERROR_BYTES);
            }
            None => {
                let level = rd_kafka_IsolationLevel_t::RD_KAFKA_ISOLATION_LEVEL_READ_COMMITTED;
                let error = rd_kafka_AdminOptions_set_isolation_level(options, level);
                if !error.is_null() {
                    rd_kafka_error_destroy(error);
                }
            }
        }
        send(options, queue);
        let mut event: *mut rd_kafka_event_t = std::ptr::null_mut();
        while event.is_null() && Instant::now() < deadline && !patience.given_up.load(Ordering::Relaxed) {
            event = rd_kafka_queue_poll(queue, LOOK.as_millis() as i32);
        }
        let answer = if event.is_null() {
            Err("no broker answers in time".to_owned())
        } else if rd_kafka_event_error(event) != RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR {
            Err(CStr::from_ptr(rd_kafka_event_error_string(event)).to_string_lossy().into_owned())
        } else {
            Ok(read(event))
        };
        if !event.is_null() {
            rd_kafka_event_destroy(event);
        }
        rd_kafka_queue_destroy(queue);
        rd_kafka_AdminOptions_destroy(options);
        answer
    }
}
