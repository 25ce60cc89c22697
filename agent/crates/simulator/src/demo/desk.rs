//! Asks the gateway how it is, over its local socket.
//!
//! The simulator may not use the crate `desk` (rule D1), so answers are read as what they are on the
//! socket: lines of JSON.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use super::export::timestamp;
use super::judge::Made;
use super::limits::{ANSWER_OCTETS_MAX, DESK_WITHIN};

/// The gateway's desk.
#[derive(Debug)]
pub(crate) struct Desk {
    socket: PathBuf,
}

/// How the gateway is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Gateway {
    /// `connected`, or why not.
    pub(crate) uplink: String,
    /// Number of the next interval record.
    pub(crate) next: u64,
    /// Interval records that the head-end has not committed.
    pub(crate) waiting: u64,
    /// Requests on its lines.
    pub(crate) requests: u64,
    /// Late answers, none of them used.
    pub(crate) late: u64,
    /// Damaged answers.
    pub(crate) damaged: u64,
    /// Watermarks taken.
    pub(crate) watermarks: u64,
}

/// How a meter is, for the gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MeterState {
    /// Intervals made.
    pub(crate) made: Made,
    /// `healthy`, `doubtful`, `silent`.
    pub(crate) state: String,
    /// Intervals with a flag.
    pub(crate) flagged: u64,
    /// Late answers of it.
    pub(crate) late: u64,
    /// Its clock minus the gateway's, milliseconds, if the gateway has looked.
    pub(crate) clock_error_ms: Option<i64>,
}

/// What the gateway is told to do with a meter at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    /// Read its load profile.
    Collect,
    /// Read what the schedule would read: registers too.
    Poll,
    /// See whether it answers.
    Ping,
}

/// How a piece of work stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Work {
    /// It waits or runs.
    Running,
    /// It has ended well.
    Done,
    /// It has ended otherwise.
    Failed,
}

impl Desk {
    /// The desk behind this socket.
    pub(crate) const fn new(socket: PathBuf) -> Self {
        Self { socket }
    }

