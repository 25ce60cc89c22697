//! Links that call: from the file to what the program trusts.

use super::framing::framed;
use super::{Place, address, device};
use crate::config::complaint::Notebook;
use crate::config::file::PadFile;
use crate::config::link::{
    CallSettings, CommandLine, Dialling, HangUp, LinkSettings, ModemSettings, PadPlace,
    PadSettings, Recall,
};
use crate::config::settings_bus::Bus;
use std::ops::Range;
use std::time::Duration;
use toml::Spanned;

/// What a modem is told beside what the gateway itself needs: to know a busy line and a missing
/// dial tone (ITU-T V.250, 6.3.11).
const MODEM_INIT: &str = "ATX4";

/// X.3 parameters that make a PAD pass octets on as they are: recall by DLE, no echo, no
/// character that forwards, forwarding after 50 ms, no flow control, standard signals with the
/// prompt, break recalls, nothing padded, folded, inserted or edited.
const PAD_SETUP: &str = "SET 1:1,2:0,3:0,4:1,5:0,6:5,7:8,9:0,10:0,12:0,13:0,14:0,15:0";

/// Longest text of one command for a modem or PAD; ours.
const COMMAND_CHARS_MAX: usize = 200;

/// Most commands that set a modem or PAD up; ours.
const COMMANDS_MAX: usize = 16;

pub(super) fn modem(bus: Bus<'_>, notes: &mut Notebook) -> Option<Place> {
    let device = device(bus, notes);
    let line = framed(bus, None, notes);
    let ways = [("tone", Dialling::Tone), ("pulse", Dialling::Pulse)];
    let dialling = bus.word(
        "dialling",
        bus.0.dialling.as_ref(),
        &ways,
        "a way to dial",
        notes,
    );
    let ways = [("escape", HangUp::Escape), ("dtr", HangUp::Dtr)];
    let hang_up = bus.word(
        "hang-up",
        bus.0.hang_up.as_ref(),
        &ways,
        "a way to end a call",
        notes,
    );
    let calls = calls(bus, notes);
    let init = init(bus, notes);
    let (device, span) = device?;
    let text = device.display().to_string();
    let link = LinkSettings::Modem(ModemSettings {
        device,
        line: line?,
        init,
        dialling: dialling?,
        hang_up: hang_up?,
        calls,
    });
    Some(Place { link, text, span })
}

fn init(bus: Bus<'_>, notes: &mut Notebook) -> Vec<CommandLine> {
    let Some(init) = &bus.0.init else {
        return vec![CommandLine::new(MODEM_INIT.to_owned())];
    };
    let lines = &init.as_ref().0;
    check_count(bus, "init", lines.len(), init.span(), notes);
    for (number, line) in (1..).zip(lines) {
        let begin = line.get(..2);
        // What is wrong is not repeated: it may be the PIN.
        if !begin.is_some_and(|begin| begin.eq_ignore_ascii_case("AT")) {
            let problem = format!("line {number} is no command for a modem");
            let remedy = "begin each line with AT, as in init = [\"ATX4\"]";
            bus.complain(init.span(), "init", problem, remedy, notes);
        } else if !is_command(line) {
            refuse_command(bus, init.span(), "init", notes);
        }
    }
    lines.iter().cloned().map(CommandLine::new).collect()
}

fn check_count(bus: Bus<'_>, key: &str, count: usize, span: Range<usize>, notes: &mut Notebook) {
    if count > COMMANDS_MAX {
        let problem = format!("has more than {COMMANDS_MAX} commands");
        bus.complain(span, key, problem, "put several into one line", notes);
    }
}

/// Printable and short: it can hold neither a second command nor the end of the first.
fn is_command(text: &str) -> bool {
    let printable = |octet: u8| (b' '..=b'~').contains(&octet);
    !text.is_empty() && text.len() <= COMMAND_CHARS_MAX && text.bytes().all(printable)
}

fn refuse_command(bus: Bus<'_>, span: Range<usize>, key: &str, notes: &mut Notebook) {
    let remedy =
        format!("write 1 to {COMMAND_CHARS_MAX} printable characters; the line's end is added");
    bus.complain(span, key, "is no command", remedy, notes);
}

