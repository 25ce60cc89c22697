//! Listens to a foreign master and its meters. Nothing is sent.

use super::sessions::alive;
use super::{Bus, LineJob};
use crate::hex::hex;
use crate::jobs::Ticket;
use crate::limits::{HEARD_RUNS_MAX, LISTEN_LONGEST, SCAN_HOLD_MAX, SCAN_HOLD_MIN};
use desk::{Outcome, Progress, TraceLine};
use iec62056_21::codec::explain;
use iec62056_21::conversation::overhear;
use line::{LineFault, LineSettings, Run};
use meters::planner::{Respect, SessionEnd, SessionRequest, SessionTurn};
use std::ops::ControlFlow;
use std::time::Duration;
use tokio::time::Instant;

/// A silence that ends a run at least: adapters hand octets over up to 16 ms late.
const SILENCE_MIN: Duration = Duration::from_millis(20);

/// A job that listens.
pub(super) struct Listening {
    ticket: Ticket,
    begun: Instant,
    /// How much longer.
    left: Duration,
    longest: Duration,
    lines: Vec<TraceLine>,
}

impl Bus {
    /// Begins to listen. Samples of totals are taken all the same; everything else waits.
    pub(super) fn listen_to(&mut self, ticket: Ticket, seconds: u32) {
        if let Some(trouble) = self.line_trouble() {
            return ticket.failed(trouble);
        }
        let longest = Duration::from_secs(u64::from(seconds)).min(LISTEN_LONGEST);
        self.token += 1;
        let request = SessionRequest {
            meter: None,
            token: self.token,
            hold_min: SCAN_HOLD_MIN,
            hold_max: SCAN_HOLD_MAX,
            respect: Respect::Samples,
        };
        if let Err(error) = self.planner.ask_session(request) {
            return ticket.failed(super::work::busy(&error.to_string()));
        }
        let listening = Listening {
            ticket,
            begun: Instant::now(),
            left: longest,
            longest,
            lines: Vec::new(),
        };
        let job = LineJob::Listen(Box::new(listening));
        self.line_jobs.insert(self.token, job);
    }

    /// One turn of listening.
    pub(super) async fn listen_on(
        &mut self,
        token: u64,
        mut job: Box<Listening>,
        turn: &SessionTurn,
    ) -> SessionEnd {
        let over = SessionEnd::Worked {
            unfinished: Vec::new(),
            more: false,
        };
        if job.ticket.is_cancelled() {
            let progress = job.progress();
            job.ticket.cancelled(progress);
            return over;
        }
        let settings = self.parts.settings.link.line().copied();
        let begun = Instant::now();
        let until = begun + turn.hold_max.max(SCAN_HOLD_MIN).min(job.left);
        job.ticket.runs(job.progress());
        let Some(line) = self.link.line() else {
            return SessionEnd::LineGone;
        };
        let pulse = self.parts.pulse.clone();
        let mut take = |run: Run| {
            pulse.beat();
            job.heard(&run);
            if job.ticket.is_cancelled() || job.lines.len() >= HEARD_RUNS_MAX {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        };
        let heard = overhear(line, until, silence(settings), &mut take);
        let at_most = SCAN_HOLD_MAX + SCAN_HOLD_MIN;
        let shutdown = self.parts.shutdown.clone();
        let heard = tokio::select! {
            heard = alive(heard, &pulse, at_most, &shutdown) => heard,
            () = shutdown.cancelled() => None,
        };
        if let Some(Err(LineFault::Gone(error))) = heard {
            let change = self.link.lost(&error);
            self.say(change).await;
            job.ticket
                .failed(super::work::line_gone(&error.to_string()));
            return SessionEnd::LineGone;
        }
        job.left = job.left.saturating_sub(begun.elapsed());
        if job.left.is_zero() || job.lines.len() >= HEARD_RUNS_MAX {
            job.ticket.done(Outcome::Heard(job.lines));
            return over;
        }
        self.line_jobs.insert(token, LineJob::Listen(job));
        SessionEnd::Worked {
            unfinished: Vec::new(),
            more: true,
        }
    }
}

impl Listening {
    fn progress(&self) -> Progress {
        let heard = self.lines.len();
        Progress {
            done: self.longest.saturating_sub(self.left).as_secs(),
            total: self.longest.as_secs(),
            words: format!("{heard} runs of bytes heard"),
        }
    }

    fn heard(&mut self, run: &Run) {
        let is_request = is_request(&run.octets);
        let at = run.began_at.saturating_duration_since(self.begun);
        let modbus = meters::modbus::explain(&run.octets, is_request);
        self.lines.push(TraceLine {
            at_us: u64::try_from(at.as_micros()).unwrap_or(u64::MAX),
            direction: if is_request { '>' } else { '<' },
            fate: "overheard".to_owned(),
            bytes: hex(&run.octets),
            meaning: modbus.unwrap_or_else(|| explain(&run.octets, is_request)),
        });
    }
}

/// Whether octets begin as only a master's do: a sign-on, an option select, a command.
pub(super) fn is_request(octets: &[u8]) -> bool {
    let mut bare = octets.iter().map(|octet| octet & 0x7f);
    match bare.next() {
        Some(b'/') => bare.next() == Some(b'?'),
        Some(0x01) => true,
        Some(0x06) => octets.len() >= 6,
        _ => false,
    }
}

fn silence(line: Option<LineSettings>) -> Duration {
    let own = line.map(|line| line.silence()).unwrap_or_default();
    own.max(SILENCE_MIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(octets: &[u8], expected: bool) {
        assert_eq!(is_request(octets), expected, "{octets:02x?}");
    }

    #[test]
    fn what_only_a_master_says_is_told_from_answers() {
        check(b"/?001!\r\n", true);
        check(b"\xaf\x3f!\r\n", true);
        check(b"\x06051\r\n", true);
        check(b"\x06", false);
        check(b"\x01R1\x02507001(40)\x03\x13", true);
        check(b"/GEC5090100100400@000\r\n", false);
        check(b"\x02(00)\x03\x02", false);
    }
}
