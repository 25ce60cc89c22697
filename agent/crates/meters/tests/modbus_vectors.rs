//! Replays every Modbus conversation in `tests/vectors/modbus`, cut at every byte boundary.

#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test binary: the exemption for tests does not reach its helper functions"
)]

use std::fs;
use std::io;
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use line::{
    DataBits, GuardSettings, GuardedLine, Line, LineFault, LineSettings, LineTiming, Parity,
    StopBits,
};
use meters::modbus::{ReadAnswer, ReadFault, TransactionIds, read_registers, read_registers_tcp};
use meters::{Span, Table};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, ReadBuf};
use tokio::time::{Instant, sleep, sleep_until};

/// A conversation of one exchange.
#[derive(Debug, Clone, Default)]
struct Case {
    title: String,
    request: Vec<u8>,
    answers: Vec<Vec<u8>>,
    outcome: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Transport {
    Rtu,
    RtuOverTcp,
    Tcp,
}

fn cases(file: &str) -> Vec<Case> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/modbus");
    let text = fs::read_to_string(folder.join(file)).unwrap();
    let mut cases = Vec::new();
    let mut case = Case::default();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (mark, rest) = line.split_at_checked(2).unwrap();
        match mark {
            "# " => rest.clone_into(&mut case.title),
            "> " => case.request = hex(rest),
            "< " => case.answers.push(hex(rest)),
            "= " => {
                rest.clone_into(&mut case.outcome);
                cases.push(std::mem::take(&mut case));
            }
            _ => panic!("{file}: `{line}` begins with none of `# `, `> `, `< `, `= `"),
        }
    }
    assert!(!cases.is_empty(), "{file} holds no case");
    cases
}

fn hex(text: &str) -> Vec<u8> {
    let octets = text.split_whitespace();
    octets
        .map(|octet| u8::from_str_radix(octet, 16).unwrap())
        .collect()
}

/// The near end of the wire.
#[derive(Debug)]
struct Wire(DuplexStream);

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, octets)
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl Line for Wire {
    async fn set(&mut self, _: LineSettings) -> Result<(), LineFault> {
        Ok(())
    }

    async fn quiet_until(&mut self, until: Instant) {
        sleep_until(until).await;
    }
}

/// Plays the meter: takes the request, which must be this one, and sends the parts.
async fn meter(mut far: DuplexStream, request: Vec<u8>, parts: Vec<Vec<u8>>, title: String) {
    let mut heard = vec![0; request.len()];
    far.read_exact(&mut heard).await.unwrap();
    assert_eq!(heard, request, "{title}: request");
    sleep(Duration::from_millis(30)).await;
    for part in parts {
        far.write_all(&part).await.unwrap();
        sleep(Duration::from_millis(2)).await;
    }
    // The far end stays, or the port would be gone.
    sleep(Duration::from_secs(20)).await;
}

fn words(answer: &ReadAnswer) -> String {
    let words = answer.words.iter().map(|word| format!(" {word:04x}"));
    format!("words{}", words.collect::<String>())
}

fn told(outcome: &Result<ReadAnswer, ReadFault>) -> String {
    match outcome {
        Ok(answer) => words(answer),
        Err(ReadFault::Line(LineFault::Silent { .. })) => "silent".to_owned(),
        Err(ReadFault::Line(LineFault::Damaged { .. })) => "damaged".to_owned(),
        Err(ReadFault::Exception(exception)) => format!("refused: {exception}"),
        Err(other) => panic!("{other:?}"),
    }
}

async fn replay(transport: Transport, case: &Case, parts: Vec<Vec<u8>>) {
    let settings = LineSettings {
        baud: 9600,
        parity: Parity::Even,
        data_bits: DataBits::Eight,
        stop_bits: StopBits::One,
    };
    let timing = match transport {
        Transport::Rtu => LineTiming::serial(&settings, Duration::ZERO),
        Transport::RtuOverTcp => LineTiming::serial_server(&settings, Duration::ZERO),
        Transport::Tcp => LineTiming::stream(),
    };
    let (near, far) = tokio::io::duplex(1024);
    let mut guard = GuardedLine::new(Wire(near), timing, GuardSettings::default());
    let pdu = match transport {
        Transport::Tcp => &case.request[6..],
        _ => &case.request[..],
    };
    let span = Span {
        table: if pdu[1] == 3 {
            Table::Holding
        } else {
            Table::Input
        },
        address: u16::from_be_bytes([pdu[2], pdu[3]]),
        count: u16::from_be_bytes([pdu[4], pdu[5]]),
    };
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(meter(
        far,
        case.request.clone(),
        parts.clone(),
        case.title.clone(),
    ));
    let outcome = match transport {
        Transport::Tcp => {
            let mut ids = TransactionIds::default();
            read_registers_tcp(&mut guard, &mut ids, pdu[0], span, Duration::ZERO).await
        }
        _ => read_registers(&mut guard, pdu[0], span, Duration::ZERO).await,
    };
    assert_eq!(told(&outcome), case.outcome, "{}: {parts:02x?}", case.title);
    if let Ok(answer) = outcome {
        assert!(answer.arrived_at > answer.left_at);
    }
}

