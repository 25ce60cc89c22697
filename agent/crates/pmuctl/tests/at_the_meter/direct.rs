//! A port without a gateway: a private one is started, asked and ended, and leaves nothing.

use super::{answer, fake_agent, pmuctl, question, words};
use desk::{Answer, Job, JobState, Outcome, Progress, Request, Status, Work};
use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Output, Stdio};
use std::time::Duration;
use tempfile::TempDir;
use tokio::time::sleep;

/// A machine with memory that is used as a disk, and a program in the place of the gateway that
/// only says that it lives. The test answers for it.
struct World {
    folder: TempDir,
    memory: TempDir,
}

/// Says where its configuration lies, and lives until it is told to end.
const GATEWAY: &str = r#"
trap 'echo ended > "$OUT/ended"; exit 0' TERM
cp "$3" "$OUT/agent.toml"
echo "$3" > "$OUT/path.new"
mv "$OUT/path.new" "$OUT/path"
while :; do sleep 0.05; done
"#;

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("models")).unwrap();
        fs::write(
            folder.path().join("models/elster-a1700.toml"),
            "protocols = [\"flag\"]\n",
        )
        .unwrap();
        let memory = tempfile::tempdir_in("/dev/shm").unwrap();
        Self { folder, memory }
    }

    fn start(&self, gateway: &str, words: &str) -> Child {
        let folder = self.folder.path();
        let mut command = pmuctl(folder);
        command
            .env_remove("PMU_SOCKET")
            .env("OUT", folder)
            .env("XDG_RUNTIME_DIR", self.memory.path())
            .env("PMU_AGENT", fake_agent(folder, gateway))
            .args(["--direct", "/dev/null", "--model-folder"])
            .arg(folder.join("models"))
            .args(words.split_whitespace())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command.spawn().unwrap()
    }

    async fn wait_for(&self, name: &str) -> String {
        let path = self.folder.path().join(name);
        while !path.exists() {
            sleep(Duration::from_millis(10)).await;
        }
        fs::read_to_string(path).unwrap()
    }

    /// The socket that the gateway would open.
    async fn listen(&self) -> UnixListener {
        let path = PathBuf::from(self.wait_for("path").await.trim_end());
        let run = path.parent().unwrap().join("run/desk.sock");
        let listener = UnixListener::bind(run).unwrap();
        let (asked, stream) = question(&listener);
        assert_eq!(asked, Request::Status);
        answer(stream, status());
        listener
    }

    #[track_caller]
    fn check_nothing_is_left(&self) {
        let left: Vec<_> = fs::read_dir(self.memory.path()).unwrap().collect();
        assert!(left.is_empty(), "{left:?}");
    }
}

fn status() -> Answer {
    Answer::Status(Box::new(Status {
        gateway: "direct".to_owned(),
        version: String::new(),
        up_s: 0,
        utc: String::new(),
        clock: String::new(),
        rss_bytes: 0,
        buses: Vec::new(),
        uplink: None,
        outbox: Vec::new(),
        alarms: Vec::new(),
    }))
}

fn job(state: JobState) -> Answer {
    Answer::Job(Box::new(Job {
        number: 1,
        words: "collection of direct".to_owned(),
        state,
    }))
}

fn running() -> Answer {
    job(JobState::Running(Progress::default()))
}

async fn ended(child: Child) -> Output {
    let ended = tokio::task::spawn_blocking(move || child.wait_with_output());
    ended.await.unwrap().unwrap()
}

const COLLECT: &str = "--model elster-a1700 --address 001 meter collect direct --all";

#[tokio::test]
async fn a_command_has_a_gateway_of_its_own() {
    let world = World::new();
    let child = world.start(GATEWAY, COLLECT);
    let listener = world.listen().await;
    let (asked, stream) = question(&listener);
    let meter = "direct".to_owned();
    let what = Work::Collect {
        meter,
        from: None,
        to: None,
        again: false,
    };
    assert_eq!(asked, Request::Start { what });
    let outcome = Outcome::Collected(desk::CollectResult {
        days: 90,
        ..Default::default()
    });
    answer(stream, job(JobState::Done(Box::new(outcome))));
    let done = ended(child).await;
    assert!(done.status.success(), "{}", words(&done));
    assert!(words(&done).contains("90 days read"), "{}", words(&done));
    world.wait_for("ended").await;
    world.check_nothing_is_left();
    let text = world.wait_for("agent.toml").await;
    assert!(text.contains("device = \"/dev/null\""), "{text}");
    assert!(text.contains("address = \"001\""), "{text}");
    assert!(!text.contains("uplink]"), "{text}");
}

