//! What the meters hold, against the layouts of our sources and against their own truth.

use std::collections::BTreeMap;
use std::time::Duration;

use iec62056_21::codec::{Block, BlockEnd, Packet, PacketRead, StreamPacket, hex_of};
use iec62056_21::meter::{Level, Refused, Store};
use proptest::prelude::*;

use super::civil::{Civil, DAY};
use super::*;

const NOW: Duration = Duration::from_secs(100);

fn begun() -> i64 {
    Scenario::new(1, "12345678").begun()
}

fn with(model: ElsterModel, change: impl FnOnce(&mut Scenario)) -> ElsterMeter {
    let mut scenario = Scenario::new(1, "12345678");
    change(&mut scenario);
    ElsterMeter::new(model, scenario)
}

fn meter(model: ElsterModel) -> ElsterMeter {
    with(model, |_| {})
}

fn read_at(
    meter: &ElsterMeter,
    (identity, number, octets): (u16, u16, u8),
    level: Level,
    at: Duration,
) -> Result<Vec<u8>, Refused> {
    let packet = Packet::new(identity, number).unwrap();
    let asked = PacketRead::new(packet, octets).unwrap();
    meter.contents().read(asked, level, at)
}

fn read(meter: &ElsterMeter, identity: u16, number: u16, octets: u8) -> Result<Vec<u8>, Refused> {
    read_at(meter, (identity, number, octets), Level::One, NOW)
}

fn write(
    meter: &ElsterMeter,
    identity: u16,
    octets: &[u8],
    level: Level,
    at: Duration,
) -> Result<(), Refused> {
    let packet = Packet::new(identity, 1).unwrap();
    meter.contents().write(packet, octets, level, at)
}

/// How many octets an identity that does not repeat holds.
fn length(meter: &ElsterMeter, identity: u16) -> usize {
    let mut len = 0;
    loop {
        let (number, octets) = (len / 64 + 1, len % 64 + 1);
        let number = u16::try_from(number).unwrap();
        if read(meter, identity, number, u8::try_from(octets).unwrap()).is_err() {
            return len;
        }
        len += 1;
    }
}

#[track_caller]
fn check_lengths(model: ElsterModel, expected: &str) {
    let meter = meter(model);
    for row in expected.split_whitespace() {
        let (identity, len) = row.split_once('=').unwrap();
        let identity = identity.parse().unwrap();
        assert_eq!(
            length(&meter, identity).to_string(),
            len,
            "{identity} of {model:?}"
        );
    }
}

#[test]
fn identities_have_the_lengths_of_our_sources() {
    for model in [
        ElsterModel::A1700,
        ElsterModel::A1700Tou32,
        ElsterModel::A1700Extended,
        ElsterModel::A1700Late,
    ] {
        check_lengths(
            model,
            "500=6 507=80 509=72 510=288 516=32 546=12 551=4 600=1 606=28 614=7 616=6 668=8 \
             680=14 691=4 724=4 777=2 778=1 795=16 798=16 861=7 863=16 878=3",
        );
    }
    check_lengths(
        ElsterModel::A1700,
        "508=128 511=0 601=6 667=16 693=17 694=14 695=14 700=0",
    );
    check_lengths(ElsterModel::A1700Tou32, "508=256 667=32 693=17");
    check_lengths(
        ElsterModel::A1700Extended,
        "508=256 511=120 601=15 693=63 694=46 695=22",
    );
    check_lengths(
        ElsterModel::A1700Late,
        "455=46 508=256 556=2 700=22 701=46 702=46",
    );
    check_lengths(
        ElsterModel::A1140,
        "411=0 506=8 507=128 508=64 509=36 510=144 516=0 600=4 614=0 616=8 667=8 680=53 691=14 \
         692=14 693=17 694=14 695=14 696=14 697=14 699=17 701=14 724=8 777=2 778=1 795=8 878=3 \
         998=12",
    );
    check_lengths(ElsterModel::A1120, "507=128 550=0 551=0");
    check_lengths(
        ElsterModel::As230,
        "411=1 413=13 507=128 508=128 509=18 510=24 678=83 679=83 680=173 685=83 693=83 699=53 \
         724=21 775=16 998=24",
    );
}

