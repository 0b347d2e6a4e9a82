//! How a Kafka log is named: `kafka://HOST:PORT[,HOST:PORT…]/TOPIC[?OPTION=VALUE[&…]]`.
//!
//! Guarantee: options go to librdkafka as they are (`security.protocol`, `sasl.username`, `linger.ms`, …), except those
//! that would break the log's contract, which are refused. `config=FILE` reads more of them from a properties file
//! (`option=value` lines), so that secrets stay out of command lines; options of the URL win. Values are never printed.

use crate::log::LogError;
use rdkafka::config::ClientConfig;
use std::collections::BTreeMap;
use std::fmt;

/// The contract of the log decides these.
const FIXED: [&str; 14] = [
    "acks",
    "request.required.acks",
    "enable.idempotence",
    "transactional.id",
    "partitioner",
    "isolation.level",
    "auto.offset.reset",
    "enable.auto.commit",
    "enable.auto.offset.store",
    "enable.partition.eof",
    "bootstrap.servers",
    "metadata.broker.list",
    "allow.auto.create.topics",
    "message.max.bytes",
];

/// Most bytes of a message with its key and framing: Kafka's own default. Our records fit by far.
pub(super) const MESSAGE_BYTES_MAX: usize = 1_048_588;

/// Broker addresses, topic and settings of a Kafka log.
#[derive(Clone, PartialEq, Eq)]
pub struct KafkaOptions {
    brokers: String,
    topic: String,
    settings: BTreeMap<String, String>,
}

/// Without the settings, which may hold secrets.
impl fmt::Debug for KafkaOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KafkaOptions")
            .field("brokers", &self.brokers)
            .field("topic", &self.topic)
            .finish_non_exhaustive()
    }
}

impl KafkaOptions {
    /// Parses a `kafka://` URL and reads its `config` file.
    ///
    /// # Errors
    /// [`LogError::Corrupt`] with what is wrong and how it should look.
    pub fn parse(url: &str) -> Result<Self, LogError> {
        let (place, query) = url.split_once('?').unwrap_or((url, ""));
        let form = || bad(place, "the form is kafka://HOST:PORT[,HOST:PORT]/TOPIC[?OPTION=VALUE[&OPTION=VALUE]]");
        let rest = place.strip_prefix("kafka://").ok_or_else(form)?;
        let (brokers, topic) = rest.split_once('/').ok_or_else(form)?;
        if brokers.is_empty() || brokers.contains('@') || !is_topic(topic) {
            return Err(form());
        }
        let mut options = Self { brokers: brokers.to_owned(), topic: topic.to_owned(), settings: BTreeMap::new() };
        let mut from_url = Vec::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').ok_or_else(form)?;
            let value = decoded(value)
                .ok_or_else(|| bad(place, &format!("value of option {name} is not percent-encoded UTF-8")))?;
            if name == "config" { options.read_file(&value)? } else { from_url.push((name, value)) }
        }
        for (name, value) in from_url {
            options.set(name, value)?;
        }
        Ok(options)
    }

    fn read_file(&mut self, path: &str) -> Result<(), LogError> {
        let text = std::fs::read_to_string(path)
            .map_err(|e| bad(&self.name(), &format!("its settings file {path} cannot be read: {e}")))?;
        for (index, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') || line.starts_with('!') {
                continue;
            }
            let (name, value) = line.split_once('=').ok_or_else(|| {
                bad(&self.name(), &format!("line {} of its settings file {path} is not OPTION=VALUE", index + 1))
            })?;
            self.set(name.trim(), value.trim().to_owned())?;
        }
        Ok(())
    }

    /// Sets an option of librdkafka.
    ///
    /// # Errors
    /// [`LogError::Corrupt`] when the log's contract fixes this option.
    pub fn set(&mut self, name: &str, value: String) -> Result<(), LogError> {
        if FIXED.contains(&name) {
            return Err(bad(&self.name(), &format!("option {name} is fixed by the log's contract; remove it")));
        }
        self.settings.insert(name.to_owned(), value);
        Ok(())
    }

    /// The topic's name.
    #[must_use]
    pub fn topic(&self) -> &str {
        &self.topic
    }

    /// How errors call the log: its URL without options.
    #[must_use]
    pub fn name(&self) -> String {
        format!("kafka://{}/{}", self.brokers, self.topic)
    }

    /// Name of the consumer group that assigns partitions to compactors (option `group.id`).
    pub(super) fn group(&self) -> String {
        self.settings.get("group.id").cloned().unwrap_or_else(|| format!("hansard-{}", self.topic))
    }

    /// Settings for a client: `defaults` (which options may change), then the options, then `fixed` (which they may
    /// not).
    pub(super) fn client(&self, defaults: &[(&str, &str)], fixed: &[(&str, &str)]) -> ClientConfig {
        let mut config = ClientConfig::new();
        for (name, value) in defaults {
            config.set(*name, *value);
        }
        for (name, value) in &self.settings {
            config.set(name, value);
        }
        for (name, value) in fixed {
            config.set(*name, *value);
        }
        config.set("bootstrap.servers", &self.brokers);
        config
    }
}

/// Kafka's rule for names of topics.
fn is_topic(name: &str) -> bool {
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    (1..=249).contains(&name.len()) && name.chars().all(legal) && name != "." && name != ".."
}

fn bad(log: &str, detail: &str) -> LogError {
    LogError::Corrupt { log: log.to_owned(), detail: detail.to_owned() }
}

/// Undoes percent-encoding (RFC 3986 section 2.1).
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        rest = tail;
        if first != b'%' {
            bytes.push(first);
            continue;
        }
        let digits = std::str::from_utf8(rest.get(..2)?).ok()?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        rest = &rest[2..];
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::KafkaOptions;

    #[test]
    fn options_pass_through_and_secrets_stay_unprinted() {
        let url = "kafka://a:1,b:2/t?sasl.password=p%26%25w&linger.ms=2";
        let options = KafkaOptions::parse(url).expect("legal URL");
        let config = options.client(&[("linger.ms", "5")], &[]);
        assert_eq!(config.get("sasl.password"), Some("p&%w"));
        assert_eq!(config.get("linger.ms"), Some("2"));
        assert_eq!(config.get("bootstrap.servers"), Some("a:1,b:2"));
        assert_eq!((options.name().as_str(), options.group().as_str()), ("kafka://a:1,b:2/t", "hansard-t"));
        assert!(!format!("{options:?}").contains("p&"));
    }

    #[test]
    fn what_breaks_the_contract_is_refused() {
        for url in [
            "kafka://h:1",
            "kafka:///t",
            "http://h/t",
            "kafka://h:1/a b",
            "kafka://h:1/t?acks=1",
            "kafka://h:1/t?x=%zz",
        ] {
            assert!(KafkaOptions::parse(url).is_err(), "{url}");
        }
    }

    #[test]
    fn a_settings_file_yields_to_the_url() {
        let dir = tempfile::tempdir().expect("temporary folder");
        let file = dir.path().join("kafka.properties");
        std::fs::write(&file, "# secret\nsasl.password = s=1\nlinger.ms=9\n").expect("write");
        let options =
            KafkaOptions::parse(&format!("kafka://h:1/t?linger.ms=3&config={}", file.display())).expect("legal");
        let config = options.client(&[], &[]);
        assert_eq!((config.get("sasl.password"), config.get("linger.ms")), (Some("s=1"), Some("3")));
    }
}
