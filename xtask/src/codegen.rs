//! Writes `mesos-proto/src/generated` from `mesos-proto/proto`.

pub fn run() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .join("mesos-proto");
    let protos: Vec<_> = [
        "mesos",
        "scheduler/scheduler",
        "executor/executor",
        "master/master",
        "agent/agent",
        "allocator/allocator",
        "maintenance/maintenance",
        "quota/quota",
        "resource_provider/resource_provider",
    ]
    .iter()
    .map(|p| format!("mesos/v1/{p}.proto"))
    .collect();
    let fds = protox::compile(&protos, [root.join("proto")]).unwrap();
    let mut c = prost_build::Config::new();
    c.bytes(["."])
        .include_file("mod.rs")
        .out_dir(root.join("src/generated"));
    c.compile_fds(fds).unwrap();
}
