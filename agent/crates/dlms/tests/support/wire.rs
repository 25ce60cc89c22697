//! A wire in memory, under virtual time, with a meter at its far end and troubles on the way.

use std::collections::BTreeMap;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use dlms::hdlc::Address;
use dlms::meter::{Device, LinkSettings, Station, WrapperServer};
use line::{
    DataBits, GuardSettings, GuardedLine, Line, LineFault, LineSettings, LineTiming, Parity,
    StopBits,
};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, ReadBuf};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use super::meter::{self, TestStore};

/// What the wire plays, and how long after the request: may be changed, doubled, left out.
pub(crate) type Plays = Vec<(Duration, Vec<u8>)>;

/// Changes what the meter says to the request of this number.
pub(crate) type Trouble = Box<dyn FnMut(usize, Plays) -> Plays + Send>;

/// Whether the meter does not hear the request of this number.
pub(crate) type Deaf = Box<dyn FnMut(usize) -> bool + Send>;

/// What answers a message with a message.
pub(crate) type Answering = Box<dyn FnMut(&[u8]) -> Vec<u8> + Send>;

/// The meter at the far end.
pub(crate) enum Far {
    Hdlc(Station<TestStore>),
    Wrapper(WrapperServer, Device<TestStore>),
    /// Any other program that answers a message with a message.
    Other(Answering),
}

impl Far {
    pub(crate) fn hdlc(octets: u16) -> Self {
        let settings = LinkSettings {
            parameters: meter::wide(),
            ..LinkSettings::new(address())
        };
        Self::Hdlc(Station::new(settings, meter::device(octets)))
    }

    pub(crate) fn wrapper(octets: u16) -> Self {
        Self::Wrapper(WrapperServer::new(1), meter::device(octets))
    }

    fn hear(&mut self, octets: &[u8], at: Duration) -> Plays {
        match self {
            Self::Hdlc(station) => octets
                .iter()
                .filter_map(|octet| station.hear(*octet, at))
                .map(|said| (said.after, said.octets))
                .collect(),
            Self::Wrapper(server, device) => {
                let said = server.hear(device, octets, at).unwrap_or_default();
                vec![(Duration::from_millis(20), said)]
            }
            Self::Other(answer) => vec![(Duration::from_millis(20), answer(octets))],
        }
    }

    pub(crate) fn device(&mut self) -> &mut Device<TestStore> {
        match self {
            Self::Hdlc(station) => station.device_mut(),
            Self::Wrapper(_, device) => device,
            Self::Other(_) => panic!("it is not our meter"),
        }
    }
}

pub(crate) fn address() -> Address {
    Address::two(1, 17).unwrap()
}

pub(crate) fn settings() -> LineSettings {
    LineSettings {
        baud: 9600,
        parity: Parity::None,
        data_bits: DataBits::Eight,
        stop_bits: StopBits::One,
    }
}

/// The near end.
#[derive(Debug)]
pub(crate) struct TestLine {
    stream: DuplexStream,
    /// The speeds that it was set to, in order.
    pub(crate) set: Vec<u32>,
}

impl AsyncRead for TestLine {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for TestLine {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, octets)
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl Line for TestLine {
    async fn set(&mut self, settings: LineSettings) -> Result<(), LineFault> {
        self.set.push(settings.baud);
        Ok(())
    }

    async fn quiet_until(&mut self, until: Instant) {
        sleep_until(until).await;
    }
}

/// A wire and what is at its far end.
pub(crate) struct Wire {
    pub(crate) guard: GuardedLine<TestLine>,
    pub(crate) far: Arc<Mutex<Far>>,
    /// What this side sent, request by request.
    pub(crate) asked: Arc<Mutex<Vec<Vec<u8>>>>,
    _task: JoinSet<()>,
}

impl Wire {
    pub(crate) fn new(far: Far) -> Self {
        Self::with(far, Box::new(|_, plays| plays), Box::new(|_| false))
    }

