use super::*;
use crate::limits::CELLS_MAX;
use crate::wire::{Reader, Writer};
use proptest::prelude::*;

#[track_caller]
fn check(columns: &[Column], bytes_max: usize) {
    let rows = columns.first().map_or(0, Vec::len);
    let mut out = Writer::default();
    encode(columns, rows, &mut out);
    assert!(
        out.0.len() <= bytes_max,
        "{} > {bytes_max} bytes",
        out.0.len()
    );
    let mut reader = Reader(&out.0);
    assert_eq!(
        decode(&mut reader, columns.len(), rows).as_deref(),
        Ok(columns)
    );
    assert_eq!(reader.end(), Ok(()));
}

fn column(values: impl IntoIterator<Item = i64>) -> Column {
    values.into_iter().map(Some).collect()
}

#[test]
fn what_does_not_change_costs_two_bytes() {
    check(&[column([5; 48])], 2);
    check(&[vec![None; 48]], 1);
    check(&[], 0);
}

#[test]
fn a_regular_clock_costs_three_bytes() {
    check(&[column(0..48)], 3);
}

#[test]
fn an_increment_beside_its_total_costs_two_bytes() {
    let loads = [3_i64, 9, 27, 14, 5, 8, 90, 1, 0, 77];
    let totals = loads.iter().scan(1000, |total, load| {
        *total += load;
        Some(*total)
    });
    let totals = column(totals);
    let mut alone = Writer::default();
    encode(std::slice::from_ref(&totals), 10, &mut alone);
    check(&[totals, column(loads)], alone.0.len() + 2);
}

#[test]
fn extremes_survive_in_every_mode() {
    let wild = [i64::MIN, i64::MAX, 0, -1, i64::MIN, i64::MIN, i64::MAX, 1];
    check(&[column(wild), column(wild.into_iter().rev())], 400);
    check(&[column([i64::MIN, i64::MAX])], 40);
}

#[test]
fn too_many_cells_are_refused_before_memory_is_taken() {
    let empty = [EMPTY; 600];
    assert!(decode(&mut Reader(&empty), 600, 1).is_err());
    assert!(decode(&mut Reader(&empty), 2, CELLS_MAX).is_err());
    assert!(decode(&mut Reader(&empty), 2, usize::MAX).is_err());
}

fn any_column(rows: usize) -> impl Strategy<Value = Column> {
    let wild = prop::collection::vec(any::<Option<i64>>(), rows);
    let smooth = prop::collection::vec(prop::option::weighted(0.9, -40_i64..300), rows);
    let total =
        (any::<i32>(), prop::collection::vec(0_i64..90, rows)).prop_map(|(start, loads)| {
            let grow = loads.into_iter().scan(i64::from(start), |total, load| {
                *total += load;
                Some(Some(*total))
            });
            grow.collect::<Column>()
        });
    prop_oneof![wild, smooth, total]
}

proptest! {
    #[test]
    fn every_block_survives(
        columns in (0_usize..60).prop_flat_map(|rows| prop::collection::vec(any_column(rows), 0..6)),
    ) {
        check(&columns, usize::MAX);
    }

    #[test]
    fn no_bytes_make_the_decoder_panic(bytes: Vec<u8>, columns in 0_usize..9, rows in 0_usize..99) {
        drop(decode(&mut Reader(&bytes), columns, rows));
    }
}
