//! The table of a DLMS meter in the configuration.

use crate::direct::quoted;
use std::path::Path;

/// How a DLMS meter is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DlmsKeys {
    /// The association of its model.
    pub association: String,
    /// Its client, where this meter has another one than its model says.
    pub client: Option<u16>,
    /// The suite of its keys, if it has keys.
    pub suite: Option<u8>,
    /// Whether it is behind the wrapper.
    pub wrapper: bool,
}

/// `dlms = { … }` of a meter's entry. A lower address that is no number is written as a text: the
/// gateway's complaint then names it.
pub(crate) fn dlms_line(
    keys: &DlmsKeys,
    lower: Option<&str>,
    password_file: Option<&Path>,
) -> String {
    let mut words = Vec::new();
    if let Some(lower) = lower {
        let number = lower.parse::<u16>().map(|number| number.to_string());
        let number = number.unwrap_or_else(|_| quoted(lower));
        words.push(format!("lower-address = {number}"));
    }
    if keys.wrapper {
        words.push("wrapper = true".to_owned());
    }
    words.push(format!("association = {}", quoted(&keys.association)));
    words.extend(keys.client.map(|client| format!("client = {client}")));
    words.extend(keys.suite.map(|suite| format!("suite = {suite}")));
    if let Some(file) = password_file {
        let file = quoted(&file.to_string_lossy());
        words.push(format!("password-file = {file}"));
    }
    format!("dlms = {{ {} }}", words.join(", "))
}
