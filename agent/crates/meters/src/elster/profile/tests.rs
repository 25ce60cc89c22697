use super::*;
use crate::catalogue::Catalogue;
use crate::catalogue::flag::FlagModel;
use crate::clock_basis::{ClockBasis, Instants};
use crate::elster::scaling::Multiplier;
use metering::decimal_text;
use proptest::prelude::*;
use std::sync::LazyLock;

const BERLIN: &str = "posix:CET-1CEST,M3.5.0,M10.5.0/3";

fn model(id: &str, text: &str) -> FlagModel {
    let catalogue = Catalogue::parse(&[(&format!("{id}.toml"), text)]).unwrap();
    catalogue.flag_model(id).unwrap().clone()
}

static A1700: LazyLock<FlagModel> = LazyLock::new(|| {
    let text = include_str!("../../../../../../config/meter-models/elster-a1700.toml");
    model("elster-a1700", text)
});
static A1140: LazyLock<FlagModel> = LazyLock::new(|| {
    let text = include_str!("../../../../../../config/meter-models/elster-a1140.toml");
    model("elster-a1140", text)
});
static PPM: LazyLock<FlagModel> = LazyLock::new(|| {
    let text = include_str!("../../../../../../config/meter-models/elster-ppm.toml");
    model("elster-ppm", text)
});

/// A profile as a meter would write it.
#[derive(Debug, Clone, Default)]
struct Written(Vec<u8>);

fn time(date: [u16; 3], time: [u8; 2]) -> u32 {
    let [hour, minute] = time;
    let time = MeterTime::from_civil(date, [hour, minute, 0]).unwrap();
    u32::try_from(time.seconds()).unwrap()
}

/// Five digits and an exponent; the value must have no more.
fn coded(value: u64) -> [u8; 3] {
    let (mut mantissa, mut exponent) = (value, 0_u8);
    while mantissa > 99_999 {
        assert_eq!(mantissa % 10, 0, "{value}");
        mantissa /= 10;
        exponent += 1;
    }
    let digit = |power: u32| u8::try_from(mantissa / 10_u64.pow(power) % 10).unwrap();
    [
        digit(4) << 4 | digit(3),
        digit(2) << 4 | digit(1),
        digit(0) << 4 | exponent,
    ]
}

impl Written {
    fn day(self, at: u32, mask: [u8; 2], period: u8) -> Self {
        self.head(0xE4, at, mask, period)
    }

    fn head(mut self, marker: u8, at: u32, mask: [u8; 2], period: u8) -> Self {
        self.0.push(marker);
        self.0.extend(at.to_le_bytes());
        self.0.extend(mask);
        self.0.push(period);
        self
    }

    fn mark(mut self, marker: u8, at: u32) -> Self {
        self.0.push(marker);
        self.0.extend(at.to_le_bytes());
        self
    }

    fn interval(mut self, status: u8, values: &[u64]) -> Self {
        self.0.push(status);
        self.0.extend(values.iter().flat_map(|value| coded(*value)));
        self
    }

    /// So many intervals of the same value.
    fn intervals(mut self, count: usize, value: u64) -> Self {
        for _ in 0..count {
            self = self.interval(0, &[value]);
        }
        self
    }

    fn raw(mut self, octets: &[u8]) -> Self {
        self.0.extend(octets);
        self
    }

    fn padded(mut self) -> Self {
        let length = self.0.len().next_multiple_of(64);
        self.0.resize(length, 0xFF);
        self
    }
}

fn decoder(model: &FlagModel, basis: &str) -> ProfileDecoder {
    let options = ProfileOptions {
        basis: basis.parse().unwrap(),
        read_at: MeterTime::from_civil([2026, 6, 1], [0; 3]).unwrap(),
        columns: None,
    };
    ProfileDecoder::new(model, model.profile.as_ref().unwrap(), options)
}

fn read(model: &FlagModel, basis: &str, octets: &[u8]) -> ProfileRead {
    let mut decoder = decoder(model, basis);
    decoder.push(octets);
    decoder.finish()
}

