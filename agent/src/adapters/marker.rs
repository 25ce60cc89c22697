//! The crash marker: what was being done when the daemon panicked, in memory under `/run`, so
//! that what crashed it twice in a row is left alone the third time.
//!
//! A panic ends the process (release builds abort), but its hook still runs: that is where the
//! marker is written. So a marker costs nothing while all goes well, a power cut or a kill leaves
//! none, and of several lines on one thread the hook knows which one was running.

use std::fs;
use std::io;
use std::panic;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

tokio::task_local! {
    static DOING: Arc<Doing>;
}

/// What was found at start, from the runs before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suspect {
    /// What was being done when the daemon panicked.
    pub doing: String,
    /// How many runs in a row panicked there.
    pub times: u32,
}

/// One marker; one owner tells it what is being done.
#[derive(Debug, Clone)]
pub struct Marker(Arc<Doing>);

#[derive(Debug)]
struct Doing {
    file: PathBuf,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    now: String,
    /// What runs before panicked at; forgotten once that very thing goes well.
    suspect: Option<Suspect>,
}

/// From now on a panic within a marker's scope writes that marker. Call once.
pub fn install() {
    let before = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        before(info);
        // No marker in scope: nobody to suspect.
        let noted = DOING.try_with(|doing| doing.write());
        if let Ok(Err(error)) = noted {
            log::error!(error:%; "crash marker cannot be written");
        }
    }));
}

impl Marker {
    /// Opens the marker `name` in `folder` and says what earlier runs left there.
    pub fn open(folder: &Path, name: &str) -> io::Result<(Self, Option<Suspect>)> {
        fs::create_dir_all(folder)?;
        let file = folder.join(format!("{name}.marker"));
        let suspect = fs::read_to_string(&file).ok().and_then(|text| {
            let (times, doing) = text.trim_end().split_once(' ')?;
            Some(Suspect {
                doing: doing.to_owned(),
                times: times.parse().ok()?,
            })
        });
        let state = State {
            now: String::new(),
            suspect: suspect.clone(),
        };
        let state = Mutex::new(state);
        Ok((Self(Arc::new(Doing { file, state })), suspect))
    }

    /// Runs a task whose panics belong to this marker.
    pub async fn scope<T>(self, task: impl Future<Output = T>) -> T {
        DOING.scope(self.0, task).await
    }

    /// Does something whose panics belong to this marker.
    pub fn sync_scope<T>(&self, work: impl FnOnce() -> T) -> T {
        DOING.sync_scope(Arc::clone(&self.0), work)
    }

    /// Notes what is about to be done.
    pub fn set(&self, doing: &str) {
        let mut state = self.0.state();
        state.now.clear();
        state.now.push_str(doing);
    }

    /// It went well.
    pub fn clear(&self) {
        let mut state = self.0.state();
        let now = std::mem::take(&mut state.now);
        if state
            .suspect
            .take_if(|suspect| suspect.doing == now)
            .is_some()
            && let Err(error) = fs::remove_file(&self.0.file)
        {
            log::warn!(error:%; "crash marker cannot be cleared");
        }
    }
}

impl Doing {
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> io::Result<()> {
        let Ok(state) = self.state.try_lock() else {
            return Ok(());
        };
        if state.now.is_empty() {
            return Ok(());
        }
        let before = state
            .suspect
            .as_ref()
            .filter(|suspect| suspect.doing == state.now);
        let times = before.map_or(1, |suspect| suspect.times + 1);
        fs::write(&self.file, format!("{times} {}\n", state.now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn suspect(doing: &str, times: u32) -> Suspect {
        let doing = doing.to_owned();
        Suspect { doing, times }
    }

    fn panic_while(marker: &Marker, doing: &str) {
        marker.set(doing);
        let done = panic::catch_unwind(panic::AssertUnwindSafe(|| {
            marker.sync_scope(|| panic!("a damaged page"));
        }));
        assert!(done.is_err());
    }

    /// One test, because the hook belongs to the whole process.
    #[test]
    fn panics_in_a_row_are_counted_and_success_forgets_them() {
        install();
        let folder = tempfile::tempdir().unwrap();
        let open = || Marker::open(folder.path(), "bus-main").unwrap();
        let (marker, found) = open();
        assert_eq!(found, None);
        marker.set("feeder-1");
        assert_eq!(open().1, None, "a kill is no meter's fault");
        panic_while(&marker, "feeder-1");
        let (marker, found) = open();
        assert_eq!(found, Some(suspect("feeder-1", 1)));
        marker.set("feeder-2");
        marker.clear();
        assert_eq!(
            open().1,
            Some(suspect("feeder-1", 1)),
            "another meter clears nothing"
        );
        panic_while(&marker, "feeder-1");
        let (marker, found) = open();
        assert_eq!(found, Some(suspect("feeder-1", 2)));
        marker.set("feeder-1");
        marker.clear();
        assert_eq!(open().1, None);
    }

    #[tokio::test]
    async fn the_hook_knows_which_of_two_tasks_was_running() {
        let folder = tempfile::tempdir().unwrap();
        let marker = |name| Marker::open(folder.path(), name).unwrap().0;
        let (one, two) = (marker("one"), marker("two"));
        one.set("a");
        two.set("b");
        let write = || async { DOING.with(|doing| doing.write()) };
        let waits = one.clone().scope(async { tokio::task::yield_now().await });
        let ((), written) = tokio::join!(waits, two.clone().scope(write()));
        written.unwrap();
        assert_eq!(Marker::open(folder.path(), "one").unwrap().1, None);
        assert_eq!(
            Marker::open(folder.path(), "two").unwrap().1,
            Some(suspect("b", 1))
        );
    }
}
