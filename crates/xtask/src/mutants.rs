//! The mutation check: changes one line of the contracts at a time and asks whether the tests notice.
//!
//! The lines are in `tests/contracts/mutants.toml`. Each mutant is built without the optimizer and tested with few fuzz runs
//! in a copy of the project; as many copies work at once as there are processors. Invariant: a mutant counts as killed
//! only if it compiles and the same tests pass without it.

use std::collections::{BTreeMap, VecDeque};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::Mutex;

use anyhow::{Context, bail, ensure};
use serde::Deserialize;
use serde_json::json;
use tatum_test_utils::{foundry, repository};

/// The share of mutants that the tests must notice, in percent.
const ENOUGH_PERCENT: usize = 95;
/// Seconds of a processor, not of the clock: a mutant that makes a loop endless is noticed by this, however busy the machine is.
const LONGEST_S: u32 = 180;
/// What ends a process that had its time.
const SIGXCPU: i32 = 24;
const COPIED: [&str; 5] =
    ["contracts", "tests/contracts", "tests/vectors", "scripts/deploy", "foundry.toml"];

/// Arguments of `xtask mutants`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    /// Only mutants of files whose path contains this
    #[arg(long, default_value = "")]
    only: String,
    /// Only so many mutants, spread over all files
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    sample: Option<u32>,
    /// Which sample: another number takes others
    #[arg(long, default_value_t = 0)]
    seed: u32,
}

/// `tests/contracts/mutants.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    /// By file: the tests that its mutants must fail.
    tests: BTreeMap<String, String>,
    mutants: BTreeMap<String, Vec<Change>>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Change {
    from: String,
    to: String,
}

impl Change {
    /// The file's code with this change, whose line must stand there once.
    fn applied(&self, file: &str, code: &str) -> anyhow::Result<String> {
        let found = code.matches(&self.from).count();
        ensure!(found == 1, "{file}: `{}` stands there {found} times", self.from);
        Ok(code.replacen(&self.from, &self.to, 1))
    }
}

/// A change to be tested, or, without a change, the tests themselves.
#[derive(Clone, Debug)]
struct Job {
    file: String,
    tests: String,
    change: Option<Change>,
}

/// Every so-many-th mutant, so that each file has its share.
fn sampled(mutants: Vec<Job>, args: &Args) -> Vec<Job> {
    let Some(wanted) = args.sample else { return mutants };
    let stride = mutants.len().div_ceil(wanted as usize).max(1);
    mutants.into_iter().skip(args.seed as usize % stride).step_by(stride).collect()
}

