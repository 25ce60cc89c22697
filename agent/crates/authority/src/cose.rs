//! Envelopes of RFC 9052 for whatever is signed here: one signature (`COSE_Sign1`), or those of
//! several people over the same bytes (`COSE_Sign`).
//!
//! The outer protected header holds content type and key id in both forms. So the key that numbers
//! a command is under every signature, and nobody on the way can put another one first.

use crate::limits::SIGNERS_MAX;
use crate::public_key::{Algorithm, PublicKey};
use crate::{KeyId, OperatorKey, SigningKey};
use coset::iana::{self, EnumI64};
use coset::{
    CoseSign, CoseSign1, CoseSign1Builder, CoseSignBuilder, CoseSignature, CoseSignatureBuilder,
    Header, HeaderBuilder, RegisteredLabel, RegisteredLabelWithPrivate, TaggedCborSerializable,
};

/// What a signature is for: it is worth nothing for anything else.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Purpose {
    /// Begins the external data under the signature; the addressee follows where there is one.
    pub(crate) domain: &'static str,
    pub(crate) content_type: &'static str,
    pub(crate) bytes_max: usize,
}

/// Why an envelope is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CoseFault {
    /// Larger than allowed; nothing was parsed.
    #[error("the envelope has {found} bytes, more than {limit}")]
    TooLarge {
        /// Bytes found.
        found: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// Not one tagged envelope with a payload, and nothing behind it.
    #[error("this is not exactly one tagged COSE envelope with a payload and 1 to 4 signatures")]
    Malformed,
    /// The unprotected header is not under the signature and must be empty.
    #[error("an unprotected header is not empty; move its entries into the protected one")]
    Unprotected,
    /// The sender insists on a header that is not known here.
    #[error("a critical header of the envelope is not known here")]
    CriticalHeader,
    /// The algorithm named is not that of the key.
    #[error("the algorithm named is not the one of the key; sign with EdDSA or ES256 as it is")]
    Algorithm,
    /// Signed for something else.
    #[error("the envelope does not hold what is expected here; its content type says so")]
    ContentType,
    /// No trusted key has this id.
    #[error("the key that signed ({0}) is not trusted here")]
    UnknownKey(KeyId),
    /// The signature does not fit: altered, or made for another gateway or purpose.
    #[error("a signature does not fit the payload, its purpose and this gateway's name")]
    Signature,
}

/// An envelope taken apart, and nothing proven yet.
pub(crate) enum Envelope {
    One(CoseSign1),
    Many(CoseSign),
}

/// What trusted keys signed: the bytes as received, and who signed; the first one numbers.
pub(crate) struct Opened {
    pub(crate) payload: Vec<u8>,
    pub(crate) signers: Vec<KeyId>,
}

/// A private key, of whoever it is.
pub(crate) trait Signs {
    fn public(&self) -> PublicKey;
    fn sign(&self, message: &[u8]) -> Vec<u8>;
}

impl Signs for OperatorKey {
    fn public(&self) -> PublicKey {
        self.public()
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.sign(message)
    }
}

impl Signs for SigningKey {
    fn public(&self) -> PublicKey {
        self.public_key()
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.sign(message)
    }
}

impl Purpose {
    /// Takes bytes apart that anybody may have written.
    pub(crate) fn parse(self, bytes: &[u8]) -> Result<Envelope, CoseFault> {
        self.within_limit(bytes)?;
        let envelope = match bytes {
            [0xd2, ..] => CoseSign1::from_tagged_slice(bytes).map(Envelope::One),
            _ => CoseSign::from_tagged_slice(bytes).map(Envelope::Many),
        };
        let envelope = envelope.map_err(|_| CoseFault::Malformed)?;
        let (header, unprotected) = envelope.headers();
        if !unprotected.is_empty() {
            return Err(CoseFault::Unprotected);
        }
        check_critical(header)?;
        match &header.content_type {
            Some(RegisteredLabel::Text(text)) if text == self.content_type => {}
            _ => return Err(CoseFault::ContentType),
        }
        if envelope.payload().is_none() {
            return Err(CoseFault::Malformed);
        }
        if let Envelope::Many(many) = &envelope {
            check_signatures(many)?;
        }
        Ok(envelope)
    }

