//! The gateway on this machine, over its unix socket.

use desk::{Answer, Caller, GatewayDesk, LINE_BYTES_MAX, Refusal, Request};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Where the gateway listens.
pub const SOCKET: &str = "/run/pmu/desk.sock";

/// The desk behind a unix socket. Each question has a connection of its own.
#[derive(Debug, Clone)]
pub struct LocalDesk {
    socket: PathBuf,
    wait: Duration,
}

impl LocalDesk {
    /// The desk at `socket`, whose answers are waited for this long.
    pub fn new(socket: &Path, wait: Duration) -> Self {
        Self {
            socket: socket.to_owned(),
            wait,
        }
    }

    fn exchange(&self, request: &Request) -> Result<Answer, Refusal> {
        let line = desk::encode(request).map_err(|error| Refusal {
            problem: error.to_string(),
            remedy: "use shorter names".to_owned(),
        })?;
        let stream = UnixStream::connect(&self.socket).map_err(|error| self.absent(&error))?;
        let answer = self
            .converse(&stream, &line)
            .map_err(|error| self.broken(&error))?;
        desk::decode(&answer).unwrap_or_else(|error| {
            Err(Refusal {
                problem: format!("the gateway's answer cannot be read: {error}"),
                remedy: "use the pmuctl of the same version as the gateway".to_owned(),
            })
        })
    }

    fn converse(&self, mut stream: &UnixStream, line: &[u8]) -> io::Result<Vec<u8>> {
        stream.set_read_timeout(Some(self.wait))?;
        stream.set_write_timeout(Some(self.wait))?;
        stream.write_all(line)?;
        let limit = u64::try_from(LINE_BYTES_MAX).unwrap_or(u64::MAX);
        let mut answer = Vec::new();
        BufReader::new(stream.take(limit.saturating_add(1))).read_until(b'\n', &mut answer)?;
        if answer.last() != Some(&b'\n') {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(answer)
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
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => {
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
        self.exchange(&request)
    }
}