/// Rows and events in words: `end values flags`.
fn told(read: &ProfileRead) -> Vec<String> {
    let rows = read.pieces.iter().flat_map(|piece| &piece.rows);
    let row = |row: &ProfileRow| {
        let values = row.values.iter().map(|value| match value {
            Some(value) => decimal_text(*value, -6),
            None => "-".to_owned(),
        });
        let values: Vec<String> = values.collect();
        let flags = if row.flags.is_good() {
            String::new()
        } else {
            format!(" {}", row.flags)
        };
        format!("{} {}{flags}", row.end, values.join(" "))
    };
    rows.map(row).collect()
}

fn gaps(read: &ProfileRead) -> Vec<String> {
    let gap = |gap: &ProfileGap| {
        format!(
            "{} {} to {}: {}",
            gap.marks,
            gap.first,
            gap.last,
            gap.cause.words()
        )
    };
    read.gaps.iter().map(gap).collect()
}

fn kinds(read: &ProfileRead) -> Vec<&ProfileHappening> {
    read.events.iter().map(|event| &event.what).collect()
}

#[track_caller]
fn check(basis: &str, written: Written, rows: &[&str], gap: &[&str]) -> ProfileRead {
    let read = read(&A1700, basis, &written.padded().0);
    assert_eq!(told(&read), rows);
    assert_eq!(gaps(&read), gap);
    read
}

fn new_year() -> Written {
    Written::default().day(time([2025, 1, 1], [0, 0]), [0, 1], 9)
}

/// The example of the fact sheet, 6.5.
const EXAMPLE: &str =
    "E4808574670003090001234300000000012563000010E6E895746700004123000000E51497746740005863000000";

#[test]
fn the_published_example_is_read_as_it_says() {
    let octets = iec62056_21::codec::octets_of(EXAMPLE).unwrap();
    let mut octets = octets;
    octets.resize(64, 0xFF);
    let read = read(&A1700, "utc", &octets);
    assert_eq!(
        told(&read),
        [
            "2025-01-01T00:30:00Z 1.234000 0.000000",
            "2025-01-01T01:00:00Z 1.256000 0.000001",
            "2025-01-01T01:30:00Z 0.998000 0.000000 power-down+power-up+phase-fail+short",
        ]
    );
    let rows = &read.pieces[0].rows;
    assert_eq!(rows[2].parts, 2);
    assert_eq!(rows[2].covered_s, 25 * 60);
    assert_eq!(rows[2].status, 0x40);
    assert_eq!(rows[2].position, 27);
    assert_eq!(rows[2].shown_end.to_string(), "2025-01-01 01:30:00");
    assert!(gaps(&read).is_empty());
    assert_eq!(
        kinds(&read),
        [&ProfileHappening::PowerDown, &ProfileHappening::PowerUp]
    );
    assert_eq!(
        read.events[0].at.unwrap().to_string(),
        "2025-01-01T01:10:00Z"
    );
}

#[test]
fn an_outage_leaves_a_gap_with_its_cause() {
    check(
        "utc",
        new_year()
            .intervals(1, 1_000_000)
            .mark(0xE6, time([2025, 1, 1], [0, 40]))
            .interval(0, &[400_000])
            .mark(0xE5, time([2025, 1, 1], [2, 10]))
            .intervals(2, 1_000_000),
        &[
            "2025-01-01T00:30:00Z 1.000000",
            "2025-01-01T01:00:00Z 0.400000 power-down+short",
            "2025-01-01T02:30:00Z 1.000000 power-up+short",
            "2025-01-01T03:00:00Z 1.000000",
        ],
        &["2 2025-01-01T01:30:00Z to 2025-01-01T02:00:00Z: the meter had no supply"],
    );
}

