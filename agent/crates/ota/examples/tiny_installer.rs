//! The installer as a program of its own, for a tiny virtual machine that is killed while it works.
//!
//!     tiny_installer next SOURCE      keep the system that runs, then install the image behind it
//!     tiny_installer keep SOURCE      keep the system that runs
//!     tiny_installer leave SOURCE     go back to the other slot
//!
//! Partitions, order and way are those of the agent; only the download is missing. Each write and each
//! flush is announced on the console before it is made, so that whoever watches can choose his moment.
//!
//! SOURCE holds three images, each in a place of its own: a block with the order, a block with the
//! bytes that are in the slot for certain, the image.

use bootloader_verify::limits::{BLOCK, BLOCK_U64};
use bootloader_verify::{SlotState, TrustedKeys, from_hex};
use ota::{
    Area, BootReport, Install, Order, Partitions, Place, SlotDisk, expected_of_target, look,
    note_health, roll_back,
};
use std::error::Error;
use std::fmt::{Arguments, Display};
use std::fs::{File, read_to_string};
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::process::ExitCode;

/// Images of a source, and the room for each.
const IMAGES: u64 = 3;
const PLACE: u64 = 16 << 20;
/// Bytes between two notes of how far it is; the agent takes more, of larger images.
const NOTE_EVERY: u64 = 512 << 10;
const READ_BYTES: usize = 64 << 10;

fn main() -> ExitCode {
    let mut words = std::env::args().skip(1);
    let (deed, source) = (words.next(), words.next());
    let done = run(&deed.unwrap_or_default(), &source.unwrap_or_default());
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            say(format_args!("fault={fault}"));
            ExitCode::FAILURE
        }
    }
}

fn run(deed: &str, source: &str) -> Result<(), Box<dyn Error>> {
    let report = BootReport::parse(&read_to_string("/run/pmu-boot/report")?)?;
    let place = Place {
        keys: TrustedKeys::parse(&read_to_string("/usr/share/pmu/trust.keys")?)?,
        expected: expected_of_target(&read_to_string("/usr/share/pmu/target")?)?,
        running: report.running,
    };
    let mut disk = Told {
        disk: Partitions::of_folder(PathBuf::from("/run/slots")),
        step: 0,
    };
    if deed == "leave" {
        let other = roll_back(&mut disk, &place)?;
        say(format_args!("leave=done for={other}"));
        return Ok(());
    }
    let tries = report
        .tries
        .map_or("none".to_owned(), |left| left.to_string());
    say(format_args!("keep=begin tries={tries}"));
    let state = note_health(&mut disk, &place)?;
    say(format_args!("keep=done floor={}", state.floor));
    if deed == "next" {
        let number = (number_of(&report)? + 1) % IMAGES;
        install(&mut disk, &place, &Source::open(source, number)?)?;
    }
    Ok(())
}

/// The number of the image that runs, from its version.
fn number_of(report: &BootReport) -> Result<u64, Box<dyn Error>> {
    let (_, number) = report
        .version
        .split_once('-')
        .ok_or("a version without a number")?;
    Ok(number.parse()?)
}

fn install(disk: &mut Told, place: &Place, source: &Source) -> Result<(), Box<dyn Error>> {
    let mut install = Install::new(disk, place, source.order()?, 0)?;
    let (target, number) = (install.target(), source.number);
    let was_cut = look(disk, place)?.state.slot(target).state == SlotState::Writing;
    let kept = if was_cut { source.kept()? } else { 0 };
    // What is noted belongs to this installation from here on.
    source.note(kept)?;
    say(format_args!(
        "install=begin image={number} target={target} kept={kept}"
    ));
    install.push(disk, &source.read(0, BLOCK)?)?;
    install.take_up(disk, kept)?;
    let mut noted = install.position();
    while install.position() < install.progress().total {
        let left = install.progress().total - install.position();
        let length = usize::try_from(left).map_or(READ_BYTES, |left| left.min(READ_BYTES));
        install.push(disk, &source.read(install.position(), length)?)?;
        if install.position() - noted >= NOTE_EVERY {
            noted = install.position();
            source.note(install.keep(disk)?)?;
        }
    }
    install.finish()?;
    say(format_args!(
        "install=done image={number} target={target} steps={}",
        disk.step
    ));
    Ok(())
}

/// One image of the source.
struct Source {
    file: File,
    number: u64,
}

impl Source {
    fn open(path: &str, number: u64) -> io::Result<Self> {
        let file = File::options().read(true).write(true).open(path)?;
        Ok(Self { file, number })
    }

    fn at(&self, offset: u64) -> u64 {
        self.number * PLACE + offset
    }

    /// `SHA-256 BYTES`.
    fn order(&self) -> Result<Order, Box<dyn Error>> {
        let mut block = vec![0; BLOCK];
        self.file.read_exact_at(&mut block, self.at(0))?;
        let text = String::from_utf8(block)?;
        let mut words = text.trim_end_matches('\0').split_whitespace();
        let (sha256, bytes) = (words.next().unwrap_or_default(), words.next());
        Ok(Order {
            sha256: from_hex(sha256).ok_or("an order without a hash")?,
            bytes: bytes.unwrap_or_default().parse()?,
        })
    }

    fn kept(&self) -> io::Result<u64> {
        let mut kept = [0; 8];
        self.file.read_exact_at(&mut kept, self.at(BLOCK_U64))?;
        Ok(u64::from_le_bytes(kept))
    }

    fn note(&self, kept: u64) -> io::Result<()> {
        self.file
            .write_all_at(&kept.to_le_bytes(), self.at(BLOCK_U64))?;
        self.file.sync_all()
    }

    fn read(&self, from: u64, length: usize) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; length];
        self.file
            .read_exact_at(&mut bytes, self.at(2 * BLOCK_U64 + from))?;
        Ok(bytes)
    }
}

/// The disk, each step announced.
struct Told {
    disk: Partitions,
    step: u32,
}

impl Told {
    fn tell(&mut self, what: impl Display, area: Area) {
        self.step += 1;
        say(format_args!("step={} {what} {area:?}", self.step));
    }
}

impl SlotDisk for Told {
    fn size(&self, area: Area) -> io::Result<u64> {
        self.disk.size(area)
    }

    fn read_at(&self, area: Area, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.disk.read_at(area, offset, buffer)
    }

    fn write_at(&mut self, area: Area, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.tell(format_args!("write {offset}"), area);
        self.disk.write_at(area, offset, bytes)
    }

    fn flush(&mut self, area: Area) -> io::Result<()> {
        self.tell("flush", area);
        self.disk.flush(area)
    }
}

/// One line, and it is out when this returns. A console that takes nothing changes nothing.
fn say(what: Arguments<'_>) {
    let mut console = io::stdout().lock();
    drop(writeln!(console, "tiny 1 {what}").and_then(|()| console.flush()));
    rustix::termios::tcdrain(&console).unwrap_or_default();
}
