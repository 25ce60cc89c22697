//! Commands about meter lists: what operators have put there, and what they run now.

use super::Dispatch;
use super::hands::Hands;
use super::library::PREFIX as SCHEMES;
use super::outcome::{MeterEnd, Outcome};
use crate::tasks::list_keeper::{line_of, names_of, site_map};
use crate::tasks::storekeeper::Beside;
use authority::{CommandState, Document, LibraryName};
use schemes::list::{MeterList, Run, TaskFault, TaskState};
use std::collections::BTreeSet;
use storage::Remembered;

/// Faults that are told one by one.
const FAULTS_MAX: usize = 20;

impl Hands {
    /// Keeps a list that came with the command or beside it, with the proof who put it: in their name it
    /// runs. Nothing where the gateway stops meanwhile.
    pub(super) async fn put_list(
        &self,
        dispatch: &Dispatch,
        document: &Document,
    ) -> Option<Outcome> {
        Some(match self.text_of(document).await? {
            Ok(text) => self.put_list_text(dispatch, &text).await,
            Err(outcome) => outcome,
        })
    }

    async fn put_list_text(&self, dispatch: &Dispatch, text: &str) -> Outcome {
        let list = match MeterList::parse("list", text) {
            Ok(list) => list,
            Err(complaints) => return Outcome::failed("bad-list", complaints.to_string()),
        };
        let name = list.name.as_str();
        if let Err(outcome) = self.is_idle(name).await {
            return outcome;
        }
        let tasks = match self.list_tasks(&list, text).await {
            Ok(tasks) => tasks,
            Err(outcome) => return outcome,
        };
        let row = match self.receipts.row(dispatch.authentic()) {
            Ok(row) => row,
            Err(fault) => return Outcome::failed("not-kept", fault.to_string()),
        };
        let value = |bytes| Some(Remembered { version: 1, bytes });
        let [text_name, row_name, run_name] = names_of(&list);
        // What was handled of an older list of this name says nothing of this one.
        let values = vec![
            (text_name, value(list.canonical_text().into_bytes())),
            (row_name, value(row)),
            (run_name, None),
        ];
        if let Err(outcome) = self.keep_values(values).await {
            return outcome;
        }
        self.lists.changed(list.name.clone()).await;
        let when = if list.schedule.is_some() {
            "runs by its schedule"
        } else {
            "runs when it is told to"
        };
        Outcome::succeeded(format!(
            "list {name} is kept and {when}; it has {tasks} meters now"
        ))
    }

    /// How many meters a list has here, or all that it names and that is not here, each with its line.
    async fn list_tasks(&self, list: &MeterList, text: &str) -> Result<usize, Outcome> {
        let kept = self.store.remembered_names(SCHEMES).await;
        let kept = kept.map_err(|error| Outcome::failed("not-kept", error.to_string()))?;
        let schemes: BTreeSet<String> = kept.into_iter().map(|(name, _)| name).collect();
        let mut faults = Vec::new();
        for pair in &list.pairs {
            let scheme = pair.scheme.to_string();
            if !schemes.contains(&format!("{SCHEMES}{scheme}")) {
                let words = "there is no such scheme; put it with scheme.put first";
                faults.push(fault(text, "pair.scheme", &scheme, words));
            }
        }
        let map = site_map(&self.store).await;
        let tasks = list.tasks_at(&map, |meter| line_of(&self.buses, meter));
        let count = tasks.as_ref().map_or(0, Vec::len);
        for found in tasks.err().unwrap_or_default() {
            let words = found.to_string();
            faults.push(match found {
                TaskFault::Empty(folder) => fault(text, "pair.folder", &folder, &words),
                TaskFault::Unknown(meter) | TaskFault::TwoSchemes { meter, .. } => {
                    fault(text, "pair.meters", meter.as_str(), &words)
                }
            });
        }
        if faults.is_empty() {
            return Ok(count);
        }
        let further = faults.len().saturating_sub(FAULTS_MAX);
        faults.truncate(FAULTS_MAX);
        if further > 0 {
            faults.push(format!("and {further} more"));
        }
        Err(Outcome::failed("list-does-not-fit", faults.join("; ")))
    }

    pub(super) async fn remove_list(&self, name: &LibraryName) -> Outcome {
        let list = match self.list(name).await {
            Ok(list) => list,
            Err(outcome) => return outcome,
        };
        if let Err(outcome) = self.is_idle(name.as_str()).await {
            return outcome;
        }
        let values = names_of(&list).into_iter().map(|name| (name, None));
        if let Err(outcome) = self.keep_values(values.collect()).await {
            return outcome;
        }
        self.lists.changed(list.name).await;
        Outcome::succeeded(format!("list {name} is removed"))
    }