    /// How the gateway is.
    pub(crate) fn gateway(&self) -> Result<Gateway> {
        gateway(&answer(&self.ask(r#"{"ask":"status"}"#)?, "status")?)
    }

    /// How its meters are.
    pub(crate) fn meters(&self) -> Result<Vec<MeterState>> {
        let meters = answer(&self.ask(r#"{"ask":"meters"}"#)?, "meters")?;
        let meters = meters.as_array().context("the gateway lists no meters")?;
        meters.iter().map(meter).collect()
    }

    /// Has something done with a meter now; says the number of that work.
    pub(crate) fn start(&self, order: Order, meter: &str) -> Result<u64> {
        let what = match order {
            Order::Collect => json!({"work": "collect", "meter": meter, "from": null, "to": null,
                "again": false}),
            Order::Poll => json!({"work": "poll", "meter": meter}),
            Order::Ping => json!({"work": "ping", "meter": meter}),
        };
        let request = json!({"ask": "start", "what": what}).to_string();
        number(&answer(&self.ask(&request)?, "job")?, "number")
    }

    /// How a piece of work stands.
    pub(crate) fn work(&self, number: u64) -> Result<Work> {
        let request = json!({"ask": "job", "number": number}).to_string();
        work(&answer(&self.ask(&request)?, "job")?)
    }

    fn ask(&self, request: &str) -> Result<String> {
        converse(&self.socket, request)
            .with_context(|| format!("{}: the gateway does not answer", self.socket.display()))
    }
}

fn converse(socket: &Path, request: &str) -> io::Result<String> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(DESK_WITHIN))?;
    stream.set_write_timeout(Some(DESK_WITHIN))?;
    stream.write_all(format!("{request}\n").as_bytes())?;
    let mut line = String::new();
    BufReader::new(stream.take(ANSWER_OCTETS_MAX)).read_line(&mut line)?;
    if line.ends_with('\n') {
        Ok(line)
    } else {
        Err(io::ErrorKind::UnexpectedEof.into())
    }
}

/// What is in an answer of this kind.
fn answer(line: &str, kind: &str) -> Result<Value> {
    let mut said: Value = serde_json::from_str(line).context("the gateway's answer is no JSON")?;
    if said.pointer("/Ok/answer").and_then(Value::as_str) != Some(kind) {
        bail!("the gateway gives no {kind}: {}", line.trim_end());
    }
    let inside = said.pointer_mut("/Ok/is").map(Value::take);
    inside.with_context(|| format!("the gateway's {kind} is empty"))
}

fn gateway(status: &Value) -> Result<Gateway> {
    let listed = |key: &str| {
        status
            .get(key)
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
    };
    let mut found = Gateway {
        uplink: text(status.get("uplink").unwrap_or(&Value::Null), "state")?,
        ..Gateway::default()
    };
    found.watermarks = number(status.get("uplink").unwrap_or(&Value::Null), "watermarks")?;
    for bus in listed("buses") {
        found.requests += number(bus, "requests")?;
        found.late += number(bus, "late")?;
        found.damaged += number(bus, "damaged")?;
    }
    let profiles = listed("outbox").find(|stream| stream.get("stream") == Some(&"lp".into()));
    if let Some(profiles) = profiles {
        found.next = number(profiles, "next")?;
        found.waiting = number(profiles, "waiting")?;
    }
    Ok(found)
}

fn meter(status: &Value) -> Result<MeterState> {
    let last = match status.get("last_interval").and_then(Value::as_str) {
        None => None,
        Some(text) => Some(timestamp(text).context("the gateway gives no time of an interval")?),
    };
    Ok(MeterState {
        made: Made {
            meter: text(status, "meter")?,
            intervals: number(status, "intervals")?,
            last,
        },
        state: text(status, "state")?,
        flagged: number(status, "flagged")?,
        late: number(status, "late")?,
        clock_error_ms: status.get("clock_error_ms").and_then(Value::as_i64),
    })
}

fn work(job: &Value) -> Result<Work> {
    let state = job.get("state").unwrap_or(&Value::Null);
    Ok(match text(state, "state")?.as_str() {
        "waiting" | "running" => Work::Running,
        "done" => Work::Done,
        _ => Work::Failed,
    })
}

fn number(of: &Value, key: &str) -> Result<u64> {
    let found = of.get(key).and_then(Value::as_u64);
    found.with_context(|| format!("the gateway's answer has no number `{key}`"))
}

fn text(of: &Value, key: &str) -> Result<String> {
    let found = of.get(key).and_then(Value::as_str).map(str::to_owned);
    found.with_context(|| format!("the gateway's answer has no text `{key}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATUS: &str = r#"{"Ok":{"answer":"status","is":{"gateway":"pmu-demo",
        "buses":[{"bus":"hall","requests":90,"late":2,"damaged":1}],
        "uplink":{"state":"connected","watermarks":7},
        "outbox":[{"stream":"tm","next":9,"waiting":9},{"stream":"lp","next":42,"waiting":3}]}}}"#;
    const METERS: &str = r#"{"Ok":{"answer":"meters","is":[{"meter":"feeder-1","state":"healthy",
        "last_interval":"2026-11-23T00:00:05Z","intervals":6,"flagged":1,"late":0},
        {"meter":"dead","state":"silent","last_interval":null,"intervals":0,"flagged":0,"late":0,
        "clock_error_ms":-1200}]}}"#;
    const JOB: &str = r#"{"Ok":{"answer":"job","is":{"number":3,"words":"collect elster-1",
        "state":{"state":"running","is":{"done":1,"total":3,"words":"day 1 of 3"}}}}}"#;

    #[test]
    fn a_status_is_read() {
        let found = gateway(&answer(STATUS, "status").unwrap()).unwrap();
        let expected = Gateway {
            uplink: "connected".to_owned(),
            next: 42,
            waiting: 3,
            requests: 90,
            late: 2,
            damaged: 1,
            watermarks: 7,
        };
        assert_eq!(found, expected);
    }

    #[test]
    fn meters_are_read() {
        let meters = answer(METERS, "meters").unwrap();
        let meters: Vec<_> = meters
            .as_array()
            .unwrap()
            .iter()
            .map(|m| meter(m).unwrap())
            .collect();
        assert_eq!(meters.len(), 2);
        assert_eq!((meters[0].made.intervals, meters[0].flagged), (6, 1));
        assert_eq!(
            meters[0].made.last.map(|at| at.to_string()).as_deref(),
            Some("2026-11-23T00:00:05Z")
        );
        assert_eq!(meters[1].made.last, None);
        assert_eq!(meters[0].clock_error_ms, None);
        assert_eq!(meters[1].clock_error_ms, Some(-1200));
    }

    #[test]
    fn work_is_followed() {
        let job = answer(JOB, "job").unwrap();
        assert_eq!(number(&job, "number").unwrap(), 3);
        assert_eq!(work(&job).unwrap(), Work::Running);
        let ended = |word: &str| JOB.replace("running", word);
        let ended = |word: &str| work(&answer(&ended(word), "job").unwrap()).unwrap();
        assert_eq!(ended("done"), Work::Done);
        assert_eq!(ended("failed"), Work::Failed);
    }

    #[test]
    fn what_is_no_answer_is_refused() {
        assert!(answer(STATUS, "meters").is_err());
        assert!(answer(r#"{"Err":{"problem":"no","remedy":"wait"}}"#, "status").is_err());
        assert!(answer("", "status").is_err());
        assert!(gateway(&serde_json::json!({"buses": [], "outbox": []})).is_err());
        assert!(
            Desk::new("/nonexistent/desk.sock".into())
                .gateway()
                .is_err()
        );
    }
}
