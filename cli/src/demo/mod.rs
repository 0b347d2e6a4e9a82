//! `hansard demo`: a scripted story of several agents, recorded through the real path, and the questions to ask it.
//!
//! The story is our own and always the same: [`loans`] (one approved through planner, retriever, decider and a human,
//! one denied) and [`prices`] (a wrong price on a web page that four agents carry on). Ids are stable, so that
//! documentation and tests can name them; [`planted`] lists what the wrong price touched.
//!
//! Guarantee: every event is signed by its agent's own registered key, or by the gateway that saw it, goes through the
//! log and is committed by the compactor. Recording again adds nothing.

mod cast;
mod loans;
pub mod planted;
mod prices;
mod questions;
mod recorder;
mod scene;

pub use scene::{Act, Story, story};

use crate::commands::Context;
use crate::commands::init::open_or_make;
use crate::commands::sessions::{count, quoted};
use crate::commands::settle::settle;
use crate::console::counted;
use crate::failure::{Failure, Result};
use crate::opened;
use query::lineage::{Bounds, Style};
use serde_json::json;
use std::collections::BTreeMap;

/// Where the demo is recorded when nothing is said: not into anybody's real record.
pub const DIR_DEFAULT: &str = "./hansard-demo";

/// Runs the command.
///
/// # Errors
/// When the record cannot be made, written or read.
pub async fn run(context: Context<'_>) -> Result<()> {
    let story = story();
    let record = open_or_make(context).await?;
    // An earlier run may have been stopped before its events were committed.
    settle(context, &record, None).await?;
    let recorded =
        if is_recorded(context, &story).await? { 0 } else { recorder::record(context, &record, &story).await? };
    let engine = opened::engine(context.settings, context.env).await?;
    let why = engine.why(loans::APPROVED, Bounds::of_why()).await?;
    let questions = questions::questions(context, &story);
    let planted = planted::planted(&story)
        .ok_or_else(|| Failure::new("the story does not hold what was planted in it; please report it"))?;
    let ids: BTreeMap<&str, &str> = story.acts().iter().map(|act| (act.label, act.draft.id.as_str())).collect();
    let document = json!({
        "store": record.storage.url.as_str(),
        "home": context.settings.home.dir(),
        "recorded": recorded,
        "events": story.acts().len(),
        "ids": ids,
        "planted": planted,
        "questions": questions,
        "why": why,
        "coverage": engine.coverage(),
    });
    context.console.answer(&document, || {
        let told = match recorded {
            0 => "The story is in the record already.".to_owned(),
            n => format!(
                "Recorded {} of {} agents and people, each signed, logged and committed.",
                counted(n, "event", "events"),
                cast::CAST.len()
            ),
        };
        let style = Style { colour: context.console.colours() };
        format!(
            "{told}\nStore: {}\n\n{}\n{}",
            record.storage.url,
            why.to_text(style),
            questions::text(context.console, &questions)
        )
    })
}

/// Whether the last event of the story is in the table.
async fn is_recorded(context: Context<'_>, story: &Story) -> Result<bool> {
    let Some(last) = story.acts().last() else { return Ok(true) };
    let engine = opened::engine(context.settings, context.env).await?;
    Ok(count(&engine, &format!("SELECT count(*) AS n FROM events WHERE id = {}", quoted(&last.draft.id))).await? > 0)
}
