//! `hansard replay step`: through a run event by event, with the state and what changed.
//!
//! One command a line, from a terminal or a pipe: `n [COUNT]` and `p [COUNT]` to the next and previous event of the run,
//! `j PLACE|EVENT` to one, `s [CLASS]` the state, `d` the step again, `h` help, `q` quit. Guarantee: the state is that of all events up
//! to the place, those of others that happened meanwhile too. With `--json` each command prints one document on a line.

use super::super::Context;
use super::super::state::point::Past;
use crate::args::RunOf;
use crate::console::Console;
use crate::failure::Result;
use replay::state::key::Class;
use replay::state::stamp::EventId;
use replay::state::{Stepper, render};
use serde_json::{Value, json};
use std::io::{BufRead, IsTerminal, Write};

const HELP: &str = "n [COUNT] next, p [COUNT] previous, j PLACE|EVENT jump (j 0: the beginning), s [CLASS] state, d what \
                    changed, h help, q quit";

/// A run that is stepped through.
struct Walk<'a> {
    console: &'a Console,
    stepper: Stepper,
    /// Places of the run's own events among all that are stepped over.
    own: Vec<usize>,
    tenant: String,
    /// Own events stepped over.
    at: usize,
}

/// Runs the command.
pub(super) async fn run(context: Context<'_>, args: &RunOf) -> Result<()> {
    let past = Past::open(context).await?;
    let session = past.session(&args.run).await?;
    let asked = past.point(&args.at).await?;
    let run = past.source.run(&session, &asked.point).await?;
    let own = (0..run.events.len()).filter(|at| run.has(&run.events[*at])).collect();
    let tenant = past.source.snapshot().identity.tenant.clone();
    let stepper = Stepper::new(run.before.state, run.events).map_err(replay::ReplayError::from)?;
    let mut walk = Walk { console: context.console, stepper, own, tenant, at: 0 };
    let others = walk.stepper.events().len() - walk.own.len();
    context.console.note(format!("{session}: {} events, {others} of others meanwhile. {HELP}", walk.own.len()));
    tokio::task::block_in_place(|| walk.read(&mut std::io::stdin().lock(), std::io::stdin().is_terminal()))
}

impl Walk<'_> {
    fn read(&mut self, input: &mut dyn BufRead, terminal: bool) -> Result<()> {
        let mut line = String::new();
        loop {
            if terminal {
                eprint!("{}> ", self.at);
                let _ = std::io::stderr().flush();
            }
            line.clear();
            if input.read_line(&mut line)? == 0 {
                return Ok(());
            }
            let mut words = line.split_whitespace();
            let (word, argument) = (words.next().unwrap_or("n"), words.next());
            let count = argument.and_then(|text| text.parse().ok()).unwrap_or(1);
            match word {
                "n" => self.go((self.at + count).min(self.own.len()))?,
                "p" => self.go(self.at.saturating_sub(count))?,
                "j" => self.jump(argument.unwrap_or("0"))?,
                "s" => self.state(argument)?,
                "d" => self.here()?,
                "q" => return Ok(()),
                _ => self.say(json!({ "help": HELP }), || HELP.to_owned())?,
            }
        }
    }

    /// Goes to where so many events of the run are stepped over.
    fn go(&mut self, at: usize) -> Result<()> {
        if at == self.at {
            let edge = if at == 0 { "the beginning" } else { "the end" };
            return self.say(json!({ "at": at, "edge": edge }), || edge.to_owned());
        }
        self.at = at;
        let place = at.checked_sub(1).and_then(|last| self.own.get(last)).map_or(0, |place| place + 1);
        self.stepper.jump(place);
        self.here()
    }

    fn jump(&mut self, to: &str) -> Result<()> {
        if let Ok(at) = to.parse::<usize>() {
            return self.go_or_stay(at.min(self.own.len()));
        }
        let id = EventId::new(to);
        let fits = |place: &usize| {
            let event = &self.stepper.events()[*place].id;
            *event == id || (to.len() >= 8 && event.to_string().starts_with(to))
        };
        match self.own.iter().position(fits) {
            Some(at) => self.go_or_stay(at + 1),
            None => {
                let none = format!("no event of this run begins with {to}");
                self.say(json!({ "error": none }), || none.clone())
            }
        }
    }

    fn go_or_stay(&mut self, at: usize) -> Result<()> {
        if at == self.at { self.here() } else { self.go(at) }
    }

    /// The step that leads to where one stands.
    fn here(&self) -> Result<()> {
        let Some(step) = self.stepper.here().filter(|_| self.at > 0) else {
            return self.say(json!({ "at": 0, "of": self.own.len() }), || "before the first event".to_owned());
        };
        let first = self.at.checked_sub(2).and_then(|before| self.own.get(before)).map_or(0, |place| place + 1);
        let others = step.index - first;
        let document = json!({
            "at": self.at, "of": self.own.len(), "event": step.stamp.id.to_string(), "kind": step.kind, "others_before": others,
            "time": schemas::header::Time(step.stamp.time_us).to_rfc3339(), "changes": render::diff_json(&step.diff),
        });
        self.say(document, || {
            let meanwhile = if others > 0 { format!(" ({others} of others before it)") } else { String::new() };
            format!("[{}/{}]{meanwhile} {}", self.at, self.own.len(), render::step_text(&step).trim_end())
        })
    }

    fn state(&self, class: Option<&str>) -> Result<()> {
        let classes: Vec<Class> = Class::ALL.iter().copied().filter(|own| Some(own.name()) == class).collect();
        let state = self.stepper.state();
        let at_us = state.last_us().unwrap_or_default();
        let rows = state.view(&self.tenant, at_us).rows(&render::Filter { classes, ..render::Filter::default() });
        let document = json!({ "at": self.at, "root": state.root().to_string(), "rows": rows });
        self.say(document, || format!("root {}\n{}", state.root(), render::text(&rows).trim_end()))
    }

    fn say(&self, document: Value, text: impl FnOnce() -> String) -> Result<()> {
        match self.console.is_json() {
            true => self.console.line(document.to_string()),
            false => self.console.line(text()),
        }
    }
}
