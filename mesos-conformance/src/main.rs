//! The program behind `cargo xtask conform`; and, as `mesos-conformance
//! executor`, the executor that agents start for it.

use mesos_core::BoxError;

fn main() -> Result<(), BoxError> {
    mesos_conformance::executor::run()
}