    /// What is said later comes later, as on every line and connection.
    pub(crate) fn with(far: Far, trouble: Trouble, deaf: Deaf) -> Self {
        Self::build(far, trouble, deaf, true)
    }

    /// A wire such as there is none: a late frame is overtaken by others.
    pub(crate) fn disordered(far: Far, trouble: Trouble, deaf: Deaf) -> Self {
        Self::build(far, trouble, deaf, false)
    }

    fn build(far: Far, trouble: Trouble, deaf: Deaf, is_ordered: bool) -> Self {
        let (near, wire) = tokio::io::duplex(256 * 1024);
        let timing = match far {
            Far::Hdlc(_) => LineTiming::serial(&settings(), Duration::ZERO),
            Far::Wrapper(..) | Far::Other(_) => LineTiming::stream(),
        };
        let is_serial = matches!(far, Far::Hdlc(_));
        let far = Arc::new(Mutex::new(far));
        let asked = Arc::new(Mutex::new(Vec::new()));
        let mut task = JoinSet::new();
        let end = FarEnd {
            wire,
            far: Arc::clone(&far),
            asked: Arc::clone(&asked),
            trouble,
            deaf,
            is_serial,
            is_ordered,
            free_at: Instant::now(),
            ahead: BTreeMap::new(),
            played: 0,
            began: Instant::now(),
        };
        task.spawn(end.run());
        let near = TestLine {
            stream: near,
            set: Vec::new(),
        };
        Self {
            guard: GuardedLine::new(near, timing, GuardSettings::default()),
            far,
            asked,
            _task: task,
        }
    }

    pub(crate) fn log(&self) -> Vec<String> {
        self.far.lock().unwrap().device().store().log.clone()
    }
}

struct FarEnd {
    wire: DuplexStream,
    far: Arc<Mutex<Far>>,
    asked: Arc<Mutex<Vec<Vec<u8>>>>,
    trouble: Trouble,
    deaf: Deaf,
    is_serial: bool,
    is_ordered: bool,
    /// When the last of what was said will have arrived.
    free_at: Instant,
    /// Pieces of what is said, by when they arrive.
    ahead: BTreeMap<(Instant, usize), Vec<u8>>,
    played: usize,
    began: Instant,
}

impl FarEnd {
    async fn run(mut self) {
        let mut chunk = vec![0; 64 * 1024];
        loop {
            let next = self.ahead.keys().next().copied();
            tokio::select! {
                read = self.wire.read(&mut chunk) => match read {
                    Ok(0) | Err(_) => return,
                    Ok(count) => self.hear(&chunk[..count]),
                },
                () = sleep_until(next.map_or_else(Instant::now, |(at, _)| at)), if next.is_some() => {
                    let Some((_, octets)) = self.ahead.pop_first() else { continue };
                    if self.wire.write_all(&octets).await.is_err() {
                        return;
                    }
                }
            }
        }
    }

    fn time(&self, octets: usize) -> Duration {
        if self.is_serial {
            settings().character_time() * u32::try_from(octets).unwrap()
        } else {
            Duration::ZERO
        }
    }

    fn hear(&mut self, octets: &[u8]) {
        let number = {
            let mut asked = self.asked.lock().unwrap();
            asked.push(octets.to_vec());
            asked.len()
        };
        if (self.deaf)(number) {
            return;
        }
        let left_at = Instant::now() + self.time(octets.len());
        let at = left_at.duration_since(self.began);
        let plays = self.far.lock().unwrap().hear(octets, at);
        for (after, octets) in (self.trouble)(number, plays) {
            let mut arrives = left_at + after;
            if self.is_ordered {
                arrives = arrives.max(self.free_at);
            }
            // In pieces, as adapters and networks pass them on.
            for piece in octets.chunks(37) {
                arrives += self.time(piece.len());
                self.played += 1;
                self.ahead.insert((arrives, self.played), piece.to_vec());
            }
            self.free_at = self.free_at.max(arrives);
        }
    }
}
