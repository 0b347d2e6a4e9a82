//! The state at a point: the best snapshot that is kept, and the events that it lacks.
//!
//! Guarantee: the state is that of all events that count at the point, whichever snapshot it began with. A snapshot
//! that cannot be used is said in [`Reached::note`] and done without.

use super::kept::Kept;
use super::{Source, Wanted, nothing};
use crate::ReplayError;
use crate::state::{Point, State};
use serde::Serialize;

/// The snapshot that a state began with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Base {
    /// Its key in the store.
    pub name: String,
    /// Size of the root log that it is of.
    pub root_log_size: u64,
    /// Events in it.
    pub events: u64,
}

/// A state and how it was reached.
#[derive(Debug, Clone)]
pub struct Reached {
    /// Which events are in it.
    pub point: Point,
    /// The state.
    pub state: State,
    /// Events in it.
    pub events: u64,
    /// The snapshot that it began with; `None` when it was folded from the first event.
    pub base: Option<Base>,
    /// Events that were added to that.
    pub tail: u64,
    /// Why a snapshot was not used.
    pub note: Option<String>,
}

impl Source {
    /// The state at a point. Events of later versions of the table never count.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn reach(&self, point: Point) -> Result<Reached, ReplayError> {
        let point = if point.sizes.is_none() { Point { sizes: self.everything().sizes, ..point } } else { point };
        let kept = Kept::load(&self.snapshot).await?;
        let (mut reached, held) = self.begin(&kept, &point).await?;
        let wanted = Wanted::between(held, point.clone());
        let mut add = |event| {
            reached.state.apply(&event);
            reached.tail += 1;
            Ok(())
        };
        self.each(&wanted, &mut add).await?;
        reached.events += reached.tail;
        Ok(reached)
    }

    async fn begin(&self, kept: &Kept, point: &Point) -> Result<(Reached, Point), ReplayError> {
        let mut start = Reached {
            point: point.clone(),
            state: State::new(),
            events: 0,
            base: None,
            tail: 0,
            note: kept.note().map(str::to_owned),
        };
        let Some(best) = kept.best(point) else { return Ok((start, nothing())) };
        match kept.read(&self.snapshot.storage, best).await {
            Ok(snapshot) => {
                let (name, root_log_size, events) = (best.name.clone(), best.root_log_size, best.events);
                (start.state, start.events) = (snapshot.state, events);
                start.base = Some(Base { name, root_log_size, events });
                Ok((start, snapshot.point))
            }
            Err(ReplayError::Store(error)) if !matches!(error, store::error::StoreError::NotFound { .. }) => {
                Err(error.into())
            }
            Err(error) => {
                start.note = Some(format!("{error}; folded from the first event"));
                Ok((start, nothing()))
            }
        }
    }
}
