//! `hansard search`: events by the words of their contents, by likeness to a passage, by any column.
//!
//! Guarantee: what ended a search before everything was looked at is said, and with `--json` stands in `complete` and
//! `notes`.

use super::Context;
use crate::args::SearchArgs;
use crate::console::counted;
use crate::failure::Result;
use crate::opened;
use query::search::{Search, SearchHit, Searched, Wanted};

/// Characters of an event's id that are shown: enough to ask on.
const ID_CHARS: usize = 36;

/// Runs the command.
///
/// # Errors
/// When the query or the filter cannot be read, or the record not.
pub async fn run(context: Context<'_>, args: &SearchArgs) -> Result<()> {
    let engine = opened::engine(context.settings, context.env).await?;
    let wanted = match (&args.words, &args.like) {
        (Some(words), _) => Some(Wanted::Words(words.clone())),
        (None, Some(passage)) => Some(Wanted::LikePassage(passage.clone())),
        (None, None) => None,
    };
    let search = Search { wanted, filter: args.filter.clone(), hits_max: args.limit };
    let found = engine.search(&search).await?;
    context.console.answer(&found, || text(context, &found))
}

fn text(context: Context<'_>, found: &Searched) -> String {
    let rows: Vec<Vec<String>> = found.hits.iter().map(row).collect();
    let mut lines = Vec::new();
    if rows.is_empty() {
        lines.push("nothing fits".to_owned());
    } else {
        lines.push(context.console.table(&["score", "event", "kind", "session", "time", "said"], &rows));
    }
    if let Some(total) = found.total.filter(|total| *total > found.hits.len() as u64) {
        lines.push(format!("{} in all; -n shows more", counted(total, "content fits", "contents fit")));
    }
    lines.extend(found.notes.iter().cloned());
    lines.push(found.coverage.sentence());
    if let Some(hit) = found.hits.first() {
        lines.push(format!("next: hansard why {0}, hansard trace {0} --down", hit.event_id));
    }
    lines.join("\n")
}

fn row(hit: &SearchHit) -> Vec<String> {
    let text = |t: &Option<String>| query::output::printable(t.as_deref().unwrap_or_default());
    vec![
        format!("{:.2}", hit.score),
        query::output::printable(&hit.event_id.chars().take(ID_CHARS).collect::<String>()),
        query::output::printable(&hit.kind),
        text(&hit.session),
        text(&hit.time),
        text(&hit.excerpt),
    ]
}
