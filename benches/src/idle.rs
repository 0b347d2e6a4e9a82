//! Memory of an idle server: `hansard serve` of this build, all roles, on an empty store.
//!
//! Fails softly: without a built `hansard` beside this program, or when it does not come up, the reason is given.

use crate::error::{Doing, Error, Result};
use crate::machine;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// How long the server settles before its memory is read.
const SETTLE: Duration = Duration::from_secs(8);

/// Resident memory of an idle server in MiB.
///
/// # Errors
/// See the module.
pub fn run(dir: &Path) -> Result<f64> {
    let program = binary()?;
    let data = dir.join("idle");
    let made = Command::new(&program).args(["init", "--data"]).arg(&data).stdout(Stdio::null()).status();
    if !made.doing("running `hansard init`")?.success() {
        return Err(Error::new("running `hansard init`", "it failed; its reason stands above"));
    }
    let mut command = Command::new(&program);
    command.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(&data);
    let mut server = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .doing("running `hansard serve`")?;
    std::thread::sleep(SETTLE);
    let ended = server.try_wait().doing("looking at `hansard serve`")?;
    let usage = machine::usage(&server.id().to_string());
    stop(&mut server)?;
    match ended {
        Some(status) => Err(Error::new("running `hansard serve`", format!("it ended with {status}"))),
        None => Ok(usage.now_mib),
    }
}

fn binary() -> Result<PathBuf> {
    let here = std::env::current_exe().doing("looking for hansard")?;
    let found = here.ancestors().skip(1).take(2).map(|dir| dir.join("hansard")).find(|path| path.is_file());
    found.ok_or_else(|| Error::new("looking for hansard", "it is not built: cargo build --release -p hansard"))
}

fn stop(server: &mut Child) -> Result<()> {
    server.kill().doing("ending `hansard serve`")?;
    server.wait().map(|_| ()).doing("ending `hansard serve`")
}