#[test]
fn sets_have_the_packets_of_our_sources() {
    for (model, identity, octets, packets, sets) in [
        (ElsterModel::A1700, 543, 615, 10, 12),
        (ElsterModel::A1700Tou32, 543, 743, 12, 12),
        (ElsterModel::A1700Extended, 543, 863, 14, 12),
        (ElsterModel::A1700Late, 543, 743, 12, 36),
        (ElsterModel::A1140, 543, 457, 8, 24),
        (ElsterModel::A1140, 545, 457, 8, 14),
        (ElsterModel::A1140, 544, 280, 5, 1),
        (ElsterModel::As230, 543, 302, 5, 12),
        (ElsterModel::As230, 545, 302, 5, 14),
        (ElsterModel::A1700, 544, 66, 2, 12),
        (ElsterModel::A1700, 548, 46, 1, 12),
        (ElsterModel::A1700Extended, 548, 186, 3, 12),
    ] {
        let meter = meter(model);
        let sizes = meter.contents().sets(identity).unwrap();
        assert_eq!(
            (sizes.octets, sizes.count),
            (octets, sets),
            "{identity} of {model:?}"
        );
        let utc = meter.utc(NOW);
        let set = meter.contents().set(identity, 0, utc);
        assert_eq!(set.len(), octets, "{identity} of {model:?}");
        let last = packets * u16::try_from(sets).unwrap();
        assert!(read(&meter, identity, last, 64).is_ok());
        assert_eq!(read(&meter, identity, last + 1, 64), Err(Refused::Packet));
    }
}

#[test]
fn levels_lock_what_they_should() {
    let meter = meter(ElsterModel::A1700);
    let public = |identity| read_at(&meter, (identity, 1, 1), Level::Public, NOW);
    assert!(public(798).is_ok() && public(795).is_ok());
    assert_eq!(public(507), Err(Refused::Locked));
    assert_eq!(public(333), Err(Refused::Identity));
    assert_eq!(read(&meter, 507, 3, 1), Err(Refused::Packet));
    assert_eq!(read(&meter, 507, 2, 17), Err(Refused::Packet));
    let clock = [0, 0x30, 0x12, 3, 5, 0, 0x26];
    assert_eq!(
        write(&meter, 861, &clock, Level::Two, NOW),
        Err(Refused::Locked)
    );
    assert_eq!(write(&meter, 861, &clock, Level::Three, NOW), Ok(()));
    assert_eq!(
        write(&meter, 655, &[], Level::One, NOW),
        Err(Refused::Locked)
    );
    assert_eq!(
        write(&meter, 507, &[1], Level::Three, NOW),
        Err(Refused::Locked)
    );
    assert_eq!(
        write(&meter, 333, &[1], Level::Three, NOW),
        Err(Refused::Identity)
    );
    assert_eq!(
        write(&meter, 861, &[1], Level::Three, NOW),
        Err(Refused::Failure)
    );
    assert_eq!(
        write(&meter, 554, &[0; 8], Level::Three, NOW),
        Err(Refused::Identity)
    );
}

/// Eight octets as our sources read them: digits, least significant octet first.
fn register(octets: &[u8]) -> u128 {
    let reversed: Vec<u8> = octets.iter().rev().copied().collect();
    hex_of(&reversed).parse().unwrap()
}

#[test]
fn totals_and_rates_agree() {
    for model in ElsterModel::ALL {
        let meter = meter(model);
        let utc = meter.utc(NOW);
        let mut octets = read(&meter, 507, 1, 64).unwrap();
        let import = register(&octets[..8]);
        assert_eq!(import, meter.total(Source::Import, utc) / 3600);
        assert_eq!(
            register(&octets[8..16]),
            meter.total(Source::Export, utc) / 3600
        );
        octets = read(&meter, 508, 1, 64).unwrap();
        let rates: u128 = octets[..32].chunks(8).map(register).sum();
        assert!(
            import >= rates && import - rates < 4,
            "{model:?}: {import} {rates}"
        );
        let (later, growth) = (utc + 3600, meter.total(Source::Import, utc + 3600));
        assert!(growth > meter.total(Source::Import, utc));
        let tou = |utc| {
            (0..4)
                .map(|place| meter.tou_total(place, utc).unwrap())
                .sum::<u128>()
        };
        assert_eq!(tou(later), growth);
    }
}

#[test]
fn a_rate_grows_only_in_its_hours() {
    let meter = meter(ElsterModel::A1700);
    let night = Civil::date(2026, 4, 20).at(23, 0).seconds();
    for hour in [0, 5, 12, 16, 19, 21] {
        // UTC is two hours behind the meter's time; the day is given by its own.
        let from = night + hour * 3600;
        let local = Civil::of(meter.local(from));
        let expected = match local.hour {
            0..7 => 0,
            7..17 => 1,
            17..20 => 2,
            _ => 3,
        };
        for place in 0..4 {
            let grown =
                meter.tou_total(place, from + 60).unwrap() - meter.tou_total(place, from).unwrap();
            assert_eq!(grown > 0, place == expected, "{local:?} {place}");
        }
    }
}

#[test]
fn demands_are_the_highest_of_the_profile() {
    let meter = meter(ElsterModel::A1700);
    let utc = meter.utc(NOW);
    let (from, trigger) = *meter.billing_resets(utc).last().unwrap();
    assert_eq!(trigger, 1);
    assert_eq!(Civil::of(meter.local(from)), Civil::date(2026, 5, 1));
    let intervals = meter.intervals(from, utc);
    let mut shown: Vec<(u128, i64)> = intervals
        .iter()
        .map(|interval| (interval.channels[0].energy / 1800, interval.local_end))
        .collect();
    shown.sort_by(|one, other| other.cmp(one));
    let peaks = meter.peaks(utc);
    assert_eq!(peaks[0], (Source::Import, shown[..3].to_vec()));
    let octets = read(&meter, 510, 1, 12).unwrap();
    let mut expected = u32::try_from(shown[0].1).unwrap().to_le_bytes().to_vec();
    expected.push(1);
    assert_eq!(octets[..5], expected);
    assert_eq!(register(&octets[5..12]), shown[0].0);
}