#[test]
fn supply_may_come_back_on_another_day() {
    check(
        "utc",
        new_year()
            .intervals(1, 1_000_000)
            .mark(0xE6, time([2025, 1, 1], [0, 30]))
            .mark(0xE5, time([2025, 1, 3], [0, 0]))
            .intervals(1, 1_000_000),
        &[
            "2025-01-01T00:30:00Z 1.000000",
            "2025-01-03T00:30:00Z 1.000000 power-up",
        ],
        &["95 2025-01-01T01:00:00Z to 2025-01-03T00:00:00Z: the meter had no supply"],
    );
}

#[test]
fn a_forced_end_cuts_an_interval_into_parts_that_add_up() {
    let read = check(
        "utc",
        new_year()
            .intervals(1, 1_000_000)
            .interval(0, &[300_000])
            .mark(0xE9, time([2025, 1, 1], [0, 40]))
            .interval(2, &[500_000])
            .intervals(1, 1_000_000),
        &[
            "2025-01-01T00:30:00Z 1.000000",
            "2025-01-01T01:00:00Z 0.800000 time-set",
            "2025-01-01T01:30:00Z 1.000000",
        ],
        &[],
    );
    assert_eq!(kinds(&read), [&ProfileHappening::ForcedEnd]);
}

#[test]
fn a_clock_put_forward_leaves_a_gap() {
    check(
        "utc",
        new_year()
            .intervals(1, 1_000_000)
            .interval(0, &[200_000])
            .mark(0xEA, time([2025, 1, 1], [2, 10]))
            .interval(0, &[600_000])
            .intervals(1, 1_000_000),
        &[
            "2025-01-01T00:30:00Z 1.000000",
            "2025-01-01T01:00:00Z 0.200000 time-set+short",
            "2025-01-01T02:30:00Z 0.600000 time-set+short",
            "2025-01-01T03:00:00Z 1.000000",
        ],
        &["2 2025-01-01T01:30:00Z to 2025-01-01T02:00:00Z: the meter's clock was put forward"],
    );
}

#[test]
fn a_clock_put_back_makes_long_intervals_and_loses_no_energy() {
    let read = check(
        "utc",
        new_year()
            .intervals(2, 1_000_000)
            .interval(0, &[700_000])
            .mark(0xEA, time([2025, 1, 1], [0, 40]))
            .interval(0, &[600_000])
            .intervals(2, 1_000_000),
        &[
            "2025-01-01T00:30:00Z 1.000000",
            "2025-01-01T01:00:00Z 1.600000 time-set+long",
            "2025-01-01T01:30:00Z 1.700000 time-set+long",
            "2025-01-01T02:00:00Z 1.000000",
        ],
        &[],
    );
    assert!(matches!(
        kinds(&read)[..],
        [ProfileHappening::TimeChange { from: Some(_) }]
    ));
}

#[test]
fn a_small_adjustment_only_remarks_its_interval() {
    check(
        "utc",
        new_year()
            .interval(0, &[300_000])
            .mark(0xEA, time([2025, 1, 1], [0, 11]))
            .interval(0, &[600_000]),
        &["2025-01-01T00:30:00Z 0.900000 time-set"],
        &[],
    );
}

#[test]
fn what_lies_before_a_cleared_profile_does_not_count() {
    let read = check(
        "utc",
        new_year()
            .intervals(3, 9_000_000)
            .mark(0xEB, time([2025, 1, 1], [1, 40]))
            .intervals(2, 1_000_000),
        &[
            "2025-01-01T02:00:00Z 1.000000 short+profile-cleared",
            "2025-01-01T02:30:00Z 1.000000",
        ],
        &[],
    );
    assert_eq!(kinds(&read), [&ProfileHappening::Cleared { dropped: 3 }]);
}

