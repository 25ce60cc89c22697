//! Unix sockets under `/run`: who may connect is decided by group and mode, who did is known
//! from the kernel.

use desk::Caller;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::UnixListener;

/// A listening socket.
#[derive(Debug)]
pub struct LocalSocket(UnixListener);

impl LocalSocket {
    /// Listens at `path`, for owner and group only. What a former run left there is replaced.
    pub fn listen(path: &Path) -> io::Result<Self> {
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = UnixListener::bind(path)?;
        fs::set_permissions(path, fs::Permissions::from_mode(0o660))?;
        Ok(Self(listener))
    }

    /// The next caller. Under the unit's `PrivateUsers=yes` the kernel shows every caller but
    /// root and `pmu` as 65534.
    pub async fn accept(
        &self,
    ) -> io::Result<(impl AsyncRead + AsyncWrite + Unpin + Send + 'static, Caller)> {
        let (stream, _) = self.0.accept().await?;
        let credentials = stream.peer_cred()?;
        let caller = Caller {
            uid: credentials.uid(),
            pid: credentials.pid().unwrap_or(0),
        };
        Ok((stream, caller))
    }
}
