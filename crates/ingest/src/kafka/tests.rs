//! The consumer and producer against librdkafka's mock cluster. It is no proof of the promises
//! (it ignores isolation levels and cannot truncate); the integration tests use a real broker.

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use event::Batch;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{BaseProducer, BaseRecord, DefaultProducerContext, Producer as _};

use super::*;
use crate::{Entry, Formats, Limits, Positions, Produce, Progress, Source, Stop, run};

type Stored = Arc<Mutex<HashMap<String, i64>>>;

fn positions(stored: &Stored) -> Positions {
    let stored = Arc::clone(stored);
    Arc::new(move || stored.lock().unwrap().clone())
}

fn config(cluster: &MockCluster<'_, DefaultProducerContext>, topics: &[&str]) -> KafkaConfig {
    KafkaConfig {
        topics: topics.iter().map(|topic| (*topic).to_owned()).collect(),
        ..KafkaConfig::new(cluster.bootstrap_servers())
    }
}

fn entries(range: std::ops::Range<usize>) -> Vec<Entry> {
    range
        .map(|n| Entry {
            topic: topic::REVIEWS,
            key: format!("repo#{}", n % 50).into_bytes(),
            headers: vec![("n".to_owned(), n.to_string().into_bytes())],
            value: format!("{{\"n\":{n}}}").into_bytes(),
        })
        .collect()
}

/// Reads to the end and commits each batch to `stored`, as the store would.
fn read_to_end(config: &KafkaConfig, stored: &Stored) -> (Vec<Batch>, Arc<KafkaStatus>) {
    let mut consumer = KafkaConsumer::open(config, positions(stored)).unwrap();
    let status = consumer.status();
    let (sender, mut receiver) = tokio::sync::mpsc::channel(2);
    let stop = Stop::new();
    stop.at_end();
    let limits = Limits { max_rows: 300, ..Limits::default() };
    let batches = std::thread::scope(|scope| {
        scope.spawn(|| {
            run(&mut consumer, &sender, &limits, &Formats::default(), &stop, &Progress::default()).unwrap();
            drop(sender);
            consumer.advise(true);
        });
        let mut batches = Vec::new();
        while let Some(batch) = receiver.blocking_recv() {
            for span in &batch.spans {
                let mut stored = stored.lock().unwrap();
                let was = span.was.as_ref().and_then(|was| stored.remove(&**was));
                if let Some(next) = stored.insert(span.app_id(), span.next).or(was) {
                    assert_eq!(next, span.base, "{}", span.app_id());
                }
            }
            batches.push(batch);
        }
        batches
    });
    (batches, status)
}

fn records(batches: &[Batch]) -> u64 {
    batches.iter().map(|batch| batch.counts.records).sum()
}

#[test]
fn produced_entries_are_consumed_once_and_resumed_from_the_store() {
    let cluster = MockCluster::new(1).unwrap();
    cluster.create_topic(topic::REVIEWS, 3, 1).unwrap();
    let config = config(&cluster, &[topic::REVIEWS]);
    let mut producer = KafkaProducer::open(&config).unwrap();
    producer.produce(entries(0..2000)).unwrap();

    let stored = Stored::default();
    let (batches, status) = read_to_end(&config, &stored);
    assert_eq!(records(&batches), 2000);
    assert_eq!(status.records.load(Ordering::Relaxed), 2000);
    assert_eq!(stored.lock().unwrap().len(), 3);
    assert_eq!(stored.lock().unwrap().values().sum::<i64>(), 2000);
    let partitions = status.partitions();
    assert_eq!(partitions.len(), 3);
    for batch in &batches {
        for span in &batch.spans {
            assert!(span.log.starts_with("kafka:"), "{}", span.log);
        }
    }

    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let placed = runtime.block_on(producer.append(entries(0..5))).unwrap();
    assert_eq!(placed.len(), 5);
    assert!(placed.iter().all(|position| position.offset > 0));
    let (batches, _) = read_to_end(&config, &stored);
    assert_eq!(records(&batches), 5);
}

