// MesosSchedulerDriver, and the object that libmesos takes for a mesos::Scheduler.

#include <memory>
#include <vector>

#include "library.hpp"

namespace mesos_shim {

// std::vector<T> of a T whose size is only known at run time.
struct RawVector
{
  const char* begin;
  const char* end;
  const char* capacity;
};

// The virtual functions of mesos::Scheduler, in the order in which
// include/mesos/scheduler.hpp declares them: libmesos calls them by position.
class Callbacks
{
public:
  Callbacks(const mesos_shim_library& library_, mesos_shim_callback callback_, void* context_)
    : library(library_), callback(callback_), context(context_) {}

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
    event(MESOS_SHIM_RESOURCE_OFFERS).add(offers, library.offer_size).send();
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
  // Collects an event's parts as bytes. Whatever throws on the way (no memory)
  // turns the event into MESOS_SHIM_SHIM_FAILED: libmesos gets no exception, and
  // the loss is not silent.
  class Event
  {
  public:
    Event(const Callbacks& callbacks_, mesos_shim_event kind_)
      : callbacks(callbacks_), kind(kind_) {}

    Event& add(const Message& message) noexcept
    {
      collect([&] {
        std::string bytes;
        if (!callbacks.library.symbols.serialize(&message, &bytes)) {
          throw std::runtime_error("libmesos could not serialize a message");
        }
        parts.push_back(std::move(bytes));
      });
      return *this;
    }

    Event& add(const std::string& text) noexcept
    {
      collect([&] { parts.push_back(text); });
      return *this;
    }

    Event& add(const RawVector& messages, std::size_t size) noexcept
    {
      if (static_cast<std::size_t>(messages.end - messages.begin) % size != 0) {
        collect([] {
          throw std::runtime_error("the size measured for a message is not the real one");
        });
        return *this;
      }
      for (const char* at = messages.begin; at != messages.end; at += size) {
        add(*reinterpret_cast<const Message*>(at));
      }
      return *this;
    }

    void send(std::int64_t value = 0) noexcept
    {
      std::vector<mesos_shim_bytes> views;
      collect([&] {
        for (const std::string& part : parts) {
          views.push_back(view(part.data(), part.size()));
        }
      });
      if (failed) {
        const mesos_shim_bytes text = view(failure, std::strlen(failure));
        callbacks.callback(callbacks.context, MESOS_SHIM_SHIM_FAILED, &text, 1, kind);
      } else {
        callbacks.callback(callbacks.context, kind, views.data(), views.size(), value);
      }
    }

  private:
    static mesos_shim_bytes view(const char* data, std::size_t len)
    {
      return {reinterpret_cast<const std::uint8_t*>(data), len};
    }

    template <typename F>
    void collect(F body) noexcept
    {
      failed |= !guarded<bool>(false, failure, sizeof(failure), [&] {
        body();
        return true;
      });
    }

    const Callbacks& callbacks;
    mesos_shim_event kind;
    std::vector<std::string> parts;
    bool failed = false;
    char failure[256] = {0};
  };

  Event event(mesos_shim_event kind) const { return Event(*this, kind); }

  const mesos_shim_library& library;
  mesos_shim_callback callback;
  void* context;
};

} // namespace mesos_shim

using namespace mesos_shim;

namespace {

// MesosSchedulerDriver's size cannot be measured and differs between releases
// (about half a KiB, and it grew in 1.9). The storage is far larger, and that the
// second half of it is left alone is checked.
constexpr std::size_t DRIVER_STORAGE = 32 * 1024;
constexpr unsigned char UNTOUCHED = 0xA5;

} // namespace

struct mesos_shim_scheduler
{
  mesos_shim_scheduler(
      const mesos_shim_library& library, mesos_shim_callback callback, void* context)
    : symbols(library.symbols), callbacks(library, callback, context), storage(DRIVER_STORAGE)
  {
    std::memset(storage.as<void>(), UNTOUCHED, DRIVER_STORAGE);
  }

  Driver* driver() const { return storage.as<Driver>(); }

  bool fits() const
  {
    const unsigned char* byte = storage.as<unsigned char>();
    return std::all_of(byte + DRIVER_STORAGE / 2, byte + DRIVER_STORAGE, [](unsigned char b) {
      return b == UNTOUCHED;
    });
  }

  const Symbols& symbols;
  Callbacks callbacks;
  Storage storage;
};

extern "C" mesos_shim_scheduler* mesos_shim_scheduler_new(
    const mesos_shim_library* library,
    mesos_shim_bytes framework,
    mesos_shim_bytes master,
    int implicit_acknowledgements,
    mesos_shim_callback callback,
    void* context,
    char* error,
    size_t error_len)
{
  return guarded<mesos_shim_scheduler*>(nullptr, error, error_len, [&] {
    const Symbols& symbols = library->symbols;
    const ParsedMessage info(
        symbols,
        library->framework_info_size,
        symbols.framework_info_new,
        symbols.framework_info_free,
        "FrameworkInfo",
        framework);
    const std::string address = to_string(master);

    std::unique_ptr<mesos_shim_scheduler> scheduler(
        new mesos_shim_scheduler(*library, callback, context));
    try {
      symbols.scheduler_driver_new(
          scheduler->driver(),
          &scheduler->callbacks,
          info.get(),
          &address,
          implicit_acknowledgements != 0);
    } catch (...) {
      // What the half-made driver left running may still use the callbacks.
      scheduler.release();
      throw;
    }
    if (!scheduler->fits()) {
      symbols.scheduler_driver_free(scheduler->driver());
      throw std::runtime_error("MesosSchedulerDriver of this libmesos is larger than expected");
    }
    return scheduler.release();
  });
}

extern "C" mesos_shim_status mesos_shim_scheduler_start(
    mesos_shim_scheduler* scheduler, char* error, size_t error_len)
{
  return guarded<mesos_shim_status>(MESOS_SHIM_EXCEPTION, error, error_len, [&] {
    return static_cast<mesos_shim_status>(
        scheduler->symbols.scheduler_driver_start(scheduler->driver()));
  });
}

extern "C" mesos_shim_status mesos_shim_scheduler_stop(
    mesos_shim_scheduler* scheduler, int failover, char* error, size_t error_len)
{
  return guarded<mesos_shim_status>(MESOS_SHIM_EXCEPTION, error, error_len, [&] {
    return static_cast<mesos_shim_status>(
        scheduler->symbols.scheduler_driver_stop(scheduler->driver(), failover != 0));
  });
}

extern "C" mesos_shim_status mesos_shim_scheduler_join(
    mesos_shim_scheduler* scheduler, char* error, size_t error_len)
{
  return guarded<mesos_shim_status>(MESOS_SHIM_EXCEPTION, error, error_len, [&] {
    return static_cast<mesos_shim_status>(
        scheduler->symbols.scheduler_driver_join(scheduler->driver()));
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
