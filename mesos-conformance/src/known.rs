//! What does not work yet, with the reason. A case that passes after all fails
//! the run until it is taken off.

use mesos_testing::conformance::Known;

/// Of the HTTP backend.
pub(crate) const HTTP: &[Known] = &[];
