//! Speed of the ratings, beside evalica, choix and arena-rank in one run.
//!
//! `cargo bench --bench ratings -- [--python PATH] [--battles 10000000]`; with a Python that has numpy, pandas, evalica,
//! choix and arena-rank, `peers.py` runs the same battles through them. Every row is a process of its own on one thread:
//! CPU seconds, and the peak of its memory, code and input included. What it printed last is in `docs/ratings.md`. It
//! fails if a goal is missed.

#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a program that prints and may stop")]

use std::io::Write;
use std::process::{Command, ExitCode, Stdio};

use empanel::stats::rating::{
    Battles, BtInterval, BtOptions, Meetings, Outcome, Scale, bradley_terry_of, bradley_terry_strengths, davidson_of,
    elo_of,
};

struct Case {
    name: &'static str,
    systems: usize,
    /// Battles of the whole, as a divisor.
    part: usize,
    /// 0: every battle is a task of its own.
    tasks: usize,
    what: What,
    /// CPU seconds it may take.
    goal: f64,
}

#[derive(Clone, Copy, PartialEq)]
enum What {
    Fit,
    Intervals,
    Bootstrap,
    Davidson,
    Elo,
}

const fn case(name: &'static str, systems: usize, part: usize, tasks: usize, what: What, goal: f64) -> Case {
    Case { name, systems, part, tasks, what, goal }
}

const NONE: f64 = f64::INFINITY;

const CASES: [Case; 9] = [
    case("point fit", 200, 1, 20_000, What::Fit, 0.06),
    case("point fit, 2,000 systems", 2_000, 1, 20_000, What::Fit, NONE),
    case("clustered intervals, all differences, rank ranges; 500 tasks", 200, 1, 500, What::Intervals, 0.2),
    case("clustered intervals, all differences, rank ranges; 20,000 tasks", 200, 1, 20_000, What::Intervals, 0.2),
    case(
        "clustered intervals, all differences, rank ranges; a million tasks",
        200,
        1,
        1_000_000,
        What::Intervals,
        NONE,
    ),
    case("clustered intervals, all differences, rank ranges; each its own task", 200, 1, 0, What::Intervals, 0.2),
    case("100 bootstrap rounds by task, a tenth of the battles, 2,000 tasks", 200, 10, 2_000, What::Bootstrap, 1.0),
    case("Davidson with clustered intervals; 20,000 tasks", 200, 1, 20_000, What::Davidson, NONE),
    case("online Elo", 200, 1, 20_000, What::Elo, NONE),
];

fn main() -> ExitCode {
    let (mut python, mut battles, mut case) = (None, 10_000_000, None);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--python" => python = arguments.next(),
            "--battles" => battles = arguments.next().and_then(|n| n.parse().ok()).expect("--battles N"),
            "--case" => case = arguments.next(),
            // cargo says so to every bench.
            "--bench" => {}
            other => panic!("what is {other}?"),
        }
    }
    if let Some(name) = case {
        one(CASES.iter().find(|case| case.name == name).unwrap(), battles);
        return ExitCode::SUCCESS;
    }
    println!("{battles} battles\n\n| what | CPU s | before it, grouping | peak MB |\n|---|---|---|---|");
    let mut missed = Vec::new();
    for case in &CASES {
        let out = Command::new(std::env::current_exe().unwrap())
            .args(["--case", case.name, "--battles", &battles.to_string()])
            .env("RAYON_NUM_THREADS", "1")
            .stderr(Stdio::inherit())
            .output()
            .unwrap();
        let line = String::from_utf8(out.stdout).unwrap();
        print!("{line}");
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let number = |at: usize| cells.get(at).and_then(|cell| cell.parse::<f64>().ok()).unwrap_or(f64::INFINITY);
        if number(2) > case.goal {
            missed.push(format!("{}: {} s, {} s allowed", case.name, number(2), case.goal));
        }
        if number(4) > 1_000.0 {
            missed.push(format!("{}: {} MB", case.name, number(4)));
        }
    }
    from_file(battles, &mut missed);
    match python {
        None => println!("\npeers: skipped, no --python"),
        Some(python) => {
            let script = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/ratings/peers.py");
            println!("\nthe same battles, in Python:\n");
            if let Err(e) = Command::new(&python).args([script, &battles.to_string()]).status() {
                println!("peers: skipped, {python} cannot be run: {e}");
            }
        }
    }
    if missed.is_empty() {
        return ExitCode::SUCCESS;
    }
    println!("\nmissed:\n{}", missed.join("\n"));
    ExitCode::FAILURE
}

