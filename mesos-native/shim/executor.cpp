// MesosExecutorDriver, and the object that libmesos uses as a mesos::Executor.

#include <memory>

#include "event.hpp"
#include "library.hpp"

namespace mesos_shim {

// The virtual functions of mesos::Executor, in the order in which
// include/mesos/executor.hpp declares them, because libmesos calls them by position.
class ExecutorCallbacks
{
public:
  explicit ExecutorCallbacks(const Outlet& outlet_) : outlet(outlet_) {}

  virtual ~ExecutorCallbacks() {}

  virtual void registered(
      Driver*, const Message& executor, const Message& framework, const Message& agent)
  {
    event(MESOS_SHIM_EXECUTOR_REGISTERED).add(executor).add(framework).add(agent).send();
  }

  virtual void reregistered(Driver*, const Message& agent)
  {
    event(MESOS_SHIM_EXECUTOR_REREGISTERED).add(agent).send();
  }

  virtual void disconnected(Driver*) { event(MESOS_SHIM_DISCONNECTED).send(); }

  virtual void launch_task(Driver*, const Message& task)
  {
    event(MESOS_SHIM_LAUNCH_TASK).add(task).send();
  }

  virtual void kill_task(Driver*, const Message& task_id)
  {
    event(MESOS_SHIM_KILL_TASK).add(task_id).send();
  }

  virtual void framework_message(Driver*, const std::string& data)
  {
    event(MESOS_SHIM_EXECUTOR_MESSAGE).add(data).send();
  }

  virtual void shutdown(Driver*) { event(MESOS_SHIM_SHUTDOWN).send(); }

  virtual void error(Driver*, const std::string& message)
  {
    event(MESOS_SHIM_ERROR).add(message).send();
  }

private:
  Event event(mesos_shim_event kind) const { return Event(outlet, kind); }

  const Outlet outlet;
};

} // namespace mesos_shim

using namespace mesos_shim;

struct mesos_shim_executor
{
  mesos_shim_executor(
      const mesos_shim_library& library_, mesos_shim_callback callback, void* context)
    : library(library_), symbols(library_.symbols),
      callbacks(Outlet{library_.symbols, callback, context})
  {
  }

  Driver* driver() const { return storage.driver(); }

  const mesos_shim_library& library;
  const Symbols& symbols;
  ExecutorCallbacks callbacks;
  DriverStorage storage;
  // libmesos's destructor ends a libprocess process that only start() creates, and does not
  // check that the process exists (src/exec/exec.cpp).
  bool ran = false;
};

extern "C" mesos_shim_executor* mesos_shim_executor_new(
    const mesos_shim_library* library,
    const mesos_shim_bytes* environment,
    size_t text_count,
    mesos_shim_callback callback,
    void* context,
    char* error,
    size_t error_len)
{
  return guarded<mesos_shim_executor*>(nullptr, error, error_len, [&] {
    const Symbols& symbols = library->symbols;
    if (!mesos_shim_library_has(library, MESOS_SHIM_EXECUTORS)) {
      throw std::runtime_error("this libmesos has no MesosExecutorDriver");
    }
    if (environment != nullptr &&
        !mesos_shim_library_has(library, MESOS_SHIM_EXECUTOR_ENVIRONMENT)) {
      throw std::runtime_error("this libmesos accepts only the environment of the process");
    }
    Environment variables;
    for (std::size_t i = 0; environment != nullptr && i + 1 < text_count; i += 2) {
      variables[to_string(environment[i])] = to_string(environment[i + 1]);
    }
    std::unique_ptr<mesos_shim_executor> made(
        new mesos_shim_executor(*library, callback, context));
    // Threads of a partially constructed driver may still use the callbacks, and a driver that
    // did not run cannot be destroyed. So the object is leaked on failure.
    mesos_shim_executor* executor = made.release();
    if (environment == nullptr) {
      symbols.executor_driver_new(executor->driver(), &executor->callbacks);
    } else {
      symbols.executor_driver_new_environment(
          executor->driver(), &executor->callbacks, &variables);
    }
    if (!executor->storage.fits()) {
      throw std::runtime_error("MesosExecutorDriver of this libmesos is larger than expected");
    }
    return executor;
  });
}

extern "C" mesos_shim_status mesos_shim_executor_start(
    mesos_shim_executor* executor, char* error, size_t error_len)
{
  const mesos_shim_status status =
    call(executor, error, error_len, [](Driver* driver, const Symbols& symbols) {
      return symbols.executor_driver_start(driver);
    });
  executor->ran |= status == MESOS_SHIM_RUNNING;
  return status;
}

extern "C" mesos_shim_status mesos_shim_executor_stop(
    mesos_shim_executor* executor, char* error, size_t error_len)
{
  return call(executor, error, error_len, [](Driver* driver, const Symbols& symbols) {
    return symbols.executor_driver_stop(driver);
  });
}

extern "C" mesos_shim_status mesos_shim_executor_join(
    mesos_shim_executor* executor, char* error, size_t error_len)
{
  return call(executor, error, error_len, [](Driver* driver, const Symbols& symbols) {
    return symbols.executor_driver_join(driver);
  });
}

extern "C" mesos_shim_status mesos_shim_executor_send_status_update(
    mesos_shim_executor* executor, mesos_shim_bytes task_status, char* error, size_t error_len)
{
  return call(executor, error, error_len, [&](Driver* driver, const Symbols& symbols) {
    const Messages status(symbols, executor->library.task_status, &task_status, 1);
    return symbols.send_status_update(driver, status.get());
  });
}

extern "C" mesos_shim_status mesos_shim_executor_send_framework_message(
    mesos_shim_executor* executor, mesos_shim_bytes data, char* error, size_t error_len)
{
  return call(executor, error, error_len, [&](Driver* driver, const Symbols& symbols) {
    const std::string text = to_string(data);
    return symbols.executor_send_framework_message(driver, &text);
  });
}

extern "C" int mesos_shim_executor_free(mesos_shim_executor* executor)
{
  if (!executor->ran) {
    return 0;
  }
  char ignored[1];
  return guarded<int>(0, ignored, sizeof(ignored), [&] {
    executor->symbols.executor_driver_free(executor->driver());
    delete executor;
    return 1;
  });
}
