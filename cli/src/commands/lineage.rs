//! `hansard why` and `hansard trace`: why something was decided, where it came from, what it touched.
//!
//! Guarantee: an answer that a bound cut short says so, with the frontier that was not followed.

use super::Context;
use crate::args::{LineageFormat, TraceArgs, WhyArgs};
use crate::failure::Result;
use crate::opened;
use query::lineage::{Bounds, Direction, Export, Style};

/// Runs `hansard why`.
///
/// # Errors
/// When there is no such subject or event.
pub async fn why(context: Context<'_>, args: &WhyArgs) -> Result<()> {
    let engine = opened::engine(context.settings, context.env).await?;
    let why = engine.why(&args.what, bounds(Bounds::of_why(), args.depth, args.nodes)).await?;
    match args.format.and_then(export) {
        Some(form) => context.console.line(why.trace.export(form).trim_end()),
        None => context.console.answer(&why, || why.to_text(style(context))),
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
        None => context.console.answer(&trace, || trace.to_text(style(context))),
    }
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