#[test]
fn a_change_of_channels_begins_another_piece() {
    let at = time([2025, 1, 1], [0, 40]);
    let written = new_year()
        .intervals(1, 1_000_000)
        .interval(0, &[300_000])
        .head(0xE8, at, [0, 3], 9)
        .interval(0, &[500_000, 20_000])
        .interval(0, &[1_000_000, 40_000]);
    let read = check(
        "utc",
        written,
        &[
            "2025-01-01T00:30:00Z 1.000000",
            "2025-01-01T01:00:00Z 0.800000 0.020000 config-changed",
            "2025-01-01T01:30:00Z 1.000000 0.040000",
        ],
        &[],
    );
    assert_eq!(read.pieces.len(), 2);
    assert_eq!(
        kinds(&read),
        [&ProfileHappening::Configuration { is_different: true }]
    );
}

#[test]
fn a_part_that_fits_no_row_is_kept() {
    let at = time([2025, 1, 1], [0, 40]);
    let written = new_year()
        .intervals(1, 1_000_000)
        .interval(0, &[300_000])
        .head(0xE8, at, [0, 1], 8)
        .intervals(2, 500_000);
    let read = check(
        "utc",
        written,
        &[
            "2025-01-01T00:30:00Z 1.000000",
            "2025-01-01T01:00:00Z 0.500000 config-changed",
            "2025-01-01T01:20:00Z 0.500000",
        ],
        &[],
    );
    assert!(kinds(&read).iter().any(|kind| matches!(
        kind,
        ProfileHappening::PartKept { values, .. } if *values == [Some(300_000)]
    )));
}

#[test]
fn the_spring_day_has_46_half_hours() {
    for marked in [false, true] {
        let mut written = Written::default().day(time([2025, 3, 30], [0, 0]), [0, 1], 9);
        written = written.intervals(4, 1_000_000);
        if marked {
            written = written.mark(0xED, time([2025, 3, 30], [3, 0]));
        }
        written = written.intervals(42, 2_000_000);
        written = written.day(time([2025, 3, 31], [0, 0]), [0, 0x81], 9);
        let read = read(&A1700, BERLIN, &written.intervals(1, 3_000_000).padded().0);
        let rows = told(&read);
        assert_eq!(rows.len(), 47);
        assert_eq!(rows[3], "2025-03-30T01:00:00Z 1.000000");
        let change = if marked { "+dst-change" } else { "" };
        let first = format!("2025-03-30T01:30:00Z 2.000000 dst-active{change}");
        assert_eq!(rows[4], first);
        assert_eq!(rows[45], "2025-03-30T22:00:00Z 2.000000 dst-active");
        assert_eq!(rows[46], "2025-03-30T22:30:00Z 3.000000 dst-active");
        let shown = read.pieces[0].rows[4].shown_end;
        assert_eq!(shown.to_string(), "2025-03-30 03:30:00");
        assert!(gaps(&read).is_empty());
    }
}

#[test]
fn the_autumn_day_has_50_half_hours() {
    for marked in [false, true] {
        let mut written = Written::default().day(time([2025, 10, 26], [0, 0]), [0, 0x81], 9);
        written = written.intervals(6, 1_000_000);
        if marked {
            written = written.mark(0xED, time([2025, 10, 26], [2, 0]));
        }
        written = written.intervals(44, 2_000_000);
        written = written.day(time([2025, 10, 27], [0, 0]), [0, 1], 9);
        let read = read(&A1700, BERLIN, &written.intervals(1, 3_000_000).padded().0);
        let rows = told(&read);
        assert_eq!(rows.len(), 51);
        assert_eq!(rows[5], "2025-10-26T01:00:00Z 1.000000 dst-active");
        let change = if marked { " dst-change" } else { "" };
        assert_eq!(rows[6], format!("2025-10-26T01:30:00Z 2.000000{change}"));
        assert_eq!(rows[49], "2025-10-26T23:00:00Z 2.000000");
        assert_eq!(rows[50], "2025-10-26T23:30:00Z 3.000000");
        let shown: Vec<String> = (4..8)
            .map(|index| read.pieces[0].rows[index].shown_end.to_string())
            .collect();
        assert_eq!(
            shown,
            [
                "2025-10-26 02:30:00",
                "2025-10-26 02:00:00",
                "2025-10-26 02:30:00",
                "2025-10-26 03:00:00"
            ]
        );
        assert!(gaps(&read).is_empty());
    }
}

