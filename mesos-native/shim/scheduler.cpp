// MesosSchedulerDriver, and the object that libmesos uses as a mesos::Scheduler.

#include <memory>
#include <vector>

#include "event.hpp"
#include "library.hpp"

namespace mesos_shim {

// The virtual functions of mesos::Scheduler, in the order in which
// include/mesos/scheduler.hpp declares them, because libmesos calls them by position.
class Callbacks
{
public:
  Callbacks(const mesos_shim_library& library_, mesos_shim_callback callback_, void* context_)
    : library(library_), outlet{library_.symbols, callback_, context_} {}

  virtual ~Callbacks() {}

  virtual void registered(Driver*, const Message& framework_id, const Message& master)
  {
    event(MESOS_SHIM_REGISTERED).add(framework_id).add(master).send();
  }

  virtual void reregistered(Driver*, const Message& master)
  {
    event(MESOS_SHIM_REREGISTERED).add(master).send();
  }

  virtual void disconnected(Driver*) { event(MESOS_SHIM_DISCONNECTED).send(); }

  virtual void resource_offers(Driver*, const RawVector& offers)
  {
    event(MESOS_SHIM_RESOURCE_OFFERS).add(offers, library.offer.size).send();
  }

  virtual void offer_rescinded(Driver*, const Message& offer_id)
  {
    event(MESOS_SHIM_OFFER_RESCINDED).add(offer_id).send();
  }

  virtual void status_update(Driver*, const Message& status)
  {
    event(MESOS_SHIM_STATUS_UPDATE).add(status).send();
  }

  virtual void framework_message(
      Driver*, const Message& executor_id, const Message& agent_id, const std::string& data)
  {
    event(MESOS_SHIM_FRAMEWORK_MESSAGE).add(executor_id).add(agent_id).add(data).send();
  }

  virtual void agent_lost(Driver*, const Message& agent_id)
  {
    event(MESOS_SHIM_SLAVE_LOST).add(agent_id).send();
  }

  virtual void executor_lost(
      Driver*, const Message& executor_id, const Message& agent_id, int status)
  {
    event(MESOS_SHIM_EXECUTOR_LOST).add(executor_id).add(agent_id).send(status);
  }

  virtual void error(Driver*, const std::string& message)
  {
    event(MESOS_SHIM_ERROR).add(message).send();
  }

private:
  Event event(mesos_shim_event kind) const { return Event(outlet, kind); }

  const mesos_shim_library& library;
  const Outlet outlet;
};

} // namespace mesos_shim

using namespace mesos_shim;

struct mesos_shim_scheduler
{
  mesos_shim_scheduler(
      const mesos_shim_library& library_, mesos_shim_callback callback, void* context)
    : library(library_), symbols(library_.symbols), callbacks(library_, callback, context)
  {
  }

  Driver* driver() const { return storage.driver(); }

  const mesos_shim_library& library;
  const Symbols& symbols;
  Callbacks callbacks;
  DriverStorage storage;
};

extern "C" mesos_shim_scheduler* mesos_shim_scheduler_new(
    const mesos_shim_library* library,
    const mesos_shim_scheduler_settings* settings,
    mesos_shim_callback callback,
    void* context,
    char* error,
    size_t error_len)
{
  return guarded<mesos_shim_scheduler*>(nullptr, error, error_len, [&] {
    const Symbols& symbols = library->symbols;
    const Messages info(symbols, library->framework_info, &settings->framework, 1);
    const Messages credential(
        symbols, library->credential, &settings->credential, settings->has_credential != 0);
    const Strings suppressed = to_strings(settings->suppressed_roles, settings->suppressed_count);
    const std::string master = to_string(settings->master);
    const bool implicit = settings->implicit_acknowledgements != 0;
    if (!suppressed.empty() && !mesos_shim_library_has(library, MESOS_SHIM_SINGLE_ROLES)) {
      throw std::runtime_error("this libmesos cannot suppress roles in the constructor");
    }

    std::unique_ptr<mesos_shim_scheduler> scheduler(
        new mesos_shim_scheduler(*library, callback, context));
    Driver* driver = scheduler->driver();
    Callbacks* callbacks = &scheduler->callbacks;
    try {
      if (suppressed.empty() && settings->has_credential == 0) {
        symbols.scheduler_driver_new(driver, callbacks, info.get(), &master, implicit);
      } else if (suppressed.empty()) {
        symbols.scheduler_driver_new_credential(
            driver, callbacks, info.get(), &master, implicit, credential.get());
      } else if (settings->has_credential == 0) {
        symbols.scheduler_driver_new_suppressed(
            driver, callbacks, info.get(), &suppressed, &master, implicit);
      } else {
        symbols.scheduler_driver_new_suppressed_credential(
            driver, callbacks, info.get(), &suppressed, &master, implicit, credential.get());
      }
    } catch (...) {
      // Threads of the partially constructed driver may still use the callbacks.
      scheduler.release();
      throw;
    }
    if (!scheduler->storage.fits()) {
      symbols.scheduler_driver_free(scheduler->driver());
      throw std::runtime_error("MesosSchedulerDriver of this libmesos is larger than expected");
    }
    return scheduler.release();
  });
}

namespace {

void require(mesos_shim_scheduler* scheduler, mesos_shim_feature feature, const char* what)
{
  if (!mesos_shim_library_has(&scheduler->library, feature)) {
    throw std::runtime_error(std::string("this libmesos cannot ") + what);
  }
}

} // namespace

#define METHOD(name, ...)                                                        \
  extern "C" mesos_shim_status mesos_shim_scheduler_##name(                      \
      mesos_shim_scheduler* scheduler, __VA_ARGS__, char* error, size_t error_len)
