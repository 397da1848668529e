//! Searches the memory of this process. Uses no other module, so that the tests of other crates
//! include this file.

use std::fs::{File, read_to_string};
use std::os::unix::fs::FileExt as _;
use std::sync::{Mutex, PoisonError};

use zeroize::Zeroizing;

/// The search of another test has copies of the memory.
static SEARCH: Mutex<()> = Mutex::new(());

/// A secret that is not in the program's data. Its bytes are stored inverted, so that the search
/// does not find the searched text itself.
pub(crate) struct Marker(Vec<u8>);

impl Marker {
    pub(crate) fn new() -> Self {
        Self(
            (0..1200)
                .map(|_| !(fastrand::alphanumeric() as u8))
                .collect(),
        )
    }

    /// The same for a text that contains the secret in another form.
    #[allow(dead_code, reason = "not all users of this file have another form")]
    pub(crate) fn of(text: &str) -> Self {
        Self(text.bytes().map(|byte| !byte).collect())
    }

    /// The secret between two other texts.
    pub(crate) fn text(&self, before: &str, after: &str) -> Zeroizing<String> {
        // Reserved, because a string that grows leaves copies behind.
        let length = before.len() + self.0.len() + after.len();
        let mut text = Zeroizing::new(String::with_capacity(length));
        text.push_str(before);
        text.extend(self.0.iter().map(|byte| char::from(!byte)));
        text.push_str(after);
        text
    }

    /// How often the middle of the secret is in the writable memory of this process. The
    /// allocator may overwrite the ends of freed memory.
    pub(crate) fn count(&self) -> usize {
        let _search = SEARCH.lock().unwrap_or_else(PoisonError::into_inner);
        let middle = &self.0[600..616];
        let memory = File::open("/proc/self/mem").unwrap();
        let maps = read_to_string("/proc/self/maps").unwrap();
        let mut buffer = vec![0_u8; 1 << 16];
        let own = buffer.as_ptr_range();
        let own = own.start.addr() as u64..own.end.addr() as u64;
        let mut found = 0;
        for line in maps.lines().filter(|line| line.contains(" rw-p ")) {
            let (from, to) = line.split_once(' ').unwrap().0.split_once('-').unwrap();
            let [mut from, to] = [from, to].map(|text| u64::from_str_radix(text, 16).unwrap());
            // The buffer must not be read into itself. Another thread may have unmapped an area.
            while let Ok(length) = memory.read_at(&mut buffer, from)
                && length >= middle.len()
                && from < to
            {
                let at = |place: usize| from + place as u64;
                found += places(&mut buffer[..length], middle)
                    .into_iter()
                    .filter(|place| at(*place) < to && !own.contains(&at(*place)))
                    .count();
                from += (length - middle.len() + 1) as u64;
            }
        }
        found
    }
}

/// Inverts the bytes, and finds `middle` in them. Most pages contain only zeros, which are neither
/// inverted nor searched: without optimization the search takes long.
fn places(read: &mut [u8], middle: &[u8]) -> Vec<usize> {
    const ZEROS: [u8; 4096] = [0; 4096];
    let mut used = Vec::new();
    for (number, page) in read.chunks_mut(ZEROS.len()).enumerate() {
        if *page != ZEROS[..page.len()] {
            page.iter_mut().for_each(|byte| *byte = !*byte);
            let start = number * ZEROS.len();
            used.push(start..start + page.len());
        }
    }
    let all = used.into_iter().flatten();
    all.filter(|place| read[*place] == middle[0] && read[*place..].starts_with(middle))
        .collect()
}
