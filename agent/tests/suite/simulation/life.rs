//! The life of a world, from its first start to the day on which every trouble is over.

use super::agenda::{Entry, Happening, MeterTrouble, agenda};
use super::books::Sabotage;
use super::gateway::Gateway;
use super::head_end::{UpTroubles, Way};
use super::judge::Judge;
use super::world::{World, describe};
use pmu_agent::adapters::clock::WallClock;
use pmu_agent::tasks::bus::BusRequest;
use simulator::trouble::{Doubled, Late, MeterTroubles, OneIn, Spread};
use std::collections::VecDeque;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};

/// The checkers look at least this often.
const STEP: Duration = Duration::from_secs(20);
/// A daemon that cannot start is started again after this, as the service manager does.
const START_AGAIN: Duration = Duration::from_secs(5);
/// After the last trouble everything must have arrived within this.
const DRAIN_WITHIN: Duration = Duration::from_hours(2);

/// What a life came to.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Figures {
    pub(super) simulated: Duration,
    pub(super) exchanges: u64,
    pub(super) kills: u64,
    pub(super) power_cuts: u64,
    pub(super) starts: u64,
    pub(super) clock_steps: u64,
    pub(super) reloads: u64,
    pub(super) asked_by_time: u64,
    pub(super) told_by_time: u64,
    pub(super) records: u64,
    pub(super) intervals: u64,
    pub(super) flagged: u64,
    pub(super) values_checked: u64,
    pub(super) readings: u64,
    pub(super) connections: u64,
    pub(super) publishes: u64,
    pub(super) duplicates: u64,
    pub(super) hostile: u64,
    pub(super) set_aside: u64,
    /// How long the backlog took to drain.
    pub(super) drained_after: Duration,
    /// From what the instant of an interval's values is said to be to the answer they came from.
    pub(super) furthest: Duration,
    /// The same for instantaneous values.
    pub(super) reading_furthest: Duration,
}

/// How a life ended.
pub(super) struct Verdict {
    pub(super) complaints: Vec<String>,
    pub(super) figures: Figures,
}

pub(super) struct Life {
    pub(super) world: World,
    gateway: Option<Gateway>,
    began: Instant,
    start_at: Instant,
    judge: Judge,
    figures: Figures,
}

impl Life {
    /// Lives through `hours` hours of troubles and what follows them.
    pub(super) async fn live(seed: u64, hours: u64, sabotage: Sabotage) -> Verdict {
        let world = World::new(seed, sabotage);
        let mut dice = world.dice.fork(3);
        let agenda = agenda(&mut dice, world.wires.len(), world.seats.len(), hours);
        Self::live_through(world, agenda, hours).await
    }

    /// Lives through what stands in the agenda, and nothing else.
    pub(super) async fn live_through(world: World, agenda: Vec<Entry>, hours: u64) -> Verdict {
        let mut life = Self {
            world,
            gateway: None,
            began: Instant::now(),
            start_at: Instant::now(),
            judge: Judge::default(),
            figures: Figures::default(),
        };
        let began = Instant::now();
        life.tell(format_args!("{}", describe(&life.world.settings)));
        life.through(agenda, began).await;
        life.sleep_until(began + Duration::from_secs(hours * 3600))
            .await;
        life.calm();
        let calm_at = Instant::now();
        life.drain(calm_at).await;
        life.figures.simulated = began.elapsed();
        life.finish().await
    }

    async fn through(&mut self, agenda: Vec<Entry>, began: Instant) {
        let mut agenda = VecDeque::from(agenda);
        while let Some((at, happening)) = agenda.pop_front() {
            self.sleep_until(began + at).await;
            self.tell(format_args!("{happening:?}"));
            self.happen(happening).await;
        }
    }

    /// For who watches one world.
    fn tell(&self, what: std::fmt::Arguments<'_>) {
        if super::is_loud() {
            let (since, utc) = (self.began.elapsed(), self.world.clock.utc());
            eprintln!("{:>8.1} s {utc} {what}", since.as_secs_f64());
        }
    }

    /// Time passes; the daemon is started where it should run, and looked at.
    async fn sleep_until(&mut self, until: Instant) {
        while Instant::now() < until {
            let mut next = until.min(Instant::now() + STEP);
            if self.gateway.is_none() {
                self.start_if_due();
                next = next.min(self.start_at.max(Instant::now() + Duration::from_millis(1)));
            }
            let disk = self.world.disk.clone();
            tokio::select! {
                biased;
                () = disk.power_gone() => self.power_cut(10_000).await,
                () = tokio::time::sleep_until(next) => {}
            }
            self.look();
            self.mind_ended().await;
        }
    }

    /// The first task to end unasked ends the process, and the service manager starts it anew.
    async fn mind_ended(&mut self) {
        let Some(ended) = self.gateway.as_mut().and_then(Gateway::ended) else {
            return;
        };
        self.judge.complain(ended);
        self.restart().await;
        self.start_at = Instant::now() + START_AGAIN;
    }

