//! `hansard why` and `hansard trace`: why something was decided, where it came from, what it touched.
//!
//! Guarantee: an answer that a bound cut short says so, with the frontier that was not followed.

use super::Context;
use crate::args::{LineageFormat, TraceArgs, WhyArgs};
use crate::failure::Result;
use crate::opened;
use query::Engine;
use query::flow::{Down, Grounds, Up};
use query::lineage::{Bounds, Direction, Export, Style, Trace, Why, grounds_text, influence_text, origin_text};
use serde::Serialize;

/// Decisions of which the grounds are looked for.
const GROUNDS_MAX: usize = 8;

/// A reason and what the decisions stand on.
#[derive(Serialize)]
struct Explained<'a> {
    #[serde(flatten)]
    why: &'a Why,
    grounds: &'a [Grounds],
}

/// Links, and the flow of text beside them.
#[derive(Serialize)]
struct Traced<'a> {
    #[serde(flatten)]
    trace: &'a Trace,
    #[serde(skip_serializing_if = "Option::is_none")]
    origin: Option<&'a Up>,
    #[serde(skip_serializing_if = "Option::is_none")]
    influence: Option<&'a Down>,
}

/// Runs `hansard why`.
///
/// # Errors
/// When there is no such subject or event.
pub async fn why(context: Context<'_>, args: &WhyArgs) -> Result<()> {
    let engine = opened::engine(context.settings, context.env).await?;
    let why = engine.why(&args.what, bounds(Bounds::of_why(), args.depth, args.nodes)).await?;
    match args.format.and_then(export) {
        Some(form) => context.console.line(why.trace.export(form).trim_end()),
        None => {
            let mut grounds = Vec::new();
            for start in why.trace.starts.iter().take(GROUNDS_MAX) {
                grounds.push(engine.grounds(start).await?);
            }
            let text = || {
                let read: String = grounds.iter().map(|g| grounds_text(g, style(context))).collect();
                format!("{}\n{read}", why.to_text(style(context)).trim_end())
            };
            context.console.answer(&Explained { why: &why, grounds: &grounds }, text)
        }
    }
}

/// Runs `hansard trace`.
///
/// # Errors
/// When there is no such event.
pub async fn trace(context: Context<'_>, args: &TraceArgs) -> Result<()> {
    let engine = opened::engine(context.settings, context.env).await?;
    let direction = if args.up { Direction::Up } else { Direction::Down };
    let trace = engine.trace(&args.event, direction, bounds(Bounds::of_trace(), args.depth, args.nodes)).await?;
    match args.format.and_then(export) {
        Some(form) => context.console.line(trace.export(form).trim_end()),
        None => flowed(context, args, &engine, &trace).await,
    }
}

/// The trace with what the flow of text adds to it.
async fn flowed(context: Context<'_>, args: &TraceArgs, engine: &Engine, trace: &Trace) -> Result<()> {
    let (text, style) = (args.text.as_deref(), style(context));
    let (mut origin, mut influence) = (None, None);
    if args.up {
        origin = Some(engine.origin(&args.event, text).await?);
    } else {
        influence = Some(engine.influence(&args.event, text).await?);
    }
    let document = Traced { trace, origin: origin.as_ref(), influence: influence.as_ref() };
    context.console.answer(&document, || {
        let up = origin.as_ref().map(|up| origin_text(up, style)).unwrap_or_default();
        let down = influence.as_ref().map(|down| influence_text(down, style)).unwrap_or_default();
        format!("{}\n\n{up}{down}", trace.to_text(style).trim_end())
    })
}

fn export(format: LineageFormat) -> Option<Export> {
    match format {
        LineageFormat::Text => None,
        LineageFormat::Mermaid => Some(Export::Mermaid),
        LineageFormat::Dot => Some(Export::Dot),
        LineageFormat::ProvJson => Some(Export::ProvJson),
        LineageFormat::Openlineage => Some(Export::OpenLineage),
    }
}

fn bounds(default: Bounds, depth: Option<u32>, nodes: Option<usize>) -> Bounds {
    Bounds { depth_max: depth.unwrap_or(default.depth_max), nodes_max: nodes.unwrap_or(default.nodes_max), ..default }
}

fn style(context: Context<'_>) -> Style {
    Style { colour: context.console.colours() }
}
