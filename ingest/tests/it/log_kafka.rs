//! The log on a real Kafka broker: the suite of all logs, crashes, groups, transactions, unfit topics.

use crate::log_broker::{Broker, broker, connect, start_with};
use async_trait::async_trait;
use ingest::log::conformance::{self, Form};
use ingest::log::kafka::{KafkaLog, KafkaOptions, TopicSpec};
use ingest::log::{Log, LogError, NewRecord, Position, ReadLimits};
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

const READ: ReadLimits = ReadLimits { records_max: 100_000, bytes_max: 64 << 20, wait: Duration::ZERO };

fn record(key: &str, value: &str) -> NewRecord {
    NewRecord { partition_key: key.to_owned(), value: value.to_owned().into() }
}

struct Kafka<'a> {
    broker: &'a Broker,
    urls: Mutex<HashMap<String, String>>,
}

#[async_trait]
impl Form for Kafka<'_> {
    async fn fresh(&self, partitions: u32) -> Arc<dyn Log> {
        let url = self.broker.topic(partitions).await;
        let log = connect(&url).await;
        self.urls.lock().unwrap().insert(log.id().to_owned(), url);
        Arc::new(log)
    }

    async fn again(&self, log: &Arc<dyn Log>) -> Arc<dyn Log> {
        let url = self.urls.lock().unwrap()[log.id()].clone();
        Arc::new(connect(&url).await)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn log_kafka_conforms() {
    let guard = broker().read().await;
    let Some(broker) = &*guard else { return };
    conformance::all(&Kafka { broker, urls: Mutex::default() }).await;
}

/// The broker is killed and restarted under appends: every acknowledged record is there, at its position.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn log_kafka_survives_broker_kill_9() {
    let guard = broker().write().await;
    let Some(broker) = &*guard else { return };
    let log: Arc<dyn Log> = Arc::new(connect(&broker.topic(3).await).await);
    let acknowledged = Arc::new(Mutex::new(HashMap::new()));
    let stop = Arc::new(AtomicBool::new(false));
    let tasks: Vec<_> = (0..8)
        .map(|task| tokio::spawn(append_until(Arc::clone(&log), task, Arc::clone(&stop), Arc::clone(&acknowledged))))
        .collect();
    let count = || acknowledged.lock().unwrap().len();
    let mut before = Vec::new();
    for _ in 0..3 {
        let enough = count() + 1_000;
        let started = Instant::now();
        while count() < enough {
            assert!(started.elapsed() < Duration::from_secs(120), "appends go on after a crash: {before:?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        before.push(count());
        tokio::task::block_in_place(|| broker.crash());
    }
    stop.store(true, Ordering::Relaxed);
    let mut failed = 0;
    for task in tasks {
        failed += task.await.unwrap();
    }
    let mut found = HashMap::new();
    for partition in 0..3 {
        for entry in conformance::everything(&*log, partition).await {
            let value = String::from_utf8(entry.value.to_vec()).unwrap();
            found.insert(Position { partition, offset: entry.offset }, value);
        }
    }
    let acknowledged = acknowledged.lock().unwrap();
    println!(
        "log: broker killed after {before:?} acknowledged; {} acknowledged, {} found, {failed} calls failed",
        acknowledged.len(),
        found.len()
    );
    assert!(before.is_sorted_by(|a, b| a < b) && acknowledged.len() > before[2], "appends went on after each crash");
    for (position, value) in &*acknowledged {
        assert_eq!(found.get(position), Some(value), "acknowledged at {position:?}");
    }
}

async fn append_until(
    log: Arc<dyn Log>,
    task: u32,
    stop: Arc<AtomicBool>,
    acknowledged: Arc<Mutex<HashMap<Position, String>>>,
) -> u32 {
    let mut failed = 0;
    for number in 0u64.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let values: Vec<_> = (0..5).map(|n| format!("{task}-{number}-{n}")).collect();
        let records = values.iter().map(|value| record(value, value)).collect();
        match log.append(records).await {
            Ok(positions) => acknowledged.lock().unwrap().extend(positions.into_iter().zip(values)),
            Err(LogError::Unavailable { .. } | LogError::Busy { .. }) => failed += 1,
            Err(error) => panic!("{error}"),
        }
    }
    failed
}

/// A reader that waits through the broker's crash goes on by itself.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn log_kafka_reader_outlasts_a_crash() {
    let guard = broker().write().await;
    let Some(broker) = &*guard else { return };
    let log = connect(&broker.topic(1).await).await;
    conformance::append(&log, vec![record("k", "before")]).await;
    assert_eq!(log.read(0, 0, READ).await.unwrap().len(), 1);
    tokio::task::block_in_place(|| broker.crash());
    let appended = conformance::append(&log, vec![record("k", "after")]).await;
    let wait = ReadLimits { wait: Duration::from_secs(30), ..READ };
    let found = log.read(0, 1, wait).await.unwrap();
    assert_eq!(found[0].offset, appended[0].offset);
}