/// splitmix64: the same in `peers.py`.
fn mix(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// Strengths from -1 to 1; 15 % ties; tasks in no order.
fn battle(k: u64, systems: u64, tasks: u64) -> (u16, u16, Outcome, Option<u32>) {
    let a = mix(8 * k) % systems;
    let b = (a + 1 + mix(8 * k + 1) % (systems - 1)) % systems;
    let strength = |system: u64| 2.0 * system as f64 / systems as f64 - 1.0;
    let chance = 1.0 / (1.0 + (strength(b) - strength(a)).exp());
    let draw = (mix(8 * k + 2) >> 11) as f64 / (1_u64 << 53) as f64;
    let outcome = if draw < 0.15 {
        Outcome::Tie
    } else if draw < 0.15 + 0.85 * chance {
        Outcome::A
    } else {
        Outcome::B
    };
    (a as u16, b as u16, outcome, (tasks > 0).then(|| (mix(8 * k + 3) % tasks) as u32))
}

fn one(case: &Case, battles: usize) {
    let mut all = Battles::default();
    for k in 0..battles / case.part {
        let (a, b, outcome, task) = battle(k as u64, case.systems as u64, case.tasks as u64);
        all.push(a, b, outcome, task, None);
    }
    let loaded = cpu();
    let meetings = Meetings::group(case.systems, &all);
    if case.what != What::Elo {
        all = Battles::default();
    }
    let start = cpu();
    let interval = match case.what {
        What::Bootstrap => BtInterval::TaskBootstrap { rounds: 100, seed: 1 },
        _ => BtInterval::ClusterSandwich,
    };
    let first = match case.what {
        What::Fit => bradley_terry_strengths(&meetings).unwrap()[0],
        What::Davidson => davidson_of(&meetings, Scale::default(), 0.95).nu[0].clone().unwrap(),
        What::Elo => elo_of(&meetings, &all, 4.0, 1000.0).unwrap().players[0].rating.as_ref().unwrap().value,
        What::Intervals | What::Bootstrap => {
            let options = BtOptions { interval, level: 0.95 };
            let table = bradley_terry_of(&meetings, Scale::default(), options);
            let rating = table.players[0].rating.as_ref().unwrap();
            assert!(rating.interval.is_ok() && table.difference(0, 1, 25.0).unwrap().interval.is_ok());
            rating.value
        }
    };
    let spent = cpu() - start;
    assert!(first.is_finite());
    println!("| {} | {spent:.3} | {:.3} | {:.0} |", case.name, start - loaded, peak("self"));
}

/// The program itself on a file of CSV.
fn from_file(battles: usize, missed: &mut Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    for (name, tasks) in [("20,000 tasks", 20_000), ("each its own task", 0)] {
        let path = folder.path().join("battles.csv");
        let mut file = std::io::BufWriter::new(std::fs::File::create(&path).unwrap());
        writeln!(file, "model_a,model_b,winner,task_id").unwrap();
        for k in 0..battles {
            let (a, b, outcome, task) = battle(k as u64, 200, tasks);
            let winner = match outcome {
                Outcome::A => "model_a",
                Outcome::B => "model_b",
                Outcome::Tie | Outcome::BothBad => "tie",
            };
            match task {
                Some(task) => writeln!(file, "system-{a},system-{b},{winner},task-{task}").unwrap(),
                None => writeln!(file, "system-{a},system-{b},{winner},").unwrap(),
            }
        }
        file.flush().unwrap();
        drop(file);
        let before = children();
        let mut child = Command::new(env!("CARGO_BIN_EXE_empanel"))
            .args(["leaderboard", "--format", "csv", "--battles"])
            .arg(&path)
            .env("RAYON_NUM_THREADS", "1")
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let mut most = 0.0_f64;
        while child.try_wait().unwrap().is_none() {
            most = most.max(peak(&child.id().to_string()));
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        let spent = children() - before;
        println!("| `empanel leaderboard --battles` of CSV, {name}: all of it | {spent:.2} | | {most:.0} |");
        if spent > 4.0 || most > 1_000.0 {
            missed.push(format!("from a file, {name}: {spent} s, {most} MB"));
        }
    }
}

/// CPU seconds of all threads of this process.
fn cpu() -> f64 {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    let nanoseconds: u64 = tasks
        .filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("schedstat")).ok())
        .filter_map(|line| line.split(' ').next()?.parse::<u64>().ok())
        .sum();
    nanoseconds as f64 / 1e9
}

/// CPU seconds of the children that have ended.
fn children() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat[stat.rfind(')').unwrap() + 2..].split(' ').collect();
    (fields[13].parse::<f64>().unwrap() + fields[14].parse::<f64>().unwrap()) / 100.0
}

/// Megabytes; 0 where the process is gone.
fn peak(process: &str) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or("0 kB");
    line.trim().trim_end_matches(" kB").trim().parse::<f64>().unwrap_or(0.0) / 1024.0
}
