// A stand-in for the executor half of libmesos: a class MesosExecutorDriver with the ABI of
// Mesos's class (include/mesos/executor.hpp), but without an agent. The beginning of
// MESOS_EXECUTOR_ID selects a scenario of callbacks, which runs on a separate thread, as in
// libmesos.
// The messages are real: the protobuf of the linked libmesos makes them.

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
#include <new>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace mesos {

enum Status { NOT_STARTED = 1, RUNNING = 2, ABORTED = 3, STOPPED = 4 };

class TaskStatus; // these messages are defined in libmesos only
class ExecutorInfo;
class FrameworkInfo;
class SlaveInfo;
class TaskInfo;
class TaskID;

class MesosExecutorDriver;

// The order of the methods is the order in which Mesos declares them.
class Executor
{
public:
  virtual ~Executor() {}
  virtual void registered(
      MesosExecutorDriver*, const ExecutorInfo&, const FrameworkInfo&, const SlaveInfo&) = 0;
  virtual void reregistered(MesosExecutorDriver*, const SlaveInfo&) = 0;
  virtual void disconnected(MesosExecutorDriver*) = 0;
  virtual void launchTask(MesosExecutorDriver*, const TaskInfo&) = 0;
  virtual void killTask(MesosExecutorDriver*, const TaskID&) = 0;
  virtual void frameworkMessage(MesosExecutorDriver*, const std::string&) = 0;
  virtual void shutdown(MesosExecutorDriver*) = 0;
  virtual void error(MesosExecutorDriver*, const std::string&) = 0;
};

class MesosExecutorDriver
{
public:
  explicit MesosExecutorDriver(Executor* executor);
  MesosExecutorDriver(Executor* executor, const std::map<std::string, std::string>& environment);
  virtual ~MesosExecutorDriver();
  virtual Status start();
  virtual Status stop();
  virtual Status abort();
  virtual Status join();
  virtual Status run();
  virtual Status sendStatusUpdate(const TaskStatus& status);
  virtual Status sendFrameworkMessage(const std::string& data);

private:
  struct State;
  State* state;
  // About the size of Mesos's class, so that a storage that is too small is detected.
  char rest[600];
};

} // namespace mesos

// The functions of libmesos that are called here, by mangled name.
extern "C" {
bool parse(void*, const void*, int) __asm__(
    "_ZN6google8protobuf11MessageLite14ParseFromArrayEPKvi");
bool serialize(const void*, std::string*) __asm__(
    "_ZNK6google8protobuf11MessageLite24SerializePartialToStringEPNSt7__cxx1112basic_string"
    "IcSt11char_traitsIcESaIcEEE");
#define MESSAGE(name, mangled)                                                   \
  void name##_new(void*) __asm__("_ZN5mesos" mangled "C1Ev");                    \
  void name##_free(void*) __asm__("_ZN5mesos" mangled "D1Ev");
MESSAGE(executor_info, "12ExecutorInfo")
MESSAGE(framework_info, "13FrameworkInfo")
MESSAGE(agent_info, "9SlaveInfo")
MESSAGE(task_info, "8TaskInfo")
MESSAGE(task_id, "6TaskID")
}

namespace {

// A libmesos message, parsed from bytes.
template <typename T>
class Made
{
public:
  Made(void (*make)(void*), void (*free_)(void*), const std::string& bytes) : destroy(free_)
  {
    make(storage);
    if (!parse(storage, bytes.data(), static_cast<int>(bytes.size()))) {
      std::abort(); // a mistake in this file
    }
  }
  ~Made() { destroy(storage); }

  const T& get() const { return *reinterpret_cast<const T*>(storage); }

private:
  void (*destroy)(void*);
  alignas(16) char storage[8192];
};

// A length-delimited field in protobuf's wire format.
std::string field(int number, const std::string& content)
{
  std::string bytes(1, static_cast<char>(number << 3 | 2));
  for (std::size_t left = content.size();; left >>= 7) {
    if (left < 0x80) {
      return bytes + static_cast<char>(left) + content;
    }
    bytes += static_cast<char>((left & 0x7f) | 0x80);
  }
}

std::string id(const std::string& value) { return field(1, value); }

// TaskInfo with name, task_id and slave_id.
std::string task(const std::string& name, const std::string& value)
{
  return field(1, name) + field(2, id(value)) + field(3, id("agent"));
}

} // namespace

namespace mesos {

struct MesosExecutorDriver::State
{
  Executor* executor;
  MesosExecutorDriver* driver;
  std::string scenario;
  std::recursive_mutex mutex;
  Status status = NOT_STARTED;
  std::atomic<bool> ending{false};
  std::vector<std::thread> threads;

  bool is(const std::string& name) const
  {
    return scenario.compare(0, name.size(), name) == 0;
  }

  void registered()
  {
    const std::string command = field(7, field(3, "true"));
    const Made<ExecutorInfo> executor_info(
        executor_info_new, executor_info_free, field(1, id(scenario)) + command);
    const Made<FrameworkInfo> framework(
        framework_info_new, framework_info_free, field(1, "user") + field(2, "framework"));
    const Made<SlaveInfo> agent(agent_info_new, agent_info_free, field(1, "first"));
    executor->registered(driver, executor_info.get(), framework.get(), agent.get());
  }

