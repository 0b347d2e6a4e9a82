//! `hansard replay run`: an agent's command against a recorded run, with a change and without, and what that says.
//!
//! Guarantee: each run has a server, a session and a verdict of its own; controls are as many as runs, unless nothing is
//! changed. Runs that broke off are counted apart. The verdict is recorded as an `evaluation` that names the runs as
//! evidence and the changed input; the grade of that input in a blast radius stays what the record says.

use super::super::Context;
use super::recorder::Recorder;
use super::serve::{Running, about, counts};
use super::world::World;
use crate::args::ReplayRunArgs;
use crate::failure::{Doing, Result};
use replay::serve::{How, Outcome, judge};
use replay::verdict::{Arm, Verdict};
use schemas::draft::{Draft, DraftCause, DraftContent};
use schemas::header::Time;
use schemas::kind;
use serde_json::{Map, Value, json};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Between two looks whether an agent has ended.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// One run that ended.
pub(super) struct Done {
    session: String,
    first: String,
    pub(super) outcome: Outcome,
    pub(super) document: Value,
}

/// Runs the command.
pub(super) async fn run(context: Context<'_>, args: &ReplayRunArgs) -> Result<()> {
    let world = World::open(context, &args.plan).await?;
    let recorder = Recorder::open(context, true).await?;
    let (mut runs, mut controls) = (Vec::new(), Vec::new());
    for number in 1..=args.n {
        if world.changed().is_some() {
            controls.push(one(context, &world, &recorder, args, false).await?);
        }
        runs.push(one(context, &world, &recorder, args, true).await?);
        context.console.note(format!("run {number} of {}: {}", args.n, word(&runs[runs.len() - 1].outcome)));
    }
    let arm = |done: &[Done]| Arm::of(done.iter().map(|done| &done.outcome));
    let verdict = Verdict::new(arm(&runs), arm(&controls));
    let id = record(context, &world, &recorder, &verdict, [&runs, &controls]).await?;
    recorder.finish(context).await?;
    let list = |done: &[Done]| done.iter().map(|done| done.document.clone()).collect::<Vec<_>>();
    let document = json!({
        "run": world.session, "changed": world.changed(), "verdict": verdict, "event": id, "runs": list(&runs),
        "controls": list(&controls),
    });
    context.console.answer(&document, || text(&world, &verdict, &id, &runs))
}

/// Runs the agent once against the world.
pub(super) async fn one(
    context: Context<'_>,
    world: &World,
    recorder: &Recorder,
    args: &ReplayRunArgs,
    with_change: bool,
) -> Result<Done> {
    let tape = recorder.begin(about(world, &args.plan, with_change)).await?;
    let replay = Arc::new(world.replay(Arc::clone(&tape) as _, with_change)?);
    let (address, running) = Running::start(&replay, ([127, 0, 0, 1], 0).into()).await?;
    let status = agent(context, args, &world.session, &format!("http://{address}")).await;
    running.stop().await?;
    let (session, first, served) = tape.end(counts(&replay)).await?;
    let (status, code) = (status?, |s: ExitStatus| s.code());
    let outcome = judge(replay.recording(), &served);
    let outcome = match status {
        // An agent that did not end by itself is not judged.
        None => Outcome::Broken { sequence: served.len() as u64, how: How::Failed },
        Some(_) => outcome,
    };
    let document = json!({
        "session": session, "outcome": word(&outcome), "detail": detail(&outcome), "exit_code": status.and_then(code),
        "in_time": status.is_some(), "counts": counts(&replay),
    });
    Ok(Done { session, first, outcome, document })
}

