//! Origins, influences and grounds as text for the terminal.
//!
//! Guarantee: nothing of the record reaches the terminal as a control character; no origin, and every bound that was
//! hit, is said in words.

use crate::flow::down::{Down, Followed, Grade};
use crate::flow::limits::Bound;
use crate::flow::up::{Step, Up};
use crate::flow::why::Grounds;
use crate::lineage::render::Style;
use crate::output::table::printable;
use std::fmt::Write as _;

/// The origin of an act as text.
#[must_use]
pub fn origin_text(up: &Up, style: Style) -> String {
    let mut out = String::new();
    match &up.origin {
        Some(origin) if origin.likely => {
            let _ = writeln!(
                out,
                "{} {} (score {:.2}, inferred)",
                style.bold("Origin:"),
                printable(&origin.event),
                origin.score
            );
            let _ = writeln!(out, "  reads like an order: {}", printable(&origin.order.features.join(", ")));
            let _ = writeln!(out, "  act and order share: {}", printable(&origin.evidence.join(", ")));
            path(&mut out, &origin.path);
        }
        Some(weak) => {
            let _ = writeln!(
                out,
                "{} none is likely; the weak candidate {} (score {:.2}) is in --json",
                style.bold("Origin:"),
                printable(&weak.event),
                weak.score
            );
        }
        None => {
            let _ = writeln!(
                out,
                "{} none: no untrusted text that reads like an order is followed here",
                style.bold("Origin:")
            );
        }
    }
    for source in &up.sources {
        let _ = writeln!(
            out,
            "{} {}: {}",
            style.bold("Data from"),
            printable(&source.event),
            printable(&source.values.join(", "))
        );
    }
    bounds(&mut out, &up.bounds, style);
    out
}

/// What a text reached as text.
#[must_use]
pub fn influence_text(down: &Down, style: Style) -> String {
    let followed = match down.followed {
        Followed::GivenText => "the text given",
        Followed::Orders => "its orders",
        Followed::Whole => "the whole of it",
    };
    let mut out = format!("{} {followed}: {}\n", style.bold("Followed"), printable(&down.values.join(", ")));
    for grade in [Grade::Carried, Grade::Received, Grade::Reachable] {
        let effects: Vec<_> = down.effects.iter().filter(|e| e.grade == grade).collect();
        if effects.is_empty() {
            continue;
        }
        let meaning = match grade {
            Grade::Carried => "carried: it came out of an agent again",
            Grade::Received => "received: it stands in what came in",
            Grade::Reachable => "reachable: only a link leads here",
        };
        let _ = writeln!(out, "{} ({})", style.bold(meaning), effects.len());
        for effect in effects {
            let _ = writeln!(out, "  {}  {}", printable(&effect.event), printable(&effect.evidence.join(", ")));
        }
    }
    for correction in &down.corrections {
        let _ = writeln!(
            out,
            "{} {}  {}",
            style.bold("corrected by"),
            printable(&correction.event),
            printable(&correction.evidence.join(", "))
        );
    }
    let held = &down.containment;
    let secrets: Vec<String> = held.credentials.iter().map(|c| format!("{} of {}", c.argument, c.tool)).collect();
    for (what, all) in
        [("quarantine", &held.keys), ("revoke", &secrets), ("review", &held.sessions), ("stop", &held.agents)]
    {
        if !all.is_empty() {
            let _ = writeln!(out, "{} {}", style.bold(&format!("{what}:")), printable(&all.join(", ")));
        }
    }
    bounds(&mut out, &down.bounds, style);
    out
}

/// The grounds of a decision as text.
#[must_use]
pub fn grounds_text(grounds: &Grounds, style: Style) -> String {
    let mut out = String::new();
    for ground in &grounds.grounds {
        let place = ground.place.as_deref().unwrap_or("something read");
        let _ = writeln!(out, "{} {} ({})", style.bold("Stands on"), printable(place), printable(&ground.event));
        for rule in &ground.rules {
            let _ = writeln!(out, "  rule {}: {}", rule.number, printable(&rule.text));
        }
        if !ground.values.is_empty() {
            let _ = writeln!(out, "  shares {}", printable(&ground.values.join(", ")));
        }
        for (event, session) in &ground.written_by {
            let _ = writeln!(out, "  written by {} in session {}", printable(event), printable(session));
        }
    }
    bounds(&mut out, &grounds.bounds, style);
    out
}

fn path(out: &mut String, steps: &[Step]) {
    for step in steps {
        let _ = writeln!(out, "  <- {}  {}", printable(&step.event), printable(&step.via));
    }
}

fn bounds(out: &mut String, hit: &[Bound], style: Style) {
    for bound in hit {
        let line = format!(
            "not complete: {} of {} {} was reached; not followed: {}",
            bound.limit,
            bound.value,
            bound.unit,
            bound.frontier.join(", ")
        );
        let _ = writeln!(out, "{}", style.warn(&printable(&line)));
    }
}
