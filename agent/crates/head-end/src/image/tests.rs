use super::*;
use proptest::prelude::*;

const CHUNK: u64 = 64 * 1024;

fn wish(total: u64, from: u64, length: u64) -> ImageWish {
    ImageWish {
        image: ImageId::new([7; 32]),
        total,
        from,
        length,
    }
}

fn chunk(at: u64, total: u64, bytes: usize) -> ImageAnswer {
    ImageAnswer::Chunk(ImageChunk {
        at,
        total,
        bytes: vec![5; bytes],
    })
}

#[track_caller]
fn check_wish(wish: ImageWish, expected: Option<&str>) {
    let text = wish.encode().map(|bytes| {
        assert_eq!(ImageWish::decode(&bytes).unwrap(), wish);
    });
    let text = text.err().map(|fault| fault.to_string());
    let expected = expected.map(|key| format!("`{key}` is out of range"));
    assert_eq!(text, expected);
}

#[test]
fn a_wish_stays_within_its_image_and_within_four_chunks() {
    check_wish(wish(1, 0, 1), None);
    check_wish(wish(10 * CHUNK, 9 * CHUNK, CHUNK), None);
    check_wish(wish(10 * CHUNK, 0, 4 * CHUNK), None);
    check_wish(wish(NUMBER_MAX, NUMBER_MAX - 1, 1), None);
    check_wish(wish(0, 0, 1), Some("size"));
    check_wish(wish(NUMBER_MAX + 1, 0, 1), Some("size"));
    check_wish(wish(10, 0, 0), Some("len"));
    check_wish(wish(10 * CHUNK, 0, 4 * CHUNK + 1), Some("len"));
    check_wish(wish(10, 5, 6), Some("from"));
    check_wish(wish(10, u64::MAX, 1), Some("from"));
}

#[test]
fn a_wish_out_of_range_is_refused_by_its_reader_too() {
    for (size, from, len) in [(0, 0, 1), (10, 0, 0), (10, 10, 1), (10, u64::MAX, 5)] {
        let wire = WishWire {
            v: 1,
            sha: ByteArray::new([0; 32]),
            size,
            from,
            len,
        };
        let bytes = serde_cbor::to_vec(&wire).unwrap();
        assert!(ImageWish::decode(&bytes).is_err(), "{size} {from} {len}");
    }
}

#[track_caller]
fn check_chunks(wish: ImageWish, expected: &[(u64, usize)]) {
    assert_eq!(wish.chunks().collect::<Vec<_>>(), expected);
}

#[test]
fn a_wish_is_cut_into_full_chunks_and_a_rest() {
    check_chunks(wish(CHUNK, 0, 4096), &[(0, 4096)]);
    check_chunks(wish(9 * CHUNK, 7, CHUNK), &[(7, 65536)]);
    check_chunks(
        wish(9 * CHUNK, 7, 2 * CHUNK + 1),
        &[(7, 65536), (7 + CHUNK, 65536), (7 + 2 * CHUNK, 1)],
    );
    check_chunks(wish(9, u64::MAX, 1), &[]);
}

#[track_caller]
fn check_answer(answer: &ImageAnswer, expected: Option<&str>) {
    let text = answer.encode().map(|bytes| {
        assert!(bytes.len() <= CHUNK_MESSAGE_BYTES_MAX);
        assert_eq!(&ImageAnswer::decode(&bytes).unwrap(), answer);
    });
    let text = text.err().map(|fault| fault.to_string());
    let expected = expected.map(|key| format!("`{key}` is out of range"));
    assert_eq!(text, expected);
}

#[test]
fn a_chunk_stays_within_its_image_and_its_size() {
    check_answer(&chunk(0, 1, 1), None);
    check_answer(&chunk(NUMBER_MAX - CHUNK, NUMBER_MAX, 65536), None);
    check_answer(&chunk(0, 0, 1), Some("size"));
    check_answer(&chunk(0, 9, 0), Some("b"));
    check_answer(&chunk(0, 100_000, 65537), Some("b"));
    check_answer(&chunk(9, 9, 1), Some("at"));
    check_answer(&chunk(u64::MAX, 9, 1), Some("at"));
    for why in NoChunk::KNOWN {
        check_answer(&ImageAnswer::No(why), None);
    }
    check_answer(&ImageAnswer::No(NoChunk::Other("later".to_owned())), None);
    let long = NoChunk::Other("x".repeat(65));
    check_answer(&ImageAnswer::No(long), Some("no"));
}

#[test]
fn an_answer_has_one_form_and_not_half_of_two() {
    let whole = AnswerWire {
        v: 1,
        at: Some(0),
        size: Some(9),
        b: Some(ByteBuf::from(*b"x")),
        no: None,
    };
    assert!(ImageAnswer::decode(&serde_cbor::to_vec(&whole).unwrap()).is_ok());
    let both = AnswerWire {
        no: Some("busy".to_owned()),
        ..whole
    };
    let half = AnswerWire {
        v: 1,
        at: Some(0),
        ..AnswerWire::default()
    };
    let other_version = AnswerWire {
        v: 2,
        no: Some("busy".to_owned()),
        ..AnswerWire::default()
    };
    for wire in [both, half, other_version] {
        let bytes = serde_cbor::to_vec(&wire).unwrap();
        assert!(ImageAnswer::decode(&bytes).is_err());
    }
}

#[test]
fn what_is_larger_than_a_chunk_is_refused_before_it_is_read() {
    let bytes = vec![0; CHUNK_MESSAGE_BYTES_MAX + 1];
    let fault = ImageAnswer::decode(&bytes).unwrap_err().to_string();
    assert!(fault.contains("more than"), "{fault}");
    let bytes = vec![0; WISH_MESSAGE_BYTES_MAX + 1];
    let fault = ImageWish::decode(&bytes).unwrap_err().to_string();
    assert!(fault.contains("more than"), "{fault}");
}

#[track_caller]
fn check_id(text: &str, good: bool) {
    let found = ImageId::from_digits(text);
    assert_eq!(found.is_some(), good, "{text}");
    if let Some(id) = found {
        assert_eq!(id.to_string(), text);
    }
}

#[test]
fn an_image_is_named_by_small_hexadecimal_digits() {
    check_id(&"0f".repeat(32), true);
    check_id(&"0F".repeat(32), false);
    check_id(&"0f".repeat(31), false);
    check_id(&"0f".repeat(33), false);
    check_id(&"0".repeat(63), false);
    check_id(&"+f".repeat(32), false);
    check_id(&"é".repeat(32), false);
    check_id("", false);
}

proptest! {
    #[test]
    fn no_bytes_make_the_readers_panic(bytes: Vec<u8>) {
        drop(ImageWish::decode(&bytes));
        drop(ImageAnswer::decode(&bytes));
    }

    #[test]
    fn chunks_cover_their_wish_without_gap_or_overlap(
        total in 1..(1_u64 << 40), from: u64, length in 1..=4 * CHUNK,
    ) {
        let from = from % total;
        let wish = wish(total, from, length.min(total - from));
        let mut next = wish.from;
        let mut count = 0;
        for (at, length) in wish.chunks() {
            prop_assert_eq!(at, next);
            prop_assert!((1..=CHUNK_BYTES_MAX).contains(&length));
            next += u64::try_from(length).unwrap();
            count += 1;
        }
        prop_assert_eq!(next, wish.from + wish.length);
        prop_assert!(count <= 4);
        prop_assert_eq!(ImageWish::decode(&wish.encode().unwrap()).unwrap(), wish);
    }
}
