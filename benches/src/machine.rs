//! What the machine is, and what a process costs, from `/proc`.
//!
//! Guarantee: no path of the machine is given out. Where `/proc` says nothing, the answer is zero or "unknown".

use serde::Serialize;
use std::fs;
use std::path::Path;

/// The machine that figures were taken on.
#[derive(Debug, Clone, Serialize)]
pub struct Machine {
    /// Model of the processor.
    pub cpu: String,
    /// Cores that this process may use.
    pub cores: usize,
    /// Memory in MiB.
    pub memory_mib: u64,
    /// File system and device of the folder that was measured in.
    pub disk: String,
    /// Kernel.
    pub kernel: String,
}

/// Processor time and memory of a process.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, serde::Deserialize)]
pub struct Usage {
    /// Largest resident memory (VmHWM), in MiB.
    pub peak_mib: f64,
    /// Resident memory now (VmRSS), in MiB.
    pub now_mib: f64,
    /// Seconds in user mode, all threads.
    pub user_seconds: f64,
    /// Seconds in the kernel, all threads.
    pub system_seconds: f64,
}

/// Ticks of `/proc/*/stat` per second: fixed at 100 for user space on Linux.
const TICKS: f64 = 100.0;

/// Looks at the machine; `dir` is where the measurement writes.
#[must_use]
pub fn look(dir: &Path) -> Machine {
    let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let cpu = cpuinfo
        .lines()
        .find_map(|l| l.strip_prefix("model name"))
        .map(|l| l.trim_start_matches([' ', '\t', ':']).to_owned());
    let meminfo = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    Machine {
        cpu: cpu.unwrap_or_else(|| "unknown".to_owned()),
        cores: cores(),
        memory_mib: number_after(&meminfo, "MemTotal:") / 1_024,
        disk: disk(dir),
        kernel: kernel.trim().to_owned(),
    }
}

/// Cores that this process may use.
#[must_use]
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Cost of a process (`self` or a number) so far.
#[must_use]
pub fn usage(process: &str) -> Usage {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let (user, system) = ticks(&format!("/proc/{process}/stat"));
    Usage {
        peak_mib: number_after(&status, "VmHWM:") as f64 / 1_024.0,
        now_mib: number_after(&status, "VmRSS:") as f64 / 1_024.0,
        user_seconds: user / TICKS,
        system_seconds: system / TICKS,
    }
}

/// Processor seconds of this process's living threads, by name, the busiest first.
#[must_use]
pub fn threads() -> Vec<(String, f64)> {
    let mut by_name = std::collections::BTreeMap::new();
    for task in fs::read_dir("/proc/self/task").into_iter().flatten().flatten() {
        let name = fs::read_to_string(task.path().join("comm")).unwrap_or_default();
        let (user, system) = ticks(&task.path().join("stat").to_string_lossy());
        *by_name.entry(name.trim().to_owned()).or_insert(0.0) += (user + system) / TICKS;
    }
    let mut all: Vec<_> = by_name.into_iter().collect();
    all.sort_by(|a, b| b.1.total_cmp(&a.1));
    all
}

/// Bytes of all files below a folder.
#[must_use]
pub fn folder_bytes(dir: &Path) -> u64 {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    let size = |entry: fs::DirEntry| match entry.metadata() {
        Ok(meta) if meta.is_dir() => folder_bytes(&entry.path()),
        Ok(meta) => meta.len(),
        Err(_) => 0,
    };
    entries.map(size).sum()
}

fn ticks(stat: &str) -> (f64, f64) {
    let text = fs::read_to_string(stat).unwrap_or_default();
    // The name may hold anything but ends with the last parenthesis; utime and stime are fields 14 and 15.
    let after = text.rsplit_once(')').map_or("", |(_, rest)| rest);
    let mut fields = after.split_whitespace().skip(11).map(|f| f.parse().unwrap_or(0.0));
    (fields.next().unwrap_or(0.0), fields.next().unwrap_or(0.0))
}

fn number_after(text: &str, name: &str) -> u64 {
    let line = text.lines().find_map(|l| l.strip_prefix(name)).unwrap_or_default();
    line.split_whitespace().next().and_then(|n| n.parse().ok()).unwrap_or(0)
}

/// File system type and device of the mount that holds `dir`.
fn disk(dir: &Path) -> String {
    let dir = dir.canonicalize().unwrap_or_default();
    let mounts = fs::read_to_string("/proc/mounts").unwrap_or_default();
    let fields = |line: &str| line.split(' ').map(str::to_owned).collect::<Vec<_>>();
    let holds = |m: &Vec<String>| m.len() > 2 && dir.starts_with(&m[1]);
    let best = mounts.lines().map(fields).filter(holds).max_by_key(|m| m[1].len());
    let Some(mount) = best else { return "unknown".to_owned() };
    let device = mount[0].rsplit('/').next().unwrap_or_default().to_owned();
    let turning = fs::read_to_string(format!("/sys/block/{device}/queue/rotational")).unwrap_or_default();
    let kind = match turning.trim() {
        "0" => ", not rotating",
        "1" => ", rotating or virtual",
        _ => "",
    };
    format!("{} on {device}{kind}", mount[2])
}
