//! What a running server has verified and not committed yet, for commands in other processes.
//!
//! The server says in `serving.json` in its home where it listens; a command asks it there. Guarantee: a server that does
//! not answer within [`ASK_MAX`] is done without; the answer's coverage then counts the records that it lacks.

use crate::settings::Settings;
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use store::snapshot::Snapshot;
use store::tail::Stretch;
use store::tail_wire::{self, WIRE_BYTES_MAX};

/// How long a command waits for the server.
const ASK_MAX: Duration = Duration::from_secs(2);

#[derive(Serialize, Deserialize)]
struct Serving {
    address: SocketAddr,
}

/// The note of a running server; it goes when this is dropped.
#[derive(Debug)]
pub(crate) struct Shown(PathBuf);

impl Shown {
    /// Says that this process shows its rows at `address`.
    pub(crate) fn announce(settings: &Settings, address: SocketAddr) -> Self {
        let path = settings.home.serving();
        let text = serde_json::to_string(&Serving { address }).unwrap_or_default();
        if let Err(error) = std::fs::write(&path, text) {
            tracing::warn!("commands in other processes see committed events only: {}: {error}", path.display());
        }
        Self(path)
    }
}

impl Drop for Shown {
    fn drop(&mut self) {
        // A note that stays points to nobody, which is found out by asking.
        let _ = std::fs::remove_file(&self.0);
    }
}

/// What the server of this home shows beyond `snapshot`; `None` when there is none, or it does not answer.
pub(crate) async fn by_server(settings: &Settings, snapshot: &Snapshot) -> Option<Vec<Arc<Stretch>>> {
    let text = std::fs::read_to_string(settings.home.serving()).ok()?;
    let serving: Serving = serde_json::from_str(&text).ok()?;
    match tokio::time::timeout(ASK_MAX, ask(serving.address, snapshot)).await {
        Ok(Ok(stretches)) => Some(stretches),
        Ok(Err(error)) => {
            tracing::info!(address = %serving.address, "the server's rows were not had: {error}");
            None
        }
        Err(_) => None,
    }
}

async fn ask(
    address: SocketAddr,
    snapshot: &Snapshot,
) -> Result<Vec<Arc<Stretch>>, Box<dyn std::error::Error + Send + Sync>> {
    let heads = snapshot.heads.iter().map(|(p, head)| format!("{p}:{}", head.offset));
    let after = heads.collect::<Vec<_>>().join(",");
    let url = format!("http://{address}/v1/tail/rows?after={after}");
    let client = reqwest::Client::builder().no_proxy().build()?;
    let answer = client.get(url).send().await?.error_for_status()?;
    if answer.content_length().is_some_and(|n| n > WIRE_BYTES_MAX as u64) {
        return Err("it is larger than a command takes".into());
    }
    let bytes = answer.bytes().await?;
    Ok(tokio::task::spawn_blocking(move || tail_wire::decode(&bytes)).await??)
}
