//! What an act followed, what a text did, what a decision stands on: the flow of text over the record.
//!
//! Guarantee: inferred, and kept apart from the links that the record states; every bound that was hit is named in the
//! answer, and no origin is an answer. An event outside of every session has neither origin nor influence. Fails as a query fails, and after the query's time.

use crate::context::Engine;
use crate::error::{QueryError, Result};
use crate::flow::links::LinkError;
use crate::flow::{self, Down, Grounds, Up};
use crate::lineage::flow_links::EngineLinks;
use tokio::runtime::Handle;

impl Engine {
    /// The first untrusted text that reads like an order and that the event follows, and where its data came from; with
    /// `text`, that of the text alone. `reference`: see [`Engine::resolve`].
    ///
    /// # Errors
    /// `NotFound` when there is no such event.
    pub async fn origin(&self, reference: &str, text: Option<&str>) -> Result<Up> {
        let (event, text) = (self.resolve(reference).await?, text.map(str::to_owned));
        let asked = event.clone();
        let up = self.flow(move |links| flow::up(links, &event, text.as_deref())).await?;
        Ok(Up { event: Some(asked), ..up })
    }

    /// What the event's text, or `text` of it, reached: received, carried or merely reachable; corrections apart.
    ///
    /// # Errors
    /// As [`Engine::origin`].
    pub async fn influence(&self, reference: &str, text: Option<&str>) -> Result<Down> {
        let (event, text) = (self.resolve(reference).await?, text.map(str::to_owned));
        let asked = event.clone();
        let down = self.flow(move |links| flow::down(links, &event, text.as_deref())).await?;
        Ok(Down { event: Some(asked), ..down })
    }

    /// The reads and rules that the event stands on.
    ///
    /// # Errors
    /// As [`Engine::origin`].
    pub async fn grounds(&self, reference: &str) -> Result<Grounds> {
        let event = self.resolve(reference).await?;
        let asked = event.clone();
        let grounds = self.flow(move |links| flow::why(links, &event)).await?;
        Ok(Grounds { event: Some(asked), ..grounds })
    }

    async fn flow<T: Send + 'static>(
        &self,
        ask: impl FnOnce(&EngineLinks) -> std::result::Result<T, LinkError> + Send + 'static,
    ) -> Result<T> {
        let links = EngineLinks { engine: self.clone(), runtime: Handle::current() };
        let time_max = self.runtime().limits().time_max;
        let asked = tokio::task::spawn_blocking(move || ask(&links));
        let answer = tokio::time::timeout(time_max, asked).await.map_err(|_| QueryError::Limit {
            what: "time".to_owned(),
            detail: format!(
                "the flow of text was not followed to its end within {time_max:?}; ask with less text or more time"
            ),
        })?;
        let answer = answer.map_err(|e| QueryError::bug(format!("the flow of text ended early: {e}")))?;
        answer.map_err(|e| QueryError::Unavailable { what: "the flow of text".to_owned(), detail: e.to_string() })
    }
}
