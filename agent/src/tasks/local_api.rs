//! The local sockets: one for people (`pmuctl`), one for metrics.
//!
//! Who may connect is decided by the socket's group and mode; who did is known from the kernel.

use crate::adapters::local_socket::LocalSocket;
use crate::front::Front;
use crate::health::Pulse;
use crate::limits::LOCAL_CALLERS_MAX;
use desk::{Answer, Caller, GatewayDesk, Refusal, Request};
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use zeroize::Zeroizing;

/// A caller who says nothing for this long is let go.
const IDLE_MAX: Duration = Duration::from_mins(5);
const LOOK_EVERY: Duration = Duration::from_secs(5);
const REQUEST_BYTES_MAX: usize = 64 * 1024;
/// An import of keys fits into this, so that it is never moved while it grows.
const LINE_ROOM: usize = 4096;
const METRICS_WITHIN: Duration = Duration::from_secs(5);

/// What a caller talks through.
trait Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> Stream for S {}

/// Why the task woke up.
enum Wake<P, M> {
    Shutdown,
    Person(P, Caller),
    Metrics(M),
    /// A sign of life is due, or a caller may have gone.
    Tick,
}

/// The task.
pub struct LocalApi {
    people: LocalSocket,
    metrics: LocalSocket,
    front: Arc<Front>,
    shutdown: CancellationToken,
    pulse: Pulse,
}

impl LocalApi {
    /// Opens `desk.sock` and `metrics.sock` in `folder`.
    pub fn open(
        folder: &Path,
        front: Arc<Front>,
        shutdown: CancellationToken,
        pulse: Pulse,
    ) -> io::Result<Self> {
        let people = LocalSocket::listen(&folder.join("desk.sock"))?;
        let metrics = LocalSocket::listen(&folder.join("metrics.sock"))?;
        Ok(Self {
            people,
            metrics,
            front,
            shutdown,
            pulse,
        })
    }

    /// Serves both sockets until shutdown.
    pub async fn run(self) {
        let mut callers = JoinSet::new();
        loop {
            self.pulse.beat();
            while callers.try_join_next().is_some() {}
            let front = Arc::clone(&self.front);
            match self.wait(callers.len() < LOCAL_CALLERS_MAX).await {
                Wake::Shutdown => return,
                Wake::Person(stream, caller) => {
                    callers.spawn(serve(stream, caller, front));
                }
                Wake::Metrics(stream) => {
                    callers.spawn(serve_metrics(stream, front));
                }
                Wake::Tick => {}
            }
        }
    }

    async fn wait(&self, has_room: bool) -> Wake<impl Stream, impl Stream> {
        tokio::select! {
            biased;
            () = self.shutdown.cancelled() => Wake::Shutdown,
            Ok((stream, caller)) = self.people.accept(), if has_room => Wake::Person(stream, caller),
            Ok((stream, _)) = self.metrics.accept(), if has_room => Wake::Metrics(stream),
            () = sleep(LOOK_EVERY) => Wake::Tick,
        }
    }
}

async fn serve(stream: impl Stream, caller: Caller, front: Arc<Front>) {
    if let Err(error) = converse(stream, caller, &front).await {
        log::debug!(error:%; "a local caller was let go");
    }
}

async fn converse(stream: impl Stream, caller: Caller, front: &Front) -> io::Result<()> {
    let (reader, mut writer) = tokio::io::split(stream);
    let mut lines = Lines::of(reader);
    loop {
        let line = timeout(IDLE_MAX, lines.next()).await??;
        if line.is_empty() {
            return Ok(());
        }
        let answer = match desk::decode::<Request>(&line) {
            Ok(request) => front.ask(caller, request).await,
            Err(error) => Err(Refusal {
                problem: error.to_string(),
                remedy: "use the pmuctl of the same version".to_owned(),
            }),
        };
        writer.write_all(&wire(&answer)).await?;
    }
}

/// The lines of a caller. They may hold keys of meters: what was read is overwritten, which a reader
/// with a buffer of its own would not do.
struct Lines<R> {
    reader: R,
    read: Zeroizing<Vec<u8>>,
}

impl<R: AsyncRead + Unpin> Lines<R> {
    fn of(reader: R) -> Self {
        let read = Zeroizing::new(Vec::with_capacity(LINE_ROOM));
        Self { reader, read }
    }

    /// The next line with its end, or what there is of it at the end or at the limit; nothing at
    /// the end.
    async fn next(&mut self) -> io::Result<Zeroizing<Vec<u8>>> {
        loop {
            let end = self.read.iter().position(|octet| *octet == b'\n');
            let most = self.read.len().min(REQUEST_BYTES_MAX);
            let take = match end {
                Some(end) => end + 1,
                None if most == REQUEST_BYTES_MAX => most,
                None if self.reader.read_buf(&mut *self.read).await? == 0 => most,
                None => continue,
            };
            let mut rest = Zeroizing::new(Vec::with_capacity(LINE_ROOM));
            rest.extend_from_slice(self.read.get(take..).unwrap_or_default());
            let mut line = std::mem::replace(&mut self.read, rest);
            line.truncate(take);
            return Ok(line);
        }
    }
}

fn wire(answer: &Result<Answer, Refusal>) -> Vec<u8> {
    desk::encode(answer).unwrap_or_else(|error| {
        let refusal: Result<Answer, Refusal> = Err(Refusal {
            problem: error.to_string(),
            remedy: "ask for a shorter time".to_owned(),
        });
        desk::encode(&refusal).unwrap_or_default()
    })
}

async fn serve_metrics(stream: impl Stream, front: Arc<Front>) {
    match timeout(METRICS_WITHIN, answer_metrics(stream, &front)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => log::debug!(error:%; "metrics could not be handed out"),
        Err(_) => log::debug!("whoever asked for metrics did not listen"),
    }
}

/// Enough HTTP for `curl --unix-socket` and for a scraper: whatever is asked, metrics are given.
async fn answer_metrics(mut stream: impl Stream, front: &Front) -> io::Result<()> {
    let mut asked = [0_u8; 4096];
    let mut length = 0;
    while let Some(room) = asked.get_mut(length..).filter(|room| !room.is_empty()) {
        let got = stream.read(room).await?;
        length += got;
        let so_far = asked.get(..length).unwrap_or_default();
        if got == 0 || so_far.windows(4).any(|end| end == b"\r\n\r\n") {
            break;
        }
    }
    let body = front.metrics().await;
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/openmetrics-text; version=1.0.0; \
         charset=utf-8\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(body.as_bytes()).await?;
    stream.shutdown().await
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn lines_of(said: &[u8]) -> Vec<Vec<u8>> {
        let mut lines = Lines::of(said);
        let mut all = Vec::new();
        loop {
            let line = lines.next().await.unwrap();
            if line.is_empty() {
                return all;
            }
            all.push(line.to_vec());
        }
    }

    #[tokio::test]
    async fn lines_are_taken_one_by_one_and_none_is_longer_than_the_limit() {
        let lines = lines_of(b"one\n\ntwo\nthree").await;
        assert_eq!(lines, [&b"one\n"[..], b"\n", b"two\n", b"three"]);
        assert!(lines_of(b"").await.is_empty());
        let endless = vec![b'x'; 3 * REQUEST_BYTES_MAX + 1];
        let lines = lines_of(&endless).await;
        let most = lines.iter().map(Vec::len).max();
        assert_eq!(most, Some(REQUEST_BYTES_MAX));
        assert_eq!(lines.concat(), endless);
    }
}
