// Shared by all parts of the shim: the loaded library, messages as bytes, errors as
// text.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <exception>
#include <new>
#include <stdexcept>
#include <string>

#include "mesos_shim.h"
#include "symbols.hpp"

namespace mesos_shim {

// The functions and the size that an object of a libmesos message type needs.
struct MessageType
{
  const char* name;
  std::size_t size; // 0: this libmesos lacks the message
  void (*construct)(Message*);
  void (*destroy)(Message*);
};

} // namespace mesos_shim

struct mesos_shim_library
{
  mesos_shim::Symbols symbols;
#define TYPE(X, field, mangled, readable, optional) mesos_shim::MessageType field;
  MESOS_SHIM_MESSAGES(TYPE, )
#undef TYPE
};

namespace mesos_shim {

inline void copy_text(const char* text, char* buffer, std::size_t len)
{
  if (buffer == nullptr || len == 0) {
    return;
  }
  const std::size_t n = std::min(std::strlen(text), len - 1);
  std::memcpy(buffer, text, n);
  buffer[n] = '\0';
}

// Runs `body`. On an exception, returns `failed` and copies the text into the buffer.
template <typename T, typename F>
T guarded(T failed, char* error, std::size_t error_len, F body) noexcept
{
  try {
    return body();
  } catch (const std::exception& e) {
    copy_text(e.what(), error, error_len);
  } catch (...) {
    copy_text("an exception of an unknown type", error, error_len);
  }
  return failed;
}

// Calls one method of a driver, which returns a status. `owner` is the shim's object of the
// driver.
template <typename Owner, typename F>
mesos_shim_status call(Owner* owner, char* error, std::size_t error_len, F method) noexcept
{
  return guarded<mesos_shim_status>(MESOS_SHIM_EXCEPTION, error, error_len, [&] {
    return static_cast<mesos_shim_status>(method(owner->driver(), owner->symbols));
  });
}

inline std::string to_string(mesos_shim_bytes bytes)
{
  return bytes.len == 0
    ? std::string()
    : std::string(reinterpret_cast<const char*>(bytes.data), bytes.len);
}

inline Strings to_strings(const mesos_shim_bytes* texts, std::size_t count)
{
  Strings strings;
  for (std::size_t i = 0; i < count; i++) {
    strings.push_back(to_string(texts[i]));
  }
  return strings;
}

// Storage for C++ objects whose size is known only at run time.
class Storage
{
public:
  explicit Storage(std::size_t size) : memory(::operator new(size)) {}
  ~Storage() { ::operator delete(memory); }
  Storage(const Storage&) = delete;
  Storage& operator=(const Storage&) = delete;

  template <typename T>
  T* as() const
  {
    return static_cast<T*>(memory);
  }

private:
  void* memory;
};

// Messages of one type, parsed from bytes and contiguous as in a std::vector.
class Messages
{
public:
  Messages(
      const Symbols& symbols,
      const MessageType& type,
      const mesos_shim_bytes* bytes,
      std::size_t count);
  ~Messages() { clear(); }
  Messages(const Messages&) = delete;
  Messages& operator=(const Messages&) = delete;

  // The first message.
  Message* get() const { return storage.as<Message>(); }

  // A view with the layout of a std::vector that is not modified.
  RawVector vector() const
  {
    const char* begin = storage.as<char>();
    const char* end = begin + made * type.size;
    return {begin, end, end};
  }

private:
  Message* at(std::size_t index) const
  {
    return reinterpret_cast<Message*>(storage.as<char>() + index * type.size);
  }
  void clear();

  const MessageType& type;
  Storage storage;
  std::size_t made = 0;
};

} // namespace mesos_shim
