use super::scale::count;
use super::*;
use crate::console::tests::look;
use crate::words::parse_time;

fn row(end: &str, value: &str, flags: &str) -> ProfileRow {
    ProfileRow {
        end: format!("2026-11-23T{end}:00Z"),
        values: vec!["1000".to_owned(), value.to_owned()],
        flags: flags.to_owned(),
    }
}

fn profile(rows: Vec<ProfileRow>) -> Profile {
    Profile {
        channels: vec![
            "1-0:1.8.0 total Wh".to_owned(),
            "1-0:1.29.0 increment Wh".to_owned(),
        ],
        rows,
    }
}

fn wish(from: &str, to: &str) -> ChartWish {
    let time = |text: &str| parse_time(&format!("2026-11-23T{text}:00Z")).unwrap();
    ChartWish {
        channel: None,
        from: time(from),
        to: time(to),
    }
}

fn morning() -> Profile {
    profile(vec![
        row("04:30", "12.5", ""),
        row("05:00", "100", "phase-fail+dst-active"),
        row("05:30", "0.1", "dst-active"),
        row("07:00", "", "missing"),
        row("07:30", "50", ""),
    ])
}

#[track_caller]
fn check(profile: &Profile, wish: &ChartWish, look: Look, expected: &str) {
    assert_eq!(chart(profile, wish, look).unwrap(), expected);
}

#[test]
fn bars_gaps_and_letters_stand_in_their_columns() {
    let expected = "\
1-0:1.29.0 increment Wh
a full bar is 100

2026-11-23 04:30    12.5 █▉
2026-11-23 05:00 Fd  100 ███████████████
2026-11-23 05:30 d   0.1 ▏
2026-11-23 06:00 - gap: 2 intervals up to 2026-11-23 06:30 are not stored
2026-11-23 07:00 M     - no value
2026-11-23 07:30      50 ███████▌

  F phase-fail: a phase failed
  M missing: no value
  d dst-active: in daylight saving time
5 intervals, 2 of them doubtful, 2 not stored; ends in UTC
";
    check(&morning(), &wish("04:00", "07:30"), look(40), expected);
}

#[test]
fn without_unicode_bars_are_hashes() {
    let mut look = look(40);
    look.is_utf8 = false;
    let text = chart(&morning(), &wish("04:00", "07:30"), look).unwrap();
    assert!(text.is_ascii(), "{text}");
    for line in [
        "2026-11-23 04:30    12.5 #\n",
        "2026-11-23 05:00 Fd  100 ###############\n",
        "2026-11-23 05:30 d   0.1 .\n",
    ] {
        assert!(text.contains(line), "no {line} in\n{text}");
    }
}

#[test]
fn colour_adds_nothing_that_letters_do_not_say() {
    let mut colourful = look(40);
    colourful.has_colour = true;
    let plain = chart(&morning(), &wish("04:00", "07:30"), look(40)).unwrap();
    let red = chart(&morning(), &wish("04:00", "07:30"), colourful).unwrap();
    let is_red = |line: &&str| line.starts_with("\x1b[31m") && line.ends_with("\x1b[0m");
    let red_lines: Vec<&str> = red.lines().filter(is_red).collect();
    assert_eq!(
        red_lines.len(),
        3,
        "the doubtful, the gap, the missing: {red}"
    );
    let bare = red.replace("\x1b[31m", "").replace("\x1b[0m", "");
    assert_eq!(bare, plain);
}

#[test]
fn bars_fill_the_width_of_the_terminal() {
    for columns in [40, 41, 60, 80, 133, 400] {
        let text = chart(&morning(), &wish("04:00", "07:30"), look(columns)).unwrap();
        let bars = text.lines().filter(|line| line.contains('█'));
        let longest = bars.map(|line| line.chars().count()).max();
        assert_eq!(longest, Some(columns), "{text}");
    }
    // A terminal that is narrower breaks lines; nothing is lost.
    let text = chart(&morning(), &wish("04:00", "07:30"), look(10)).unwrap();
    assert!(text.contains("100 ███████████████"), "{text}");
}

