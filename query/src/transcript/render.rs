//! A transcript as text for the terminal.
//!
//! Guarantee: no control character of the record reaches the terminal but line breaks of contents; what was cut is said
//! once at the end, with how to see it. The native record is shown only where nothing else is.

use crate::lineage::Style;
use crate::output::table::printable;
use crate::transcript::{Said, Transcript, Turn};
use std::fmt::Write;

impl Transcript {
    /// The page as text.
    #[must_use]
    pub fn to_text(&self, style: Style) -> String {
        let mut out = format!(
            "{}  {} of {} events\n\n",
            style.bold(&printable(&self.session)),
            self.turns.len(),
            self.events_total
        );
        let mut cut = 0usize;
        for turn in &self.turns {
            cut += turn_text(&mut out, turn, style);
        }
        if cut > 0 {
            let _ = writeln!(
                out,
                "{}",
                style.faint(&format!("{cut} contents are cut for display: --full or --json shows them whole"))
            );
        }
        if let Some(next) = &self.next {
            let _ = writeln!(out, "{}", style.faint(&format!("more events follow: --after {next}")));
        }
        let _ = writeln!(out, "{}", style.faint(&self.coverage.sentence()));
        out
    }
}

fn turn_text(out: &mut String, turn: &Turn, style: Style) -> usize {
    let _ = writeln!(out, "{}", head(turn, style));
    let telling = turn.contents.iter().any(|said| said.name != "record" && said.text.is_some());
    let mut cut = 0;
    for said in turn.contents.iter().filter(|said| !(telling && said.name == "record")) {
        cut += usize::from(said.cut);
        content(out, said, turn.contents.len() > 1, style);
    }
    out.push('\n');
    cut
}

fn head(turn: &Turn, style: Style) -> String {
    let name = match &turn.role {
        Some(role) => format!("{} ({role})", turn.kind),
        None => turn.kind.clone(),
    };
    let mut parts = vec![style.bold(&printable(&name))];
    let mut add = |text: Option<String>| parts.extend(text.map(|t| printable(&t)));
    add(turn.tool.clone());
    add(turn.subject.clone());
    add(turn.agent.as_ref().map(|agent| match &turn.agent_version {
        Some(version) => format!("{agent}@{version}"),
        None => agent.clone(),
    }));
    add(turn.model.clone());
    add(tokens(turn));
    add(turn.evaluation_name.as_ref().map(|name| {
        let score = turn.evaluation_score.map_or_else(String::new, |s| format!(" {s}"));
        let label = turn.evaluation_label.as_ref().map_or_else(String::new, |l| format!(" {l}"));
        format!("{name}{score}{label}")
    }));
    add(turn.error_type.as_ref().map(|e| format!("error={e}")));
    add(turn.time.clone());
    parts.push(style.faint(&printable(&turn.id)));
    parts.join("  ")
}

fn tokens(turn: &Turn) -> Option<String> {
    match (turn.input_tokens, turn.output_tokens) {
        (None, None) => None,
        (input, output) => Some(format!("{} in, {} out tokens", input.unwrap_or(0), output.unwrap_or(0))),
    }
}

fn content(out: &mut String, said: &Said, several: bool, style: Style) {
    if several {
        let _ = writeln!(out, "  {}", style.faint(&printable(&format!("{}:", said.name))));
    }
    match &said.text {
        Some(text) => text.lines().for_each(|line| {
            let _ = writeln!(out, "  {}", printable(line));
        }),
        None => {
            let what = said.media_type.as_deref().unwrap_or("unknown type");
            let text = format!("[{} bytes of {what}: not text, erased or not loaded]", said.size);
            let _ = writeln!(out, "  {}", style.faint(&printable(&text)));
        }
    }
    if said.cut {
        let _ = writeln!(out, "  {}", style.faint(&format!("[cut; {} bytes in all]", said.size)));
    }
}
