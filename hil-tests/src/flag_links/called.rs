//! Meters that are called: by a modem, by a PAD, and how that is judged.

use std::path::Path;
use std::time::Duration;

use simulator::link::{
    Answer, HungUp, Modem, ModemEvent, ModemTroubles, Pad, PadAnswer, PadEvent, PadTroubles,
};

use super::Road;
use crate::agent::Agent;
use crate::clock::wait_until;
use crate::hands::check;

/// Under which a meter is called.
pub const NUMBER: &str = "0123456789";
/// What a line adds to each answer, where that is not the point.
pub const SWIFT: Duration = Duration::from_millis(20);
/// The same where something has to happen in the middle of a conversation.
pub const SLOW: Duration = Duration::from_millis(250);
/// How long the gateway may take to do what it was asked.
pub const WITHIN: Duration = Duration::from_mins(2);
/// A modem that tries twice and does not wait long.
const MODEM: &str = "link = \"modem\"\nbaud = 57600\nretries = 1\nretry-after-seconds = 5\n\
                     answer-within-seconds = 5\nsession-seconds-max = 120\n";
/// The same with a PAD.
const PAD: &str = "link = \"pad\"\nbaud = 57600\nretries = 1\nretry-after-seconds = 5\n\
                   answer-within-seconds = 5\nsession-seconds-max = 120\n";

/// A modem behind which a meter is called.
pub fn modem(
    (id, serial): (&str, &str),
    days: i64,
    more: &str,
    (folder, delays): (&Path, Duration),
) -> (Road, Modem) {
    let modem = Modem::new(ModemTroubles {
        delays,
        ..ModemTroubles::default()
    });
    let section = format!("{MODEM}{more}");
    let road = Road::behind(id, serial, days, (&section, folder), |bus| {
        modem.seat(NUMBER, taken(), bus.wire.clone());
        modem.clone()
    });
    (road, modem)
}

/// A PAD behind which a meter is called.
pub fn pad(
    (id, serial): (&str, &str),
    days: i64,
    (folder, delays): (&Path, Duration),
) -> (Road, Pad) {
    let pad = Pad::new(PadTroubles {
        delays,
        ..PadTroubles::default()
    });
    let road = Road::behind(id, serial, days, (PAD, folder), |bus| {
        pad.seat(NUMBER, accepted(), bus.wire.clone());
        pad.clone()
    });
    (road, pad)
}

/// Somebody who calls a meter, and can be asked what he did: a modem, or a PAD.
pub trait Caller: Clone + Send + Sync {
    /// How often the meter's number was called.
    fn calls(&self) -> usize;

    /// Calls that stood.
    fn stood(&self) -> usize;

    /// Calls that the gateway ended by a command.
    fn ended_by_us(&self) -> usize;

    /// Calls that ended otherwise.
    fn ended_elsewhere(&self) -> usize;

    /// A call stands.
    fn stands(&self) -> bool;

    /// The far end hangs up.
    fn drop_call(&self);

    /// What it did, in words.
    fn told(&self) -> String;
}

impl Caller for Modem {
    fn calls(&self) -> usize {
        let dialled = |event: &&ModemEvent| matches!(event, ModemEvent::Dialled(_));
        self.life().iter().filter(dialled).count()
    }

    fn stood(&self) -> usize {
        count(&self.life(), |event| *event == ModemEvent::Connected)
    }

    fn ended_by_us(&self) -> usize {
        let by_command = ModemEvent::HungUp(HungUp::Command);
        count(&self.life(), |event| *event == by_command)
    }

    fn ended_elsewhere(&self) -> usize {
        let ended = count(&self.life(), |event| matches!(event, ModemEvent::HungUp(_)));
        ended - self.ended_by_us()
    }

    fn stands(&self) -> bool {
        self.is_in_call()
    }

    fn drop_call(&self) {
        Self::drop_call(self);
    }

    fn told(&self) -> String {
        format!("{:?}", self.life())
    }
}

impl Caller for Pad {
    fn calls(&self) -> usize {
        let call = PadEvent::Command(NUMBER.to_owned());
        count(&self.life(), |event| *event == call)
    }

    fn stood(&self) -> usize {
        count(&self.life(), |event| *event == PadEvent::Connected)
    }

    fn ended_by_us(&self) -> usize {
        count(&self.life(), |event| *event == PadEvent::Cleared)
    }

    fn ended_elsewhere(&self) -> usize {
        count(&self.life(), |event| *event == PadEvent::ClearedElsewhere)
    }

    fn stands(&self) -> bool {
        self.is_in_call()
    }

    fn drop_call(&self) {
        Self::drop_call(self);
    }

    fn told(&self) -> String {
        format!("{:?}", self.life())
    }
}

fn count<T>(events: &[T], is_it: impl Fn(&T) -> bool) -> usize {
    events.iter().filter(|event| is_it(event)).count()
}

/// A call that is taken at once: how long it rings is not the point.
const fn taken() -> Answer {
    Answer::Connects {
        after: Duration::from_millis(500),
        rate: 9600,
        drops_after: None,
    }
}

/// The same of a packet network.
const fn accepted() -> PadAnswer {
    PadAnswer::Connects {
        after: Duration::from_millis(500),
        drops_after: None,
    }
}

/// The schedule has read the meter; it does so again in an hour.
#[track_caller]
pub fn wait_for_collection(agent: &Agent, road: &Road) {
    wait_until("it was collected", WITHIN, || {
        agent.meter(road.id()).last_collected.is_some()
    });
}

/// A call stands, and the meter has said something in it.
#[track_caller]
pub fn wait_for_conversation(road: &Road, caller: &impl Caller) {
    let said = || road.bus.wire.counters().flag_messages;
    wait_until("a call stands", WITHIN, || caller.stands());
    let before = said();
    wait_until("the meter is in the middle of something", WITHIN, || {
        said() >= before + 4 || !caller.stands()
    });
    assert!(caller.stands(), "it is over already: {}", caller.told());
}

/// The call has been ended by a command of ours, and none stands.
#[track_caller]
pub fn was_ended_by_us(caller: &impl Caller, ended_before: usize) {
    wait_until("the call is ended", WITHIN, || {
        caller.ended_by_us() > ended_before
    });
    let told = caller.told();
    assert_eq!(caller.ended_elsewhere(), 0, "{told}");
}

/// What keeps a call from standing.
pub struct Trouble<'a> {
    /// How it comes about.
    pub happens: &'a (dyn Fn() + Sync),
    /// What is said of it.
    pub words: [&'a str; 2],
    /// How often the number is called.
    pub calls: usize,
}

/// A meter that was read before cannot be called any more: that is told in words, and it is tried as
/// often as is configured and no more.
#[track_caller]
pub fn is_told(agent: &Agent, road: &Road, caller: &impl Caller, trouble: &Trouble<'_>) {
    wait_for_collection(agent, road);
    wait_until("the first call is over", WITHIN, || !caller.stands());
    let (calls, stood) = (caller.calls(), caller.stood());
    (trouble.happens)();
    let ping = format!("meter ping {}", road.id());
    check(agent, &ping, 1, &trouble.words);
    let told = caller.told();
    assert_eq!(caller.calls() - calls, trouble.calls, "{told}");
    assert_eq!(caller.stood(), stood, "{told}");
}