/// Runs the agent's command to its end; `None` when it took too long and was killed.
async fn agent(context: Context<'_>, args: &ReplayRunArgs, run: &str, base: &str) -> Result<Option<ExitStatus>> {
    let Some((program, rest)) = args.command.split_first() else { return Ok(None) };
    let quiet = args.n != 1 || context.console.is_json();
    let output = || if quiet { Stdio::null() } else { Stdio::inherit() };
    let mut command = Command::new(program);
    command.args(rest).stdin(Stdio::null()).stdout(output()).stderr(output());
    command.env("OPENAI_BASE_URL", format!("{base}/v1")).env("ANTHROPIC_BASE_URL", base);
    command.env("HANSARD_REPLAY_MCP", format!("{base}/mcp")).env("OPENAI_API_KEY", "replay");
    command.env("ANTHROPIC_API_KEY", "replay").env("HANSARD_REPLAY_RUN", run);
    let mut child = command.spawn().doing(format!("starting {program}"))?;
    let (started, limit) = (Instant::now(), Duration::from_secs(args.seconds));
    loop {
        if let Some(status) = child.try_wait().doing(format!("waiting for {program}"))? {
            return Ok(Some(status));
        }
        if started.elapsed() > limit {
            child.kill().and_then(|()| child.wait()).doing(format!("stopping {program}"))?;
            return Ok(None);
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

pub(super) fn word(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::NotExposed => "same",
        Outcome::Exposed => "same, exposed",
        Outcome::Influenced { .. } => "changed",
        Outcome::Broken { .. } => "broken",
    }
}

fn detail(outcome: &Outcome) -> Value {
    match outcome {
        Outcome::Influenced { act, recorded, replayed } => {
            json!({ "act": act + 1, "recorded": recorded.as_ref().map(|act| format!("{act:?}")),
                    "replayed": replayed.as_ref().map(|act| format!("{act:?}")) })
        }
        Outcome::Broken { sequence, how } => json!({ "exchange": sequence + 1, "how": how.word() }),
        _ => Value::Null,
    }
}

/// Records the verdict; gives the event's id.
async fn record(
    context: Context<'_>,
    world: &World,
    recorder: &Recorder,
    verdict: &Verdict,
    done: [&Vec<Done>; 2],
) -> Result<String> {
    let share = verdict.runs.changed as f64 / (verdict.runs.runs.max(1)) as f64;
    let evidence = done.iter().flat_map(|done| done.iter()).map(|done| DraftCause::new(&done.first, "derived_from"));
    let mut causes: Vec<DraftCause> = world.changed().map(|id| DraftCause::new(id, "used")).into_iter().collect();
    causes.extend(evidence);
    causes.truncate(schemas::limits::CAUSES_PER_EVENT_MAX);
    let sessions = |done: &[Done]| done.iter().map(|done| done.session.clone()).collect::<Vec<_>>();
    let content = json!({ "verdict": verdict, "runs": sessions(done[0]), "controls": sessions(done[1]) });
    let draft = Draft {
        id: context.env.live_id(),
        source: "hansard://replay".to_owned(),
        kind: kind::EVALUATION.to_owned(),
        time: Some(Time(context.env.clock.now_us()).to_rfc3339()),
        session: Some(world.session.clone()),
        task: world.task.clone(),
        attributes: Map::from_iter([
            ("gen_ai.evaluation.name".to_owned(), "replay.counterfactual".into()),
            ("gen_ai.evaluation.score.value".to_owned(), share.into()),
            ("gen_ai.evaluation.score.label".to_owned(), verdict.word.into()),
        ]),
        causes,
        contents: vec![DraftContent::json("verdict", &content)],
        ..Draft::default()
    };
    let id = draft.id.clone();
    recorder.put(vec![draft]).await.map_err(crate::failure::Failure::new)?;
    Ok(id)
}

fn text(world: &World, verdict: &Verdict, id: &str, runs: &[Done]) -> String {
    let percent = |share: f64| format!("{:.0} %", share * 100.0);
    let arm = |arm: &Arm| {
        let (low, high) = (percent(arm.interval.0), percent(arm.interval.1));
        format!("{} of {} changed ({low} to {high}), {} broke off", arm.changed, arm.runs, arm.broken)
    };
    let mut out = format!("{}: {}\n  runs      {}\n", world.session, verdict.word, arm(&verdict.runs));
    if world.changed().is_some() {
        out.push_str(&format!("  controls  {}\n", arm(&verdict.controls)));
    }
    for done in runs {
        out.push_str(&format!("  {} {} {}\n", done.session, word(&done.outcome), detail(&done.outcome)));
    }
    out.push_str(&format!("recorded as evaluation {id}"));
    out
}
