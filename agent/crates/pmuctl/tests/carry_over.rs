//! A site is carried over from an older program: the page `docs/how-to/carry-a-site-over.md`, typed
//! as it stands, and what goes wrong.
#![cfg(test)]

use std::fs;
use std::path::Path;
use std::process::Command;

const PAGE: &str = include_str!("../../../../docs/how-to/carry-a-site-over.md");

fn blocks(kind: &str) -> Vec<&'static str> {
    let opened = format!("```{kind}\n");
    let parts = PAGE.split(opened.as_str()).skip(1);
    parts
        .map(|rest| rest.split("```").next().unwrap())
        .collect()
}

#[track_caller]
fn says(folder: &Path, line: &str, code: i32) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_pmuctl"))
        .current_dir(folder)
        .args(line.split_whitespace())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{line}: {text}");
    text
}

/// A folder with the files of the page.
fn desk() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let [site] = blocks("toml")[..] else {
        panic!("one site file")
    };
    let [table] = blocks("csv")[..] else {
        panic!("one table")
    };
    fs::write(folder.path().join("site.toml"), site).unwrap();
    fs::write(folder.path().join("registers.csv"), table).unwrap();
    fs::write(folder.path().join("old.bud"), b"\x01\x02\x00SITE").unwrap();
    folder
}

#[test]
fn the_page_is_typed_and_does_what_it_says() {
    let folder = desk();
    let place = folder.path();
    let lines = blocks("console").into_iter().flat_map(str::lines);
    let lines: Vec<&str> = lines
        .filter_map(|line| line.strip_prefix("$ pmuctl "))
        .collect();
    assert_eq!(lines.len(), 6);
    let shown = blocks("").join("\n");
    for (number, line) in lines.iter().enumerate() {
        let said = says(place, line, i32::from(number == 0));
        match number {
            0 => assert!(said.contains("not recognised – send us samples, nothing was changed")),
            1 => assert!(PAGE.contains(&format!("```\n{said}```")), "{said}\n{shown}"),
            2 => {
                let written = said.lines().filter(|line| line.starts_with("written: "));
                let written = written.collect::<Vec<_>>().join("\n");
                assert!(PAGE.contains(&format!("```\n{written}\n```")), "{written}");
            }
            3 => assert!(said.contains("incomer"), "{said}"),
            4 => assert!(said.contains("period-minutes = 30"), "{said}"),
            _ => assert!(said.starts_with("energy 2, demand none"), "{said}"),
        }
    }
    // The same again: the folder is there already, and is left as it is.
    let map = fs::read(place.join("carried-over/network-map.csv")).unwrap();
    assert!(says(place, lines[2], 1).contains("name a folder that is not there yet"));
    assert_eq!(
        fs::read(place.join("carried-over/network-map.csv")).unwrap(),
        map
    );
    // What was carried over is the map there is.
    let again = says(
        place,
        "import site.toml --into carried-over/network-map.csv",
        0,
    );
    assert!(again.contains("0 added, 0 changed, 1 unchanged"), "{again}");
}

#[test]
fn one_bad_file_and_nothing_is_written() {
    let folder = desk();
    let place = folder.path();
    let text = fs::read_to_string(place.join("site.toml")).unwrap();
    fs::write(
        place.join("bad.toml"),
        text.replace("address = 1", "address = 300"),
    )
    .unwrap();
    let out = "--out new --meter-type eastron-sdm630 --demand-minutes 30";
    let cases = [
        (
            format!("import registers.csv bad.toml {out}"),
            "bad.toml:12: meter[1].address: `300` is out of range; use 1 to 247",
        ),
        (
            format!("import site.toml old.bud {out}"),
            "old.bud: not recognised – send us samples, nothing was changed",
        ),
        (
            format!("import site.toml site.toml {out}"),
            "an earlier file has the calendar of uk/economy too; keep one of them",
        ),
        (
            "import site.toml registers.csv --out new".to_owned(),
            "say it: --meter-type NAME",
        ),
        (
            "import site.toml registers.csv --out new --meter-type eastron-sdm630".to_owned(),
            "say it: --demand-minutes 30",
        ),
    ];
    for (line, expected) in cases {
        let said = says(place, &line, 1);
        assert!(said.contains(expected), "{line}: {said}");
        assert!(!place.join("new").exists(), "{line}");
    }
}