#[test]
fn an_outage_in_the_hour_that_comes_twice_is_told_by_order() {
    let autumn = |hour, minute| time([2025, 10, 26], [hour, minute]);
    let written = Written::default()
        .day(autumn(0, 0), [0, 0x81], 9)
        // Up to 03:00 of summer, which is 02:00 of winter.
        .intervals(6, 1_000_000)
        .mark(0xE6, autumn(2, 10))
        .interval(0, &[300_000])
        .mark(0xE5, autumn(2, 15))
        .interval(0, &[500_000]);
    let read = read(&A1700, BERLIN, &written.padded().0);
    let rows = told(&read);
    assert_eq!(
        rows[6],
        "2025-10-26T01:30:00Z 0.800000 power-down+power-up+short"
    );
    assert_eq!(rows.len(), 7);
}

#[test]
fn a_basis_that_the_meter_contradicts_is_told_once() {
    let written = Written::default()
        .day(time([2025, 7, 1], [0, 0]), [0, 0x81], 9)
        .intervals(48, 1_000_000)
        .day(time([2025, 7, 2], [0, 0]), [0, 0x81], 9);
    let contradicted = |basis: &str| {
        let read = read(&A1700, basis, &written.0);
        let kinds = kinds(&read).into_iter();
        kinds
            .filter(|kind| matches!(kind, ProfileHappening::BasisContradicted))
            .count()
    };
    assert_eq!(contradicted("+01:00"), 1);
    assert_eq!(contradicted(BERLIN), 0);
}

#[test]
fn an_unknown_marker_is_kept_and_reading_goes_on_at_the_next_day() {
    let written = new_year()
        .intervals(2, 1_000_000)
        .raw(&[0xEC, 0x11, 0x22])
        .intervals(45, 1_000_000)
        .day(time([2025, 1, 2], [0, 0]), [0, 1], 9)
        .intervals(1, 2_000_000);
    let read = check(
        "utc",
        written,
        &[
            "2025-01-01T00:30:00Z 1.000000",
            "2025-01-01T01:00:00Z 1.000000",
            "2025-01-02T00:30:00Z 2.000000",
        ],
        &[
            "46 2025-01-01T01:30:00Z to 2025-01-02T00:00:00Z: something in the profile was not understood",
        ],
    );
    let event = &read.events[0];
    assert_eq!(event.position, 16);
    let ProfileHappening::NotUnderstood { why, octets, count } = &event.what else {
        panic!("{event:?}")
    };
    assert_eq!(*why, Puzzle::Marker(0xEC));
    assert_eq!(octets[..3], [0xEC, 0x11, 0x22]);
    assert_eq!(*count, 3 + 45 * 4);
}

#[test]
fn values_from_outside_are_kept_and_what_follows_waits_for_a_marker() {
    let mut block = vec![0xE2, 10, 0];
    block.extend([0x00, 0x12, 0x30, 0x00, 0x45, 0x60, 0xE2]);
    let written = new_year()
        .intervals(1, 1_000_000)
        .raw(&block)
        .intervals(2, 7_000_000)
        .mark(0xE5, time([2025, 1, 1], [3, 0]))
        .intervals(1, 1_000_000);
    let read = check(
        "utc",
        written,
        &[
            "2025-01-01T00:30:00Z 1.000000",
            "2025-01-01T03:30:00Z 1.000000 power-up",
        ],
        &[
            "5 2025-01-01T01:00:00Z to 2025-01-01T03:00:00Z: something in the profile was not understood",
        ],
    );
    assert!(matches!(
        kinds(&read)[..],
        [
            ProfileHappening::External { octets },
            ProfileHappening::NotUnderstood { why: Puzzle::BehindExternal, count: 8, .. },
            ProfileHappening::PowerUp,
        ] if octets.len() == 6
    ));
}

