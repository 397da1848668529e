//! What a runner shows of its work, for status pages and for other tools.

mod jobs;
mod offers;
mod timeline;

pub use self::jobs::{JobCounts, JobDetails, JobFilter, JobList, JobState, JobSummary};
pub use self::offers::HeldOffer;
pub(crate) use self::timeline::Timeline;
pub use self::timeline::{Happened, TimelineEvent};
