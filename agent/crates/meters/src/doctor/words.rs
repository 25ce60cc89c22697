//! The messages.

use super::{Finding, Message, ModemTrouble, PasswordRefusal, Silence, TrialSettings};

/// Stored rows are safe, whatever happens on the line.
const STORED_IS_SAFE: &str = "what is stored is safe, and the meter keeps its own profile";

fn message(code: &'static str, texts: [String; 3]) -> Message {
    let [happened, meaning, next] = texts;
    Message {
        code,
        happened,
        meaning,
        next,
    }
}

fn texts(
    happened: impl Into<String>,
    meaning: impl Into<String>,
    next: impl Into<String>,
) -> [String; 3] {
    [happened.into(), meaning.into(), next.into()]
}

impl Finding {
    /// The message to a person; nothing where nothing is wrong.
    pub fn message(&self) -> Option<Message> {
        self.line_message()
            .or_else(|| self.session_message())
            .or_else(|| self.clock_message())
            .or_else(|| self.profile_message())
            .or_else(|| self.other_message())
    }

    fn line_message(&self) -> Option<Message> {
        Some(match self {
            Self::NoAnswer(silence) => message("C01", no_answer(silence)),
            Self::Garbled {
                configured,
                works,
                octets,
                wrong_parity,
            } => message(
                "C02",
                garbled(configured, works.as_ref(), *octets, *wrong_parity),
            ),
            Self::EchoOnly { octets } => message(
                "C03",
                texts(
                    format!("only our own {octets} octets came back, and no answer behind them"),
                    "nothing is read; an optical head or an RS485 pair that hears itself is working, the meter is not heard",
                    "switch on echo cancelling for this line; if it is on, check the meter's side: head seated, A and B not exchanged, power",
                ),
            ),
            Self::TwoMeters { address, heard } => message(
                "C04",
                texts(
                    format!(
                        "two meters answered address `{address}` at once{}",
                        listed(heard)
                    ),
                    "nothing is taken from them: what they say together is nobody's",
                    "give them addresses of their own; commonly the last three digits of the serial number",
                ),
            ),
            Self::Modem { trouble, next_try } => {
                message("C09", modem(*trouble, next_try.map(|at| at.to_string())))
            }
            Self::PadUnreachable { number, reason } => message(
                "C10",
                texts(
                    format!("PAD {number} cannot be reached: {reason}"),
                    format!("nothing is read on this road; {STORED_IS_SAFE}"),
                    "check the number, or read the meter by another road; the network may have been switched off",
                ),
            ),
            Self::BlockCheck { failed, of } => message(
                "C11",
                texts(
                    format!("{failed} of {of} answers came with a wrong block check"),
                    "damaged answers are thrown away and asked for again; no value was taken from them, reading only takes longer",
                    "choose a lower speed, check cable, screen and termination of the line, and keep it away from inverters",
                ),
            ),
            Self::PortInUse { by } => message(
                "C12",
                texts(
                    format!("the port is in use by {by}"),
                    "nothing is read yet, and nothing is lost",
                    "wait until it is done, or stop it",
                ),
            ),
            _ => return None,
        })
    }

    fn session_message(&self) -> Option<Message> {
        Some(match self {
            Self::WrongMeter { expected, found } => message("C05", texts(
                format!("the meter says that it is `{found}`, `{expected}` is configured"),
                "nothing is taken from it, so that no other meter's energy is booked",
                "check address and cabling; if the meter was exchanged, close the old one's record and open the new one's",
            )),
            Self::PasswordRefused { level, how } => message("C06", texts(
                format!("the meter refused the password of level {level}: {}", refusal(*how)),
                "it is not tried again, because the meter may lock itself; nothing is read that needs it",
                "ask who keeps the passwords; they have eight characters, letters only upper case",
            )),
            Self::NotAllowed { what, level, needs } => message("C07", texts(
                match needs {
                    Some(needs) => format!("{what} needs level {needs}, level {level} is open"),
                    None => format!("{what} is not allowed at level {level}"),
                },
                "it was left out; everything that the level allows is read",
                "ask for the higher level's approval, or leave it out of the list",
            )),
            Self::LinkDropped { per_cent, resume_from } => message("C08", texts(
                format!("the link dropped at {per_cent} %"),
                "rows up to there are stored; the rest is still in the meter",
                match resume_from {
                    Some(at) => format!("read on: it resumes from {at}; if it drops again, look at line, modem time-out and the modem's supply"),
                    None => "read again; if it drops again, look at line, modem time-out and the modem's supply".to_owned(),
                },
            )),
            _ => return None,
        })
    }

