//! TLS 1.3 with a certificate of our own (1.2 only behind the cargo feature `tls12`).
//!
//! The files are read anew for each connection, so a renewed certificate needs no restart.

use crate::config::UplinkSettings;
use authority::IngestKeys;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use std::path::{Path, PathBuf};
use std::sync::Arc;

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

/// A client configuration from the files of the settings.
pub fn client_config(settings: &UplinkSettings) -> Result<Arc<ClientConfig>, TlsFault> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(&settings.ca_file, "the authority's certificates")? {
        roots.add(certificate).map_err(|error| TlsFault::File {
            file: settings.ca_file.clone(),
            expected: "the authority's certificates",
            problem: error.to_string(),
        })?;
    }
    let chain = certificates(&settings.certificate_file, "this gateway's certificate")?;
    let key = PrivateKeyDer::from_pem_file(&settings.key_file).map_err(|error| TlsFault::File {
        file: settings.key_file.clone(),
        expected: "this gateway's private key",
        problem: error.to_string(),
    })?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(VERSIONS)
        .map_err(TlsFault::Setup)?
        .with_root_certificates(roots)
        .with_client_auth_cert(chain, key)
        .map(Arc::new)
        .map_err(|source| TlsFault::Pair {
            file: settings.certificate_file.clone(),
            source,
        })
}

#[cfg(not(feature = "tls12"))]
const VERSIONS: &[&rustls::SupportedProtocolVersion] = &[&rustls::version::TLS13];
#[cfg(feature = "tls12")]
const VERSIONS: &[&rustls::SupportedProtocolVersion] =
    &[&rustls::version::TLS13, &rustls::version::TLS12];

fn certificates(
    file: &Path,
    expected: &'static str,
) -> Result<Vec<CertificateDer<'static>>, TlsFault> {
    let fault = |problem: String| TlsFault::File {
        file: file.to_owned(),
        expected,
        problem,
    };
    let found: Result<Vec<_>, _> = CertificateDer::pem_file_iter(file)
        .map_err(|error| fault(error.to_string()))?
        .collect();
    let found = found.map_err(|error| fault(error.to_string()))?;
    if found.is_empty() {
        Err(fault("holds no certificate".to_owned()))
    } else {
        Ok(found)
    }
}

/// The keys that may sign watermarks. Read anew for each connection like the certificates, so that
/// a new key needs no restart, and a damaged file costs the uplink only.
pub fn ingest_keys(settings: &UplinkSettings) -> Result<IngestKeys, TlsFault> {
    let fault = |problem: String| TlsFault::File {
        file: settings.ingest_keys_file.clone(),
        expected: "the public keys that sign watermarks",
        problem,
    };
    let text = std::fs::read_to_string(&settings.ingest_keys_file)
        .map_err(|error| fault(error.to_string()))?;
    IngestKeys::parse(&text).map_err(|error| fault(error.to_string()))
}

/// When the gateway's certificate expires, in seconds since 1970.
pub fn expires_at(settings: &UplinkSettings) -> Result<i64, TlsFault> {
    let chain = certificates(&settings.certificate_file, "this gateway's certificate")?;
    let first = chain.first().map(AsRef::as_ref).unwrap_or_default();
    let (_, certificate) =
        x509_parser::parse_x509_certificate(first).map_err(|error| TlsFault::File {
            file: settings.certificate_file.clone(),
            expected: "this gateway's certificate",
            problem: error.to_string(),
        })?;
    Ok(certificate.validity().not_after.timestamp())
}
