use super::*;
use crate::site::{ImportPlan, SiteMap};
use proptest::prelude::*;

const HEAD: &str = "version = 1\nname = \"night\"\naction = \"read\"\n";
const PAIR: &str = "[[pair]]\nscheme = \"uk/hh\"\nmeters = [\"a\", \"b\"]\n";

#[track_caller]
fn check(text: &str, expected: &str) {
    let said = MeterList::parse("l.toml", text).map(|list| list.canonical_text());
    assert_eq!(
        said.map_err(|complaints| complaints.to_string()),
        Err(expected.to_owned())
    );
}

#[track_caller]
fn check_schedule(lines: &str, expected: &str) {
    check(&format!("{HEAD}{PAIR}[schedule]\n{lines}\n"), expected);
}

#[test]
fn complaints_name_file_line_key_and_remedy() {
    check(
        &format!("{HEAD}colour = 1\n"),
        "l.toml:4: unknown field `colour`, expected one of `version`, `name`, `note`, `action`, `life-minutes`, `no-write-last-percent`, `no-write-last-minutes`, `pair`, `schedule`, `retry`; see docs/how-to/run-a-meter-list.md",
    );
    check(
        HEAD,
        "l.toml:1: pair: there is none; write a [[pair]] with scheme, and meters or folder",
    );
    check(
        "version = 2\nname = \"A\"\naction = \"erase\"\nlife-minutes = 1\n[[pair]]\nscheme = \"\"\n",
        "l.toml:1: version: version 2 is not known; write version = 1, or update the gateway\n\
         l.toml:2: name: `A` is not a name; use 1 to 40 of a-z, 0-9 and -, beginning with a letter or digit\n\
         l.toml:3: action: `erase` is not an action; use read, program or tariff\n\
         l.toml:4: life-minutes: 1 is out of range; use 5 to 20160\n\
         l.toml:5: pair: needs either meters or a folder; write one of the two\n\
         l.toml:6: pair.scheme: `` is not the name of a scheme; use a-z, 0-9 and -, with / between folders and the name, 120 characters at most",
    );
    check(
        &format!("{HEAD}[[pair]]\nscheme = \"s\"\nmeters = [\"a\",\n \"a\", \"B\"]\n"),
        "l.toml:7: pair.meters: a stands twice; name it once\nl.toml:7: pair.meters: `B` is not the name of a meter; use 1 to 40 of a-z, 0-9 and -, beginning with a letter or digit",
    );
    check(
        &format!("{HEAD}no-write-last-percent = 10\nno-write-last-minutes = 5\n{PAIR}"),
        "l.toml:5: no-write-last-minutes: stands beside no-write-last-percent; keep one of them",
    );
}

#[test]
fn a_schedule_says_when_in_one_way() {
    check_schedule(
        "zone = \"London!\"\ntimes = [\"1:00\"]",
        "l.toml:8: schedule.zone: `London!` is not a zone; write its IANA name, as Europe/London or UTC\nl.toml:9: schedule.times: `1:00` is not a time of day, or stands twice; write 00:00 to 23:59, each once",
    );
    check_schedule(
        "zone = \"UTC\"",
        "l.toml:7: schedule: does not say when; add every-minutes, times or rrule, or a window; leave the section out if a person starts it",
    );
    check_schedule(
        "zone = \"UTC\"\ntimes = [\"01:00\"]\nevery-minutes = 60",
        "l.toml:7: schedule: says in more than one way when; keep one of every-minutes, times and rrule",
    );
    check_schedule(
        "zone = \"UTC\"\nrrule = \"FREQ=DAILY\"",
        "l.toml:9: schedule.rrule: needs a start; add start = \"2026-01-01T01:30\", the first time by the local clock",
    );
    check_schedule(
        "zone = \"UTC\"\nevery-minutes = 1",
        "l.toml:9: schedule.every-minutes: 1 is out of range; use 5 to 10080",
    );
    check_schedule(
        "zone = \"UTC\"\nwindow = \"night\"",
        "l.toml:9: schedule.window: `night` is not a window; use always, off-peak or out-of-hours, or { days, from, to } in brackets",
    );
    check_schedule(
        "zone = \"UTC\"\nwindow = [{ days = [\"mon-sun\"], from = \"00:00\", to = \"24:00\" }]",
        "l.toml:9: schedule.window: they are open all week; write window = \"always\"",
    );
    check_schedule(
        "zone = \"UTC\"\nwindow = [{ days = [\"mo\"], from = \"00:00\", to = \"24:00\" }]",
        "l.toml:9: schedule.window: `mo` is not a day; write mon, tue, wed, thu, fri, sat, sun, or mon-fri",
    );
    check_schedule(
        "zone = \"UTC\"\nwindow = [{ days = [\"mon\"], from = \"01:00\", to = \"01:00\" }]",
        "l.toml:9: schedule.window: a window closes when it opens; write another time; a whole day is from 00:00 to 24:00",
    );
}

