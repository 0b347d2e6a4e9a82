//! `hansard init`: keys, log, table, configuration, and the registrations of this machine's own keys.
//!
//! Guarantee: each step is skipped when it was done before, so that an interrupted `init` is completed by the next one;
//! nothing that exists is overwritten. The pins are written before anything is recorded. A record that another machine
//! made is joined without its registry key; who must register this machine's keys is then said.

use super::Context;
use super::registry;
use super::settle::settle;
use crate::args::InitArgs;
use crate::config::{self, Pins};
use crate::failure::{Doing, Failure, Result};
use crate::opened;
use crate::settings::{LogPlace, Origin};
use ed25519_dalek::SigningKey;
use ingest::log::Log;
use ingest::log::embedded::{EmbeddedLog, EmbeddedOptions, PARTITIONS_DEFAULT};
use ingest::log::kafka::{KafkaLog, KafkaOptions, TopicSpec};
use ingest::producer::key_file;
use schemas::registry::{Registration, Role};
use serde_json::json;
use std::sync::Arc;
use store::location::Storage;
use store::snapshot::StoreIdentity;

/// Name of the key that says who may speak.
pub const REGISTRY_KEY: &str = "registry";
/// Name of the key that signs the trees' checkpoints.
pub const LOG_KEY: &str = "log";
/// Name of the key with which this machine's HTTP server signs.
pub const GATEWAY_KEY: &str = "gateway";
/// Name of the key with which this machine's imports are signed.
pub const IMPORT_KEY: &str = "import";
/// Importers speak as `import:FORMAT`, and in Hansard's own format as whoever a line names; `attested` tells that an
/// importer said so.
const IMPORT_SOURCES: &str = "*";
/// Replicas of a new topic: what the architecture demands.
const REPLICATION_DEFAULT: u32 = 3;

/// An opened record.
#[derive(Debug, Clone)]
pub struct Record {
    /// Who it is.
    pub identity: StoreIdentity,
    /// Its storage.
    pub storage: Storage,
    /// Its log.
    pub log: Arc<dyn Log>,
    /// Whether this call made it.
    pub made: bool,
    /// Keys of this machine that somebody else must register, as (name, role, public key).
    pub unregistered: Vec<Registration>,
}

/// Runs the command.
///
/// # Errors
/// When a step fails; run it again then.
pub async fn run(context: Context<'_>, args: &InitArgs) -> Result<()> {
    let record = make(context, args).await?;
    let settings = context.settings;
    let document = json!({
        "made": record.made,
        "home": settings.home.dir(),
        "store": record.storage.url.as_str(),
        "log": settings.log.to_string(),
        "identity": record.identity,
        "durability": record.log.durability().text,
        "unregistered": record.unregistered,
    });
    context.console.answer(&document, || {
        let what = if record.made { "made a record" } else { "the record is there already; everything it needs is in place" };
        format!(
            "{what}\n  home         {}\n  store        {}\n  log          {} ({} partitions)\n  durability   {}\n  origin       {}\n  registry key {}\n\nKeep {} safe, and back it up apart from the data: who has it decides who may speak.",
            settings.home.dir().display(),
            record.storage.url,
            settings.log,
            record.identity.partitions,
            record.log.durability().text,
            record.identity.origin,
            record.identity.registry_key,
            settings.home.key(REGISTRY_KEY).display(),
        )
    })
}

/// Opens the record, and makes it first when there is none, saying so.
///
/// # Errors
/// When it can neither be opened nor made.
pub async fn open_or_make(context: Context<'_>) -> Result<Record> {
    let settings = context.settings;
    if let Some(snapshot) = opened::snapshot_if_any(settings).await? {
        let log = opened::log(settings, context.env).await?;
        return Ok(Record {
            identity: snapshot.identity,
            storage: snapshot.storage,
            log,
            made: false,
            unregistered: Vec::new(),
        });
    }
    let place = settings.home.dir().display();
    let said = if settings.origins.get("data") == Some(&Origin::Default) {
        " (the default; --data or HANSARD_DATA name another)"
    } else {
        ""
    };
    context.console.note(format!(
        "there is no record yet: making one in {place}{said}, store {}, log {}",
        settings.store, settings.log
    ));
    make(context, &InitArgs::default()).await
}