#[test]
fn what_is_no_profile_is_told_and_makes_no_rows() {
    let read = read(&A1700, "utc", &[0, 1, 2, 3]);
    assert!(told(&read).is_empty());
    assert!(matches!(
        kinds(&read)[..],
        [ProfileHappening::NotUnderstood {
            why: Puzzle::NoDay,
            count: 4,
            ..
        }]
    ));
}

#[test]
fn octets_behind_the_end_are_told() {
    let written = new_year().intervals(1, 1_000_000).raw(&[0xFF, 0xFF, 0x33]);
    let read = read(&A1700, "utc", &written.0);
    assert_eq!(told(&read).len(), 1);
    assert!(matches!(
        kinds(&read)[..],
        [ProfileHappening::NotUnderstood {
            why: Puzzle::BehindEnd,
            count: 1,
            ..
        }]
    ));
}

#[test]
fn a_record_that_is_cut_short_is_kept() {
    let written = new_year().intervals(1, 1_000_000).raw(&[0x00, 0x12]);
    let read = read(&A1700, "utc", &written.0);
    assert_eq!(told(&read).len(), 1);
    assert!(matches!(
        kinds(&read)[..],
        [ProfileHappening::CutShort { octets }] if *octets == [0x00, 0x12]
    ));
}

#[test]
fn an_overlap_that_no_marker_explains_is_disputed() {
    let written = new_year()
        .intervals(3, 1_000_000)
        .day(time([2025, 1, 1], [0, 30]), [0, 1], 9)
        .intervals(3, 2_000_000);
    let read = check(
        "utc",
        written,
        &[
            "2025-01-01T00:30:00Z 1.000000",
            "2025-01-01T01:00:00Z 1.000000 not-valid",
            "2025-01-01T01:30:00Z 1.000000 not-valid",
            "2025-01-01T02:00:00Z 2.000000",
        ],
        &[],
    );
    assert!(matches!(
        kinds(&read)[..],
        [
            ProfileHappening::Overlap { seconds: 3600 },
            ProfileHappening::Again { .. },
            ProfileHappening::Again { .. },
        ]
    ));
}

#[test]
fn a_value_that_is_no_number_is_missing() {
    let written = new_year().raw(&[0, 0x0B, 0x12, 0x30]);
    let read = check("utc", written, &["2025-01-01T00:30:00Z - missing"], &[]);
    assert!(matches!(
        kinds(&read)[..],
        [ProfileHappening::NoNumber { channel: 0, .. }]
    ));
}

#[test]
fn the_a1140_has_its_own_channels_and_its_own_daylight_bit() {
    let written = Written::default()
        .day(time([2025, 7, 1], [0, 0]), [0x40, 0x81], 0x89)
        .interval(0x10, &[1_000_000, 2_000, 3_000]);
    let read = read(&A1140, BERLIN, &written.0);
    assert_eq!(
        told(&read),
        ["2025-06-30T22:30:00Z 1.000000 0.002000 0.003000 config-changed+dst-active"]
    );
    let channels = &read.pieces[0].columns.channels;
    let codes: Vec<String> = channels
        .iter()
        .map(|channel| channel.measured.unwrap().0.to_string())
        .collect();
    assert_eq!(codes, ["1-0:1.8.0", "1-0:10.8.0", "1-0:128.8.0"]);
    assert!(read.events.is_empty());
}

#[test]
fn a_ppm_dates_days_without_their_year() {
    let profile = PPM.profile.as_ref().unwrap();
    let options = ProfileOptions {
        basis: ClockBasis::utc(),
        read_at: MeterTime::from_civil([2026, 1, 10], [0; 3]).unwrap(),
        columns: Some((0b1, metering::Period::from_seconds(1800).unwrap())),
    };
    let mut decoder = ProfileDecoder::new(&PPM, profile, options);
    decoder.push(&[0xE4, 0x31, 0x12, 0x10, 0x00, 0x12, 0x34]);
    decoder.push(&[0xE4, 0x01, 0x01, 0x00, 0x00, 0x00, 0x07]);
    let read = decoder.finish();
    let rows = &read.pieces[0].rows;
    assert_eq!(rows[0].end.to_string(), "2025-12-31T00:30:00Z");
    assert_eq!(rows[0].values, [Some(1234)]);
    assert_eq!(rows[1].end.to_string(), "2026-01-01T00:30:00Z");
}

