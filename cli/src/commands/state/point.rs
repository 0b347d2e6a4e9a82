//! What `--at` and `--known-at` name.
//!
//! Guarantee: digits alone are a size of the root log, RFC 3339 is a time, anything else a reference to an event, which is
//! refused when it fits several. Without them everything that is committed counts, as it stands now.

use super::super::Context;
use crate::args::AtArgs;
use crate::failure::{Failure, Result};
use crate::opened;
use crate::settings::Settings;
use query::Engine;
use replay::source::Source;
use replay::state::Point;
use std::sync::Arc;
use store::root_log::RootLog;

/// The record, opened to ask about its past.
pub(crate) struct Past<'a> {
    context: Context<'a>,
    /// Finds events and sessions by what people call them.
    pub(crate) engine: Engine,
    /// The events.
    pub(crate) source: Source,
}

/// A point.
pub(crate) struct Asked {
    /// Which events count.
    pub(crate) point: Point,
    /// The time at which the state is looked at; `None`: that of its last event.
    pub(crate) at_us: Option<i64>,
    /// Size of the root log, where one was named.
    pub(crate) root_log_size: Option<u64>,
}

impl<'a> Past<'a> {
    /// Opens what is committed.
    pub(crate) async fn open(context: Context<'a>) -> Result<Self> {
        let settings = Settings { committed: true, ..context.settings.clone() };
        let engine = opened::engine(&settings, context.env).await?;
        let source = Source::new(Arc::clone(engine.snapshot()));
        Ok(Self { context, engine, source })
    }

    /// The point that arguments name.
    pub(crate) async fn point(&self, args: &AtArgs) -> Result<Asked> {
        self.asked(args.at.as_deref(), args.known_at.as_deref()).await
    }

    /// The point that `at` and `known_at` name.
    pub(crate) async fn asked(&self, at: Option<&str>, known_at: Option<&str>) -> Result<Asked> {
        let mut asked = self.at(at).await?;
        if let Some(known) = known_at {
            let us = time(known).ok_or_else(|| {
                Failure::new(format!("--known-at {known:?} is no time")).hint("write it as 2026-01-31T12:00:00Z")
            })?;
            asked.point = asked.point.known_at(us);
            asked.at_us = if at.is_none() { Some(us) } else { asked.at_us };
        }
        Ok(asked)
    }

    async fn at(&self, at: Option<&str>) -> Result<Asked> {
        let everything = self.source.everything();
        let Some(at) = at else {
            return Ok(Asked { point: everything, at_us: Some(self.context.env.clock.now_us()), root_log_size: None });
        };
        if let Some(size) =
            (!at.is_empty() && at.bytes().all(|b| b.is_ascii_digit())).then(|| at.parse().ok()).flatten()
        {
            let log = RootLog::read(self.source.snapshot()).await?;
            if size > log.size() {
                let message = format!("the root log never had {size} entries; it has {}", log.size());
                return Err(Failure::no(message).hint("name a size up to that"));
            }
            let point = Point::sizes(&log.sizes_at(size)?);
            return Ok(Asked { point, at_us: None, root_log_size: Some(size) });
        }
        let until = match time(at) {
            Some(us) => Point::time(us),
            None => {
                let id = self.engine.resolve(at).await?;
                Point::event(&self.source.event(&id).await?)
            }
        };
        let at_us = until.until.as_ref().map(|until| until.time_us);
        Ok(Asked { point: Point { sizes: everything.sizes, ..until }, at_us, root_log_size: None })
    }

    /// The session that a reference names.
    pub(crate) async fn session(&self, given: &str) -> Result<String> {
        crate::commands::sessions::resolve(&self.engine, given).await
    }
}

fn time(text: &str) -> Option<i64> {
    text.parse::<jiff::Timestamp>().ok().map(|time| time.as_microsecond())
}
