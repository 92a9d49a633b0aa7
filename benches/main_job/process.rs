//! What the kernel knows of a process.

use std::time::Duration;

/// Linux counts CPU time in hundredths of a second for every program.
const TICKS_PER_S: f64 = 100.0;

/// User and system time so far, of all threads.
pub fn cpu(pid: u32) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    // The name in parentheses may hold spaces; fields 14 and 15 of the line are 12 and 13 after it.
    let (_, rest) = stat.rsplit_once(')').unwrap();
    let ticks: u64 = rest.split_whitespace().skip(11).take(2).map(|field| field.parse::<u64>().unwrap()).sum();
    Duration::from_secs_f64(ticks as f64 / TICKS_PER_S)
}

/// The most memory it ever had, in MB of 1,000,000 bytes.
pub fn peak_mb(pid: u32) -> f64 {
    status(pid, "VmHWM:")
}

/// The memory it has now.
pub fn resident_mb(pid: u32) -> f64 {
    status(pid, "VmRSS:")
}

fn status(pid: u32, name: &str) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    let kib: f64 = line.trim().trim_end_matches(" kB").parse().unwrap();
    kib * 1_024.0 / 1e6
}
