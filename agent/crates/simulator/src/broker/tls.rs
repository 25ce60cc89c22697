//! TLS 1.3 with client certificates; the name in the certificate is who the client is.

use std::io;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{VerifierBuilderError, WebPkiClientVerifier};
use rustls::{RootCertStore, ServerConfig};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::pki::Identity;

/// Why the broker cannot offer TLS.
#[derive(Debug, thiserror::Error)]
pub enum TlsFault {
    /// A certificate or key is not PEM.
    #[error("certificate or key unreadable; give PEM")]
    Pem(#[source] rustls::pki_types::pem::Error),
    /// Certificate and key do not fit, or cannot be used.
    #[error("certificate and key cannot be used together")]
    Config(#[source] rustls::Error),
    /// Client certificates cannot be verified with this authority.
    #[error("authority of the clients cannot be used")]
    Verifier(#[source] VerifierBuilderError),
}

/// What the broker needs for TLS.
#[derive(Clone)]
pub struct ServerTls {
    acceptor: TlsAcceptor,
}

impl std::fmt::Debug for ServerTls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ServerTls").finish_non_exhaustive()
    }
}

impl ServerTls {
    /// Proves itself with `server`, and asks its clients for a certificate of the authority.
    pub fn new(authority_pem: &str, server: &Identity) -> Result<Self, TlsFault> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(authority_pem.as_bytes()) {
            roots
                .add(certificate.map_err(TlsFault::Pem)?)
                .map_err(TlsFault::Config)?;
        }
        let verifier =
            WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
                .build()
                .map_err(TlsFault::Verifier)?;
        let chain: Result<Vec<_>, _> =
            CertificateDer::pem_slice_iter(server.certificate_pem.as_bytes()).collect();
        let key =
            PrivateKeyDer::from_pem_slice(server.key_pem.as_bytes()).map_err(TlsFault::Pem)?;
        let config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])
            .map_err(TlsFault::Config)?
            .with_client_cert_verifier(verifier)
            .with_single_cert(chain.map_err(TlsFault::Pem)?, key)
            .map_err(TlsFault::Config)?;
        Ok(Self {
            acceptor: TlsAcceptor::from(Arc::new(config)),
        })
    }

    /// Shakes hands; says who came.
    pub(super) async fn accept(
        &self,
        stream: TcpStream,
    ) -> io::Result<(TlsStream<TcpStream>, String)> {
        let stream = self.acceptor.accept(stream).await?;
        let (_, session) = stream.get_ref();
        let name = session
            .peer_certificates()
            .and_then(|chain| chain.first())
            .and_then(common_name);
        match name {
            Some(name) => Ok((stream, name)),
            None => Err(io::Error::other("certificate without a usable name")),
        }
    }
}

/// The common name, if it can stand in a topic.
fn common_name(certificate: &CertificateDer<'_>) -> Option<String> {
    let (_, certificate) = X509Certificate::from_der(certificate).ok()?;
    let name = certificate
        .subject()
        .iter_common_name()
        .next()?
        .as_str()
        .ok()?;
    (!name.is_empty() && !name.contains(['/', '+', '#', '\0'])).then(|| name.to_owned())
}
