//! Secrets in the memory of this process.

use std::fs::{File, read_to_string};
use std::os::unix::fs::FileExt as _;
use std::sync::{Mutex, PoisonError};

use mesos_core::Master;
use mesos_core::address::read_file;
use zeroize::Zeroizing;

/// The search of another test has copies of the memory.
static SEARCH: Mutex<()> = Mutex::new(());

/// A password that is not in the program's data. Its bytes are stored inverted, so that the search
/// does not find the searched text itself.
struct Marker(Vec<u8>);

impl Marker {
    fn new() -> Self {
        Self(
            (0..1200)
                .map(|_| !(fastrand::alphanumeric() as u8))
                .collect(),
        )
    }

    /// An address with this password.
    fn address(&self) -> Zeroizing<String> {
        // Reserved, because a string that grows leaves copies behind.
        let mut text = Zeroizing::new(String::with_capacity(2048));
        text.push_str("zk://user:");
        text.extend(self.0.iter().map(|byte| char::from(!byte)));
        text.push_str("@h:2181/mesos");
        text
    }

    /// How often the middle of the password is in the writable memory of this process. The
    /// allocator may overwrite the ends of freed memory.
    fn count(&self) -> usize {
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
                let read = &mut buffer[..length];
                read.iter_mut().for_each(|byte| *byte = !*byte);
                let places = read.windows(middle.len()).enumerate();
                found += places
                    .filter(|(place, bytes)| {
                        let at = from + *place as u64;
                        at < to && !own.contains(&at) && bytes == &middle
                    })
                    .count();
                from += (length - middle.len() + 1) as u64;
            }
        }
        found
    }
}

#[test]
fn the_password_of_an_address_is_overwritten_when_the_address_is_dropped() {
    let marker = Marker::new();
    let text = marker.address();
    let master: Master = text.parse().unwrap();
    let copy = master.clone();
    drop(text);
    assert_eq!(marker.count(), 2, "the address and its copy");
    drop(master);
    drop(copy);
    assert_eq!(marker.count(), 0);
}

#[test]
fn a_password_from_a_file_is_overwritten_when_its_address_is_dropped() {
    let marker = Marker::new();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), marker.address().as_bytes()).unwrap();
    let master = read_file(file.path()).unwrap();
    assert_eq!(marker.count(), 1, "the address");
    drop(master);
    assert_eq!(marker.count(), 0);
}
