//! What a person may choose of the meter.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{ArgGroup, Args, ValueEnum};
use simulator::elster::{ElsterModel, PpmMeter, VdewModel};

/// `simulator meter`. Without `Debug`: there may be a password in it.
#[derive(Args)]
#[command(group(ArgGroup::new("front").required(true)))]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of the command line"
)]
pub(crate) struct MeterArguments {
    /// What it is: elster-a1700, elster-a1700-tou32, elster-a1700-extended, elster-a1700-late,
    /// elster-a1140, elster-a1120, elster-as230, elster-ppm, elster-a1350, elster-a1500,
    /// elster-as1440, elster-as220.
    #[arg(long, value_name = "NAME", default_value = "elster-a1700", value_parser = model)]
    pub(super) model: Model,
    /// Listen here, as a serial server does: 127.0.0.1:0 takes a free port.
    #[arg(long, value_name = "ADDRESS", group = "front")]
    pub(super) tcp: Option<SocketAddr>,
    /// Make a pseudo terminal under this name, as a serial port.
    #[arg(long, value_name = "PATH", group = "front")]
    pub(super) pty: Option<PathBuf>,
    /// Its serial number, up to 16 letters and digits.
    #[arg(long, value_name = "TEXT", default_value = "00012345")]
    pub(super) serial: String,
    /// Its address on a bus [default: the last three digits of its serial number].
    #[arg(long, value_name = "TEXT")]
    pub(super) address: Option<String>,
    /// Stay silent when a sign-on names no address.
    #[arg(long)]
    pub(super) needs_address: bool,
    /// A password, as LEVEL=TEXT with eight characters; may be given for levels 1, 2 and 3
    /// [default: 1=0001ABCD 2=ABCD0002 3=FEDC0003].
    #[arg(long, value_name = "LEVEL=TEXT")]
    pub(super) password: Vec<String>,
    /// What a wrong password brings.
    #[arg(long, value_name = "WHAT", value_enum, default_value_t = Wrong::Nak)]
    pub(super) wrong_password: Wrong,
    /// Octets take the time of this speed [default: none at all].
    #[arg(long, value_name = "BAUD")]
    pub(super) baud: Option<u32>,
    /// Open at 300 bit/s and go on at the speed that is selected. With --baud and --pty the client
    /// must change its speed too.
    #[arg(long)]
    pub(super) opens_slowly: bool,
    /// How the eighth bit is made: by nobody (it is zero), or as even parity by the meter.
    #[arg(long, value_name = "WHO", value_enum, default_value_t = EighthBit::Nobody)]
    pub(super) eighth_bit: EighthBit,
    /// Behave as on a real line: seven bits with even parity, and only garbage for who is set
    /// otherwise. Needs --baud; has no data streams.
    #[arg(long, requires = "baud")]
    pub(super) strict_line: bool,
    /// Octets that begin no message spoil the message behind them.
    #[arg(long)]
    pub(super) strict: bool,
    /// Something that goes wrong; may be given more than once.
    #[arg(long, value_name = "WHAT", value_enum)]
    pub(super) trouble: Vec<Trouble>,
    /// Troubles that happen now and then happen one time in so many.
    #[arg(long, value_name = "TIMES", default_value_t = 5)]
    pub(super) one_in: u32,
    /// Days for which it has been at work, and for which it has a load profile.
    #[arg(long, value_name = "DAYS", default_value_t = 40, value_parser = clap::value_parser!(i64).range(1..=900))]
    pub(super) days: i64,
    /// Yesterday, by UTC, it had no power from 9:10 to 10:17, and a phase failed from 14:05 to 14:20.
    #[arg(long)]
    pub(super) eventful: bool,
    /// The period of its load profile in minutes.
    #[arg(long, value_name = "MINUTES", default_value_t = 30, value_parser = period)]
    pub(super) period: u8,
    /// Its local time.
    #[arg(long, value_name = "WHERE", value_enum, default_value_t = Where::CentralEurope)]
    pub(super) zone: Where,
    /// Begin at this time, in seconds since 1970-01-01 UTC [default: now].
    #[arg(long, value_name = "SECONDS")]
    pub(super) starts_at: Option<i64>,
    /// Decides what it measures, and every trouble that happens only now and then.
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    pub(super) seed: u64,
    /// End by itself after so many seconds [default: at Ctrl-C].
    #[arg(long = "for", value_name = "SECONDS")]
    pub(super) stop_after: Option<u64>,
}

/// What a meter may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Model {
    Elster(ElsterModel),
    Ppm,
    Vdew(VdewModel),
}

/// What a wrong password brings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Wrong {
    Nak,
    SignOff,
    Refusal,
    Silence,
}

/// Who makes the eighth bit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum EighthBit {
    Nobody,
    Meter,
}

/// Where the meter is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Where {
    Utc,
    CentralEurope,
    Britain,
}

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Trouble {
    /// Never answers.
    Silent,
    /// Answers get lost.
    Lost,
    /// Answers come after four seconds.
    Late,
    /// Answers come twice.
    Doubled,
    /// Answers stop half-way.
    Cut,
    /// Answers have a flipped bit.
    Flipped,
    /// Answers have a wrong block check.
    WrongCheck,
    /// The meter ends sessions of its own.
    SignsOff,
    /// Each answer has junk before it.
    Junk,
    /// Characters come with pauses.
    Slow,
    /// What is sent comes back.
    Echo,
    /// Octets are damaged in both directions, one in twenty times as many.
    Noise,
}

fn model(text: &str) -> Result<Model, String> {
    let elster = ElsterModel::ALL.map(|model| (model.name(), Model::Elster(model)));
    let vdew = VdewModel::ALL.map(|model| (model.name(), Model::Vdew(model)));
    let all = [&elster[..], &vdew[..], &[(PpmMeter::NAME, Model::Ppm)]].concat();
    let known = all.iter().find(|(name, _)| *name == text);
    known.map(|(_, model)| *model).ok_or_else(|| {
        let names: Vec<&str> = all.iter().map(|(name, _)| *name).collect();
        format!("`{text}` is not simulated; use one of {}", names.join(", "))
    })
}

fn period(text: &str) -> Result<u8, String> {
    let known = [1, 2, 3, 4, 5, 6, 10, 15, 20, 30, 60];
    let minutes = text.parse().ok();
    minutes
        .filter(|minutes| known.contains(minutes))
        .ok_or_else(|| {
            format!("`{text}` is no period of a meter; use 1 to 6, 10, 15, 20, 30 or 60")
        })
}