pub(super) fn pad(bus: Bus<'_>, notes: &mut Notebook) -> Option<Place> {
    let file = bus.0;
    let standard = PadFile::default();
    let words = file.pad.as_ref().map_or(&standard, Spanned::as_ref);
    let line = framed(bus, Some(9600), notes);
    let calls = calls(bus, notes);
    let ways = [("dle", Recall::Dle), ("break", Recall::Break)];
    let recall = bus.word(
        "pad.recall",
        words.recall.as_ref(),
        &ways,
        "a way to recall a PAD",
        notes,
    );
    let call = command(bus, "pad.call", words.call.as_ref(), "{number}", notes);
    if let Some(given) = words.call.as_ref().filter(|_| !call.contains("{number}")) {
        let remedy = "write {number} where the number belongs, as in call = \"{number}\"";
        bus.complain(given.span(), "pad.call", "calls no number", remedy, notes);
    }
    let setup = setup(bus, words, notes);
    let prompt = command(bus, "pad.prompt", words.prompt.as_ref(), "*", notes);
    let connected = command(bus, "pad.connected", words.connected.as_ref(), "COM", notes);
    let clear = command(bus, "pad.clear", words.clear.as_ref(), "CLR", notes);
    let (place, text, span) = pad_place(bus, notes)?;
    let recall = recall?;
    if let (PadPlace::Address(_), Recall::Break, Some(given)) = (&place, recall, &words.recall) {
        let remedy = "use recall = \"dle\", or connect the PAD to a serial port";
        bus.complain(
            given.span(),
            "pad.recall",
            "a network carries no break",
            remedy,
            notes,
        );
    }
    let line = line?;
    let link = LinkSettings::Pad(PadSettings {
        place,
        line,
        prompt,
        setup,
        call: CommandLine::new(call),
        connected,
        recall,
        clear,
        calls,
    });
    Some(Place { link, text, span })
}

fn setup(bus: Bus<'_>, words: &PadFile, notes: &mut Notebook) -> Vec<CommandLine> {
    let Some(setup) = &words.setup else {
        return vec![CommandLine::new(PAD_SETUP.to_owned())];
    };
    let lines = &setup.as_ref().0;
    check_count(bus, "pad.setup", lines.len(), setup.span(), notes);
    if !lines.iter().all(|line| is_command(line)) {
        refuse_command(bus, setup.span(), "pad.setup", notes);
    }
    lines.iter().cloned().map(CommandLine::new).collect()
}

/// A command, or the standard's.
fn command(
    bus: Bus<'_>,
    key: &str,
    given: Option<&Spanned<String>>,
    standard: &str,
    notes: &mut Notebook,
) -> String {
    let Some(given) = given else {
        return standard.to_owned();
    };
    if !is_command(given.as_ref()) {
        refuse_command(bus, given.span(), key, notes);
    }
    given.as_ref().clone()
}

fn pad_place(bus: Bus<'_>, notes: &mut Notebook) -> Option<(PadPlace, String, Range<usize>)> {
    let file = bus.0;
    match (&file.device, &file.address) {
        (Some(_), Some(address)) => {
            let problem = "stands beside a device";
            let remedy = "a PAD is in one place: remove one of the two";
            bus.complain(address.span(), "address", problem, remedy, notes);
            None
        }
        (None, Some(_)) => {
            let (address, span) = address(bus, notes)?;
            Some((PadPlace::Address(address.clone()), address, span))
        }
        (Some(_), None) => {
            let (device, span) = device(bus, notes)?;
            let text = device.display().to_string();
            Some((PadPlace::Device(device), text, span))
        }
        (None, None) => {
            let remedy = "write device = \"/dev/serial/by-path/...\" or address = \"host:port\"";
            bus.miss("device", remedy, notes);
            None
        }
    }
}

fn calls(bus: Bus<'_>, notes: &mut Notebook) -> CallSettings {
    let file = bus.0;
    let seconds = |seconds: u32| Duration::from_secs(u64::from(seconds));
    let after = file.retry_after_seconds.as_ref();
    let within = file.answer_within_seconds.as_ref();
    let longest = file.call_minutes_max.as_ref();
    CallSettings {
        retries: bus.number("retries", file.retries.as_ref(), 0..=9, 2, notes),
        retry_after: seconds(bus.number("retry-after-seconds", after, 5..=3600, 60, notes)),
        // Register S7 of a modem holds one octet.
        answer_within: seconds(bus.number("answer-within-seconds", within, 5..=255, 60, notes)),
        call_max: seconds(bus.number("call-minutes-max", longest, 1..=240, 20, notes) * 60),
    }
}
