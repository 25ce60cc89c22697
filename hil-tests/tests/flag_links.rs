//! The roads to a FLAG meter that are more than a pair of wires, with the real daemon: serial
//! servers, seven bits made by software, optical heads, modems, PADs. What is read is what the meter
//! holds, what keeps a call from standing is told in words, and a call is ended whatever ends the
//! conversation.
//!
//! What a pty cannot show: it has no DTR, RTS, carrier or break. So a head that is fed by DTR is seen
//! here only where DTR is on as the kernel opens a port; that a wrong DTR is found by trying (off,
//! auto), and that a falling DTR ends a call, is shown on lines in memory by the tests of `meters`
//! and of the daemon. A pty also carries eight bits whatever is asked for: who makes the parity bit
//! is seen here in the octets of the trace.
#![cfg(test)]

use std::path::Path;
use std::process::{Child, Stdio};
use std::thread::scope;
use std::time::Duration;

use desk::{JobState, Work};
use hil_tests::agent::Agent;
use hil_tests::clock::wait_until;
use hil_tests::flag_links::{
    Caller, NUMBER, Road, SLOW, SWIFT, Trouble, WITHIN, gateway, is_told, modem, pad,
    wait_for_collection, wait_for_conversation, was_ended_by_us,
};
use hil_tests::hands::{check, pmuctl, start};
use iec62056_21::codec::Baud;
use iec62056_21::meter::Opening;
use rustix::process::{Pid, Signal, kill_process};
use simulator::link::{Answer, Modem, ModemEvent, Pad, PadAnswer, Probe};
use simulator::wire::WireSettings;
use tempfile::TempDir;

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

/// The octets of a sign-on as they travel, in the trace: `/` has an odd number of ones, `?` an even
/// one.
const WITH_PARITY: &str = "af 3f";
const WITHOUT_PARITY: &str = "2f 3f";

/// Everything is read right over this line, and the sign-on travels like this.
#[track_caller]
fn is_read_over(agent: &Agent, road: &Road, octets: &str) {
    let bus = &road.bus.id;
    check(agent, &format!("bus trace {bus} on"), 0, &[]);
    road.is_read_right(agent);
    let shown = check(
        agent,
        &format!("bus trace {bus} show"),
        0,
        &["sign-on to address", octets],
    );
    let other = [WITH_PARITY, WITHOUT_PARITY];
    let other = other.iter().find(|other| **other != octets).unwrap();
    assert!(!shown.contains(other), "{bus}: {shown}");
}