/// Runs the mutants; fails if too many survive.
pub(crate) fn run(args: Args) -> anyhow::Result<ExitCode> {
    let (controls, mutants) = jobs(&args.only)?;
    let mutants = sampled(mutants, &args);
    let total = mutants.len();
    let queue: Mutex<VecDeque<Job>> = Mutex::new(controls.into_iter().chain(mutants).collect());
    let survivors = Mutex::new(Vec::new());
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        let start = |worker| {
            let (queue, survivors) = (&queue, &survivors);
            scope.spawn(move || work(worker, queue, survivors, args.json))
        };
        let started: Vec<_> = (0..workers).map(start).collect();
        started.into_iter().try_for_each(|worker| match worker.join() {
            Ok(result) => result,
            Err(_) => bail!("a worker panicked"),
        })
    })?;
    let mut survivors = survivors.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner());
    survivors.sort();
    let killed = total - survivors.len();
    if args.json {
        println!("{}", json!({ "mutants": total, "killed": killed, "survivors": survivors }));
    } else {
        println!("{killed} of {total} mutants killed");
        survivors.iter().for_each(|survivor| println!("survived: {survivor}"));
    }
    let enough = killed * 100 >= total * ENOUGH_PERCENT;
    Ok(if enough { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The unchanged tests, once each, and all mutants.
fn jobs(only: &str) -> anyhow::Result<(Vec<Job>, Vec<Job>)> {
    let path = repository().join("tests/contracts/mutants.toml");
    let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let list: List = toml::from_str(&text).with_context(|| path.display().to_string())?;
    let (mut controls, mut mutants) = (Vec::new(), Vec::new());
    for (file, changes) in list.mutants.into_iter().filter(|(file, _)| file.contains(only)) {
        // All of them at once, not each at its turn: a sample that passes says nothing of those it left out.
        let code =
            std::fs::read_to_string(repository().join(&file)).with_context(|| file.clone())?;
        changes.iter().try_for_each(|change| change.applied(&file, &code).map(drop))?;
        let tests = list.tests.get(&file).with_context(|| format!("no tests for {file}"))?;
        let job = |change| Job { file: file.clone(), tests: tests.clone(), change };
        controls.push(job(None));
        mutants.extend(changes.into_iter().map(|change| job(Some(change))));
    }
    Ok((controls, mutants))
}

/// Works off the queue in a copy of the project.
fn work(
    worker: usize,
    queue: &Mutex<VecDeque<Job>>,
    survivors: &Mutex<Vec<String>>,
    quiet: bool,
) -> anyhow::Result<()> {
    let copy = Copy::make(worker)?;
    loop {
        let next = queue.lock().map_or(None, |mut queue| queue.pop_front());
        let Some(job) = next else { return Ok(()) };
        let passed = copy.passes(&job)?;
        let Some(change) = &job.change else {
            ensure!(passed, "{} fails without any change", job.tests);
            continue;
        };
        let line = format!("{}: {} -> {}", job.file, change.from, change.to);
        if !quiet {
            eprintln!("{} {line}", if passed { "SURVIVED" } else { "killed  " });
        }
        if passed && let Ok(mut survivors) = survivors.lock() {
            survivors.push(line);
        }
    }
}

/// A copy of what forge needs, removed when dropped.
struct Copy {
    root: PathBuf,
    forge: PathBuf,
}

impl Copy {
    fn make(worker: usize) -> anyhow::Result<Self> {
        let root =
            std::env::temp_dir().join(format!("tatum-mutants-{}-{worker}", std::process::id()));
        let copy = Self { root, forge: foundry("forge")? };
        for part in COPIED {
            copy_tree(&repository().join(part), &copy.root.join(part))?;
        }
        std::fs::copy(repository().join("scripts/solc.js"), copy.root.join("scripts/solc.js"))
            .context("copying the compiler's wrapper")?;
        std::os::unix::fs::symlink(
            repository().join("node_modules"),
            copy.root.join("node_modules"),
        )
        .context("linking node_modules")?;
        Ok(copy)
    }

    /// Makes the change, runs the tests, takes the change back.
    fn passes(&self, job: &Job) -> anyhow::Result<bool> {
        let path = self.root.join(&job.file);
        let original = std::fs::read_to_string(&path).with_context(|| job.file.clone())?;
        if let Some(change) = &job.change {
            std::fs::write(&path, change.applied(&job.file, &original)?)?;
        }
        let passed = self.test(job);
        std::fs::write(&path, original)?;
        passed
    }

    fn test(&self, job: &Job) -> anyhow::Result<bool> {
        let log = self.root.join("forge.log");
        let output = std::fs::File::create(&log).context("making a log")?;
        let status = limited(&self.forge, LONGEST_S)
            .current_dir(&self.root)
            .args(["test", "--fail-fast", "--threads", "1", "--fuzz-runs", "24", "--match-path"])
            .arg(&job.tests)
            .envs([("FOUNDRY_OPTIMIZER", "false"), ("FOUNDRY_CODE_SIZE_LIMIT", "2000000")])
            .stdin(Stdio::null())
            .stderr(output.try_clone()?)
            .stdout(output)
            .status()
            .context("starting forge")?;
        let said = std::fs::read_to_string(&log)?;
        let ran = said.contains("Suite result:") || status.signal() == Some(SIGXCPU);
        ensure!(ran, "{}: {:?} does not compile:\n{said}", job.file, job.change);
        Ok(status.success())
    }
}

/// `program`, ended by [`SIGXCPU`] when it has used its time: the soft limit, for a hard one kills like anything else does. The
/// compiler, a process of its own, has its own time.
fn limited(program: &Path, seconds: u32) -> Command {
    let mut command = Command::new("sh");
    command.arg("-c").arg(format!("ulimit -S -t {seconds} && exec \"$0\" \"$@\"")).arg(program);
    command
}

impl Drop for Copy {
    fn drop(&mut self) {
        // Best effort: the folder is a temporary one.
        let _ = std::fs::remove_dir_all(&self.root);
    }
}

fn copy_tree(from: &Path, to: &Path) -> anyhow::Result<()> {
    if let Some(parent) = to.parent() {
        std::fs::create_dir_all(parent)?;
    }
    if from.is_file() {
        std::fs::copy(from, to).with_context(|| from.display().to_string())?;
        return Ok(());
    }
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from).with_context(|| from.display().to_string())? {
        let entry = entry?;
        copy_tree(&entry.path(), &to.join(entry.file_name()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_change_of_the_list_can_be_made() {
        let (controls, mutants) = jobs("").unwrap();
        assert!(!controls.is_empty() && mutants.len() > controls.len());
    }

    #[test]
    fn what_goes_on_for_ever_ends_in_a_way_that_is_told_apart() {
        let endless = ["-c", "while :; do :; done"];
        let status = limited(Path::new("sh"), 1).args(endless).status().unwrap();
        assert_eq!(status.signal(), Some(SIGXCPU), "{status}");
        assert!(limited(Path::new("true"), 1).status().unwrap().success());
    }
}