#[test]
fn a_billing_set_holds_what_was_true_at_its_end() {
    for model in [
        ElsterModel::A1700,
        ElsterModel::A1700Extended,
        ElsterModel::A1140,
    ] {
        let meter = with(model, |scenario| scenario.days = 100);
        let utc = meter.utc(NOW);
        let resets = meter.billing_resets(utc);
        assert_eq!(resets.len(), 4, "{model:?}");
        let set = |index| meter.contents().billing_set(index, utc);
        let totals = |end| register(&set(0)[..8]) == meter.total(Source::Import, end) / 3600;
        let (end, _) = resets[3];
        assert!(totals(end));
        let before = meter.cumulative_demands(resets[2].0);
        let after = meter.cumulative_demands(end);
        let peaks = meter.peaks(end - 1);
        // What the present period's peak was a second before its end, and its last interval.
        assert!(after[0].1 - before[0].1 >= peaks[0].1[0].0);
        assert_eq!(set(9), vec![0; set(0).len()]);
        if model == ElsterModel::A1700 {
            let info = set(0)[600..].to_vec();
            assert_eq!(info[..2], [4, 0]);
            assert_eq!(info[2..6], encode::time(meter.local(resets[2].0)));
            assert_eq!(info[6..10], encode::time(meter.local(end)));
            assert_eq!(info[10], 1);
        }
    }
}

#[test]
fn a_reset_makes_a_set_and_says_why() {
    let meter = with(ElsterModel::A1700, |scenario| scenario.locks_billing = true);
    assert_eq!(write(&meter, 655, &[], Level::Two, NOW), Ok(()));
    let utc = meter.utc(NOW);
    assert_eq!(meter.billing_resets(utc).last(), Some(&(utc, 0x08)));
    assert_eq!(
        write(&meter, 655, &[1], Level::Two, NOW),
        Err(Refused::Locked)
    );
    assert_eq!(meter.contents().billing_set(0, utc)[610], 0x08);
    assert_eq!(meter.counted(Counter::Programming, utc), 1);
}

#[test]
fn counters_keep_the_newest_stamps() {
    let at = |day, what| Incident::after(begun(), day, 12, 0, what);
    let incidents = vec![
        at(
            1,
            What::PhaseFailure {
                seconds: 600,
                phases: 2,
            },
        ),
        at(
            2,
            What::PhaseFailure {
                seconds: 60,
                phases: 5,
            },
        ),
        at(3, What::PowerCut { seconds: 90 }),
        at(4, What::ReverseRun { seconds: 30 }),
        at(
            5,
            What::Programming {
                port: Port::Optical,
                name: "ANN".to_owned(),
            },
        ),
    ];
    let stamp = |meter: &ElsterMeter, day| {
        hex_of(&encode::time(meter.local(begun() + day * DAY + 12 * 3600)))
    };
    let short = with(ElsterModel::A1700, |scenario| {
        scenario.incidents.clone_from(&incidents);
    });
    let phases = read(&short, 693, 1, 17).unwrap();
    let expected = format!("0200{}{}00000000050200", stamp(&short, 2), stamp(&short, 1));
    assert_eq!(hex_of(&phases), expected);
    let long = with(ElsterModel::A1700Extended, |scenario| {
        scenario.incidents.clone_from(&incidents);
    });
    let phases = read(&long, 693, 1, 63).unwrap();
    assert_eq!(phases[..6], [1, 0, 1, 0, 1, 0]);
    assert_eq!(phases[6..18], [60, 0, 0, 0, 0x58, 2, 0, 0, 60, 0, 0, 0]);
    assert_eq!(hex_of(&phases[18..22]), stamp(&long, 2));
    assert_eq!(phases[58..], [5, 2, 0, 0, 0]);
    let log = with(ElsterModel::A1140, |scenario| {
        scenario.incidents.clone_from(&incidents);
    });
    let programming = read(&log, 680, 1, 53).unwrap();
    assert_eq!(hex_of(&programming[..6]), format!("0100{}", stamp(&log, 5)));
    assert_eq!(&programming[17..20], b"ANN");
    let ring = with(ElsterModel::As230, |scenario| {
        scenario.incidents.clone_from(&incidents);
    });
    let cuts = read(&ring, 695, 1, 64).unwrap();
    assert_eq!(cuts[..3], [0, 1, 0]);
    assert_eq!(hex_of(&cuts[3..7]), stamp(&ring, 3));
}

