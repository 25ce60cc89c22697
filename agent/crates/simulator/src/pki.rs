//! A certificate authority for tests and the demonstration.

use std::fs;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use std::io::Write;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, date_time_ymd,
};

/// Why there is no certificate.
#[derive(Debug, thiserror::Error)]
pub enum PkiFault {
    /// It cannot be made, for a name that a certificate does not take for example.
    #[error("no certificate for `{name}`")]
    Certificate {
        /// Whose.
        name: String,
        /// Why.
        #[source]
        source: rcgen::Error,
    },
    /// It cannot be written.
    #[error("cannot write {}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// A certificate and its key, in PEM.
#[derive(Clone)]
pub struct Identity {
    /// The name in it.
    pub name: String,
    /// The certificate.
    pub certificate_pem: String,
    /// The key, PKCS#8.
    pub key_pem: String,
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Identity")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// The files of an identity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdentityFiles {
    /// The certificate.
    pub certificate: PathBuf,
    /// The key, readable by its owner only.
    pub key: PathBuf,
}

/// A certificate authority; P-256 throughout.
#[derive(Debug)]
pub struct Pki {
    issuer: Issuer<'static, KeyPair>,
    certificate_pem: String,
}

impl Pki {
    /// A new authority with a key of its own.
    pub fn new(name: &str) -> Result<Self, PkiFault> {
        let failed = |source| PkiFault::Certificate {
            name: name.to_owned(),
            source,
        };
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(failed)?;
        let mut params = params(name, Vec::new()).map_err(failed)?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let certificate_pem = params.self_signed(&key).map_err(failed)?.pem();
        Ok(Self {
            issuer: Issuer::new(params, key),
            certificate_pem,
        })
    }

    /// The authority's own certificate.
    pub fn certificate_pem(&self) -> &str {
        &self.certificate_pem
    }

    /// A certificate for a server that is reached as `localhost` and 127.0.0.1.
    pub fn server(&self, name: &str) -> Result<Identity, PkiFault> {
        let hosts = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
        self.issue(name, hosts, ExtendedKeyUsagePurpose::ServerAuth)
    }

    /// A certificate for a client of this name.
    pub fn client(&self, name: &str) -> Result<Identity, PkiFault> {
        self.issue(name, Vec::new(), ExtendedKeyUsagePurpose::ClientAuth)
    }

    /// Writes the authority's certificate as `ca.crt`.
    pub fn write(&self, folder: &Path) -> Result<PathBuf, PkiFault> {
        let path = folder.join("ca.crt");
        write(&path, &self.certificate_pem, 0o644)?;
        Ok(path)
    }

    fn issue(
        &self,
        name: &str,
        hosts: Vec<String>,
        usage: ExtendedKeyUsagePurpose,
    ) -> Result<Identity, PkiFault> {
        let failed = |source| PkiFault::Certificate {
            name: name.to_owned(),
            source,
        };
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(failed)?;
        let mut params = params(name, hosts).map_err(failed)?;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![usage];
        params.use_authority_key_identifier_extension = true;
        let certificate = params.signed_by(&key, &self.issuer).map_err(failed)?;
        let (certificate_pem, key_pem) = (certificate.pem(), key.serialize_pem());
        Ok(Identity {
            name: name.to_owned(),
            certificate_pem,
            key_pem,
        })
    }
}

impl Identity {
    /// Writes `<name>.crt` and `<name>.key`.
    pub fn write(&self, folder: &Path) -> Result<IdentityFiles, PkiFault> {
        let files = IdentityFiles {
            certificate: folder.join(format!("{}.crt", self.name)),
            key: folder.join(format!("{}.key", self.name)),
        };
        write(&files.certificate, &self.certificate_pem, 0o644)?;
        write(&files.key, &self.key_pem, 0o600)?;
        Ok(files)
    }
}

fn params(name: &str, hosts: Vec<String>) -> Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::new(hosts)?;
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    // Fixed dates, so that no clock is read; a test that moves the clock stays within them.
    params.not_before = date_time_ymd(2024, 1, 1);
    params.not_after = date_time_ymd(2049, 1, 1);
    Ok(params)
}

fn write(path: &Path, text: &str, mode: u32) -> Result<(), PkiFault> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(mode);
    let written = options
        .open(path)
        .and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|source| PkiFault::Write {
        path: path.to_path_buf(),
        source,
    })
}
