//! A wire in memory, at 9600 baud, with whatever meter a test needs at its other end.

use std::collections::BTreeMap;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, ReadBuf};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use crate::{
    DataBits, Find, GuardSettings, GuardedLine, Line, LineFault, LineSettings, LineTiming, Parity,
    Pattern, Peer, Shape, StopBits, search,
};

pub(crate) const MS: Duration = Duration::from_millis(1);
pub(crate) const REQUEST_OCTETS: usize = 8;

pub(crate) fn settings() -> LineSettings {
    LineSettings {
        baud: 9600,
        parity: Parity::None,
        data_bits: DataBits::Eight,
        stop_bits: StopBits::One,
    }
}

pub(crate) fn timing() -> LineTiming {
    LineTiming::serial(&settings(), Duration::ZERO)
}

/// What the wire carries after a request: octets, and when the first of them begins, counted
/// from the moment the request has left.
pub(crate) type Plays = Vec<(Duration, Vec<u8>)>;

/// The line's near end.
#[derive(Debug)]
pub(crate) struct TestLine {
    near: DuplexStream,
    /// Reads that brought something.
    pub(crate) looks: usize,
    /// What it was set to, and when.
    pub(crate) set: Vec<(Instant, LineSettings)>,
}

impl TestLine {
    pub(crate) fn new(near: DuplexStream) -> Self {
        Self {
            near,
            looks: 0,
            set: Vec::new(),
        }
    }
}

impl AsyncRead for TestLine {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.near).poll_read(cx, buffer);
        self.looks += usize::from(!buffer.filled().is_empty());
        read
    }
}

impl AsyncWrite for TestLine {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.near).poll_write(cx, octets)
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        panic!("the guard must never flush: it would block the thread")
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        panic!("the guard does not close the line")
    }
}

impl Line for TestLine {
    async fn set(&mut self, settings: LineSettings) -> Result<(), LineFault> {
        self.set.push((Instant::now(), settings));
        Ok(())
    }

    async fn quiet_until(&mut self, until: Instant) {
        sleep_until(until).await;
    }
}

/// The wire of a test; its far end lives as long as this.
pub(crate) struct Wire {
    pub(crate) guard: GuardedLine<TestLine>,
    _far: JoinSet<()>,
}

/// What happens when octets meet on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Meeting {
    /// A meter sends one thing after the other.
    Queue,
    /// Octets of several senders mix.
    Collide,
}

/// A wire with a meter, which says what comes after each request.
pub(crate) fn wire(
    echo: bool,
    meter: impl FnMut(Instant, &[u8]) -> Plays + Send + 'static,
) -> Wire {
    wire_where_octets(Meeting::Queue, echo, meter)
}

pub(crate) fn wire_where_octets(
    meeting: Meeting,
    echo: bool,
    meter: impl FnMut(Instant, &[u8]) -> Plays + Send + 'static,
) -> Wire {
    let (near, far) = tokio::io::duplex(4096);
    let mut tasks = JoinSet::new();
    tasks.spawn(run(far, meeting, echo, meter));
    let guard = GuardedLine::new(TestLine::new(near), timing(), GuardSettings::default());
    Wire { guard, _far: tasks }
}

