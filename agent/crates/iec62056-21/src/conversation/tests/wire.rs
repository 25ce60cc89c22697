//! A wire in memory, under paused time, with a scripted meter at its other end.

use std::collections::BTreeMap;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use line::{
    DataBits, GuardSettings, GuardedLine, Line, LineFault, LineSettings, LineTiming, Parity,
    StopBits,
};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, ReadBuf};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use super::meter::Meter;
use crate::codec::{Extent, parity, request_extent};

pub(super) const MS: Duration = Duration::from_millis(1);

pub(super) fn settings(baud: u32) -> LineSettings {
    LineSettings {
        baud,
        parity: Parity::Even,
        data_bits: DataBits::Seven,
        stop_bits: StopBits::One,
    }
}

/// What the wire carries after a request: octets, and when the first of them begins, counted from
/// the moment the request has left.
pub(super) type Plays = Vec<(Duration, Vec<u8>)>;

/// Makes trouble of the answers to the request of this number.
pub(super) type Trouble = Box<dyn FnMut(usize, &[u8], Plays) -> Plays + Send>;

/// How the wire is.
pub(super) struct Manner {
    pub(super) echo: bool,
    pub(super) software_parity: bool,
    pub(super) trouble: Trouble,
    /// Whether the meter does not hear the request of this number.
    pub(super) is_deaf: Box<dyn FnMut(usize) -> bool + Send>,
    /// The second of two messages comes at this speed.
    pub(super) speed_of_second: Option<u32>,
}

impl Default for Manner {
    fn default() -> Self {
        Self {
            echo: false,
            software_parity: false,
            trouble: Box::new(|_, _, plays| plays),
            is_deaf: Box::new(|_| false),
            speed_of_second: None,
        }
    }
}

/// The line's near end.
#[derive(Debug)]
pub(super) struct TestLine {
    near: DuplexStream,
    now: Arc<Mutex<LineSettings>>,
    /// What it was set to.
    pub(super) set: Vec<u32>,
    sent_until: Instant,
}

impl TestLine {
    pub(super) fn new(near: DuplexStream) -> Self {
        Self {
            near,
            now: Arc::new(Mutex::new(settings(9600))),
            set: Vec::new(),
            sent_until: Instant::now(),
        }
    }
}

impl AsyncRead for TestLine {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.near).poll_read(cx, buffer)
    }
}

impl AsyncWrite for TestLine {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        let count = u32::try_from(octets.len()).unwrap();
        let character = self.now.lock().unwrap().character_time();
        self.sent_until = Instant::now() + character * count;
        Pin::new(&mut self.near).poll_write(cx, octets)
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        panic!("the guard never flushes")
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        panic!("the guard does not close the line")
    }
}

impl Line for TestLine {
    async fn set(&mut self, settings: LineSettings) -> Result<(), LineFault> {
        sleep_until(self.sent_until).await;
        *self.now.lock().unwrap() = settings;
        self.set.push(settings.baud);
        Ok(())
    }

    async fn quiet_until(&mut self, until: Instant) {
        sleep_until(until).await;
    }
}

/// A wire and its meter.
pub(super) struct Wire {
    pub(super) guard: GuardedLine<TestLine>,
    pub(super) meter: Arc<Mutex<Meter>>,
    /// Octets that passed, both ways.
    pub(super) carried: Arc<Mutex<usize>>,
    _far: JoinSet<()>,
}

impl Wire {
    pub(super) fn new(meter: Meter, manner: Manner) -> Self {
        let (near, far) = tokio::io::duplex(64 * 1024);
        let now = Arc::new(Mutex::new(settings(meter.speed)));
        let meter = Arc::new(Mutex::new(meter));
        let carried = Arc::new(Mutex::new(0));
        let mut tasks = JoinSet::new();
        let end = FarEnd {
            far,
            now: Arc::clone(&now),
            meter: Arc::clone(&meter),
            manner,
            carried: Arc::clone(&carried),
            ahead: BTreeMap::new(),
            played: 0,
            asked: 0,
            free_at: Instant::now(),
        };
        tasks.spawn(end.run());
        let timing = LineTiming::serial(&now.lock().unwrap(), Duration::ZERO);
        let line = TestLine {
            near,
            now,
            set: Vec::new(),
            sent_until: Instant::now(),
        };
        let guard = GuardedLine::new(line, timing, GuardSettings::default());
        Self {
            guard,
            meter,
            carried,
            _far: tasks,
        }
    }