    fn clock_message(&self) -> Option<Message> {
        Some(match self {
            Self::ClockOff { ahead_s, advice } => message(
                "T01",
                texts(
                    format!(
                        "the meter's clock is {} s {}",
                        ahead_s.unsigned_abs(),
                        if *ahead_s < 0 { "behind" } else { "ahead" }
                    ),
                    "its intervals lie off by as much; energy is not wrong, only its time",
                    advice.as_str(),
                ),
            ),
            Self::ClockInvalid => message(
                "T02",
                texts(
                    "the meter's clock or battery is not good",
                    "times of its intervals cannot be trusted since its last good check; totals can",
                    "read load profile and registers first, then change the battery and set the clock",
                ),
            ),
            Self::OwnClock => message(
                "T03",
                texts(
                    "the gateway's own clock is not synchronised",
                    "meters are read, and rows say so; no meter's clock is written",
                    "look at the gateway's time server and its network",
                ),
            ),
            _ => return None,
        })
    }

    fn profile_message(&self) -> Option<Message> {
        Some(match self {
            Self::IntervalsMissing {
                count,
                first,
                last,
                cause,
            } => message(
                "L01",
                texts(
                    format!("{count} intervals are missing from {first} to {last}: {cause}"),
                    "their energy is in the registers, not in the profile; nothing was filled in",
                    "read the gap again; if it stays, mark it as an outage",
                ),
            ),
            Self::SumDiffers { what, by } => message(
                "L02",
                texts(
                    format!("intervals and register of {what} differ by {by}"),
                    "one of them does not count what the other counts: ratio, gap, overflow, or the coding of the profile",
                    "compare ratio and one day with the meter's display before anything is billed",
                ),
            ),
            Self::OtherCoding {
                what,
                as_model,
                as_other,
                by,
            } => message("L02", other_coding(what, as_model, as_other, by)),
            Self::SetupChanged { what, who } => message(
                "L03",
                texts(
                    match who {
                        Some(who) => format!("{what} changed since the last reading, by {who}"),
                        None => format!("{what} changed since the last reading"),
                    },
                    "values before and after may not mean the same",
                    "compare the last backup with the meter, and note the change",
                ),
            ),
            Self::OverwriteIn { days } => message(
                "L04",
                texts(
                    match days {
                        0 => "the meter may already overwrite intervals that nobody has read"
                            .to_owned(),
                        days => format!(
                            "in {days} days the meter overwrites intervals that nobody has read"
                        ),
                    },
                    "what is overwritten is lost for good",
                    "read the load profile now, or repair the road to the meter first",
                ),
            ),
            _ => return None,
        })
    }

    fn other_message(&self) -> Option<Message> {
        Some(match self {
            Self::SchemeMisfit { misfits } => message(
                "S01",
                texts(
                    format!("the scheme does not fit this meter{}", listed(misfits)),
                    "nothing was written",
                    "choose another scheme, or change what does not fit",
                ),
            ),
            Self::VerifyMismatch { page } => message(
                "S02",
                texts(
                    format!("page `{page}` reads back otherwise than it was written"),
                    "the meter may have a mixture of old and new settings",
                    "look at both; write it again, or restore the backup",
                ),
            ),
            Self::DatePassed { date } => message(
                "S03",
                texts(
                    format!("{date} has passed"),
                    "nothing was written: the meter would never change over",
                    "choose a date that lies ahead when the job runs",
                ),
            ),
            Self::BackupFailed { reason } => message(
                "S04",
                texts(
                    format!("the backup failed: {reason}"),
                    "nothing was written, because there would be no way back",
                    "repair the link and try again",
                ),
            ),
            Self::ExportRefused { per_cent } => message(
                "E01",
                texts(
                    format!(
                        "the export was refused: {per_cent} % of its values are not as measured"
                    ),
                    "nothing was sent",
                    "read the gaps again, or override it and say why",
                ),
            ),
            Self::ReceiverDown { waiting } => message(
                "E02",
                texts(
                    format!("the receiver is down, {waiting} files wait"),
                    "nothing is lost: they are sent when it is back",
                    "nothing, unless it stays down",
                ),
            ),
            Self::SafeImage => message(
                "G01",
                texts(
                    "the gateway runs from its read-only safe image, because a check at the start failed",
                    "reading goes on; nothing is written to meters",
                    "follow the page on reviving a gateway",
                ),
            ),
            _ => return None,
        })
    }
}

