//! The keys of a scheme, and of its pages that are neither calendar nor registers.

use super::form::{Fields, Form, Key, Plain, Usual};
use super::number::{MayWithin, Within};
use super::register_form::REGISTERS_MAX;
use metering::scheme::{
    Billing, Communications, DisplayItem, DisplayList, Indicators, NewPassword, PulseInput,
    PulseOutput, Scheme,
};

/// The number of this form of file; a reader takes no other.
const FORMAT: u32 = 1;
/// Lists of the display: one of each kind.
const DISPLAYS_MAX: usize = 3;
/// Items of a list of the display, in a file.
const ITEMS_MAX: usize = 200;

/// A file: the number of its form, and what it says.
pub(super) struct Document {
    pub(super) format: u32,
    pub(super) scheme: Scheme,
}

impl Document {
    pub(super) const fn of(scheme: Scheme) -> Self {
        Self {
            format: FORMAT,
            scheme,
        }
    }
}

impl Form for Document {
    fn fields(&mut self, to: &mut dyn Fields) {
        let slot = &mut Within(&mut self.format, FORMAT..=FORMAT);
        to.value(Key::need("format", "the form of this file: 1"), slot);
        general(&mut self.scheme, to);
        registers(&mut self.scheme, to);
        service(&mut self.scheme, to);
    }
}

fn general(scheme: &mut Scheme, to: &mut dyn Fields) {
    let key = Key::need("name", "the name of the scheme");
    to.value(key, &mut Plain(&mut scheme.name));
    let about = "what it is for: read, program or both";
    to.value(Key::need("purpose", about), &mut Plain(&mut scheme.purpose));
    let about = "the meter model, as the catalogue names it";
    to.value(
        Key::need("meter-type", about),
        &mut Plain(&mut scheme.meter_type),
    );
    let about = "beginnings of model codes that it fits; absent = all";
    to.value(Key::may("model-codes", about), &mut scheme.model_codes);
    to.value(Key::may("author", "who made it"), &mut scheme.author);
    let slot = &mut Within(&mut scheme.version, 1..=1_000_000);
    to.value(Key::need("version", "its version, from 1"), slot);
    to.value(
        Key::may("notes", "what people should know"),
        &mut scheme.notes,
    );
    let about = "what is done with the meter's clock: leave (if absent), adjust or set";
    to.value(Key::may("time", about), &mut Usual(&mut scheme.time));
}

fn registers(scheme: &mut Scheme, to: &mut dyn Fields) {
    to.table(Key::may("reads", "what is read"), &mut scheme.reads);
    to.table(Key::may("ratios", "transformers"), &mut scheme.ratios);
    let about = "registers that count all the time";
    let key = Key::many("total", about, REGISTERS_MAX);
    to.tables(key, &mut scheme.totals);
    let about = "registers that the customer defines as a sum";
    let key = Key::many("customer-register", about, REGISTERS_MAX);
    to.tables(key, &mut scheme.customer);
    let about = "registers that count while their rate is active";
    let key = Key::many("tou-register", about, REGISTERS_MAX);
    to.tables(key, &mut scheme.tou);
    to.table(
        Key::may("demand", "how demand is formed"),
        &mut scheme.demand,
    );
    let about = "the load profile that the meter keeps";
    to.table(Key::may("load-profile", about), &mut scheme.profile);
    let about = "the instrumentation profile that the meter keeps";
    to.table(
        Key::may("instrumentation-profile", about),
        &mut scheme.instruments,
    );
    let about = "the calendar: which rates are active when";
    to.table(Key::may("calendar", about), &mut scheme.calendar);
    let about = "a calendar that waits in the meter for its date";
    to.table(Key::may("deferred", about), &mut scheme.deferred);
}

fn service(scheme: &mut Scheme, to: &mut dyn Fields) {
    let about = "when the meter closes a billing period";
    to.table(Key::may("billing", about), &mut scheme.billing);
    let key = Key::many("display", "lists of the display", DISPLAYS_MAX);
    to.tables(key, &mut scheme.displays);
    let about = "signs of the display, and alarms";
    to.table(Key::may("indicators", about), &mut scheme.indicators);
    let key = Key::many("pulse-output", "pulse outputs", REGISTERS_MAX);
    to.tables(key, &mut scheme.outputs);
    let key = Key::many("pulse-input", "pulse inputs", REGISTERS_MAX);
    to.tables(key, &mut scheme.inputs);
    let key = Key::many("password", "new passwords, sealed", 3);
    to.tables(key, &mut scheme.passwords);
    let about = "the meter's ports; written last";
    to.table(
        Key::may("communications", about),
        &mut scheme.communications,
    );
}

impl Form for Billing {
    fn fields(&mut self, to: &mut dyn Fields) {
        let about = "day-1 (every month), 04-01 (every year), 2026-04-01 (once)";
        to.value(Key::may("dates", about), &mut self.dates);
        to.value(Key::may("time", "at which time"), &mut self.time);
        let about = "what keeps a second reset away: none (if absent), midnight or minutes";
        to.value(Key::may("lockout", about), &mut Usual(&mut self.lockout));
        let about = "how long, for the lockout minutes";
        let slot = &mut MayWithin(&mut self.lockout_minutes, 1..=44_640);
        to.value(Key::may("lockout-minutes", about), slot);
        let about = "whether the button at the meter closes a period";
        to.value(Key::may("button", about), &mut self.button);
        to.value(Key::may("input", "whether an input does"), &mut self.input);
        to.value(
            Key::may("command", "whether a command does"),
            &mut self.command,
        );
    }
}

