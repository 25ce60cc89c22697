//! A person's next key: the same person and roles in the key set, and both keys good for a while.

use super::authority::{entry_text, new_key};
use super::say;
use crate::adapters::clock::utc;
use crate::adapters::files::read_text;
use crate::adapters::key_file::operator_key;
use crate::limits::SIGNED_FILE_BYTES_MAX;
use crate::orders::key_set_content;
use crate::words::hex;
use anyhow::{Result, bail};
use serde_json::json;
use std::path::Path;
use std::time::Duration;

/// Makes the next key, and says what becomes of the file of `keyset sign`. That file is a person's: it is
/// not changed.
pub(super) fn rotate(
    (old, from, out): (&Path, &Path, &Path),
    overlap_days: u16,
    json: bool,
) -> Result<bool> {
    let now = utc();
    let name = from.display().to_string();
    let text = read_text(from, u64::try_from(SIGNED_FILE_BYTES_MAX)?)?;
    let content = key_set_content(&name, &text, now)?;
    let public = operator_key(old)?.public();
    let Some(entry) = content.keys.iter().find(|entry| entry.key == public) else {
        bail!(
            "{name}: the key of {} is not in it; name the file of the set that gateways have",
            old.display()
        );
    };
    if entry.is_revoked {
        bail!("{name}: this key is revoked; make a new one with `pmuctl key new`");
    }
    let next = new_key(out)?.public();
    let overlap = Duration::from_hours(24 * u64::from(overlap_days));
    let until = now.after(overlap).min(entry.expires);
    let version = content.version.saturating_add(1);
    let value = json!({
        "old": public.id().to_string(), "until": until.to_string(), "id": next.id().to_string(),
        "public": hex(&next.bytes()), "who": entry.who, "version": version,
        "file": out.display().to_string(),
    });
    let roles: Vec<_> = entry.roles.iter().copied().collect();
    let text = format!(
        "id        {}\nthe private half is in {}, for its owner only; it is never sent to anybody\n{}\n\
         and the old one, key {}, ends after both were good for a while; in its entry:\n\n\
         until = \"{until}\"\n\nthen `version = {version}`, and `pmuctl keyset sign` and `keyset publish`\n",
        next.id(),
        out.display(),
        entry_text(&entry.who, &roles, &next, now),
        public.id(),
    );
    say(json, &value, &text)?;
    Ok(true)
}
