//! The form of schemes: shipped files, complaints, round trips, the published schema.

use super::arbitrary::any_scheme;
use super::*;
use metering::scheme::{Label, Purpose, Scheme, SealedPassword};
use proptest::prelude::*;
use serde_json::Value as Json;
use std::fs;
use std::path::{Path, PathBuf};

const MINIMAL: &str =
    "format = 1\nname = \"x\"\npurpose = \"read\"\nmeter-type = \"any\"\nversion = 1\n";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../..")
}

/// The schemes that are shipped, by the name of their files.
pub(super) fn shipped() -> Vec<(String, String)> {
    let folder = fs::read_dir(root().join("config/schemes")).unwrap();
    let mut files: Vec<_> = folder.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let name = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
    let file = |path: PathBuf| (name(&path), fs::read_to_string(&path).unwrap());
    files.into_iter().map(file).collect()
}

#[test]
fn shipped_schemes_are_in_order_and_named_as_their_files() {
    let files = shipped();
    assert!(files.len() >= 3, "{files:?}");
    for (name, text) in files {
        let scheme = parse_scheme(&name, &text).unwrap_or_else(|fault| panic!("{fault}"));
        assert_eq!(format!("{}.toml", scheme.name), name);
        let canonical = canonical_text(&scheme);
        assert_eq!(
            parse_scheme(&name, &canonical).unwrap(),
            scheme,
            "{canonical}"
        );
    }
}

#[test]
fn what_the_how_to_shows_is_read() {
    let text = fs::read_to_string(root().join("docs/how-to/write-a-scheme.md")).unwrap();
    let shown: String = text
        .split("```")
        .filter_map(|block| block.strip_prefix("toml\n"))
        .collect();
    assert!(shown.contains("switch = ["), "{shown}");
    let text = format!("{MINIMAL}[calendar]\nname = \"c\"\n{shown}");
    let scheme = parse_scheme("x", &text).unwrap_or_else(|fault| panic!("{fault}"));
    assert_eq!(scheme.calendar.unwrap().day_types[0].switches.len(), 3);
}

/// The complaints about a text, without the name of the file.
#[track_caller]
fn check(text: &str, expected: &[&str]) {
    let found = parse_scheme("x.toml", text).unwrap_err();
    let lines: Vec<String> = found.all.iter().map(ToString::to_string).collect();
    let bare: Vec<&str> = lines
        .iter()
        .map(|line| line.strip_prefix("x.toml:").unwrap())
        .collect();
    assert_eq!(bare, expected);
}

#[test]
fn a_complaint_names_line_key_problem_and_remedy() {
    check(
        &MINIMAL.replace("version = 1", "version = 0"),
        &["5: version: 0 is out of range; use a whole number from 1 to 1000000"],
    );
    check(
        &MINIMAL.replace("\"read\"", "\"look\""),
        &["3: purpose: `look` is not known; write one of read, program, both"],
    );
    check(
        &MINIMAL.replace("version = 1", ""),
        &["1: version: is missing; add it: its version, from 1"],
    );
    check(
        &format!("{MINIMAL}[demand]\nperiod-minutes = 30\nperiods = 2\n"),
        &[
            "8: demand.periods: is not known; use period-minutes, window, sub-periods, show-rising, cumulative, register, or take it out",
        ],
    );
    check(
        &format!(
            "{MINIMAL}[calendar]\nname = \"c\"\n[[calendar.season]]\nname = \"s\"\nstart = \"13-01\"\nweek = {{}}\n"
        ),
        &[
            "10: calendar.season[1].start: `13-01` does not fit; write a day of every year (04-01), a date (2026-04-01), dst-begins or dst-ends",
        ],
    );
    check(
        &format!("{MINIMAL}time = 3\n[reads]\nregisters = \"yes\"\nevents = 1\n"),
        &[
            "6: time: is no text but a number; write one of leave, adjust, set",
            "8: reads.registers: is a text; write true or false",
            "9: reads.events: is a number; write true or false",
        ],
    );
    check(
        &format!("{MINIMAL}demand = 3\ntou-register = {{}}\n"),
        &[
            "6: demand: is no table but a number; write its keys below its name in brackets",
            "7: tou-register: is no list but a table; write [[tou-register]] above the keys of each",
        ],
    );
}

