//! Settings in force: flags, then environment, then file, then defaults, each with where it came from.
//!
//! Guarantee: resolution is a pure function of the three sources (reading the file aside), so that it can be tested;
//! nothing else in the program looks at the environment. A value that cannot be used is refused here, with the name of
//! the setting and where it was given.

use crate::args::{Global, LogFormat, Role, ServeArgs};
use crate::config::{self, File, Pins};
use crate::failure::{Failure, Result};
use crate::home::Home;
use object_store::aws::AmazonS3ConfigKey;
use query::Limits;
use serde::Serialize;
use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;
use store::policy::Policy;

/// Where data lies when nothing is said.
pub const DATA_DEFAULT: &str = "./hansard-data";
/// Where a server listens when nothing is said: this machine only.
pub const LISTEN_DEFAULT: &str = "127.0.0.1:4727";

/// AWS_* variables that stand for an option of the S3 client; other ones are not ours.
const S3_VARIABLES: &[&str] = &[
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "AWS_ENDPOINT",
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_S3",
    "AWS_ENDPOINT_URL_STS",
    "AWS_ALLOW_HTTP",
    "AWS_VIRTUAL_HOSTED_STYLE_REQUEST",
    "AWS_S3_EXPRESS",
    "AWS_UNSIGNED_PAYLOAD",
    "AWS_CHECKSUM_ALGORITHM",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_ROLE_ARN",
    "AWS_ROLE_SESSION_NAME",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    "AWS_METADATA_ENDPOINT",
    "AWS_IMDSV1_FALLBACK",
    "AWS_SKIP_SIGNATURE",
    "AWS_CONDITIONAL_PUT",
    "AWS_DISABLE_TAGGING",
    "AWS_REQUEST_PAYER",
    "AWS_SERVER_SIDE_ENCRYPTION",
    "AWS_SSE_KMS_KEY_ID",
    "AWS_SSE_BUCKET_KEY_ENABLED",
    "AWS_SSE_CUSTOMER_KEY_BASE64",
    "AWS_ALLOW_INVALID_CERTIFICATES",
    "AWS_PROXY_URL",
    "AWS_TIMEOUT",
    "AWS_CONNECT_TIMEOUT",
];

/// Gives a variable of the environment.
pub type Environment<'a> = dyn Fn(&str) -> Option<String> + 'a;

/// Where a value came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// The command line.
    Flag,
    /// The environment.
    Environment,
    /// The configuration file.
    File,
    /// Nobody said anything.
    Default,
}

/// Where the log is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogPlace {
    /// In a folder of this machine.
    Embedded(PathBuf),
    /// A topic, by URL.
    Kafka(String),
}

impl std::fmt::Display for LogPlace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Embedded(dir) => write!(f, "embedded, {}", dir.display()),
            // Options of the URL may hold secrets.
            Self::Kafka(url) => f.write_str(url.split('?').next().unwrap_or(url)),
        }
    }
}

/// See the module.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `--data` as it is in force.
    pub data: String,
    /// Keys, state, embedded log.
    pub home: Home,
    /// The configuration file that is in force, whether or not it exists.
    pub config_file: PathBuf,
    /// What it says.
    pub file: File,
    /// The log.
    pub log: LogPlace,
    /// The store.
    pub store: String,
    /// Options of an S3 store.
    pub s3: HashMap<String, String>,
    /// Form of the program's own log.
    pub log_format: LogFormat,
    /// Answers leave out what is not committed.
    pub committed: bool,
    /// What it tells; `None`: the command decides.
    pub log_level: Option<String>,
    /// The policy to evaluate: a file or `default`; `None`: no policy.
    pub policy: Option<String>,
    /// Limits of a query.
    pub limits: Limits,
    /// Where each setting came from, by name.
    pub origins: BTreeMap<&'static str, Origin>,
}

/// Settings of `hansard serve`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Served {
    /// Roles, sorted, at least one.
    pub roles: Vec<Role>,
    /// Address to listen on.
    pub listen: SocketAddr,
    /// Names under which it is asked, besides its own.
    pub hosts: Vec<String>,
}

/// One setting in its three sources.
struct Sources<'a> {
    environment: &'a Environment<'a>,
    origins: BTreeMap<&'static str, Origin>,
}

impl Sources<'_> {
    /// The first source that says something.
    fn pick(
        &mut self,
        name: &'static str,
        flag: Option<String>,
        variable: &str,
        file: Option<String>,
    ) -> Option<String> {
        let environment = || (self.environment)(variable).filter(|value| !value.is_empty());
        let found = flag
            .map(|value| (value, Origin::Flag))
            .or_else(|| environment().map(|value| (value, Origin::Environment)))
            .or_else(|| file.map(|value| (value, Origin::File)));
        self.origins.insert(name, found.as_ref().map_or(Origin::Default, |(_, origin)| *origin));
        found.map(|(value, _)| value)
    }
}

