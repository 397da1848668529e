//! The promises, asked of every backend on a real Mesos. A test program of its
//! own making, because most of them wait for Mesos most of the time: more of
//! them run at a time than there are processors.

use std::process::ExitCode;
use std::sync::Arc;

use libtest_mimic::{Arguments, Failed, Trial};
use mesos_conformance::{Pool, columns, encoding, with_settings};
use mesos_local::testing::require_real;
use mesos_local::{DEFAULT_VERSION, load_libmesos};
use mesos_testing::conformance::{CASES, Case, Verdict, World};

/// How many clusters at a time, unless `--test-threads` says.
const AT_A_TIME: usize = 8;

fn main() -> ExitCode {
    with_settings().expect("the program again");
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(AT_A_TIME);
    let pool = Pool::new(env!("CARGO_BIN_EXE_mesos-conformance"), DEFAULT_VERSION);
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
    // The native one first: it waits longest for what libmesos cannot do.
    for harness in columns(Some(library)).into_iter().rev() {
        let encoding = encoding(harness.encoding());
        let asked = |case: &&Case| case.not_asked(&harness, &world).is_none();
        for case in CASES.iter().filter(asked) {
            let name = format!(
                "{}_{encoding}::{}::{}",
                harness.backend(),
                case.topic,
                case.id
            );
            let (harness, world) = (harness.clone(), world.clone());
            let trial = move || match case.judge(&harness, &world) {
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
