//! What a manifest claims.

use crate::Outcome;
use crate::arguments::Inspect;
use crate::fault::Fault;
use crate::opened::{Form, Opened};
use crate::words::{hex, table};
use bootloader_verify::Sealed;

pub(crate) fn inspect(order: &Inspect) -> Result<Outcome, Fault> {
    let opened = Opened::open(&order.file, Form::of(order.slot))?;
    let sealed =
        Sealed::parse(&opened.block).map_err(|fault| Fault::unusable(&order.file, fault))?;
    let claims = sealed.claims();
    let expires = match claims.expires {
        0 => "never".to_owned(),
        seconds => seconds.to_string(),
    };
    let lines = [
        ("role", claims.role.word().to_owned()),
        ("product", claims.product.clone()),
        ("board", claims.board.clone()),
        ("arch", claims.arch.clone()),
        ("version", claims.version.clone()),
        ("kernel", claims.kernel.clone()),
        ("counter", claims.counter.to_string()),
        ("close-door", yes_or_no(claims.close_door)),
        ("data-blocks", claims.geometry.data_blocks().to_string()),
        ("tree-blocks", claims.geometry.tree_blocks().to_string()),
        ("salt", hex(&claims.salt)),
        ("root", hex(&claims.root)),
        ("image-sha256", hex(&claims.image_sha256)),
        ("payload-bytes", claims.payload_bytes.to_string()),
        ("payload-sha256", hex(&claims.payload_sha256)),
        ("key", claims.key.to_string()),
        ("built", claims.built.to_string()),
        ("expires", expires),
    ];
    Ok(Outcome::good(format!(
        "# unproven: `bootloader-verify check` proves it\n{}",
        table(&lines)
    )))
}

fn yes_or_no(yes: bool) -> String {
    if yes { "yes" } else { "no" }.to_owned()
}