impl Form for DisplayList {
    fn fields(&mut self, to: &mut dyn Fields) {
        let about = "default (shown always), utility or service";
        to.value(Key::need("list", about), &mut Plain(&mut self.kind));
        let about = "whether zeros fill the digits in front";
        to.value(Key::may("leading-zeros", about), &mut self.leading_zeros);
        let about = "what is shown, in this order";
        let key = Key::many("item", about, ITEMS_MAX).inline();
        to.tables(key, &mut self.items);
    }

    fn label(&self) -> Option<String> {
        use metering::scheme::Word;
        Some(self.kind.word().to_owned())
    }
}

impl Form for DisplayItem {
    fn fields(&mut self, to: &mut dyn Fields) {
        let key = Key::need("source", "what is shown");
        to.value(key, &mut Plain(&mut self.source));
        let about = "text beside it; absent = the OBIS code";
        to.value(Key::may("label", about), &mut self.label);
        let slot = &mut MayWithin(&mut self.dwell_seconds, 1..=3600);
        to.value(Key::may("dwell-seconds", "how long"), slot);
        let about = "digits before the decimal point";
        let slot = &mut MayWithin(&mut self.digits, 1..=12);
        to.value(Key::may("digits", about), slot);
        let slot = &mut MayWithin(&mut self.decimals, 0..=6);
        to.value(Key::may("decimals", "digits behind it"), slot);
    }
}

impl Form for Indicators {
    fn fields(&mut self, to: &mut dyn Fields) {
        let about = "what marks of phases mean: present, failed or off";
        to.value(Key::may("phases", about), &mut self.phases);
        let mut flag = |name, about, slot: &mut Option<bool>| {
            to.value(Key::may(name, about), slot);
        };
        let about = "whether errors are shown as a message";
        flag("error-message", about, &mut self.error_message);
        let about = "whether errors are shown as a sign";
        flag("error-icon", about, &mut self.error_icon);
        flag("quadrant", "whether it is shown", &mut self.quadrant);
        let about = "whether traffic is shown";
        flag("communication", about, &mut self.communication);
        let about = "whether reverse running is shown";
        flag("reverse-run", about, &mut self.reverse_run);
        let about = "whether reverse running of each phase is shown";
        flag("reverse-run-phases", about, &mut self.reverse_run_phases);
        let about = "whether reverse running raises an alarm";
        flag("reverse-run-alarm", about, &mut self.reverse_run_alarm);
        let about = "below how many volts a phase has failed";
        let slot = &mut MayWithin(&mut self.phase_fail_volts, 0..=1000);
        to.value(Key::may("phase-fail-volts", about), slot);
    }
}

impl Form for PulseOutput {
    fn fields(&mut self, to: &mut dyn Fields) {
        let slot = &mut Within(&mut self.number, 1..=32);
        to.value(Key::need("number", "its number"), slot);
        let key = Key::need("source", "what it counts out");
        to.value(key, &mut Plain(&mut self.source));
        let about = "what one pulse is worth in Wh, varh or VAh";
        let slot = &mut Within(&mut self.units_per_pulse, 1..=1_000_000_000);
        to.value(Key::need("units-per-pulse", about), slot);
        let slot = &mut MayWithin(&mut self.width_ms, 1..=10_000);
        to.value(Key::may("width-ms", "length of a pulse"), slot);
    }

    fn label(&self) -> Option<String> {
        Some(self.number.to_string())
    }
}

impl Form for PulseInput {
    fn fields(&mut self, to: &mut dyn Fields) {
        let slot = &mut Within(&mut self.number, 1..=32);
        to.value(Key::need("number", "its number"), slot);
        let about = "electricity, gas, water, heat or alarm";
        to.value(Key::need("kind", about), &mut Plain(&mut self.kind));
        let about = "what a pulse is worth, as a decimal number: \"0.1\"";
        to.value(Key::may("pulse-value", about), &mut self.pulse_value);
        to.value(Key::may("unit", "of the pulse value"), &mut self.unit);
    }

    fn label(&self) -> Option<String> {
        Some(self.number.to_string())
    }
}

impl Form for NewPassword {
    fn fields(&mut self, to: &mut dyn Fields) {
        let slot = &mut Within(&mut self.level, 1..=3);
        to.value(Key::need("level", "access level, 1 to 3"), slot);
        let about = "the sealed password in hexadecimal digits; never in plain";
        to.value(Key::need("sealed", about), &mut Plain(&mut self.password));
    }

    fn label(&self) -> Option<String> {
        Some(self.level.to_string())
    }
}

impl Form for Communications {
    fn fields(&mut self, to: &mut dyn Fields) {
        let slot = &mut MayWithin(&mut self.baud, 300..=115_200);
        to.value(Key::may("baud", "speed of the port"), slot);
        let about = "whether data streams are used";
        to.value(Key::may("data-stream", about), &mut self.data_stream);
        let about = "after how many seconds without traffic the meter hangs up";
        let slot = &mut MayWithin(&mut self.inactivity_seconds, 1..=3600);
        to.value(Key::may("inactivity-seconds", about), slot);
        let about = "whether the meter feeds its modem";
        to.value(Key::may("modem-power", about), &mut self.modem_power);
    }
}
