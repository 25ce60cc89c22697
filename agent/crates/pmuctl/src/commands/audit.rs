//! The audit chain, taken from the gateway.

use crate::adapters::files::write_new;
use crate::errand::Errand;
use crate::words::from_hex;
use anyhow::{Context, Result, bail};
use desk::{Answer, GatewayDesk, Request};
use serde_json::json;
use std::path::Path;

/// Writes records and the gateway's signature over them into two files.
pub(super) async fn export<D: GatewayDesk>(
    errand: &mut Errand<'_, D>,
    (out, seal): (&Path, &Path),
    from: Option<u64>,
    count: u32,
) -> Result<bool> {
    let request = Request::Audit {
        from: from.unwrap_or(0),
        count,
    };
    let Answer::Audit(piece) = errand.ask(request).await? else {
        bail!("the gateway answered something else; is it as new as this program?");
    };
    if piece.last < piece.first {
        bail!(
            "there is no such record yet; the newest one is {}",
            piece.last
        );
    }
    let signed = piece.seal.as_deref().map(from_hex);
    let signed = signed.flatten().context(
        "the gateway has no key to sign with; `journalctl -u pmu-agent` says why, and \
         `pmuctl store verify` checks the chain there",
    )?;
    write_new(out, piece.lines.as_bytes(), 0o644)?;
    write_new(seal, &signed, 0o644)?;
    let (first, last) = (piece.first, piece.last);
    let (out, seal) = (out.display(), seal.display());
    if errand.is_json {
        let value = json!({"first": first, "last": last, "file": out.to_string(),
                           "seal": seal.to_string()});
        errand.say_json(&value)?;
    } else {
        errand.console.say(&format!(
            "records {first} to {last} in {out}, the gateway's signature over them in {seal}\n\
             prove them at any desk: pmuctl audit verify {out} --seal {seal} --gateway NAME --key FILE\n"
        ))?;
    }
    Ok(true)
}
