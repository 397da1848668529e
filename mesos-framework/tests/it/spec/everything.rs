//! A manifest that uses every key, written in YAML and with the builders.

use std::time::Duration;

use mesos_framework::{
    CheckSpec, Command, Containerizer, ExecutorSpec, FileSpec, ImageSpec, JobSpec, NetworkSpec,
    OnFailure, PodSpec, PortSpec, RestartPolicy, RetryPolicy, ServiceSpec, TaskSpec, UpdatePolicy,
    UriSpec, VolumeSpec,
};
use mesos_placement::{Constraint, Field};

pub(crate) const YAML: &str = r##"
jobs:
- name: train
  task:
    name: trainer
    command: ./train $PORT_HTTP
    image:
      name: library/python:3
      containerizer: docker
      always_pull: true
      privileged: true
    env:
      LEVEL: debug
      RETRIES: 3
      DRY: true
    secrets:
      PASSWORD: db-password
    uris:
    - https://files.example/train.tar.gz
    - uri: https://files.example/run
      executable: true
      cache: true
      output: start
    - uri: https://files.example/data.zip
      extract: false
    files:
      conf/app.toml: |
        level = "debug"
      start.sh:
        content: "#!/bin/sh\n"
        executable: true
    resources:
      cpus: 1.5
      mem: 256
      devices: "{a, b}"
    ports:
    - http
    - name: admin
      number: 8080
    - range: 31000-31999
    networks:
    - name: overlay
      labels:
        zone: inner
    volumes:
    - host: /srv/data
      path: data
      read_only: true
    - sandbox: cache
      path: /var/cache
    - docker:
        driver: rexray
        name: db
      path: /db
    - secret: token
      path: token
    - persistent: model
      path: model
    constraints:
    - is:
        field:
          attribute: rack
        value: r1
    - unique: hostname
    kill_grace: 1m 30s
    check:
      tcp: admin
      delay: 1s
    health_check:
      http:
        port: http
        path: /health
        tls: true
      interval: 5s
      timeout: 2s
      grace: 30s
      failures: 5
    max_completion_time: 2h
    labels:
      tier: batch
    user: nobody
    role: web
  retry:
    max_attempts: 3
    first_delay: 2s
    factor: 1.5
    max_delay: 1m
    avoid_failed_agents: false
  timeout: 1day
  after: [fetch]
  priority: -5
