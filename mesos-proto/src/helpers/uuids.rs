//! The 16 bytes that identify a status update.

use std::fmt;

use bytes::Bytes;

use crate::v1::Uuid;

/// A random (version 4) UUID, as the 16 bytes of `TaskStatus.uuid`.
///
/// Mesos rejects other lengths, the nil UUID, and versions above 5 (`src/master/validation.cpp`).
/// It accepts every version 4 UUID.
pub(crate) fn random_bytes() -> Bytes {
    Bytes::copy_from_slice(uuid::Uuid::new_v4().as_bytes())
}

impl Uuid {
    /// A random (version 4) UUID.
    pub fn random() -> Self {
        Self {
            value: random_bytes(),
        }
    }
}

impl From<Bytes> for Uuid {
    fn from(value: Bytes) -> Self {
        Self { value }
    }
}

/// The 36 characters of a UUID, as in Mesos' logs. Bytes that are not a UUID are printed in
/// hexadecimal.
impl fmt::Display for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match uuid::Uuid::from_slice(&self.value) {
            Ok(uuid) => fmt::Display::fmt(&uuid, f),
            Err(_) => self
                .value
                .iter()
                .try_for_each(|byte| write!(f, "{byte:02x}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_random_uuid_has_16_bytes_and_version_4() {
        let uuid = Uuid::random();
        assert_eq!(uuid.value.len(), 16);
        assert_eq!(uuid.value[6] >> 4, 4);
        assert_ne!(uuid, Uuid::random());
    }

    #[test]
    fn a_uuid_prints_as_text_and_anything_else_as_hexadecimal() {
        let uuid = Uuid::from(Bytes::from_iter(0u8..16));
        assert_eq!(uuid.to_string(), "00010203-0405-0607-0809-0a0b0c0d0e0f");
        assert_eq!(
            Uuid::from(Bytes::from_static(b"\x01\xff")).to_string(),
            "01ff"
        );
    }
}
