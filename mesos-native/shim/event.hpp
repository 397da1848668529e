// Passes callbacks of libmesos to Rust, and holds the storage of a driver.
#pragma once

#include <string>
#include <vector>

#include "library.hpp"

namespace mesos_shim {

// The receiver of events.
struct Outlet
{
  const Symbols& symbols;
  mesos_shim_callback callback;
  void* context;
};

// Collects an event's parts as bytes. An exception (out of memory) turns the event into
// MESOS_SHIM_SHIM_FAILED. So libmesos gets no exception, and the lost event is reported.
class Event
{
public:
  Event(const Outlet& outlet_, mesos_shim_event kind_) : outlet(outlet_), kind(kind_) {}

  Event& add(const Message& message) noexcept
  {
    collect([&] {
      std::string bytes;
      if (!outlet.symbols.serialize(&message, &bytes)) {
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
        throw std::runtime_error("the measured size of a message is wrong");
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
      outlet.callback(outlet.context, MESOS_SHIM_SHIM_FAILED, &text, 1, kind);
    } else {
      outlet.callback(outlet.context, kind, views.data(), views.size(), value);
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

  const Outlet& outlet;
  mesos_shim_event kind;
  std::vector<std::string> parts;
  bool failed = false;
  char failure[256] = {0};
};

// The size of a driver cannot be measured and differs between releases (about half a
// KiB; it grew in 1.7 and in 1.9). The storage is far larger, and fits() checks that the
// constructor did not write to its second half.
class DriverStorage
{
public:
  DriverStorage() : storage(SIZE) { std::memset(storage.as<void>(), UNTOUCHED, SIZE); }

  Driver* driver() const { return storage.as<Driver>(); }

  bool fits() const
  {
    const unsigned char* byte = storage.as<unsigned char>();
    return std::all_of(
        byte + SIZE / 2, byte + SIZE, [](unsigned char b) { return b == UNTOUCHED; });
  }

private:
  static constexpr std::size_t SIZE = 32 * 1024;
  static constexpr unsigned char UNTOUCHED = 0xA5;

  Storage storage;
};

} // namespace mesos_shim
