//! Rows about placing requests on offers, in instructions counted by callgrind.

use anyhow::Result;

use super::Bench;
use super::growth::{count, require_valgrind};
use crate::job::{How, Job, Place};
use crate::table::Row;

/// How many times as many instructions ten times the offers and the requests may take.
const GROWTH: f64 = 12.0;

/// How many times as many instructions a loop over all pairs has to take.
const LOOP: f64 = 20.0;

/// 1,000 requests on 10,000 offers: the growth, and the comparison with a nested loop.
pub(super) fn placement(bench: &Bench) -> Result<Vec<Row>> {
    require_valgrind()?;
    let (requests, offers) = bench.size((1000, 10_000), (100, 1000));
    let cost = |scale: usize, how| {
        eprintln!("  {how:?}, {scale}×…");
        let place = |how| {
            Job::Place(Place {
                offers: offers * scale,
                requests: requests * scale,
                how,
            })
        };
        Ok::<_, anyhow::Error>((count(&place(how))? - count(&place(How::Not))?) as f64)
    };
    let (small, large) = (cost(1, How::Placer)?, cost(10, How::Placer)?);
    let nested = cost(1, How::Loop)?;
    let millions = |cost: f64| format!("{:.0} million", cost / 1e6);
    let size = format!("{requests} requests on {offers} offers");
    let growth = Row::at_most(
        format!("placement, best fit: {size}: 10× both ÷ 1×, instructions"),
        large / small,
        GROWTH,
    );
    let compared = Row::at_least(
        format!("placement, best fit: {size}: nested loop ÷ placer, instructions"),
        nested / small,
        LOOP,
    );
    Ok(vec![
        growth.note(format!("{} → {}", millions(small), millions(large))),
        compared.note(format!("{} against {}", millions(nested), millions(small))),
    ])
}
