//! The keys of registers and profiles.

use super::form::{Fields, Form, Key, Plain, Usual};
use super::number::{MayWithin, Within};
use metering::scheme::{
    CustomerRegister, Demand, MdRegister, ProfilePlan, Ratios, Reads, Term, TotalRegister,
    TouRegister,
};

/// Registers of one kind, and numbers of registers.
pub(super) const REGISTERS_MAX: usize = 32;
/// Terms of a customer-defined register, in a file.
const TERMS_MAX: usize = 16;

impl Form for Reads {
    fn fields(&mut self, to: &mut dyn Fields) {
        let about = "totals, registers by rate, maxima";
        let slot = &mut Usual(&mut self.registers);
        to.value(Key::may("registers", about), slot);
        let about = "so many of the newest billing sets";
        let slot = &mut MayWithin(&mut self.billing_sets, 1..=400);
        to.value(Key::may("billing-sets", about), slot);
        let about = "so many of the newest days of the load profile";
        let slot = &mut MayWithin(&mut self.profile_days, 1..=3660);
        to.value(Key::may("load-profile-days", about), slot);
        let about = "so many of the newest days of the instrumentation profile";
        let slot = &mut MayWithin(&mut self.instrument_days, 1..=3660);
        to.value(Key::may("instrumentation-profile-days", about), slot);
        let about = "event counters and logs";
        to.value(Key::may("events", about), &mut Usual(&mut self.events));
        let about = "what the meter is set to";
        to.value(Key::may("settings", about), &mut Usual(&mut self.settings));
    }
}

impl Form for Ratios {
    fn fields(&mut self, to: &mut dyn Fields) {
        let mut ampere = |name, about, slot| {
            to.value(Key::may(name, about), &mut MayWithin(slot, 1..=1_000_000));
        };
        ampere("ct-primary-a", "primary current, A", &mut self.ct_primary);
        ampere(
            "ct-secondary-a",
            "secondary current, A",
            &mut self.ct_secondary,
        );
        ampere("vt-primary-v", "primary voltage, V", &mut self.vt_primary);
        ampere(
            "vt-secondary-v",
            "secondary voltage, V",
            &mut self.vt_secondary,
        );
        let about = "whether the display shows values of the primary side";
        to.value(Key::may("show-primary", about), &mut self.show_primary);
    }
}

impl Form for TotalRegister {
    fn fields(&mut self, to: &mut dyn Fields) {
        let key = Key::need("source", "what it counts");
        to.value(key, &mut Plain(&mut self.source));
        let about = "digits behind the decimal point";
        let slot = &mut MayWithin(&mut self.decimals, 0..=6);
        to.value(Key::may("decimals", about), slot);
    }

    fn label(&self) -> Option<String> {
        Some(self.source.to_string())
    }
}

impl Form for CustomerRegister {
    fn fields(&mut self, to: &mut dyn Fields) {
        let slot = &mut Within(&mut self.number, 1..=32);
        to.value(Key::need("number", "its number"), slot);
        let key = Key::many("term", "what is added up", TERMS_MAX).inline();
        to.tables(key, &mut self.terms);
    }

    fn label(&self) -> Option<String> {
        Some(self.number.to_string())
    }
}

impl Form for Term {
    fn fields(&mut self, to: &mut dyn Fields) {
        let about = "plus (if absent) or minus";
        to.value(Key::may("sign", about), &mut Usual(&mut self.sign));
        let key = Key::need("source", "what");
        to.value(key, &mut Plain(&mut self.source));
    }
}

impl Form for TouRegister {
    fn fields(&mut self, to: &mut dyn Fields) {
        let slot = &mut Within(&mut self.number, 1..=32);
        to.value(Key::need("number", "its number"), slot);
        let key = Key::need("source", "what it counts");
        to.value(key, &mut Plain(&mut self.source));
        let about = "the rate of energy while which it counts";
        let slot = &mut Within(&mut self.rate, 1..=32);
        to.value(Key::need("rate", about), slot);
        to.value(Key::may("name", "what people call it"), &mut self.name);
    }

    fn label(&self) -> Option<String> {
        Some(self.number.to_string())
    }
}

impl Form for Demand {
    fn fields(&mut self, to: &mut dyn Fields) {
        let about = "length of the demand period in minutes";
        let slot = &mut Within(&mut self.period_minutes, 1..=1440);
        to.value(Key::need("period-minutes", about), slot);
        let about = "fixed (if absent) or sliding";
        to.value(Key::may("window", about), &mut Usual(&mut self.window));
        let about = "into how many sub-periods a sliding period is divided";
        let slot = &mut MayWithin(&mut self.sub_periods, 1..=60);
        to.value(Key::may("sub-periods", about), slot);
        let about = "whether the display shows the demand of the running period";
        to.value(Key::may("show-rising", about), &mut self.show_rising);
        let about = "whether maxima are added up over billing periods";
        to.value(Key::may("cumulative", about), &mut self.cumulative);
        let about = "registers for maxima";
        to.tables(
            Key::many("register", about, REGISTERS_MAX),
            &mut self.registers,
        );
    }
}

impl Form for MdRegister {
    fn fields(&mut self, to: &mut dyn Fields) {
        let slot = &mut Within(&mut self.number, 1..=32);
        to.value(Key::need("number", "its number"), slot);
        let key = Key::need("source", "whose demand");
        to.value(key, &mut Plain(&mut self.source));
        let about = "rates of demand while which it is kept; absent = always";
        to.value(Key::may("rates", about), &mut Usual(&mut self.rates));
    }

    fn label(&self) -> Option<String> {
        Some(self.number.to_string())
    }
}

impl Form for ProfilePlan {
    fn fields(&mut self, to: &mut dyn Fields) {
        let about = "length of an interval in minutes";
        let slot = &mut Within(&mut self.period_minutes, 1..=1440);
        to.value(Key::need("period-minutes", about), slot);
        let about = "how many days have to fit";
        let slot = &mut MayWithin(&mut self.days_wanted, 1..=3660);
        to.value(Key::may("days-wanted", about), slot);
        let about = "its columns, by OBIS code";
        to.value(Key::need("channels", about), &mut self.channels);
    }
}
