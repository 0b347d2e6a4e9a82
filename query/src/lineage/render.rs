//! Traces and reasons as text for the terminal.
//!
//! Guarantee: nothing of the record reaches the terminal as a control character; an event of the trace is printed
//! once, at most [`TREE_EVENTS_MAX`] of them, the rest counted; a chain without branches does not move to the right. JSON is the types' own `Serialize`.

use crate::lineage::describe::Node;
use crate::lineage::trace::{Direction, Link, LinkDigest, Trace, Visited};
use crate::lineage::why::Why;
use crate::output::table::printable;
use std::collections::HashMap;
use std::fmt::Write;

/// Events of a chain that are drawn; the others are counted.
const TREE_EVENTS_MAX: usize = 40;

/// How text is rendered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Style {
    /// With ANSI colours.
    pub colour: bool,
}

impl Style {
    pub(crate) fn paint(self, code: &str, text: &str) -> String {
        if self.colour { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    pub(crate) fn bold(self, text: &str) -> String {
        self.paint("1", text)
    }

    pub(crate) fn faint(self, text: &str) -> String {
        self.paint("2", text)
    }

    pub(crate) fn warn(self, text: &str) -> String {
        self.paint("33", text)
    }
}

impl Why {
    /// The reason as text.
    #[must_use]
    pub fn to_text(&self, style: Style) -> String {
        let mut out = format!("{}\n\n", style.bold(&format!("Why {}", printable(&self.question))));
        // A chain that fills more than a screen comes after what it comes to.
        let long = self.trace.nodes.len() > TREE_EVENTS_MAX;
        if long {
            out.push_str(&self.summary(style));
            out.push('\n');
        }
        out.push_str(&tree(&self.trace, style));
        if !long {
            out.push('\n');
            out.push_str(&self.summary(style));
        }
        out
    }

    fn summary(&self, style: Style) -> String {
        let mut out = String::new();
        for because in &self.because {
            let _ = writeln!(out, "{:>4}  {}", because.events.len(), because.role.label());
        }
        people(&mut out, "on behalf of", &self.principals);
        people(&mut out, "sponsored by", &self.sponsors);
        for note in &self.notes {
            let _ = writeln!(out, "{}", style.warn(&format!("note: {note}")));
        }
        out.push_str(&gaps(&self.trace, style));
        out
    }
}

impl Trace {
    /// The trace as text.
    #[must_use]
    pub fn to_text(&self, style: Style) -> String {
        let what = match self.direction {
            Direction::Up => "Causes of",
            Direction::Down => "Effects of",
        };
        let mut out = format!("{}\n\n", style.bold(&format!("{what} {}", printable(&self.starts.join(", ")))));
        out.push_str(&tree(self, style));
        let others = self.nodes.len().saturating_sub(self.starts.len());
        let _ = writeln!(out, "\n{others} events reached over {} links", self.links.len());
        out.push_str(&gaps(self, style));
        out
    }
}

fn people(out: &mut String, what: &str, who: &[String]) {
    if !who.is_empty() {
        let _ = writeln!(out, "      {what} {}", printable(&who.join(", ")));
    }
}

fn gaps(trace: &Trace, style: Style) -> String {
    let mut out = String::new();
    for missing in &trace.missing {
        let text =
            format!("missing: {} ({} of {}) is not in the record", missing.id, missing.relation, missing.named_by);
        let _ = writeln!(out, "{}", style.warn(&printable(&text)));
    }
    if let Some(cut) = &trace.cut {
        let text = format!(
            "not followed: the {} bound ({}) was hit; {} events were reached and not followed: {}",
            cut.bound,
            cut.limit,
            cut.frontier,
            cut.frontier_ids.iter().take(3).cloned().collect::<Vec<_>>().join(", ")
        );
        let _ = writeln!(out, "{}", style.warn(&printable(&text)));
    }
    let _ = writeln!(out, "{}", style.faint(&trace.coverage.sentence()));
    out
}

/// Events by the link that reached them, drawn with an explicit stack: chains may be long.
fn tree(trace: &Trace, style: Style) -> String {
    let position: HashMap<&str, usize> =
        trace.nodes.iter().enumerate().map(|(at, v)| (v.event_id.as_str(), at)).collect();
    let mut children: Vec<Vec<usize>> = vec![Vec::new(); trace.nodes.len()];
    for (at, visited) in trace.nodes.iter().enumerate() {
        let near = visited.via.and_then(|via| trace.links.get(via)).map(|link| match trace.direction {
            Direction::Up => link.from.as_str(),
            Direction::Down => link.to.as_str(),
        });
        if let Some(parent) = near.and_then(|id| position.get(id)) {
            children[*parent].push(at);
        }
    }
    let roots = trace.nodes.iter().enumerate().filter(|(_, v)| v.via.is_none()).map(|(at, _)| at);
    let mut stack: Vec<(usize, String, &str, &str)> = roots.map(|at| (at, String::new(), "", "")).collect();
    stack.reverse();
    let mut out = String::new();
    let mut drawn = 0;
    while let Some((at, indent, mark, below)) = stack.pop() {
        drawn += 1;
        if drawn > TREE_EVENTS_MAX {
            let rest = format!(
                "… {} more events: --json has all, --format mermaid or dot draws them",
                trace.nodes.len() + 1 - drawn
            );
            let _ = writeln!(out, "{}", style.faint(&rest));
            break;
        }
        let visited = &trace.nodes[at];
        let link = visited.via.and_then(|via| trace.links.get(via));
        let _ = writeln!(out, "{indent}{mark}{}", line(visited, link, style));
        let inner = format!("{indent}{below}");
        if let Some(excerpt) = visited.node.as_ref().and_then(|n| n.excerpt.as_ref()) {
            let _ = writeln!(out, "{inner}   {}", style.faint(&printable(excerpt)));
        }
        let below = &children[at];
        for (nth, child) in below.iter().enumerate().rev() {
            let (mark, deeper) = match (below.len(), nth + 1 == below.len()) {
                (1, _) => ("└ ", ""),
                (_, true) => ("└ ", "  "),
                (_, false) => ("├ ", "│ "),
            };
            stack.push((*child, inner.clone(), mark, deeper));
        }
    }
    out
}

fn line(visited: &Visited, link: Option<&Link>, style: Style) -> String {
    let mut parts = Vec::new();
    if let Some(link) = link {
        let known = match link.digest {
            LinkDigest::Matches => format!("{}, digest holds", link.basis),
            LinkDigest::Differs => format!("{}, DIGEST DIFFERS", link.basis),
            LinkDigest::Unchecked | LinkDigest::None => link.basis.clone(),
        };
        parts.push(style.faint(&printable(&format!("{} ({known})", link.relation))));
    }
    match &visited.node {
        None => parts.push(style.warn(&format!("{}  MISSING from the record", printable(&visited.event_id)))),
        Some(node) => parts.push(event(node, style)),
    }
    parts.join("  ")
}

fn event(node: &Node, style: Style) -> String {
    let mut parts = vec![style.bold(&printable(&node.kind))];
    let mut add = |text: Option<String>| parts.extend(text.map(|t| printable(&t)));
    add(node.tool.clone());
    add(node.subject.clone());
    add(node.agent.as_ref().map(|agent| match &node.agent_version {
        Some(version) => format!("{agent}@{version}"),
        None => agent.clone(),
    }));
    add(node.model.clone());
    add(node.error_type.as_ref().map(|e| format!("error={e}")));
    add(node.time.clone());
    add(node.attested.as_ref().map(|a| format!("attested={a}")));
    add((node.copies > 1).then(|| format!("ID CONFLICT: {} events under this id", node.copies)));
    parts.push(style.faint(&printable(&node.id)));
    parts.join("  ")
}
