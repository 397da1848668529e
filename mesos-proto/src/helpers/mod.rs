//! What a person wants when writing and reading the messages by hand:
//! constructors, builders, conversions, and safe access to open enums.
//!
//! Everything here only shapes messages. Checking them against Mesos' rules,
//! and adding up or parsing resources, is left to the crates above this one.

/// What a task and an executor ask of the agent.
macro_rules! resource_setters {
    ($builder:ident, $field:ident) => {
        impl $builder {
            /// Asks for a resource. Each call adds to the ones before.
            pub fn resource(mut self, resource: Resource) -> Self {
                self.$field.resources.push(resource);
                self
            }

            /// Asks for several resources. Each call adds to the ones before.
            pub fn resources(mut self, resources: impl IntoIterator<Item = Resource>) -> Self {
                self.$field.resources.extend(resources);
                self
            }

            /// Asks for processors; a part of one is possible (0.1).
            pub fn cpus(self, number: f64) -> Self {
                self.resource(Resource::scalar("cpus", number))
            }

            /// Asks for memory, in MiB.
            pub fn mem(self, mebibytes: f64) -> Self {
                self.resource(Resource::scalar("mem", mebibytes))
            }

            /// Asks for disk in the sandbox, in MiB.
            pub fn disk(self, mebibytes: f64) -> Self {
                self.resource(Resource::scalar("disk", mebibytes))
            }
        }
    };
}

mod command;
mod executor;
mod filters;
mod framework;
mod ids;
mod labels;
mod open_enum;
mod resource;
mod status;
mod task;
mod time;
mod uuids;
mod value;

pub use executor::ExecutorInfoBuilder;
pub use open_enum::{OpenEnum, UnknownEnum, known};
pub use task::TaskInfoBuilder;
