//! Which run and instance a file is about, and what the run's name says of agent, variant and model.
//!
//! Guarantee: only the last parts of a path count, so that it does not matter at which folder the argument begins, and
//! a trajectory and the results of its run give the same names. SWE-agent writes `<run>/<instance>.traj`, or
//! `<run>/<instance>/<instance>.traj`; collections of submissions `<run>/trajs/<instance>.traj` beside
//! `<run>/results/results.json`, or `<run>.results.json`. Cannot fail: what a name does not say stays out.

use super::super::ids::{bounded, session_name};
use super::super::json::SHORT_TEXT_BYTES_MAX;
use super::super::reject::source_of;
use super::super::source::SourceFile;
use super::FORMAT;
use schemas::draft::Draft;

/// Folders that hold the files of a run and do not name it.
const PLAIN_FOLDERS: &[&str] = &["trajs", "trajectories", "results", "logs"];

/// One run on one instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) run: String,
    pub(super) instance: String,
}

/// What the name of a run says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Arm {
    pub(super) agent: String,
    pub(super) variant: Option<String>,
    pub(super) model: Option<String>,
}

impl Place {
    pub(super) fn session(&self) -> String {
        format!("{}/{}", self.run, self.instance)
    }
}

/// Run and instance of a trajectory.
pub(super) fn of_trajectory(file: &SourceFile<'_>) -> Place {
    let instance = file.stem();
    let folders = folders(file);
    let own = folders.iter().rev().find(|folder| **folder != instance && !PLAIN_FOLDERS.contains(folder));
    Place { run: own.map_or_else(|| "unknown".to_owned(), |run| (*run).to_owned()), instance: instance.to_owned() }
}

/// Run that results or metadata are about: `kind` is the word that ends the file's name.
pub(super) fn of_run(file: &SourceFile<'_>, kind: &str) -> String {
    let stem = file.stem();
    let own = stem.strip_suffix(kind).map_or(stem, |run| run.trim_end_matches(['.', '_', '-']));
    if !own.is_empty() {
        return own.to_owned();
    }
    let folder = folders(file).into_iter().rev().find(|folder| !PLAIN_FOLDERS.contains(folder));
    folder.map_or_else(|| "unknown".to_owned(), ToOwned::to_owned)
}

/// The folders above the file, the nearest last.
fn folders<'f>(file: &'f SourceFile<'_>) -> Vec<&'f str> {
    let mut parts: Vec<&str> = file.path.split('/').filter(|part| !part.is_empty()).collect();
    parts.pop();
    parts
}

/// `<date>_<agent>_<model>` (submissions) or `<model>__<data>__<configuration>__t-…` (SWE-agent's own folders).
pub(super) fn arm(run: &str) -> Arm {
    let mut by_date = run.splitn(3, '_');
    let parts = (by_date.next(), by_date.next(), by_date.next());
    if let (Some(date), Some(agent), model) = parts
        && date.len() == 8
        && date.bytes().all(|byte| byte.is_ascii_digit())
        && !agent.is_empty()
    {
        let model = model.filter(|model| !model.is_empty()).map(ToOwned::to_owned);
        return Arm { agent: agent.to_ascii_lowercase(), variant: None, model };
    }
    let settings: Vec<&str> = run.split("__").collect();
    let first_setting = settings.iter().position(|part| {
        ["t-", "p-", "c-", "install-"].iter().any(|setting| {
            part.strip_prefix(setting).is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
        })
    });
    let (Some(at), Some(model)) = (first_setting.filter(|at| *at >= 3), settings.first()) else {
        return Arm { agent: FORMAT.to_owned(), ..Arm::default() };
    };
    // A replay repeats another run's actions: no model answered.
    let model = (*model != "replay").then(|| (*model).to_owned());
    Arm { agent: FORMAT.to_owned(), variant: settings.get(at - 1).map(|part| (*part).to_owned()), model }
}

/// What all events of a run on an instance share.
pub(super) fn base(place: &Place, arm: &Arm) -> Draft {
    let short = |text: &str| bounded(text, SHORT_TEXT_BYTES_MAX);
    Draft {
        source: source_of(FORMAT),
        session: Some(session_name(&place.session())),
        agent: Some(short(&arm.agent)),
        agent_version: Some(short(&place.run)),
        variant: arm.variant.as_deref().map(short),
        task: Some(short(&place.instance)),
        ..Draft::default()
    }
}