#[tokio::test]
async fn ctrl_c_ends_the_work_the_gateway_and_its_folder() {
    let world = World::new();
    let child = world.start(GATEWAY, COLLECT);
    let pid = Pid::from_child(&child);
    let listener = world.listen().await;
    let (_, stream) = question(&listener);
    answer(stream, running());
    kill_process(pid, Signal::INT).unwrap();
    loop {
        let (asked, stream) = question(&listener);
        match asked {
            Request::Job { .. } => answer(stream, running()),
            other => {
                assert_eq!(other, Request::Cancel { number: 1 });
                answer(stream, Answer::Done("it ends".to_owned()));
                break;
            }
        }
    }
    let (_, stream) = question(&listener);
    let kept = Progress {
        done: 12,
        total: 90,
        words: "12 of 90 days".to_owned(),
    };
    answer(stream, job(JobState::Cancelled(kept)));
    let done = ended(child).await;
    assert_eq!(done.status.code(), Some(1));
    assert!(
        words(&done).contains("cancelled: 12 of 90 days"),
        "{}",
        words(&done)
    );
    world.wait_for("ended").await;
    world.check_nothing_is_left();
}

#[tokio::test]
async fn ctrl_c_while_it_starts_leaves_nothing_either() {
    let world = World::new();
    let child = world.start(GATEWAY, COLLECT);
    let pid = Pid::from_child(&child);
    world.wait_for("path").await;
    kill_process(pid, Signal::INT).unwrap();
    let done = ended(child).await;
    assert_eq!(done.status.code(), Some(1));
    assert!(words(&done).contains("interrupted"), "{}", words(&done));
    world.wait_for("ended").await;
    world.check_nothing_is_left();
}

#[tokio::test]
async fn what_a_killed_one_left_goes_with_the_next() {
    let world = World::new();
    let mut killed = world.start(GATEWAY, COLLECT);
    world.wait_for("path").await;
    let folder = left(world.memory.path());
    // Its number is noted a moment after it was started.
    while !folder.join("agent.pid").exists() {
        sleep(Duration::from_millis(10)).await;
    }
    killed.kill().unwrap();
    drop(ended(killed).await);
    assert!(folder.exists() && !world.folder.path().join("ended").exists());
    let next = world.start("echo no >&2; exit 1", "status");
    let done = ended(next).await;
    assert_eq!(done.status.code(), Some(1));
    world.wait_for("ended").await;
    world.check_nothing_is_left();
}

fn left(memory: &Path) -> PathBuf {
    let mut files = fs::read_dir(memory).unwrap();
    files.next().unwrap().unwrap().path()
}

#[tokio::test]
async fn a_gateway_that_does_not_start_says_why() {
    let world = World::new();
    let gateway = "echo \"$3:7: meter direct.address: 999 is none\" >&2; exit 78";
    let done = ended(world.start(gateway, COLLECT)).await;
    assert_eq!(done.status.code(), Some(1));
    let said = words(&done);
    assert!(said.contains("--direct:7: meter direct.address"), "{said}");
    world.check_nothing_is_left();
}

#[tokio::test]
async fn what_is_wrong_is_said_before_anything_is_started() {
    let world = World::new();
    for (words_typed, part) in [
        (
            "--model elster-a1800 meter ping direct",
            "elster-a1800.toml",
        ),
        (
            "--model elster-a1700 --password-file /nonexistent meter ping direct",
            "no password can be read",
        ),
    ] {
        let done = ended(world.start("exit 0", words_typed)).await;
        assert_eq!(done.status.code(), Some(1));
        assert!(words(&done).contains(part), "{}", words(&done));
    }
    let mut absent = pmuctl(world.folder.path());
    absent
        .env_remove("PMU_SOCKET")
        .args(["--direct", "/dev/ttyNONE", "status"]);
    absent.env("PMU_AGENT", fake_agent(world.folder.path(), "exit 0"));
    let done = absent.output().unwrap();
    assert!(words(&done).contains("/dev/ttyNONE: there is no such port"));
    world.check_nothing_is_left();
}
