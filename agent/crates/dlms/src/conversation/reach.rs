//! Whether anybody answers at an address, before any association.

use line::{GuardedLine, Line};

use super::fault::SessionFault;
use super::link::Link;
use super::terms::Terms;

/// Opens the link and closes it again: nothing is proven, and no password is tried. Over TCP this
/// asks nothing, because only an association does.
pub async fn reach<L: Line>(line: &mut GuardedLine<L>, terms: &Terms) -> Result<(), SessionFault> {
    let mut link = Link::open(line, terms).await?;
    link.close().await
}