#[test]
fn an_instrumentation_profile_says_what_it_keeps() {
    let mut octets = vec![0xE4];
    octets.extend(time([2025, 1, 1], [0, 0]).to_le_bytes());
    octets.extend([0x01, 0x1B, 0x00, 0x2A]);
    octets.extend([0; 12]);
    octets.push(9);
    octets.extend([0; 5]);
    octets.extend([0, 0x00, 0x23, 0x05, 0x00, 0x81, 0x00, 0x01, 0x23]);
    let options = ProfileOptions {
        basis: ClockBasis::utc(),
        read_at: MeterTime::default(),
        columns: None,
    };
    let profile = A1700.instrumentation.as_ref().unwrap();
    let mut decoder = ProfileDecoder::new(&A1700, profile, options);
    decoder.push(&octets);
    let read = decoder.finish();
    let piece = &read.pieces[0];
    assert_eq!(piece.rows[0].values, [Some(230_500), Some(-1230)]);
    let [first, second] = &piece.columns.channels[..] else {
        panic!("{:?}", piece.columns)
    };
    assert_eq!(first.exponent, -4);
    let of = |channel: &ProfileChannel| channel.instrument.unwrap();
    assert_eq!((of(first).phase, of(first).quantity), (1, 0xB));
    assert_eq!(of(first).storage, Storage::Maximum);
    assert_eq!((of(second).phase, of(second).quantity), (2, 0xA));
}

#[test]
fn rows_become_demand_and_energy_on_consecutive_marks() {
    let read = read(
        &A1700,
        "utc",
        &new_year()
            .intervals(2, 1_234_000)
            .mark(0xE5, time([2025, 1, 1], [3, 0]))
            .intervals(1, 1)
            .0,
    );
    let conversion = ProfileConversion {
        multiplier: Multiplier::new(200, 5).unwrap(),
    };
    let owner = ProfileOwner {
        meter: "m1".parse().unwrap(),
        profile: "1-0:99.1.0".parse().unwrap(),
        clock: metering::ClockQuality::Synchronised,
    };
    let blocks = conversion.rows(&owner, &read.pieces[0]);
    assert_eq!(blocks.len(), 2);
    let codes: Vec<String> = blocks[0]
        .shape
        .channels
        .iter()
        .map(|channel| format!("{} {} {}", channel.obis, channel.exponent, channel.unit))
        .collect();
    assert_eq!(codes, ["1-0:1.5.0 -3 W", "1-0:1.29.0 -3 Wh"]);
    assert_eq!(
        blocks[0].rows[0].values,
        [Some(1_234_000), Some(24_680_000)]
    );
    assert_eq!(blocks[1].rows[0].values, [Some(1), Some(20)]);
    assert_eq!(
        conversion.shape(&read.pieces[0].columns),
        Some(blocks[0].shape.clone())
    );
}

/// Something a meter writes.
#[derive(Debug, Clone)]
enum Act {
    Interval(u8, u64),
    Marker(u8, u32),
    Day(u32),
    Raw(Vec<u8>),
}

fn act() -> impl Strategy<Value = Act> {
    let marker = prop::sample::select(vec![0xE5, 0xE6, 0xE9, 0xEA, 0xEB, 0xED, 0xE2, 0xEC]);
    prop_oneof![
        8 => (0_u8..0x80, 0_u64..99_999).prop_map(|(status, value)| Act::Interval(status, value)),
        2 => (marker, 0_u32..200_000).prop_map(|(marker, at)| Act::Marker(marker, at)),
        1 => (0_u32..10).prop_map(Act::Day),
        1 => prop::collection::vec(any::<u8>(), 0..12).prop_map(Act::Raw),
    ]
}