    /// Proves every signature of an envelope.
    pub(crate) fn open<'k>(
        self,
        envelope: Envelope,
        place: &str,
        find: impl Fn(KeyId) -> Option<&'k PublicKey>,
    ) -> Result<Opened, CoseFault> {
        let external = self.external(place);
        let first = key_id(envelope.headers().0)?;
        let known = |header: &Header| {
            let id = key_id(header)?;
            let key = find(id).ok_or(CoseFault::UnknownKey(id))?;
            check_algorithm(header, key)?;
            Ok((id, key))
        };
        match envelope {
            Envelope::One(one) => {
                let (_, key) = known(&one.protected.header)?;
                one.verify_signature(&external, |signature, signed| fits(key, signed, signature))?;
                let payload = one.payload.ok_or(CoseFault::Malformed)?;
                let signers = vec![first];
                Ok(Opened { payload, signers })
            }
            Envelope::Many(many) => {
                let mut signers = Vec::with_capacity(SIGNERS_MAX);
                for (which, signature) in many.signatures.iter().enumerate() {
                    let (id, key) = known(&signature.protected.header)?;
                    many.verify_signature(which, &external, |signature, signed| {
                        fits(key, signed, signature)
                    })?;
                    signers.push(id);
                }
                // The one that numbers comes first, in whatever order the signatures stand.
                signers.sort_by_key(|id| *id != first);
                if signers.first() != Some(&first) {
                    return Err(CoseFault::Malformed);
                }
                let payload = many.payload.ok_or(CoseFault::Malformed)?;
                Ok(Opened { payload, signers })
            }
        }
    }

    /// Signs with one key.
    pub(crate) fn seal(
        self,
        key: &impl Signs,
        place: &str,
        payload: &[u8],
    ) -> Result<Vec<u8>, CoseFault> {
        let public = key.public();
        let protected = HeaderBuilder::new()
            .algorithm(public.algorithm().label())
            .content_type(self.content_type.to_owned())
            .key_id(public.id().bytes().to_vec())
            .build();
        let bytes = CoseSign1Builder::new()
            .protected(protected)
            .payload(payload.to_vec())
            .create_signature(&self.external(place), |signed| key.sign(signed))
            .build()
            .to_tagged_vec()
            .map_err(|_| CoseFault::Malformed)?;
        self.within_limit(&bytes)?;
        Ok(bytes)
    }

    /// Signs so that others can add their signatures; this key numbers.
    pub(crate) fn seal_shared(
        self,
        key: &impl Signs,
        place: &str,
        payload: &[u8],
    ) -> Result<Vec<u8>, CoseFault> {
        let protected = HeaderBuilder::new()
            .content_type(self.content_type.to_owned())
            .key_id(key.public().id().bytes().to_vec())
            .build();
        let envelope = CoseSignBuilder::new()
            .protected(protected)
            .payload(payload.to_vec())
            .build();
        self.add_signature(envelope, key, place)
    }

    /// Adds a signature over the same bytes.
    pub(crate) fn join(
        self,
        bytes: &[u8],
        key: &impl Signs,
        place: &str,
    ) -> Result<Vec<u8>, CoseFault> {
        match self.parse(bytes)? {
            Envelope::Many(envelope) => self.add_signature(envelope, key, place),
            // Its signature is over another structure and cannot be taken along.
            Envelope::One(_) => Err(CoseFault::Malformed),
        }
    }

    fn add_signature(
        self,
        mut envelope: CoseSign,
        key: &impl Signs,
        place: &str,
    ) -> Result<Vec<u8>, CoseFault> {
        let public = key.public();
        let protected = HeaderBuilder::new()
            .algorithm(public.algorithm().label())
            .key_id(public.id().bytes().to_vec())
            .build();
        let mut signature = CoseSignatureBuilder::new().protected(protected).build();
        let signed = envelope.tbs_data(&self.external(place), &signature);
        signature.signature = key.sign(&signed);
        envelope.signatures.push(signature);
        check_signatures(&envelope)?;
        let bytes = envelope.to_tagged_vec().map_err(|_| CoseFault::Malformed)?;
        self.within_limit(&bytes)?;
        Ok(bytes)
    }

    fn external(self, place: &str) -> Vec<u8> {
        [self.domain.as_bytes(), place.as_bytes()].concat()
    }

    const fn within_limit(self, bytes: &[u8]) -> Result<(), CoseFault> {
        if bytes.len() > self.bytes_max {
            return Err(CoseFault::TooLarge {
                found: bytes.len(),
                limit: self.bytes_max,
            });
        }
        Ok(())
    }
}

