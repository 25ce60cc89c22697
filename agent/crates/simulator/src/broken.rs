//! Set-ups in which something is wrong, each as a wire ready to use: for whoever must say what.
//!
//! What needs a modem or the power lines of a probe is made where those are simulated.

use std::time::Duration;

use iec62056_21::codec::Baud;
use iec62056_21::meter::{Level, Opening, ParityBy, Settings};
use line::{DataBits, LineSettings, Parity, StopBits};

use crate::elster::{ElsterError, ElsterMeter, ElsterModel, Incident, Scenario, What};
use crate::trouble::{FlagTroubles, Late, OneIn, Spread};
use crate::wire::{SpeakerPlace, Wire, WireSettings};

/// What is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Broken {
    /// The meter's port has another speed than the gateway's.
    WrongBaud,
    /// The gateway's port has eight bits without parity, the meter's seven with.
    WrongFraming,
    /// The meter makes no parity, the gateway's port wants it.
    NoParity,
    /// The meter is opened at 300 bit/s and goes on faster; the gateway opens it at full speed.
    OpensSlowly,
    /// The adapter returns what was sent, and no meter is there.
    EchoOnly,
    /// Nothing is there: no power, a broken lead, crossed wires.
    Silent,
    /// The meter has another address.
    WrongAddress,
    /// Two meters have one address.
    TwoOnOneAddress,
    /// The meter has another password.
    WrongPassword,
    /// The meter has been asked with wrong passwords too often and takes none for a while.
    LockedOut,
    /// The password is right, but for a lower level than reading needs.
    LevelTooLow,
    /// Octets are damaged on the way.
    Noise,
    /// Block checks are wrong although nothing is damaged on the way.
    WrongCheck,
    /// Another meter than the configured one is there.
    WrongSerial,
    /// The meter's clock is twenty minutes ahead.
    ClockOff,
    /// The meter has lost its time, and its battery is dead.
    ClockInvalid,
    /// One answer in five gets lost.
    LinkDrops,
    /// Answers come after four seconds.
    Late,
    /// The meter ends sessions of its own.
    SignsOff,
    /// The meter has no load profile any more.
    ProfileMissing,
}

/// What the gateway is configured with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Configured {
    /// Its port.
    pub line: LineSettings,
    /// The meter's address.
    pub address: String,
    /// The meter's serial number, as the meter should say it.
    pub serial: String,
    /// The password; for meters in a simulation only.
    pub password: String,
}

/// A set-up: a wire with its meters, and what the gateway believes of them.
#[derive(Debug)]
pub struct SetUp {
    /// The wire.
    pub wire: Wire,
    /// The meter that is meant, where there is one.
    pub meter: ElsterMeter,
    /// Where it sits.
    pub place: SpeakerPlace,
    /// What the gateway is configured with.
    pub configured: Configured,
}

/// The port of a gateway for FLAG meters at this speed.
const fn port(baud: u32) -> LineSettings {
    LineSettings {
        baud,
        parity: Parity::Even,
        data_bits: DataBits::Seven,
        stop_bits: StopBits::One,
    }
}

/// Everything of a set-up before it becomes one.
struct Plan {
    scenario: Scenario,
    configured: Configured,
    troubles: FlagTroubles,
    change: fn(&mut Settings),
    echoes: bool,
    noise: OneIn,
    twin: bool,
    locked_for: Option<Duration>,
}

