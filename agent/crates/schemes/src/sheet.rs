//! A table in a CSV file, as spreadsheets of many countries write it: byte order mark, CRLF,
//! semicolons or tabs, quotes. Only what a cell may hold is left to the caller.

mod row;

pub(crate) use row::{Cell, Lines, Row, fit};

use crate::complaint::{Notebook, shown};
use std::collections::BTreeMap;

/// Largest file that is looked at.
pub(crate) const FILE_OCTETS_MAX: usize = 4 << 20;
/// Most rows of one file.
pub(crate) const ROWS_MAX: usize = 20_000;
const SEPARATORS: [u8; 3] = [b',', b';', b'\t'];

/// The columns a table may have, and which it must have.
pub(crate) struct Columns {
    pub(crate) known: &'static [&'static str],
    pub(crate) needed: &'static [&'static str],
}

/// The rows of a table. What is wrong is noted; a row with a complaint may be among them.
pub(crate) fn read(bytes: &[u8], columns: &Columns, notes: &mut Notebook<'_>) -> Option<Vec<Row>> {
    let text = text_of(bytes, "save the table as `CSV UTF-8`", notes)?;
    let separator = separator(text);
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(separator)
        .has_headers(false)
        .flexible(true)
        .from_reader(text.as_bytes());
    let lines = Lines::of(text);
    let mut records = reader.records();
    let Some(Ok(header)) = records.next() else {
        notes.note(1, "", "there is no header line", header_remedy(columns));
        return None;
    };
    let header = header_columns(line_of(&lines, &header), &header, columns, notes)?;
    let mut rows = Vec::new();
    for record in records {
        let Ok(record) = record else { continue };
        let line = line_of(&lines, &record);
        if record.iter().all(|cell| cell.trim().is_empty()) {
            continue;
        }
        if rows.len() == ROWS_MAX {
            let problem = format!("there are more than {ROWS_MAX} rows");
            notes.note(line, "", problem, "split the file");
            return None;
        }
        rows.push(row_of(line, &record, &header, notes));
    }
    if rows.is_empty() {
        notes.note(
            0,
            "",
            "there is a header and no row",
            "write one line for each entry",
        );
    }
    Some(rows)
}

/// The names in the first line, as far as they can be read; for a look at an unknown file.
pub(crate) fn header_names(head: &[u8]) -> Vec<String> {
    let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
    let text = String::from_utf8_lossy(head);
    let line = text
        .split(['\r', '\n'])
        .find(|line| !line.trim().is_empty());
    let line = line.unwrap_or_default();
    let names = line.split(char::from(separator(line)));
    names
        .map(|name| name.trim().trim_matches('"').to_ascii_lowercase())
        .collect()
}

/// The line of a record. The reader says where a record begins, but counts line ends and empty
/// lines before it or not as it happens to have read them.
fn line_of(lines: &Lines<'_>, record: &csv::StringRecord) -> usize {
    let at = record.position().map_or(0, csv::Position::byte);
    lines.of_text_behind(usize::try_from(at).unwrap_or(usize::MAX))
}

/// The text of a file that is not too large; `remedy` says how to get one in UTF-8.
pub(crate) fn text_of<'a>(
    bytes: &'a [u8],
    remedy: &str,
    notes: &mut Notebook<'_>,
) -> Option<&'a str> {
    if bytes.len() > FILE_OCTETS_MAX {
        let problem = format!("the file has more than {} MiB", FILE_OCTETS_MAX >> 20);
        notes.note(0, "", problem, "split it");
        return None;
    }
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        notes.note(1, "", "the file is UTF-16", remedy);
        return None;
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    match std::str::from_utf8(bytes) {
        Ok(text) => Some(text),
        Err(error) => {
            let good = bytes.get(..error.valid_up_to()).unwrap_or_default();
            let line = good.split(|octet| *octet == b'\n').count();
            let at = 1 + good
                .iter()
                .rev()
                .take_while(|octet| **octet != b'\n')
                .count();
            let problem = format!("octet {at} of the line is not UTF-8");
            notes.note(line, "", problem, remedy);
            None
        }
    }
}

/// What stands between the names of the header most often; none of them is in a name.
fn separator(text: &str) -> u8 {
    let line = text
        .split(['\r', '\n'])
        .find(|line| !line.trim().is_empty())
        .unwrap_or_default();
    let count = |separator: u8| line.split(char::from(separator)).count();
    // The first of equals: a header of one column has none of them.
    SEPARATORS
        .into_iter()
        .rev()
        .max_by_key(|separator| count(*separator))
        .unwrap_or(b',')
}

