//! The door of the test into the machine: a line goes in, output and exit code come back.

use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

use super::WITHIN;
use crate::clock::wait_until;

const MARK: &str = "\ndoor-end ";
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// A way in.
#[derive(Debug)]
pub(super) struct Door {
    path: PathBuf,
    stream: Mutex<Option<UnixStream>>,
}

impl Door {
    pub(super) fn at(path: &Path) -> Self {
        Self {
            path: path.to_path_buf(),
            stream: Mutex::new(None),
        }
    }

    /// Has a line done. A reboot forgets what was not taken; then the line is lost, and the test
    /// fails.
    #[track_caller]
    pub(super) fn say(&self, line: &str) -> (i32, String) {
        let mut slot = self.stream.lock().expect("a door");
        let mut stream = slot.take().unwrap_or_else(|| self.open());
        stream
            .write_all(format!("{line}\n").as_bytes())
            .expect("an open door");
        let mut heard = Vec::new();
        let mut chunk = [0; 4096];
        wait_until(&format!("an answer to `{line}`"), WITHIN, || {
            match stream.read(&mut chunk) {
                Ok(0) => panic!("the machine ended: {line}"),
                Ok(count) => heard.extend_from_slice(chunk.get(..count).expect("what was read")),
                Err(fault) => assert_eq!(fault.kind(), ErrorKind::WouldBlock, "{fault}"),
            }
            heard.ends_with(b"\n") && String::from_utf8_lossy(&heard).contains(MARK)
        });
        *slot = Some(stream);
        let heard = String::from_utf8_lossy(&heard).into_owned();
        let (words, code) = heard.rsplit_once(MARK).expect("the mark");
        (code.trim().parse().expect("a number"), words.to_owned())
    }

    fn open(&self) -> UnixStream {
        let mut found = None;
        wait_until("the machine's door", WITHIN, || {
            found = UnixStream::connect(&self.path).ok();
            found.is_some()
        });
        let stream = found.expect("it is there");
        stream.set_read_timeout(Some(LOOK_EVERY)).expect("a limit");
        stream
    }
}
