//! The course of a demonstration: start, watch, let everything arrive, end, judge.

mod judging;
mod scene;

use std::time::Duration;

use anyhow::{Context, Result, bail};
use metering::Timestamp;
use tokio::time::Instant;

use super::cast::Cast;
use super::child::Child;
use super::desk::{Desk, Gateway, MeterState, Order};
use super::errands::Errand;
use super::keeper::{Keeper, Protocol};
use super::key_ring;
use super::limits::{
    AGENT_GRACE, CLOCK_STATE_EVERY, COMMIT_GRACE, CONSUMER_GRACE, DRAIN_WITHIN, OWN_PATIENCE,
    PERIOD_S, SILENT_MAX, START_LEAD, START_WITHIN, STEP, TICK,
};
use super::outcome::{Outcome, OwnMeter};
use super::programs::Programs;
use super::registers::{Registers, TOPICS};
use super::report::Report;
use super::screen::Screen;
use super::stage::{Folder, Stage};
use super::wishes::Wishes;
use crate::DemoArguments;

/// Plays it from the beginning to the end.
pub(crate) async fn play(
    arguments: &DemoArguments,
    programs: &Programs,
    folder: &Folder,
    screen: &mut Screen,
) -> Result<Outcome> {
    let mut wishes = Wishes::new()?;
    let cast = Cast::seat(&programs.models, arguments.seed)?;
    let stage = Stage::set(folder, &cast, programs)?;
    Stage::check(folder, programs)?;
    let mut head_end = stage.start_head_end(folder, programs)?;
    let mut report = Report::new(head_end.log());
    listening(&mut head_end, &mut report, &mut wishes).await?;
    let registers = Registers::new(stage.overhear(TOPICS));
    screen.say("starting the gateway shortly before the end of an interval");
    wishes.pause(until_start(cast.utc())).await?;
    let agent = Stage::start_agent(folder, programs)?;
    let errands = cast.keepers().map(errand).collect();
    let mut play = Play {
        registers,
        errands,
        stop_after: arguments.stop_after,
        folder,
        desk: Desk::new(folder.desk()),
        report,
        began: Instant::now(),
        opened: cast.wire.now(),
        is_disturbed: false,
        cast,
        stage,
        agent,
        head_end,
        gateway: Gateway::default(),
        meters: Vec::new(),
    };
    play.begin(&mut wishes).await?;
    for meter in &play.cast.dlms {
        key_ring::bring(folder, programs, &meter.keys())?;
    }
    play.watch(&mut wishes, screen).await?;
    let mut outcome = play.finish(&mut wishes, screen).await?;
    outcome.seed = arguments.seed;
    play.judge(programs, outcome)
}

/// What is asked of the gateway at once. It tries a DLMS meter before it has the keys, and its
/// schedule comes back to it only much later: so the whole of it.
fn errand(keeper: &dyn Keeper) -> Errand {
    let order = match keeper.protocol() {
        Protocol::Flag => Order::Collect,
        Protocol::Dlms { .. } => Order::Poll,
    };
    Errand::new(keeper.id(), order)
}

/// How long it is until a gateway should be started.
fn until_start(now: Timestamp) -> Duration {
    let period = u64::from(PERIOD_S) * 1000;
    let lead = u64::try_from(START_LEAD.as_millis()).unwrap_or(0);
    let behind = (now.millis() + lead) % period;
    Duration::from_millis((period - behind) % period)
}

/// Waits until the head-end hears gateways: one that finds nobody there waits a while before it
/// tries again.
async fn listening(head_end: &mut Child, report: &mut Report, wishes: &mut Wishes) -> Result<()> {
    let deadline = Instant::now() + START_WITHIN;
    while !report.is_connected() {
        head_end.must_run()?;
        if Instant::now() >= deadline {
            let seconds = START_WITHIN.as_secs();
            bail!(
                "the head-end is not connected after {seconds} s; {}",
                head_end.last_words()
            );
        }
        wishes.pause(STEP).await?;
        report
            .follow()
            .context("the log of the head-end cannot be read")?;
    }
    Ok(())
}

/// A demonstration that runs. Children end before what they are connected to.
struct Play<'a> {
    stop_after: Option<Duration>,
    folder: &'a Folder,
    desk: Desk,
    report: Report,
    began: Instant,
    /// The same, by the time of the wire.
    opened: Duration,
    agent: Child,
    head_end: Child,
    cast: Cast,
    stage: Stage,
    /// What the gateway said last.
    gateway: Gateway,
    meters: Vec<MeterState>,
    registers: Registers,
    errands: Vec<Errand>,
    /// Octets on the line get damaged.
    is_disturbed: bool,
}