fn header_remedy(columns: &Columns) -> String {
    format!(
        "begin with a line of column names; needed: {}",
        columns.needed.join(", ")
    )
}

fn header_columns(
    line: usize,
    header: &csv::StringRecord,
    columns: &Columns,
    notes: &mut Notebook<'_>,
) -> Option<Vec<Option<&'static str>>> {
    let mut found: Vec<Option<&'static str>> = Vec::new();
    let mut sound = true;
    for (number, name) in (1..).zip(header.iter()) {
        let name = name.trim();
        let known = columns
            .known
            .iter()
            .copied()
            .find(|known| known.eq_ignore_ascii_case(name));
        let problem = match known {
            Some(known) if found.contains(&Some(known)) => "stands in the header twice".to_owned(),
            None if !name.is_empty() => format!("column {number} `{}` is not known", shown(name)),
            _ => {
                found.push(known);
                continue;
            }
        };
        let remedy = format!(
            "use each of these at most once: {}",
            columns.known.join(", ")
        );
        notes.note(line, shown(name), problem, remedy);
        found.push(None);
        sound = false;
    }
    for needed in columns.needed {
        if !found.contains(&Some(needed)) {
            notes.note(
                line,
                *needed,
                "the column is missing",
                header_remedy(columns),
            );
            sound = false;
        }
    }
    sound.then_some(found)
}