#[test]
fn instantaneous_values_are_ready_after_a_while() {
    let meter = meter(ElsterModel::A1140);
    assert_eq!(
        write(&meter, 605, &[0x1b, 0x2b, 0x4b, 0], Level::One, NOW),
        Ok(())
    );
    let ready = |at| hex_of(&read_at(&meter, (605, 1, 4), Level::One, at).unwrap());
    assert_eq!(ready(NOW), "1B2B4B00");
    let second = Duration::from_secs(1);
    assert_eq!(ready(NOW + second), "9BAB4B00");
    assert_eq!(ready(NOW + 2 * second), "9BABCB00");
    let at = NOW + 2 * second;
    let values = read_at(&meter, (606, 1, 28), Level::One, at).unwrap();
    let shown = meter.instant(0x1b, at).unwrap();
    let digits = format!("{:02x}{:012}", shown.fewer, shown.digits);
    assert_eq!(hex_of(&values[..7]).to_lowercase(), digits);
    assert_eq!(values[21..], [0xff; 7]);
    assert_eq!(
        write(&meter, 605, &[], Level::One, NOW),
        Err(Refused::Failure)
    );
}

#[test]
fn a_set_clock_leaves_a_mark_and_an_adjusted_one_none() {
    let meter = with(ElsterModel::A1140, |scenario| scenario.drift_ppm = 100);
    let utc = meter.utc(NOW);
    let error = meter.clock_error(utc);
    assert!((300..400).contains(&error), "{error}");
    let clock = encode::clock(meter.local(utc) - error);
    assert_eq!(write(&meter, 861, &clock, Level::Three, NOW), Ok(()));
    assert_eq!(meter.clock_error(utc), 0);
    let later = NOW + Duration::from_hours(2);
    assert_eq!(write(&meter, 862, &[20, 0], Level::One, later), Ok(()));
    let utc = meter.utc(later);
    assert!(meter.clock_error(utc + 600) < 10);
    assert!((20..=21).contains(&meter.clock_error(utc + 7200)));
    let octets = whole_profile(&meter, later + Duration::from_hours(2));
    let marks: Vec<u8> = records(&octets, 2, 0)
        .into_iter()
        .map(|(kind, _)| kind)
        .collect();
    assert_eq!(marks.split(|kind| *kind == 0xea).count(), 2);
    // The first interval behind it, and those with a step in them.
    let synced = records(&octets, 2, 0)
        .iter()
        .filter(|(kind, _)| kind & 0xe2 == 2)
        .count();
    assert_eq!(synced, 1 + 4);
}

/// The profile of all days, read packet by packet.
fn whole_profile(meter: &ElsterMeter, at: Duration) -> Vec<u8> {
    write(meter, 551, &[0xff, 0xff], Level::One, at).unwrap();
    let sizes = read_at(meter, (551, 1, 4), Level::One, at).unwrap();
    let packets = u16::from_be_bytes([sizes[0], sizes[1]]);
    let blocks = u16::from_be_bytes([sizes[2], sizes[3]]);
    assert_eq!(blocks, packets.div_ceil(4));
    let mut octets = Vec::new();
    for number in 1..=packets.min(0xfff) {
        // Time passes while it is read.
        let at = at + Duration::from_secs(number.into());
        octets.extend(read_at(meter, (550, number, 64), Level::One, at).unwrap());
    }
    if packets < 0xfff {
        let more = read_at(meter, (550, packets + 1, 64), Level::One, at).unwrap();
        assert_eq!(more, [0xff; 64], "a packet more than announced is padding");
        assert_eq!(
            read_at(meter, (550, packets + 2, 64), Level::One, at),
            Err(Refused::Packet)
        );
    }
    octets
}

/// Takes a profile of one setting apart: kind and the octets behind it. Unknown marks have this
/// many octets behind their kind.
fn records(octets: &[u8], channels: usize, unknown: usize) -> Vec<(u8, Vec<u8>)> {
    let mut records = Vec::new();
    let mut rest = octets;
    while let [kind, behind @ ..] = rest {
        let len = match kind {
            0xff => break,
            0xe4 | 0xe8 => 7,
            0xe5 | 0xe6 | 0xe9 | 0xea | 0xeb | 0xed => 4,
            0xe0.. => unknown,
            _ => 3 * channels,
        };
        records.push((*kind, behind[..len].to_vec()));
        rest = &behind[len..];
    }
    assert!(rest.iter().all(|octet| *octet == 0xff), "padding");
    records
}

fn seconds(octets: &[u8]) -> i64 {
    u32::from_le_bytes(octets[..4].try_into().unwrap()).into()
}

fn value(octets: &[u8]) -> u128 {
    let digits = hex_of(octets);
    let (mantissa, exponent) = digits.split_at(5);
    mantissa.parse::<u128>().unwrap() * 10_u128.pow(exponent.parse().unwrap())
}