#[test]
fn what_is_missing_before_and_behind_is_shown_too() {
    let expected = "\
1-0:1.29.0 increment Wh
a full bar is 2

2026-11-23 02:15 - gap: 2 intervals up to 2026-11-23 02:30 are not stored
2026-11-23 02:45   1 █████████▌
2026-11-23 03:00   2 ███████████████████
2026-11-23 03:15 - gap: this interval is not stored

2 intervals, 0 of them doubtful, 3 not stored; ends in UTC
";
    let profile = profile(vec![row("02:45", "1", ""), row("03:00", "2", "")]);
    check(&profile, &wish("02:00", "03:20"), look(40), expected);
}

#[track_caller]
fn check_channel(code: &str, expected: Result<&str, &str>) {
    let mut wish = wish("04:00", "07:30");
    wish.channel = Some(code.parse().unwrap());
    let found = chart(&morning(), &wish, look(80));
    let first = found
        .as_deref()
        .map(|text| text.lines().next().unwrap_or(""));
    assert_eq!(first.map_err(Clone::clone), expected.map_err(str::to_owned));
}

#[test]
fn a_channel_is_named_by_its_code() {
    check_channel("1-0:1.8.0", Ok("1-0:1.8.0 total Wh"));
    check_channel("1-0:1.29.0", Ok("1-0:1.29.0 increment Wh"));
    check_channel(
        "1-0:2.8.0",
        Err(
            "the profile has no channel 1-0:2.8.0; it has: 1-0:1.8.0 total Wh; 1-0:1.29.0 \
             increment Wh",
        ),
    );
}

#[test]
fn strange_answers_make_no_strange_charts() {
    let mut hostile = profile(vec![
        row("04:30", "\x1b[2J", "\x1b[31m+bit30"),
        row("05:00", "-5", "short"),
        row("05:00", "99999999999999999999999999999999999999999", ""),
        row("04:00", "1.5", ""),
    ]);
    hostile.rows.push(ProfileRow {
        end: "yesterday\x1b".to_owned(),
        values: Vec::new(),
        flags: String::new(),
    });
    hostile.channels = vec!["\x1b]0;x\x07 increment".to_owned(); 2];
    let text = chart(&hostile, &wish("04:00", "07:30"), look(60)).unwrap();
    assert!(
        !text.contains(|c: char| c.is_control() && c != '\n'),
        "{text:?}"
    );
    assert!(
        text.contains("bit30: this pmuctl does not know it"),
        "{text}"
    );
    let empty = profile(Vec::new());
    let text = chart(&empty, &wish("04:00", "07:30"), look(60)).unwrap();
    assert_eq!(text, "no interval is stored in this time\n");
    let mut bare = morning();
    bare.channels.clear();
    assert!(chart(&bare, &wish("04:00", "07:30"), look(60)).is_err());
}

#[test]
fn numbers_are_compared_exactly() {
    assert_eq!(count("12.5", 3), Some(12_500));
    assert_eq!(count("-0.5", 1), Some(-5));
    for text in ["", "-", ".", "1.2.3", "1e5", "+1", "a"] {
        assert_eq!(count(text, 5), None, "{text}");
    }
}

proptest::proptest! {
    #[test]
    fn no_answer_makes_a_chart_panic(
        rows in proptest::collection::vec((0_u64..4_000_000_000, ".{0,6}", ".{0,9}"), 0..20),
        times: [u32; 2],
        columns in 0_usize..200,
    ) {
        let rows = rows.into_iter().map(|(end, value, flags)| ProfileRow {
            end: Timestamp::from_seconds(end).to_string(),
            values: vec![value],
            flags,
        });
        let profile = Profile { channels: vec!["a".to_owned()], rows: rows.collect() };
        let [from, to] = times.map(|seconds| Timestamp::from_seconds(u64::from(seconds)));
        let wish = ChartWish { channel: None, from, to };
        drop(chart(&profile, &wish, look(columns)));
    }
}
