//! What the cells mean at a time: open calls, pending approvals, living credentials, breakers, stopped agents.
//!
//! Guarantee: a pure function of the state and the time asked for; nothing is remembered.

mod approvals;
pub(crate) mod breaker;
mod calls;

use super::State;
use super::cells::credential::Life;
use super::cells::{Cell, Mark, Memory, Stop, Write};
use super::key::{Class, Key};

pub use approvals::Pending;
pub use breaker::{BreakerRule, BreakerView, Position};
pub use calls::OpenCall;

/// A state as one asks it, for one tenant at one time.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    pub(crate) state: &'a State,
    pub(crate) tenant: &'a str,
    pub(crate) at_us: i64,
    pub(crate) rule: BreakerRule,
}

impl State {
    /// The state of a tenant at a time, microseconds, with the default numbers of breakers.
    #[must_use]
    pub fn view<'a>(&'a self, tenant: &'a str, at_us: i64) -> View<'a> {
        View { state: self, tenant, at_us, rule: BreakerRule::default() }
    }
}

impl<'a> View<'a> {
    /// The same with other numbers of breakers.
    #[must_use]
    pub fn with_rule(mut self, rule: BreakerRule) -> Self {
        self.rule = rule;
        self
    }

    pub(crate) fn cell(&self, class: Class, parts: &[&str]) -> Option<&'a Cell> {
        let mut all = vec![self.tenant];
        all.extend_from_slice(parts);
        self.state.get(&Key::new(class, &all))
    }

    /// Cells of the tenant whose keys begin with these parts.
    pub(crate) fn under(&self, class: Class, parts: &[&str]) -> impl Iterator<Item = (&'a Key, &'a Cell)> + use<'a> {
        let mut all = vec![self.tenant];
        all.extend_from_slice(parts);
        self.state.under(class, &all)
    }

    /// What is remembered of a memory value, be it deleted.
    #[must_use]
    pub fn memory_cell(&self, store: &str, key: &str) -> Option<&'a Memory> {
        match self.cell(Class::Memory, &[store, key])? {
            Cell::Memory(memory) => Some(memory),
            _ => None,
        }
    }

    /// A memory value in force.
    #[must_use]
    pub fn memory(&self, store: &str, key: &str) -> Option<&'a Write> {
        self.memory_cell(store, key)?.value()
    }

    /// How a credential stands.
    #[must_use]
    pub fn credential(&self, id: &str) -> Life {
        match self.cell(Class::Credential, &[id]) {
            Some(Cell::Credential(credential)) => credential.life(self.at_us),
            _ => Life::Unknown,
        }
    }

    /// The kill that stops an agent in a session: the last, unless the agent was resumed after it.
    #[must_use]
    pub fn stopped(&self, agent: &str, session: Option<&str>) -> Option<&'a Mark> {
        let stop = |session: &str| match self.cell(Class::Stop, &[agent, session]) {
            Some(Cell::Stop(stop)) => Some(stop.as_ref()),
            _ => None,
        };
        let (everywhere, here) = (stop(""), session.filter(|session| !session.is_empty()).and_then(stop));
        let kill = [everywhere, here].into_iter().flatten().filter_map(|stop: &'a Stop| stop.killed.as_ref()).max()?;
        let resumed = everywhere.and_then(|stop| stop.resumed.as_ref());
        resumed.is_none_or(|resumed| resumed.stamp < kill.stamp).then_some(kill)
    }
}