/// Two processes of a group share the partitions; when one goes, the other has them all. No offsets are committed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn log_kafka_group_assigns() {
    let guard = broker().read().await;
    let Some(broker) = &*guard else { return };
    let url = broker.topic(6).await;
    let (one, two) = (connect(&url).await, connect(&url).await);
    conformance::append(&one, (0..60).map(|n| record(&n.to_string(), "v")).collect()).await;
    let until = |expected: usize| {
        let (one, two) = (&one, &two);
        async move {
            for _ in 0..200 {
                let (a, b) = tokio::join!(one.assignment(), two.assignment());
                let (a, b) = (a.unwrap(), b.unwrap());
                let all: BTreeSet<u32> = a.iter().chain(&b).copied().collect();
                if a.len() == expected && b.len() == expected && all.len() == 6 {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            panic!("the group did not share its partitions");
        }
    };
    until(3).await;
    let started = Instant::now();
    tokio::task::block_in_place(|| drop(two));
    loop {
        if one.assignment().await.unwrap().len() == 6 {
            break;
        }
        assert!(started.elapsed() < Duration::from_secs(30), "the other's partitions come back");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    // Assigned partitions are read from the caller's position as ever.
    let mut found = 0;
    for partition in 0..6 {
        found += log_length(&one, partition).await;
    }
    assert_eq!(found, 60);
}

async fn log_length(log: &KafkaLog, partition: u32) -> usize {
    log.read(partition, 0, READ).await.unwrap().len()
}

/// Records of aborted transactions are not seen; offsets have holes and nothing is taken for missing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn log_kafka_skips_aborted_transactions() {
    let guard = broker().read().await;
    let Some(broker) = &*guard else { return };
    let url = broker.topic(1).await;
    let (log, topic) = (connect(&url).await, url.rsplit('/').next().unwrap().to_owned());
    let address = broker.address().to_owned();
    let transactions = tokio::task::spawn_blocking(move || {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", address).set("transactional.id", &topic);
        let producer: BaseProducer = config.create().unwrap();
        let patience = Duration::from_secs(30);
        producer.init_transactions(patience).unwrap();
        for (value, commit) in [("kept 1", true), ("gone", false), ("kept 2", true), ("gone too", false)] {
            producer.begin_transaction().unwrap();
            producer.send(BaseRecord::<str, str>::to(&topic).partition(0).key("k").payload(value)).unwrap();
            producer.flush(patience).unwrap();
            if commit { producer.commit_transaction(patience) } else { producer.abort_transaction(patience) }.unwrap();
        }
    });
    transactions.await.unwrap();
    let found = conformance::everything(&log, 0).await;
    let values: Vec<_> = found.iter().map(|entry| String::from_utf8(entry.value.to_vec()).unwrap()).collect();
    assert_eq!(values, ["kept 1", "kept 2"]);
    let next = log.offsets(0).await.unwrap().next;
    assert!(next > found[1].offset + 1, "markers have offsets");
    let started = Instant::now();
    assert_eq!(log.read(0, found[1].offset + 1, READ).await.unwrap(), Vec::new(), "only markers");
    assert_eq!(log.read(0, next, READ).await.unwrap(), Vec::new());
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    let positions = conformance::append(&log, vec![record("k", "ours")]).await;
    let found = log.read(0, found[1].offset + 1, READ).await.unwrap();
    assert_eq!((found.len(), found[0].offset), (1, positions[0].offset));
}

/// What a topic must be is checked when connecting, and said in full.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn log_kafka_unfit_topics() {
    let guard = broker().read().await;
    let Some(broker) = &*guard else { return };
    let failure = |url: String| async move {
        KafkaLog::connect(KafkaOptions::parse(&url).unwrap()).await.unwrap_err().to_string()
    };
    let missing = failure(broker.url()).await;
    assert!(missing.contains("no such topic"), "{missing}");
    let unknown = failure(format!("{}?no.such.option=secret", broker.topic(1).await)).await;
    assert!(unknown.contains("no.such.option") && !unknown.contains("secret"), "{unknown}");
    let small = failure(foreign_topic(broker, &[("max.message.bytes", "1000")]).await).await;
    assert!(small.contains("max.message.bytes") && small.contains("1000 found"), "{small}");
    let compacted = failure(foreign_topic(broker, &[("cleanup.policy", "compact")]).await).await;
    assert!(compacted.contains("cleanup.policy"), "{compacted}");
    let weak = connect(&foreign_topic(broker, &[("retention.ms", "3600000")]).await).await.durability();
    for word in ["acks=all", "replication factor is 1", "min.insync.replicas is 1", "retention.ms is 3600000"] {
        assert!(weak.text.contains(word) && !weak.strong, "{word} in: {}", weak.text);
    }
}

