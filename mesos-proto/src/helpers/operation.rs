//! Operations on offered resources, for ACCEPT.

use crate::v1::offer::Operation;
use crate::v1::offer::operation::{
    Create, CreateDisk, Destroy, DestroyDisk, GrowVolume, Launch, LaunchGroup, Reserve,
    ShrinkVolume, Type, Unreserve,
};
use crate::v1::resource::disk_info::source;
use crate::v1::value::Scalar;
use crate::v1::{ExecutorInfo, OperationId, Resource, TaskGroupInfo, TaskInfo};

/// One constructor per type of operation. Each sets `type` and the body that belongs to the type.
///
/// The master applies the operations of one ACCEPT in order, so a later operation can use the
/// result of an earlier one. The master checks operations in `src/master/validation.cpp`. It
/// reports an invalid LAUNCH by TASK_ERROR. It drops any other invalid operation, and reports the
/// result only for an operation [with an id](Operation::with_id).
///
/// ```
/// use mesos::v1::offer::Operation;
/// use mesos::v1::{CommandInfo, Resource, TaskInfo};
///
/// // Reserve disk, make it a volume, and run a task with the volume, all in one ACCEPT.
/// let disk = Resource::scalar("disk", 512.0).reserved_dynamic("web", "ops");
/// let volume = disk.clone().persistent_volume("db-0", "data", "ops");
/// let task = TaskInfo::builder("db")
///     .command(CommandInfo::sh("exec ./db data"))
///     .cpus(1.0)
///     .mem(256.0)
///     .resource(volume.clone());
/// let operations = [
///     Operation::reserve([disk]),
///     Operation::create([volume]),
///     Operation::launch([task]),
/// ];
/// assert!(operations[2].launch.is_some());
/// ```
/// The operation alone, so that calls accept one operation like a list of operations.
impl IntoIterator for Operation {
    type Item = Self;
    type IntoIter = std::iter::Once<Self>;

    fn into_iter(self) -> Self::IntoIter {
        std::iter::once(self)
    }
}

impl Operation {
    fn new(r#type: Type) -> Self {
        Self {
            r#type: Some(r#type.into()),
            ..Self::default()
        }
    }

    /// Launches tasks, each on its own: an invalid task ends with TASK_ERROR, and the other tasks
    /// are launched.
    ///
    /// Accepts tasks and task builders. The driver fills an empty `agent_id` from the offer.
    pub fn launch<T: Into<TaskInfo>>(tasks: impl IntoIterator<Item = T>) -> Self {
        Self {
            launch: Some(Launch {
                task_infos: tasks.into_iter().map(Into::into).collect(),
            }),
            ..Self::new(Type::Launch)
        }
    }

    /// Launches a group of tasks on one executor, which receives all tasks in one event. If a task
    /// is invalid or not authorized, none of the tasks is launched.
    ///
    /// The executor needs a `type` and a `framework_id`:
    /// [`ExecutorInfo::builder`] sets the type,
    /// [`framework`](crate::v1::ExecutorInfoBuilder::framework) the id.
    pub fn launch_group<T: Into<TaskInfo>>(
        executor: impl Into<ExecutorInfo>,
        tasks: impl IntoIterator<Item = T>,
    ) -> Self {
        Self {
            launch_group: Some(LaunchGroup {
                executor: executor.into(),
                task_group: TaskGroupInfo::from_iter(tasks),
            }),
            ..Self::new(Type::LaunchGroup)
        }
    }

    /// Reserves resources for a role.
    ///
    /// Pass the resources as they are after the operation, with the new reservation as the last
    /// one; see [`Resource::reserved_dynamic`]. The principal of the reservation must be the
    /// principal of the framework.
    pub fn reserve<R: Into<Resource>>(resources: impl IntoIterator<Item = R>) -> Self {
        Self {
            reserve: Some(Reserve {
                resources: messages(resources),
                source: Vec::new(),
            }),
            ..Self::new(Type::Reserve)
        }
    }

    /// Removes the last dynamic reservation of resources.
    ///
    /// Pass the resources as they are before the operation. Destroy a persistent volume first.
    pub fn unreserve<R: Into<Resource>>(resources: impl IntoIterator<Item = R>) -> Self {
        Self {
            unreserve: Some(Unreserve {
                resources: messages(resources),
            }),
            ..Self::new(Type::Unreserve)
        }
    }

    /// Creates persistent volumes from reserved disk.
    ///
    /// Pass the volumes as they are after the operation; see [`Resource::persistent_volume`].
    pub fn create<R: Into<Resource>>(volumes: impl IntoIterator<Item = R>) -> Self {
        Self {
            create: Some(Create {
                volumes: messages(volumes),
            }),
            ..Self::new(Type::Create)
        }
    }

    /// Destroys persistent volumes and all data on them. The master rejects the operation while a
    /// task uses one of the volumes.
    pub fn destroy<R: Into<Resource>>(volumes: impl IntoIterator<Item = R>) -> Self {
        Self {
            destroy: Some(Destroy {
                volumes: messages(volumes),
            }),
            ..Self::new(Type::Destroy)
        }
    }