#[test]
fn a_text_that_is_no_toml_or_too_large_is_refused() {
    let fault = parse_scheme("x.toml", "format = ").unwrap_err();
    assert_eq!(fault.all.first().unwrap().line, 1);
    let large = "#".repeat(FILE_BYTES_MAX + 1);
    check(&large, &[" has 262145 octets; keep it below 262144"]);
}

#[test]
fn a_password_in_plain_is_refused_and_not_repeated() {
    let text = format!("{MINIMAL}[[password]]\nlevel = 3\nsealed = \"FEDC0003\"\n");
    let fault = parse_scheme("x.toml", &text).unwrap_err().to_string();
    assert!(
        fault.contains("is no sealed password") && !fault.contains("FEDC"),
        "{fault}"
    );
}

#[test]
fn a_list_has_its_length() {
    let seasons = "[[calendar.exclusion]]\ndate = \"01-01\"\nday-type = \"d\"\n".repeat(65);
    let text = format!("{MINIMAL}[calendar]\nname = \"c\"\n{seasons}");
    let fault = parse_scheme("x.toml", &text).unwrap_err().to_string();
    assert!(
        fault.contains("calendar.exclusion: there are more than 64; use fewer"),
        "{fault}"
    );
}

#[test]
fn dates_stand_with_and_without_quotes() {
    let exclusion = |date: &str| {
        let text = format!(
            "{MINIMAL}[calendar]\nname = \"c\"\n[[calendar.exclusion]]\ndate = {date}\nday-type = \"d\"\n"
        );
        parse_scheme("x.toml", &text).unwrap()
    };
    assert_eq!(exclusion("2026-04-03"), exclusion("\"2026-04-03\""));
}

#[test]
fn a_fingerprint_is_of_what_a_scheme_says_not_of_how() {
    let one = parse_scheme("one", &format!("{MINIMAL}time = \"leave\"\n")).unwrap();
    let lines: Vec<&str> = MINIMAL.lines().rev().collect();
    let turned = format!("# a comment\n{}\n[reads]\n", lines.join(" # another\n"));
    let other = parse_scheme("other", &turned).unwrap();
    assert_ne!(fingerprint(&one), fingerprint(&other), "a page more");
    let turned = turned.replace("[reads]", "");
    let other = parse_scheme("other", &turned).unwrap();
    assert_eq!(fingerprint(&one), fingerprint(&other));
    assert_eq!(
        fingerprint(&one).to_string(),
        "e039a65a03b098e8316b878122ef8ed04279fc9382247a53777f913341914c01",
        "it is published: it never changes for one scheme"
    );
}

#[test]
fn the_published_schema_is_that_of_the_reader() {
    let path = root().join("docs/schemas/scheme.schema.json");
    let published = fs::read_to_string(&path).unwrap_or_default();
    let made = json_schema();
    if std::env::var_os("PMU_WRITE_SCHEMA").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, &made).unwrap();
        return;
    }
    assert!(
        published == made,
        "docs/schemas/scheme.schema.json is not the reader's; write it with PMU_WRITE_SCHEMA=1"
    );
}

/// Each key of the schema, taken alone, is known to the reader; one that it does not name is not.
#[test]
fn the_reader_knows_each_key_of_the_published_schema_and_no_other() {
    let path = root().join("docs/schemas/scheme.schema.json");
    let schema: Json = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let mut paths = Vec::new();
    walk(&schema, "", &mut paths);
    assert!(paths.len() > 100, "{}", paths.len());
    for path in paths {
        let stranger = path
            .rsplit_once('.')
            .map_or_else(|| "zzz".to_owned(), |(table, _)| format!("{table}.zzz"));
        assert!(!is_unknown(&path), "{path}");
        assert!(is_unknown(&stranger), "{stranger}");
    }
}

fn walk(schema: &Json, prefix: &str, paths: &mut Vec<String>) {
    let Some(properties) = schema.get("properties").and_then(Json::as_object) else {
        return;
    };
    assert_eq!(schema.get("additionalProperties"), Some(&Json::Bool(false)));
    for (name, inner) in properties {
        let is_list = inner
            .get("items")
            .is_some_and(|items| items.get("properties").is_some());
        let path = format!("{prefix}{name}{}", if is_list { "[]" } else { "" });
        paths.push(path.clone());
        let below = if is_list { &inner["items"] } else { inner };
        walk(below, &format!("{path}."), paths);
    }
}

