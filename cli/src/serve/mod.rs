//! `hansard serve`: the roles of one process behind one address.
//!
//! Guarantee: on SIGINT or SIGTERM no new request is taken, requests in hand are answered, what was acknowledged is in
//! the log, what was gathered is committed, and the exit code is 0. Each step has a limit; what does not fit into it
//! is durable in the log and committed after the next start. A second signal ends the process at once. A role that
//! breaks off for good ends the server with code 2, so that whoever watches it notices.

mod health;
mod hosts;
mod metrics;
mod roles;

use crate::args::Role;
use crate::commands::Context;
use crate::failure::{Doing, Failure, Result};
use crate::settings::Served;
use crate::shown::Shown;
use axum::Router;
use hosts::Hosts;
use roles::Roles;
use serde_json::json;
use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;

/// How long requests in hand may take after a stop was asked for.
const DRAIN_MAX: Duration = Duration::from_secs(30);

/// Runs until it is told to stop.
///
/// # Errors
/// When a role cannot start, or breaks off for good.
pub async fn run(context: Context<'_>, served: &Served) -> Result<()> {
    let listener = TcpListener::bind(served.listen).await.map_err(|e| {
        Failure::because(format!("cannot listen on {}", served.listen), e).hint("name another address with --listen")
    })?;
    let address = listener.local_addr().doing("asking for the address")?;
    let mut roles = Roles::start(context, served).await?;
    announce(context, served, &roles, address);
    let shows = roles.service().is_some_and(|service| service.rows().is_some());
    let shown = shows.then(|| Shown::announce(context.settings, address));
    let (stop, stopping) = watch::channel(false);
    let hosts = Hosts::new(address.ip(), &served.hosts);
    let server = tokio::spawn(serve(listener, routes(&roles, hosts), stopping));
    let why = tokio::select! {
        signal = signal() => signal,
        broken = roles.broken() => Err(broken),
    };
    roles.refuse("the server is stopping");
    // Only fails when the server has ended already.
    let _ = stop.send(true);
    tokio::spawn(second_signal());
    match tokio::time::timeout(DRAIN_MAX, server).await {
        Ok(ended) => ended?.doing("serving HTTP")?,
        Err(_) => tracing::warn!(
            "requests in hand did not end within {DRAIN_MAX:?} and are dropped; what was acknowledged is in the log"
        ),
    }
    drop(shown);
    let version = roles.stop().await?;
    let signal = why?;
    tracing::info!(signal, table_version = version, "stopped");
    if context.console.is_json() {
        context.console.document(&json!({ "listened": address.to_string(), "roles": served.roles, "signal": signal, "table_version": version }))?;
    }
    Ok(())
}

fn announce(context: Context<'_>, served: &Served, roles: &Roles, address: SocketAddr) {
    let names: Vec<&str> = served.roles.iter().map(|role| role.name()).collect();
    let (text, strong) = roles.durability().map_or(("no log".to_owned(), true), |d| (d.text, d.strong));
    tracing::info!(
        %address,
        roles = names.join(","),
        store = context.settings.store,
        log = %context.settings.log,
        durability = text,
        "listening on http://{address}"
    );
    if !strong {
        tracing::warn!(
            durability = text,
            "acknowledgements are weaker than they should be; /readyz and every answer say so"
        );
    }
    if !address.ip().is_loopback() {
        tracing::warn!("there is no authentication or TLS here: put a proxy that has both in front of {address}");
    }
}

impl Role {
    /// The word on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Ingest => "ingest",
            Self::Compact => "compact",
            Self::Query => "query",
        }
    }
}

fn routes(roles: &Roles, hosts: Hosts) -> Router {
    let counters = metrics::Requests::new();
    let state = roles.watched();
    let mut router = health::router(state.clone()).merge(metrics::router(state, counters.clone()));
    let mut document = health::openapi();
    if let Some(receiver) = roles.receiver() {
        router = router.merge(ingest::http::router(receiver));
        document.merge(ingest::http::openapi());
    }
    if let Some(service) = roles.service() {
        router = router.merge(query::http::router(service));
        document.merge(query::http::openapi());
    }
    let document = serde_json::to_value(document).unwrap_or_default();
    let served = axum::routing::get(move || {
        let document = document.clone();
        async move { axum::Json(document) }
    });
    router
        .route("/openapi.json", served)
        .fallback(health::not_found)
        .layer(axum::middleware::from_fn_with_state(hosts, hosts::check))
        .layer(axum::middleware::from_fn_with_state(counters, metrics::count))
}

fn serve(
    listener: TcpListener,
    router: Router,
    mut stopping: watch::Receiver<bool>,
) -> impl Future<Output = std::io::Result<()>> {
    let stopped = async move {
        // A dropped sender means that the server ends too.
        let _ = stopping.wait_for(|stop| *stop).await;
    };
    async move { axum::serve(listener, router).with_graceful_shutdown(stopped).await }
}

/// Waits for a signal to stop and gives its name.
async fn signal() -> Result<&'static str> {
    let mut terminate =
        tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()).doing("listening for SIGTERM")?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted.doing("listening for SIGINT").map(|()| "SIGINT"),
        _ = terminate.recv() => Ok("SIGTERM"),
    }
}

async fn second_signal() {
    if signal().await.is_ok() {
        tracing::warn!("stopped at once by a second signal; what was acknowledged is in the log");
        std::process::exit(2);
    }
}
