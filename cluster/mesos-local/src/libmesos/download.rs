//! Downloads one archive into a file, and checks its SHA-256.

use std::fs::File;
use std::io::{Read as _, Write as _};

use sha2::{Digest as _, Sha256};
use url::Url;

use super::digest::hex;
use super::http::{self, Http};
use super::index::shown;
use super::progress::Progress;
use crate::error::{Error, ErrorKind};
use crate::release::Package;

/// Writes the archive at `url` into `into`. After success the file is exactly the pinned archive; after
/// an error its content is undefined.
pub(crate) fn download(
    http: &Http,
    url: &Url,
    package: &Package,
    into: &mut File,
) -> Result<(), Error> {
    let failed = |message: String, cause: Box<dyn std::error::Error + Send + Sync>| {
        Error::because(
            ErrorKind::Download,
            format!("{message}: try again, or {}", package.instead),
            cause,
        )
    };
    let response = http
        .get(url, "*/*")
        .map_err(|cause| failed(format!("cannot download {}", shown(url)), cause.into()))?;
    let total = response.length();
    let mut progress = Progress::new(format!("downloading {}", package.what), total);
    let (mut hash, mut done) = (Sha256::new(), 0_u64);
    let (mut body, mut buffer) = (response.into_reader(), vec![0; 64 << 10]);
    loop {
        let count = match body.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => count,
            Err(cause) => {
                let of = total.map_or_else(String::new, |total| format!(" of {total}"));
                let how = if http::is_cut(&cause) {
                    "was cut short"
                } else {
                    "was interrupted"
                };
                let message = format!(
                    "the download of {} {how} after {done}{of} bytes",
                    shown(url)
                );
                return Err(failed(message, cause.into()));
            }
        };
        hash.update(&buffer[..count]);
        into.write_all(&buffer[..count]).map_err(|cause| {
            Error::because(
                ErrorKind::Cache,
                format!(
                    "cannot write the download of {} into the cache",
                    package.what
                ),
                cause,
            )
        })?;
        done += count as u64;
        progress.at(done);
    }
    let got = hex(&hash.finalize());
    if got != package.sha256 {
        return Err(Error::new(
            ErrorKind::Download,
            format!(
                "the archive {} is not the released {}: expected SHA-256 {}, got {got} \
                 ({done} bytes). The archive was discarded. It was changed in transit, or the index \
                 serves another file: try again, set PIP_INDEX_URL to another index, or {}",
                shown(url),
                package.what,
                package.sha256,
                package.instead,
            ),
        ));
    }
    Ok(())
}
