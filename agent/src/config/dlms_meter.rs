//! DLMS meters as the program trusts them.

use super::flag_meter::{CollectSettings, MeterClock};
use dlms::security::{Secret, Suite};
use meters::catalogue::dlms::{AssociationModel, DlmsModel};
use meters::dlms::{DlmsPlace, ModeE};
use std::path::PathBuf;
use std::sync::Arc;

/// A meter that speaks DLMS/COSEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DlmsMeter {
    /// Its model.
    pub model: Arc<DlmsModel>,
    /// As whom the gateway reads it.
    pub association: AssociationModel,
    /// Its client, where this meter has another one than its model says.
    pub client: Option<u16>,
    /// Which way it is reached.
    pub place: DlmsPlace,
    /// How it is signed on before it speaks HDLC, if it has to be.
    pub sign_on: Option<ModeE>,
    /// What it is proven with.
    pub proof: DlmsProof,
    /// Its clock.
    pub clock: MeterClock,
    /// How its registers and its own load profile are collected.
    pub collect: CollectSettings,
}

/// What the gateway proves itself with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DlmsProof {
    /// Nothing.
    None,
    /// A password.
    Password(DlmsPassword),
    /// Keys of this suite, from the file of keys.
    Keys(Suite),
}

/// A password of low level security, and where it came from.
#[derive(Debug, Clone)]
pub struct DlmsPassword {
    /// The password.
    pub secret: Secret,
    /// The file it stands in.
    pub file: PathBuf,
    /// When that was written, nanoseconds since 1970.
    pub written: i128,
}

/// Two are the same if both file and password are.
impl PartialEq for DlmsPassword {
    fn eq(&self, other: &Self) -> bool {
        self.file == other.file
            && self.written == other.written
            && self.secret.is(other.secret.reveal())
    }
}

impl Eq for DlmsPassword {}

impl DlmsMeter {
    /// What the line knows it by.
    pub fn line_name(&self) -> String {
        let place = match self.place {
            DlmsPlace::Hdlc { lower: None } => "hdlc".to_owned(),
            DlmsPlace::Hdlc { lower: Some(lower) } => format!("hdlc {lower}"),
            DlmsPlace::Wrapper => "wrapper".to_owned(),
        };
        match self.sign_on.as_ref().map(|sign_on| &sign_on.address) {
            Some(Some(address)) => format!("mode-e {address} {place}"),
            Some(None) => format!("mode-e {place}"),
            None => place,
        }
    }

    /// Whether both would answer who means one of them. Of meters of mode E only the one that was
    /// signed on hears HDLC.
    pub fn is_twin_of(&self, other: &Self) -> bool {
        match (&self.sign_on, &other.sign_on) {
            (Some(own), Some(other)) => match (&own.address, &other.address) {
                (Some(own), Some(other)) => own.names_same(other),
                _ => true,
            },
            (None, None) => self.line_name() == other.line_name(),
            _ => false,
        }
    }
}