fn row_of(
    line: usize,
    record: &csv::StringRecord,
    header: &[Option<&'static str>],
    notes: &mut Notebook<'_>,
) -> Row {
    let mut cells = BTreeMap::new();
    let beyond = record.iter().skip(header.len());
    if beyond.clone().any(|cell| !cell.trim().is_empty()) {
        let problem = format!("{} cells under {} columns", record.len(), header.len());
        let remedy = "put text that holds the separator into double quotes";
        notes.note(line, "", problem, remedy);
    }
    for (column, cell) in header.iter().zip(record) {
        let Some(column) = *column else {
            if !cell.trim().is_empty() {
                notes.note(
                    line,
                    "",
                    "a cell stands under no column name",
                    "name the column",
                );
            }
            continue;
        };
        match fit(cell.trim()) {
            Ok(cell) => {
                let text = unguarded(cell).trim().to_owned();
                cells.insert(column, Cell::of_table(column, line, text));
            }
            Err((problem, remedy)) => {
                notes.note(
                    line,
                    column,
                    problem,
                    format!("close the double quote, or {remedy}"),
                );
            }
        }
    }
    Row::of_table(line, cells)
}

/// What a spreadsheet would run as a formula; the wide forms count for some of them.
const FORMULA: [char; 10] = ['=', '+', '-', '@', '\t', '\r', '＝', '＋', '－', '＠'];

fn would_be_guarded(cell: &str) -> bool {
    cell.trim_start_matches('\'').starts_with(FORMULA)
}

/// A cell as it is written: an apostrophe keeps a spreadsheet from running it.
fn guarded(cell: &str) -> String {
    if would_be_guarded(cell) {
        format!("'{cell}")
    } else {
        cell.to_owned()
    }
}

/// The reverse of [`guarded`]; an apostrophe that guards nothing is part of the text.
fn unguarded(cell: &str) -> &str {
    match cell.strip_prefix('\'') {
        Some(rest) if would_be_guarded(rest) => rest,
        _ => cell,
    }
}

/// A table as text: commas, CRLF, quotes where they are needed, no formula.
pub(crate) fn write<'a>(
    columns: &[&str],
    rows: impl Iterator<Item = Vec<std::borrow::Cow<'a, str>>>,
) -> String {
    let mut writer = csv::WriterBuilder::new()
        .terminator(csv::Terminator::CRLF)
        .from_writer(Vec::new());
    // Writing into memory does not fail.
    let mut sound = writer.write_record(columns).is_ok();
    for row in rows {
        sound &= writer
            .write_record(row.iter().map(|cell| guarded(cell)))
            .is_ok();
    }
    debug_assert!(sound, "rows are as long as the header");
    let octets = writer.into_inner().unwrap_or_default();
    String::from_utf8(octets).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: Columns = Columns {
        known: &["name", "note"],
        needed: &["name"],
    };

    #[track_caller]
    fn check(bytes: &[u8], expected: Result<&[(usize, &str, &str)], &str>) {
        let mut notes = Notebook::new("t.csv");
        let rows = read(bytes, &COLUMNS, &mut notes);
        let found = notes
            .finish(rows)
            .map_err(|complaints| complaints.to_string());
        let found = found.as_ref().map(|rows| {
            let cells = rows
                .iter()
                .map(|row| (row.line, row.cell("name"), row.cell("note")));
            cells.collect::<Vec<_>>()
        });
        let expected = expected.map(<[_]>::to_vec);
        assert_eq!(found.map_err(String::as_str), expected);
    }

    #[test]
    fn what_spreadsheets_write_is_read() {
        check(b"name,note\na,b\n", Ok(&[(2, "a", "b")]));
        check(
            b"\xef\xbb\xbfName;NOTE\r\n a ;b,c\r\n",
            Ok(&[(2, "a", "b,c")]),
        );
        check(b"name;note\ra;b\rc;\r", Ok(&[(2, "a", "b"), (3, "c", "")]));
        check(
            b"\n\nname\n\n\n\na\r\n\r\nb",
            Ok(&[(7, "a", ""), (9, "b", "")]),
        );
        check(b"name\tnote\na\tb\n", Ok(&[(2, "a", "b")]));
        check(
            b"note,name\n\"b \"\"x\"\",\",a",
            Ok(&[(2, "a", "b \"x\",")]),
        );
        check(b"name\n\na\n", Ok(&[(3, "a", "")]));
        check(
            b"name,note,\na,b,\n,,\nc,,,\n",
            Ok(&[(2, "a", "b"), (4, "c", "")]),
        );
        check(
            b"name,note\na,'=1+1\nb,'t Hof\nc,''-\n",
            Ok(&[(2, "a", "=1+1"), (3, "b", "'t Hof"), (4, "c", "'-")]),
        );
    }

    #[test]
    fn what_is_no_table_is_refused_with_its_line() {
        check(
            b"",
            Err(
                "t.csv:1: there is no header line; begin with a line of column names; needed: name",
            ),
        );
        check(
            b"name\n",
            Err("t.csv: there is a header and no row; write one line for each entry"),
        );
        check(
            b"\xff\xfen\0",
            Err("t.csv:1: the file is UTF-16; save the table as `CSV UTF-8`"),
        );
        check(
            b"name\nab\xe9\n",
            Err("t.csv:2: octet 3 of the line is not UTF-8; save the table as `CSV UTF-8`"),
        );
        check(
            b"note\nx\n",
            Err(
                "t.csv:1: name: the column is missing; begin with a line of column names; needed: name",
            ),
        );
        check(
            b"name,title\nx,\n",
            Err(
                "t.csv:1: title: column 2 `title` is not known; use each of these at most once: name, note",
            ),
        );
        check(
            b"name,name\nx,\n",
            Err(
                "t.csv:1: name: stands in the header twice; use each of these at most once: name, note",
            ),
        );
        check(
            b"name,note\na,b,c\n",
            Err(
                "t.csv:2: 3 cells under 2 columns; put text that holds the separator into double quotes",
            ),
        );
        check(
            b"name,note\na,\"b\nc,d\n",
            Err(
                "t.csv:2: note: holds a line break or another control character; close the double quote, or remove the character",
            ),
        );
        let long = [b"name\n", "x".repeat(1001).as_bytes()].concat();
        check(
            &long,
            Err("t.csv:2: name: is longer than 1000 octets; close the double quote, or shorten it"),
        );
        check(
            &vec![b'x'; FILE_OCTETS_MAX + 1],
            Err("t.csv: the file has more than 4 MiB; split it"),
        );
    }

    #[test]
    fn a_written_cell_is_no_formula_and_reads_back() {
        for cell in [
            "=1", "+44 1", "-x", "@a", "'=1", "''=1", "＝1", "a,b", "a\"b", "'t", "", "'",
        ] {
            let text = write(
                &["name", "note"],
                [vec!["n".into(), cell.into()]].into_iter(),
            );
            let body = text
                .lines()
                .nth(1)
                .unwrap()
                .trim_start_matches("n,")
                .trim_start_matches('"');
            assert!(!body.starts_with(FORMULA), "{text}");
            check(text.as_bytes(), Ok(&[(2, "n", cell)]));
        }
    }
}