#[test]
fn a_position_that_the_log_does_not_hold_halts_only_its_partition() {
    let cluster = MockCluster::new(1).unwrap();
    cluster.create_topic(topic::REVIEWS, 2, 1).unwrap();
    let config = config(&cluster, &[topic::REVIEWS]);
    let mut producer = KafkaProducer::open(&config).unwrap();
    producer.produce(entries(0..1000)).unwrap();
    let stored = Stored::default();
    read_to_end(&config, &stored);

    let app_id = |partition: i32| {
        let stored = stored.lock().unwrap();
        stored.keys().find(|app_id| app_id.ends_with(&format!(":{partition}"))).cloned().unwrap()
    };
    let (first, second) = (app_id(0), app_id(1));
    stored.lock().unwrap().insert(first.clone(), 1_000_000);
    stored.lock().unwrap().insert(second.clone(), 0);
    let (batches, status) = read_to_end(&config, &stored);
    assert!(records(&batches) > 0);
    assert_eq!(stored.lock().unwrap()[&first], 1_000_000);
    assert_eq!(status.halts.load(Ordering::Relaxed), 1);
    let halted = &status.partitions()[&(topic::REVIEWS.into(), 0)];
    let reason = halted.halted.clone().unwrap();
    assert!(reason.contains("records are missing"), "{reason}");
    assert!(status.partitions()[&(topic::REVIEWS.into(), 1)].halted.is_none());
}

#[test]
fn a_topic_id_is_adopted_once_and_another_halts() {
    let cluster = MockCluster::new(1).unwrap();
    cluster.create_topic(topic::REVIEWS, 2, 1).unwrap();
    let config = config(&cluster, &[topic::REVIEWS]);
    KafkaProducer::open(&config).unwrap().produce(entries(0..1000)).unwrap();
    let stored = Stored::default();
    read_to_end(&config, &stored);
    let named = stored.lock().unwrap().clone();
    let renamed = |edit: &dyn Fn(&str) -> String| {
        *stored.lock().unwrap() = named.iter().map(|(name, next)| (edit(name), *next)).collect();
    };
    // As versions left it that knew no topic ids: nothing is read again, and the id is recorded without a record.
    let (cluster_and_id, _) = named.keys().next().unwrap().rsplit_once(":plimsoll.reviews").unwrap();
    let (cluster_only, id) = cluster_and_id.rsplit_once('/').unwrap();
    assert_eq!(id.len(), 22, "{id}");
    renamed(&|name| name.replace(cluster_and_id, cluster_only));
    assert_eq!(records(&read_to_end(&config, &stored).0), 0);
    assert_eq!(*stored.lock().unwrap(), named);

    // A topic that was made again has another id, whatever its offsets.
    renamed(&|name| name.replace(id, "bm90IHRoaXMgdG9waWMgISE"));
    let (batches, status) = read_to_end(&config, &stored);
    assert_eq!((records(&batches), status.halts.load(Ordering::Relaxed)), (0, 2));
    let place: (Arc<str>, i32) = (topic::REVIEWS.into(), 0);
    let halted = status.partitions()[&place].halted.clone().unwrap();
    assert!(halted.contains("accept-gap plimsoll.reviews/0"), "{halted}");
    for partition in [0, 1] {
        let place = (topic::REVIEWS, partition);
        let positions = stored.lock().unwrap().clone();
        let gap = kafka_gap(&config, &positions, place, Duration::from_secs(10)).unwrap();
        assert_eq!(gap.span.next, 0);
        let mut stored = stored.lock().unwrap();
        assert!(stored.remove(&**gap.span.was.as_ref().unwrap()).is_some());
        stored.insert(gap.span.app_id(), gap.span.next);
    }
    assert_eq!(records(&read_to_end(&config, &stored).0), 1000);
}

#[test]
fn two_readers_of_one_group_each_read_everything() {
    let cluster = MockCluster::new(1).unwrap();
    cluster.create_topic(topic::REVIEWS, 4, 1).unwrap();
    let config = config(&cluster, &[topic::REVIEWS]);
    KafkaProducer::open(&config).unwrap().produce(entries(0..1000)).unwrap();
    std::thread::scope(|scope| {
        let read = || records(&read_to_end(&config, &Stored::default()).0);
        let readers = [scope.spawn(read), scope.spawn(read)];
        for reader in readers {
            assert_eq!(reader.join().unwrap(), 1000);
        }
    });
}

#[test]
fn a_header_name_that_is_not_utf8_stops_nothing() {
    let cluster = MockCluster::new(1).unwrap();
    cluster.create_topic(topic::REVIEWS, 1, 1).unwrap();
    let config = config(&cluster, &[topic::REVIEWS]);
    let raw: BaseProducer =
        ClientConfig::new().set("bootstrap.servers", cluster.bootstrap_servers()).create().unwrap();
    produce_with_bad_header_name(&raw);
    raw.send(BaseRecord::<(), [u8]>::to(topic::REVIEWS)).map_err(|(error, _)| error).unwrap();
    raw.flush(Duration::from_secs(10)).unwrap();
    let (batches, _) = read_to_end(&config, &Stored::default());
    assert_eq!(records(&batches), 2);
}