/// Adds the records of a profile up by the rules of our sources, by local time of the end and how
/// often it was reached: what the first channel shows, and the status.
fn intervals_of(octets: &[u8], unknown: usize) -> BTreeMap<(i64, usize), (u128, u8)> {
    const PERIOD: i64 = 1800;
    let mut found: BTreeMap<(i64, usize), (u128, u8)> = BTreeMap::new();
    let mut clock = 0;
    let mut cut_at = None;
    let mut generation = 0;
    let all = records(octets, 2, unknown);
    for (index, (kind, behind)) in all.iter().enumerate() {
        let ends_early = all
            .get(index + 1)
            .is_some_and(|(next, _)| matches!(next, 0xe5 | 0xe8 | 0xe9 | 0xea | 0xeb));
        match kind {
            0xe4 | 0xe5 | 0xe8 | 0xe9 => {
                clock = seconds(behind).div_euclid(PERIOD) * PERIOD;
                cut_at = None;
            }
            0xea => {
                let set = seconds(behind).div_euclid(PERIOD) * PERIOD;
                generation += usize::from(set < clock);
                clock = set;
            }
            0xeb => {
                found.clear();
                clock = seconds(behind).div_euclid(PERIOD) * PERIOD;
            }
            0xed => {
                let set = seconds(behind);
                generation += usize::from(set < clock);
                clock = set;
            }
            0xe6 => cut_at = Some(seconds(behind)),
            0xe0.. => {}
            status => {
                let end = match cut_at {
                    Some(cut) => -(-cut).div_euclid(PERIOD) * PERIOD,
                    None => clock + PERIOD,
                };
                let entry = found.entry((end, generation)).or_default();
                entry.0 += value(&behind[..3]);
                entry.1 |= status;
                if cut_at.is_none() && !ends_early {
                    clock = end;
                }
            }
        }
    }
    found
}

/// The same from the truth.
fn truth_of(meter: &ElsterMeter, utc: i64) -> Vec<(i64, u128, u8)> {
    let intervals = meter.intervals(meter.begun(), utc).into_iter();
    intervals
        .map(|interval| {
            (
                interval.local_end,
                interval.channels[0].shown,
                interval.status,
            )
        })
        .collect()
}

#[track_caller]
fn check_profile(meter: &ElsterMeter, unknown: usize) -> Vec<u8> {
    let octets = whole_profile(meter, NOW);
    assert_eq!(octets[0], 0xe4);
    let found = intervals_of(&octets, unknown);
    let mut found: Vec<(i64, usize, u128, u8)> = found
        .into_iter()
        .map(|((end, generation), (shown, status))| (end, generation, shown, status))
        .collect();
    found.sort_by_key(|(end, generation, ..)| (*generation, *end));
    let found: Vec<(i64, u128, u8)> = found
        .into_iter()
        .map(|(end, _, shown, status)| (end, shown, status))
        .collect();
    let truth = truth_of(meter, meter.utc(NOW));
    for (found, truth) in found.iter().zip(&truth) {
        assert_eq!(found, truth, "{:?}", Civil::of(truth.0));
    }
    assert_eq!(found.len(), truth.len());
    octets
}

#[test]
fn a_quiet_profile_has_a_day_mark_and_its_intervals() {
    let meter = with(ElsterModel::A1700, |scenario| {
        scenario.bills_monthly = false;
        scenario.days = 30;
    });
    let octets = check_profile(&meter, 0);
    let records = records(&octets, 2, 0);
    let days: Vec<i64> = records
        .iter()
        .filter(|(kind, _)| *kind == 0xe4)
        .map(|(_, behind)| seconds(behind) / DAY)
        .collect();
    assert_eq!(days.len(), 31);
    assert!(days.windows(2).all(|pair| pair[0] + 1 == pair[1]));
    let per_day = records.split(|(kind, _)| *kind == 0xe4).map(<[_]>::len);
    // The first day begins at one in the morning; the last one is at noon of local time.
    assert_eq!(per_day.collect::<Vec<_>>()[2..31], [48; 29]);
    assert_eq!(hex_of(&octets[5..8]), "008309");
}

