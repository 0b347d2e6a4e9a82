//! `hansard keys`: make, register and list keys.
//!
//! Guarantee: `register` returns when the registration is in force, unless told not to wait; registering the same again
//! changes nothing. A private key is read only for its public half and is never shown.

use super::Context;
use super::init::{Record, open_or_make};
use super::registry;
use super::settle::settle;
use crate::args::{KeyRole, KeysCommand, RegisterArgs};
use crate::failure::{Failure, Result};
use ed25519_dalek::{SigningKey, VerifyingKey};
use ingest::producer::key_file;
use schemas::registry::{Registration, Role};
use serde_json::json;
use std::path::Path;

/// Runs the command.
///
/// # Errors
/// When a file, the record or the log cannot be used.
pub async fn run(context: Context<'_>, command: &KeysCommand) -> Result<()> {
    match command {
        KeysCommand::New { file } => new(context, file),
        KeysCommand::Register(args) => register(context, args).await,
        KeysCommand::List => list(context).await,
    }
}

fn new(context: Context<'_>, file: &Path) -> Result<()> {
    let key = SigningKey::from_bytes(&context.env.random());
    key_file::write(file, &key)?;
    let public = hex::encode(key.verifying_key().as_bytes());
    context.console.answer(&json!({ "file": file, "public": public }), || {
        format!("{}  {public}\nRegister it before its first event: hansard keys register --name NAME --sources URI --public {public}", file.display())
    })
}

async fn register(context: Context<'_>, args: &RegisterArgs) -> Result<()> {
    let registration = registration(args)?;
    let record: Record = open_or_make(context).await?;
    let sent = match args.no_wait {
        true => registry::send(context, &record, std::slice::from_ref(&registration)).await.map(|()| 1)?,
        false => {
            let sent = registry::ensure(context, &record, vec![registration.clone()]).await?;
            if sent > 0 {
                settle(context, &record, None).await?;
            }
            sent
        }
    };
    let state = match (sent, args.no_wait) {
        (0, _) => "was in force already",
        (_, true) => "is in the log; it is in force when a compactor has committed it",
        (_, false) => "is in force",
    };
    context.console.answer(&json!({ "registration": registration, "state": state }), || {
        let sources = registration.sources.join(", ");
        format!(
            "{}  {}  as {} for {sources}: {state}",
            registration.public,
            registration.name,
            registration.role.as_str()
        )
    })
}

fn registration(args: &RegisterArgs) -> Result<Registration> {
    let public = match (&args.public, &args.pem) {
        (Some(public), _) => public.to_ascii_lowercase(),
        (None, Some(file)) => hex::encode(key_file::read(file)?.verifying_key().as_bytes()),
        (None, None) => return Err(Failure::new("expected --public or --pem")),
    };
    let mut bytes = [0u8; 32];
    let usable = hex::decode_to_slice(&public, &mut bytes).is_ok()
        && VerifyingKey::from_bytes(&bytes).is_ok_and(|key| !key.is_weak());
    if !usable {
        return Err(Failure::new(format!(
            "public key {public:?}: expected 64 hex digits of an Ed25519 key that is not weak"
        ))
        .hint("`openssl pkey -in FILE -pubout -outform DER | tail -c 32 | xxd -p -c 32` prints it"));
    }
    if let Some(source) = args.sources.iter().find(|s| s.is_empty() || s.trim_end_matches('*').contains('*')) {
        return Err(Failure::new(format!(
            "source {source:?}: expected a URI, or the beginning of one with a single * at its end"
        )));
    }
    let role = match args.role {
        KeyRole::Own => Role::Own,
        KeyRole::Gateway => Role::Gateway,
        KeyRole::Import => Role::Import,
    };
    Ok(Registration { public, name: args.name.clone(), role, sources: args.sources.clone() })
}

async fn list(context: Context<'_>) -> Result<()> {
    let known = registry::read(context).await?;
    let all: Vec<&Registration> = known.iter().collect();
    let document = json!({ "keys": all, "registry_state": hex::encode(known.digest()) });
    context.console.answer(&document, || {
        let rows: Vec<Vec<String>> = all
            .iter()
            .map(|r| vec![r.name.clone(), r.role.as_str().to_owned(), r.sources.join(", "), r.public.clone()])
            .collect();
        context.console.table(&["name", "role", "sources", "public key"], &rows)
    })
}