impl Play<'_> {
    /// Waits until the gateway answers.
    async fn begin(&mut self, wishes: &mut Wishes) -> Result<()> {
        while self.ask().is_err() {
            self.must_run()?;
            if self.began.elapsed() > START_WITHIN {
                let seconds = START_WITHIN.as_secs();
                bail!(
                    "pmu-agent does not answer after {seconds} s; {}",
                    self.agent.last_words()
                );
            }
            wishes.pause(STEP).await?;
        }
        Ok(())
    }

    /// Watches and shows until it is time, or until a person has seen enough.
    async fn watch(&mut self, wishes: &mut Wishes, screen: &mut Screen) -> Result<()> {
        let (mut answered, mut renewed) = (Instant::now(), Instant::now());
        loop {
            self.must_run()?;
            // In this order, so that never more is confirmed than is stored.
            let followed = self.report.follow();
            followed.context("the log of the head-end cannot be read")?;
            let now = Instant::now();
            match self.ask() {
                Ok(()) => {
                    answered = now;
                    self.follow_errands();
                }
                Err(fault) if answered.elapsed() > SILENT_MAX => return Err(fault),
                Err(_) => {}
            }
            if now.duration_since(renewed) >= CLOCK_STATE_EVERY {
                renewed = now;
                self.folder.renew_clock_state()?;
            }
            self.disturb();
            screen.show(&self.scene());
            let is_over = self
                .stop_after
                .is_some_and(|end| self.began.elapsed() >= end);
            if is_over || wishes.within(TICK).await {
                return Ok(());
            }
        }
    }

    /// Lets everything that was stored up to now arrive, then ends the programs in order.
    async fn finish(&mut self, wishes: &mut Wishes, screen: &mut Screen) -> Result<Outcome> {
        self.await_own(wishes, screen).await?;
        screen.say("ending: what is stored has to be confirmed first");
        self.ask()
            .context("how the gateway is at the end is not known")?;
        self.follow_errands();
        let mut outcome = Outcome {
            meters: self.cast.players.len() + self.cast.keepers().count(),
            own: self.cast.keepers().map(OwnMeter::of).collect(),
            alive: self
                .cast
                .players
                .iter()
                .filter(|player| player.is_alive())
                .map(|player| player.id)
                .collect(),
            busy_per_mille: self.cast.busy_per_mille(self.opened),
            ran: self.began.elapsed(),
            ..Outcome::default()
        };
        let made = self.meters.clone();
        if let Err(fault) = self.drain(wishes).await {
            self.must_run()?;
            outcome.faults.push(format!("{fault:#}"));
        }
        outcome.late = self.gateway.late;
        self.follow_registers();
        self.meters = made;
        for stopped in [
            self.agent.stop(AGENT_GRACE).await,
            self.head_end.stop(CONSUMER_GRACE).await,
        ] {
            if let Err(fault) = stopped {
                outcome.faults.push(format!("{fault:#}"));
            }
        }
        Ok(outcome)
    }

    /// Waits for what has not come yet of the meters that keep load profiles themselves: one of each,
    /// and registers.
    async fn await_own(&mut self, wishes: &mut Wishes, screen: &mut Screen) -> Result<()> {
        let deadline = Instant::now() + OWN_PATIENCE;
        let mut is_told = false;
        while !self.has_own() && Instant::now() < deadline {
            if !is_told {
                screen
                    .say("what the meters with load profiles of their own hold is still under way");
                is_told = true;
            }
            wishes.pause(TICK).await?;
            self.must_run()?;
            let followed = self.report.follow();
            followed.context("the log of the head-end cannot be read")?;
            if self.ask().is_ok() {
                self.follow_errands();
            }
        }
        Ok(())
    }

    /// Whether an interval of each is booked, and registers were compared.
    fn has_own(&self) -> bool {
        let mut keepers = self.cast.keepers();
        let has_come = keepers.all(|keeper| self.report.of(keeper.id()).intervals > 0);
        has_come && self.registers.compared() > 0
    }

    /// Damages octets as soon as each Elster meter has taken its password once: before that, a
    /// damaged one looks like a wrong one, and is rightly not tried again for a day.
    fn disturb(&mut self) {
        if self.is_disturbed {
            return;
        }
        let mut elsters = self.cast.elsters.iter();
        if elsters.all(|elster| self.report.of(elster.id).intervals > 0) {
            self.is_disturbed = true;
            self.cast.disturb();
        }
    }

    /// Waits until the head-end has everything that the gateway has made up to now.
    async fn drain(&mut self, wishes: &mut Wishes) -> Result<()> {
        wishes.pause(COMMIT_GRACE).await?;
        self.ask()?;
        let wanted = self.gateway.next;
        let deadline = Instant::now() + DRAIN_WITHIN;
        while self.gateway.next.saturating_sub(self.gateway.waiting) < wanted {
            if Instant::now() >= deadline {
                bail!(
                    "{} interval records still wait for a watermark after {} s (uplink: {})",
                    self.gateway.waiting,
                    DRAIN_WITHIN.as_secs(),
                    self.gateway.uplink
                );
            }
            wishes.pause(TICK).await?;
            self.ask()?;
        }
        Ok(())
    }

    fn follow_errands(&mut self) {
        let now = self.cast.utc();
        for errand in &mut self.errands {
            errand.follow(&self.desk, now);
        }
        self.follow_registers();
    }

    fn follow_registers(&mut self) {
        let cast = &self.cast;
        let keepers: Vec<&dyn Keeper> = cast.keepers().collect();
        let shown = |keeper: &dyn Keeper, at: Timestamp| cast.shown_at(keeper, at);
        self.registers.follow(&keepers, shown);
    }

    fn ask(&mut self) -> Result<()> {
        self.gateway = self.desk.gateway()?;
        self.meters = self.desk.meters()?;
        Ok(())
    }

    fn must_run(&mut self) -> Result<()> {
        self.agent.must_run()?;
        self.head_end.must_run()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(behind_mark_ms: u64, expected_ms: u64) {
        let mark = 1_795_428_000_000 / (u64::from(PERIOD_S) * 1000) * u64::from(PERIOD_S) * 1000;
        let found = until_start(Timestamp::from_millis(mark + behind_mark_ms));
        assert_eq!(found, Duration::from_millis(expected_ms));
    }

    #[test]
    fn a_gateway_starts_shortly_before_a_mark() {
        check(0, 18_000);
        check(17_999, 1);
        check(18_000, 0);
        check(18_001, 19_999);
        check(19_000, 19_000);
    }
}
