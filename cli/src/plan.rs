//! What will run: typed arguments with every setting resolved.
//!
//! Guarantee: a plan is complete; running it looks at no flag, variable or configuration file again.

use crate::args::{Args, Command, DemoArgs, Role};
use crate::failure::Result;
use crate::settings::{Environment, Served, Settings};

/// See the module.
#[derive(Debug)]
pub struct Plan {
    /// Settings in force.
    pub settings: Settings,
    /// What to do.
    pub command: Command,
    /// Settings of `hansard serve`, when that is the command.
    pub served: Option<Served>,
    /// The tracing filter.
    pub log_filter: String,
}

impl Plan {
    /// Resolves `args`.
    ///
    /// # Errors
    /// When a setting is not usable.
    pub fn resolve(args: Args, environment: &Environment<'_>) -> Result<Self> {
        let Args { mut global, command } = args;
        if let Command::Demo(DemoArgs { dir: Some(dir) }) = &command {
            global.data = Some(dir.display().to_string());
        }
        let mut settings = Settings::resolve(&global, environment)?;
        if matches!(command, Command::Demo(_)) && !settings.data_is_given() {
            global.data = Some(crate::demo::DIR_DEFAULT.to_owned());
            settings = Settings::resolve(&global, environment)?;
        }
        let served = match &command {
            Command::Serve(args) => Some(settings.served(args, environment)?),
            _ => None,
        };
        let quiet = if served.is_some() { QUIET_LIBRARIES } else { "warn" };
        let log_filter = settings.log_level.clone().unwrap_or_else(|| quiet.to_owned());
        Ok(Self { settings, command, served, log_filter })
    }
}

/// What a server tells by default: our own news, and of the libraries only what goes wrong.
const QUIET_LIBRARIES: &str = "info,rdkafka=warn,librdkafka=warn,buoyant_kernel=warn,buoyant_kernel_engine=warn,\
                               delta_kernel=warn,deltalake_core=warn,datafusion=warn";

impl Served {
    /// Whether a role is among those to run.
    #[must_use]
    pub fn has(&self, role: Role) -> bool {
        self.roles.contains(&role)
    }
}
