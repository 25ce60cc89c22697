//! The gateway on this machine, over its unix socket.

use desk::{Answer, Caller, GatewayDesk, KeyText, LINE_BYTES_MAX, Refusal, Request, SignedIn};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::time::timeout;
use zeroize::Zeroizing;

/// Where the gateway listens.
pub const SOCKET: &str = "/run/pmu/desk.sock";

/// The desk behind a unix socket. Each question has a connection of its own.
#[derive(Debug, Clone)]
pub struct LocalDesk {
    socket: PathBuf,
    wait: Duration,
    session: Option<KeyText>,
}

impl LocalDesk {
    /// The desk at `socket`, whose answers are waited for this long.
    pub fn new(socket: &Path, wait: Duration) -> Self {
        Self {
            socket: socket.to_owned(),
            wait,
            session: None,
        }
    }

    /// The same desk, asked by somebody who is signed in.
    pub fn signed_in(self, session: Option<KeyText>) -> Self {
        Self { session, ..self }
    }

    async fn exchange(&self, request: &Request) -> Result<Answer, Refusal> {
        // It may be an import of keys.
        let line = desk::encode(request)
            .map(Zeroizing::new)
            .map_err(|error| Refusal {
                problem: error.to_string(),
                remedy: "use shorter names".to_owned(),
            })?;
        let stream = UnixStream::connect(&self.socket).await;
        let stream = stream.map_err(|error| self.absent(&error))?;
        let answer = timeout(self.wait, converse(stream, &line))
            .await
            .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
        let answer = answer.map_err(|error| self.broken(&error))?;
        desk::decode(&answer).unwrap_or_else(|error| {
            Err(Refusal {
                problem: format!("the gateway's answer cannot be read: {error}"),
                remedy: "use the pmuctl of the same version as the gateway".to_owned(),
            })
        })
    }

    fn absent(&self, error: &io::Error) -> Refusal {
        let remedy = if error.kind() == io::ErrorKind::PermissionDenied {
            "join the group (`usermod -aG pmu NAME`) and sign in again"
        } else {
            "start it (`systemctl start pmu-agent`), or name its socket with --socket"
        };
        let socket = self.socket.display();
        Refusal {
            problem: format!(
                "the gateway does not run here, or you are not in group pmu: {socket}: {error}"
            ),
            remedy: remedy.to_owned(),
        }
    }

    fn broken(&self, error: &io::Error) -> Refusal {
        let problem = match error.kind() {
            io::ErrorKind::TimedOut => {
                format!(
                    "the gateway did not answer within {} s",
                    self.wait.as_secs()
                )
            }
            io::ErrorKind::UnexpectedEof => "the gateway hung up without an answer".to_owned(),
            _ => format!("the gateway cannot be asked: {error}"),
        };
        let remedy = "look at its log (`journalctl -u pmu-agent`), then ask again";
        Refusal {
            problem,
            remedy: remedy.to_owned(),
        }
    }
}

impl GatewayDesk for LocalDesk {
    /// The kernel tells the gateway who calls; `caller` is not sent.
    async fn ask(&self, _: Caller, request: Request) -> Result<Answer, Refusal> {
        let is_bare = !matches!(request, Request::As(_));
        match self.session.clone().filter(|_| is_bare) {
            Some(session) => {
                let signed = SignedIn {
                    session,
                    second: None,
                    request: Box::new(request),
                };
                self.exchange(&Request::As(signed)).await
            }
            None => self.exchange(&request).await,
        }
    }
}

async fn converse(mut stream: UnixStream, line: &[u8]) -> io::Result<Vec<u8>> {
    stream.write_all(line).await?;
    let limit = u64::try_from(LINE_BYTES_MAX).unwrap_or(u64::MAX);
    let mut answer = Vec::new();
    BufReader::new(stream.take(limit.saturating_add(1)))
        .read_until(b'\n', &mut answer)
        .await?;
    if answer.last() != Some(&b'\n') {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(answer)
}
