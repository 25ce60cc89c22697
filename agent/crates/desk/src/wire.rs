//! One line of JSON each way.

use serde::Serialize;
use serde::de::DeserializeOwned;

/// Longest line either side accepts.
pub const LINE_BYTES_MAX: usize = 4 << 20;

/// Three keys of suite 2, the longest name of a meter, and the words around them.
const KEYS_LINE_BYTES: usize = 1024;

/// A line that is not what was expected.
#[derive(Debug, thiserror::Error)]
pub enum WireError {
    /// Too long to be honest.
    #[error("a line of {0} bytes is longer than the limit of {LINE_BYTES_MAX}")]
    TooLong(usize),
    /// Not the expected JSON.
    #[error("not a request or answer of this version")]
    Malformed(#[source] serde_json::Error),
}

/// A value as one line, with its line end.
pub fn encode<T: Serialize>(value: &T) -> Result<Vec<u8>, WireError> {
    // Room for an import of keys: a line that grows leaves copies of them behind.
    let mut line = Vec::with_capacity(KEYS_LINE_BYTES);
    serde_json::to_writer(&mut line, value).map_err(WireError::Malformed)?;
    line.push(b'\n');
    if line.len() > LINE_BYTES_MAX {
        Err(WireError::TooLong(line.len()))
    } else {
        Ok(line)
    }
}

/// A value from one line.
pub fn decode<T: DeserializeOwned>(line: &[u8]) -> Result<T, WireError> {
    if line.len() > LINE_BYTES_MAX {
        return Err(WireError::TooLong(line.len()));
    }
    serde_json::from_slice(line).map_err(WireError::Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Answer, Job, JobState, KeyText, KeysWish, Outcome, Part, Progress, Refusal, Request, Work,
    };
    use proptest::prelude::*;

    #[track_caller]
    fn check(request: &Request, line: &str) {
        assert_eq!(
            String::from_utf8(encode(request).unwrap()).unwrap(),
            format!("{line}\n")
        );
        assert_eq!(&decode::<Request>(line.as_bytes()).unwrap(), request);
    }

    #[test]
    fn requests_read_like_words() {
        check(&Request::Status, r#"{"ask":"status"}"#);
        check(
            &Request::ReadMeter {
                meter: "feeder-1".into(),
            },
            r#"{"ask":"read-meter","meter":"feeder-1"}"#,
        );
    }

    #[test]
    fn work_reads_like_words_too() {
        let meter = || "feeder-1".to_owned();
        let start = |what| Request::Start { what };
        check(
            &start(Work::Ping { meter: meter() }),
            r#"{"ask":"start","what":{"work":"ping","meter":"feeder-1"}}"#,
        );
        check(
            &start(Work::Read {
                meter: meter(),
                part: Part::Billing,
            }),
            r#"{"ask":"start","what":{"work":"read","meter":"feeder-1","part":"billing"}}"#,
        );
        check(
            &start(Work::Objects { meter: meter() }),
            r#"{"ask":"start","what":{"work":"objects","meter":"feeder-1"}}"#,
        );
        check(
            &start(Work::ChangeKeys {
                meter: meter(),
                encryption: true,
                authentication: false,
            }),
            r#"{"ask":"start","what":{"work":"change-keys","meter":"feeder-1","encryption":true,"authentication":false}}"#,
        );
        check(
            &Request::Audit { from: 0, count: 9 },
            r#"{"ask":"audit","from":0,"count":9}"#,
        );
        check(&Request::Job { number: 7 }, r#"{"ask":"job","number":7}"#);
        check(
            &Request::Cancel { number: 7 },
            r#"{"ask":"cancel","number":7}"#,
        );
        check(&Request::Jobs, r#"{"ask":"jobs"}"#);
    }

    #[test]
    fn a_job_says_how_it_stands() {
        let job = |state| {
            Answer::Job(Box::new(Job {
                number: 7,
                words: "ping".into(),
                state,
            }))
        };
        let progress = || Progress {
            done: 1,
            total: 4,
            words: "sign-on".into(),
        };
        let states = [
            (
                JobState::Waiting("busy".into()),
                r#"{"state":"waiting","is":"busy"}"#,
            ),
            (
                JobState::Running(progress()),
                r#"{"state":"running","is":{"done":1,"total":4,"words":"sign-on"}}"#,
            ),
            (
                JobState::Done(Box::new(Outcome::Values(Vec::new()))),
                r#"{"state":"done","is":{"outcome":"values","is":[]}}"#,
            ),
            (
                JobState::Cancelled(progress()),
                r#"{"state":"cancelled","is":{"done":1,"total":4,"words":"sign-on"}}"#,
            ),
        ];
        for (state, text) in states {
            let line =
                format!(r#"{{"answer":"job","is":{{"number":7,"words":"ping","state":{text}}}}}"#);
            let answer = job(state);
            assert_eq!(
                String::from_utf8(encode(&answer).unwrap()).unwrap(),
                line.clone() + "\n"
            );
            assert_eq!(decode::<Answer>(line.as_bytes()).unwrap(), answer);
        }
    }

    #[test]
    fn keys_go_in_and_are_not_shown() {
        let status = |meter| Request::Keys {
            wish: KeysWish::Status { meter },
        };
        check(&status(None), r#"{"ask":"keys","wish":{"keys":"status"}}"#);
        check(
            &status(Some("feeder-7".into())),
            r#"{"ask":"keys","wish":{"keys":"status","meter":"feeder-7"}}"#,
        );
        let key = |digits: &str| KeyText::new(digits.to_owned().into());
        let import = Request::Keys {
            wish: KeysWish::Import {
                meter: "feeder-7".into(),
                suite: 0,
                encryption: Some(key("c0ffee")),
                authentication: Some(key("decade")),
                key_encryption: None,
                replace: false,
            },
        };
        check(
            &import,
            r#"{"ask":"keys","wish":{"keys":"import","meter":"feeder-7","suite":0,"encryption":"c0ffee","authentication":"decade","replace":false}}"#,
        );
        let shown = format!("{import:?}");
        assert!(
            !shown.contains("c0ffee") && !shown.contains("decade"),
            "{shown}"
        );
        let unknown = br#"{"ask":"keys","wish":{"keys":"show","meter":"feeder-7"}}"#;
        assert!(decode::<Request>(unknown).is_err(), "no key comes out");
    }

    #[test]
    fn what_is_not_a_request_is_refused() {
        assert!(decode::<Request>(b"{}").is_err());
        assert!(decode::<Request>(br#"{"ask":"read-meter","meter":"a","and":1}"#).is_err());
        assert!(decode::<Request>(br#"{"ask":"reboot"}"#).is_err());
        let work = br#"{"ask":"start","what":{"work":"ping","meter":"a","and":1}}"#;
        assert!(decode::<Request>(work).is_err());
        assert!(decode::<Request>(&vec![b' '; LINE_BYTES_MAX + 1]).is_err());
    }

    #[test]
    fn refusals_and_answers_are_told_apart() {
        let refused: Result<Answer, Refusal> = Err(Refusal {
            problem: "no".into(),
            remedy: "ask again".into(),
        });
        let line = encode(&refused).unwrap();
        assert_eq!(decode::<Result<Answer, Refusal>>(&line).unwrap(), refused);
    }

    proptest! {
        #[test]
        fn no_line_makes_the_parser_panic(line: Vec<u8>) {
            drop(decode::<Request>(&line));
            drop(decode::<Result<Answer, Refusal>>(&line));
        }
    }
}