#define PLAIN_METHOD(name)                                                       \
  extern "C" mesos_shim_status mesos_shim_scheduler_##name(                      \
      mesos_shim_scheduler* scheduler, char* error, size_t error_len)
#define BODY call(scheduler, error, error_len, [&](Driver* driver, const Symbols& symbols)

PLAIN_METHOD(start)
{
  return BODY { return symbols.scheduler_driver_start(driver); });
}

METHOD(stop, int failover)
{
  return BODY { return symbols.scheduler_driver_stop(driver, failover != 0); });
}

PLAIN_METHOD(abort)
{
  return BODY { return symbols.scheduler_driver_abort(driver); });
}

PLAIN_METHOD(join)
{
  return BODY { return symbols.scheduler_driver_join(driver); });
}

METHOD(
    accept_offers,
    const mesos_shim_bytes* offer_ids,
    size_t offer_id_count,
    const mesos_shim_bytes* operations,
    size_t operation_count,
    mesos_shim_bytes filters)
{
  return BODY {
    const mesos_shim_library& library = scheduler->library;
    const Messages ids(symbols, library.offer_id, offer_ids, offer_id_count);
    const Messages all(symbols, library.operation, operations, operation_count);
    const Messages filter(symbols, library.filters, &filters, 1);
    const RawVector id_vector = ids.vector();
    const RawVector all_vector = all.vector();
    return symbols.accept_offers(driver, &id_vector, &all_vector, filter.get());
  });
}

METHOD(decline_offer, mesos_shim_bytes offer_id, mesos_shim_bytes filters)
{
  return BODY {
    const Messages id(symbols, scheduler->library.offer_id, &offer_id, 1);
    const Messages filter(symbols, scheduler->library.filters, &filters, 1);
    return symbols.decline_offer(driver, id.get(), filter.get());
  });
}

METHOD(revive_offers, const mesos_shim_bytes* roles, size_t role_count)
{
  return BODY {
    if (role_count == 0) {
      return symbols.revive_offers(driver);
    }
    require(scheduler, MESOS_SHIM_SINGLE_ROLES, "revive single roles");
    const Strings names = to_strings(roles, role_count);
    return symbols.revive_roles(driver, &names);
  });
}

METHOD(suppress_offers, const mesos_shim_bytes* roles, size_t role_count)
{
  return BODY {
    if (role_count == 0) {
      return symbols.suppress_offers(driver);
    }
    require(scheduler, MESOS_SHIM_SINGLE_ROLES, "suppress single roles");
    const Strings names = to_strings(roles, role_count);
    return symbols.suppress_roles(driver, &names);
  });
}

METHOD(kill_task, mesos_shim_bytes task_id)
{
  return BODY {
    const Messages id(symbols, scheduler->library.task_id, &task_id, 1);
    return symbols.kill_task(driver, id.get());
  });
}

METHOD(acknowledge_status_update, mesos_shim_bytes task_status)
{
  return BODY {
    const Messages status(symbols, scheduler->library.task_status, &task_status, 1);
    return symbols.acknowledge_status_update(driver, status.get());
  });
}

METHOD(
    send_framework_message,
    mesos_shim_bytes executor_id,
    mesos_shim_bytes agent_id,
    mesos_shim_bytes data)
{
  return BODY {
    const Messages executor(symbols, scheduler->library.executor_id, &executor_id, 1);
    const Messages agent(symbols, scheduler->library.agent_id, &agent_id, 1);
    const std::string text = to_string(data);
    return symbols.send_framework_message(driver, executor.get(), agent.get(), &text);
  });
}

METHOD(reconcile_tasks, const mesos_shim_bytes* task_statuses, size_t count)
{
  return BODY {
    const Messages statuses(symbols, scheduler->library.task_status, task_statuses, count);
    const RawVector vector = statuses.vector();
    return symbols.reconcile_tasks(driver, &vector);
  });
}

METHOD(request_resources, const mesos_shim_bytes* requests, size_t count)
{
  return BODY {
    const Messages all(symbols, scheduler->library.request, requests, count);
    const RawVector vector = all.vector();
    return symbols.request_resources(driver, &vector);
  });
}

METHOD(
    update_framework,
    mesos_shim_bytes framework,
    const mesos_shim_bytes* suppressed_roles,
    size_t suppressed_count,
    const mesos_shim_bytes* offer_constraints)
{
  return BODY {
    const mesos_shim_library& library = scheduler->library;
    require(scheduler, MESOS_SHIM_UPDATE_FRAMEWORK, "update a framework");
    const Messages info(symbols, library.framework_info, &framework, 1);
    const Strings roles = to_strings(suppressed_roles, suppressed_count);
    if (!mesos_shim_library_has(&library, MESOS_SHIM_OFFER_CONSTRAINTS)) {
      if (offer_constraints != nullptr) {
        throw std::runtime_error("this libmesos does not support offer constraints");
      }
      return symbols.update_framework(driver, info.get(), &roles);
    }
    const mesos_shim_bytes none = {nullptr, 0};
    const Messages constraints(
        symbols,
        library.offer_constraints,
        offer_constraints == nullptr ? &none : offer_constraints,
        1);
    return symbols.update_framework_constrained(
        driver, info.get(), &roles, constraints.get());
  });
}

extern "C" void mesos_shim_scheduler_free(mesos_shim_scheduler* scheduler)
{
  char ignored[1];
  guarded<bool>(false, ignored, sizeof(ignored), [&] {
    scheduler->symbols.scheduler_driver_free(scheduler->driver());
    delete scheduler;
    return true;
  });
}