impl Settings {
    /// Resolves the settings.
    ///
    /// # Errors
    /// When the file or a value is not usable.
    pub fn resolve(global: &Global, environment: &Environment<'_>) -> Result<Self> {
        let mut sources = Sources { environment, origins: BTreeMap::new() };
        let named =
            sources.pick("config", path_text(global.config.as_deref()), "HANSARD_CONFIG", None).map(PathBuf::from);
        let given = match &named {
            Some(path) => Some(config::read(path)?.ok_or_else(|| missing_config(path))?),
            None => None,
        };
        let outer = given.clone().unwrap_or_default();
        let data = sources
            .pick("data", global.data.clone(), "HANSARD_DATA", outer.data.clone())
            .unwrap_or_else(|| DATA_DEFAULT.to_owned());
        let home_given = path_text(global.home.as_deref());
        let home = sources.pick("home", home_given, "HANSARD_HOME", path_text(outer.home.as_deref()));
        let home =
            Home::new(home.unwrap_or_else(|| if is_url(&data) { DATA_DEFAULT.to_owned() } else { data.clone() }));
        let config_file = named.unwrap_or_else(|| home.config());
        let file = match given {
            Some(file) => file,
            None => config::read(&config_file)?.unwrap_or_default(),
        };
        Self::with_file(global, sources, data, home, config_file, file)
    }

    fn with_file(
        global: &Global,
        mut sources: Sources<'_>,
        data: String,
        home: Home,
        config_file: PathBuf,
        file: File,
    ) -> Result<Self> {
        let log = sources.pick("log", global.log.clone(), "HANSARD_LOG", file.log.clone());
        let log = log_place(log.as_deref(), &home)?;
        let store = sources.pick("store", global.store.clone(), "HANSARD_STORE", file.store.clone());
        let store =
            store.unwrap_or_else(|| if is_url(&data) { data.clone() } else { home.store().display().to_string() });
        let format = sources.pick(
            "log_format",
            global.log_format.map(|f| if f == LogFormat::Json { "json" } else { "text" }.to_owned()),
            "HANSARD_LOG_FORMAT",
            file.log_format.map(|f| if LogFormat::from(f) == LogFormat::Json { "json" } else { "text" }.to_owned()),
        );
        let log_level =
            sources.pick("log_level", global.log_level.clone(), "HANSARD_LOG_LEVEL", file.log_level.clone());
        let policy = sources.pick("policy", global.policy.clone(), "HANSARD_POLICY", file.policy.clone());
        let limits = limits(global, &mut sources, &file)?;
        let s3 = s3_options(sources.environment, &file)?;
        Ok(Self {
            log_format: log_format_of(format.as_deref())?,
            data,
            home,
            config_file,
            file,
            log,
            store,
            s3,
            log_level,
            policy,
            limits,
            committed: global.committed,
            origins: sources.origins,
        })
    }

    /// The policy in force.
    ///
    /// # Errors
    /// When its file cannot be read, with file and line.
    pub fn policy(&self) -> Result<Option<Policy>> {
        self.policy.as_deref().map(policy_of).transpose()
    }

    /// What `init` pinned on this machine.
    #[must_use]
    pub fn pins(&self) -> &Pins {
        &self.file.pins
    }

    /// Whether somebody said where the data is.
    #[must_use]
    pub fn data_is_given(&self) -> bool {
        ["data", "home", "store", "config"]
            .iter()
            .any(|name| self.origins.get(name).is_some_and(|o| *o != Origin::Default))
    }

    /// Settings of `hansard serve`.
    ///
    /// # Errors
    /// When the roles or the address are not usable.
    pub fn served(&self, args: &ServeArgs, environment: &Environment<'_>) -> Result<Served> {
        let mut sources = Sources { environment, origins: BTreeMap::new() };
        let listen = sources.pick("listen", args.listen.clone(), "HANSARD_LISTEN", self.file.serve.listen.clone());
        let listen = listen.unwrap_or_else(|| LISTEN_DEFAULT.to_owned());
        let listen = listen.parse().map_err(|_| {
            Failure::new(format!(
                "listen address {listen:?}: expected IP:PORT, for example {LISTEN_DEFAULT} or [::1]:4727"
            ))
        })?;
        let mut roles = match args.roles.is_empty() {
            false => args.roles.clone(),
            true => match environment("HANSARD_ROLES").filter(|text| !text.is_empty()) {
                Some(text) => parse_roles(&text)?,
                None => self.file.serve.roles.clone().unwrap_or_else(|| vec![Role::Ingest, Role::Compact, Role::Query]),
            },
        };
        roles.sort();
        roles.dedup();
        if roles.is_empty() {
            return Err(Failure::new("roles: expected at least one of ingest, compact, query"));
        }
        Ok(Served { roles, listen, hosts: self.hosts(args, environment)? })
    }

    fn hosts(&self, args: &ServeArgs, environment: &Environment<'_>) -> Result<Vec<String>> {
        let hosts = match args.allowed_hosts.is_empty() {
            false => args.allowed_hosts.clone(),
            true => match environment("HANSARD_HOSTS").filter(|text| !text.is_empty()) {
                Some(text) => text.split(',').map(str::to_owned).collect(),
                None => self.file.serve.hosts.clone().unwrap_or_default(),
            },
        };
        hosts.iter().map(|host| host_name(host)).collect()
    }
}

