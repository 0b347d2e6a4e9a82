//! The home folder: every path below it, and the lock of its compactor.
//!
//! ```text
//! hansard.toml            settings and pins
//! keys/<name>.pem         private keys: registry, log, gateway, import, and those of the demo's agents
//! log/                    the embedded log
//! store/                  the store, when it lies in this folder
//! state/<name>.sqlite3    what a producer must not forget; never copy it back from a backup
//! spill/                  what queries put aside; may be deleted when nothing runs
//! compactor.lock          held by the process that compacts
//! serving.json            where the server that compacts listens, while it runs
//! ```
//!
//! Guarantee: the folder of private keys is made for its owner alone. A lock ends with its process, however that ends.

use crate::failure::{Doing, Failure, Result};
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

/// Name of the configuration file.
pub const CONFIG_FILE: &str = "hansard.toml";

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Home(PathBuf);

/// Held while this process compacts.
#[derive(Debug)]
pub struct CompactorLock(#[expect(dead_code, reason = "the lock lives as long as the open file")] File);

impl Home {
    /// The folder `dir`, which need not exist.
    #[must_use]
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self(dir.into())
    }

    /// The folder itself.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.0
    }

    /// The configuration file.
    #[must_use]
    pub fn config(&self) -> PathBuf {
        self.0.join(CONFIG_FILE)
    }

    /// A private key.
    #[must_use]
    pub fn key(&self, name: &str) -> PathBuf {
        self.0.join("keys").join(format!("{name}.pem"))
    }

    /// Where the server that compacts says that it listens.
    #[must_use]
    pub fn serving(&self) -> PathBuf {
        self.0.join("serving.json")
    }

    /// The folder of the embedded log.
    #[must_use]
    pub fn log(&self) -> PathBuf {
        self.0.join("log")
    }

    /// The store, when it lies here.
    #[must_use]
    pub fn store(&self) -> PathBuf {
        self.0.join("store")
    }

    /// The state of a producer.
    #[must_use]
    pub fn state(&self, name: &str) -> PathBuf {
        self.0.join("state").join(format!("{name}.sqlite3"))
    }

    /// The folder for what queries put aside.
    #[must_use]
    pub fn spill(&self) -> PathBuf {
        self.0.join("spill")
    }

    /// Makes the folders that a writer needs.
    ///
    /// # Errors
    /// When one cannot be made.
    pub fn make(&self) -> Result<()> {
        for folder in [self.0.clone(), self.0.join("state"), self.0.join("keys")] {
            std::fs::create_dir_all(&folder).doing(format!("making the folder {}", folder.display()))?;
        }
        private(&self.0.join("keys"))
    }

    /// The compactor's lock, or `None` when another process holds it.
    ///
    /// # Errors
    /// When the lock file cannot be used.
    pub fn lock_compactor(&self) -> Result<Option<CompactorLock>> {
        let path = self.0.join("compactor.lock");
        let file = File::options().create(true).truncate(false).write(true).open(&path);
        let file = file.doing(format!("opening the lock {}", path.display()))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(CompactorLock(file))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(e)) => Err(Failure::because(format!("locking {}", path.display()), e)),
        }
    }
}

#[cfg(unix)]
fn private(folder: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o700))
        .doing(format!("closing the folder {} to others", folder.display()))
}

#[cfg(not(unix))]
fn private(_folder: &Path) -> Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::Home;

    #[test]
    fn one_compactor_at_a_time() {
        let dir = tempfile::tempdir().expect("temporary folder");
        let home = Home::new(dir.path());
        home.make().expect("folders");
        let first = home.lock_compactor().expect("usable");
        assert!(first.is_some());
        assert!(home.lock_compactor().expect("usable").is_none());
        drop(first);
        assert!(home.lock_compactor().expect("usable").is_some());
    }
}
