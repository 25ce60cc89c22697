//! Work that people started: which, how far it is, what came of it.
//!
//! The second of the two locks between tasks, beside that of the alarms: it guards a short list,
//! and nobody holds it across a wait.

use crate::front::refusal;
use crate::limits::{JOBS_KEPT_MAX, JOBS_OPEN_MAX};
use desk::{Diagnosis, Job, JobState, Outcome, Progress, Refusal};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// The list; its clones are the same list.
#[derive(Debug, Clone, Default)]
pub struct Jobs(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    list: Mutex<List>,
    /// Rung at every end.
    ended: Notify,
}

#[derive(Debug, Default)]
struct List {
    last: u64,
    entries: VecDeque<Entry>,
}

#[derive(Debug)]
struct Entry {
    job: Job,
    cancel: CancellationToken,
}

impl Jobs {
    /// Takes up a piece of work; refused while too many are open.
    pub fn open(&self, words: String) -> Result<Ticket, Refusal> {
        let mut list = self.list();
        let open = list.entries.iter().filter(|entry| !entry.has_ended());
        if open.count() >= JOBS_OPEN_MAX {
            return Err(refusal(
                format!("{JOBS_OPEN_MAX} jobs are open already"),
                "`pmuctl jobs` shows them; cancel one, or wait for its end",
            ));
        }
        if list.entries.len() >= JOBS_KEPT_MAX
            && let Some(oldest) = list.entries.iter().position(Entry::has_ended)
        {
            list.entries.remove(oldest);
        }
        list.last += 1;
        let number = list.last;
        let cancel = CancellationToken::new();
        list.entries.push_back(Entry {
            job: Job {
                number,
                words,
                state: JobState::Waiting("for its turn on the line".to_owned()),
            },
            cancel: cancel.clone(),
        });
        Ok(Ticket {
            number,
            cancel,
            jobs: self.clone(),
        })
    }

    /// How a job stands.
    pub fn job(&self, number: u64) -> Result<Job, Refusal> {
        let list = self.list();
        let found = list.find(number).map(|entry| entry.job.clone());
        found.ok_or_else(|| unknown(number))
    }

    /// All that are remembered, oldest first.
    pub fn all(&self) -> Vec<Job> {
        let list = self.list();
        list.entries.iter().map(|entry| entry.job.clone()).collect()
    }

    /// Ends a job at its next step.
    pub fn cancel(&self, number: u64) -> Result<Job, Refusal> {
        let list = self.list();
        let entry = list.find(number).ok_or_else(|| unknown(number))?;
        if entry.has_ended() {
            return Err(refusal(
                format!("job {number} has ended"),
                "`pmuctl jobs` shows what came of it",
            ));
        }
        entry.cancel.cancel();
        Ok(entry.job.clone())
    }

    /// Waits until a job has ended, and says how.
    pub async fn end_of(&self, number: u64) -> Result<Job, Refusal> {
        loop {
            let mut rung = std::pin::pin!(self.0.ended.notified());
            // Before the look: an end right behind it is heard all the same.
            rung.as_mut().enable();
            let job = self.job(number)?;
            if job.state.has_ended() {
                return Ok(job);
            }
            rung.await;
        }
    }

    fn set(&self, number: u64, state: JobState) {
        let mut list = self.list();
        let mut entries = list.entries.iter_mut();
        let entry = entries.find(|entry| entry.job.number == number);
        if let Some(entry) = entry.filter(|entry| !entry.has_ended()) {
            entry.job.state = state;
            if entry.has_ended() {
                self.0.ended.notify_waiters();
            }
        }
    }

    fn list(&self) -> MutexGuard<'_, List> {
        self.0.list.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl List {
    fn find(&self, number: u64) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.job.number == number)
    }
}

impl Entry {
    fn has_ended(&self) -> bool {
        self.job.state.has_ended()
    }
}

fn unknown(number: u64) -> Refusal {
    refusal(
        format!("there is no job {number}"),
        "`pmuctl jobs` shows those that are remembered",
    )
}

/// The right to say how a job stands. A job whose ticket is dropped before its end has failed.
#[derive(Debug)]
pub struct Ticket {
    number: u64,
    cancel: CancellationToken,
    jobs: Jobs,
}

