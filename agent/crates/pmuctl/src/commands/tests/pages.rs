//! Golden meters and recorded writes at the command line.

use super::{check_asked, typed};
use crate::arguments::{Arguments, Command};
use crate::commands::pages::write_set;
use crate::errand::tests::{FakeDesk, done};
use clap::Parser;
use desk::{GoldenLeftOut, GoldenResult, JobState, Outcome, WantedPage, Work};
use meters::catalogue::Phase;
use meters::program::{ClonePage, GoldenImage, WriteSet};
use std::path::Path;

fn image(octets: &[u8]) -> GoldenImage {
    let page = ClonePage {
        name: "calendar".to_owned(),
        identity: 610,
        octets: u16::try_from(octets.len()).unwrap(),
        phase: Phase::Tariff,
        clears_profile: false,
    };
    GoldenImage {
        name: String::new(),
        model: "elster-a1700".to_owned(),
        variant: "tou-16".to_owned(),
        firmware: "/GEC5090100140400@000".to_owned(),
        meter: "4711".to_owned(),
        pages: vec![(page, octets.to_vec())],
    }
}

fn answer(octets: &[u8], left_out: Vec<GoldenLeftOut>) -> JobState {
    done(Outcome::GoldenPages(GoldenResult {
        image: image(octets).to_text(),
        left_out,
    }))
}

/// A set is made without a gateway: what is wrong is what the caller sees.
fn imported(line: &str) -> Result<bool, String> {
    let words = std::iter::once("pmuctl").chain(line.split_whitespace());
    let arguments = Arguments::try_parse_from(words).unwrap();
    assert_eq!(arguments.direct_complaint(), None, "{line}");
    let Command::WriteSet(command) = &arguments.command else {
        panic!("{line}");
    };
    write_set(command, &arguments.direct, arguments.json).map_err(|error| format!("{error:#}"))
}

#[track_caller]
fn check_imported(line: &str, complaint: &str) {
    let told = imported(line).unwrap_err();
    assert!(told.contains(complaint), "{line}: {told}");
}

#[tokio::test(start_paused = true)]
async fn a_golden_meter_is_read_into_a_file_and_compared() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("golden.toml").display().to_string();
    let desk = FakeDesk::working([answer(&[1, 2, 3], Vec::new())]);
    let line = format!("clone read main-1 --out {file} --page 610:3=calendar --without periods");
    let read = typed(&line, desk).await;
    read.check(
        true,
        &format!("1 pages of main-1 (/GEC5090100140400@000) are in {file}\n"),
    );
    check_asked(
        &read,
        Work::GoldenPages {
            meter: "main-1".to_owned(),
            pages: vec![WantedPage {
                name: "calendar".to_owned(),
                identity: 610,
                octets: 3,
            }],
            without: vec!["periods".to_owned()],
        },
    );
    let again = typed(&line, FakeDesk::default()).await;
    again.check_refused("this file exists");
    let shown = typed(&format!("clone show {file}"), FakeDesk::default()).await;
    assert!(
        shown.out.text().contains("name      golden\n"),
        "{}",
        shown.out.text()
    );
    assert!(shown.out.text().contains("010203"), "{}", shown.out.text());
    let same = FakeDesk::working([answer(&[1, 2, 3], Vec::new())]);
    let line = format!("clone diff {file} --meter main-2");
    typed(&line, same).await.check(true, "they hold the same\n");
    let other = FakeDesk::working([answer(&[1, 9, 3], Vec::new())]);
    let differs = typed(&line, other).await;
    differs.check(false, "calendar (610) from octet 1: 02 | 09\n");
    let other = FakeDesk::working([answer(&[1, 9, 3], Vec::new())]);
    let differs = typed(&format!("{line} --json"), other).await;
    let value: serde_json::Value = serde_json::from_str(&differs.out.text()).unwrap();
    assert_eq!(value["differences"][0]["second"], "09");
    // Somebody changed an octet of the file.
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace("010203", "010204")).unwrap();
    let damaged = typed(&format!("clone show {file}"), FakeDesk::default()).await;
    damaged.check_refused("are not those that were read");
}