    fn start_if_due(&mut self) {
        if Instant::now() < self.start_at {
            return;
        }
        match Gateway::start(&self.world) {
            Ok(gateway) => {
                self.figures.starts += 1;
                self.tell(format_args!("started, {:?}", gateway.report.repaired));
                if gateway.set_aside() {
                    self.judge
                        .complain(format!("a file was set aside: {:?}", gateway.report));
                }
                self.gateway = Some(gateway);
            }
            Err(error) => {
                let source = std::error::Error::source(&error);
                self.tell(format_args!("start failed: {source:?}"));
                self.start_at = Instant::now() + START_AGAIN;
            }
        }
    }

    fn look(&mut self) {
        self.world.head_end.settle();
        if let Some(gateway) = &self.gateway {
            self.judge.step(&self.world, gateway);
        }
    }

    async fn end(&mut self, back_after_ms: u64) {
        self.world.head_end.gateway_died();
        if let Some(gateway) = self.gateway.take() {
            gateway.kill().await;
        }
        self.start_at = Instant::now() + Duration::from_millis(back_after_ms);
    }

    async fn power_cut(&mut self, back_after_ms: u64) {
        self.figures.power_cuts += 1;
        self.tell(format_args!("the power goes"));
        let mut dice = self.world.dice.fork(self.world.disk.syncs());
        self.world.disk.lose_power(&mut dice);
        self.end(back_after_ms).await;
    }

