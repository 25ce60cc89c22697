//! Mode E: a meter that is signed on as by IEC 62056-21 before it speaks HDLC.
//!
//! The sign-on is that of `iec62056-21`, the session that of `dlms`; neither knows of the other. In
//! between the line is handed over: from the option select on the session has promised the meter's
//! good-bye, and the settings of the line behind it.

use super::fault::DlmsFault;
use ::dlms::conversation::{Beginning, SessionFault as DlmsSessionFault, Step, Terms};
use iec62056_21::codec::{Baud, MeterAddress};
use iec62056_21::conversation::{Opening, ParityBy, hand_over_hdlc};
use line::{DataBits, GuardedLine, Line, LineFault, LineSettings, Parity};
use std::num::NonZeroU8;
use std::time::Duration;
use tokio::time::Instant;

/// IEC 62056-21, 6.4.1: a meter is opened at this speed.
const OPENING_BAUD: u32 = 300;
/// A sign-on is tried so often at most: each takes seconds that others wait for.
const ATTEMPTS: NonZeroU8 = NonZeroU8::new(2).unwrap();
/// A session that has come so far has at least so long for what it was opened for.
const WORK_MIN: Duration = Duration::from_secs(3);

/// How a meter of mode E is signed on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModeE {
    /// Its outstation number; without one the only such meter of the line is asked.
    pub address: Option<MeterAddress>,
    /// How the line is set for everybody else, and again behind the session. HDLC is not spoken
    /// faster than this, nor otherwise than with eight bits.
    pub usual: LineSettings,
}

impl ModeE {
    /// Line time of a sign-on that is answered at once: some forty characters at 300 baud, the
    /// meter's reaction and the change of speed.
    pub const LINE_TIME: Duration = Duration::from_millis(2200);

    /// Signs the meter on and hands the line over: the next session over it has to be opened with
    /// these terms, which it is the time for at once. If it fails, the line is as it was.
    pub async fn sign_on<L: Line>(
        &self,
        line: &mut GuardedLine<L>,
        terms: &mut Terms,
    ) -> Result<(), DlmsFault> {
        let begun = Instant::now();
        let sign_on = self.terms(terms);
        hand_over_hdlc(line, &sign_on)
            .await
            .map_err(|fault| DlmsFault::SignOn(Box::new(fault)))?;
        terms.beginning = Beginning::HandedOver {
            restore: Some(self.usual),
        };
        let left = terms.hold_max.saturating_sub(begun.elapsed());
        terms.hold_max = left.max(WORK_MIN.min(terms.hold_max));
        Ok(())
    }

    fn terms(&self, session: &Terms) -> iec62056_21::conversation::Terms {
        let address = self.address.clone();
        let mut terms = iec62056_21::conversation::Terms::new(session.peer, address);
        let mut slower = Baud::ALL.into_iter().rev();
        let fits = |baud: &Baud| baud.bits_per_second() <= self.usual.baud;
        terms.opening = Opening::Negotiated {
            baud_max: slower.find(fits).unwrap_or(Baud::B300),
        };
        // Seven bits and even parity are, on the wire, eight bits whose eighth is the parity: only
        // the speed of the port has to change.
        terms.line = Some(LineSettings {
            baud: OPENING_BAUD,
            data_bits: DataBits::Eight,
            parity: Parity::None,
            ..self.usual
        });
        terms.parity = ParityBy::Software;
        terms.restore = Some(self.usual);
        terms.attempts = session.attempts.min(ATTEMPTS);
        terms.hold_max = session.hold_max;
        terms
    }

    /// What a fault of the session behind the sign-on means: where nobody has answered, the meter
    /// was there a moment ago.
    pub fn explain(fault: DlmsFault) -> DlmsFault {
        match fault {
            DlmsFault::Session(DlmsSessionFault::Line {
                step: Step::Link,
                fault: LineFault::Silent { .. } | LineFault::Damaged { .. },
            }) => DlmsFault::SilentBehindSignOn,
            other => other,
        }
    }
}
