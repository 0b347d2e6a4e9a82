//! `hansard replay serve`: answers a new agent as the world answered a recorded run.
//!
//! Guarantee: what is served is recorded first, in a session of its own. On SIGINT or SIGTERM requests in hand are answered,
//! the session ends, and what was recorded is committed. Fails when it cannot listen.

use super::super::Context;
use super::drafts::Session;
use super::recorder::Recorder;
use super::world::World;
use crate::args::{ReplayPlanArgs, ReplayServeArgs};
use crate::failure::{Doing, Failure, Result};
use replay::serve::{Replay, router, serve_stdio};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

/// How long requests in hand may take after a stop was asked for.
const DRAIN_MAX: Duration = Duration::from_secs(5);

/// Runs the command.
pub(super) async fn run(context: Context<'_>, args: &ReplayServeArgs) -> Result<()> {
    let world = World::open(context, &args.plan).await?;
    let recorder = Recorder::open(context, !args.no_record).await?;
    let tape = recorder.begin(about(&world, &args.plan, true)).await?;
    let replay = Arc::new(world.replay(Arc::clone(&tape) as _, true)?);
    if args.stdio {
        let (input, output) = standard()?;
        serve_stdio(&replay, tokio::io::BufReader::new(input), output).await?;
    } else {
        let (address, running) = Running::start(&replay, args.listen).await?;
        announce(context, &world, &replay, address)?;
        signal().await?;
        running.stop().await?;
    }
    let (session, _, served) = tape.end(counts(&replay)).await?;
    recorder.finish(context).await?;
    let document = json!({ "session": session, "served": served.len(), "counts": counts(&replay) });
    if args.stdio {
        context.console.note(document.to_string());
        return Ok(());
    }
    context.console.answer(&document, || format!("{} exchanges served, recorded as session {session}", served.len()))
}

/// What a replay of a world is about.
pub(super) fn about(world: &World, args: &ReplayPlanArgs, with_change: bool) -> Session {
    let variant = match (&args.without, &args.set, args.fork_at) {
        (Some(_), _, _) if with_change => "without",
        (_, Some(_), _) if with_change => "set",
        (Some(_), _, _) | (_, Some(_), _) => "control",
        (_, _, Some(_)) => "fork",
        _ => "replay",
    };
    Session {
        of: world.session.clone(),
        first: world.first().map(str::to_owned),
        agent: world.agent.clone(),
        task: world.task.clone(),
        variant: variant.to_owned(),
        plan: json!({
            "run": world.session, "miss": args.miss, "live": args.live, "fork_at": args.fork_at,
            "changed": world.changed().filter(|_| with_change), "accept_settings": args.accept_settings,
            "accept_nearest": args.accept_nearest,
        }),
    }
}

fn announce(context: Context<'_>, world: &World, replay: &Replay, address: SocketAddr) -> Result<()> {
    let (recording, base) = (replay.recording(), format!("http://{address}"));
    let document = json!({
        "session": world.session, "steps": recording.exchanges.len(), "tools": recording.tools.calls().len(),
        "unread": recording.unread.len(), "openai_base_url": format!("{base}/v1"), "anthropic_base_url": base,
        "mcp": format!("{base}/mcp"),
    });
    context.console.answer(&document, || {
        format!(
            "{}: {} model calls and {} tool calls are served\n  OPENAI_BASE_URL={base}/v1\n  ANTHROPIC_BASE_URL={base}\n  MCP {base}/mcp",
            world.session,
            recording.exchanges.len(),
            recording.tools.calls().len()
        )
    })
}

/// How many exchanges were answered in which way.
pub(super) fn counts(replay: &Replay) -> Value {
    let counts = replay.counts();
    let load = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
    json!({
        "recorded": load(&counts.recorded), "live": load(&counts.live), "stub": load(&counts.stub),
        "stopped": load(&counts.stopped), "refused_approvals": load(&counts.refused_approvals),
        "refused_credentials": load(&counts.refused_credentials), "failed": load(&counts.failed),
    })
}

/// A server that runs beside us.
pub(super) struct Running {
    stop: oneshot::Sender<()>,
    task: tokio::task::JoinHandle<std::io::Result<()>>,
}

impl Running {
    /// Listens; gives the address with it.
    pub(super) async fn start(replay: &Arc<Replay>, listen: SocketAddr) -> Result<(SocketAddr, Self)> {
        let listener = TcpListener::bind(listen).await.map_err(|e| {
            Failure::because(format!("cannot listen on {listen}"), e).hint("name another address with --listen")
        })?;
        let address = listener.local_addr().doing("asking for the address")?;
        let (stop, stopped) = oneshot::channel::<()>();
        let serving = axum::serve(listener, router(Arc::clone(replay))).with_graceful_shutdown(async move {
            // The other end gone means the same.
            let _ = stopped.await;
        });
        Ok((address, Self { stop, task: tokio::spawn(async move { serving.await }) }))
    }

    /// Answers what is in hand, for at most [`DRAIN_MAX`], and ends.
    pub(super) async fn stop(self) -> Result<()> {
        let _ = self.stop.send(());
        let abort = self.task.abort_handle();
        match tokio::time::timeout(DRAIN_MAX, self.task).await {
            Ok(done) => Ok(done??),
            Err(_) => {
                abort.abort();
                Ok(())
            }
        }
    }
}

/// Input and output of the process, for reading and writing without blocking.
fn standard() -> Result<(tokio::fs::File, tokio::fs::File)> {
    let input = std::io::stdin().as_fd().try_clone_to_owned().doing("opening stdin")?;
    let output = std::io::stdout().as_fd().try_clone_to_owned().doing("opening stdout")?;
    let file = |fd| tokio::fs::File::from_std(std::fs::File::from(fd));
    Ok((file(input), file(output)))
}

async fn signal() -> Result<()> {
    let mut terminate =
        tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()).doing("listening for SIGTERM")?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted.doing("listening for SIGINT"),
        _ = terminate.recv() => Ok(()),
    }
}