#[tokio::test(start_paused = true)]
async fn what_a_golden_meter_does_not_give_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("golden.toml").display().to_string();
    let left = |name: &str, refused: Option<&str>| GoldenLeftOut {
        name: name.to_owned(),
        identity: 611,
        refused: refused.map(str::to_owned),
    };
    let line = format!("clone read main-1 --out {file} --force");
    let secret = FakeDesk::working([answer(&[1], vec![left("secret", None)])]);
    let read = typed(&line, secret).await;
    assert!(read.ended.as_ref().unwrap(), "left out on purpose");
    let told = read.errors.text();
    assert!(
        told.contains("secret (611): it holds the meter's password"),
        "{told}"
    );
    let refusing = vec![left("dates", Some("the meter refuses: ERR2"))];
    let read = typed(&line, FakeDesk::working([answer(&[1], refusing)])).await;
    assert!(!read.ended.as_ref().unwrap(), "a page is missing");
    let empty = GoldenImage {
        pages: Vec::new(),
        ..image(&[1])
    };
    let empty = done(Outcome::GoldenPages(GoldenResult {
        image: empty.to_text(),
        left_out: Vec::new(),
    }));
    let nothing = typed(&line, FakeDesk::working([empty])).await;
    nothing.check_refused("the meter gave no page");
    let nameless = format!("clone read main-1 --out {}/A.toml", folder.path().display());
    let nameless = typed(&nameless, FakeDesk::default()).await;
    nameless.check_refused("give a name with --name");
}

#[test]
fn a_recording_becomes_a_set_and_is_compared() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let frame = |octet: &str| {
        let address = "3631303030312830";
        let body = format!("573102{address}{octet}2903");
        let check = (0..body.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&body[at..at + 2], 16).unwrap());
        let check = check.fold(0, |sum, octet| sum ^ octet);
        format!("# 1.000000 sent: a write\n> 01 {body}{check:02x}\n< 06\n")
    };
    std::fs::write(path("one.txt"), frame("36")).unwrap();
    std::fs::write(path("two.txt"), frame("37")).unwrap();
    std::fs::write(path("cut.txt"), "> 01 57 31 02 36\n").unwrap();
    std::fs::write(path("golden.toml"), image(&[1]).to_text()).unwrap();
    let (one, two) = (path("one.toml"), path("two.toml"));
    let head = "--model elster-a1700 --firmware F";
    let import = |from: &str, to: &str, more: &str| {
        format!("write-set import {} --out {to} {more}", path(from))
    };
    assert_eq!(imported(&import("one.txt", &one, head)), Ok(true));
    let like = format!(
        "--like {} --name north/holidays --json",
        path("golden.toml")
    );
    assert_eq!(imported(&import("two.txt", &two, &like)), Ok(true));
    let set = std::fs::read_to_string(&two).unwrap();
    let set = WriteSet::parse("two.toml", &set).unwrap();
    assert_eq!(set.name, "north/holidays");
    assert_eq!(set.firmware, "/GEC5090100140400@000");
    assert_eq!(set.writes[0].octets, [7]);
    assert_eq!(imported(&format!("write-set show {one}")), Ok(true));
    assert_eq!(imported(&format!("write-set diff {one} {two}")), Ok(false));
    assert_eq!(imported(&format!("write-set diff {one} {one}")), Ok(true));
    check_imported(&import("one.txt", &one, head), "this file exists");
    check_imported(&import("one.txt", &path("x.toml"), ""), "give --like");
    check_imported(
        &import("cut.txt", &path("x.toml"), head),
        "cut.txt:1: a write is damaged",
    );
    let without = format!("{head} --without 610");
    check_imported(
        &import("one.txt", &path("x.toml"), &without),
        "no write of a setting",
    );
    assert!(!Path::new(&path("x.toml")).exists());
    check_imported(
        &format!("write-set show {}", path("golden.toml")),
        "use `pmuctl clone`",
    );
}