async fn foreign_topic(broker: &Broker, settings: &[(&str, &str)]) -> String {
    let url = broker.url();
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", broker.address());
    let admin: AdminClient<DefaultClientContext> = config.create().unwrap();
    let mut topic = NewTopic::new(url.rsplit('/').next().unwrap(), 1, TopicReplication::Fixed(1));
    for (name, value) in settings {
        topic = topic.set(name, value);
    }
    let options = AdminOptions::new().operation_timeout(Some(Duration::from_secs(10)));
    admin.create_topics([&topic], &options).await.unwrap()[0].as_ref().unwrap();
    url
}

/// A topic is made once; the second time it is left as it is. The broker's rules are reported.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn log_kafka_makes_topics() {
    let guard = broker().read().await;
    let Some(broker) = &*guard else { return };
    let options = KafkaOptions::parse(&broker.topic(2).await).unwrap();
    let again = KafkaLog::create_topic(&options, TopicSpec { partitions: 7, replication: 1 }).await.unwrap();
    assert!(!again);
    let log = KafkaLog::connect(options).await.unwrap();
    assert_eq!(log.partitions(), 2);
    assert!(log.durability().text.contains("weak") && !log.durability().text.contains("retention"));
    let other = KafkaOptions::parse(&broker.url()).unwrap();
    let error = KafkaLog::create_topic(&other, TopicSpec { partitions: 1, replication: 3 }).await.unwrap_err();
    assert!(error.to_string().contains("making the topic"), "{error}");
}

/// Nobody listens there: said within the time limit, and as unavailable.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn log_kafka_without_broker() {
    let options = KafkaOptions::parse("kafka://127.0.0.1:1/t").unwrap();
    let started = Instant::now();
    let error = KafkaLog::connect(options).await.unwrap_err();
    assert!(matches!(error, LogError::Unavailable { .. }) && error.to_string().contains("broker"), "{error}");
    assert!(started.elapsed() < Duration::from_secs(60));
}

/// Settings reach librdkafka: with the password from a settings file we are let in, with another we are told.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn log_kafka_sasl() {
    let Some(broker) = tokio::task::spawn_blocking(|| start_with(&["--sasl"])).await.unwrap() else {
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("kafka.properties");
    let settings = "# from kafka.sh\nsecurity.protocol=SASL_PLAINTEXT\nsasl.mechanism=PLAIN\nsasl.username=hansard\n";
    std::fs::write(&file, format!("{settings}sasl.password=hansard-secret\n")).unwrap();
    let url = format!("{}?config={}", broker.url(), file.display());
    let options = KafkaOptions::parse(&url).unwrap();
    KafkaLog::create_topic(&options, TopicSpec { partitions: 1, replication: 1 }).await.unwrap();
    let log = KafkaLog::connect(options).await.unwrap();
    conformance::append(&log, vec![record("k", "let in")]).await;
    assert_eq!(log.read(0, 0, READ).await.unwrap().len(), 1);
    assert_eq!(log.assignment().await.unwrap(), [0]);
    let wrong = KafkaOptions::parse(&format!("{url}&sasl.password=guess")).unwrap();
    let error = KafkaLog::connect(wrong).await.unwrap_err().to_string();
    assert!(error.contains("sasl.*") && !error.contains("guess"), "{error}");
    broker.stop();
}

/// What other clients compressed is read, whichever of Kafka's codecs they chose.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn log_kafka_reads_every_compression() {
    let guard = broker().read().await;
    let Some(broker) = &*guard else { return };
    let url = broker.topic(1).await;
    let codecs = ["none", "gzip", "snappy", "lz4", "zstd"];
    for codec in codecs {
        let log = connect(&format!("{url}?compression.type={codec}")).await;
        let value = codec.repeat(1_000);
        conformance::append(&log, (0..10).map(|_| record("k", &value)).collect()).await;
    }
    let found = conformance::everything(&connect(&url).await, 0).await;
    let expected = codecs.iter().flat_map(|codec| vec![codec.repeat(1_000).into_bytes(); 10]);
    assert!(found.iter().map(|entry| entry.value.to_vec()).eq(expected), "{} records", found.len());
}
