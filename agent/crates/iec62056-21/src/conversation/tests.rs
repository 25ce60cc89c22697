mod efficiency;
mod meter;
mod openings;
mod readouts;
mod sessions;
mod sets;
mod streams;
mod troubles;
mod vectors;
mod wire;

use std::num::NonZeroU8;

use line::{Line, Peer};

use super::{LogOn, Session, SessionFault, Terms};
use crate::codec::{MeterAddress, Password};

fn terms() -> Terms {
    Terms::new(Peer(1), Some(MeterAddress::new("001").unwrap()))
}

fn once(terms: Terms) -> Terms {
    Terms {
        attempts: NonZeroU8::MIN,
        ..terms
    }
}

fn elster(password: &str) -> LogOn {
    LogOn::Elster {
        password: Password::new(password).unwrap(),
        public_first: false,
    }
}

/// Opened and logged on.
async fn session<L: Line>(
    guard: &mut line::GuardedLine<L>,
    terms: Terms,
) -> Result<Session<'_, L>, SessionFault> {
    let mut session = Session::open(guard, &terms).await?;
    session.log_on(&elster(meter::PASSWORD)).await?;
    Ok(session)
}
