//! The process of the master: its version, flags, metrics, log and files.

use std::time::Duration;

use mesos_core::Result;
use mesos_proto::v1::master::{Call, call, call::Type, response};
use mesos_proto::v1::{FileInfo, Flag, Metric, VersionInfo};

use super::{MasterClient, of};

impl MasterClient {
    /// GET_HEALTH: whether the master is alive. A master that answers reports `true`.
    pub async fn get_health(&self) -> Result<bool> {
        let body = self.get(of(Type::GetHealth), |response| response.get_health);
        Ok(body.await?.healthy)
    }

    /// GET_FLAGS: the flags that the master was started with.
    pub async fn get_flags(&self) -> Result<Vec<Flag>> {
        let body = self.list(of(Type::GetFlags), |response| response.get_flags);
        Ok(body.await?.flags)
    }

    /// GET_VERSION: the version and the build of the master.
    pub async fn get_version(&self) -> Result<VersionInfo> {
        let body = self.get(of(Type::GetVersion), |response| response.get_version);
        Ok(body.await?.version_info)
    }

    /// GET_METRICS: counters and gauges, in any order. After `timeout` the response omits metrics
    /// that are not ready; `None` waits for all of them.
    pub async fn get_metrics(&self, timeout: impl Into<Option<Duration>>) -> Result<Vec<Metric>> {
        let call = Call {
            get_metrics: Some(call::GetMetrics {
                timeout: timeout.into().map(Into::into),
            }),
            ..of(Type::GetMetrics)
        };
        let body = self.list(call, |response| response.get_metrics);
        Ok(body.await?.metrics)
    }

    /// GET_LOGGING_LEVEL: the verbosity of the log; 0 is the default.
    pub async fn get_logging_level(&self) -> Result<u32> {
        let call = of(Type::GetLoggingLevel);
        let body = self.get(call, |response| response.get_logging_level);
        Ok(body.await?.level)
    }

    /// SET_LOGGING_LEVEL: changes the verbosity of the log (0 to 3). After `duration` the master
    /// restores the previous level.
    pub async fn set_logging_level(&self, level: u32, duration: Duration) -> Result<()> {
        self.set(Call {
            set_logging_level: Some(call::SetLoggingLevel {
                level,
                duration: duration.into(),
            }),
            ..of(Type::SetLoggingLevel)
        })
        .await
    }

    /// LIST_FILES: the files in a directory, by its virtual path in the master. The status of an
    /// error for an unknown path is 404.
    pub async fn list_files(&self, path: impl Into<String>) -> Result<Vec<FileInfo>> {
        let call = Call {
            list_files: Some(call::ListFiles { path: path.into() }),
            ..of(Type::ListFiles)
        };
        let body = self.list(call, |response| response.list_files);
        Ok(body.await?.file_infos)
    }

    /// READ_FILE: a part of a file, by its virtual path in the master; `/master/log` is the log. The
    /// response has at most 16 pages of memory (64 KiB on most machines), however long `length` is.
    /// `None` reads up to the end of the file. The status of an error for an unknown path is 404.
    pub async fn read_file(
        &self,
        path: impl Into<String>,
        offset: u64,
        length: impl Into<Option<u64>>,
    ) -> Result<response::ReadFile> {
        let call = Call {
            read_file: Some(call::ReadFile {
                path: path.into(),
                offset,
                length: length.into(),
            }),
            ..of(Type::ReadFile)
        };
        self.get(call, |response| response.read_file).await
    }
}
