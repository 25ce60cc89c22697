//! The gateway's key, its request for a certificate, and whether a certificate is the answer to it.

use super::complaint::Complaint;
use anyhow::{Context, Result};
use metering::GatewayId;
use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, PublicKeyData};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, CertificateSigningRequestDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::{CertificateError, RootCertStore};
use std::sync::Arc;
use std::time::Duration;
use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::prelude::FromDer;
use x509_parser::x509::X509Name;

/// A private key of P-256: what every broker takes, TLS 1.2 or 1.3.
#[derive(Debug)]
pub struct Key(KeyPair);

impl Key {
    /// A new one.
    pub fn generate() -> Result<Self> {
        let key = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256);
        key.map(Self).context("no key can be made")
    }

    /// The one that is there.
    pub fn from_pem(text: &str) -> Result<Self> {
        let key = KeyPair::from_pem(text);
        key.map(Self).context("this is no private key")
    }

    /// The text of its file.
    pub fn to_pem(&self) -> String {
        self.0.serialize_pem()
    }

    /// A request for a certificate of this gateway.
    pub fn request(&self, id: &GatewayId) -> Result<String> {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params
            .distinguished_name
            .push(DnType::CommonName, id.as_str());
        let request = params.serialize_request(&self.0);
        let request = request.context("no request can be made")?;
        request.pem().context("no request can be made")
    }

    /// Whether a request is for this key and this gateway: signatures differ from run to run.
    pub fn has_requested(&self, id: &GatewayId, text: &str) -> bool {
        let Ok(der) = CertificateSigningRequestDer::from_pem_slice(text.as_bytes()) else {
            return false;
        };
        let Ok((_, request)) = X509CertificationRequest::from_der(&der) else {
            return false;
        };
        let info = &request.certification_request_info;
        names(&info.subject) == [id.as_str()] && info.subject_pki.raw == self.public()
    }

    fn public(&self) -> Vec<u8> {
        self.0.subject_public_key_info()
    }
}

/// Certificates of authorities, as they are written in a file.
pub fn authorities(file: &str, text: &str) -> Result<RootCertStore, Complaint> {
    const REMEDY: &str = "put the certificates of the authority there, as PEM";
    let mut roots = RootCertStore::empty();
    for certificate in certificates(file, text, REMEDY)? {
        let added = roots.add(certificate);
        added.map_err(|error| {
            let problem = format!("holds a certificate that cannot be used: {error}");
            Complaint::whole(file, problem, REMEDY)
        })?;
    }
    Ok(roots)
}

fn certificates(
    file: &str,
    text: &str,
    remedy: &str,
) -> Result<Vec<CertificateDer<'static>>, Complaint> {
    if text.contains("PRIVATE KEY-----") {
        let problem = "holds a private key, which belongs to nobody but its maker";
        let remedy = "take it out of the file, and replace it where it is in use";
        return Err(Complaint::whole(file, problem, remedy));
    }
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(text.as_bytes()).collect();
    let found = found
        .map_err(|error| Complaint::whole(file, format!("cannot be read: {error}"), remedy))?;
    if found.is_empty() {
        return Err(Complaint::whole(file, "holds no certificate", remedy));
    }
    Ok(found)
}

fn names<'a>(name: &'a X509Name<'a>) -> Vec<&'a str> {
    let names = name.iter_common_name();
    names.filter_map(|name| name.as_str().ok()).collect()
}

/// What a certificate is measured against.
#[derive(Debug, Clone, Copy)]
pub struct Measure<'a> {
    /// The name that it must have.
    pub id: &'a GatewayId,
    /// The key that it must be for.
    pub key: &'a Key,
    /// Who must have signed it.
    pub roots: &'a RootCertStore,
    /// UTC, in seconds since 1970.
    pub now: u64,
}

/// A certificate that fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validity {
    /// UTC of its end, in seconds since 1970.
    pub until: u64,
    /// By this box's clock it has not begun yet.
    pub is_early: bool,
}

impl Measure<'_> {
    /// Whether a certificate, and what lies between it and the authority, is this gateway's.
    pub fn check(&self, file: &str, text: &str) -> Result<Validity, Complaint> {
        let remedy = "put this gateway's certificate there, as PEM, as the authority gave it";
        let chain = certificates(file, text, remedy)?;
        let complain = |problem: String, remedy: &str| Complaint::whole(file, problem, remedy);
        let Some((leaf, between)) = chain.split_first() else {
            return Err(complain("holds no certificate".to_owned(), remedy));
        };
        let (_, certificate) = x509_parser::parse_x509_certificate(leaf)
            .map_err(|error| complain(format!("cannot be read: {error}"), remedy))?;
        let id = self.id.as_str();
        let found = names(certificate.subject());
        if found != [id] {
            let problem = format!("is for `{}`, and this gateway is {id}", found.join(", "));
            let remedy = format!("have {id}.csr.pem signed as it is, or bring this box's own file");
            return Err(complain(problem, &remedy));
        }
        if certificate.public_key().raw != self.key.public() {
            let problem = "is for another key than the one that this box has made".to_owned();
            let remedy =
                format!("have {id}.csr.pem of this box signed; remove the old certificate");
            return Err(complain(problem, &remedy));
        }
        let instant = |seconds: i64| u64::try_from(seconds).unwrap_or(0);
        let validity = certificate.validity();
        let (from, until) = (
            instant(validity.not_before.timestamp()),
            instant(validity.not_after.timestamp()),
        );
        // A box without a battery may think that it is 1970 until it has met a time server.
        let at = UnixTime::since_unix_epoch(Duration::from_secs(self.now.max(from)));
        let verifier = WebPkiClientVerifier::builder_with_provider(
            Arc::new(self.roots.clone()),
            Arc::new(rustls::crypto::ring::default_provider()),
        )
        .build()
        .map_err(|error| complain(error.to_string(), "correct ca.pem first"))?;
        let verified = verifier.verify_client_cert(leaf, between, at);
        verified.map_err(|error| {
            let (problem, remedy) = refusal(&error);
            complain(problem, remedy)
        })?;
        let is_early = self.now < from;
        Ok(Validity { until, is_early })
    }
}

fn refusal(error: &rustls::Error) -> (String, &'static str) {
    use CertificateError::{
        BadSignature, Expired, ExpiredContext, InvalidPurpose, InvalidPurposeContext, UnknownIssuer,
    };
    let rustls::Error::InvalidCertificate(why) = error else {
        return (error.to_string(), "have it made anew");
    };
    match why {
        Expired | ExpiredContext { .. } => (
            "has expired, by this box's clock".to_owned(),
            "have the request signed anew; if the clock is wrong, set it first",
        ),
        UnknownIssuer | BadSignature => (
            "is not signed by an authority of ca.pem".to_owned(),
            "put the certificate of its authority into ca.pem as well, and what lies between them \
             below this one",
        ),
        InvalidPurpose | InvalidPurposeContext { .. } => (
            "is not for a client of TLS".to_owned(),
            "have it made anew with the extended key usage clientAuth",
        ),
        other => (format!("cannot be used: {other}"), "have it made anew"),
    }
}

#[cfg(test)]
mod tests;
