//! The machine's monitor (QMP): sticks go in and out while it runs.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

use crate::clock::wait_until;
use crate::limits::START_WITHIN;

const SILENT_MAX: Duration = Duration::from_mins(1);

#[derive(Debug)]
pub(super) struct Monitor {
    path: PathBuf,
    stream: Mutex<Option<BufReader<UnixStream>>>,
}

impl Monitor {
    pub(super) fn at(path: &Path) -> Self {
        Self {
            path: path.to_path_buf(),
            stream: Mutex::new(None),
        }
    }

    /// Sends a command, which must be taken.
    #[track_caller]
    pub(super) fn tell(&self, order: &str) {
        let mut slot = self.stream.lock().expect("a monitor");
        let mut stream = slot.take().unwrap_or_else(|| self.open());
        say(&mut stream, order);
        *slot = Some(stream);
    }

    /// Waits for an event.
    #[track_caller]
    pub(super) fn wait_for(&self, event: &str) {
        let mut slot = self.stream.lock().expect("a monitor");
        let stream = slot.as_mut().expect("something was told");
        while !next(stream).contains(event) {}
    }

    fn open(&self) -> BufReader<UnixStream> {
        let mut found = None;
        wait_until("the machine's monitor", START_WITHIN, || {
            found = UnixStream::connect(&self.path).ok();
            found.is_some()
        });
        let stream = found.expect("it is there");
        stream.set_read_timeout(Some(SILENT_MAX)).expect("a limit");
        let mut stream = BufReader::new(stream);
        say(&mut stream, r#"{"execute": "qmp_capabilities"}"#);
        stream
    }
}

#[track_caller]
fn say(stream: &mut BufReader<UnixStream>, order: &str) {
    let order = format!("{order}\n");
    stream
        .get_mut()
        .write_all(order.as_bytes())
        .expect("a monitor");
    loop {
        let answer = next(stream);
        assert!(!answer.contains("\"error\""), "{order}: {answer}");
        if answer.contains("\"return\"") {
            return;
        }
    }
}

#[track_caller]
fn next(stream: &mut BufReader<UnixStream>) -> String {
    let mut line = String::new();
    let count = stream.read_line(&mut line).expect("a word of the monitor");
    assert!(count > 0, "the machine ended");
    line
}
