//! The promises, asked of every backend on a real Mesos. A test program of its
//! own making, because most of them wait for Mesos most of the time: more of
//! them run at a time than there are processors.

use std::process::ExitCode;
use std::sync::Arc;

use libtest_mimic::{Arguments, Failed, Trial};
use mesos_conformance::{Pool, columns, encoding};
use mesos_local::testing::require_real;
use mesos_testing::conformance::{CASES, Verdict, World};

/// How many clusters at a time, unless `--test-threads` says.
const AT_A_TIME: usize = 6;

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(AT_A_TIME);
    let pool = Pool::new(env!("CARGO_BIN_EXE_mesos-conformance"));
    if !arguments.list {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        let probe = runtime.expect("a runtime").block_on(pool.probe());
        if require_real(probe).is_none() {
            return ExitCode::SUCCESS;
        }
    }
    let world = World::Real(Arc::new(pool));
    let mut trials = Vec::new();
    for harness in columns() {
        let encoding = encoding(harness.encoding());
        for case in CASES.iter().filter(|case| case.not_in(&world).is_none()) {
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