#[test]
fn every_mark_stands_where_our_sources_put_it() {
    let at = |day, hour, minute, what| Incident::after(begun(), day, hour, minute, what);
    let incidents = vec![
        at(1, 8, 10, What::PowerCut { seconds: 300 }),
        at(2, 8, 10, What::PowerCut { seconds: 7_200 }),
        at(3, 8, 0, What::PowerCut { seconds: 60 }),
        at(4, 20, 50, What::PowerCut { seconds: 2 * DAY }),
        at(8, 8, 10, What::ClockSet { seconds: 420 }),
        at(9, 8, 50, What::ClockSet { seconds: -420 }),
        at(10, 8, 20, What::ClockSet { seconds: 5_400 }),
        at(11, 8, 20, What::ClockSet { seconds: -5_400 }),
        at(13, 9, 17, What::BillingReset { trigger: 8 }),
        at(
            14,
            9,
            17,
            What::UnknownMark {
                octets: vec![0xec, 1, 2, 3, 4],
            },
        ),
        at(
            15,
            9,
            0,
            What::PhaseFailure {
                seconds: 4000,
                phases: 1,
            },
        ),
        at(16, 9, 0, What::ReverseRun { seconds: 10 }),
        at(17, 9, 3, What::Transient),
        at(
            18,
            9,
            3,
            What::Programming {
                port: Port::Remote,
                name: String::new(),
            },
        ),
        at(39, 9, 3, What::BatteryFails),
    ];
    for model in [ElsterModel::A1700, ElsterModel::A1140] {
        let meter = with(model, |scenario| scenario.incidents.clone_from(&incidents));
        let octets = check_profile(&meter, 4);
        let kinds: Vec<u8> = records(&octets, 2, 4)
            .into_iter()
            .map(|(kind, _)| kind)
            .collect();
        let count = |kind| kinds.split(|other| *other == kind).count() - 1;
        assert_eq!((count(0xe6), count(0xe5)), (4, 4));
        assert_eq!((count(0xea), count(0xec), count(0xe9)), (4, 1, 3));
        // The second of the two whole days without power has no mark.
        assert_eq!(count(0xe4), 40);
    }
}

#[test]
fn a_cleared_profile_keeps_its_mark_and_forgets_what_was_before() {
    let cleared = Incident::after(begun(), 5, 8, 10, What::ProfileCleared);
    let meter = with(ElsterModel::A1140, |scenario| {
        scenario.incidents = vec![cleared];
    });
    check_profile(&meter, 0);
    let first = &meter.intervals(meter.begun(), meter.utc(NOW))[0];
    assert_eq!(first.seconds, 1200);
}

#[test]
fn summer_time_comes_and_goes_with_a_mark() {
    for (starts_at, hours) in [
        (Civil::date(2026, 4, 2).at(10, 0).seconds(), 23),
        (Civil::date(2025, 10, 28).at(10, 0).seconds(), 25),
    ] {
        let meter = with(ElsterModel::A1140, |scenario| {
            scenario.starts_at = starts_at;
            scenario.days = 10;
        });
        let octets = check_profile(&meter, 0);
        let all = records(&octets, 2, 0);
        let mark = all.iter().position(|(kind, _)| *kind == 0xed).unwrap();
        let day = |part: &[(u8, Vec<u8>)]| {
            part.iter()
                .take_while(|(kind, _)| *kind != 0xe4)
                .filter(|(kind, _)| *kind < 0xe0)
                .count()
        };
        let before: Vec<_> = all[..mark].iter().rev().cloned().collect();
        assert_eq!(day(&before) + day(&all[mark..]), hours * 2);
        // The bit of summer time stands in the period's octet.
        let summer = |part: &(u8, Vec<u8>)| part.1[6] & 0x80 != 0;
        let days: Vec<_> = all.iter().filter(|(kind, _)| *kind == 0xe4).collect();
        assert_eq!(summer(days[0]), hours == 25);
        assert_eq!(summer(days[days.len() - 1]), hours == 23);
    }
}

#[test]
fn other_channels_and_periods_come_with_their_mark() {
    let mask = [0x01, 0x43];
    let change = What::ProfileChange { mask, minutes: 15 };
    let meter = with(ElsterModel::A1700, |scenario| {
        scenario.incidents = vec![Incident::after(begun(), 38, 8, 10, change)];
        scenario.mask = Some([0, 1]);
    });
    let now = meter.utc(NOW);
    assert_eq!(
        meter.channels(now),
        [
            Source::Import,
            Source::Export,
            Source::VaImport,
            Source::Cd1
        ]
    );
    assert_eq!(hex_of(&read(&meter, 777, 1, 2).unwrap()), "0143");
    assert_eq!(hex_of(&read(&meter, 878, 1, 3).unwrap()), "151501");
    let octets = whole_profile(&meter, NOW);
    let mark = octets
        .windows(8)
        .position(|part| part[0] == 0xe8 && part[5..] == [1, 0x43 | 0x80, 7]);
    let behind = &octets[mark.unwrap() + 8..];
    // Behind the mark a record has four channels.
    assert_eq!(records(&behind[..13 * 10], 4, 0).len(), 10);
    let intervals = meter.intervals(meter.begun(), now);
    assert_eq!(intervals.last().unwrap().period, 900);
}

#[test]
fn nine_hundred_days_of_all_channels_are_there_without_being_kept() {
    let meter = with(ElsterModel::A1140, |scenario| {
        scenario.days = 900;
        scenario.mask = Some(ElsterModel::A1140.full_mask());
    });
    write(&meter, 551, &[0xff, 0xff], Level::One, NOW).unwrap();
    let from = Packet::new(550, 1).unwrap();
    let block = |index| {
        meter
            .contents()
            .stream(from, index, Level::One, NOW)
            .unwrap()
    };
    let sizes = read(&meter, 551, 1, 4).unwrap();
    let blocks = u32::from(u16::from_be_bytes([sizes[2], sizes[3]]));
    // 48 records of 31 octets and a mark, every day.
    assert!(
        (blocks * 256).abs_diff(900 * (48 * 31 + 8)) < 4_000,
        "{blocks}"
    );
    assert!(block(blocks - 1).is_some());
    assert_eq!(block(blocks), None);
    assert_eq!(block(0).unwrap()[..64], read(&meter, 550, 1, 64).unwrap());
    assert_eq!(
        block(500).unwrap()[..64],
        read(&meter, 550, 2001, 64).unwrap()
    );
}