async fn replay_file(transport: Transport, file: &str) {
    for case in cases(file) {
        replay(transport, &case, case.answers.clone()).await;
        let whole = case.answers.concat();
        for cut in 1..whole.len() {
            let (first, second) = whole.split_at(cut);
            replay(transport, &case, vec![first.to_vec(), second.to_vec()]).await;
        }
        let singly = whole.chunks(1).map(<[u8]>::to_vec).collect();
        replay(transport, &case, singly).await;
    }
}

#[tokio::test(start_paused = true)]
async fn rtu_reads() {
    replay_file(Transport::Rtu, "rtu_reads.txt").await;
}

#[tokio::test(start_paused = true)]
async fn rtu_exceptions() {
    replay_file(Transport::Rtu, "rtu_exceptions.txt").await;
}

#[tokio::test(start_paused = true)]
async fn rtu_troubles() {
    replay_file(Transport::Rtu, "rtu_troubles.txt").await;
}

#[tokio::test(start_paused = true)]
async fn rtu_over_tcp() {
    for file in ["rtu_reads.txt", "rtu_exceptions.txt", "rtu_troubles.txt"] {
        replay_file(Transport::RtuOverTcp, file).await;
    }
}

#[tokio::test(start_paused = true)]
async fn modbus_tcp() {
    replay_file(Transport::Tcp, "tcp.txt").await;
}

#[tokio::test(start_paused = true)]
async fn what_no_request_can_ask_for_is_not_sent() {
    let (near, _far) = tokio::io::duplex(64);
    let mut guard = GuardedLine::new(Wire(near), LineTiming::stream(), GuardSettings::default());
    for (unit, address, count) in [
        (0, 0, 1),
        (248, 0, 1),
        (1, 0, 0),
        (1, 0, 126),
        (1, 0xffff, 2),
    ] {
        let span = Span {
            table: Table::Holding,
            address,
            count,
        };
        let outcome = read_registers(&mut guard, unit, span, Duration::ZERO).await;
        assert!(
            matches!(outcome, Err(ReadFault::Unreadable { .. })),
            "{outcome:?}"
        );
    }
    assert_eq!(guard.counters().requests, 0);
}

#[tokio::test(start_paused = true)]
async fn a_late_modbus_tcp_answer_is_recognised_by_its_number_and_teaches() {
    let (near, mut far) = tokio::io::duplex(1024);
    let mut guard = GuardedLine::new(Wire(near), LineTiming::stream(), GuardSettings::default());
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(async move {
        // Answers each request 400 ms later, with its own number as the value; 300 are waited for.
        loop {
            let mut asked = [0; 12];
            if far.read_exact(&mut asked).await.is_err() {
                return;
            }
            sleep(Duration::from_millis(400)).await;
            let [high, low, ..] = asked;
            let answer = [high, low, 0, 0, 0, 5, 7, 3, 2, high, low];
            far.write_all(&answer).await.unwrap();
        }
    });
    let mut ids = TransactionIds::default();
    let span = Span {
        table: Table::Holding,
        address: 0,
        count: 1,
    };
    for number in 1..6 {
        let outcome = read_registers_tcp(&mut guard, &mut ids, 7, span, Duration::ZERO).await;
        let expected = if number == 1 {
            "silent".to_owned()
        } else {
            format!("words {number:04x}")
        };
        assert_eq!(told(&outcome), expected);
    }
    assert_eq!(guard.counters().late_frames, 1);
}

#[tokio::test(start_paused = true)]
async fn an_unplugged_port_ends_a_read_at_once() {
    let (near, far) = tokio::io::duplex(64);
    drop(far);
    let mut guard = GuardedLine::new(Wire(near), LineTiming::stream(), GuardSettings::default());
    let span = Span {
        table: Table::Holding,
        address: 0,
        count: 1,
    };
    let begun = Instant::now();
    let outcome = read_registers(&mut guard, 1, span, Duration::ZERO).await;
    assert!(
        matches!(outcome, Err(ReadFault::Line(LineFault::Gone(_)))),
        "{outcome:?}"
    );
    assert!(begun.elapsed() < Duration::from_millis(10));
}
