//! The file as a person writes it. Unknown keys are refused; every value remembers its line.

use super::{Hours, MeterList, due};
use serde::Deserialize;
use toml::Spanned;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct ListFile {
    pub(super) version: Spanned<i64>,
    pub(super) name: Spanned<String>,
    #[serde(default)]
    pub(super) note: Option<Spanned<String>>,
    pub(super) action: Spanned<String>,
    pub(super) life_minutes: Option<Spanned<u32>>,
    pub(super) no_write_last_percent: Option<Spanned<u8>>,
    pub(super) no_write_last_minutes: Option<Spanned<u16>>,
    #[serde(default)]
    pub(super) pair: Vec<Spanned<PairFile>>,
    pub(super) schedule: Option<Spanned<ScheduleFile>>,
    pub(super) retry: Option<RetryFile>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct PairFile {
    pub(super) scheme: Spanned<String>,
    pub(super) meters: Option<Spanned<Vec<Spanned<String>>>>,
    pub(super) folder: Option<Spanned<String>>,
    pub(super) protocol: Option<Spanned<String>>,
    pub(super) model: Option<Spanned<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct ScheduleFile {
    pub(super) zone: Spanned<String>,
    pub(super) window: Option<Spanned<WindowFile>>,
    pub(super) every_minutes: Option<Spanned<u32>>,
    pub(super) times: Option<Spanned<Vec<Spanned<String>>>>,
    pub(super) rrule: Option<Spanned<String>>,
    pub(super) start: Option<Spanned<String>>,
    pub(super) offset_seconds: Option<Spanned<u32>>,
}

/// A word, or windows of one's own.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum WindowFile {
    Word(String),
    Own(Vec<WindowRuleFile>),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct WindowRuleFile {
    pub(super) days: Vec<String>,
    pub(super) from: String,
    pub(super) to: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RetryFile {
    pub(super) quick: Option<Spanned<u8>>,
    pub(super) quick_pause_seconds: Option<Spanned<u32>>,
    pub(super) back_off_seconds: Option<Spanned<u32>>,
    pub(super) back_off_max_seconds: Option<Spanned<u32>>,
}

/// For the fuzzer: what is read has one canonical form, and its schedule can be counted out; a
/// refusal says why.
///
/// # Panics
///
/// If that is not so.
pub fn fuzz_list(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    match MeterList::parse("fuzz.toml", &text) {
        Ok(list) => {
            let canonical = list.canonical_text();
            let again = MeterList::parse("again.toml", &canonical);
            assert_eq!(again.as_ref(), Ok(&list), "{canonical}");
            let from = metering::Timestamp::from_seconds(1_790_000_000);
            let until = from.after(std::time::Duration::from_hours(960));
            let zone = jiff::tz::TimeZone::UTC;
            for due in due(&list, &zone, from, until) {
                assert!(from < due.starts && due.starts <= until);
                let writes = list.action.writes();
                let late = due.no_write_from.is_some_and(|late| due.starts >= late);
                let may = Hours::new(&list, &zone).begin(due.starts) == super::Begin::Now;
                assert!(may || (writes && late), "a run begins when it may");
            }
        }
        Err(complaints) => assert!(!complaints.to_string().is_empty(), "a refusal says why"),
    }
}
