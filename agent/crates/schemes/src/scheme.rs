//! Schemes as files: TOML that people write, its canonical form and fingerprint.

mod atoms;
mod calendar_form;
mod capability_form;
mod compare;
mod dst_check;
mod form;
mod library;
mod notebook;
mod number;
mod page_form;
mod rate;
mod read;
mod register_form;
mod schema;
mod split;
mod validate;
mod write;
mod year;

pub use crate::complaint::{Complaint, Complaints};
pub(crate) use atoms::quoted;
pub use capability_form::{LimitFact, ModelLimits, parse_limits};
pub use compare::{ComparedField, Difference, GENERAL, compare, compare_three};
pub use dst_check::{DstDifference, dst_differences};
pub(crate) use form::kind;
pub use library::{FileChange, Library, LibraryEntry, LibraryFault, SCHEMES_MAX, where_used};
pub use rate::{DayReason, Rates, Tariff, Undecided, Why, rate_at};
pub use read::{FILE_BYTES_MAX, parse_scheme};
pub use schema::json_schema;
pub use split::{RegisterShare, Split, SplitFault, split};
pub use validate::{
    Finding, FindingSeverity, Usage, cleared_profiles, clock_findings, may_be_transferred,
    next_billing_dates, usage, validate,
};
pub use write::{Fingerprint, canonical_text, fingerprint};
pub use year::{Segment, UnknownZone, clock_zone, expand, expand_year, zone_named, zone_of_rule};

#[cfg(test)]
mod arbitrary;
#[cfg(test)]
mod tests;

/// Whatever text is given, the readers do not panic, and what it takes it can write and take
/// again.
///
/// # Panics
///
/// Where that does not hold.
pub fn fuzz_scheme(text: &str) {
    drop(parse_limits("fuzz", text));
    match parse_scheme("fuzz", text) {
        Ok(scheme) => {
            let canonical = canonical_text(&scheme);
            let again = parse_scheme("canonical", &canonical);
            assert!(again.is_ok_and(|again| again == scheme), "{canonical}");
        }
        Err(complaints) => assert!(!complaints.all.is_empty(), "a refusal says why"),
    }
}
