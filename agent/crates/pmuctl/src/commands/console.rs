//! `console`: the status page.

use crate::adapters::clock;
use crate::adapters::machine::{Machine, why_absent};
use crate::arguments::ConsoleArguments;
use crate::errand::{self, Errand};
use crate::limits::PAGE_ANSWER_WITHIN;
use crate::page::{Agent, Answers, Facts, Setup, text};
use anyhow::{Result, bail};
use desk::{Answer, GatewayDesk, Request, UpdateWish};
use metering::Timestamp;
use std::path::Path;
use tokio::time::{sleep, timeout};

/// Shows the page until it is told to stop.
pub(super) async fn run<D: GatewayDesk>(
    errand: &mut Errand<'_, D>,
    arguments: &ConsoleArguments,
) -> Result<bool> {
    if errand.is_json {
        bail!("the page is for people; programs ask `pmuctl status --json`");
    }
    let machine = Machine::new(Path::new("/"));
    loop {
        let facts = facts(errand.desk, &machine).await;
        errand.console.say_anew(&text(&facts))?;
        if arguments.once {
            return Ok(true);
        }
        tokio::select! {
            biased;
            () = errand.wishes.stop.cancelled() => return Ok(true),
            () = sleep(arguments.every) => {}
        }
    }
}

async fn facts(desk: &impl GatewayDesk, machine: &Machine) -> Facts {
    let agent = match answers(desk).await {
        Some(answers) => Agent::Running(Box::new(answers)),
        None => Agent::Absent(why_absent().await),
    };
    let gateway = match &agent {
        Agent::Running(answers) => Some(answers.status.gateway.clone()),
        // A box that waits for its certificate has a name, and no configuration yet.
        Agent::Absent(_) => machine
            .gateway()
            .or_else(|| super::provision::status(Path::new("/")).gateway),
    };
    Facts {
        utc: utc_text(clock::utc()),
        program: env!("CARGO_PKG_VERSION").to_owned(),
        gateway,
        boot: machine.boot(),
        setup: setup(machine),
        network: machine.network(),
        is_clock_synchronised: machine.is_clock_synchronised(),
        agent,
        space: machine.space(),
        data: machine.data(),
    }
}

/// `2026-11-28 09:30:12 UTC`.
fn utc_text(now: Timestamp) -> String {
    let text = Timestamp::from_seconds(now.seconds()).to_string();
    let text = text.get(..19).unwrap_or(&text);
    format!("{} UTC", text.replace('T', " "))
}

fn setup(machine: &Machine) -> Setup {
    if machine.is_configured() {
        return Setup::Complete;
    }
    let mut missing = super::provision::status(Path::new("/")).missing();
    if let Some(complaint) = machine.refused_stick() {
        // Before anything else is brought, this has to be mended.
        missing.pop();
        missing.push(format!(
            "nothing was taken from the stick: {complaint}; answer.txt on it names all of it"
        ));
    }
    Setup::Missing(missing)
}

/// What the agent says. `None`: it does not answer, or something else does.
async fn answers(desk: &impl GatewayDesk) -> Option<Answers> {
    let Some(Answer::Status(status)) = ask(desk, Request::Status).await else {
        return None;
    };
    let meters = match ask(desk, Request::Meters).await {
        Some(Answer::Meters(meters)) => meters,
        _ => Vec::new(),
    };
    let store = match ask(desk, Request::StoreStats).await {
        Some(Answer::Store(stats)) => Some(*stats),
        _ => None,
    };
    let wish = UpdateWish::Status;
    let update = match ask(desk, Request::Update { wish }).await {
        Some(Answer::Update(update)) => Some(*update),
        _ => None,
    };
    Some(Answers {
        status: *status,
        meters,
        store,
        update,
    })
}

/// A page is worth nothing if it waits for one line of it.
async fn ask(desk: &impl GatewayDesk, request: Request) -> Option<Answer> {
    let answer = timeout(PAGE_ANSWER_WITHIN, errand::ask(desk, request)).await;
    answer.ok()?.ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapters::signals::Wishes;
    use crate::errand::tests::{FakeDesk, run as run_errand};
    use std::time::Duration;

    const ONCE: ConsoleArguments = ConsoleArguments {
        every: Duration::from_secs(5),
        once: true,
    };

    #[tokio::test]
    async fn a_page_is_shown_though_nobody_answers() {
        let desk = FakeDesk::default().then_refusing("not here");
        let wishes = Wishes::default();
        let (ended, out, _) = run_errand(&desk, &wishes, false, async |errand| {
            run(errand, &ONCE).await
        })
        .await;
        assert!(ended.unwrap());
        assert!(out.text().starts_with("PMU gateway "), "{}", out.text());
        assert!(out.text().contains("\nagent     "), "{}", out.text());
        assert_eq!(desk.asked(), [Request::Status]);
    }

    #[tokio::test]
    async fn it_is_drawn_anew_until_it_is_stopped() {
        let refusing = |desk: FakeDesk, _| desk.then_refusing("not here");
        let desk = (0..2).fold(FakeDesk::default(), refusing);
        let wishes = Wishes::default();
        let arguments = ConsoleArguments {
            every: Duration::from_millis(1),
            once: false,
        };
        let (ended, out, _) = run_errand(&desk, &wishes, false, async |errand| {
            let stop = errand.wishes.stop.clone();
            let watched = async {
                while desk.asked().len() < 2 {
                    tokio::task::yield_now().await;
                }
                stop.cancel();
            };
            let (ended, ()) = tokio::join!(run(errand, &arguments), watched);
            ended
        })
        .await;
        assert!(ended.unwrap());
        assert_eq!(out.text().matches("PMU gateway ").count(), 2);
    }

    #[tokio::test]
    async fn programs_are_sent_elsewhere() {
        let desk = FakeDesk::default();
        let wishes = Wishes::default();
        let (ended, _, _) = run_errand(&desk, &wishes, true, async |errand| {
            run(errand, &ONCE).await
        })
        .await;
        assert!(ended.is_err());
    }

    #[test]
    fn the_time_on_the_page_has_whole_seconds() {
        let now = Timestamp::from_millis(1_795_408_200_987);
        assert_eq!(utc_text(now), "2026-11-23 04:30:00 UTC");
    }
}
