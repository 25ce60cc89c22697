//! What a person sees of a demonstration now.

use super::super::cast::Player;
use super::super::desk::MeterState;
use super::super::keeper::Keeper;
use super::super::table::{Line, OwnLine, Scene};
use super::Play;

impl Play<'_> {
    pub(super) fn scene(&self) -> Scene {
        Scene {
            elapsed: self.began.elapsed(),
            stop_after: self.stop_after,
            lines: self.cast.players.iter().map(|one| self.line(one)).collect(),
            own_lines: self.cast.keepers().map(|one| self.own_line(one)).collect(),
            registers: self.registers.compared(),
            busy_per_mille: self.cast.busy_per_mille(self.opened),
            requests: self.gateway.requests,
            damaged: self.gateway.damaged,
            late: self.gateway.late,
            waiting: self.gateway.waiting,
            watermarks: self.gateway.watermarks,
            clients: self.stage.connected(),
            uplink: self.gateway.uplink.clone(),
        }
    }

    fn known(&self, meter: &str) -> Option<&MeterState> {
        let mut meters = self.meters.iter();
        meters.find(|known| known.made.meter == meter)
    }

    fn line(&self, player: &Player) -> Line {
        let known = self.known(player.id);
        Line {
            meter: player.id,
            model: player.model,
            state: known.map_or_else(|| "-".to_owned(), |meter| meter.state.clone()),
            stored: known.map_or(0, |meter| meter.made.intervals),
            late: known.map_or(0, |meter| meter.late),
            booked: self.report.of(player.id),
        }
    }

    fn own_line(&self, keeper: &dyn Keeper) -> OwnLine {
        let known = self.known(keeper.id());
        let mut errands = self.errands.iter();
        OwnLine {
            meter: keeper.id(),
            model: keeper.model(),
            protocol: keeper.protocol(),
            address: keeper.address(),
            state: known.map_or_else(|| "-".to_owned(), |meter| meter.state.clone()),
            stored: known.map_or(0, |meter| meter.made.intervals),
            clock_error_ms: known.and_then(|meter| meter.clock_error_ms),
            booked: self.report.of(keeper.id()),
            is_whole: errands.any(|errand| errand.meter() == keeper.id() && errand.is_done()),
        }
    }
}
