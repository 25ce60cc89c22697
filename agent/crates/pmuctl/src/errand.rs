//! One command at a gateway: what it asks, where it shows the answer, and when it ends.

use crate::adapters::signals::Wishes;
use crate::adapters::terminal;
use crate::console::Console;
use crate::limits::{CANCEL_WITHIN, JOB_LOOK_EVERY};
use crate::show;
use anyhow::{Result, bail};
use desk::{Answer, Caller, GatewayDesk, Job, JobState, Outcome, Refusal, Request, Work};
use serde::Serialize;
use tokio::time::{Instant, sleep};

/// A command on its way.
pub(crate) struct Errand<'a, D> {
    pub(crate) desk: &'a D,
    pub(crate) console: &'a mut Console,
    pub(crate) wishes: &'a Wishes,
    pub(crate) is_json: bool,
}

impl<D: GatewayDesk> Errand<'_, D> {
    /// Asks one question. Whoever is tired of waiting may go.
    pub(crate) async fn ask(&self, request: Request) -> Result<Answer> {
        tokio::select! {
            biased;
            answer = ask(self.desk, request) => Ok(answer?),
            () = self.wishes.stop.cancelled() => bail!("interrupted; nothing was changed by that"),
        }
    }

    /// Waits for what a person types, who may rather go.
    pub(crate) async fn typed<T>(&self, what: impl Future<Output = Result<T>>) -> Result<T> {
        tokio::select! {
            biased;
            () = self.wishes.stop.cancelled() => bail!("interrupted; nothing was changed"),
            typed = what => typed,
        }
    }

    /// Whether a person says yes.
    pub(crate) async fn is_yes(&mut self, question: &str) -> Result<bool> {
        if !terminal::has_person() {
            bail!("nobody can be asked; add --yes");
        }
        self.console.remark(&format!("{question} [y/N] "))?;
        tokio::select! {
            biased;
            () = self.wishes.stop.cancelled() => {
                self.console.remark("\n")?;
                Ok(false)
            }
            wanted = terminal::is_yes() => Ok(wanted?),
        }
    }

    /// Has a piece of work done, and shows how far it is. Ctrl-C cancels it: the gateway keeps
    /// what it has read, and says how far it came.
    pub(crate) async fn work(&mut self, what: Work) -> Result<Job> {
        // Never given up half-way: a job whose number is not known could not be cancelled.
        let job = as_job(ask(self.desk, Request::Start { what }).await?)?;
        let number = job.number;
        tokio::select! {
            biased;
            () = self.wishes.leave.cancelled() => bail!(
                "left; the gateway may still be at job {number}: `pmuctl jobs` shows it, \
                 `pmuctl job cancel {number}` ends it"
            ),
            ended = follow(self.desk, self.console, self.wishes, job) => {
                let ended = ended?;
                self.console.end_progress()?;
                Ok(ended)
            }
        }
    }

    /// What a piece of work brought. `None`: nothing, and that was shown.
    pub(crate) async fn outcome(&mut self, what: Work) -> Result<Option<Outcome>> {
        let job = self.work(what).await?;
        if let JobState::Done(outcome) = job.state {
            return Ok(Some(*outcome));
        }
        self.show(&job)?;
        Ok(None)
    }

    /// Has a piece of work done and shows what came of it. `false`: it ended without a result, or
    /// with one that is not well.
    pub(crate) async fn work_and_show(&mut self, what: Work) -> Result<bool> {
        let job = self.work(what).await?;
        self.show(&job)
    }

    /// Shows a piece of work as it stands.
    pub(crate) fn show(&mut self, job: &Job) -> Result<bool> {
        if self.is_json {
            self.say_json(job)?;
        } else {
            self.console.say(&show::job::text(job))?;
        }
        Ok(show::job::is_well(job))
    }

    /// One line of JSON.
    pub(crate) fn say_json(&mut self, value: &impl Serialize) -> Result<()> {
        let line = serde_json::to_string(value)?;
        Ok(self.console.say(&format!("{line}\n"))?)
    }
}

/// Asks a desk.
pub(crate) async fn ask(desk: &impl GatewayDesk, request: Request) -> Result<Answer, Refusal> {
    // The kernel tells the gateway who we are; what is said here does not matter.
    let nobody = Caller {
        uid: u32::MAX,
        pid: 0,
    };
    desk.ask(nobody, request).await
}

/// Looks at a job until it has ended.
async fn follow(
    desk: &impl GatewayDesk,
    console: &mut Console,
    wishes: &Wishes,
    mut job: Job,
) -> Result<Job> {
    let number = job.number;
    let mut cancelled_at = None;
    while !job.state.has_ended() {
        match cancelled_at {
            None if wishes.stop.is_cancelled() => {
                console.progress("ending it at its next step; Ctrl-C again leaves at once")?;
                cancel(desk, number).await?;
                cancelled_at = Some(Instant::now());
            }
            None => {
                console.progress(&show::job::progress(&job))?;
                tokio::select! {
                    () = wishes.stop.cancelled() => continue,
                    () = sleep(JOB_LOOK_EVERY) => {}
                }
            }
            Some(at) if at.elapsed() > CANCEL_WITHIN => {
                bail!("job {number} was cancelled and has not ended; `pmuctl jobs` shows it")
            }
            Some(_) => sleep(JOB_LOOK_EVERY).await,
        }
        job = as_job(ask(desk, Request::Job { number }).await?)?;
    }
    Ok(job)
}

/// A job that ended in the meantime is no reason to complain.
async fn cancel(desk: &impl GatewayDesk, number: u64) -> Result<()> {
    if let Err(refusal) = ask(desk, Request::Cancel { number }).await {
        let job = as_job(ask(desk, Request::Job { number }).await?)?;
        if !job.state.has_ended() {
            return Err(refusal.into());
        }
    }
    Ok(())
}

fn as_job(answer: Answer) -> Result<Job, Refusal> {
    match answer {
        Answer::Job(job) => Ok(*job),
        _ => Err(unexpected()),
    }
}

/// An answer to another question.
pub(crate) fn unexpected() -> Refusal {
    Refusal {
        problem: "the gateway answered something else than was asked".to_owned(),
        remedy: "use the pmuctl of the same version as the gateway".to_owned(),
    }
}

#[cfg(test)]
pub(crate) mod tests;
