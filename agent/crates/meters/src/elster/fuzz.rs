//! Doors for the fuzz targets; property tests use them too.

use super::content::ContentReader;
use super::profile::{ProfileDecoder, ProfileOptions, ProfileRead};
use crate::catalogue::flag::{FlagModel, ProfileModel};
use crate::clock_basis::ClockBasis;
use metering::{MeterTime, Timestamp};

/// Octets of the longest profile that is tried.
const PROFILE_OCTETS_MAX: usize = 64 * 1024;

/// Any octets are a load profile: packets may cut it anywhere, rows are in order, no octet goes
/// without a record, an event or an end.
///
/// # Panics
///
/// When the decoder breaks that promise.
pub fn fuzz_profile(model: &FlagModel, data: &[u8]) {
    let Some((&[cut, basis], octets)) = data.split_first_chunk::<2>() else {
        return;
    };
    let octets = octets.get(..PROFILE_OCTETS_MAX).unwrap_or(octets);
    let bases = ["utc", "+05:30", "posix:CET-1CEST,M3.5.0,M10.5.0/3"];
    let basis = bases.get(usize::from(basis) % bases.len());
    let basis = basis.and_then(|text| text.parse::<ClockBasis>().ok());
    let basis = basis.unwrap_or_else(ClockBasis::utc);
    for profile in model.profile.iter().chain(&model.instrumentation) {
        let whole = decode(model, profile, &basis, octets, octets.len().max(1));
        let cut = decode(model, profile, &basis, octets, usize::from(cut).max(1));
        assert_eq!(whole, cut, "where packets end changes nothing");
        for piece in &whole.pieces {
            assert!(!piece.rows.is_empty(), "a piece has rows");
            for row in &piece.rows {
                assert_eq!(row.values.len(), piece.columns.channels.len());
                assert!(row.end > Timestamp::default() && row.parts > 0);
            }
        }
    }
}

fn decode(
    model: &FlagModel,
    profile: &ProfileModel,
    basis: &ClockBasis,
    octets: &[u8],
    cut: usize,
) -> ProfileRead {
    let options = ProfileOptions {
        basis: basis.clone(),
        read_at: MeterTime::from_seconds(1_800_000_000),
        columns: None,
    };
    let mut decoder = ProfileDecoder::new(model, profile, options);
    let mut read = ProfileRead::default();
    for packet in octets.chunks(cut) {
        decoder.push(packet);
        read.extend(decoder.take());
    }
    read.extend(decoder.finish());
    read
}

/// Any octets are what an identity holds, or a fault.
///
/// # Panics
///
/// When a decoder breaks that promise.
pub fn fuzz_content(model: &FlagModel, data: &[u8]) {
    let Some((&which, octets)) = data.split_first() else {
        return;
    };
    let rows = model.identities.len().max(1);
    let Some(row) = model.identities.get(usize::from(which) % rows) else {
        return;
    };
    let variants = model
        .variants
        .iter()
        .filter(|variant| row.is_of(&variant.id));
    for variant in variants {
        let reader = ContentReader::new(model, &variant.id).with_rate_sources(octets.to_vec());
        let expected = usize::from(row.octets);
        let mut whole = octets.to_vec();
        whole.resize(expected, which);
        drop(reader.read(row, &whole));
        if expected > 0 && octets.len() != expected {
            assert!(reader.read(row, octets).is_err(), "a wrong length is told");
        }
    }
}
