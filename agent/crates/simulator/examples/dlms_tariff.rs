//! Writes a tariff to the simulated meter behind a TCP port with the gateway's own driver, or says what
//! is in the waiting half of its calendar: `dlms_tariff PORT wrapper|hdlc zero|two read|write`.
//!
//! For `agent/crates/dlms/tests/peers/run`, which lets a client that we did not write do the same.
#![expect(clippy::print_stdout, reason = "it is a program for a script")]

#[path = "../../meters/tests/dlms_writes/tariff.rs"]
mod tariff;

use std::io;
use std::num::NonZeroU32;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::UNIX_EPOCH;

use dlms::codec::{Attribute, Data};
use dlms::conversation::Terms;
use dlms::security::{CounterBlock, CounterFault, CounterKeeper, Keys, Suite, SystemTitle};
use line::{GuardSettings, GuardedLine, Line, LineFault, LineSettings, LineTiming, Peer};
use meters::catalogue::Catalogue;
use meters::catalogue::dlms::DlmsModel;
use meters::cosem::{CalendarField, CalendarPart, DayDate, Script, ScriptService, SpecialDay};
use meters::dlms::{
    Activation, DlmsCredentials, DlmsPlace, DlmsVisit, DlmsWish, Doubtful, ExpectedMeter, Program,
    Written, dlms_terms,
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until};

use tariff::{CALENDAR, REGISTERS, SCRIPTS, SPECIAL_DAYS};

type Fault = Box<dyn std::error::Error>;

/// A TCP connection as a line.
#[derive(Debug)]
struct TcpLine(TcpStream);

impl AsyncRead for TcpLine {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buffer)
    }
}

impl AsyncWrite for TcpLine {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, octets)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

impl Line for TcpLine {
    async fn set(&mut self, _: LineSettings) -> Result<(), LineFault> {
        Ok(())
    }

    async fn quiet_until(&mut self, until: Instant) {
        sleep_until(until).await;
    }
}

/// Counters above whatever an earlier run has used.
struct ByClock(u32);

impl CounterKeeper for ByClock {
    async fn reserve(&mut self, count: NonZeroU32) -> Result<CounterBlock, CounterFault> {
        let first = self.0 + 1;
        self.0 += count.get();
        Ok(CounterBlock {
            first,
            last: self.0,
        })
    }

    async fn raise(&mut self, used: u32) -> Result<(), CounterFault> {
        self.0 = self.0.max(used);
        Ok(())
    }

    async fn heard(&mut self) -> Result<Option<u32>, CounterFault> {
        Ok(None)
    }

    async fn note_heard(&mut self, _: u32) -> Result<(), CounterFault> {
        Ok(())
    }
}

fn date(date: &DayDate) -> String {
    let year = date.year.map_or("*".to_owned(), |year| year.to_string());
    let (month, day) = (date.month.unwrap_or(0), date.day.unwrap_or(0));
    format!("{year}-{month:02}-{day:02}")
}

fn text(octets: &[u8]) -> String {
    octets.iter().copied().map(char::from).collect()
}

fn tell(calendar: &CalendarPart, days: &[SpecialDay], scripts: &[Script]) {
    println!("name {}", text(&calendar.name));
    for season in &calendar.seasons {
        let start = DayDate {
            year: season.start.year,
            month: season.start.month,
            day: season.start.day,
            weekday: None,
        };
        let (hour, minute) = (
            season.start.hour.unwrap_or(0),
            season.start.minute.unwrap_or(0),
        );
        let (name, week) = (text(&season.name), text(&season.week));
        println!(
            "season {name} {} {hour:02}:{minute:02} {week}",
            date(&start)
        );
    }
    for week in &calendar.weeks {
        let days: Vec<String> = week.days.iter().map(ToString::to_string).collect();
        println!("week {} {}", text(&week.name), days.join(" "));
    }
    for plan in &calendar.days {
        let switches = plan.actions.iter().map(|action| {
            let [hour, minute, ..] = action.start;
            format!(" {hour:02}:{minute:02}>{}", action.selector)
        });
        println!("day {}{}", plan.id, switches.collect::<String>());
    }
    for day in days {
        println!("special {} {} {}", day.index, date(&day.date), day.day);
    }
    for script in scripts {
        for action in &script.actions {
            let service = if action.service == ScriptService::Write {
                1
            } else {
                2
            };
            let name: Vec<String> = action.name.0.iter().map(ToString::to_string).collect();
            let value = action.parameter.octets().unwrap_or_default().iter();
            let value: Vec<String> = value.map(|octet| format!("{octet:02x}")).collect();
            assert_eq!(service, 1);
            let (id, class, index) = (script.id, action.class, action.index);
            println!(
                "script {id} {class} {} {index} {}",
                name.join("."),
                value.concat()
            );
        }
    }
}

