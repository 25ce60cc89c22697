//! The tables of `docs/uplink` against the code: what is published is what is spoken.

#[cfg(test)]
mod tables {
    use authority::{CommandRejection, CommandState, Operation};
    use head_end::{FleetSubject, GapReason, ImageId, NoChunk, Stream, Subject, Topic};
    use metering::{EventCode, Flag};
    use std::fs;
    use std::path::Path;

    fn published(file: &str) -> String {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../docs/uplink");
        fs::read_to_string(folder.join(file)).unwrap()
    }

    /// The first two cells of each row of the table behind a mark, without backticks.
    fn table(mark: &str) -> Vec<(String, String)> {
        let text = published("README.md");
        let (_, rest) = text.split_once(&format!("<!-- {mark}:")).unwrap();
        let rows = rest
            .lines()
            .skip(3)
            .take_while(|line| line.starts_with('|'));
        rows.map(|row| {
            let mut cells = row.split('|').map(|cell| cell.trim().replace('`', ""));
            (cells.nth(1).unwrap(), cells.next().unwrap())
        })
        .collect()
    }

    #[track_caller]
    fn check(mark: &str, expected: &[(String, String)]) {
        let remedy = format!("bring the table of {mark} in docs/uplink/README.md in line");
        assert_eq!(table(mark), expected, "{remedy}");
    }

    #[test]
    fn every_flag_event_and_gap_reason_is_published() {
        let flags = Flag::all().map(|flag| (flag.bit().to_string(), flag.word().to_owned()));
        check("flags", &flags.collect::<Vec<_>>());
        let events = EventCode::ALL.iter().map(|code| {
            let severity = code.severity().word();
            (code.word().to_owned(), severity.to_owned())
        });
        check("events", &events.collect::<Vec<_>>());
        let reasons = GapReason::KNOWN.iter();
        let reasons = reasons.map(|r| (r.word().to_owned(), r.is_lost().to_string()));
        check("gap reasons", &reasons.collect::<Vec<_>>());
        let words = NoChunk::KNOWN.map(|why| why.word().to_owned());
        let published = table("no chunk").into_iter().map(|row| row.0);
        assert_eq!(published.collect::<Vec<_>>(), words);
    }

    #[test]
    fn every_operation_state_and_code_of_commands_is_published() {
        let first = |mark| -> Vec<String> { table(mark).into_iter().map(|row| row.0).collect() };
        let words: Vec<&str> = Operation::ALL.iter().map(|op| op.word()).collect();
        assert_eq!(first("operations"), words);
        let states =
            CommandState::ALL.map(|state| (state.word().to_owned(), state.is_final().to_string()));
        check("states", &states);
        assert_eq!(first("rejections"), CommandRejection::CODES);
    }

    #[test]
    fn the_decoder_knows_every_flag() {
        let words: Vec<&str> = Flag::all().map(Flag::word).collect();
        let text = published("decoder.py");
        let (_, list) = text.split_once("FLAGS = (").unwrap();
        let (list, _) = list.split_once(')').unwrap();
        let list = list.replace('"', " ");
        assert_eq!(list.split_whitespace().collect::<Vec<_>>(), words);
    }

    #[test]
    fn every_topic_is_published() {
        let text = published("README.md");
        let records = Stream::ALL.map(Subject::Records);
        let others = [
            Subject::Presence,
            Subject::ImageWish,
            Subject::Watermark,
            Subject::Request,
            Subject::Command,
            Subject::Image(ImageId::new([0; 32])),
        ];
        for subject in records.into_iter().chain(others) {
            let gateway = "pmu-001".parse().unwrap();
            let topic = Topic { gateway, subject }.to_string();
            let topic = topic.replace("pmu-001", "{g}");
            let row = format!("| `{}` |", topic.replace(&"00".repeat(32), "{sha256}"));
            assert!(text.contains(&row), "{row}");
        }
        for subject in FleetSubject::ALL {
            let row = format!("| `{}` |", subject.topic());
            assert!(text.contains(&row), "{row}");
        }
    }
}
