//! What sessions with a FLAG meter cost, and when they are due.

use super::{COLLECT, INSTANT, SAMPLE};
use crate::config::{BusSettings, FlagMeter, MeterSettings};
use line::LineSettings;
use meters::catalogue::flag::FlagLayout;
use meters::planner::{PollKind, SessionMeter, SessionPoll};
use std::time::Duration;

/// How long such meters commonly think: the standard allows 200 to 1500 ms.
const REACTION: Duration = Duration::from_millis(250);
/// Octets of a read request and of what stands around the data of its answer.
const AROUND_OCTETS: u32 = 26;
/// Octets of a packet, each two characters on the line.
const PACKET_OCTETS: u32 = 64;
/// Octets of the frames of a sign-on, both ways, up to the confirmed password.
const SIGN_ON_OCTETS: u32 = 120;
/// Those of them that travel before the speed changes.
const OPENING_OCTETS: u32 = 45;
/// Requests of a sign-on: identification, operand, password, sign-off.
const SIGN_ON_REQUESTS: u32 = 4;
/// Silence behind the break that stands before a sign-on.
const BREAK: Duration = Duration::from_millis(500);
/// Packets of an ordinary look at the profile: yesterday and today, four channels, half-hours.
const PROFILE_PACKETS: u32 = 20;

/// A meter as the planner sees it.
pub(super) fn session_meter(
    meter: &MeterSettings,
    flag: &FlagMeter,
    bus: &BusSettings,
) -> SessionMeter {
    let cost = Cost::new(flag, bus);
    let call = call_time(bus);
    let hold_max = bus.session_max;
    let hold_min = (call + cost.sign_on + cost.packet(PACKET_OCTETS) * 2).min(hold_max);
    let mut polls = vec![SessionPoll {
        id: COLLECT,
        kind: PollKind::Every(flag.collect.every),
        cost: cost.collect(flag, hold_max.saturating_sub(call)),
    }];
    if let Some(profile) = &meter.profile {
        polls.push(SessionPoll {
            id: SAMPLE,
            kind: PollKind::Sample {
                period: profile.period,
            },
            cost: call + cost.sign_on + cost.packet(PACKET_OCTETS) * 2,
        });
    }
    if let Some(instant) = &meter.instant {
        let at_once = flag.model.instant.as_ref().map_or(1, |found| found.at_once);
        let values = u32::try_from(instant.values.len()).unwrap_or(u32::MAX);
        let requests = values.div_ceil(u32::from(at_once).max(1));
        polls.push(SessionPoll {
            id: INSTANT,
            kind: PollKind::Every(instant.every),
            cost: call + cost.sign_on + cost.packet(PACKET_OCTETS) * 3 * requests,
        });
    }
    SessionMeter {
        id: meter.id.clone(),
        address: flag.line_name(),
        hold_min,
        hold_max,
        polls,
    }
}

/// Dialling takes as long as it may in the forecast: nobody answers at once.
fn call_time(bus: &BusSettings) -> Duration {
    use crate::config::LinkSettings;
    match &bus.link {
        LinkSettings::Modem(modem) => modem.calls.answer_within / 2,
        LinkSettings::Pad(pad) => pad.calls.answer_within / 2,
        _ => Duration::ZERO,
    }
}

/// How fast a meter goes on that is opened at this speed. What it will offer is not known before;
/// the speed of its other ports is a guess that holds for what we know.
fn changed_speed(flag: &FlagMeter, opening: u32) -> u32 {
    let limit = flag.line.changes_speed_to;
    let offered = limit.map_or(opening, |limit| limit.min(flag.model.line.baud));
    opening.max(offered)
}

/// Line time of the parts of a session.
#[derive(Debug, Clone, Copy)]
struct Cost {
    /// Behind the change of speed, if there is one.
    character: Duration,
    request: Duration,
    sign_on: Duration,
}

impl Cost {
    fn new(flag: &FlagMeter, bus: &BusSettings) -> Self {
        let first = flag.line.settings.or_else(|| bus.link.line().copied());
        let opening = first.map_or(Duration::ZERO, |line| line.character_time());
        let then = first.map(|line| LineSettings {
            baud: changed_speed(flag, line.baud),
            ..line
        });
        let character = then.map_or(Duration::ZERO, |line| line.character_time());
        let session = &flag.model.session;
        let millis = |number: u16| Duration::from_millis(u64::from(number));
        let request = millis(session.gap_ms) + REACTION;
        let first = if session.break_first {
            BREAK
        } else {
            Duration::ZERO
        };
        Self {
            character,
            request,
            sign_on: first
                + request * SIGN_ON_REQUESTS
                + millis(session.operand_wait_ms)
                + opening * OPENING_OCTETS
                + character * SIGN_ON_OCTETS.saturating_sub(OPENING_OCTETS),
        }
    }

    fn packet(&self, octets: u32) -> Duration {
        self.request + self.character * (AROUND_OCTETS + 2 * octets)
    }

    /// Everything that an hour brings, in as many sessions as that needs.
    fn collect(&self, flag: &FlagMeter, hold_max: Duration) -> Duration {
        let read = |row: &&meters::catalogue::flag::FlagIdentity| {
            row.read.is_some()
                && row.sets == 1
                && !matches!(
                    row.layout,
                    FlagLayout::Profile | FlagLayout::InstantRequest | FlagLayout::InstantValues
                )
        };
        let rows = flag.model.identities.iter().filter(read);
        let octets: u32 = rows.map(|row| u32::from(row.octets)).sum();
        let mut packets = octets.div_ceil(PACKET_OCTETS);
        if flag.has_own_profile() {
            packets += PROFILE_PACKETS;
        }
        let work = self.packet(PACKET_OCTETS) * packets.max(1);
        let room = hold_max.saturating_sub(self.sign_on).max(self.sign_on);
        let sessions = work.as_millis() / room.as_millis().max(1) + 1;
        work + self.sign_on * u32::try_from(sessions).unwrap_or(u32::MAX)
    }
}

/// How long one packet of a meter takes, with room for a slow answer.
pub fn packet_time(flag: &FlagMeter, bus: &BusSettings) -> Duration {
    let cost = Cost::new(flag, bus);
    cost.packet(PACKET_OCTETS) + REACTION
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Settings, Speaks};

    /// How long a packet of an A1140 takes on a line like this, in milliseconds.
    fn packet_ms(bus: &str) -> u128 {
        let models = concat!(env!("CARGO_MANIFEST_DIR"), "/../config/meter-models");
        let text = format!(
            "[gateway]\nid = \"pmu-001\"\nmodel-folder = \"{models}\"\n[[bus]]\nid = \"main\"\n\
             device = \"/dev/a\"\n{bus}\n[[meter]]\nid = \"one\"\nbus = \"main\"\n\
             model = \"elster-a1140\"\naddress = \"001\"\n"
        );
        let settings = Settings::parse("agent.toml", &text).unwrap();
        let [meter] = &settings.meters[..] else {
            panic!("one meter");
        };
        let Speaks::Flag(flag) = &meter.speaks else {
            panic!("a FLAG meter");
        };
        packet_time(flag, &settings.buses[0]).as_millis()
    }

    #[test]
    fn a_packet_behind_the_change_of_speed_takes_what_it_takes_there() {
        let fast = packet_ms("link = \"serial\"\nbaud = 9600");
        let slow = packet_ms("link = \"serial\"\nbaud = 300");
        let changing = packet_ms("link = \"optical\"");
        assert_eq!(changing, fast);
        assert!(slow > 5000 && fast < 1000, "{slow} {fast}");
    }
}
