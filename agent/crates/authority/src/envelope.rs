//! Watermarks in a `COSE_Sign1` envelope (RFC 9052), signed for one gateway.

use crate::limits::ENVELOPE_BYTES_MAX;
use crate::{IngestKeys, KeyId, SigningKey};
use coset::iana::{self, EnumI64};
use coset::{
    CoseSign1, CoseSign1Builder, Header, HeaderBuilder, RegisteredLabel,
    RegisteredLabelWithPrivate, TaggedCborSerializable,
};
use ed25519_dalek::Signature;
use metering::GatewayId;

/// The protected content type of a watermark.
pub const WATERMARK_CONTENT_TYPE: &str = "application/vnd.pmu.gw-ack+cbor";

/// Begins the external data under the signature. It makes a signature for another purpose, and
/// with the gateway's name behind it a signature for another gateway, worthless here.
const WATERMARK_DOMAIN: &str = "gw-ack/1";

/// Why an envelope is not believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// Larger than any watermark can be.
    #[error("the envelope has {found} bytes, more than {ENVELOPE_BYTES_MAX}")]
    TooLarge {
        /// Bytes found.
        found: usize,
    },
    /// Not one tagged `COSE_Sign1` with a payload, and nothing behind it.
    #[error("this is not exactly one tagged COSE_Sign1 envelope with a payload")]
    Malformed,
    /// The unprotected header is not under the signature and must be empty.
    #[error("the unprotected header is not empty; move its entries into the protected one")]
    Unprotected,
    /// The sender insists on a header that is not known here.
    #[error("a critical header of the envelope is not known here")]
    CriticalHeader,
    /// Not `EdDSA`.
    #[error("the envelope is not signed with EdDSA")]
    Algorithm,
    /// Not the content type of a watermark.
    #[error(
        "the envelope does not hold a watermark; its content type must be {WATERMARK_CONTENT_TYPE}"
    )]
    ContentType,
    /// No trusted key has this id.
    #[error("the key that signed the envelope is not among the ingest keys of this gateway")]
    UnknownKey,
    /// The signature does not fit: altered, or made for another gateway or purpose.
    #[error("the signature does not fit the payload and this gateway's name")]
    Signature,
}

impl Rejection {
    /// The short code for counters, events and receipts.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::TooLarge { .. } => "too-large",
            Self::Malformed => "malformed",
            Self::Unprotected => "unprotected-header",
            Self::CriticalHeader => "critical-header",
            Self::Algorithm => "wrong-algorithm",
            Self::ContentType => "wrong-content-type",
            Self::UnknownKey => "unknown-key",
            Self::Signature => "bad-sig",
        }
    }
}

/// A watermark's payload, exactly as a trusted key signed it for this gateway.
///
/// A recorded watermark that is sent again is authentic too; it does no harm, because watermarks
/// only ever move forward and name the store's epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthenticWatermark {
    payload: Vec<u8>,
    signer: KeyId,
}

impl AuthenticWatermark {
    /// The signed bytes.
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// Whose signature it was.
    pub const fn signer(&self) -> KeyId {
        self.signer
    }
}

/// Signs a watermark for one gateway; the head-end's side of [`IngestKeys::open_watermark`].
pub fn sign_watermark(
    key: &SigningKey,
    gateway: &GatewayId,
    payload: &[u8],
) -> Result<Vec<u8>, Rejection> {
    let protected = HeaderBuilder::new()
        .algorithm(iana::Algorithm::EdDSA)
        .content_type(WATERMARK_CONTENT_TYPE.to_owned())
        .key_id(key.id().bytes().to_vec())
        .build();
    let bytes = CoseSign1Builder::new()
        .protected(protected)
        .payload(payload.to_vec())
        .create_signature(&external_data(gateway), |signed| key.sign(signed))
        .build()
        .to_tagged_vec()
        .map_err(|_| Rejection::Malformed)?;
    within_limit(&bytes)?;
    Ok(bytes)
}

impl IngestKeys {
    /// Proves that a trusted key signed these bytes for this gateway.
    pub fn open_watermark(
        &self,
        gateway: &GatewayId,
        bytes: &[u8],
    ) -> Result<AuthenticWatermark, Rejection> {
        within_limit(bytes)?;
        let envelope = CoseSign1::from_tagged_slice(bytes).map_err(|_| Rejection::Malformed)?;
        if !envelope.unprotected.is_empty() {
            return Err(Rejection::Unprotected);
        }
        let header = &envelope.protected.header;
        check_header(header)?;
        let (signer, key) = self.find(&header.key_id).ok_or(Rejection::UnknownKey)?;
        // The signature covers the protected header and the payload as received: the envelope
        // keeps the received bytes, nothing is encoded again.
        envelope.verify_signature(&external_data(gateway), |signature, signed| {
            let signature = Signature::from_slice(signature).map_err(|_| Rejection::Signature)?;
            key.verify_strict(signed, &signature)
                .map_err(|_| Rejection::Signature)
        })?;
        let payload = envelope.payload.ok_or(Rejection::Malformed)?;
        Ok(AuthenticWatermark {
            payload,
            signer: *signer,
        })
    }
}

fn check_header(header: &Header) -> Result<(), Rejection> {
    if !header.crit.iter().all(is_understood) {
        return Err(Rejection::CriticalHeader);
    }
    match &header.alg {
        Some(RegisteredLabelWithPrivate::Assigned(iana::Algorithm::EdDSA)) => {}
        _ => return Err(Rejection::Algorithm),
    }
    match &header.content_type {
        Some(RegisteredLabel::Text(text)) if text == WATERMARK_CONTENT_TYPE => Ok(()),
        _ => Err(Rejection::ContentType),
    }
}

fn is_understood(label: &RegisteredLabelWithPrivate<iana::HeaderParameter>) -> bool {
    use iana::HeaderParameter::{Alg, ContentType, Kid};
    let RegisteredLabelWithPrivate::Assigned(label) = label else {
        return false;
    };
    [Alg, ContentType, Kid]
        .iter()
        .any(|known| known.to_i64() == label.to_i64())
}

fn external_data(gateway: &GatewayId) -> Vec<u8> {
    [WATERMARK_DOMAIN.as_bytes(), gateway.as_str().as_bytes()].concat()
}

fn within_limit(bytes: &[u8]) -> Result<(), Rejection> {
    if bytes.len() > ENVELOPE_BYTES_MAX {
        return Err(Rejection::TooLarge { found: bytes.len() });
    }
    Ok(())
}

#[cfg(test)]
mod tests;
