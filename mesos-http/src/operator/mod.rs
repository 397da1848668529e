//! The operator API, `/api/v1` of masters and agents: inspecting and changing a cluster.
//!
//! | to | use |
//! |---|---|
//! | make a call to the leading master | `MasterClient` (feature `operator`) |
//! | make a call to an agent | `AgentClient` (feature `operator`), from `MasterClient::agent` |
//! | make a raw call, such as one of a newer Mesos | [`OperatorClient`] |
//! | follow the events of a cluster | `MasterClient::watch` |
//! | know the state of a cluster at any time | `ClusterState` |
//! | run a command in a container, or attach to a container | `AgentClient::exec`, `AgentClient::attach` |
//! | list, read, follow and download the files of a task | `MasterClient::sandbox`, `Sandbox` |
//! | read the output of a task line by line | [`files`](crate::files) |
//!
//! The clients of the feature `operator` have a method for each call, with the name of the call:
//! GET_AGENTS is `get_agents`. They retry calls; [`OperatorClient`] does not.

#[cfg(feature = "operator")]
mod agent;
#[cfg(feature = "operator")]
mod caller;
mod client;
#[cfg(feature = "operator")]
mod master;
#[cfg(feature = "operator")]
mod sandbox;
#[cfg(feature = "operator")]
mod state;
#[cfg(feature = "operator")]
mod stream;
#[cfg(feature = "operator")]
mod watch;

#[cfg(feature = "operator")]
pub use agent::{
    AgentClient, ContainerExit, ContainerFilter, ContainerInput, ContainerLaunch, ContainerOutput,
    ContainerSession, Launched, SessionControl, TtySize,
};
pub use client::OperatorClient;
#[cfg(feature = "operator")]
pub use master::{DrainOptions, MasterClient, StatePart, StateParts};
#[cfg(feature = "operator")]
pub use sandbox::{
    Download, DownloadEvent, EntryKind, Sandbox, SandboxEntry, SandboxReader, Skipped,
};
#[cfg(feature = "operator")]
pub use state::{ClusterSnapshot, ClusterState};
#[cfg(feature = "operator")]
pub use watch::{ClusterEvent, Watch};