    async fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Kill(back) if self.gateway.is_some() => {
                self.figures.kills += 1;
                self.world.disk.kill();
                self.end(back).await;
            }
            Happening::PowerCut(back) => self.power_cut(back).await,
            Happening::Restart => self.restart().await,
            Happening::PowerCutAfter(operations) => self.world.disk.cut_after(Some(operations)),
            Happening::DiskFails(failing) => self.world.disk.set_failing(failing),
            Happening::DiskFull(full) => self.world.disk.set_full(full),
            Happening::Echo(bus, _) if self.world.is_modbus_tcp(bus) => {}
            Happening::Echo(bus, echo) => {
                self.world.wires[bus].change_wire(|wire| wire.echo = echo);
            }
            Happening::Reload(bus) => self.reload(bus),
            Happening::ClockStep(by_ms) => self.world.clock.step(by_ms),
            Happening::ClockQuality(word) => self.world.set_quality(word),
            Happening::Unplug(bus) => self.world.wires[bus].unplug(),
            Happening::Replug(bus) => self.world.wires[bus].replug(),
            // TCP has checksums of its own: octets are lost there, never damaged.
            Happening::Noise(bus, _) if self.world.is_modbus_tcp(bus) => {}
            Happening::Noise(bus, one_in) => {
                self.world.wires[bus].change_wire(|wire| wire.noise = OneIn::times(one_in));
            }
            Happening::SwitchOff(seat) => {
                self.meter(seat, |troubles, _| troubles.dead = true);
                self.world.seats[seat].off = true;
            }
            Happening::Swap(seat) => self.world.swap(seat),
            Happening::Meter(seat, MeterTrouble::Flips(_))
                if self.world.is_modbus_tcp(self.world.seats[seat].bus) => {}
            Happening::Meter(seat, trouble) => {
                self.meter(seat, |troubles, _| give(troubles, trouble));
            }
            Happening::MeterWell(seat) => {
                self.meter(seat, |troubles, healthy| *troubles = healthy.clone());
            }
            other => self.happen_up_there(&other),
        }
    }

    fn happen_up_there(&self, happening: &Happening) {
        let head_end = &self.world.head_end;
        match *happening {
            Happening::WayClosed => head_end.set_way(Way::Closed),
            Happening::WaySilent => head_end.set_way(Way::Silent),
            Happening::WayOpen => head_end.set_way(Way::Open),
            Happening::ConnectionCut => head_end.cut(false),
            Happening::TakenOver => head_end.cut(true),
            Happening::HeadEndAbsent(absent) => head_end.trouble(|now| now.absent = absent),
            Happening::BrokerLoses(one_in) => head_end.trouble(|now| now.lost = one_in),
            Happening::BrokerDoubles(one_in) => head_end.trouble(|now| now.doubled = one_in),
            Happening::BrokerRefuses(one_in) => head_end.trouble(|now| now.refused = one_in),
            Happening::BrokerBreaks(one_in) => head_end.trouble(|now| now.breaks = one_in),
            Happening::Poison(every) => head_end.trouble(|now| now.poison = every),
            Happening::Hostile(one_in) => head_end.trouble(|now| now.hostile = one_in),
            _ => {}
        }
    }

    fn meter(&self, seat: usize, change: impl FnOnce(&mut MeterTroubles, &MeterTroubles)) {
        let seat = &self.world.seats[seat];
        if !seat.off {
            let wire = &self.world.wires[seat.bus];
            wire.change_meter(seat.unit, |troubles| change(troubles, &seat.healthy));
        }
    }

    /// As the supervisor does at SIGHUP.
    fn reload(&mut self, bus: usize) {
        let id = self.world.settings.buses[bus].id.clone();
        let meters = &mut self.world.settings.meters;
        let mine = meters.iter_mut().filter(|meter| meter.bus == id);
        for instant in mine.filter_map(|meter| meter.instant.as_mut()).take(1) {
            instant.every = if instant.every > Duration::from_mins(1) {
                Duration::from_mins(1)
            } else {
                Duration::from_mins(5)
            };
        }
        let Some(gateway) = &self.gateway else { return };
        let meters = self.world.settings.meters_of(&id).cloned().collect();
        if gateway.buses[bus]
            .request(BusRequest::Replace(meters))
            .is_ok()
        {
            self.figures.reloads += 1;
        }
    }

    async fn restart(&mut self) {
        let Some(gateway) = self.gateway.take() else {
            return;
        };
        self.look_before(&gateway);
        // The task that stops must not wait for a power cut that comes meanwhile.
        let stopped = timeout(Duration::from_mins(1), gateway.stop()).await;
        if stopped != Ok(true) {
            self.judge
                .complain("a task did not stop in time".to_owned());
        }
        self.world.disk.kill();
        self.world.head_end.gateway_died();
        self.start_at = Instant::now() + Duration::from_secs(1);
    }

    fn look_before(&mut self, gateway: &Gateway) {
        self.judge.note(&gateway.store.announced());
    }

    /// Every trouble is over.
    fn calm(&mut self) {
        self.world.set_quality("synchronised");
        self.world.disk.set_failing(false);
        self.world.disk.set_full(false);
        self.world.disk.cut_after(None);
        for wire in &self.world.wires {
            wire.replug();
            wire.change_wire(|troubles| {
                troubles.noise = OneIn::NEVER;
                troubles.echo = false;
            });
        }
        for seat in 0..self.world.seats.len() {
            self.world.seats[seat].off = false;
            self.meter(seat, |troubles, healthy| *troubles = healthy.clone());
        }
        self.world.head_end.set_way(Way::Open);
        self.world
            .head_end
            .trouble(|troubles| *troubles = UpTroubles::default());
    }

    /// What was written before this instant must arrive.
    async fn drain(&mut self, since: Instant) {
        // One start and one group commit, so that the last words are written.
        self.sleep_until(since + Duration::from_mins(10)).await;
        self.judge.set_goal();
        while since.elapsed() < DRAIN_WITHIN {
            self.sleep_until(Instant::now() + STEP).await;
            let Some(gateway) = &self.gateway else {
                continue;
            };
            if self.judge.open_records(&self.world, gateway).is_empty() {
                self.figures.drained_after = since.elapsed();
                return;
            }
        }
        let open = match &self.gateway {
            Some(gateway) => self.judge.open_records(&self.world, gateway),
            None => vec!["the daemon does not run".to_owned()],
        };
        self.judge
            .complain(format!("the backlog does not drain: {}", open.join("; ")));
    }

    async fn finish(mut self) -> Verdict {
        sleep(Duration::from_secs(1)).await;
        self.look();
        if let Some(gateway) = self.gateway.take() {
            self.look_before(&gateway);
            if timeout(Duration::from_mins(1), gateway.stop()).await != Ok(true) {
                self.judge
                    .complain("a task did not stop in time".to_owned());
            }
        }
        self.world.head_end.settle();
        let Self {
            world,
            mut judge,
            mut figures,
            ..
        } = self;
        judge.last(&world, &mut figures);
        figures.exchanges = world
            .wires
            .iter()
            .map(|wire| wire.counters().requests)
            .sum();
        let traffic = world.head_end.traffic();
        figures.connections = traffic.connections;
        figures.publishes = traffic.publishes;
        figures.hostile = traffic.hostile;
        figures.asked_by_time = traffic.asked_by_time;
        figures.told_by_time = world.head_end.books(|books| books.told_by_time);
        figures.clock_steps = u64::try_from(world.clock.steps()).unwrap_or(0);
        Verdict {
            complaints: judge.complaints(&world),
            figures,
        }
    }
}

fn give(troubles: &mut MeterTroubles, trouble: MeterTrouble) {
    let millis = Duration::from_millis;
    match trouble {
        MeterTrouble::Dead => troubles.dead = true,
        MeterTrouble::Late(by, one_in) => {
            let thinks = Spread::between(millis(by), millis(by * 2));
            troubles.late = Some(Late {
                thinks,
                happens: OneIn::times(one_in),
            });
        }
        MeterTrouble::Slow(by) => troubles.turnaround = Spread::between(millis(by / 2), millis(by)),
        MeterTrouble::LosesAnswers(one_in) => troubles.lost_answers = OneIn::times(one_in),
        MeterTrouble::Flips(one_in) => troubles.flipped = OneIn::times(one_in),
        MeterTrouble::Doubles(one_in) => {
            let happens = OneIn::times(one_in);
            troubles.doubled = Some(Doubled {
                after: millis(30),
                happens,
            });
        }
        MeterTrouble::Truncates(one_in) => troubles.truncated = OneIn::times(one_in),
        MeterTrouble::Junk => troubles.junk = Some(1..=6),
        MeterTrouble::Foreign(one_in) => troubles.foreign = OneIn::times(one_in),
    }
}