fn write(acts: &[Act]) -> Vec<u8> {
    let begin = time([2025, 3, 28], [0, 0]);
    let mut written = Written::default().day(begin, [0, 1], 9);
    for act in acts {
        written = match act {
            Act::Interval(status, value) => written.interval(*status, &[*value]),
            Act::Marker(marker, at) => written.mark(*marker, begin + at),
            Act::Day(day) => written.day(begin + day * 86_400, [0, 1], 9),
            Act::Raw(octets) => written.raw(octets),
        };
    }
    written.0
}

fn read_cut(octets: &[u8], cut: usize) -> ProfileRead {
    let mut decoder = decoder(&A1700, BERLIN);
    let mut read = ProfileRead::default();
    for packet in octets.chunks(cut) {
        decoder.push(packet);
        read.extend(decoder.take());
    }
    read.extend(decoder.finish());
    read
}

proptest! {
    #[test]
    fn packets_may_cut_records_anywhere(acts in prop::collection::vec(act(), 0..120), cut in 1_usize..70) {
        let octets = write(&acts);
        let whole = read_cut(&octets, usize::MAX);
        prop_assert_eq!(read_cut(&octets, cut), whole);
    }

    #[test]
    fn no_octets_make_it_panic(octets: Vec<u8>, cut in 1_usize..70) {
        read_cut(&octets, cut);
    }

    #[test]
    fn no_energy_is_lost_or_made(
        parts in prop::collection::vec((0_u64..99_999, 0_u32..30), 1..200),
    ) {
        // Forced ends at any minute: parts, and whole intervals, add up to what was written.
        let begin = time([2025, 1, 1], [0, 0]);
        let mut written = Written::default().day(begin, [0, 1], 9);
        let mut sum = 0;
        for (number, (value, minute)) in (0_u32..).zip(&parts) {
            let mark = begin + number * 1800;
            sum += value * 2;
            written = written
                .interval(0, &[*value])
                .mark(0xE9, mark + minute * 60)
                .interval(0, &[*value]);
        }
        let read = read(&A1700, "utc", &written.0);
        let rows = read.pieces.iter().flat_map(|piece| &piece.rows);
        let found: i64 = rows.map(|row| row.values[0].unwrap()).sum();
        prop_assert_eq!(u64::try_from(found).unwrap(), sum);
        prop_assert_eq!(read.rows(), parts.len());
    }

    #[test]
    fn undisturbed_days_come_back_as_they_were(
        values in prop::collection::vec(0_u64..99_999, 1..400),
        start in 0_u32..40_000,
    ) {
        // Half hours from any day on, through both changes of the clock.
        let begin = u64::from(start) * 86_400 + 946_684_800;
        let basis: ClockBasis = BERLIN.parse().unwrap();
        let shown = MeterTime::from_seconds(begin);
        let Instants::Once(mut at) = basis.instants_of(shown) else { return Ok(()) };
        let mut written = Written::default();
        let mut expected = Vec::new();
        let step = std::time::Duration::from_mins(30);
        for value in &values {
            let shown = basis.shown_at(at);
            if shown.seconds().is_multiple_of(86_400) {
                let daylight = basis.stretch_at(at.seconds()).is_daylight;
                let Ok(seconds) = u32::try_from(shown.seconds()) else { return Ok(()) };
                written = written.day(seconds, [0, 1 | u8::from(daylight) << 7], 9);
            }
            at = at.after(step);
            written = written.interval(0, &[*value]);
            expected.push((at, Some(i64::try_from(*value).unwrap())));
        }
        prop_assume!(at.seconds() < 4_102_444_800 - 86_400);
        let read = read(&A1700, BERLIN, &written.padded().0);
        let rows = read.pieces.iter().flat_map(|piece| &piece.rows);
        let found: Vec<_> = rows.map(|row| (row.end, row.values[0])).collect();
        prop_assert_eq!(found, expected);
        prop_assert!(read.gaps.is_empty());
    }
}