#[test]
fn a_window_holds_the_days_asked_for() {
    let meter = meter(ElsterModel::A1140);
    let ask = |identity, octets: &[u8]| {
        write(&meter, identity, octets, Level::One, NOW).unwrap();
        let sizes = read(&meter, 551, 1, 4).unwrap();
        let packets = u16::from_be_bytes([sizes[0], sizes[1]]);
        let mut octets = Vec::new();
        for number in 1..=packets {
            octets.extend(read(&meter, 550, number, 64).unwrap());
        }
        octets
    };
    let days = |octets: &[u8]| {
        let marks = records(octets, 2, 0)
            .into_iter()
            .filter(|(kind, _)| *kind == 0xe4);
        marks
            .map(|(_, behind)| Civil::of(seconds(&behind)).day)
            .collect::<Vec<_>>()
    };
    assert_eq!(days(&ask(551, &[1, 0])), [3]);
    assert_eq!(days(&ask(551, &[3, 0])), [1, 2, 3]);
    let local = |day| encode::time(Civil::date(2026, 4, day).at(10, 0).seconds());
    let octets = ask(554, &[local(10), local(12)].concat());
    assert_eq!(days(&octets), [10, 11, 12]);
    assert_eq!(records(&octets, 2, 0).len(), 3 * 49);
    assert_eq!(ask(551, &[0, 0]), [0; 0]);
    meter.change(|scenario| scenario.has_lost_profile = true);
    assert_eq!(ask(551, &[3, 0]), [0; 0]);
    assert_eq!(read(&meter, 550, 1, 64), Err(Refused::Packet));
}

#[test]
fn an_extended_status_has_two_more_octets() {
    let open = What::TerminalCover { seconds: 60 };
    let meter = with(ElsterModel::A1140, |scenario| {
        scenario.has_extended_status = true;
        scenario.incidents = vec![Incident::after(begun(), 39, 22, 10, open)];
    });
    write(&meter, 551, &[1, 0], Level::One, NOW).unwrap();
    let octets = read(&meter, 550, 1, 64).unwrap();
    assert_eq!(octets[8..11], [0, 1, 0]);
    assert_eq!(octets[17..20], [0, 0, 0]);
}

#[test]
fn the_instrumentation_profile_goes_by_days() {
    let meter = meter(ElsterModel::A1700Late);
    assert_eq!(read(&meter, 555, 1, 64), Err(Refused::Packet));
    write(&meter, 556, &[2, 0], Level::One, NOW).unwrap();
    let sizes = read(&meter, 556, 1, 2).unwrap();
    let packets = u16::from_be_bytes([sizes[0], sizes[1]]);
    // Yesterday, and today up to noon of local time.
    assert_eq!(
        usize::from(packets),
        (27 + 48 * 17 + 27 + 24 * 17_usize).div_ceil(64)
    );
    let first = read(&meter, 555, 1, 64).unwrap();
    assert_eq!((first[0], first[21]), (0xe4, 9));
    assert_eq!(hex_of(&first[5..13]), "0012002200420004");
    let today = 27 + 48 * 17;
    let number = u16::try_from(today / 64).unwrap() + 1;
    let octets = read(&meter, 555, number, 64).unwrap();
    assert_eq!(octets[today % 64], 0xe4);
}

#[test]
fn a_power_cut_now_stops_what_is_counted() {
    let meter = meter(ElsterModel::A1140);
    let before = meter.utc(NOW);
    assert!(meter.happen(NOW, What::PowerCut { seconds: 600 }));
    assert!(!meter.happen(NOW + Duration::from_secs(5), What::Transient));
    assert_eq!(
        meter.total(Source::Import, before + 600),
        meter.total(Source::Import, before)
    );
    assert!(meter.total(Source::Import, before + 660) > meter.total(Source::Import, before));
    assert_eq!(meter.counted(Counter::PowerCut, before), 1);
}

#[test]
fn ratios_and_names_are_as_the_scenario_says() {
    let meter = meter(ElsterModel::A1700);
    assert_eq!(hex_of(&read(&meter, 614, 1, 7).unwrap()), "00001001001001");
    assert_eq!(hex_of(&read(&meter, 616, 1, 6).unwrap()), "000002000005");
    assert_eq!(read(&meter, 798, 1, 16).unwrap(), b"0000000012345678");
    assert_eq!(read(&meter, 795, 1, 8).unwrap(), b"SIMUL001");
    assert_eq!(meter.address(), "678");
    let meter = super::tests::meter(ElsterModel::A1140);
    assert_eq!(
        hex_of(&read(&meter, 616, 1, 8).unwrap()),
        "00004E20000001F4"
    );
}

