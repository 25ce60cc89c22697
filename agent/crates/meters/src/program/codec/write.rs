//! Fields to octets.

use super::super::place::Place;
use super::super::plan::{Announcement, Guard, PagePlan, PlanItem, Role, Subject};
use super::super::record::{BackupPage, PageRecord, ProgramRecord, RecordWork};
use crate::catalogue::Phase;

pub(super) fn record(record: &ProgramRecord, out: &mut Vec<u8>) {
    subject(&record.subject, out);
    match &record.work {
        RecordWork::Pages(pages) => {
            out.push(0);
            page_record(pages, out);
        }
        RecordWork::Dlms(record) => {
            out.push(1);
            // Its own form, which it keeps.
            text(&toml::to_string(record.as_ref()).unwrap_or_default(), out);
        }
    }
}

fn subject(subject: &Subject, out: &mut Vec<u8>) {
    text(&subject.model, out);
    text(&subject.meter, out);
    optional(
        subject.firmware.as_ref(),
        |firmware, out| text(firmware, out),
        out,
    );
}

fn page_record(record: &PageRecord, out: &mut Vec<u8>) {
    out.push(u8::from(record.is_restoring));
    plan(&record.plan, out);
    list(&record.before, |held, out| octets(held, out), out);
    list(&record.backup, backup, out);
    optional(
        record.counter_before.as_ref(),
        |counter, out| out.extend(counter.to_be_bytes()),
        out,
    );
}

fn plan(plan: &PagePlan, out: &mut Vec<u8>) {
    list(&plan.guards, guard, out);
    optional(plan.provisional.as_ref(), guard, out);
    list(
        &plan.backup,
        |(name, at), out| {
            text(name, out);
            place(*at, out);
        },
        out,
    );
    list(&plan.unlock, announcement, out);
    list(&plan.items, item, out);
    list(&plan.apply, announcement, out);
    optional(plan.counter.as_ref(), |at, out| place(*at, out), out);
}

fn guard(guard: &Guard, out: &mut Vec<u8>) {
    text(&guard.name, out);
    place(guard.place, out);
    octets(&guard.octets, out);
}

fn announcement(word: &Announcement, out: &mut Vec<u8>) {
    text(&word.name, out);
    place(word.place, out);
    optional(word.octets.as_ref(), |held, out| octets(held, out), out);
}

fn item(item: &PlanItem, out: &mut Vec<u8>) {
    text(&item.name, out);
    let phase = Phase::ALL.iter().position(|phase| *phase == item.phase);
    out.push(
        phase
            .and_then(|phase| u8::try_from(phase).ok())
            .unwrap_or(0),
    );
    place(item.place, out);
    match &item.role {
        Role::Keep => out.push(0),
        Role::Act { witness, at } => {
            out.push(1);
            place(*witness, out);
            out.extend(at.to_be_bytes());
        }
    }
    octets(&item.wanted, out);
    text(&item.words, out);
    out.push(u8::from(item.clears_profile));
}

fn backup(page: &BackupPage, out: &mut Vec<u8>) {
    text(&page.name, out);
    place(page.place, out);
    match &page.held {
        Ok(held) => {
            out.push(1);
            octets(held, out);
        }
        Err(words) => {
            out.push(0);
            text(words, out);
        }
    }
}

fn place(place: Place, out: &mut Vec<u8>) {
    let (kind, numbers) = match place {
        Place::Registers {
            address,
            count,
            function,
        } => (function.number(), [address, count, 0]),
        Place::Coil { address } => (5, [address, 0, 0]),
        Place::Packets {
            identity,
            first,
            octets,
        } => (0, [identity, first, octets]),
    };
    out.push(kind);
    out.extend(numbers.into_iter().flat_map(u16::to_be_bytes));
}

fn optional<T: ?Sized>(value: Option<&T>, put: impl Fn(&T, &mut Vec<u8>), out: &mut Vec<u8>) {
    out.push(u8::from(value.is_some()));
    if let Some(value) = value {
        put(value, out);
    }
}

fn list<T>(list: &[T], put: impl Fn(&T, &mut Vec<u8>), out: &mut Vec<u8>) {
    length(list.len(), out);
    for entry in list {
        put(entry, out);
    }
}

fn text(text: &str, out: &mut Vec<u8>) {
    octets(text.as_bytes(), out);
}

fn octets(octets: &[u8], out: &mut Vec<u8>) {
    length(octets.len(), out);
    out.extend(octets);
}

fn length(length: usize, out: &mut Vec<u8>) {
    out.extend(u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes());
}
