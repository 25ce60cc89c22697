//! From a command's signature to the first octet of its own exchange, on a line that is polled without
//! a pause: the real agent, a real broker over TLS, a simulated line behind a pty.

mod lead;
mod office;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use authority::{Action, Document};
use hil_tests::agent::Agent;
use hil_tests::agent_file::MeterLines;
use hil_tests::binaries;
use hil_tests::bus::{Bus, model};
use hil_tests::clock::{becomes, pause, wait_until};
use hil_tests::world::World;
use simulator::meter::{CountingMeter, ModbusMeter, ModelMeter, SettingsMeter};
use simulator::trouble::MeterTroubles;

use crate::Ground;
use crate::agent_cpu::quick_model;
use crate::table::{Limit, Row, Spread, short};
use office::Office;

const BAUD: u32 = 9600;
/// Four blocks each, due every second: by the model's figures all that the line can carry.
const POLLED: u8 = 6;
/// Nobody asks these but a command.
const READ: u8 = 200;
const WRITTEN: u8 = 201;
/// Later than the model says, so that there is always more to be asked than there is time for.
const TURNAROUND: Duration = Duration::from_millis(25);
/// What the way to the line may take, beside the exchange that is under way.
const WAY: Duration = Duration::from_millis(50);
const WITHIN: Duration = Duration::from_mins(2);
/// Commands meet the exchange under way at any of its octets.
const APART: Duration = Duration::from_millis(1237);
const MINUTES: [u8; 2] = [30, 15];

pub(crate) fn rows(ground: &Ground) -> Vec<Row> {
    let Some(world) = World::new("signature to the first octet") else {
        return Vec::new();
    };
    let mut scene = Scene::new(world);
    let reads = scene.reads(ground.by_pace(50, 200));
    let writes = scene.writes(ground.by_pace(50, 100));
    let exchange = scene.longest_exchange();
    let limit = (exchange + WAY).as_secs_f64() * 1000.0;
    let peer = format!(
        "longest exchange {} ms; line used {} %",
        short(exchange.as_secs_f64() * 1000.0),
        short(scene.used()),
    );
    let row = |what: &str, measured: Vec<f64>| Row {
        figure: format!("signature to its first octet, line saturated, {what}"),
        limit: Limit::NeverAbove(limit),
        measured: Spread::of(measured),
        unit: "ms",
        peer: peer.clone(),
    };
    vec![
        row("meter.instant", reads),
        row("scheme.program (its look)", writes),
    ]
}

/// A gateway whose line has more to do than it can, and who commands it.
struct Scene {
    /// The broker ends with it.
    _world: World,
    office: Office,
    agent: Agent,
    bus: Bus,
    settings: Arc<SettingsMeter>,
    /// What the line did while it was measured: its time, and how much of it was used.
    stretches: Vec<(Duration, Duration)>,
}

impl Scene {
    fn new(mut world: World) -> Self {
        world.head_end.start();
        let bus = Bus::serial("main", world.folder(), BAUD, 4);
        for unit in (1..=POLLED).chain([READ]) {
            let meter = ModbusMeter::new(unit, Arc::new(CountingMeter::new(unit)));
            bus.wire.seat(meter, MeterTroubles::healthy(TURNAROUND));
        }
        let kind = model("siemens-pac3200");
        let settings = Arc::new(SettingsMeter::new(kind, WRITTEN, 5, 0).unwrap());
        let healthy = ModelMeter::new(kind, WRITTEN, 5).unwrap().healthy();
        bus.wire.seat(settings.on_wire(), healthy);
        let mut office = Office::new(&world);
        office.publish_keys();
        let mut agent = world.gateway(office::GATEWAY, &[&bus], 3600);
        agent.file.models = models(world.folder());
        agent.file.commit_every_s = 10;
        let quick = |unit, every| MeterLines {
            id: format!("feeder-{unit}"),
            bus: "main".to_owned(),
            model: "quick".to_owned(),
            unit,
            period_s: None,
            instant_s: Some(every),
            more: String::new(),
        };
        agent.file.meters = (1..=POLLED).map(|unit| quick(unit, 1)).collect();
        agent.file.meters.push(quick(READ, 3600));
        agent.file.more = format!(
            "\n[[meter]]\nid = \"hall\"\nbus = \"main\"\nmodel = \"siemens-pac3200\"\nunit = {WRITTEN}\n\
             profile = {{ period-seconds = 3600 }}\n\n[commands]\nroots-file = \"{}\"\n",
            office.roots(&world).display()
        );
        agent.start();
        office.meet(&agent);
        let scene = Self {
            _world: world,
            office,
            agent,
            bus,
            settings,
            stretches: Vec::new(),
        };
        // First polls are spread.
        wait_until("the line is full of polls", WITHIN, || scene.count(1) > 20);
        pause(Duration::from_secs(5));
        scene
    }