/// Makes the record, or completes and checks the one that is there.
///
/// # Errors
/// As [`run`].
pub async fn make(context: Context<'_>, args: &InitArgs) -> Result<Record> {
    let settings = context.settings;
    settings.home.make()?;
    let existing = opened::snapshot_if_any(settings).await?;
    let made = existing.is_none();
    let mut record = match existing {
        Some(snapshot) => {
            check_wishes(args, &snapshot.identity)?;
            let log = opened::log(settings, context.env).await?;
            Record { identity: snapshot.identity, storage: snapshot.storage, log, made, unregistered: Vec::new() }
        }
        None => create(context, args).await?,
    };
    write_config(context, &record.identity)?;
    record.unregistered = register_own(context, &record).await?;
    Ok(record)
}

/// What was asked for must be what is there.
fn check_wishes(args: &InitArgs, found: &StoreIdentity) -> Result<()> {
    let differs = |what: &str, wanted: String, found: &str| {
        Err(Failure::new(format!("the record exists with {what} {found}, which never changes; asked for was {wanted}"))
            .hint("leave the option out, or make another record with --data"))
    };
    match args {
        InitArgs { partitions: Some(n), .. } if *n != found.partitions => {
            differs("partitions", n.to_string(), &found.partitions.to_string())
        }
        InitArgs { tenant: Some(t), .. } if *t != found.tenant => differs("tenant", t.clone(), &found.tenant),
        InitArgs { origin: Some(o), .. } if *o != found.origin => differs("origin", o.clone(), &found.origin),
        _ => Ok(()),
    }
}

async fn create(context: Context<'_>, args: &InitArgs) -> Result<Record> {
    let settings = context.settings;
    let (registry, log_key) = (own_key(context, REGISTRY_KEY)?, own_key(context, LOG_KEY)?);
    let log = create_log(context, args).await?;
    let storage = opened::storage(settings)?;
    storage.probe(context.env.random()).await?;
    let log_key = hex::encode(log_key.verifying_key().as_bytes());
    let identity = StoreIdentity {
        format: 1,
        origin: args.origin.clone().unwrap_or_else(|| format!("hansard/{}", log_key.get(..16).unwrap_or_default())),
        log_id: log.id().to_owned(),
        partitions: log.partitions(),
        registry_key: hex::encode(registry.verifying_key().as_bytes()),
        log_key,
        tenant: args.tenant.clone().unwrap_or_else(|| "default".to_owned()),
    };
    check_name("origin", &identity.origin)?;
    check_name("tenant", &identity.tenant)?;
    let id = uuid::Builder::from_random_bytes(context.env.random()).into_uuid();
    store::table::create(&storage, &identity, id, context.env.clock.now_us() / 1_000).await?;
    Ok(Record { identity, storage, log, made: true, unregistered: Vec::new() })
}

/// Both stand in the first line of signed notes.
fn check_name(what: &str, name: &str) -> Result<()> {
    let good = (1..=128).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_graphic() && b != b'+');
    if good {
        Ok(())
    } else {
        Err(Failure::new(format!("{what} {name:?}: expected 1 to 128 visible ASCII characters without '+'")))
    }
}

async fn create_log(context: Context<'_>, args: &InitArgs) -> Result<Arc<dyn Log>> {
    match &context.settings.log {
        LogPlace::Embedded(dir) => {
            let (dir, entropy) = (dir.clone(), Arc::clone(&context.env.entropy));
            let options = EmbeddedOptions { partitions: args.partitions, create: true };
            let open = move || EmbeddedLog::open(&dir, options, &*entropy);
            Ok(Arc::new(tokio::task::spawn_blocking(open).await??))
        }
        LogPlace::Kafka(url) => {
            let options = KafkaOptions::parse(url)?;
            let partitions = args.partitions.unwrap_or(PARTITIONS_DEFAULT);
            let spec = TopicSpec { partitions, replication: args.replication.unwrap_or(REPLICATION_DEFAULT) };
            let made = KafkaLog::create_topic(&options, spec).await.map_err(|e| {
                Failure::from(e).hint("a cluster of one broker: `hansard init --replication 1` makes the topic, and every answer names it as weak")
            })?;
            if made {
                context.console.note(format!("made the topic {} with {partitions} partitions", options.name()));
            }
            let log = KafkaLog::connect(options).await?;
            if args.partitions.is_some_and(|wanted| wanted != log.partitions()) {
                let message =
                    format!("the topic exists with {} partitions; asked for were {partitions}", log.partitions());
                return Err(Failure::new(message).hint("leave --partitions out, or name another topic"));
            }
            Ok(Arc::new(log))
        }
    }
}

