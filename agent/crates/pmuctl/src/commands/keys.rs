//! Keys of DLMS meters.

use crate::adapters::key_file::key_text;
use crate::arguments::{ImportArguments, KeysCommand};
use crate::errand::Errand;
use anyhow::Result;
use desk::{GatewayDesk, KeysWish, Request, Work};
use metering::MeterId;
use std::path::PathBuf;

pub(super) async fn run<D: GatewayDesk>(
    errand: &mut Errand<'_, D>,
    command: &KeysCommand,
) -> Result<bool> {
    let wish = match command {
        KeysCommand::Status { meter } => KeysWish::Status {
            meter: meter.as_ref().map(MeterId::to_string),
        },
        KeysCommand::Import(arguments) => import(arguments)?,
        KeysCommand::Rotate {
            meter,
            encryption,
            authentication,
        } => {
            // Without a choice it is both.
            let is_both = encryption == authentication;
            let work = Work::ChangeKeys {
                meter: meter.to_string(),
                encryption: *encryption || is_both,
                authentication: *authentication || is_both,
            };
            return errand.work_and_show(work).await;
        }
    };
    errand.simple(Request::Keys { wish }).await
}

/// All files are looked at before the gateway is told the first key.
fn import(arguments: &ImportArguments) -> Result<KeysWish> {
    let octets = arguments.suite.key_octets();
    let key = |file: &Option<PathBuf>| {
        let file = file.as_deref();
        file.map(|file| key_text(file, octets)).transpose()
    };
    Ok(KeysWish::Import {
        meter: arguments.meter.to_string(),
        suite: arguments.suite.number(),
        encryption: key(&arguments.encryption_key_file)?,
        authentication: key(&arguments.authentication_key_file)?,
        key_encryption: key(&arguments.key_encryption_key_file)?,
        replace: arguments.replace,
    })
}