#[test]
fn one_list_has_one_canonical_form_and_fingerprint() {
    let one = format!(
        "{HEAD}{PAIR}[schedule]\nzone = \"UTC\"\ntimes = [\"02:00\", \"01:00\"]\nwindow = [{{ days = [\"fri-mon\"], from = \"22:00\", to = \"06:00\" }}]\n"
    );
    let other = format!(
        "action = 'read' # so\nname = \"night\"\nversion = 1\nlife-minutes = 2880\n\n{PAIR}[schedule]\ntimes = [\"01:00\", \"02:00\"]\noffset-seconds = 0\nzone = \"UTC\"\nwindow = [{{ days = [\"mon\", \"sat\", \"sun\", \"fri\"], from = \"22:00\", to = \"06:00\" }}]\n"
    );
    let [one, other] = [one, other].map(|text| MeterList::parse("l", &text).unwrap());
    assert_eq!(one.canonical_text(), other.canonical_text());
    assert_eq!(one.fingerprint(), other.fingerprint());
    assert_eq!(
        MeterList::parse("l", &one.canonical_text()),
        Ok(one.clone())
    );
    assert!(one.canonical_text().contains(
        "{ days = [\"mon\", \"fri\", \"sat\", \"sun\"], from = \"22:00\", to = \"06:00\" }"
    ));
    let third = MeterList::parse("l", &one.canonical_text().replace("02:00", "03:00")).unwrap();
    assert_ne!(one.fingerprint(), third.fingerprint());
}

#[test]
fn the_shipped_lists_are_sound_and_fit_the_shipped_map() {
    let map = ImportPlan::of(
        "m",
        include_bytes!("../../../../../../config/network-map.csv"),
        &SiteMap::default(),
    )
    .unwrap()
    .after();
    let lists = [
        include_str!("../../../../../../config/meter-lists/night-reading.toml"),
        include_str!("../../../../../../config/meter-lists/spring-tariff.toml"),
        include_str!("../../../../../../config/meter-lists/month-end.toml"),
        include_str!("../../../../../../config/meter-lists/commissioning.toml"),
    ];
    for text in lists {
        let list = MeterList::parse("shipped", text).unwrap();
        assert!(!list.tasks(&map).unwrap().is_empty(), "{}", list.name);
        if let Some(schedule) = &list.schedule {
            assert!(jiff::tz::TimeZone::get(&schedule.zone).is_ok());
        }
    }
}

#[test]
fn pairs_become_meters_of_the_map() {
    let map = ImportPlan::of(
        "m",
        include_bytes!("../../../../../../config/network-map.csv"),
        &SiteMap::default(),
    )
    .unwrap()
    .after();
    let say = |action: &str, pairs: &str| {
        let text = HEAD.replace("read", action) + pairs;
        let tasks = MeterList::parse("l", &text).unwrap().tasks(&map);
        let one = |tasks: Vec<crate::list::ListTask>| {
            tasks
                .iter()
                .map(|task| format!("{}:{}@{}", task.scheme, task.meter, task.line))
                .collect::<Vec<_>>()
        };
        tasks
            .map(one)
            .map_err(|faults| faults.iter().map(ToString::to_string).collect::<Vec<_>>())
    };
    let named = "[[pair]]\nscheme = \"s\"\nmeters = [\"feeder-2\", \"feeder-1\"]\n";
    assert_eq!(
        say("read", named).unwrap(),
        ["s:feeder-2@main", "s:feeder-1@main"]
    );
    let folder = "[[pair]]\nscheme = \"s\"\nfolder = \"North/Hill Road\"\nprotocol = \"flag\"\n[[pair]]\nscheme = \"s\"\nmeters = [\"incomer\", \"farm\"]\n";
    assert_eq!(
        say("program", folder).unwrap(),
        ["s:incomer@hall-3", "s:incomer-check@hall-3", "s:farm@phone"]
    );
    let unknown = "[[pair]]\nscheme = \"s\"\nmeters = [\"ghost\"]\n[[pair]]\nscheme = \"s\"\nfolder = \"West\"\n";
    assert_eq!(
        say("read", unknown).unwrap_err(),
        [
            "there is no meter ghost; add it, or take it out of the list",
            "no meter of the map is in West; put the map, or correct the folder or its filter"
        ]
    );
    let twice = "[[pair]]\nscheme = \"s\"\nmeters = [\"farm\"]\n[[pair]]\nscheme = \"t\"\nfolder = \"South\"\n";
    assert_eq!(
        say("tariff", twice).unwrap_err(),
        ["farm would be given both s and t; leave it in one pair"]
    );
    assert_eq!(say("read", twice).unwrap().len(), 4);
}

fn written() -> impl Strategy<Value = String> {
    let when = prop_oneof![
        (5_u32..10_081).prop_map(|minutes| format!("every-minutes = {minutes}\n")),
        proptest::collection::btree_set(0_u16..1440, 1..5).prop_map(|times| {
            let times: Vec<String> = times
                .iter()
                .map(|time| format!("\"{:02}:{:02}\"", time / 60, time % 60))
                .collect();
            format!("times = [{}]\n", times.join(","))
        }),
        Just("rrule = \"FREQ=MONTHLY;BYDAY=2MO\"\nstart = \"2026-01-01T01:30\"\n".to_owned()),
        Just("window = \"off-peak\"\n".to_owned()),
    ];
    let note = "[ -~é\\n\\t]{0,30}".prop_map(|note| toml::Value::String(note).to_string());
    (when, note, 0_u32..86_400, 0_u8..91, 5_u32..20_161).prop_map(|(when, note, offset, percent, life)| {
        format!("{HEAD}note = {note}\nlife-minutes = {life}\nno-write-last-percent = {percent}\n{PAIR}[schedule]\nzone = \"UTC\"\noffset-seconds = {offset}\n{when}")
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn a_canonical_text_reads_back(text in written()) {
        prop_assert!(MeterList::parse("l", &text).is_ok(), "{text}");
        crate::list::fuzz_list(text.as_bytes());
    }

    #[test]
    fn a_damaged_list_is_refused_or_read(text in written(), at in 0_usize..400, octet in any::<u8>()) {
        let mut octets = text.into_bytes();
        let at = at % octets.len();
        octets[at] = octet;
        crate::list::fuzz_list(&octets);
    }
}