    /// Adds disk to a persistent volume. Since 1.6.
    ///
    /// `addition` has the same disk and the same reservations as the volume. Shared volumes and
    /// volumes of a resource provider cannot grow. A later operation of the same ACCEPT cannot use
    /// the result. The agent needs the capability RESIZE_VOLUME.
    pub fn grow_volume(volume: impl Into<Resource>, addition: impl Into<Resource>) -> Self {
        Self {
            grow_volume: Some(GrowVolume {
                volume: volume.into(),
                addition: addition.into(),
            }),
            ..Self::new(Type::GrowVolume)
        }
    }

    /// Frees `mebibytes` of a persistent volume: more than 0, less than its size. Since 1.6.
    ///
    /// Shared volumes, volumes of a resource provider and volumes on a MOUNT disk cannot shrink. A
    /// later operation of the same ACCEPT cannot use the result. The agent needs the capability
    /// RESIZE_VOLUME.
    pub fn shrink_volume(volume: impl Into<Resource>, mebibytes: f64) -> Self {
        Self {
            shrink_volume: Some(ShrinkVolume {
                volume: volume.into(),
                subtract: Scalar { value: mebibytes },
            }),
            ..Self::new(Type::ShrinkVolume)
        }
    }

    /// Makes a usable disk from a RAW disk of a resource provider. Since 1.7.
    ///
    /// `target_type` is MOUNT or BLOCK. Pass `target_profile` only for a source without a profile;
    /// pass `None` otherwise. The operation takes time: the source disappears from the offers, and
    /// a later offer has the new disk.
    pub fn create_disk<'a>(
        source: impl Into<Resource>,
        target_type: source::Type,
        target_profile: impl Into<Option<&'a str>>,
    ) -> Self {
        Self {
            create_disk: Some(CreateDisk {
                source: source.into(),
                target_type: target_type.into(),
                target_profile: target_profile.into().map(Into::into),
            }),
            ..Self::new(Type::CreateDisk)
        }
    }

    /// Makes a MOUNT, BLOCK or RAW disk of a resource provider a RAW disk again. Since 1.7.
    ///
    /// The disk needs an id, and must not contain a persistent volume. The operation takes time,
    /// like [`create_disk`](Self::create_disk).
    pub fn destroy_disk(source: impl Into<Resource>) -> Self {
        Self {
            destroy_disk: Some(DestroyDisk {
                source: source.into(),
            }),
            ..Self::new(Type::DestroyDisk)
        }
    }

    /// Requests UPDATE_OPERATION_STATUS events about this operation. Since 1.5.
    ///
    /// The agent needs the capability RESOURCE_PROVIDER and, for its own resources,
    /// AGENT_OPERATION_FEEDBACK. Do not set an id on LAUNCH and LAUNCH_GROUP: the tasks end with
    /// TASK_ERROR.
    #[must_use]
    pub fn with_id(mut self, id: impl Into<OperationId>) -> Self {
        self.id = Some(id.into());
        self
    }
}

fn messages<R: Into<Resource>>(resources: impl IntoIterator<Item = R>) -> Vec<Resource> {
    resources.into_iter().map(Into::into).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn disk() -> Resource {
        Resource::scalar("disk", 64.0).reserved_dynamic("web", None)
    }

    #[test]
    fn each_constructor_sets_its_type_and_only_its_body() {
        let executor = ExecutorInfo::builder("pod").framework("f1");
        let operations = [
            Operation::launch([TaskInfo::builder("a"), TaskInfo::builder("b")]),
            Operation::launch_group(executor, [TaskInfo::builder("a")]),
            Operation::reserve([disk()]),
            Operation::unreserve(&[disk()]),
            Operation::create(vec![disk()]),
            Operation::destroy([&disk()]),
            Operation::grow_volume(disk(), disk()),
            Operation::shrink_volume(disk(), 16.0),
            Operation::create_disk(disk(), source::Type::Mount, "fast"),
            Operation::destroy_disk(disk()),
        ];
        for operation in operations {
            let bodies = [
                (Type::Launch, operation.launch.is_some()),
                (Type::LaunchGroup, operation.launch_group.is_some()),
                (Type::Reserve, operation.reserve.is_some()),
                (Type::Unreserve, operation.unreserve.is_some()),
                (Type::Create, operation.create.is_some()),
                (Type::Destroy, operation.destroy.is_some()),
                (Type::GrowVolume, operation.grow_volume.is_some()),
                (Type::ShrinkVolume, operation.shrink_volume.is_some()),
                (Type::CreateDisk, operation.create_disk.is_some()),
                (Type::DestroyDisk, operation.destroy_disk.is_some()),
            ];
            for (r#type, set) in bodies {
                assert_eq!(set, operation.r#type() == r#type, "{operation:?}");
            }
        }
    }

    #[test]
    fn amounts_ids_and_profiles_reach_the_message() {
        let shrink = Operation::shrink_volume(disk(), 16.0).with_id("o1");
        assert_eq!(shrink.id.unwrap(), "o1");
        assert_eq!(shrink.shrink_volume.unwrap().subtract.value, 16.0);
        let create = Operation::create_disk(disk(), source::Type::Block, None);
        let create = create.create_disk.unwrap();
        assert_eq!(create.target_type(), source::Type::Block);
        assert_eq!(create.target_profile, None);
    }
}
