//! What a running server has verified and not committed yet, for commands in other processes.
//!
//! The server says in `serving.json` in its home where it listens; a command asks it there. Guarantee: a server that does
//! not answer within [`ASK_MAX`] is done without; the answer's coverage then counts the records that it lacks.

use crate::settings::Settings;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use store::snapshot::Snapshot;
use store::tail::Stretch;
use store::tail_wire::{self, STORE_HEADER, WIRE_BYTES_MAX};

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
    let store = answer.headers().get(STORE_HEADER).and_then(|value| value.to_str().ok());
    if store != Some(snapshot.identity.fingerprint().as_str()) {
        return Err("another store answers there".into());
    }
    let mut bytes = Vec::new();
    let mut answer = answer;
    while let Some(chunk) = answer.chunk().await? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > WIRE_BYTES_MAX {
            return Err("it is larger than a command takes".into());
        }
    }
    let stretches = tokio::task::spawn_blocking(move || tail_wire::decode(&bytes)).await??;
    Ok(continuing(stretches, snapshot))
}

/// The stretches that go on where the snapshot ends, without a gap.
fn continuing(stretches: Vec<Arc<Stretch>>, snapshot: &Snapshot) -> Vec<Arc<Stretch>> {
    let mut next: BTreeMap<u32, (u64, u64)> =
        snapshot.heads.iter().map(|(p, head)| (*p, (head.offset, head.tree.size()))).collect();
    let mut goes_on = |stretch: &Arc<Stretch>| {
        let at = next.entry(stretch.partition).or_default();
        let fits = *at == (stretch.offset_from, stretch.leaves.start);
        if fits {
            *at = (stretch.offset_to, stretch.leaves.end);
        }
        fits
    };
    stretches.into_iter().filter(|stretch| goes_on(stretch)).collect()
}
