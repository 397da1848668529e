//! SHA-256 as `sha256sum` prints it.

use sha2::{Digest, Sha256};

/// The hash of the bytes in hexadecimal.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}