/// The terms of a session as the client whose keys the script gives to the meter.
fn terms(model: &DlmsModel, road: &str, level: &str) -> Result<Terms, Fault> {
    let (client, keys) = if level == "two" {
        (4, Keys::new(Suite::Two, &[0x42; 32], &[0x24; 32]))
    } else {
        let authentication: Vec<u8> = (0xd0..=0xdf).collect();
        let encryption: Vec<u8> = (0..16).collect();
        (3, Keys::new(Suite::Zero, &encryption, &authentication))
    };
    let keys = keys.map_err(|_| "no keys")?;
    let place = if road == "wrapper" {
        DlmsPlace::Wrapper
    } else {
        DlmsPlace::Hdlc { lower: None }
    };
    let wish = DlmsWish {
        peer: Peer(1),
        place,
        association: "secured".to_owned(),
        client: Some(client),
        hold_max: std::time::Duration::from_secs(30),
        pdu_octets: None,
    };
    let credentials = DlmsCredentials::Keys(keys, SystemTitle(*b"PMU\0\0\0\0\x07"));
    Ok(dlms_terms(model, &wish, &credentials)?)
}

/// Milliseconds of the time of day.
#[expect(
    clippy::disallowed_methods,
    reason = "a counter that goes on from run to run"
)]
fn now() -> Result<u128, Fault> {
    Ok(std::time::SystemTime::now()
        .duration_since(UNIX_EPOCH)?
        .as_millis())
}

async fn run(arguments: &[String]) -> Result<(), Fault> {
    let [_, port, road, level, what] = arguments else {
        return Err("say a port, a road, a level, and read or write".into());
    };
    let text = include_str!("../../../../config/meter-models/dlms-generic.toml");
    let text = text.replace("address-octets = 1\n", "address-octets = 2\nlower = 17\n");
    let catalogue = Catalogue::parse(&[("dlms-generic.toml", &text)]);
    let catalogue = catalogue.map_err(|complaints| format!("{complaints:?}"))?;
    let model = catalogue.dlms_model("dlms-generic").ok_or("no model")?;
    let terms = terms(model, road, level)?;
    let line = TcpLine(TcpStream::connect(("127.0.0.1", port.parse::<u16>()?)).await?);
    let mut guard = GuardedLine::new(line, LineTiming::stream(), GuardSettings::default());
    let now = now()?;
    let mut keeper = ByClock(u32::try_from((now - 1_790_000_000_000) / 5)?);
    let any = ExpectedMeter::Any;
    let mut visit = DlmsVisit::begin(&mut guard, &mut keeper, model, &terms, &any).await?;
    if what == "write" {
        let program = Program::new(visit.identity())
            .scripts(SCRIPTS, tariff::scripts())
            .registers(REGISTERS, tariff::registers())
            .calendar(CALENDAR, tariff::calendar(), Activation::Off)
            .special_days(SPECIAL_DAYS, tariff::special_days());
        let plan = program.plan(&model.takes(), None);
        let plan = plan.map_err(|complaints| format!("{complaints:?}"))?;
        let record = visit.look(&plan, None).await?;
        let report = visit.carry_out(&record, Doubtful::Leave).await?;
        if report.verdict != Written::New {
            return Err(report.to_string().into());
        }
    }
    let mut get = async |attribute: Attribute| -> Result<Data, Fault> {
        let outcome = visit.get(attribute).await?;
        outcome.map_err(|result| format!("{attribute}: {result}").into())
    };
    let mut fields = Vec::new();
    for field in CalendarField::ALL {
        let attribute = CalendarPart::attribute(CALENDAR, field.passive());
        fields.push((field, get(attribute).await?));
    }
    let of = |wanted| {
        fields
            .iter()
            .find(|one| one.0 == wanted)
            .map_or(&Data::Null, |one| &one.1)
    };
    let calendar = CalendarPart::decode(of)?;
    let days = SpecialDay::decode_all(&get(SpecialDay::table(SPECIAL_DAYS)).await?)?;
    let scripts = Script::decode_all(&get(Script::table(SCRIPTS)).await?)?;
    visit.end().await;
    tell(&calendar, &days, &scripts);
    println!("done");
    Ok(())
}

fn main() -> Result<(), Fault> {
    let arguments: Vec<String> = std::env::args().collect();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(run(&arguments))
}
