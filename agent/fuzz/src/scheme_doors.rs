//! What people write into network maps and meter lists, what older programs left, and what a gateway
//! wrote down of a run.

use jiff::tz::TimeZone;
use schemes::list::{Hours, MeterList, Run};
use schemes::site::{ImportPlan, SiteMap};
use std::fs;
use std::path::Path;

/// A network map.
pub fn site_csv(data: &[u8]) {
    schemes::fuzz_site_csv(data);
}

/// A meter list.
pub fn meter_list(data: &[u8]) {
    schemes::fuzz_list(data);
}

/// A file of unknown origin.
pub fn legacy_file(data: &[u8]) {
    schemes::fuzz_legacy(data);
}

/// A run of a list, as octets.
pub fn list_run(data: &[u8]) {
    schemes::fuzz_run(data);
}

/// Neutral tables of registers and calendars.
const TABLES: [&str; 2] = [
    "scheme,kind,register,quantity,rate,name\nuk/a,tou,1,1-0:1.8.0,1,day\nuk/a,demand,1,1-0:1.6.0,,\n",
    "scheme,what,season,day-type,weekday,date,time,energy-rates,demand-rates\n\
     uk/a,season,all,,,01-01,,,\nuk/a,switch,,plain,,,07:00,1 2,1\nuk/a,week,all,plain,mon,,,,\n\
     uk/a,exclusion,,plain,,12-25,,,\n",
];

pub(super) fn corpus(root: &Path) -> Vec<(&'static str, Vec<u8>)> {
    let map_octets = fs::read(root.join("config/network-map.csv")).expect("the shipped map");
    let plan = ImportPlan::of("map", &map_octets, &SiteMap::default());
    let map = plan.expect("the shipped map is sound").after();
    let (mut corpus, zone) = (Vec::new(), TimeZone::UTC);
    for (name, text) in super::texts(&root.join("config/meter-lists")) {
        let list = MeterList::parse(&name, &text).expect("the shipped lists are sound");
        let tasks = list.tasks(&map).expect("and fit the shipped map");
        let hours = Hours::new(&list, &zone);
        corpus.push((
            "list_run",
            Run::at_once(
                hours,
                metering::Timestamp::from_seconds(1_800_000_000),
                tasks,
            )
            .to_bytes(),
        ));
        corpus.push(("meter_list", list.canonical_text().into_bytes()));
        corpus.push(("meter_list", text.into_bytes()));
    }
    for octets in TABLES
        .map(|table| table.as_bytes().to_vec())
        .into_iter()
        .chain([map_octets])
    {
        corpus.push(("site_csv", octets.clone()));
        corpus.push(("legacy_file", octets));
    }
    let site = root.join("agent/crates/schemes/tests/vectors/neutral/site.toml");
    let site = fs::read(site).expect("the vector of a neutral site file");
    corpus.push(("legacy_file", site));
    corpus.push(("legacy_file", b"\0\x01\0\0Standard Jet DB\0".to_vec()));
    corpus
}