    /// What the meter was asked, in words.
    pub(super) fn log(&self) -> Vec<String> {
        self.meter.lock().unwrap().log.clone()
    }
}

struct FarEnd {
    far: DuplexStream,
    now: Arc<Mutex<LineSettings>>,
    meter: Arc<Mutex<Meter>>,
    manner: Manner,
    carried: Arc<Mutex<usize>>,
    /// Octets, and the speed they are sent with.
    ahead: BTreeMap<(Instant, usize), (u8, u32)>,
    played: usize,
    asked: usize,
    /// A meter sends one thing after the other.
    free_at: Instant,
}

impl FarEnd {
    async fn run(mut self) {
        let mut heard = Vec::new();
        loop {
            let next = self.ahead.keys().next().copied();
            let mut chunk = [0; 256];
            tokio::select! {
                read = self.far.read(&mut chunk) => match read {
                    Ok(0) | Err(_) => return,
                    Ok(count) => self.hear(&mut heard, &chunk[..count]),
                },
                () = sleep_until(next.map_or_else(Instant::now, |(at, _)| at)), if next.is_some() => {
                    while let Some(entry) = self.ahead.first_entry() {
                        if entry.key().0 > Instant::now() {
                            break;
                        }
                        let (octet, speed) = entry.remove();
                        let fits = self.now.lock().unwrap().baud == speed;
                        let octet = if fits { octet } else { octet.rotate_left(3) ^ 0x91 };
                        if self.far.write_all(&[octet]).await.is_err() {
                            return;
                        }
                    }
                }
            }
        }
    }

    fn character(&self) -> Duration {
        self.now.lock().unwrap().character_time()
    }

    fn play(&mut self, start: Instant, octets: &[u8], speed: u32) {
        let character = settings(speed).character_time();
        for (octet, count) in octets.iter().zip(1..) {
            self.played += 1;
            let at = start + character * count;
            self.ahead.insert((at, self.played), (*octet, speed));
        }
        *self.carried.lock().unwrap() += octets.len();
    }

    fn hear(&mut self, heard: &mut Vec<u8>, chunk: &[u8]) {
        let begun = Instant::now();
        let left_at = begun + self.character() * u32::try_from(chunk.len()).unwrap();
        *self.carried.lock().unwrap() += chunk.len();
        if self.manner.echo {
            let speed = self.now.lock().unwrap().baud;
            self.play(begun, chunk, speed);
        }
        let seven = if self.manner.software_parity {
            parity::receive(chunk)
        } else {
            chunk.to_vec()
        };
        let meter = Arc::clone(&self.meter);
        let mut meter = meter.lock().unwrap();
        if self.now.lock().unwrap().baud != meter.speed {
            // Not one octet arrives as it was sent.
            return;
        }
        heard.extend(seven);
        while !heard.is_empty() {
            let len = match request_extent(heard, meter.stage()) {
                Extent::Whole(len) => len,
                Extent::Begun => return,
                Extent::Other => {
                    heard.remove(0);
                    continue;
                }
            };
            let request: Vec<u8> = heard.drain(..len).collect();
            self.asked += 1;
            if (self.manner.is_deaf)(self.asked) {
                continue;
            }
            let plays = meter.hear(&request);
            let plays = (self.manner.trouble)(self.asked, &request, plays);
            if let Some(speed) = meter.next_speed.take() {
                meter.speed = speed;
            }
            for (place, (after, mut octets)) in plays.into_iter().enumerate() {
                let second = self.manner.speed_of_second.filter(|_| place > 0);
                let speed = second.unwrap_or(meter.speed);
                if self.manner.software_parity && !meter.is_streaming {
                    octets = parity::send(&octets);
                }
                let start = (left_at + after).max(self.free_at);
                let count = u32::try_from(octets.len()).unwrap();
                self.free_at = start + settings(speed).character_time() * count;
                self.play(start, &octets, speed);
            }
            meter.is_streaming = false;
            if let Some(speed) = meter.speed_behind.take() {
                meter.speed = speed;
            }
        }
    }
}
