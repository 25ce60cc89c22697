//! TLS 1.3 with a certificate of our own. The files are read anew for each connection.

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The files of a client.
#[derive(Debug, Clone)]
pub struct TlsFiles {
    /// Certificates of the authority that signed the broker's.
    pub ca: PathBuf,
    /// Our certificate.
    pub certificate: PathBuf,
    /// Our private key.
    pub key: PathBuf,
}

/// Why no TLS session can be tried.
#[derive(Debug, thiserror::Error)]
pub enum TlsFault {
    /// A file is missing or not what it should be.
    #[error("{}: {problem}; write a PEM file with {expected}", .file.display())]
    File {
        /// Which file.
        file: PathBuf,
        /// What should be in it.
        expected: &'static str,
        /// What is wrong.
        problem: String,
    },
    /// Certificate and key do not belong together, or their kind is not supported.
    #[error("{}: certificate and key do not fit together", .file.display())]
    Pair {
        /// The certificate.
        file: PathBuf,
        /// The library's word.
        #[source]
        source: rustls::Error,
    },
    /// The library refuses its own settings.
    #[error("the TLS library cannot be set up")]
    Setup(#[source] rustls::Error),
}

const OUR_CERTIFICATE: &str = "this client's certificate";

/// A client configuration from the files.
pub fn client_config(files: &TlsFiles) -> Result<Arc<ClientConfig>, TlsFault> {
    let expected = "the authority's certificates";
    let mut roots = RootCertStore::empty();
    for certificate in certificates(&files.ca, expected)? {
        let added = roots.add(certificate);
        added.map_err(|error| fault(&files.ca, expected, &error))?;
    }
    let chain = certificates(&files.certificate, OUR_CERTIFICATE)?;
    let key = PrivateKeyDer::from_pem_file(&files.key)
        .map_err(|error| fault(&files.key, "this client's private key", &error))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(TlsFault::Setup)?
        .with_root_certificates(roots)
        .with_client_auth_cert(chain, key)
        .map(Arc::new)
        .map_err(|source| TlsFault::Pair {
            file: files.certificate.clone(),
            source,
        })
}

/// The common name in a certificate: brokers tie the client id to it.
pub fn common_name(file: &Path) -> Result<String, TlsFault> {
    let chain = certificates(file, OUR_CERTIFICATE)?;
    let first = chain.first().map(AsRef::as_ref).unwrap_or_default();
    let (_, certificate) = x509_parser::parse_x509_certificate(first)
        .map_err(|error| fault(file, OUR_CERTIFICATE, &error))?;
    let mut names = certificate.subject().iter_common_name();
    let name = names.next().and_then(|name| name.as_str().ok());
    name.map(ToOwned::to_owned)
        .ok_or_else(|| fault(file, OUR_CERTIFICATE, &"it has no common name"))
}

fn certificates(
    file: &Path,
    expected: &'static str,
) -> Result<Vec<CertificateDer<'static>>, TlsFault> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_file_iter(file)
        .map_err(|error| fault(file, expected, &error))?
        .collect();
    let found = found.map_err(|error| fault(file, expected, &error))?;
    if found.is_empty() {
        return Err(fault(file, expected, &"it holds no certificate"));
    }
    Ok(found)
}

fn fault(file: &Path, expected: &'static str, problem: &dyn std::fmt::Display) -> TlsFault {
    TlsFault::File {
        file: file.to_owned(),
        expected,
        problem: problem.to_string(),
    }
}