/// The policy of a file, or the default one for the word `default`.
///
/// # Errors
/// When the file cannot be read or is no policy.
pub fn policy_of(text: &str) -> Result<Policy> {
    if text == "default" {
        return Ok(Policy::default());
    }
    let yaml = std::fs::read_to_string(text).map_err(|e| {
        Failure::because(format!("policy file {text} cannot be read"), e).hint("give a file or `default`")
    })?;
    Policy::from_yaml(&yaml).map_err(|e| Failure::because(format!("policy file {text} is not usable"), e))
}

/// Whether `text` is a URL (and no path, nor a Windows drive).
fn is_url(text: &str) -> bool {
    text.split_once("://").is_some_and(|(scheme, _)| scheme.len() > 1)
}

fn path_text(path: Option<&Path>) -> Option<String> {
    path.map(|p| p.display().to_string())
}

fn missing_config(path: &Path) -> Failure {
    Failure::new(format!("there is no configuration file {}", path.display())).hint("check --config and HANSARD_CONFIG")
}

fn log_place(text: Option<&str>, home: &Home) -> Result<LogPlace> {
    match text {
        None | Some("embedded") => Ok(LogPlace::Embedded(home.log())),
        Some(url) if url.starts_with("kafka://") => Ok(LogPlace::Kafka(url.to_owned())),
        Some(url) if is_url(url) => {
            let scheme = url.split("://").next().unwrap_or_default();
            Err(Failure::new(format!(
                "log: {scheme}:// is not known; use `embedded`, a folder, or kafka://HOST:PORT/TOPIC"
            )))
        }
        Some(dir) => Ok(LogPlace::Embedded(PathBuf::from(dir))),
    }
}

fn log_format_of(text: Option<&str>) -> Result<LogFormat> {
    match text {
        None | Some("text") => Ok(LogFormat::Text),
        Some("json") => Ok(LogFormat::Json),
        Some(other) => Err(Failure::new(format!("log format {other:?}: expected text or json"))),
    }
}

fn parse_roles(text: &str) -> Result<Vec<Role>> {
    let role = |name: &str| match name.trim() {
        "ingest" => Ok(Role::Ingest),
        "compact" => Ok(Role::Compact),
        "query" => Ok(Role::Query),
        other => Err(Failure::new(format!("HANSARD_ROLES: {other:?} is no role; expected ingest, compact, query"))),
    };
    text.split(',').map(role).collect()
}

/// A name as it stands in a `Host` header; the port does not count, and a scheme or path has no place there.
fn host_name(text: &str) -> Result<String> {
    let name = text.trim();
    if name.is_empty() || name.contains(|c: char| c.is_whitespace() || c == '/' || c == '*') {
        let detail = format!("allowed host {text:?}: expected a name or address, for example hansard.example or [::1]");
        return Err(Failure::new(detail).hint("give each name in full, without http:// and without *"));
    }
    Ok(name.to_owned())
}

fn limits(global: &Global, sources: &mut Sources<'_>, file: &File) -> Result<Limits> {
    let number = |value: usize| value.to_string();
    let memory = sources.pick(
        "query_memory_mib",
        global.query_memory_mib.map(number),
        "HANSARD_QUERY_MEMORY_MIB",
        file.query.memory_mib.map(number),
    );
    let seconds = sources.pick(
        "query_seconds",
        global.query_seconds.map(|s| s.to_string()),
        "HANSARD_QUERY_SECONDS",
        file.query.seconds.map(|s| s.to_string()),
    );
    let mut limits = Limits::default();
    if let Some(mib) = memory {
        limits.memory_bytes_max = positive("query memory in MiB", &mib)?.saturating_mul(1_048_576);
    }
    if let Some(seconds) = seconds {
        limits.time_max = Duration::from_secs(positive("query time in seconds", &seconds)? as u64);
    }
    limits.parallel = std::thread::available_parallelism().map_or(limits.parallel, usize::from);
    Ok(limits)
}

fn positive(what: &str, text: &str) -> Result<usize> {
    let number = text.parse::<usize>().ok().filter(|n| *n > 0);
    number.ok_or_else(|| Failure::new(format!("{what}: expected a number above 0, found {text:?}")))
}

/// The file's options, over which the environment wins.
fn s3_options(environment: &Environment<'_>, file: &File) -> Result<HashMap<String, String>> {
    let mut options = HashMap::new();
    for (name, value) in &file.s3 {
        AmazonS3ConfigKey::from_str(name).map_err(|_| Failure::new(format!("[s3] {name}: there is no such option")))?;
        options.insert(name.clone(), value.clone());
    }
    for variable in S3_VARIABLES {
        let name = variable.to_ascii_lowercase();
        let Some(value) = environment(variable).filter(|_| AmazonS3ConfigKey::from_str(&name).is_ok()) else {
            continue;
        };
        // Two names of one option must not both stand there.
        let key = AmazonS3ConfigKey::from_str(&name).ok();
        options.retain(|other, _| AmazonS3ConfigKey::from_str(other).ok() != key);
        options.insert(name, value);
    }
    Ok(options)
}

#[cfg(test)]
mod tests;
