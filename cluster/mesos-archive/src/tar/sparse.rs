//! The maps of sparse members: GNU's old format in the header, and the versions 0.0, 0.1 and 1.0
//! with PAX. (Solaris stores the holes as well, so its map is not needed.)

use std::io::{BufRead, Read};

use anyhow::{Context as _, Result, bail, ensure};

use super::Body;
use super::header::{BLOCK, Dialect, Header, length};
use super::pax::{Pax, number};
use crate::member::Region;

/// How many regions a file may have. A map of this length needs 16 MiB of memory.
const MOST: u64 = 1 << 20;

/// Where the stored content belongs.
pub(super) struct Map {
    pub(super) regions: Vec<Region>,
    /// The length of the file, in bytes.
    pub(super) length: u64,
}

pub(super) fn map<R: BufRead>(
    header: &Header,
    pax: &Pax,
    body: &mut Body<'_, R>,
    stored: u64,
) -> Result<Map> {
    let sparse = &pax.sparse;
    let mut map = Map {
        regions: Vec::new(),
        length: sparse.length.unwrap_or(stored),
    };
    if header.kind() == b'S' {
        ensure!(
            header.dialect() == Dialect::Gnu,
            "a sparse member of the program star is not supported"
        );
        map.regions = old(header, body)?;
        map.length = header.length(483)?;
    } else if sparse.major.is_some() || sparse.minor.is_some() {
        let version = (sparse.major.unwrap_or(0), sparse.minor.unwrap_or(0));
        match version {
            (1, 0) => map.regions = in_front(body)?,
            (0, _) => map.regions = pairs(&sparse.numbers)?,
            (major, minor) => bail!("version {major}.{minor} of sparse members is not supported"),
        }
    } else if sparse.has_map {
        map.regions = pairs(&sparse.numbers)?;
    } else {
        map.regions = vec![(0, stored)];
        map.length = stored;
        return Ok(map);
    }
    let total = map
        .regions
        .iter()
        .try_fold(0_u64, |total, (_, bytes)| total.checked_add(*bytes));
    ensure!(
        total.is_some_and(|total| total <= body.left),
        "the map has more bytes than the member"
    );
    Ok(map)
}

fn pairs(numbers: &[u64]) -> Result<Vec<Region>> {
    ensure!(
        numbers.len().is_multiple_of(2),
        "the map has a place without a length"
    );
    Ok(numbers
        .chunks_exact(2)
        .map(|pair| (pair[0], pair[1]))
        .collect())
}

/// Four regions are in the header. Blocks of 21 regions can follow, which the size does not count.
fn old<R: BufRead>(header: &Header, body: &mut Body<'_, R>) -> Result<Vec<Region>> {
    let mut regions = Vec::new();
    let block = header.bytes();
    add(&block[386..482], &mut regions)?;
    let mut more = block[482] != 0;
    while more {
        let mut block = [0; BLOCK];
        body.input
            .read_exact(&mut block)
            .context("the tar ends too early")?;
        add(&block[..504], &mut regions)?;
        more = block[504] != 0;
        ensure!(
            (regions.len() as u64) < MOST,
            "the map has too many regions"
        );
    }
    Ok(regions)
}

fn add(table: &[u8], regions: &mut Vec<Region>) -> Result<()> {
    for pair in table.chunks_exact(24) {
        // An empty field ends the map.
        if pair[0] == 0 {
            break;
        }
        regions.push((length(&pair[..12])?, length(&pair[12..])?));
    }
    Ok(())
}

/// Decimal numbers in lines, in front of the content and padded to a block: the number of regions,
/// then the place and the length of each.
fn in_front<R: BufRead>(body: &mut Body<'_, R>) -> Result<Vec<Region>> {
    let before = body.left;
    let count = line(body)?;
    ensure!(
        count <= MOST,
        "the map has {count} regions, which is too many"
    );
    let mut regions = Vec::new();
    for _ in 0..count {
        regions.push((line(body)?, line(body)?));
    }
    let used = before - body.left;
    let padding = used.next_multiple_of(BLOCK as u64) - used;
    let mut rest = [0; BLOCK];
    body.read_exact(&mut rest[..padding as usize])
        .context("the map ends too early")?;
    Ok(regions)
}

fn line<R: BufRead>(body: &mut Body<'_, R>) -> Result<u64> {
    let mut digits = Vec::new();
    loop {
        let mut byte = [0];
        body.read_exact(&mut byte)
            .context("the map ends too early")?;
        if byte == *b"\n" {
            return number(&digits);
        }
        ensure!(digits.len() < 20, "a number of the map is too long");
        digits.push(byte[0]);
    }
}