    pub(super) async fn stop_list(&self, name: &LibraryName) -> Outcome {
        match self.lists.stop(name.as_str()).await {
            Some(true) => Outcome::succeeded(format!(
                "list {name} stops; what is being done at a meter now goes on to its end"
            )),
            Some(false) => Outcome::failed("not-running", format!("list {name} does not run")),
            None => Outcome::failed("interrupted", "the gateway stops"),
        }
    }

    /// Runs a list to its end. Nothing where the gateway stops first: the run goes on after it.
    pub(super) async fn run_list(
        &self,
        dispatch: &Dispatch,
        name: &LibraryName,
    ) -> Option<Outcome> {
        let ended = tokio::select! {
            biased;
            () = self.shutdown.cancelled() => return None,
            ended = self.lists.run(name.as_str(), dispatch.command().id) => ended?,
        };
        Some(match ended {
            Ok(run) => of_run(&run),
            Err(words) => Outcome::failed("not-run", words),
        })
    }

    async fn list(&self, name: &LibraryName) -> Result<MeterList, Outcome> {
        let kept = self.store.recall(&format!("list/{name}")).await;
        let kept = kept.map_err(|error| Outcome::failed("not-kept", error.to_string()))?;
        let unknown = || Outcome::failed("no-such-list", format!("there is no list `{name}`"));
        let text = kept.ok_or_else(unknown)?.bytes;
        MeterList::parse("list", &String::from_utf8_lossy(&text))
            .map_err(|complaints| Outcome::failed("bad-list", complaints.to_string()))
    }

    async fn is_idle(&self, name: &str) -> Result<(), Outcome> {
        match self.lists.is_running(name).await {
            Some(false) => Ok(()),
            Some(true) => {
                let words = format!("list {name} runs; stop it with list.stop first");
                Err(Outcome::failed("running", words))
            }
            None => Err(Outcome::failed("interrupted", "the gateway stops")),
        }
    }

    /// Keeps values together, or none of them.
    pub(super) async fn keep_values(
        &self,
        values: Vec<(String, Option<Remembered>)>,
    ) -> Result<(), Outcome> {
        let beside = Beside {
            records: Vec::new(),
            values,
        };
        let kept = self.store.remember(beside).await;
        kept.map_err(|error| Outcome::failed("not-kept", error.to_string()))
    }
}

/// What a run says for each meter; the proof of each is in the receipt of its own command.
fn of_run(run: &Run) -> Outcome {
    let ends = run.tasks().iter().map(|task| {
        let (state, code) = match task.state {
            TaskState::Done { .. } => (CommandState::Succeeded, ""),
            _ => (CommandState::Failed, "given-up"),
        };
        let text = if task.reason.is_empty() {
            task.state.to_string()
        } else {
            format!("{}: {}", task.state, task.reason)
        };
        let mut end = MeterEnd::without_report(&task.meter, state, code, text);
        end.code = end.code.filter(|code| !code.is_empty());
        end
    });
    let (done, not): (Vec<MeterEnd>, Vec<MeterEnd>) =
        ends.partition(|end| end.proof.state == CommandState::Succeeded);
    let counts = format!("{} done, {} given up", done.len(), not.len());
    // What is partial at a meter is so in its own command, and is resumed there.
    let state = if not.is_empty() {
        CommandState::Succeeded
    } else {
        CommandState::Failed
    };
    let reasons: Vec<String> = not
        .iter()
        .map(|end| format!("{}: {}", end.proof.meter, end.text))
        .collect();
    let text = [vec![counts], reasons].concat().join("; ");
    let code = (!not.is_empty()).then_some("given-up");
    Outcome {
        meters: done.into_iter().chain(not).map(|end| end.proof).collect(),
        ..Outcome::of(state, code, text)
    }
}

/// A fault of a name that stands in the file in quotes.
fn fault(text: &str, key: &str, name: &str, words: &str) -> String {
    let quoted = [format!("\"{name}\""), format!("'{name}'")];
    let line = text.lines().zip(1_u32..).find(|(line, _)| {
        let is_comment = line.trim_start().starts_with('#');
        !is_comment && quoted.iter().any(|quoted| line.contains(quoted.as_str()))
    });
    match line {
        Some((_, line)) => format!("list:{line}: {key} `{name}`: {words}"),
        None => format!("list: {key} `{name}`: {words}"),
    }
}

#[cfg(test)]
mod tests {
    use super::fault;

    #[track_caller]
    fn check(name: &str, expected: &str) {
        let text = "# not \"a\"\n[[pair]]\nmeters = [\n \"b\", \"a\"]\n";
        assert_eq!(fault(text, "pair.meters", name, "gone"), expected);
    }

    #[test]
    fn a_fault_names_the_line_where_the_name_stands() {
        check("a", "list:4: pair.meters `a`: gone");
        check("c", "list: pair.meters `c`: gone");
    }
}
