//! The cases on a real Mesos, as tests for `cargo test`. Most of them mostly wait for Mesos, so
//! more of them run at a time than there are processors.

use std::process::ExitCode;
use std::sync::Arc;

use libtest_mimic::{Arguments, Failed, Trial};
use mesos_conformance::runner::encoding;
use mesos_conformance::{CASES, Case, Verdict, World};
use mesos_local::testing::require_real;
use mesos_local::{DEFAULT_VERSION, load_libmesos};

use crate::backends::columns;
use crate::pool::Pool;

/// The number of clusters at a time, unless `--test-threads` is given.
const AT_A_TIME: usize = 8;

/// Runs the tests that the arguments of a test program select.
pub(crate) fn run() -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(AT_A_TIME);
    let program = std::env::current_exe().expect("this program has a path");
    let pool = Pool::new(program, DEFAULT_VERSION);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let library = runtime.expect("a runtime").block_on(async {
        if !arguments.list {
            pool.probe().await?;
        }
        load_libmesos(DEFAULT_VERSION).await
    });
    let Some(library) = require_real(library) else {
        return ExitCode::SUCCESS;
    };
    let world = World::Real(Arc::new(pool));
    let mut trials = Vec::new();
    // The native backend first: it waits longest.
    for harness in columns(Some(library)).into_iter().rev() {
        let encoding = encoding(harness.encoding());
        let asked = |case: &&Case| case.skip_reason(&harness, &world).is_none();
        for case in CASES.iter().filter(asked) {
            let name = format!(
                "{}_{encoding}::{}::{}",
                harness.backend(),
                case.topic,
                case.id
            );
            let (harness, world) = (harness.clone(), world.clone());
            let trial = move || match case.run(&harness, &world) {
                Verdict::Passed | Verdict::KnownFailure(..) => Ok(()),
                Verdict::Failed(failure) => Err(Failed::from(failure)),
                other => Err(Failed::from(format!("{other:?}"))),
            };
            trials.push(Trial::test(name, trial));
        }
    }
    drop(world);
    libtest_mimic::run(&arguments, trials).exit_code()
}
