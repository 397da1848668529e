// The list of symbols, and the inspection of a loaded libmesos.

#include "library.hpp"

#include <climits>
#include <map>
#include <memory>

namespace mesos_shim {
namespace {

const mesos_shim_symbol_info SYMBOLS[] = {
#define INFO(field, result, arguments, mangled, readable, old_abi, optional)     \
  {mangled, readable, old_abi, optional},
  MESOS_SHIM_SYMBOLS(INFO)
#undef INFO
};

constexpr std::size_t SYMBOL_COUNT = sizeof(SYMBOLS) / sizeof(SYMBOLS[0]);

// For the default instance of a type, SpaceUsedLong() is sizeof(type), because the instance
// has no other allocations.
std::size_t measured(const Symbols& symbols, const Message* instance, const char* name)
{
  const std::size_t size = symbols.space_used(instance);
  if (size < 2 * sizeof(void*) || size > 64 * 1024 || size % sizeof(void*) != 0) {
    throw std::runtime_error(
        "libmesos reports a size of " + std::to_string(size) + " bytes for " + name +
        ", which is not plausible: it was built with a protobuf or a compiler that"
        " differs from Mesos's builds");
  }
  return size;
}

MessageType message_type(
    const Symbols& symbols,
    const Message* (*instance)(),
    void (*construct)(Message*),
    void (*destroy)(Message*),
    const char* name)
{
  if (instance == nullptr || construct == nullptr || destroy == nullptr) {
    return {name, 0, nullptr, nullptr};
  }
  return {name, measured(symbols, instance(), name), construct, destroy};
}

// The beginning of libmesos's JSON value, a boost::variant: its kind, followed by a string,
// or up to 1.5 by a pointer to a string.
struct JsonValue
{
  int kind;
  const char* content[4];
};

// Returns the object at `at` if it is a short std::string. Such a string contains its
// characters and a pointer to them, which is the only way to recognize a std::string.
const std::string* short_string(const void* at)
{
  const auto words = static_cast<const char* const*>(at);
  const bool is_one = words[0] == reinterpret_cast<const char*>(&words[2]);
  return is_one ? static_cast<const std::string*>(at) : nullptr;
}

} // namespace

Messages::Messages(
    const Symbols& symbols,
    const MessageType& type_,
    const mesos_shim_bytes* bytes,
    std::size_t count)
  : type(type_), storage(std::max<std::size_t>(1, count) * type_.size)
{
  try {
    for (std::size_t i = 0; i < count; i++) {
      if (bytes[i].len > INT_MAX) {
        throw std::runtime_error(std::string(type.name) + " is larger than 2 GiB");
      }
      type.construct(at(i));
      made++;
      if (!symbols.parse(at(i), bytes[i].data, static_cast<int>(bytes[i].len))) {
        throw std::runtime_error(
            "libmesos does not accept the " + std::string(type.name) +
            ": a required field is missing or a string is not UTF-8");
      }
    }
  } catch (...) {
    clear();
    throw;
  }
}

void Messages::clear()
{
  while (made > 0) {
    type.destroy(at(--made));
  }
}

} // namespace mesos_shim

using namespace mesos_shim;

extern "C" const mesos_shim_symbol_info* mesos_shim_symbol(size_t index)
{
  return index < SYMBOL_COUNT ? &SYMBOLS[index] : nullptr;
}

extern "C" mesos_shim_library* mesos_shim_library_new(
    void* const* addresses, size_t count, char* error, size_t error_len)
{
  return guarded<mesos_shim_library*>(nullptr, error, error_len, [&] {
    if (count != SYMBOL_COUNT) {
      throw std::runtime_error("wrong number of symbols");
    }
    std::unique_ptr<mesos_shim_library> library(new mesos_shim_library());
    Symbols& symbols = library->symbols;
    for (std::size_t i = 0; i < count; i++) {
      if (addresses[i] == nullptr && SYMBOLS[i].optional == 0) {
        throw std::runtime_error(std::string("it lacks ") + SYMBOLS[i].readable);
      }
    }
    std::size_t i = 0;
#define TAKE(field, result, arguments, mangled, readable, old_abi, optional)     \
  symbols.field = reinterpret_cast<decltype(symbols.field)>(addresses[i++]);
    MESOS_SHIM_SYMBOLS(TAKE)
#undef TAKE
#define TYPE(X, field, mangled, readable, optional)                              \
  library->field = message_type(                                                 \
      symbols,                                                                   \
      symbols.field##_default,                                                   \
      symbols.field##_new,                                                       \
      symbols.field##_free,                                                      \
      readable);
    MESOS_SHIM_MESSAGES(TYPE, )
#undef TYPE
    return library.release();
  });
}

extern "C" int mesos_shim_library_has(
    const mesos_shim_library* library, mesos_shim_feature feature)
{
  const Symbols& symbols = library->symbols;
  const bool updatable =
    symbols.update_framework != nullptr || symbols.update_framework_constrained != nullptr;
  switch (feature) {
    case MESOS_SHIM_SINGLE_ROLES:
      return symbols.revive_roles != nullptr && symbols.suppress_roles != nullptr &&
             symbols.scheduler_driver_new_suppressed != nullptr &&
             symbols.scheduler_driver_new_suppressed_credential != nullptr;
    case MESOS_SHIM_UPDATE_FRAMEWORK:
      return updatable;
    case MESOS_SHIM_OFFER_CONSTRAINTS:
      return symbols.update_framework_constrained != nullptr &&
             library->offer_constraints.size != 0;
    case MESOS_SHIM_EXECUTORS:
      return symbols.executor_driver_new != nullptr && symbols.executor_driver_free != nullptr &&
             symbols.executor_driver_start != nullptr && symbols.executor_driver_stop != nullptr &&
             symbols.executor_driver_join != nullptr && symbols.send_status_update != nullptr &&
             symbols.executor_send_framework_message != nullptr;
    case MESOS_SHIM_EXECUTOR_ENVIRONMENT:
      return symbols.executor_driver_new_environment != nullptr;
  }
  return 0;
}

extern "C" size_t mesos_shim_library_version(
    const mesos_shim_library* library, char* buffer, size_t buffer_len)
{
  char ignored[1];
  return guarded<size_t>(0, ignored, sizeof(ignored), [&]() -> size_t {
    if (library->symbols.version == nullptr) {
      return 0;
    }
    // The object consists of a std::map from names to JSON values. It is leaked, once in a
    // process, because its destructor is not available here.
    using Object = std::map<std::string, JsonValue>;
    void* storage = ::operator new(sizeof(Object) + 256);
    library->symbols.version(storage);
    const Object& object = *static_cast<const Object*>(storage);
    const auto found = object.find("version");
    if (found == object.end()) {
      return 0;
    }
    const JsonValue& value = found->second;
    const std::string* text = short_string(value.content);
    if (text == nullptr && value.content[0] != nullptr) {
      text = short_string(value.content[0]);
    }
    if (text == nullptr) {
      return 0;
    }
    copy_text(text->c_str(), buffer, buffer_len);
    return text->size();
  });
}
