use super::*;
use crate::console::tests::{Written, console, look};
use desk::{Diagnosis, Progress};
use std::collections::VecDeque;
use std::sync::Mutex;

/// A desk that gives prepared answers, and remembers what it was asked.
#[derive(Default)]
pub(crate) struct FakeDesk {
    answers: Mutex<VecDeque<Result<Answer, Refusal>>>,
    asked: Mutex<Vec<Request>>,
}

impl FakeDesk {
    pub(crate) fn answering(answers: impl IntoIterator<Item = Answer>) -> Self {
        Self {
            answers: Mutex::new(answers.into_iter().map(Ok).collect()),
            asked: Mutex::default(),
        }
    }

    /// A desk whose one job passes through these states.
    pub(crate) fn working(states: impl IntoIterator<Item = JobState>) -> Self {
        Self::answering(states.into_iter().map(job_answer))
    }

    pub(crate) fn then_refusing(self, problem: &str) -> Self {
        let refusal = Refusal {
            problem: problem.to_owned(),
            remedy: "wait".to_owned(),
        };
        self.answers.lock().unwrap().push_back(Err(refusal));
        self
    }

    fn then_answering(self, answers: impl IntoIterator<Item = Answer>) -> Self {
        let answers = answers.into_iter().map(Ok);
        self.answers.lock().unwrap().extend(answers);
        self
    }

    pub(crate) fn asked(&self) -> Vec<Request> {
        self.asked.lock().unwrap().clone()
    }
}

impl GatewayDesk for FakeDesk {
    async fn ask(&self, _: Caller, request: Request) -> Result<Answer, Refusal> {
        self.asked.lock().unwrap().push(request);
        let mut answers = self.answers.lock().unwrap();
        answers.pop_front().expect("a prepared answer")
    }
}

pub(crate) fn job_answer(state: JobState) -> Answer {
    Answer::Job(Box::new(Job {
        number: 7,
        words: "ping of feeder-1".to_owned(),
        state,
    }))
}

pub(crate) fn done(outcome: Outcome) -> JobState {
    JobState::Done(Box::new(outcome))
}

fn running(words: &str, done: u64, total: u64) -> JobState {
    JobState::Running(Progress {
        done,
        total,
        words: words.to_owned(),
    })
}

fn values() -> JobState {
    done(Outcome::Values(Vec::new()))
}

fn ping() -> Work {
    Work::Ping {
        meter: "feeder-1".to_owned(),
    }
}