- name: fetch
  task:
    executor:
      id: worker
      command: [./worker, --verbose]
      env:
        MODE: fast
      uris: [https://files.example/worker]
      resources: cpus:0.5;mem:64
      shutdown_grace: 30s
    data: "42"
services:
- name: web
  instances: 3
  pod:
    name: frontend
    tasks:
    - name: server
      command: [./serve]
      volumes:
      - parent: shared
        path: shared
    - name: logger
      command: ./log
      check:
        command: [test, -e, log]
    executor_resources: cpus:0.2;mem:64;disk:16
    networks: [overlay, storage]
    constraints:
    - max_per:
        field: hostname
        max: 2
    role: web
  restart:
    first_delay: 500ms
    factor: 3
    max_delay: 10m
    stable_after: 2m
    crash_loop_after: 4
  update:
    strategy: rolling
    batch: 2
    start_first: true
    healthy_for: 20s
    timeout: 5m
    on_failure: rollback
  unreachable_after: 15m
- name: cache
  task:
    image: library/redis:7
    resources: cpus:1;mem:512
  update:
    strategy: blue_green
"##;

const SECOND: Duration = Duration::from_secs(1);

pub(crate) fn job() -> JobSpec {
    let image = ImageSpec::new("library/python:3")
        .containerizer(Containerizer::Docker)
        .always_pull(true)
        .privileged(true);
    let run = UriSpec::new("https://files.example/run").executable(true);
    let health = CheckSpec::http("http", "/health").tls(true);
    let task = TaskSpec::shell("trainer", "./train $PORT_HTTP")
        .image(image)
        .env("LEVEL", "debug")
        .env("RETRIES", 3)
        .env("DRY", true)
        .secret("PASSWORD", "db-password")
        .uri("https://files.example/train.tar.gz")
        .uri(run.cache(true).output("start"))
        .uri(UriSpec::new("https://files.example/data.zip").extract(false))
        .file("conf/app.toml", "level = \"debug\"\n")
        .file("start.sh", FileSpec::new("#!/bin/sh\n").executable(true))
        .resources("cpus:1.5;mem:256;devices:{a,b}".parse().unwrap())
        .port("http")
        .port(PortSpec::named("admin").number(8080))
        .port(PortSpec::any().range(31000..=31999))
        .network(NetworkSpec::new("overlay").label("zone", "inner"))
        .volume(VolumeSpec::host("/srv/data", "data").read_only())
        .volume(VolumeSpec::sandbox("cache", "/var/cache"))
        .volume(VolumeSpec::docker("rexray", "db", "/db"))
        .volume(VolumeSpec::secret("token", "token"))
        .volume(VolumeSpec::persistent("model", "model"))
        .constraint(Constraint::is(Field::attribute("rack"), "r1"))
        .constraint(Constraint::Unique(Field::Hostname))
        .kill_grace(90 * SECOND)
        .check(CheckSpec::tcp("admin").delay(SECOND))
        .health_check(
            health
                .interval(5 * SECOND)
                .timeout(2 * SECOND)
                .grace(30 * SECOND)
                .failures(5),
        )
        .max_completion_time(7200 * SECOND)
        .label("tier", "batch")
        .user("nobody")
        .role("web");
    let retry = RetryPolicy::attempts(3)
        .first_delay(2 * SECOND)
        .factor(1.5)
        .max_delay(60 * SECOND)
        .avoid_failed_agents(false);
    JobSpec::new(task)
        .name("train")
        .retry(retry)
        .timeout(86400 * SECOND)
        .after("fetch")
        .priority(-5)
}

pub(crate) fn with_executor() -> JobSpec {
    let executor = ExecutorSpec::new("worker", Command::argv(["./worker", "--verbose"]))
        .env("MODE", "fast")
        .uri("https://files.example/worker")
        .resources("cpus:0.5;mem:64".parse().unwrap())
        .shutdown_grace(30 * SECOND);
    JobSpec::new(TaskSpec::new("fetch").executor(executor).data("42"))
}

pub(crate) fn services() -> [ServiceSpec; 2] {
    let server = TaskSpec::argv("server", ["./serve"]);
    let server = server.volume(VolumeSpec::parent("shared", "shared"));
    let check = CheckSpec::command(Command::argv(["test", "-e", "log"]));
    let logger = TaskSpec::shell("logger", "./log").check(check);
    let pod = PodSpec::new("frontend", [server, logger])
        .executor_resources("cpus:0.2;mem:64;disk:16".parse().unwrap())
        .network("overlay")
        .network("storage")
        .constraint(Constraint::max_per(Field::Hostname, 2))
        .role("web");
    let restart = RestartPolicy::default()
        .first_delay(SECOND / 2)
        .factor(3.0)
        .max_delay(600 * SECOND)
        .stable_after(120 * SECOND)
        .crash_loop_after(4);
    let update = UpdatePolicy::rolling(2)
        .start_first(true)
        .healthy_for(20 * SECOND)
        .timeout(300 * SECOND)
        .on_failure(OnFailure::Rollback);
    let web = ServiceSpec::new(pod)
        .name("web")
        .instances(3)
        .restart(restart)
        .update(update)
        .unreachable_after(900 * SECOND);
    let redis = TaskSpec::new("cache")
        .image("library/redis:7")
        .cpus(1.0)
        .mem(512.0);
    let cache = ServiceSpec::new(redis).update(UpdatePolicy::blue_green());
    [web, cache]
}
