//! As whom a DLMS meter is read through a private gateway.

use crate::arguments::DirectArguments;
use crate::dlms_table::DlmsKeys;
use serde::Deserialize;

/// Somebody who may read such a meter, as its model file says.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct ModelAssociation {
    name: String,
    /// `none`, `low` or `gmac`.
    level: String,
}

/// The table of the meter. Without a name it is read by whom a password, or its absence, is enough
/// for.
pub(super) fn keys(
    arguments: &DirectArguments,
    associations: &[ModelAssociation],
) -> Result<DlmsKeys, String> {
    if arguments.level.is_some() {
        return Err(
            "--level is for FLAG meters; a DLMS meter has --association instead".to_owned(),
        );
    }
    if let Some(address) = &arguments.address
        && address.parse::<u16>().is_err()
    {
        return Err(format!(
            "`{address}` is no lower HDLC address; write a number, as --address 17"
        ));
    }
    let association = chosen(arguments, associations)?;
    match (association.level.as_str(), &arguments.password_file) {
        ("gmac", _) => Err(format!(
            "association `{}` needs keys, and there are none with --direct: a second program that \
             uses the keys of a gateway uses up its invocation counters. Ask the gateway that has \
             them (`pmuctl meter …` without --direct), or read the meter as another association",
            association.name
        )),
        ("low", None) => Err(format!(
            "association `{}` needs a password; name its file with --password-file",
            association.name
        )),
        ("none", Some(_)) => Err(format!(
            "association `{}` has no password; leave --password-file away, or name another \
             --association",
            association.name
        )),
        _ => Ok(DlmsKeys {
            association: association.name.clone(),
            client: arguments.client,
            suite: None,
            wrapper: arguments.wrapper,
        }),
    }
}

fn chosen<'a>(
    arguments: &DirectArguments,
    associations: &'a [ModelAssociation],
) -> Result<&'a ModelAssociation, String> {
    let mut all = associations.iter();
    let level = if arguments.password_file.is_some() {
        "low"
    } else {
        "none"
    };
    let found = all.find(|known| match &arguments.association {
        Some(name) => known.name == *name,
        None => known.level == level,
    });
    found.ok_or_else(|| {
        let names: Vec<&str> = associations
            .iter()
            .map(|known| known.name.as_str())
            .collect();
        format!(
            "name one of the model's associations with --association: {}",
            names.join(", ")
        )
    })
}

/// Options that mean nothing for other meters.
pub(super) fn refuse_options(arguments: &DirectArguments) -> Result<(), String> {
    let options = [
        (arguments.association.is_some(), "--association"),
        (arguments.client.is_some(), "--client"),
        (arguments.wrapper, "--wrapper"),
    ];
    match options.iter().find(|(is_given, _)| *is_given) {
        None => Ok(()),
        Some((_, option)) => Err(format!(
            "{option} is for DLMS meters, and this model speaks no DLMS; leave it away, or name \
             another --model"
        )),
    }
}