fn listed(items: &[String]) -> String {
    match items {
        [] => String::new(),
        items => format!(": {}", items.join("; ")),
    }
}

fn other_coding(what: &str, as_model: &str, as_other: &str, by: &str) -> [String; 3] {
    texts(
        format!(
            "the intervals of {what} agree with its register when they are read as {as_other}; as \
             {as_model}, as the model says, they differ by {by}"
        ),
        "the meter codes its load profile otherwise than its model says; values are kept as the \
         model says, and are wrong",
        "compare one day with the meter's display, then correct `value` of the profile in the \
         model's file and read it again",
    )
}

fn no_answer(silence: &Silence) -> [String; 3] {
    let nothing = format!("nothing is read; {STORED_IS_SAFE}");
    match silence {
        Silence::Whatever { tried } => texts(
            format!(
                "no answer from the meter{}",
                match &tried[..] {
                    [] => String::new(),
                    tried => format!("; tried {}", tried.join(", ")),
                }
            ),
            nothing,
            "check port, power and address, that the optical head sits, and that A and B are not exchanged; watch the line's light while it is called",
        ),
        Silence::Otherwise { configured, works } => texts(
            format!("no answer with {configured}, but with {works} the meter answers"),
            nothing,
            format!("set {} for it", works.difference(configured)),
        ),
        Silence::Refused { address } => texts(
            format!("something at address `{address}` refuses the sign-on"),
            nothing,
            "wait two seconds and call again; if it stays, check the address",
        ),
        Silence::NoPort { port, reason } => texts(
            format!("port {port} cannot be opened: {reason}"),
            nothing,
            "check that the adapter is plugged in, and the name of the port",
        ),
    }
}

fn garbled(
    configured: &TrialSettings,
    works: Option<&TrialSettings>,
    octets: u32,
    wrong_parity: u32,
) -> [String; 3] {
    let meaning = "something answers, but no value can be taken from it";
    let heard = match wrong_parity {
        0 => format!("{octets} octets came that are no answer"),
        wrong => {
            format!("{octets} octets came that are no answer, {wrong} of them with wrong parity")
        }
    };
    match works {
        Some(works) => texts(
            format!("with {configured} {heard}; with {works} the answer is clean"),
            meaning,
            format!("set {} for this line", works.difference(configured)),
        ),
        None => texts(
            format!("with {configured} {heard}, and no other setting was clean"),
            meaning,
            "check speed and framing at the meter and at the modem (a data stream needs 8N1 at both), then cable and termination",
        ),
    }
}

fn modem(trouble: ModemTrouble, next_try: Option<String>) -> [String; 3] {
    let (happened, hint) = match trouble {
        ModemTrouble::Busy => (
            "the number is busy",
            "somebody else reads the meter, or its modem did not hang up",
        ),
        ModemTrouble::NoCarrier => (
            "the call was not taken, or the connection was lost",
            "check the number, the meter's modem and its supply",
        ),
        ModemTrouble::NoDialTone => (
            "there is no dial tone",
            "check the telephone line, or the SIM card and its network",
        ),
        ModemTrouble::NoAnswer => (
            "nobody answers the call",
            "check the number, and that the meter's modem is on",
        ),
        ModemTrouble::NoModem => (
            "our own modem does not answer",
            "check its cable, supply and speed, and the initialisation string",
        ),
    };
    let next = match next_try {
        Some(at) => format!("the next try is at {at}; {hint}"),
        None => hint.to_owned(),
    };
    texts(happened, format!("nothing is read; {STORED_IS_SAFE}"), next)
}

fn refusal(how: PasswordRefusal) -> &'static str {
    match how {
        PasswordRefusal::Nak => "it answered NAK",
        PasswordRefusal::SignOff => "it signed off",
        PasswordRefusal::Error => "it answered with an error",
        PasswordRefusal::Silence => "it fell silent",
    }
}
