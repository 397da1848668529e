// What all parts of the shim share: the loaded library, messages as bytes, errors
// as text.
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

struct mesos_shim_library
{
  mesos_shim::Symbols symbols;
  std::size_t framework_info_size;
  std::size_t offer_size;
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

// Runs `body`; an exception becomes `failed`, with its text in the buffer.
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

inline std::string to_string(mesos_shim_bytes bytes)
{
  return bytes.len == 0
    ? std::string()
    : std::string(reinterpret_cast<const char*>(bytes.data), bytes.len);
}

// Storage for one C++ object of a size that is only known at run time.
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

// One message of libmesos' own protobuf, parsed from bytes.
class ParsedMessage
{
public:
  ParsedMessage(
      const Symbols& symbols,
      std::size_t size,
      void (*construct)(Message*),
      void (*destroy)(Message*),
      const char* name,
      mesos_shim_bytes bytes);
  ~ParsedMessage() { destroy(storage.as<Message>()); }
  ParsedMessage(const ParsedMessage&) = delete;
  ParsedMessage& operator=(const ParsedMessage&) = delete;

  const Message* get() const { return storage.as<Message>(); }

private:
  Storage storage;
  void (*destroy)(Message*);
};

} // namespace mesos_shim