async fn run(
    mut far: DuplexStream,
    meeting: Meeting,
    echo: bool,
    mut meter: impl FnMut(Instant, &[u8]) -> Plays,
) {
    let character = settings().character_time();
    let mut ahead: BTreeMap<(Instant, usize), u8> = BTreeMap::new();
    let mut request = Vec::new();
    let mut played = 0;
    loop {
        let next = ahead.keys().next().copied();
        let mut chunk = [0; 64];
        tokio::select! {
            read = far.read(&mut chunk) => match read {
                Ok(0) | Err(_) => return,
                Ok(count) => request.extend_from_slice(&chunk[..count]),
            },
            () = sleep_until(next.map_or_else(Instant::now, |(at, _)| at)), if next.is_some() => {
                // A real UART hands over what is complete, one octet after the other.
                while let Some(entry) = ahead.first_entry() {
                    if entry.key().0 > Instant::now() {
                        break;
                    }
                    if far.write_all(&[entry.remove()]).await.is_err() {
                        return;
                    }
                }
            }
        }
        while request.len() >= REQUEST_OCTETS {
            let one: Vec<u8> = request.drain(..REQUEST_OCTETS).collect();
            let begun = Instant::now();
            let left_at = begun + timing().request_time(REQUEST_OCTETS);
            let mut play = |ahead: &mut BTreeMap<_, _>, start: Instant, octets: &[u8]| {
                for (octet, count) in octets.iter().zip(1..) {
                    played += 1;
                    ahead.insert((start + character * count, played), *octet);
                }
            };
            if echo {
                play(&mut ahead, begun, &one);
            }
            for (after, octets) in meter(left_at, &one) {
                let mut start = left_at + after;
                let last = ahead.keys().next_back().map(|(at, _)| *at);
                if let Some(last) = last.filter(|last| *last > start && meeting == Meeting::Queue) {
                    start = last;
                }
                play(&mut ahead, start, &octets);
            }
        }
    }
}

/// A request for `count` words: unit, 3, number of the request, count, and a sum.
pub(crate) fn request(unit: u8, number: u16, count: u8) -> Vec<u8> {
    let [high, low] = number.to_be_bytes();
    summed(vec![unit, 3, high, low, 0, count])
}

/// The answer of the meter: each word is the number of the request.
pub(crate) fn answer(request: &[u8]) -> Vec<u8> {
    let &[unit, function, high, low, _, count, ..] = request else {
        panic!("a request has eight octets")
    };
    let mut octets = vec![unit, function, count * 2];
    for _ in 0..count {
        octets.extend([high, low]);
    }
    summed(octets)
}

pub(crate) fn summed(mut octets: Vec<u8>) -> Vec<u8> {
    let sum = sum(&octets);
    octets.extend(sum.to_le_bytes());
    octets
}

/// Not a plain sum, which zeros would pass.
fn sum(octets: &[u8]) -> u16 {
    octets.iter().fold(0xffff, |sum: u16, octet| {
        sum.rotate_left(5) ^ u16::from(*octet).wrapping_mul(0x9e37)
    })
}

/// The answer of so many words by this unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Words {
    pub(crate) unit: u8,
    pub(crate) count: u8,
}

impl Pattern for Words {
    fn find(&self, heard: &[u8]) -> Find {
        let header = [self.unit, 3, self.count * 2];
        let len = self.longest();
        search(heard, |rest| {
            let known = rest.len().min(header.len());
            if rest[..known] != header[..known] {
                return Shape::Other;
            }
            match rest
                .get(..len)
                .and_then(|frame| frame.split_last_chunk::<2>())
            {
                None => Shape::Begun,
                Some((body, found)) if sum(body).to_le_bytes() == *found => Shape::Whole(len),
                Some(_) => Shape::Damaged(len),
            }
        })
    }

    fn longest(&self) -> usize {
        5 + usize::from(self.count) * 2
    }

    fn missing(&self, heard: &[u8]) -> usize {
        match heard {
            [unit, 3, octets, ..] if *unit == self.unit && *octets == self.count * 2 => {
                self.longest().saturating_sub(heard.len())
            }
            _ => 0,
        }
    }
}

impl Wire {
    /// Asks once; the words that came, or the fault.
    pub(crate) async fn ask(
        &mut self,
        unit: u8,
        number: u16,
        count: u8,
    ) -> Result<Vec<u16>, LineFault> {
        let pattern = Arc::new(Words { unit, count });
        let octets = request(unit, number, count);
        let peer = Peer(unit.into());
        let answer = self
            .guard
            .exchange(peer, Duration::ZERO, &octets, pattern)
            .await?;
        let data = &answer.bytes[3..answer.bytes.len() - 2];
        Ok(data
            .chunks(2)
            .map(|word| u16::from_be_bytes([word[0], word[1]]))
            .collect())
    }
}