  void reregistered()
  {
    const Made<SlaveInfo> agent(agent_info_new, agent_info_free, field(1, "second"));
    executor->reregistered(driver, agent.get());
  }

  void launch(const std::string& name)
  {
    const Made<TaskInfo> made(task_info_new, task_info_free, task(is("bytes") ? "name \xff" : "name", name));
    executor->launchTask(driver, made.get());
  }

  void kill(const std::string& name)
  {
    const Made<TaskID> made(task_id_new, task_id_free, id(name));
    executor->killTask(driver, made.get());
  }

  void flood()
  {
    const long count = std::strtol(scenario.c_str() + std::strlen("flood "), nullptr, 10);
    for (std::uint32_t i = 0; !ending && i < count; i++) {
      std::string bytes(sizeof(i), '\0');
      std::memcpy(&bytes[0], &i, sizeof(i));
      executor->frameworkMessage(driver, bytes);
    }
  }

  void play()
  {
    if (is("unregistered")) {
      reregistered();
      return;
    }
    registered();
    if (is("again")) {
      executor->disconnected(driver);
      reregistered();
    }
    if (is("flood")) {
      flood();
      executor->shutdown(driver);
      return;
    }
    if (is("endless")) {
      // A stop does not end this loop. Only the destructor ends it, and waits for the thread.
      while (!ending) {
        executor->frameworkMessage(driver, "more");
      }
      for (int i = 0; i < 1000; i++) {
        executor->frameworkMessage(driver, "after the end");
      }
      return;
    }
    if (is("error")) {
      executor->error(driver, "the end \xff");
      return;
    }
    launch("t");
    executor->frameworkMessage(driver, std::string("\0\xff", 2));
  }
};

MesosExecutorDriver::MesosExecutorDriver(Executor*)
{
  std::abort(); // the tests do not set the environment of an executor
}

MesosExecutorDriver::MesosExecutorDriver(
    Executor* executor, const std::map<std::string, std::string>& environment)
  : state(new State)
{
  std::memset(rest, 0, sizeof(rest));
  state->executor = executor;
  state->driver = this;
  state->scenario = environment.at("MESOS_EXECUTOR_ID");
  if (state->is("throws at once")) {
    throw std::runtime_error("thrown by a constructor");
  }
  if (state->is("large")) {
    std::memset(reinterpret_cast<char*>(this) + 20000, 0, 16);
  }
  if (state->is("refuses")) {
    // Mesos does the same for flags that do not parse.
    state->status = ABORTED;
    executor->error(this, "refused by a constructor");
  }
}

MesosExecutorDriver::~MesosExecutorDriver()
{
  if (state->threads.empty()) {
    std::abort(); // Mesos's class crashes here
  }
  state->ending = true;
  for (std::thread& thread : state->threads) {
    thread.join();
  }
  delete state;
}

Status MesosExecutorDriver::start()
{
  const std::lock_guard<std::recursive_mutex> lock(state->mutex);
  if (state->status != NOT_STARTED) {
    return state->status;
  }
  if (state->is("throws late")) {
    throw 42;
  }
  state->status = RUNNING;
  for (int i = 0; i < (state->is("crowd") ? 8 : 1); i++) {
    state->threads.emplace_back([this] { state->play(); });
  }
  return state->status;
}

Status MesosExecutorDriver::stop()
{
  const std::lock_guard<std::recursive_mutex> lock(state->mutex);
  if (state->status == RUNNING || state->status == ABORTED) {
    state->status = STOPPED;
  }
  return state->status;
}

Status MesosExecutorDriver::abort() { return stop(); }

Status MesosExecutorDriver::join()
{
  for (;;) {
    {
      const std::lock_guard<std::recursive_mutex> lock(state->mutex);
      if (state->status != RUNNING) {
        return state->status;
      }
    }
    std::this_thread::yield();
  }
}

Status MesosExecutorDriver::run()
{
  start();
  return join();
}

Status MesosExecutorDriver::sendStatusUpdate(const TaskStatus& status)
{
  if (state->is("unsendable")) {
    throw std::runtime_error("thrown by sendStatusUpdate");
  }
  std::string bytes;
  serialize(&status, &bytes);
  const std::lock_guard<std::recursive_mutex> lock(state->mutex);
  if (state->status == RUNNING) {
    // Sends the update back, so that the test can check it.
    state->threads.emplace_back([this, bytes] { state->executor->frameworkMessage(this, bytes); });
  }
  return state->status;
}

Status MesosExecutorDriver::sendFrameworkMessage(const std::string& data)
{
  const std::lock_guard<std::recursive_mutex> lock(state->mutex);
  if (state->status == RUNNING) {
    state->threads.emplace_back([this, data] {
      if (data == "kill") {
        state->kill("t");
      } else if (data == "shutdown") {
        state->executor->shutdown(this);
      } else if (data == "reregistered") {
        state->reregistered();
      } else {
        state->executor->frameworkMessage(this, data);
      }
    });
  }
  return state->status;
}

} // namespace mesos