impl Ticket {
    /// Its number.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// What somebody cancels it by.
    pub fn cancel(&self) -> &CancellationToken {
        &self.cancel
    }

    /// Whether somebody wants it to end.
    pub fn is_cancelled(&self) -> bool {
        self.cancel.is_cancelled()
    }

    /// It waits, for this.
    pub fn waits(&self, words: String) {
        self.jobs.set(self.number, JobState::Waiting(words));
    }

    /// It runs, and is so far.
    pub fn runs(&self, progress: Progress) {
        self.jobs.set(self.number, JobState::Running(progress));
    }

    /// It is done.
    pub fn done(self, outcome: Outcome) {
        self.jobs
            .set(self.number, JobState::Done(Box::new(outcome)));
    }

    /// It failed.
    pub fn failed(self, diagnosis: Diagnosis) {
        self.jobs.set(self.number, JobState::Failed(diagnosis));
    }

    /// Somebody cancelled it when it was so far.
    pub fn cancelled(self, progress: Progress) {
        self.jobs.set(self.number, JobState::Cancelled(progress));
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let diagnosis = Diagnosis {
            code: "J01".to_owned(),
            happened: "the job was dropped: the gateway stops, or its meter left the configuration"
                .to_owned(),
            meaning: "what it had read is kept".to_owned(),
            next: vec!["start it again".to_owned()],
            tried: Vec::new(),
        };
        self.jobs.set(self.number, JobState::Failed(diagnosis));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(jobs: &Jobs, number: u64, expected: &str) {
        let state = jobs.job(number).map(|job| match job.state {
            JobState::Waiting(_) => "waiting",
            JobState::Running(_) => "running",
            JobState::Done(_) => "done",
            JobState::Failed(_) => "failed",
            JobState::Cancelled(_) => "cancelled",
        });
        assert_eq!(state.unwrap_or("forgotten"), expected, "job {number}");
    }

    #[test]
    fn a_job_is_followed_to_its_end() {
        let jobs = Jobs::default();
        let one = jobs.open("one".to_owned()).expect("there is room");
        check(&jobs, 1, "waiting");
        one.runs(Progress::default());
        check(&jobs, 1, "running");
        assert!(!one.is_cancelled());
        jobs.cancel(1).expect("it runs");
        assert!(one.is_cancelled());
        one.cancelled(Progress::default());
        check(&jobs, 1, "cancelled");
        assert!(jobs.cancel(1).is_err(), "it has ended");
        jobs.open("two".to_owned())
            .expect("there is room")
            .done(Outcome::Values(Vec::new()));
        check(&jobs, 2, "done");
        drop(jobs.open("three".to_owned()));
        check(&jobs, 3, "failed");
        assert!(jobs.job(4).is_err() && jobs.cancel(4).is_err());
        assert_eq!(jobs.all().len(), 3);
    }

    #[tokio::test]
    async fn whoever_waits_for_a_job_hears_its_end() {
        let jobs = Jobs::default();
        let ticket = jobs.open("one".to_owned()).expect("there is room");
        let number = ticket.number();
        let (ended, ()) = tokio::join!(jobs.end_of(number), async move {
            ticket.runs(Progress::default());
            tokio::task::yield_now().await;
            ticket.done(Outcome::Values(Vec::new()));
        });
        assert!(matches!(ended.expect("a job").state, JobState::Done(_)));
        assert!(jobs.end_of(number).await.is_ok(), "it had ended before");
        assert!(jobs.end_of(9).await.is_err(), "there is none");
    }

    #[test]
    fn the_list_is_bounded_and_open_jobs_are_not_forgotten() {
        let jobs = Jobs::default();
        let first = jobs.open("open".to_owned()).expect("there is room");
        for _ in 0..3 * JOBS_KEPT_MAX {
            drop(jobs.open("ended".to_owned()).expect("there is room"));
        }
        assert_eq!(jobs.all().len(), JOBS_KEPT_MAX);
        check(&jobs, 1, "waiting");
        check(&jobs, 2, "forgotten");
        let open: Vec<Ticket> = (1..JOBS_OPEN_MAX)
            .map(|_| jobs.open("open".to_owned()).expect("there is room"))
            .collect();
        assert!(jobs.open("one too many".to_owned()).is_err());
        drop((first, open));
        assert!(jobs.open("again".to_owned()).is_ok());
    }
}