/// Serial servers with either framing, the network of an Ethernet module, and a port of eight bits.
fn servers_and_ports(at: &Path) -> [(Road, &'static str); 4] {
    let (flag, plain) = (WireSettings::flag(57_600), WireSettings::plain(57_600));
    let network = WireSettings {
        baud: 0,
        ..WireSettings::plain(9600)
    };
    let port = ("link = \"serial\"\nbaud = 57600\n", at);
    let fixed = Opening::Fixed(57_600);
    [
        (
            Road::over_tcp("server-7e1", "20000101", flag, "7E1"),
            WITHOUT_PARITY,
        ),
        (
            Road::over_tcp("server-8n1", "20000102", plain, "8N1"),
            WITH_PARITY,
        ),
        (
            Road::over_tcp("network", "20000103", network, "8N1"),
            WITH_PARITY,
        ),
        (
            Road::at_port("port-8n1", "20000104", plain, fixed, port),
            WITH_PARITY,
        ),
    ]
}

/// A head that sees its own light, on a port that begins at 300 baud and goes on faster; heads that
/// take their power from DTR, one of which echoes.
fn heads(at: &Path) -> [(Road, &'static str); 3] {
    let opens = Opening::Negotiated(Baud::B300);
    let optical = ("link = \"optical\"\n", at);
    let slow = Road::at_port(
        "head-300",
        "20000105",
        WireSettings::flag(300),
        opens,
        optical,
    );
    slow.bus.wire.change_wire(|troubles| troubles.echo = true);
    let auto = "link = \"optical\"\nbaud = 57600\ndata-bits = 8\nparity = \"none\"\n";
    let on = format!("{auto}dtr = \"on\"\n");
    let fed = Road::behind("head-on", "20000106", 2, (&on, at), |bus| {
        Probe::new(bus.wire.clone()).wants_dtr(true).echoes()
    });
    let found = Road::behind("head-auto", "20000107", 2, (auto, at), |bus| {
        Probe::new(bus.wire.clone()).wants_dtr(true)
    });
    [
        (slow, WITHOUT_PARITY),
        (fed, WITH_PARITY),
        (found, WITH_PARITY),
    ]
}

#[test]
fn a_meter_is_read_through_serial_servers_ports_of_eight_bits_and_optical_heads() {
    let folder = folder();
    let at = folder.path();
    let (servers, heads) = (servers_and_ports(at), heads(at));
    let roads = servers.iter().chain(&heads);
    let all = roads.clone().map(|(road, _)| road);
    let mut agent = gateway("pmu-roads", at, all);
    agent.start_with_lines();
    scope(|scope| {
        for (road, octets) in roads {
            let agent = &agent;
            scope.spawn(move || is_read_over(agent, road, octets));
        }
    });
    let said = agent.said();
    assert!(
        said.contains("DTR and RTS cannot be switched"),
        "nobody was told that a head may stay dark here: {said}"
    );
    agent.stop();
}

/// A meter is called, read, and left again.
#[track_caller]
fn is_called_and_left(agent: &Agent, road: &Road, caller: &impl Caller) {
    wait_for_collection(agent, road);
    road.is_read_right(agent);
    wait_until("no call stands any more", WITHIN, || !caller.stands());
    let told = caller.told();
    assert!(caller.stood() >= 4, "each reading was a call: {told}");
    assert_eq!(caller.calls(), caller.stood(), "{told}");
    assert_eq!(caller.ended_by_us(), caller.stood(), "{told}");
    assert_eq!(caller.ended_elsewhere(), 0, "{told}");
}

#[track_caller]
fn is_set_up_and_dialled(modem: &Modem, init: &[&str], dialled: &str, not: &str) {
    let has = |command: &str| {
        let command = ModemEvent::Command(command.to_owned());
        modem.life().contains(&command)
    };
    let told = modem.told();
    for command in init {
        assert!(has(command), "{command}: {told}");
    }
    assert!(has(&format!("{dialled}{NUMBER}")), "{told}");
    assert!(!has(&format!("{not}{NUMBER}")), "{told}");
}

/// Meters behind a modem that dials by tones, one that dials by pulses, and a PAD.
fn meters_are_called_and_left() {
    let folder = folder();
    let at = folder.path();
    let init = "init = [\"ATX4\", \"ATM0L1\"]\n";
    let tone = modem(("tone", "30000101"), 2, init, (at, SWIFT));
    let pulse = modem(
        ("pulse", "30000102"),
        2,
        "dialling = \"pulse\"\n",
        (at, SWIFT),
    );
    let packet = pad(("packet", "30000103"), 2, (at, SWIFT));
    let mut agent = gateway("pmu-calls", at, [&tone.0, &pulse.0, &packet.0]);
    agent.start_with_lines();
    scope(|scope| {
        scope.spawn(|| is_called_and_left(&agent, &tone.0, &tone.1));
        scope.spawn(|| is_called_and_left(&agent, &pulse.0, &pulse.1));
        scope.spawn(|| is_called_and_left(&agent, &packet.0, &packet.1));
    });
    is_set_up_and_dialled(&tone.1, &["ATX4", "ATM0L1"], "ATDT", "ATDP");
    is_set_up_and_dialled(&pulse.1, &["ATX4"], "ATDP", "ATDT");
    agent.stop();
}

/// The name of a road and the serial number of the meter at its end.
type Names = (&'static str, &'static str);

/// Somebody who calls in vain: the road's name and the meter's number, what happens, what is told of
/// it, and how often he calls.
type InVain<C> = (&'static str, &'static str, fn(&C), &'static str, usize);

/// Each reason is told by this code and its words.
fn are_told<C: Caller, const N: usize>(
    id: &str,
    code: &'static str,
    answers: [InVain<C>; N],
    end: impl Fn(Names, &Path) -> (Road, C),
) {
    let folder = folder();
    let ends = answers.map(|(id, serial, ..)| end((id, serial), folder.path()));
    let mut agent = gateway(id, folder.path(), ends.iter().map(|(road, _)| road));
    agent.start_with_lines();
    scope(|scope| {
        for ((road, caller), (_, _, change, words, calls)) in ends.iter().zip(answers) {
            let agent = &agent;
            scope.spawn(move || {
                let trouble = Trouble {
                    happens: &|| change(caller),
                    words: [code, words],
                    calls,
                };
                is_told(agent, road, caller, &trouble);
            });
        }
    });
    agent.stop();
}

/// Modems that call in vain, each for another reason.
fn why_a_modem_calls_in_vain_is_told() {
    let answers: [InVain<Modem>; 6] = [
        (
            "busy",
            "30000104",
            |modem| modem.answer(NUMBER, Answer::Busy),
            "the number is busy",
            2,
        ),
        (
            "away",
            "30000105",
            |modem| modem.answer(NUMBER, Answer::NoCarrier),
            "the call was not taken",
            2,
        ),
        (
            "no-tone",
            "30000106",
            |modem| modem.answer(NUMBER, Answer::NoDialTone),
            "there is no dial tone",
            1,
        ),
        (
            "rings",
            "30000107",
            |modem| modem.answer(NUMBER, Answer::NoAnswer),
            "nobody answers the call",
            2,
        ),
        (
            "no-modem",
            "30000108",
            |modem| modem.change(|troubles| troubles.dead = true),
            "our own modem does not answer",
            0,
        ),
        (
            "stubborn",
            "30000109",
            |modem| modem.change(|troubles| troubles.refuses.push("X4".to_owned())),
            "line 1 of its init string",
            0,
        ),
    ];
    let end = |names: Names, at: &Path| modem(names, 2, "", (at, SWIFT));
    are_told("pmu-vain", "C09:", answers, end);
}

/// PADs that call in vain.
fn why_a_pad_calls_in_vain_is_told() {
    let answers: [InVain<Pad>; 3] = [
        (
            "unknown",
            "30000110",
            |pad| pad.answer(NUMBER, PadAnswer::cleared("NP")),
            "PAD 0123456789 cannot be reached",
            1,
        ),
        (
            "engaged",
            "30000111",
            |pad| pad.answer(NUMBER, PadAnswer::cleared("OCC")),
            "PAD 0123456789 cannot be reached",
            2,
        ),
        (
            "no-pad",
            "30000112",
            |pad| pad.change(|troubles| troubles.dead = true),
            "no PAD answers",
            0,
        ),
    ];
    let end = |names: Names, at: &Path| pad(names, 2, (at, SWIFT));
    are_told("pmu-packets", "C10:", answers, end);
}

#[test]
fn a_meter_is_called_read_and_left_or_somebody_is_told_why_not() {
    scope(|scope| {
        scope.spawn(meters_are_called_and_left);
        scope.spawn(why_a_modem_calls_in_vain_is_told);
        scope.spawn(why_a_pad_calls_in_vain_is_told);
    });
}

/// A collection of the whole profile, as a person starts it.
fn collection(agent: &Agent, road: &Road) -> Child {
    let words = ["meter", "collect", road.id(), "--all", "--again"];
    let mut typed = pmuctl(agent, &words);
    let typed = typed.stdout(Stdio::piped()).stderr(Stdio::piped());
    typed.spawn().unwrap()
}

/// What a command said when it had ended.
fn ended(child: Child) -> (Option<i32>, String) {
    let done = child.wait_with_output().unwrap();
    let text = [done.stdout, done.stderr].concat();
    let text = String::from_utf8(text).unwrap();
    println!("{text}");
    (done.status.code(), text)
}

/// Somebody cancels the work in the middle of a call.
#[track_caller]
fn cancelling_ends_the_call(agent: &Agent, road: &Road, caller: &impl Caller) {
    wait_for_collection(agent, road);
    wait_until("the first call is over", WITHIN, || !caller.stands());
    let ended_before = caller.ended_by_us();
    let work = Work::Collect {
        meter: road.id().to_owned(),
        from: None,
        to: None,
        again: true,
    };
    let job = start(agent, &work);
    wait_for_conversation(road, caller);
    check(agent, &format!("job cancel {}", job.number), 0, &[]);
    let state = job.wait(agent, WITHIN, |_| {});
    assert!(matches!(state, JobState::Cancelled(_)), "{state:?}");
    was_ended_by_us(caller, ended_before);
    wait_until("no call stands", WITHIN, || !caller.stands());
}

/// Whoever typed the command presses Ctrl-C in the middle of a call.
#[track_caller]
fn ctrl_c_ends_the_call(agent: &Agent, road: &Road, caller: &impl Caller) {
    wait_for_collection(agent, road);
    wait_until("the first call is over", WITHIN, || !caller.stands());
    let ended_before = caller.ended_by_us();
    let typed = collection(agent, road);
    wait_for_conversation(road, caller);
    let id = i32::try_from(typed.id()).ok().and_then(Pid::from_raw);
    kill_process(id.unwrap(), Signal::INT).unwrap();
    let (code, text) = ended(typed);
    assert!(
        code == Some(1) && text.contains("cancelled"),
        "{code:?}: {text}"
    );
    was_ended_by_us(caller, ended_before);
    wait_until("no call stands", WITHIN, || !caller.stands());
}

/// The meter loses its power in the middle of a session of the schedule; its modem goes on.
#[track_caller]
fn a_session_that_fails_ends_the_call(road: &Road, caller: &impl Caller) {
    wait_for_conversation(road, caller);
    let place = road.meter().place;
    assert!(
        road.bus
            .wire
            .change_flag(place, |troubles| troubles.dead = true)
    );
    was_ended_by_us(caller, 0);
}

/// The far end hangs up in the middle of a call: that is told from silence, and the rest is read in
/// another call.
#[track_caller]
fn a_dropped_call_is_taken_up_again(agent: &Agent, road: &Road, caller: &impl Caller) {
    wait_for_conversation(road, caller);
    caller.drop_call();
    wait_for_collection(agent, road);
    wait_until("no call stands", WITHIN, || !caller.stands());
    let told = caller.told();
    assert_eq!(caller.ended_elsewhere(), 1, "{told}");
    assert_eq!(caller.ended_by_us() + 1, caller.stood(), "{told}");
    assert!(caller.stood() >= 2, "{told}");
}

/// Calls under way end with the work, the session, or the far end.
fn calls_end_with_the_conversation() {
    let folder = folder();
    let at = folder.path();
    let cancelled = modem(("cancelled", "40000101"), 60, "", (at, SLOW));
    let stopped = modem(("stopped", "40000102"), 60, "", (at, SLOW));
    let dark = modem(("dark", "40000103"), 60, "", (at, SLOW));
    let dropped = modem(("dropped", "40000104"), 60, "", (at, SLOW));
    let recalled = pad(("recalled", "40000105"), 60, (at, SLOW));
    let cleared = pad(("cleared", "40000106"), 60, (at, SLOW));
    let modems = [&cancelled, &stopped, &dark, &dropped].map(|(road, _)| road);
    let pads = [&recalled, &cleared].map(|(road, _)| road);
    let mut agent = gateway("pmu-endings", at, modems.into_iter().chain(pads));
    agent.start_with_lines();
    scope(|scope| {
        scope.spawn(|| cancelling_ends_the_call(&agent, &cancelled.0, &cancelled.1));
        scope.spawn(|| ctrl_c_ends_the_call(&agent, &stopped.0, &stopped.1));
        scope.spawn(|| a_session_that_fails_ends_the_call(&dark.0, &dark.1));
        scope.spawn(|| a_dropped_call_is_taken_up_again(&agent, &dropped.0, &dropped.1));
        scope.spawn(|| cancelling_ends_the_call(&agent, &recalled.0, &recalled.1));
        scope.spawn(|| a_dropped_call_is_taken_up_again(&agent, &cleared.0, &cleared.1));
    });
    agent.stop();
    let left = [&cancelled, &stopped, &dark, &dropped].map(|(_, modem)| modem.stands());
    assert_eq!(left, [false; 4]);
    assert!(!recalled.1.stands() && !cleared.1.stands());
}

/// A gateway that dies in the middle of a call hangs up before it calls again; one that is told to
/// end hangs up first.
fn a_call_ends_with_the_gateway<C: Caller>(
    id: &str,
    make: impl FnOnce((&Path, Duration)) -> (Road, C),
) {
    let folder = folder();
    let (road, caller) = make((folder.path(), SLOW));
    let mut agent = gateway(id, folder.path(), [&road]);
    agent.start_with_lines();
    wait_for_conversation(&road, &caller);
    agent.kill();
    // A pty has no DTR that would fall.
    assert!(caller.stands(), "{}", caller.told());
    agent.start_with_lines();
    wait_until("the old call is ended", WITHIN, || {
        caller.ended_by_us() == 1
    });
    wait_for_conversation(&road, &caller);
    agent.stop();
    let told = caller.told();
    assert!(!caller.stands(), "{told}");
    assert_eq!((caller.stood(), caller.ended_by_us()), (2, 2), "{told}");
    assert_eq!(caller.ended_elsewhere(), 0, "{told}");
}

#[test]
fn a_call_is_ended_whatever_ends_the_conversation() {
    scope(|scope| {
        scope.spawn(calls_end_with_the_conversation);
        scope.spawn(|| {
            let phone = ("phone", "40000107");
            a_call_ends_with_the_gateway("pmu-phone", |at| modem(phone, 60, "", at));
        });
        scope.spawn(|| {
            let packet = ("packet", "40000108");
            a_call_ends_with_the_gateway("pmu-packet", |at| pad(packet, 60, at));
        });
    });
}
