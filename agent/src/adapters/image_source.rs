//! Where the bytes of an image come from: a file, or a server. Blocks; runs on a thread of its own.

mod http_head;

pub(crate) use http_head::{Address, NoAddress};

use super::tls;
use crate::config::UplinkSettings;
use http_head::{HEAD_BYTES_MAX, NoImage, bytes_before};
use rustls::pki_types::ServerName;
use rustls::{ClientConnection, StreamOwned};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// A server that says nothing for so long is left.
const SILENT_MAX: Duration = Duration::from_secs(30);

/// Why an image does not come.
#[derive(Debug, thiserror::Error)]
pub enum SourceFault {
    /// The file cannot be read.
    #[error(
        "the gateway cannot read the file: {0}; put it where the user `pmu` may read it, such as /var/lib/pmu"
    )]
    File(#[source] io::Error),
    /// The server cannot be reached, or fell silent.
    #[error("{address} cannot be reached: {source}")]
    Road {
        /// Which server.
        address: String,
        /// The system's word.
        source: io::Error,
    },
    /// Nobody whom we trust vouches for the server.
    #[error(
        "{address} shows a certificate that is not believed ({source}); have the authority in `uplink.ca-file` sign it, or use http: the image's signature is checked either way"
    )]
    Certificate {
        /// Which server.
        address: String,
        /// The library's word.
        source: io::Error,
    },
    /// Nobody is trusted to vouch for the server.
    #[error(
        "no [uplink] is configured, so there is no authority for https; use http: the image's signature is checked either way"
    )]
    NoAuthority,
    /// The files for TLS cannot be used.
    #[error("{0}")]
    Tls(String),
    /// The head-end does not send it now.
    #[error("{0}")]
    HeadEnd(#[source] io::Error),
    /// Nobody could send it.
    #[error(
        "no [uplink] is configured, so no head-end can send the image; give its address, or install it from a file"
    )]
    NoUplink,
    /// The server has no such image.
    #[error("{0}")]
    Answer(String, bool),
}

impl SourceFault {
    /// Whether another try may bring the image.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::File(_) | Self::NoAuthority | Self::NoUplink | Self::Tls(_) => false,
            // Another server may answer at another time.
            Self::Certificate { .. } | Self::Road { .. } | Self::HeadEnd(_) => true,
            Self::Answer(_, is_passing) => *is_passing,
        }
    }
}

/// The bytes of a file from `from` on.
pub fn open_file(path: &Path, from: u64) -> Result<Box<dyn Read>, SourceFault> {
    let open = || {
        let mut file = File::open(path)?;
        file.seek(SeekFrom::Start(from))?;
        Ok(file)
    };
    let file = open().map_err(SourceFault::File)?;
    Ok(Box::new(file))
}

/// The bytes of a file on a server from `from` on, which has `ordered` bytes.
pub(crate) fn open_address(
    address: &Address,
    uplink: Option<&UplinkSettings>,
    from: u64,
    ordered: u64,
) -> Result<Box<dyn Read>, SourceFault> {
    let road = |source: io::Error| {
        let address = address.to_string();
        if is_of_certificate(&source) {
            SourceFault::Certificate { address, source }
        } else {
            SourceFault::Road { address, source }
        }
    };
    let plain = connect(address).map_err(road)?;
    let mut stream: Box<dyn ReadWrite> = if address.is_tls {
        let settings = uplink.ok_or(SourceFault::NoAuthority)?;
        let config = tls::client_config(settings).map_err(|it| SourceFault::Tls(it.to_string()))?;
        let name = ServerName::try_from(address.host.clone())
            .map_err(|it| SourceFault::Tls(it.to_string()))?;
        let session = ClientConnection::new(Arc::clone(&config), name)
            .map_err(|it| SourceFault::Tls(it.to_string()))?;
        Box::new(StreamOwned::new(session, plain))
    } else {
        Box::new(plain)
    };
    stream
        .write_all(address.request(from).as_bytes())
        .and_then(|()| stream.flush())
        .map_err(road)?;
    let head = read_head(&mut stream).map_err(road)?;
    let answer = |fault: NoImage| SourceFault::Answer(fault.to_string(), fault.is_passing());
    let before = bytes_before(&head, from, ordered).map_err(answer)?;
    // A server that knows no parts sends the file from its beginning.
    let mut skipped = (&mut stream).take(before);
    io::copy(&mut skipped, &mut io::sink()).map_err(road)?;
    Ok(Box::new(stream))
}

fn is_of_certificate(fault: &io::Error) -> bool {
    let inner = fault.get_ref();
    let fault = inner.and_then(|inner| inner.downcast_ref::<rustls::Error>());
    matches!(fault, Some(rustls::Error::InvalidCertificate(_)))
}

trait ReadWrite: Read + Write {}
impl<T: Read + Write> ReadWrite for T {}

fn connect(address: &Address) -> io::Result<TcpStream> {
    let mut last = io::Error::from(io::ErrorKind::NotFound);
    for found in (address.host.as_str(), address.port).to_socket_addrs()? {
        match TcpStream::connect_timeout(&found, SILENT_MAX) {
            Ok(stream) => {
                stream.set_read_timeout(Some(SILENT_MAX))?;
                stream.set_write_timeout(Some(SILENT_MAX))?;
                return Ok(stream);
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// Byte by byte: what follows the empty line belongs to the image.
fn read_head(stream: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() >= HEAD_BYTES_MAX {
            return Err(io::ErrorKind::InvalidData.into());
        }
        stream.read_exact(&mut byte)?;
        head.extend_from_slice(&byte);
    }
    Ok(head)
}

/// A door for fuzzing: the head of an answer, asked for some byte.
#[doc(hidden)]
pub fn fuzz_head(data: &[u8]) {
    for from in [0, 10] {
        if let Ok(before) = bytes_before(data, from, 1000) {
            assert!(before == 0 || before == from, "a byte nobody asked for");
        }
    }
}
