//! Compiles and runs the code of the guide, one module for each page.

#[doc = include_str!("pages/introduction.md")]
pub mod introduction {}
#[doc = include_str!("pages/first-scheduler.md")]
pub mod first_scheduler {}
#[doc = include_str!("pages/offers.md")]
pub mod offers {}
#[doc = include_str!("pages/updates.md")]
pub mod updates {}
#[doc = include_str!("pages/failover.md")]
pub mod failover {}
#[doc = include_str!("pages/executors.md")]
pub mod executors {}
#[doc = include_str!("pages/placement.md")]
pub mod placement {}
#[doc = include_str!("pages/holding.md")]
pub mod holding {}
#[doc = include_str!("pages/jobs.md")]
pub mod jobs {}
#[doc = include_str!("pages/testing.md")]
pub mod testing {}
#[doc = include_str!("pages/security.md")]
pub mod security {}
#[doc = include_str!("pages/operating.md")]
pub mod operating {}
#[doc = include_str!("pages/native.md")]
pub mod native {}
#[doc = include_str!("pages/cli.md")]
pub mod cli {}
#[doc = include_str!("pages/deploying.md")]
pub mod deploying {}
#[doc = include_str!("pages/moving/perl.md")]
pub mod moving_perl {}
#[doc = include_str!("pages/moving/mesos-go.md")]
pub mod moving_mesos_go {}
#[doc = include_str!("pages/moving/pymesos.md")]
pub mod moving_pymesos {}
#[doc = include_str!("pages/moving/java-cpp.md")]
pub mod moving_java_cpp {}
#[doc = include_str!("pages/moving/avmesos.md")]
pub mod moving_avmesos {}

#[cfg(test)]
mod tests;