/// Whether the reader says of a file with that key alone that it does not know it.
fn is_unknown(path: &str) -> bool {
    let mut text = "0".to_owned();
    for part in path.rsplit('.') {
        text = match part.strip_suffix("[]") {
            Some(name) => format!("{{ {name} = [{text}] }}"),
            None => format!("{{ {part} = {text} }}"),
        };
    }
    let body = text.strip_prefix("{ ").unwrap().strip_suffix(" }").unwrap();
    let fault = parse_scheme("x", body).unwrap_err();
    fault.all.iter().any(|one| one.problem == "is not known")
}

#[test]
fn a_sealed_password_survives_the_file_and_stays_out_of_debug() {
    let mut scheme = parse_scheme("x", MINIMAL).unwrap();
    scheme.purpose = Purpose::Program;
    scheme.passwords.push(metering::scheme::NewPassword {
        level: 2,
        password: SealedPassword::new(vec![0xab, 0xcd]),
    });
    let text = canonical_text(&scheme);
    assert!(text.contains("sealed = \"abcd\""), "{text}");
    assert_eq!(parse_scheme("x", &text).unwrap(), scheme);
    assert!(!format!("{scheme:?}").contains("171"), "{scheme:?}");
}

/// Every second line of a text swapped with a comment put between, where no table ends.
fn stirred(text: &str) -> String {
    let mut blocks: Vec<Vec<&str>> = vec![Vec::new()];
    let mut depth = 0_i32;
    let mut out = String::new();
    let flush = |blocks: &mut Vec<Vec<&str>>, out: &mut String| {
        for block in blocks.drain(..).rev().filter(|block| !block.is_empty()) {
            out.push_str(&block.join("\n"));
            out.push_str("\n# between\n");
        }
        blocks.push(Vec::new());
    };
    for line in text.lines() {
        if line.starts_with('[') && depth == 0 {
            flush(&mut blocks, &mut out);
            out.push_str(line);
            out.push('\n');
            continue;
        }
        let is_open = line.ends_with(" = [");
        depth += i32::from(is_open) - i32::from(line == "]");
        blocks.last_mut().unwrap().push(line);
        if depth == 0 {
            blocks.push(Vec::new());
        }
    }
    flush(&mut blocks, &mut out);
    out
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn the_canonical_text_says_all_of_a_scheme(scheme in any_scheme()) {
        let text = canonical_text(&scheme);
        let read = parse_scheme("x", &text).map_err(|fault| TestCaseError::fail(format!("{fault}\n{text}")))?;
        prop_assert_eq!(&read, &scheme);
        prop_assert_eq!(canonical_text(&read), text);
    }

    #[test]
    fn the_order_of_keys_and_comments_do_not_matter(scheme in any_scheme()) {
        let text = canonical_text(&scheme);
        let stirred = stirred(&text);
        let read = parse_scheme("x", &stirred).map_err(|fault| TestCaseError::fail(format!("{fault}\n{stirred}")))?;
        prop_assert_eq!(fingerprint(&read), fingerprint(&scheme));
    }

    #[test]
    fn another_scheme_has_another_fingerprint(one in any_scheme(), other in any_scheme()) {
        prop_assert_eq!(one == other, fingerprint(&one) == fingerprint(&other));
        prop_assert_eq!(one == other, compare(&one, &other).is_empty());
        let bare = Scheme { reads: None, indicators: None, billing: None, ..one.clone() };
        prop_assert_eq!(bare == one, compare(&bare, &one).is_empty());
    }

    #[test]
    fn no_damaged_scheme_breaks_the_reader(
        which in 0_usize..3,
        damages in proptest::collection::vec((any::<prop::sample::Index>(), "[\\[\\]{}=\"\n 0-9a-z.,-]{0,3}", 0_usize..20), 1..4),
    ) {
        let mut text = shipped().swap_remove(which).1;
        for (at, put, cut) in damages {
            let starts: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
            let at = at.index(starts.len());
            let end = starts.get(at + cut).copied().unwrap_or(text.len());
            text.replace_range(starts[at]..end, &put);
        }
        fuzz_scheme(&text);
    }

    #[test]
    fn no_text_makes_the_reader_panic(text in "[a-z\\[\\]{}=\"\\n 0-9.,-]{0,200}") {
        drop(parse_scheme("x", &text));
    }
}

#[test]
fn a_label_is_kept_as_it_is() {
    let label: Label = "a \"quoted\" \\ name é".parse().unwrap();
    let scheme = Scheme {
        name: label,
        version: 1,
        ..Scheme::default()
    };
    assert_eq!(parse_scheme("x", &canonical_text(&scheme)).unwrap(), scheme);
}
