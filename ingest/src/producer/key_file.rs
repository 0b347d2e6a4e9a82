//! Ed25519 keys in files: PKCS#8 PEM, so that `openssl pkey -in FILE` reads them.
//!
//! Guarantee: a key file is readable by its owner alone from the moment it exists, is never overwritten, and is on disk
//! (file and folder synced) when [`write`] returns. The form without the public half is written, because OpenSSL before
//! 3.5 does not read the other; both are read. Errors name the file and never quote the secret.

use ed25519_dalek::SigningKey;
use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use ed25519_dalek::pkcs8::{DecodePrivateKey, EncodePrivateKey, KeypairBytes};
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use thiserror::Error;

/// Largest key file that is read, in bytes: a PKCS#8 Ed25519 key has about 120.
pub const KEY_FILE_BYTES_MAX: u64 = 4_096;

/// Why a key file could not be written or read.
#[derive(Debug, Error)]
pub enum KeyFileError {
    /// There is a file already.
    #[error("key file {} exists already and is not overwritten: remove it, or name another", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// The file system failed.
    #[error("key file {}: {doing} failed", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What was being done.
        doing: &'static str,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The file is not a private key of the right kind.
    #[error(
        "key file {} is not an Ed25519 private key in PKCS#8 PEM ({detail}): make one with `openssl genpkey -algorithm ed25519`",
        path.display()
    )]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What the parser expected.
        detail: String,
    },
}

/// Writes a key to a new file with mode 0600.
///
/// # Errors
/// [`KeyFileError::Exists`] when there is a file already; a file that could not be completed is removed again.
pub fn write(path: &Path, key: &SigningKey) -> Result<(), KeyFileError> {
    let bytes = KeypairBytes { secret_key: key.to_bytes(), public_key: None };
    let pem = bytes
        .to_pkcs8_pem(LineEnding::LF)
        .map_err(|e| KeyFileError::Malformed { path: path.to_owned(), detail: e.to_string() })?;
    let failed = |doing| move |source| KeyFileError::Io { path: path.to_owned(), doing, source };
    let mut file = create_private(path).map_err(|source| match source.kind() {
        io::ErrorKind::AlreadyExists => KeyFileError::Exists { path: path.to_owned() },
        _ => KeyFileError::Io { path: path.to_owned(), doing: "creating", source },
    })?;
    let written = file.write_all(pem.as_bytes()).and_then(|()| file.sync_all());
    if written.is_err() {
        // The first error is the one to report.
        let _ = std::fs::remove_file(path);
    }
    written.map_err(failed("writing"))?;
    sync_folder(path).map_err(failed("syncing the folder"))
}

/// Reads a key.
///
/// # Errors
/// [`KeyFileError`] names the file and what was expected.
pub fn read(path: &Path) -> Result<SigningKey, KeyFileError> {
    let failed = |doing| move |source| KeyFileError::Io { path: path.to_owned(), doing, source };
    let file = File::open(path).map_err(failed("opening"))?;
    let mut pem = String::new();
    file.take(KEY_FILE_BYTES_MAX).read_to_string(&mut pem).map_err(failed("reading"))?;
    SigningKey::from_pkcs8_pem(&pem)
        .map_err(|e| KeyFileError::Malformed { path: path.to_owned(), detail: e.to_string() })
}

fn create_private(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Makes the entry of `path` in its folder durable.
pub(super) fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    File::open(folder)?.sync_all()
}
