//! How the broker is reached, where a command may also need keys of people.

use crate::adapters::mqtt::BrokerAddress;
use crate::adapters::tls::{TlsFiles, common_name};
use anyhow::{Result, bail};
use clap::Args;
use std::path::PathBuf;

/// The broker; the same words as for `head-end receive`, but for `--tls-key`.
#[derive(Debug, Clone, Args)]
pub struct BrokerArguments {
    /// The broker.
    #[arg(long, global = true)]
    pub host: Option<String>,
    /// Its port.
    #[arg(long, global = true, default_value_t = 8883)]
    pub port: u16,
    /// Certificates of the authority that signed the broker's.
    #[arg(long, global = true, value_name = "FILE")]
    pub ca: Option<PathBuf>,
    /// This client's certificate.
    #[arg(long, global = true, value_name = "FILE")]
    pub certificate: Option<PathBuf>,
    /// The private key of the certificate. It signs no command.
    #[arg(long, global = true, value_name = "FILE")]
    pub tls_key: Option<PathBuf>,
    /// Client id [default: the common name of the certificate].
    #[arg(long, global = true, value_name = "NAME")]
    pub client_name: Option<String>,
}

impl BrokerArguments {
    /// Whether a broker is named at all.
    pub const fn is_named(&self) -> bool {
        self.host.is_some()
    }

    /// Which broker, and as whom.
    pub fn address(&self) -> Result<BrokerAddress> {
        let (Some(host), Some(ca), Some(certificate), Some(key)) =
            (&self.host, &self.ca, &self.certificate, &self.tls_key)
        else {
            bail!("the broker is not named wholly; give --host, --ca, --certificate and --tls-key");
        };
        let name = match &self.client_name {
            Some(name) => name.clone(),
            None => common_name(certificate)?,
        };
        Ok(BrokerAddress {
            host: host.clone(),
            port: self.port,
            name,
            files: TlsFiles {
                ca: ca.clone(),
                certificate: certificate.clone(),
                key: key.clone(),
            },
        })
    }
}
