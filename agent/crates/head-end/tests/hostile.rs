//! Bytes that a hostile or broken peer sends, from `tests/vectors/hostile.txt`: each is refused
//! for the reason that stands beside it.

#[cfg(test)]
mod cases {
    use authority::{IngestKeys, SigningKey};
    use head_end::{ImageAnswer, ImageWish, Message, Presence, Request, Watermarks};

    fn bytes(hex: &str) -> Vec<u8> {
        let digits: String = hex.split_whitespace().collect();
        let pairs = (0..digits.len()).step_by(2);
        pairs
            .map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap())
            .collect()
    }

    fn refusal(reader: &str, bytes: &[u8]) -> String {
        let outcome = match reader {
            "up" => Message::decode(bytes)
                .and_then(|message| message.open().map(drop))
                .map_err(|error| error.to_string()),
            "st" => Presence::decode(bytes)
                .map(drop)
                .map_err(|error| error.to_string()),
            "req" => Request::decode(bytes)
                .map(drop)
                .map_err(|error| error.to_string()),
            "want" => ImageWish::decode(bytes)
                .map(drop)
                .map_err(|error| error.to_string()),
            "blob" => ImageAnswer::decode(bytes)
                .map(drop)
                .map_err(|error| error.to_string()),
            "w" => Watermarks::decode(bytes)
                .map(drop)
                .map_err(|error| error.to_string()),
            "ack" => {
                let key = SigningKey::from_seed(&[0x2a; 32]).public_pem().unwrap();
                IngestKeys::parse(&key)
                    .unwrap()
                    .open_watermark(&"pmu-001".parse().unwrap(), bytes)
                    .map(drop)
                    .map_err(|error| error.code().to_owned())
            }
            _ => panic!("`{reader}` is no reader"),
        };
        outcome.err().unwrap_or_else(|| "accepted".to_owned())
    }

    #[test]
    fn hostile_bytes_are_refused_for_the_right_reason() {
        let text = include_str!("vectors/hostile.txt");
        let mut title = "";
        let mut found = None;
        let mut cases = 0;
        for line in text.lines() {
            if let Some(words) = line.strip_prefix("# ") {
                title = words;
            } else if let Some(rest) = line.strip_prefix("> ") {
                let (reader, hex) = rest.split_once(' ').unwrap();
                found = Some(refusal(reader, &bytes(hex)));
            } else if let Some(expected) = line.strip_prefix("= ") {
                assert_eq!(found.take().unwrap(), expected, "{title}");
                cases += 1;
            }
        }
        assert!(cases >= 30, "only {cases} cases were read");
    }
}