impl Broken {
    /// All of them.
    pub const ALL: [Self; 20] = [
        Self::WrongBaud,
        Self::WrongFraming,
        Self::NoParity,
        Self::OpensSlowly,
        Self::EchoOnly,
        Self::Silent,
        Self::WrongAddress,
        Self::TwoOnOneAddress,
        Self::WrongPassword,
        Self::LockedOut,
        Self::LevelTooLow,
        Self::Noise,
        Self::WrongCheck,
        Self::WrongSerial,
        Self::ClockOff,
        Self::ClockInvalid,
        Self::LinkDrops,
        Self::Late,
        Self::SignsOff,
        Self::ProfileMissing,
    ];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::WrongBaud => "wrong-baud",
            Self::WrongFraming => "wrong-framing",
            Self::NoParity => "no-parity",
            Self::OpensSlowly => "opens-slowly",
            Self::EchoOnly => "echo-only",
            Self::Silent => "silent",
            Self::WrongAddress => "wrong-address",
            Self::TwoOnOneAddress => "two-on-one-address",
            Self::WrongPassword => "wrong-password",
            Self::LockedOut => "locked-out",
            Self::LevelTooLow => "level-too-low",
            Self::Noise => "noise",
            Self::WrongCheck => "wrong-check",
            Self::WrongSerial => "wrong-serial",
            Self::ClockOff => "clock-off",
            Self::ClockInvalid => "clock-invalid",
            Self::LinkDrops => "link-drops",
            Self::Late => "late",
            Self::SignsOff => "signs-off",
            Self::ProfileMissing => "profile-missing",
        }
    }

    /// The set-up with an A1140 whose address is 345, at 9600 bit/s but for what is wrong. The
    /// seed decides what happens only now and then.
    pub fn set_up(self, seed: u64) -> Result<SetUp, ElsterError> {
        self.set_up_with(ElsterModel::A1140, seed)
    }

    /// The same with another model.
    pub fn set_up_with(self, model: ElsterModel, seed: u64) -> Result<SetUp, ElsterError> {
        let mut plan = Plan::sound(seed);
        self.spoil_line(&mut plan);
        self.spoil_meter(&mut plan);
        plan.make(model, seed)
    }

    fn spoil_line(self, plan: &mut Plan) {
        let late = Late {
            thinks: Spread::fixed(Duration::from_secs(4)),
            happens: OneIn::ALWAYS,
        };
        match self {
            Self::WrongBaud => plan.change = |settings| settings.opening = Opening::Fixed(4800),
            Self::WrongFraming => {
                plan.configured.line.data_bits = DataBits::Eight;
                plan.configured.line.parity = Parity::None;
            }
            Self::NoParity => plan.change = |settings| settings.parity = ParityBy::Nobody,
            Self::OpensSlowly => {
                plan.change = |settings| settings.opening = Opening::Negotiated(Baud::B300);
            }
            Self::EchoOnly => {
                plan.echoes = true;
                plan.troubles.dead = true;
            }
            Self::Silent => plan.troubles.dead = true,
            Self::WrongAddress => "346".clone_into(&mut plan.configured.address),
            Self::TwoOnOneAddress => plan.twin = true,
            Self::Noise => plan.noise = OneIn::times(120),
            Self::WrongCheck => plan.troubles.wrong_check = OneIn::times(2),
            Self::LinkDrops => plan.troubles.lost_answers = OneIn::times(5),
            Self::Late => plan.troubles.late = Some(late),
            Self::SignsOff => plan.troubles.signs_off = OneIn::times(4),
            _ => {}
        }
    }

    fn spoil_meter(self, plan: &mut Plan) {
        let scenario = &mut plan.scenario;
        let begun = scenario.begun();
        match self {
            Self::WrongPassword => {
                scenario.passwords = ["QWERTYUI", "ASDFGHJK", "ZXCVBNML"].map(str::to_owned);
            }
            Self::LockedOut => plan.locked_for = Some(Duration::from_hours(1)),
            Self::LevelTooLow => scenario.reading_level = Level::Two,
            Self::WrongSerial => "0000000000099345".clone_into(&mut plan.configured.serial),
            Self::ClockOff => {
                let what = What::ClockSet { seconds: 1200 };
                scenario
                    .incidents
                    .push(Incident::after(begun, 30, 9, 7, what));
            }
            Self::ClockInvalid => {
                let cut = What::PowerCut { seconds: 600 };
                let lost = What::ClockSet {
                    seconds: -26 * 365 * 86_400,
                };
                scenario.incidents.extend([
                    Incident::after(begun, 39, 9, 0, What::BatteryFails),
                    Incident::after(begun, 39, 9, 1, cut),
                    Incident::after(begun, 39, 9, 12, lost),
                ]);
            }
            Self::ProfileMissing => scenario.has_lost_profile = true,
            _ => {}
        }
    }
}

impl Plan {
    fn sound(seed: u64) -> Self {
        let scenario = Scenario::new(seed, "00012345");
        let configured = Configured {
            line: port(9600),
            address: "345".to_owned(),
            serial: "0000000000012345".to_owned(),
            password: scenario.passwords.first().cloned().unwrap_or_default(),
        };
        Self {
            scenario,
            configured,
            troubles: FlagTroubles::default(),
            change: |_| {},
            echoes: false,
            noise: OneIn::NEVER,
            twin: false,
            locked_for: None,
        }
    }

    fn make(self, model: ElsterModel, seed: u64) -> Result<SetUp, ElsterError> {
        let wire = Wire::new(WireSettings::of_line(&self.configured.line), seed);
        wire.change_wire(|troubles| {
            troubles.echo = self.echoes;
            troubles.noise = self.noise;
        });
        if self.twin {
            let mut scenario = Scenario::new(seed + 1, "00067345");
            scenario.load_mw /= 2;
            let twin = ElsterMeter::new(ElsterModel::A1700, scenario);
            let mut settings = twin.settings()?;
            // No two meters think for exactly the same time.
            settings.reaction += Duration::from_millis(3);
            wire.seat_flag(twin.on_wire_as(settings), FlagTroubles::default());
        }
        let meter = ElsterMeter::new(model, self.scenario);
        let mut settings = meter.settings()?;
        settings.answers_empty = false;
        (self.change)(&mut settings);
        let mut seated = meter.on_wire_as(settings);
        if let Some(wait) = self.locked_for {
            seated.lock_out(wait);
        }
        let place = wire.seat_flag(seated, self.troubles);
        Ok(SetUp {
            wire,
            meter,
            place,
            configured: self.configured,
        })
    }
}