#[test]
fn every_model_can_be_put_on_a_wire() {
    for model in ElsterModel::ALL {
        let settings = meter(model).settings().unwrap();
        assert_eq!(settings.identification.manufacturer().letters(), *b"GEC");
        assert!(meter(model).on_wire().is_ok());
    }
}

/// The block check of an answer with these octets.
fn check_of(octets: &[u8]) -> u8 {
    let text = format!("({})", hex_of(octets));
    let block = Block::new(&text, BlockEnd::Last).unwrap();
    *block.encode().octets().last().unwrap()
}

#[test]
fn registers_are_those_of_our_source_s_example() {
    let totals: [u128; 10] = [
        1_234_567_890_123,
        4_567_000_000,
        111_000_000,
        0,
        22_000_000,
        0,
        1_300_000_000_000,
        0,
        0,
        0,
    ];
    let octets: Vec<u8> = totals
        .iter()
        .flat_map(|total| encode::energy(total * 3600))
        .collect();
    assert_eq!(
        (check_of(&octets[..64]), check_of(&octets[64..])),
        (0x00, 0x02)
    );
}

#[test]
fn records_are_those_of_our_source_s_example() {
    let at = |hour, minute| encode::time(Civil::date(2025, 1, 1).at(hour, minute).seconds());
    let record = |status: u8, import: u128, export: u128| {
        let values = [import, export].map(encode::profile_value).concat();
        [&[status], &values[..]].concat()
    };
    let mut octets = [&[0xe4], &at(0, 0)[..], &[0, 3, model::period_code(30)]].concat();
    octets.extend(record(0, 1_234_000, 0));
    octets.extend(record(0, 1_256_000, 1));
    octets.extend([&[0xe6], &at(1, 10)[..]].concat());
    octets.extend(record(0, 412_000, 0));
    octets.extend([&[0xe5], &at(1, 15)[..]].concat());
    octets.extend(record(0x40, 586_000, 0));
    octets.resize(64, 0xff);
    assert_eq!(
        hex_of(&octets[..46]),
        "E4808574670003090001234300000000012563000010E6E895746700004123000000E51497746740005863000000"
    );
    assert_eq!(check_of(&octets), 0x0a);
    let packet = StreamPacket::new(1, &octets, BlockEnd::Last)
        .unwrap()
        .encode();
    assert_eq!(packet.octets()[..6], [2, 1, 0, 0x3f, 0xe4, 0x80]);
    assert!(packet.octets().ends_with(&[0xff, 4, 0x1d, 0xf5]));
}

fn incident() -> impl Strategy<Value = Incident> {
    let what = prop_oneof![
        (1_i64..200_000).prop_map(|seconds| What::PowerCut { seconds }),
        (-4_000_i64..4_000).prop_map(|seconds| What::ClockSet { seconds }),
        Just(What::BillingReset { trigger: 8 }),
        (1_i64..9_000).prop_map(|seconds| What::PhaseFailure { seconds, phases: 1 }),
    ];
    (0_i64..20 * DAY, what).prop_map(|(after, what)| Incident {
        at: Scenario::new(1, "1").begun() + 20 * DAY + after,
        what,
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn whatever_befalls_it_no_energy_is_lost_or_twice(
        seed in 1_u64..1000, ppm in -50_i64..50, incidents in proptest::collection::vec(incident(), 0..8),
    ) {
        let mut scenario = Scenario::new(seed, "12345678");
        scenario.drift_ppm = ppm;
        scenario.incidents = incidents;
        let meter = ElsterMeter::new(ElsterModel::A1140, scenario);
        let now = meter.utc(NOW);
        let intervals = meter.intervals(meter.begun(), now);
        let recorded: u128 = intervals.iter().map(|interval| interval.channels[0].energy).sum();
        let counted = meter.total(Source::Import, now) - meter.total(Source::Import, meter.begun());
        prop_assert!(recorded <= counted);
        // What is not recorded yet belongs to the interval that has not ended.
        let most = 3 * 120_000_000_u128 * 2 * 1900;
        prop_assert!(counted - recorded < most, "{counted} {recorded}");
        // Whatever is read is what was there, wherever the packets are cut.
        let octets = whole_profile(&meter, NOW);
        prop_assert_eq!(octets[0], 0xe4);
        let from = Packet::new(550, 1).unwrap();
        for index in 0..u32::try_from(octets.len() / 256).unwrap() {
            let block = meter.contents().stream(from, index, Level::One, NOW).unwrap().unwrap();
            let at = usize::try_from(index).unwrap() * 256;
            prop_assert_eq!(&block[..], &octets[at..at + 256]);
        }
        records(&octets, 2, 0);
    }
}