/// Runs a command of `desk` and gives its result, its output and its errors.
pub(crate) async fn run<T>(
    desk: &FakeDesk,
    wishes: &Wishes,
    is_json: bool,
    command: impl AsyncFnOnce(&mut Errand<'_, FakeDesk>) -> Result<T>,
) -> (Result<T>, Written, Written) {
    let (console, out, errors) = console(look(80));
    let mut console = if is_json { console.quiet() } else { console };
    let mut errand = Errand {
        desk,
        console: &mut console,
        wishes,
        is_json,
    };
    (command(&mut errand).await, out, errors)
}

#[tokio::test(start_paused = true)]
async fn a_job_is_looked_at_until_it_has_ended() {
    let desk = FakeDesk::working([
        JobState::Waiting("the line is busy with a profile".to_owned()),
        running("sign-on", 1, 4),
        running("sign-on", 1, 4),
        running("identity", 2, 0),
        values(),
    ]);
    let begun = Instant::now();
    let (ended, out, errors) = run(&desk, &Wishes::default(), false, async |errand| {
        errand.work_and_show(ping()).await
    })
    .await;
    assert!(ended.unwrap());
    assert_eq!(begun.elapsed(), 4 * JOB_LOOK_EVERY);
    assert_eq!(
        errors.text(),
        "waiting: the line is busy with a profile\n1 of 4, sign-on\nidentity\n"
    );
    assert_eq!(out.text(), "no value\n");
    let mut expected = vec![Request::Start { what: ping() }];
    expected.extend([const { Request::Job { number: 7 } }; 4]);
    assert_eq!(desk.asked(), expected);
}

#[tokio::test(start_paused = true)]
async fn programs_get_the_result_as_one_line() {
    let desk = FakeDesk::working([running("sign-on", 1, 4), values()]);
    let (ended, out, errors) = run(&desk, &Wishes::default(), true, async |errand| {
        errand.work_and_show(ping()).await
    })
    .await;
    assert!(ended.unwrap());
    assert_eq!(errors.text(), "");
    assert_eq!(
        out.text(),
        "{\"number\":7,\"words\":\"ping of feeder-1\",\"state\":{\"state\":\"done\",\
         \"is\":{\"outcome\":\"values\",\"is\":[]}}}\n"
    );
}

#[tokio::test(start_paused = true)]
async fn a_job_that_fails_says_what_to_do() {
    let failed = JobState::Failed(Diagnosis {
        code: "C02".to_owned(),
        happened: "the answer is garbled".to_owned(),
        meaning: "no value was read".to_owned(),
        next: vec!["set 7E1".to_owned(), "look at the speed".to_owned()],
        tried: vec!["8N1: silence".to_owned()],
    });
    let desk = FakeDesk::working([failed]);
    let (ended, out, _) = run(&desk, &Wishes::default(), false, async |errand| {
        errand.work_and_show(ping()).await
    })
    .await;
    assert!(!ended.unwrap());
    let expected = "C02: the answer is garbled\n\
                    what it means: no value was read\n\
                    what to do:\n  1. set 7E1\n  2. look at the speed\n\
                    what was tried:\n  - 8N1: silence\n";
    assert_eq!(out.text(), expected);
}

#[tokio::test(start_paused = true)]
async fn whoever_presses_ctrl_c_gets_what_was_kept() {
    let kept = Progress {
        done: 12,
        total: 90,
        words: "12 of 90 days are kept".to_owned(),
    };
    let answers = [
        job_answer(running("day 11 of 90", 11, 90)),
        Answer::Done("job 7 ends at its next step".to_owned()),
        job_answer(running("day 12 of 90", 12, 90)),
        job_answer(JobState::Cancelled(kept)),
    ];
    let desk = FakeDesk::answering(answers);
    let wishes = Wishes::default();
    wishes.stop.cancel();
    let (ended, out, errors) = run(&desk, &wishes, false, async |errand| {
        errand.work_and_show(ping()).await
    })
    .await;
    assert!(!ended.unwrap());
    assert_eq!(out.text(), "cancelled: 12 of 90 days are kept\n");
    assert!(errors.text().contains("Ctrl-C again"), "{}", errors.text());
    let expected = [
        Request::Start { what: ping() },
        Request::Cancel { number: 7 },
        Request::Job { number: 7 },
        Request::Job { number: 7 },
    ];
    assert_eq!(desk.asked(), expected);
}

#[tokio::test(start_paused = true)]
async fn a_job_that_had_just_ended_is_shown_all_the_same() {
    let desk = FakeDesk::working([running("identity", 3, 4)])
        .then_refusing("job 7 has ended")
        .then_answering([job_answer(values()), job_answer(values())]);
    let wishes = Wishes::default();
    wishes.stop.cancel();
    let (ended, ..) = run(&desk, &wishes, false, async |errand| {
        errand.work_and_show(ping()).await
    })
    .await;
    assert!(ended.unwrap());
}

#[tokio::test(start_paused = true)]
async fn whoever_presses_it_twice_may_go() {
    let desk = FakeDesk::working([running("day 1", 1, 90)]);
    let wishes = Wishes::default();
    wishes.stop.cancel();
    wishes.leave.cancel();
    let (ended, ..) = run(&desk, &wishes, false, async |errand| {
        errand.work_and_show(ping()).await
    })
    .await;
    let words = ended.unwrap_err().to_string();
    assert!(words.contains("pmuctl job cancel 7"), "{words}");
}

#[tokio::test(start_paused = true)]
async fn a_refusal_and_a_strange_answer_are_said() {
    let refusing = FakeDesk::default().then_refusing("there is no meter `feeder-1`");
    let strange = FakeDesk::answering([Answer::Jobs(Vec::new())]);
    for (desk, part) in [(refusing, "no meter"), (strange, "same version")] {
        let (ended, ..) = run(&desk, &Wishes::default(), false, async |errand| {
            errand.work_and_show(ping()).await
        })
        .await;
        let words = ended.unwrap_err().to_string();
        assert!(words.contains(part), "{words}");
    }
}
