//! What people see of a bus.

use super::view::BusView;
use super::{Bus, SHOW_EVERY};
use line::Peer;
use metering::MeterId;
use tokio::time::Instant;

impl Bus {
    /// Renews what people see.
    pub(super) fn show(&mut self) {
        self.show_at = Instant::now() + SHOW_EVERY;
        let status = self.planner.status();
        if self.link.is_open() {
            self.start_walks(&status);
        }
        for book in &mut self.books {
            let peer = Peer(u32::from(book.unit()));
            book.note_late_answers(self.link.late_answers(peer));
        }
        for book in &mut self.flags {
            let late = self.link.late_answers(book.peer());
            book.note_late_answers(late);
        }
        for book in &mut self.dlms {
            let late = self.link.late_answers(book.peer());
            book.note_late_answers(late);
        }
        let planned = |id: &MeterId| status.meters.iter().find(|found| found.id == *id);
        let polled = self.books.iter().map(|book| book.view(planned(book.id())));
        let now = self.parts.clock.now().utc;
        let read = self
            .flags
            .iter()
            .map(|book| book.view(planned(book.id()), now));
        let dlms = self
            .dlms
            .iter()
            .map(|book| book.view(planned(book.id()), now));
        let meters = polled.chain(read).chain(dlms).collect();
        self.view.send_replace(BusView {
            bus: self.parts.settings.id.to_string(),
            state: self.link.state().clone(),
            remarks: self.link.remarks().to_vec(),
            busy_per_mille: u32::from(status.busy_per_mille),
            line: self.link.totals(),
            has_begun: true,
            meters,
        });
    }
}