/// A key of this machine, made when it is not there.
///
/// # Errors
/// When it cannot be read or written.
pub fn own_key(context: Context<'_>, name: &str) -> Result<SigningKey> {
    let path = context.settings.home.key(name);
    if path.exists() {
        return Ok(key_file::read(&path)?);
    }
    let key = SigningKey::from_bytes(&context.env.random());
    key_file::write(&path, &key)?;
    Ok(key)
}

/// The key that signs the trees.
///
/// # Errors
/// When this machine does not have it.
pub fn log_key(context: Context<'_>) -> Result<SigningKey> {
    let path = context.settings.home.key(LOG_KEY);
    key_file::read(&path).map_err(|e| {
        Failure::from(e).hint("only a machine with the record's log key compacts; copy keys/log.pem from the machine that ran `hansard init`, or use --no-compact")
    })
}

/// Writes the pins, and what later commands cannot guess.
fn write_config(context: Context<'_>, identity: &StoreIdentity) -> Result<()> {
    let settings = context.settings;
    let mut file = settings.file.clone();
    file.pins = Pins {
        registry_key: Some(identity.registry_key.clone()),
        log_key: Some(identity.log_key.clone()),
        log_id: Some(identity.log_id.clone()),
        origin: Some(identity.origin.clone()),
        tenant: Some(identity.tenant.clone()),
    };
    if file == settings.file {
        return Ok(());
    }
    // Places that were typed are needed again; the file's own stay as they are, whoever wrote them.
    let typed = |name: &str| matches!(settings.origins.get(name), Some(Origin::Flag | Origin::Environment));
    if typed("log") {
        file.log = Some(match &settings.log {
            LogPlace::Embedded(dir) => {
                std::path::absolute(dir).doing("finding the log's folder")?.display().to_string()
            }
            LogPlace::Kafka(url) => without_secrets(url),
        });
    }
    if typed("store") || (typed("data") && settings.data.contains("://")) {
        let local = !settings.store.contains("://");
        file.store = Some(if local {
            std::path::absolute(&settings.store).doing("finding the store's folder")?.display().to_string()
        } else {
            settings.store.clone()
        });
    }
    config::write(&settings.config_file, &file)
}

/// A Kafka URL without options that hold passwords: those belong into a settings file (`config=FILE`).
fn without_secrets(url: &str) -> String {
    let Some((place, query)) = url.split_once('?') else { return url.to_owned() };
    let secret = |option: &&str| {
        !["password", "secret", "token", "key.pem"]
            .iter()
            .any(|word| option.split('=').next().unwrap_or_default().contains(word))
    };
    let kept: Vec<&str> = query.split('&').filter(secret).collect();
    if kept.is_empty() { place.to_owned() } else { format!("{place}?{}", kept.join("&")) }
}

/// Registers the gateway's and the importer's key. Gives those that this machine cannot register.
async fn register_own(context: Context<'_>, record: &Record) -> Result<Vec<Registration>> {
    let registration = |name: &str, role, sources: &str| -> Result<Registration> {
        let public = hex::encode(own_key(context, name)?.verifying_key().as_bytes());
        Ok(Registration { public, name: name.to_owned(), role, sources: vec![sources.to_owned()] })
    };
    let own =
        vec![registration(GATEWAY_KEY, Role::Gateway, "*")?, registration(IMPORT_KEY, Role::Import, IMPORT_SOURCES)?];
    if !context.settings.home.key(REGISTRY_KEY).exists() {
        let known = registry::read(context).await?;
        let missing: Vec<Registration> = own.into_iter().filter(|r| !registry::holds(&known, r)).collect();
        for r in &missing {
            context.console.warn(format!(
                "the key {} is not registered; on the machine with keys/registry.pem: hansard keys register --name {} --role {} --sources '{}' --public {}",
                r.name, r.name, r.role.as_str(), r.sources.join(","), r.public
            ));
        }
        return Ok(missing);
    }
    registry::ensure(context, record, own).await?;
    settle(context, record, None).await?;
    Ok(Vec::new())
}

#[cfg(test)]
mod tests {
    use super::without_secrets;

    #[test]
    fn passwords_are_not_written_down() {
        let url = "kafka://h:1/t?sasl.username=u&sasl.password=p&linger.ms=5";
        assert_eq!(without_secrets(url), "kafka://h:1/t?sasl.username=u&linger.ms=5");
        assert_eq!(without_secrets("kafka://h:1/t?sasl.password=p"), "kafka://h:1/t");
        assert_eq!(without_secrets("kafka://h:1/t"), "kafka://h:1/t");
    }
}