impl Envelope {
    const fn headers(&self) -> (&Header, &Header) {
        match self {
            Self::One(one) => (&one.protected.header, &one.unprotected),
            Self::Many(many) => (&many.protected.header, &many.unprotected),
        }
    }

    /// Whom it names as signers, unproven; the one that numbers comes first.
    pub(crate) fn claimed_signers(&self) -> Vec<KeyId> {
        let first = key_id(self.headers().0).ok();
        let mut ids: Vec<KeyId> = match self {
            Self::One(_) => first.into_iter().collect(),
            Self::Many(many) => {
                let headers = many.signatures.iter().map(|one| &one.protected.header);
                headers.filter_map(|header| key_id(header).ok()).collect()
            }
        };
        ids.sort_by_key(|id| Some(*id) != first);
        ids
    }

    pub(crate) fn payload(&self) -> Option<&[u8]> {
        match self {
            Self::One(one) => one.payload.as_deref(),
            Self::Many(many) => many.payload.as_deref(),
        }
    }
}

fn check_signatures(envelope: &CoseSign) -> Result<(), CoseFault> {
    let signatures = &envelope.signatures;
    if !(1..=SIGNERS_MAX).contains(&signatures.len()) {
        return Err(CoseFault::Malformed);
    }
    if signatures.iter().any(|one| !one.unprotected.is_empty()) {
        return Err(CoseFault::Unprotected);
    }
    signatures
        .iter()
        .try_for_each(|one| check_critical(&one.protected.header))?;
    let id = |one: &CoseSignature| one.protected.header.key_id.clone();
    let mut ids: Vec<Vec<u8>> = signatures.iter().map(id).collect();
    ids.sort();
    ids.dedup();
    if ids.len() != signatures.len() {
        return Err(CoseFault::Malformed);
    }
    Ok(())
}

fn check_critical(header: &Header) -> Result<(), CoseFault> {
    use iana::HeaderParameter::{Alg, ContentType, Kid};
    let is_understood = |label: &RegisteredLabelWithPrivate<iana::HeaderParameter>| match label {
        RegisteredLabelWithPrivate::Assigned(label) => [Alg, ContentType, Kid]
            .iter()
            .any(|known| known.to_i64() == label.to_i64()),
        _ => false,
    };
    if header.crit.iter().all(is_understood) {
        Ok(())
    } else {
        Err(CoseFault::CriticalHeader)
    }
}

fn check_algorithm(header: &Header, key: &PublicKey) -> Result<(), CoseFault> {
    let named = match &header.alg {
        Some(RegisteredLabelWithPrivate::Assigned(label)) => Algorithm::from_number(label.to_i64()),
        _ => None,
    };
    if named == Some(key.algorithm()) {
        Ok(())
    } else {
        Err(CoseFault::Algorithm)
    }
}

fn key_id(header: &Header) -> Result<KeyId, CoseFault> {
    let bytes = header.key_id.as_slice().try_into();
    bytes.map(KeyId::new).map_err(|_| CoseFault::Malformed)
}

fn fits(key: &PublicKey, signed: &[u8], signature: &[u8]) -> Result<(), CoseFault> {
    if key.verifies(signed, signature) {
        Ok(())
    } else {
        Err(CoseFault::Signature)
    }
}
