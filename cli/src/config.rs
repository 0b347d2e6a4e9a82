//! The configuration file `hansard.toml`: settings, and the pins by which this machine knows the record again.
//!
//! Guarantee: an unknown or malformed entry is refused with file and line, because a setting that is silently ignored
//! is worse than none. Relative paths in the file start at its folder. Writing replaces the file whole or not at all.

use crate::args::{LogFormat, Role};
use crate::failure::{Doing, Failure, Result};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

/// What the file may hold. Everything is optional.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    /// As `--data`; only in a file given with `--config`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<String>,
    /// As `--home`; only in a file given with `--config`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub home: Option<PathBuf>,
    /// As `--log`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log: Option<String>,
    /// As `--store`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub store: Option<String>,
    /// As `--log-format`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_format: Option<LogFormatName>,
    /// As `--log-level`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_level: Option<String>,
    /// As `--boundaries`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// What `init` pinned.
    #[serde(default, skip_serializing_if = "Pins::is_empty")]
    pub pins: Pins,
    /// `hansard serve`.
    #[serde(default, skip_serializing_if = "Serve::is_empty")]
    pub serve: Serve,
    /// Limits of queries.
    #[serde(default, skip_serializing_if = "Query::is_empty")]
    pub query: Query,
    /// Options of an S3 store under the names of the AWS_* variables in lower case; secrets belong into the environment.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub s3: BTreeMap<String, String>,
}

/// What this machine holds the record to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pins {
    /// Public half of the registry key, hex.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registry_key: Option<String>,
    /// Public half of the key that signs checkpoints, hex.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_key: Option<String>,
    /// Identity of the log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_id: Option<String>,
    /// Prefix of the trees' origins.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
    /// The tenant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
}

impl Pins {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Settings of `hansard serve`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Serve {
    /// As `--roles`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub roles: Option<Vec<Role>>,
    /// As `--listen`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub listen: Option<String>,
    /// As `--allowed-hosts`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hosts: Option<Vec<String>>,
}

impl Serve {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Limits of queries.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Query {
    /// As `--query-memory-mib`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_mib: Option<usize>,
    /// As `--query-seconds`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seconds: Option<u64>,
}

impl Query {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// [`LogFormat`] as the file spells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormatName {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

impl From<LogFormatName> for LogFormat {
    fn from(name: LogFormatName) -> Self {
        match name {
            LogFormatName::Text => Self::Text,
            LogFormatName::Json => Self::Json,
        }
    }
}

/// Reads a file; `None` when there is none.
///
/// # Errors
/// When it cannot be read or says something that is not known.
pub fn read(path: &Path) -> Result<Option<File>> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(Failure::because(format!("cannot read the configuration {}", path.display()), e)),
    };
    let mut file: File = toml::from_str(&text).map_err(|e| {
        Failure::new(format!("the configuration {} is not usable: {}", path.display(), e.to_string().trim_end()))
            .hint("remove or correct that entry")
    })?;
    let folder = path.parent().unwrap_or_else(|| Path::new(""));
    file.store = file.store.map(|place| anchored(folder, place));
    file.data = file.data.map(|place| anchored(folder, place));
    file.log = file.log.map(|place| if place == "embedded" { place } else { anchored(folder, place) });
    file.home = file.home.map(|home| folder.join(home));
    Ok(Some(file))
}

/// A relative path starts at the file's folder; URLs stay.
fn anchored(folder: &Path, place: String) -> String {
    if place.contains("://") { place } else { folder.join(place).display().to_string() }
}

/// Writes `file` to `path`, on disk when it returns.
///
/// # Errors
/// When the folder or the file cannot be written.
pub fn write(path: &Path, file: &File) -> Result<()> {
    let text = format!(
        "# Settings of this record. Flags and HANSARD_* variables win over it.\n{}",
        toml::to_string_pretty(file)?
    );
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    let temporary = folder.join(format!(".hansard.toml.{}", std::process::id()));
    let written = (|| {
        let mut out = std::fs::File::create(&temporary)?;
        out.write_all(text.as_bytes())?;
        out.sync_all()?;
        std::fs::rename(&temporary, path)?;
        std::fs::File::open(folder)?.sync_all()
    })();
    written.doing(format!("writing the configuration {}", path.display()))
}