/// rdkafka's own headers are strings, so this goes through librdkafka, as another producer would.
fn produce_with_bad_header_name(producer: &BaseProducer) {
    use rdkafka::bindings::rd_kafka_vtype_t::*;
    let (name, value) = (c"bad\xff", b"{}");
    // SAFETY: the variable arguments are in the order and of the types that librdkafka documents
    // for each tag; everything is copied before it returns.
    let outcome = unsafe {
        rdkafka::bindings::rd_kafka_producev(
            producer.client().native_ptr(),
            RD_KAFKA_VTYPE_TOPIC,
            c"plimsoll.reviews".as_ptr(),
            RD_KAFKA_VTYPE_MSGFLAGS,
            rdkafka::bindings::RD_KAFKA_MSG_F_COPY,
            RD_KAFKA_VTYPE_VALUE,
            value.as_ptr(),
            value.len(),
            RD_KAFKA_VTYPE_HEADER,
            name.as_ptr(),
            value.as_ptr(),
            value.len() as isize,
            RD_KAFKA_VTYPE_END,
        )
    };
    assert_eq!(outcome, rdkafka::types::RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR);
}

#[test]
fn a_slow_store_stops_the_reading_and_loses_nothing() {
    let cluster = MockCluster::new(1).unwrap();
    cluster.create_topic(topic::REVIEWS, 1, 1).unwrap();
    let config = config(&cluster, &[topic::REVIEWS]);
    KafkaProducer::open(&config).unwrap().produce(entries(0..500)).unwrap();
    let mut consumer = KafkaConsumer::open(&config, positions(&Stored::default())).unwrap();
    let mut seen = Vec::new();
    let deadline = std::time::Instant::now() + Duration::from_secs(60);
    while seen.len() < 500 {
        assert!(std::time::Instant::now() < deadline);
        let mut taken = 0;
        consumer
            .poll(Duration::from_millis(50), &mut |record| {
                seen.push(record.offset);
                taken += 1;
                taken < 100
            })
            .unwrap();
        for _ in 0..taken.min(3) {
            consumer.stalled(Duration::from_millis(20)).unwrap();
        }
    }
    assert_eq!(seen, (0..500).collect::<Vec<i64>>());
}

#[test]
fn an_absent_topic_or_broker_gives_one_clear_error() {
    let cluster = MockCluster::new(1).unwrap();
    cluster.create_topic(topic::COMMITS, 1, 1).unwrap();
    let mut config = config(&cluster, &[topic::REVIEWS]);
    config.settings = BTreeMap::from([
        ("topic.metadata.propagation.max.ms".to_owned(), "500".to_owned()),
        ("message.timeout.ms".to_owned(), "3000".to_owned()),
    ]);
    cluster
        .topic_error(topic::REVIEWS, rdkafka::types::RDKafkaRespErr::RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART)
        .unwrap();
    let error = KafkaProducer::open(&config).unwrap().produce(entries(0..1)).unwrap_err();
    assert!(matches!(error, Error::NoTopic { .. }), "{error}");
    assert!(error.to_string().contains("--create --topic plimsoll.reviews"));

    // Port 1 is never a broker.
    let error = KafkaProducer::open(&KafkaConfig::new("127.0.0.1:1")).unwrap().connect().unwrap_err();
    let text = error.to_string();
    assert!(text.starts_with("kafka at 127.0.0.1:1: cannot connect"), "{text}");
}

#[test]
fn settings_that_keep_promises_cannot_be_changed() {
    let refused = |name: &str, value: &str| {
        let mut config = KafkaConfig::new("127.0.0.1:1");
        config.settings.insert(name.to_owned(), value.to_owned());
        let error = KafkaConsumer::open(&config, positions(&Stored::default())).err();
        error.map(|error| error.to_string()).unwrap_or_default()
    };
    for name in ["auto.offset.reset", "acks", "request.required.acks", "group.id"] {
        let error = refused(name, "1");
        assert!(error.contains("is set by plimsoll itself"), "{error}");
    }
    let error = refused("fetch.wait.max.ms", "soon");
    assert!(error.contains("fetch.wait.max.ms = soon"), "{error}");
    assert_eq!(refused("fetch.wait.max.ms", "10"), "");
}