    fn count(&self, unit: u8) -> usize {
        let answers = self.bus.wire.answers();
        answers.iter().filter(|one| one.unit == unit).count()
    }

    fn reads(&mut self, times: usize) -> Vec<f64> {
        self.measured(times, READ, |_| Action::MeterInstant {
            meter: format!("feeder-{READ}").parse().unwrap(),
        })
    }

    fn writes(&mut self, times: usize) -> Vec<f64> {
        for minutes in MINUTES {
            let text = format!(
                "format = 1\nname = \"demand-{minutes}\"\npurpose = \"program\"\n\
                 meter-type = \"siemens-pac3200\"\nversion = 1\n\n[demand]\nperiod-minutes = {minutes}\n"
            );
            let document = Document::Inline(text);
            self.office.order(Action::SchemePut { document });
        }
        pause(Duration::from_secs(2));
        let before = self.settings.done().len();
        let measured = self.measured(times, WRITTEN, |time| {
            let minutes = MINUTES.get(time % 2).unwrap();
            Action::SchemeProgram {
                scheme: format!("demand-{minutes}").parse().unwrap(),
                meters: vec!["hall".parse().unwrap()],
            }
        });
        let written = self.settings.done().len() - before;
        assert!(written + 1 >= times, "{written} of {times} were written");
        measured
    }

    /// Milliseconds from each signature to the first octet that goes to this meter behind it.
    fn measured(&mut self, times: usize, unit: u8, action: impl Fn(usize) -> Action) -> Vec<f64> {
        let (begun, busy) = (self.bus.wire.now(), self.bus.wire.counters().busy);
        let mut measured = Vec::new();
        for time in 0..times {
            let action = action(time);
            let from = self.bus.wire.now();
            let number = self.office.order(action);
            let mut first = None;
            let came = becomes(WITHIN, || {
                let requests = self.bus.wire.requests();
                let of_meter = |asked: &simulator::wire::Asked| asked.unit == unit;
                let mut own = requests
                    .iter()
                    .filter(|one| one.at > from && one.asked.as_ref().is_some_and(of_meter));
                first = own.next().map(|one| one.at);
                first.is_some()
            });
            assert!(
                came,
                "command {number} never came to the line\n{}",
                self.agent.said()
            );
            let took = first.unwrap().saturating_sub(from).as_secs_f64() * 1000.0;
            println!("    command {number}: {} ms", short(took));
            measured.push(took);
            self.office.wait_for_end(number);
            // Somewhere else in the round of the polls each time, and not before these have had back what
            // the last order took of the line.
            pause(APART + APART * u32::try_from(time % 7).unwrap() / 7);
        }
        let line = (
            self.bus.wire.now().saturating_sub(begun),
            self.bus.wire.counters().busy.saturating_sub(busy),
        );
        self.stretches.push(line);
        measured
    }

    /// The line's time from the first octet of a request to the last one of its answer.
    fn longest_exchange(&self) -> Duration {
        let character = self.bus.wire.settings().character_time();
        let answers = self.bus.wire.answers();
        let polls = answers.iter().filter(|one| one.unit <= POLLED);
        let lengths = polls.map(|one| {
            let answer = u32::from(one.span.count) * 2 + 5;
            let octets = character * (8 + answer);
            octets
                + one
                    .due_at
                    .unwrap_or(one.asked_at)
                    .saturating_sub(one.asked_at)
        });
        lengths.max().unwrap()
    }

    /// The share of its time that the line was used, in per cent.
    fn used(&self) -> f64 {
        let total: Duration = self.stretches.iter().map(|one| one.0).sum();
        let busy: Duration = self.stretches.iter().map(|one| one.1).sum();
        busy.as_secs_f64() * 100.0 / total.as_secs_f64()
    }
}

/// The model of the polled meters, and one that can be written to.
fn models(folder: &Path) -> std::path::PathBuf {
    let models = folder.join("models");
    std::fs::create_dir_all(&models).unwrap();
    std::fs::write(models.join("quick.toml"), quick_model()).unwrap();
    let file = "siemens-pac3200.toml";
    std::fs::copy(binaries::models().join(file), models.join(file)).unwrap();
    models
}
