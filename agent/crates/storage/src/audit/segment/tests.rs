use super::*;
use proptest::prelude::*;

const START: AuditHead = AuditHead {
    number: 0,
    hash: [0; 32],
};

fn segment(details: &[&str]) -> AuditSegment {
    let mut head = START;
    let link = |(n, detail): (u64, &&str)| {
        let record = AuditRecord {
            at: Timestamp::from_seconds(1_800_000_000 + n),
            who: "anna".to_owned(),
            what: "command accepted".to_owned(),
            detail: (*detail).to_owned(),
        };
        let link = AuditLink::after(head, record);
        head = link.head();
        link
    };
    let links = (0..).zip(details).map(link).collect();
    AuditSegment {
        before: START,
        links,
    }
}

fn three() -> AuditSegment {
    segment(&["one", "two: \"quoted\" \\ and\na tab\t", "drei: Zähler"])
}

#[track_caller]
fn check_form(text: &str, expected: &str) {
    let fault = AuditSegment::from_lines(text.as_bytes()).unwrap_err();
    let words = fault.to_string();
    assert!(words.starts_with(expected), "{words}");
}

#[test]
fn a_piece_is_written_in_one_way() {
    let text = segment(&["one \"1\"\n"]).to_lines();
    // Computed with Python's hashlib from the description above.
    let hash = "3387075a54965501b5017cb3de84c7b2eeeb857cd8475abc097f7ab25fd8761f";
    let zeros = "0".repeat(64);
    let expected = format!(
        "{{\"audit\":1,\"first\":1,\"before\":\"{zeros}\"}}\n{{\"n\":1,\"at\":1800000000000,\
         \"who\":\"anna\",\"what\":\"command accepted\",\"detail\":\"one \\\"1\\\"\\u000a\",\
         \"hash\":\"{hash}\"}}\n"
    );
    assert_eq!(text, expected);
    let whole = three();
    assert_eq!(
        AuditSegment::from_lines(whole.to_lines().as_bytes()),
        Ok(whole.clone())
    );
    let last = whole.links.last().unwrap().head();
    assert_eq!(verify_segment(&whole, Some(last)), Ok(last));
    let part = AuditSegment {
        before: whole.links[0].head(),
        links: whole.links[1..].to_vec(),
    };
    assert_eq!(verify_segment(&part, Some(last)), Ok(last));
}

/// Every byte of an exported piece, changed in every way that one bit can be.
#[test]
fn a_changed_byte_is_found_and_located() {
    let whole = three();
    let head = whole.links.last().unwrap().head();
    let text = whole.to_lines().into_bytes();
    let mut line = 1;
    for (position, byte) in text.iter().enumerate() {
        for bit in 0..8 {
            let mut changed = text.clone();
            changed[position] ^= 1 << bit;
            let found = AuditSegment::from_lines(&changed)
                .and_then(|segment| verify_segment(&segment, Some(head)));
            let place = match found {
                Ok(_) => panic!("byte {position} may change in bit {bit}"),
                Err(SegmentFault::Form { line, .. } | SegmentFault::Broken { line, .. }) => line,
                Err(other) => panic!("byte {position}, bit {bit}: {other}"),
            };
            // What a line says of itself, or what the next one follows from; and a newline
            // that appears or goes tears the line it stands in.
            assert!(
                (line..=line + 1).contains(&place),
                "byte {position}: {place}"
            );
        }
        line += usize::from(*byte == b'\n');
    }
}

#[test]
fn what_is_missing_is_found_and_located() {
    let whole = three();
    let head = whole.links.last().unwrap().head();
    let without = |index: usize| {
        let mut segment = whole.clone();
        segment.links.remove(index);
        verify_segment(&segment, Some(head))
    };
    assert_eq!(without(0), Err(SegmentFault::Broken { number: 1, line: 2 }));
    assert_eq!(without(1), Err(SegmentFault::Broken { number: 2, line: 3 }));
    assert_eq!(
        without(2),
        Err(SegmentFault::OtherHead {
            found: 2,
            expected: 3
        })
    );
    let mut swapped = whole.clone();
    swapped.links.swap(1, 2);
    assert_eq!(
        verify_segment(&swapped, None),
        Err(SegmentFault::Broken { number: 2, line: 3 })
    );
    let mut rewritten = segment(&["one", "two", "three"]);
    assert_eq!(rewritten.links.len(), 3);
    assert!(
        verify_segment(&rewritten, None).is_ok(),
        "by itself a forged chain holds"
    );
    assert_eq!(
        verify_segment(&rewritten, Some(head)),
        Err(SegmentFault::OtherHead {
            found: 3,
            expected: 3
        })
    );
    rewritten.links.clear();
    assert_eq!(verify_segment(&rewritten, None), Ok(START));
}

#[test]
fn a_line_in_another_form_is_shown() {
    let text = three().to_lines();
    check_form(
        "",
        "line 1, byte 1: `{\"audit\":1,\"first\":` should stand here",
    );
    check_form(
        &text.replace("\"n\":2,", "\"n\":02,"),
        "line 3, byte 6: a whole number",
    );
    check_form(
        &text.replace("\"n\":2,", "\"n\": 2,"),
        "line 3, byte 6: a whole number",
    );
    check_form(&text.replace("\\u0009", "\\t"), "line 3, byte");
    check_form(&text.replace("\\u000a", "\\u0041"), "line 3, byte");
    check_form(text.trim_end(), "line 4, byte");
    check_form(&text.replace('\n', "\r\n"), "line 1, byte");
    check_form(&text.replace("first\":1", "first\":0"), "line 1, byte");
    check_form(
        &text.replace("one", &"x".repeat(TEXT_BYTES_MAX + 1)),
        "line 2, byte",
    );
    check_form(
        &text.replace("\"n\":1,", "\"n\":99999999999999999999,"),
        "line 2, byte 6",
    );
}

proptest! {
    #[test]
    fn pieces_survive(details in prop::collection::vec("(?s).{0,60}", 0..6)) {
        let details: Vec<&str> = details.iter().map(String::as_str).collect();
        let whole = segment(&details);
        let text = whole.to_lines();
        prop_assert_eq!(text.lines().count(), details.len() + 1);
        prop_assert_eq!(AuditSegment::from_lines(text.as_bytes()), Ok(whole.clone()));
        prop_assert!(verify_segment(&whole, None).is_ok());
    }

    #[test]
    fn no_bytes_make_the_reader_panic(bytes: Vec<u8>) {
        fuzz_segment(&bytes);
    }

    #[test]
    fn no_change_makes_the_reader_panic(position: prop::sample::Index, byte: u8) {
        let mut text = three().to_lines().into_bytes();
        let at = position.index(text.len());
        text[at] = byte;
        fuzz_segment(&text);
    }
}
