// The functions of libmesos that the shim calls, by mangled name. Calls by name, not by
// vtable slot, let one build serve all releases: the slots changed in 1.9, the names did
// not.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <vector>

namespace mesos_shim {

// In the Itanium C++ ABI, a member function is an ordinary function with `this` as its first
// argument, and a reference is a pointer. The types of Mesos and protobuf are not defined
// here. Only pointers to them are used.
struct Driver;
struct Message;
class Callbacks; // used as a mesos::Scheduler
class ExecutorCallbacks; // used as a mesos::Executor

// The layout of libstdc++'s std::vector<T>, for a T whose size is known only at run time.
struct RawVector
{
  const char* begin;
  const char* end;
  const char* capacity;
};

using Strings = std::vector<std::string>;
using Environment = std::map<std::string, std::string>;

#define STRING_NEW "NSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEE"
#define STRINGS_OF(S) "RKSt6vectorI" STRING_NEW "SaI" S "EE"
#define DRIVER "_ZN5mesos20MesosSchedulerDriver"
#define EXECUTOR "_ZN5mesos19MesosExecutorDriver"

// M(X, field, mangled name, readable name, optional): the messages that are passed.
#define MESOS_SHIM_MESSAGES(M, X)                                                \
  M(X, framework_info, "13FrameworkInfo", "FrameworkInfo", 0)                    \
  M(X, offer, "5Offer", "Offer", 0)                                              \
  M(X, offer_id, "7OfferID", "OfferID", 0)                                       \
  M(X, operation, "15Offer_Operation", "Offer::Operation", 0)                    \
  M(X, filters, "7Filters", "Filters", 0)                                        \
  M(X, task_id, "6TaskID", "TaskID", 0)                                          \
  M(X, task_status, "10TaskStatus", "TaskStatus", 0)                             \
  M(X, executor_id, "10ExecutorID", "ExecutorID", 0)                             \
  M(X, agent_id, "7SlaveID", "SlaveID", 0)                                       \
  M(X, request, "7Request", "Request", 0)                                        \
  M(X, credential, "10Credential", "Credential", 0)                              \
  /* Since 1.11. */                                                              \
  M(X, offer_constraints, "9scheduler16OfferConstraints",                        \
    "scheduler::OfferConstraints", 1)

#define MESOS_SHIM_MESSAGE_SYMBOLS(X, field, mangled, readable, optional)        \
  X(field##_default, const Message*, (),                                         \
    "_ZN5mesos" mangled "16default_instanceEv",                                  \
    "mesos::" readable "::default_instance()", nullptr, optional)                \
  X(field##_new, void, (Message*), "_ZN5mesos" mangled "C1Ev",                   \
    "the constructor of mesos::" readable, nullptr, optional)                    \
  X(field##_free, void, (Message*), "_ZN5mesos" mangled "D1Ev",                  \
    "the destructor of mesos::" readable, nullptr, optional)

// X(field, return type, arguments, mangled name, readable name, mangled name with the old
// string type or nullptr, optional)
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
  MESOS_SHIM_MESSAGES(MESOS_SHIM_MESSAGE_SYMBOLS, X)                             \
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
  X(scheduler_driver_abort, int, (Driver*), DRIVER "5abortEv",                   \
    "mesos::MesosSchedulerDriver::abort()", nullptr, 0)                          \
  X(accept_offers, int,                                                          \
    (Driver*, const RawVector*, const RawVector*, const Message*),               \
    DRIVER "12acceptOffersERKSt6vectorINS_7OfferIDESaIS2_EERKS1_I"               \
    "NS_15Offer_OperationESaIS7_EERKNS_7FiltersE",                               \
    "mesos::MesosSchedulerDriver::acceptOffers(std::vector<OfferID> const&, "    \
    "std::vector<Offer::Operation> const&, Filters const&)", nullptr, 0)         \
  X(decline_offer, int, (Driver*, const Message*, const Message*),               \
    DRIVER "12declineOfferERKNS_7OfferIDERKNS_7FiltersE",                        \
    "mesos::MesosSchedulerDriver::declineOffer(OfferID const&, Filters const&)", \
    nullptr, 0)                                                                  \
  X(revive_offers, int, (Driver*), DRIVER "12reviveOffersEv",                    \
    "mesos::MesosSchedulerDriver::reviveOffers()", nullptr, 0)                   \
  X(suppress_offers, int, (Driver*), DRIVER "14suppressOffersEv",                \
    "mesos::MesosSchedulerDriver::suppressOffers()", nullptr, 0)                 \
  X(kill_task, int, (Driver*, const Message*), DRIVER "8killTaskERKNS_6TaskIDE", \
    "mesos::MesosSchedulerDriver::killTask(TaskID const&)", nullptr, 0)          \
  X(acknowledge_status_update, int, (Driver*, const Message*),                   \
    DRIVER "23acknowledgeStatusUpdateERKNS_10TaskStatusE",                       \
    "mesos::MesosSchedulerDriver::acknowledgeStatusUpdate(TaskStatus const&)",   \
    nullptr, 0)                                                                  \
  X(send_framework_message, int,                                                 \
    (Driver*, const Message*, const Message*, const std::string*),               \
    DRIVER "20sendFrameworkMessageERKNS_10ExecutorIDERKNS_7SlaveIDERK" STRING_NEW, \
    "mesos::MesosSchedulerDriver::sendFrameworkMessage(ExecutorID const&, "      \
    "SlaveID const&, std::string const&)",                                       \
    DRIVER "20sendFrameworkMessageERKNS_10ExecutorIDERKNS_7SlaveIDERKSs", 0)     \
  X(reconcile_tasks, int, (Driver*, const RawVector*),                           \
    DRIVER "14reconcileTasksERKSt6vectorINS_10TaskStatusESaIS2_EE",              \
    "mesos::MesosSchedulerDriver::reconcileTasks(std::vector<TaskStatus> "       \
    "const&)", nullptr, 0)                                                       \
  X(request_resources, int, (Driver*, const RawVector*),                         \
    DRIVER "16requestResourcesERKSt6vectorINS_7RequestESaIS2_EE",                \
    "mesos::MesosSchedulerDriver::requestResources(std::vector<Request> const&)", \
    nullptr, 0)                                                                  \
  X(scheduler_driver_new_credential, void,                                       \
    (Driver*, Callbacks*, const Message*, const std::string*, bool, const Message*), \
    DRIVER "C1EPNS_9SchedulerERKNS_13FrameworkInfoERK" STRING_NEW                \
    "bRKNS_10CredentialE",                                                       \
    "mesos::MesosSchedulerDriver::MesosSchedulerDriver(mesos::Scheduler*, "      \
    "mesos::FrameworkInfo const&, std::string const&, bool, "                    \
    "mesos::Credential const&)",                                                 \
    DRIVER "C1EPNS_9SchedulerERKNS_13FrameworkInfoERKSsbRKNS_10CredentialE", 0)  \
  /* Since 1.9: single roles, and updates of the framework. */                    \
  X(scheduler_driver_new_suppressed, void,                                       \
    (Driver*, Callbacks*, const Message*, const Strings*, const std::string*, bool), \
    DRIVER "C1EPNS_9SchedulerERKNS_13FrameworkInfoE" STRINGS_OF("SC_") "RKSC_b", \
    "mesos::MesosSchedulerDriver::MesosSchedulerDriver(mesos::Scheduler*, "      \
    "mesos::FrameworkInfo const&, std::vector<std::string> const&, "             \
    "std::string const&, bool)", nullptr, 1)                                     \
  X(scheduler_driver_new_suppressed_credential, void,                            \
    (Driver*, Callbacks*, const Message*, const Strings*, const std::string*, bool, \
     const Message*),                                                            \
    DRIVER "C1EPNS_9SchedulerERKNS_13FrameworkInfoE" STRINGS_OF("SC_")           \
    "RKSC_bRKNS_10CredentialE",                                                 \
    "mesos::MesosSchedulerDriver::MesosSchedulerDriver(mesos::Scheduler*, "      \
    "mesos::FrameworkInfo const&, std::vector<std::string> const&, "             \
    "std::string const&, bool, mesos::Credential const&)", nullptr, 1)           \
  X(revive_roles, int, (Driver*, const Strings*),                                \
    DRIVER "12reviveOffersE" STRINGS_OF("S7_"),                                  \
    "mesos::MesosSchedulerDriver::reviveOffers(std::vector<std::string> const&)", \
    nullptr, 1)                                                                  \
  X(suppress_roles, int, (Driver*, const Strings*),                              \
    DRIVER "14suppressOffersE" STRINGS_OF("S7_"),                                \
    "mesos::MesosSchedulerDriver::suppressOffers(std::vector<std::string> "      \
    "const&)", nullptr, 1)                                                       \
  X(update_framework, int, (Driver*, const Message*, const Strings*),            \
    DRIVER "15updateFrameworkERKNS_13FrameworkInfoE" STRINGS_OF("SA_"),          \
    "mesos::MesosSchedulerDriver::updateFramework(FrameworkInfo const&, "        \
    "std::vector<std::string> const&)", nullptr, 1)                              \
  /* Since 1.11, replaces the previous one; moves from the constraints. */        \
  X(update_framework_constrained, int,                                           \
    (Driver*, const Message*, const Strings*, Message*),                         \
    DRIVER "15updateFrameworkERKNS_13FrameworkInfoE" STRINGS_OF("SA_")           \
    "ONS_9scheduler16OfferConstraintsE",                                         \
    "mesos::MesosSchedulerDriver::updateFramework(FrameworkInfo const&, "        \
    "std::vector<std::string> const&, scheduler::OfferConstraints&&)",           \
    nullptr, 1)                                                                  \
  /* In a full libmesos; the libmesos of the Python package lacks them. */        \
  X(executor_driver_new, void, (Driver*, ExecutorCallbacks*),                    \
    EXECUTOR "C1EPNS_8ExecutorE",                                                \
    "mesos::MesosExecutorDriver::MesosExecutorDriver(mesos::Executor*)",         \
    nullptr, 1)                                                                  \
  /* Since 1.7. */                                                               \
  X(executor_driver_new_environment, void,                                       \
    (Driver*, ExecutorCallbacks*, const Environment*),                           \
    EXECUTOR "C1EPNS_8ExecutorERKSt3mapI" STRING_NEW "S9_St4lessIS9_E"           \
    "SaISt4pairIKS9_S9_EEE",                                                     \
    "mesos::MesosExecutorDriver::MesosExecutorDriver(mesos::Executor*, "         \
    "std::map<std::string, std::string> const&)", nullptr, 1)                    \
  X(executor_driver_free, void, (Driver*), EXECUTOR "D1Ev",                      \
    "mesos::MesosExecutorDriver::~MesosExecutorDriver()", nullptr, 1)            \
  X(executor_driver_start, int, (Driver*), EXECUTOR "5startEv",                  \
    "mesos::MesosExecutorDriver::start()", nullptr, 1)                           \
  X(executor_driver_stop, int, (Driver*), EXECUTOR "4stopEv",                    \
    "mesos::MesosExecutorDriver::stop()", nullptr, 1)                            \
  X(executor_driver_join, int, (Driver*), EXECUTOR "4joinEv",                    \
    "mesos::MesosExecutorDriver::join()", nullptr, 1)                            \
  X(send_status_update, int, (Driver*, const Message*),                          \
    EXECUTOR "16sendStatusUpdateERKNS_10TaskStatusE",                            \
    "mesos::MesosExecutorDriver::sendStatusUpdate(TaskStatus const&)",           \
    nullptr, 1)                                                                  \
  X(executor_send_framework_message, int, (Driver*, const std::string*),         \
    EXECUTOR "20sendFrameworkMessageERK" STRING_NEW,                             \
    "mesos::MesosExecutorDriver::sendFrameworkMessage(std::string const&)",      \
    nullptr, 1)                                                                  \
  /* Returns a JSON object by value: the first argument is its storage. */        \
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
