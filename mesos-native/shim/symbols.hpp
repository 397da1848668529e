// Everything that is called in libmesos, by mangled name. Calling by name and not
// by vtable slot is what lets one build serve all releases: the slots moved in
// 1.9, the names did not.
#pragma once

#include <cstddef>
#include <string>

namespace mesos_shim {

// A member function is an ordinary one with `this` as its first argument, a
// reference is a pointer (Itanium C++ ABI). Mesos' and protobuf's own types are
// never defined here, only pointed to.
struct Driver;
struct Message;
class Callbacks; // stands in for mesos::Scheduler

#define STRING_NEW "NSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEE"

// X(field, return type, arguments, mangled, readable, mangled with the old string
// type or nullptr, optional)
#define MESOS_SHIM_SYMBOLS(X)                                                    \
  X(parse, bool, (Message*, const void*, int),                                   \
    "_ZN6google8protobuf11MessageLite14ParseFromArrayEPKvi",                     \
    "google::protobuf::MessageLite::ParseFromArray(void const*, int)",           \
    nullptr, 0)                                                                  \
  X(serialize, bool, (const Message*, std::string*),                             \
    "_ZNK6google8protobuf11MessageLite24SerializePartialToStringEP" STRING_NEW,  \
    "google::protobuf::MessageLite::SerializePartialToString(std::string*)",     \
    "_ZNK6google8protobuf11MessageLite24SerializePartialToStringEPSs", 0)        \
  X(space_used, std::size_t, (const Message*),                                   \
    "_ZNK6google8protobuf7Message13SpaceUsedLongEv",                             \
    "google::protobuf::Message::SpaceUsedLong()", nullptr, 0)                    \
  X(framework_info_default, const Message*, (),                                  \
    "_ZN5mesos13FrameworkInfo16default_instanceEv",                              \
    "mesos::FrameworkInfo::default_instance()", nullptr, 0)                      \
  X(framework_info_new, void, (Message*), "_ZN5mesos13FrameworkInfoC1Ev",        \
    "mesos::FrameworkInfo::FrameworkInfo()", nullptr, 0)                         \
  X(framework_info_free, void, (Message*), "_ZN5mesos13FrameworkInfoD1Ev",       \
    "mesos::FrameworkInfo::~FrameworkInfo()", nullptr, 0)                        \
  X(offer_default, const Message*, (),                                           \
    "_ZN5mesos5Offer16default_instanceEv",                                       \
    "mesos::Offer::default_instance()", nullptr, 0)                              \
  X(scheduler_driver_new, void,                                                  \
    (Driver*, Callbacks*, const Message*, const std::string*, bool),                  \
    "_ZN5mesos20MesosSchedulerDriverC1EPNS_9SchedulerERKNS_13FrameworkInfoERK"   \
    STRING_NEW "b",                                                              \
    "mesos::MesosSchedulerDriver::MesosSchedulerDriver(mesos::Scheduler*, "      \
    "mesos::FrameworkInfo const&, std::string const&, bool)",                    \
    "_ZN5mesos20MesosSchedulerDriverC1EPNS_9SchedulerERKNS_13FrameworkInfoERKSsb", \
    0)                                                                           \
  X(scheduler_driver_free, void, (Driver*),                                      \
    "_ZN5mesos20MesosSchedulerDriverD1Ev",                                       \
    "mesos::MesosSchedulerDriver::~MesosSchedulerDriver()", nullptr, 0)          \
  X(scheduler_driver_start, int, (Driver*),                                      \
    "_ZN5mesos20MesosSchedulerDriver5startEv",                                   \
    "mesos::MesosSchedulerDriver::start()", nullptr, 0)                          \
  X(scheduler_driver_join, int, (Driver*),                                       \
    "_ZN5mesos20MesosSchedulerDriver4joinEv",                                    \
    "mesos::MesosSchedulerDriver::join()", nullptr, 0)                           \
  X(scheduler_driver_stop, int, (Driver*, bool),                                 \
    "_ZN5mesos20MesosSchedulerDriver4stopEb",                                    \
    "mesos::MesosSchedulerDriver::stop(bool)", nullptr, 0)                       \
  /* Returns a JSON object by value: into storage whose address comes first. */  \
  X(version, void, (void*), "_ZN5mesos8internal7versionEv",                      \
    "mesos::internal::version()", nullptr, 1)

struct Symbols
{
#define FIELD(field, result, arguments, mangled, readable, old_abi, optional)    \
  result(*field) arguments;
  MESOS_SHIM_SYMBOLS(FIELD)
#undef FIELD
};

} // namespace mesos_shim
