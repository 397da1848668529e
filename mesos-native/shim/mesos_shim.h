/* The only boundary between Rust and libmesos, in plain C: bytes, numbers and opaque
 * pointers. C++ types, allocators and exceptions do not cross it.
 *
 * libmesos is not linked. The caller loads it, resolves the symbols that
 * mesos_shim_symbol() lists and passes their addresses to mesos_shim_library_new().
 *
 * Conventions
 *  - `error`, `error_len`: a buffer of the caller. On failure the function writes a
 *    NUL-terminated text, truncated to fit. `error` may be NULL when error_len is 0.
 *  - The comment of a function says how it fails. No function throws.
 *  - Messages are serialized protobuf of Mesos's v0 types, which are the same as the
 *    v1 types on the wire.
 */
#ifndef MESOS_SHIM_H
#define MESOS_SHIM_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A view of bytes. `data` may be NULL when `len` is 0. */
typedef struct mesos_shim_bytes {
  const uint8_t* data;
  size_t len;
} mesos_shim_bytes;

/* ------------------------------------------------------------------ symbols */

/* A symbol of libmesos that the shim calls. The strings are static. */
typedef struct mesos_shim_symbol_info {
  const char* mangled;  /* the name to look up; never NULL */
  const char* readable; /* the name for error messages; never NULL */
  /* The mangled name with the string type that GCC used before version 5, or NULL if
   * it does not differ. A library that has this name but not `mangled` is a libmesos
   * with the old string type. */
  const char* old_abi;
  int optional; /* 1: the symbol may be absent; pass NULL for its address */
} mesos_shim_symbol_info;

/* The symbol at `index`, or NULL past the end. */
const mesos_shim_symbol_info* mesos_shim_symbol(size_t index);

/* ------------------------------------------------------------------ library */

/* The shim's description of a loaded libmesos. It is never freed, because libmesos
 * cannot be unloaded: its threads run until the process ends. Any thread may use it. */
typedef struct mesos_shim_library mesos_shim_library;

/* Makes the description, and measures the object sizes of this libmesos. `addresses`
 * has one address for each symbol, in the order of mesos_shim_symbol(), and NULL for an
 * absent optional symbol. Returns NULL and sets `error` if a required address is absent
 * or a measured size is not plausible. */
mesos_shim_library* mesos_shim_library_new(
    void* const* addresses, size_t count, char* error, size_t error_len);

/* Features that some releases or builds of libmesos lack. */
typedef enum mesos_shim_feature {
  MESOS_SHIM_SINGLE_ROLES = 1,      /* revive and suppress single roles; since 1.9 */
  MESOS_SHIM_UPDATE_FRAMEWORK = 2,  /* since 1.9 */
  MESOS_SHIM_OFFER_CONSTRAINTS = 3, /* since 1.11 */
  MESOS_SHIM_EXECUTORS = 4, /* MesosExecutorDriver; the Python package lacks it */
  MESOS_SHIM_EXECUTOR_ENVIRONMENT = 5 /* constructor with an environment; since 1.7 */
} mesos_shim_feature;

/* Whether this libmesos has the feature: 1 or 0. */
int mesos_shim_library_has(
    const mesos_shim_library* library, mesos_shim_feature feature);

/* Copies the release that libmesos reports ("1.11.0") like an error text. Returns its
 * length, or 0 if this libmesos does not report a release. */
size_t mesos_shim_library_version(
    const mesos_shim_library* library, char* buffer, size_t buffer_len);

/* ---------------------------------------------------------------- callbacks */

/* The kinds of events, with the parts of each in brackets. */
typedef enum mesos_shim_event {
  MESOS_SHIM_REGISTERED = 1,        /* [FrameworkID, MasterInfo] */
  MESOS_SHIM_REREGISTERED = 2,      /* [MasterInfo] */
  MESOS_SHIM_DISCONNECTED = 3,      /* [] */
  MESOS_SHIM_RESOURCE_OFFERS = 4,   /* [Offer, ...] */
  MESOS_SHIM_OFFER_RESCINDED = 5,   /* [OfferID] */
  MESOS_SHIM_STATUS_UPDATE = 6,     /* [TaskStatus] */
  MESOS_SHIM_FRAMEWORK_MESSAGE = 7, /* [ExecutorID, SlaveID, data] */
  MESOS_SHIM_SLAVE_LOST = 8,        /* [SlaveID] */
  MESOS_SHIM_EXECUTOR_LOST = 9,     /* [ExecutorID, SlaveID], value: wait status */
  MESOS_SHIM_ERROR = 10,            /* [text] */
  MESOS_SHIM_SHIM_FAILED = 11,      /* [text]; an exception lost an event of kind `value` */
  /* Events of executors, which share DISCONNECTED, ERROR and SHIM_FAILED. */
  MESOS_SHIM_EXECUTOR_REGISTERED = 12, /* [ExecutorInfo, FrameworkInfo, SlaveInfo] */
  MESOS_SHIM_EXECUTOR_REREGISTERED = 13, /* [SlaveInfo] */
  MESOS_SHIM_LAUNCH_TASK = 14,           /* [TaskInfo] */
  MESOS_SHIM_KILL_TASK = 15,             /* [TaskID] */
  MESOS_SHIM_EXECUTOR_MESSAGE = 16,      /* [data] */
  MESOS_SHIM_SHUTDOWN = 17               /* [] */
} mesos_shim_event;

/* Receives events. libmesos's threads call it, one call at a time for each driver. The
 * first call may come inside mesos_shim_scheduler_new() or mesos_shim_executor_new().
 * `parts` is valid only during the call. The callback must return soon, must not unwind,
 * and must not call mesos_shim_scheduler_free() or mesos_shim_executor_free(). */
typedef void (*mesos_shim_callback)(
    void* context,
    mesos_shim_event event,
    const mesos_shim_bytes* parts,
    size_t part_count,
    int64_t value);

/* ---------------------------------------------------------- scheduler driver */

/* A MesosSchedulerDriver and its callbacks object. */
typedef struct mesos_shim_scheduler mesos_shim_scheduler;

/* The values of mesos::Status. */
typedef enum mesos_shim_status {
  MESOS_SHIM_EXCEPTION = -1, /* not a status: an exception, whose text is in `error` */
  MESOS_SHIM_NOT_STARTED = 1,
  MESOS_SHIM_RUNNING = 2,
  MESOS_SHIM_ABORTED = 3,
  MESOS_SHIM_STOPPED = 4
} mesos_shim_status;

/* The arguments of a driver. */
typedef struct mesos_shim_scheduler_settings {
  mesos_shim_bytes framework; /* FrameworkInfo */
  mesos_shim_bytes master;    /* "host:port", "zk://...", "file://...", "local" */
  mesos_shim_bytes credential; /* Credential; used if has_credential is 1 */
  int has_credential;
  int implicit_acknowledgements;
  /* Names of roles. A list that is not empty needs MESOS_SHIM_SINGLE_ROLES. */
  const mesos_shim_bytes* suppressed_roles;
  size_t suppressed_count;
} mesos_shim_scheduler_settings;

/* Makes a driver. For the master "local" this starts a whole cluster inside the process,
 * with flags from the environment. libmesos ends the process for flags that do not parse.
 * Returns NULL and sets `error` if a message does not parse or libmesos throws.
 * `callback` and `context` must stay valid until mesos_shim_scheduler_free() has returned,
 * or forever if this function returned NULL. */
mesos_shim_scheduler* mesos_shim_scheduler_new(
    const mesos_shim_library* library,
    const mesos_shim_scheduler_settings* settings,
    mesos_shim_callback callback,
    void* context,
    char* error,
    size_t error_len);

/* MesosSchedulerDriver::start. Does not block. */
mesos_shim_status mesos_shim_scheduler_start(
    mesos_shim_scheduler* scheduler, char* error, size_t error_len);

/* MesosSchedulerDriver::stop. Does not block. */
mesos_shim_status mesos_shim_scheduler_stop(
    mesos_shim_scheduler* scheduler, int failover, char* error, size_t error_len);

/* MesosSchedulerDriver::join. Blocks until the driver was stopped or aborted. After
 * stop(0), the driver's last message is then in the master's queue or on its socket.
 * Call it only after mesos_shim_scheduler_start() has returned MESOS_SHIM_RUNNING, because
 * libmesos may end the process otherwise. Do not call it from a callback. */
mesos_shim_status mesos_shim_scheduler_join(
    mesos_shim_scheduler* scheduler, char* error, size_t error_len);

/* MesosSchedulerDriver::abort. Does not block. After it has returned, at most one more
 * callback begins. */
mesos_shim_status mesos_shim_scheduler_abort(
    mesos_shim_scheduler* scheduler, char* error, size_t error_len);

/* The calls. They do not block. MESOS_SHIM_RUNNING means that libmesos has queued the
 * call. It does not mean that the call was sent: without a connection to a master,
 * libmesos drops the call. Any other status means that the call had no effect.
 * MESOS_SHIM_EXCEPTION is also returned if a message does not parse or this libmesos
 * lacks the call.
 *
 * The caller must check three conditions, for which libmesos would end the process:
 * an operation with an id, an acknowledgement on a driver with implicit acknowledgements,
 * and a duplicate suppressed role. */

/* [OfferID...], [Offer::Operation...], Filters. */
mesos_shim_status mesos_shim_scheduler_accept_offers(
    mesos_shim_scheduler* scheduler,
    const mesos_shim_bytes* offer_ids,
    size_t offer_id_count,
    const mesos_shim_bytes* operations,
    size_t operation_count,
    mesos_shim_bytes filters,
    char* error,
    size_t error_len);

/* OfferID, Filters. */
mesos_shim_status mesos_shim_scheduler_decline_offer(
    mesos_shim_scheduler* scheduler,
    mesos_shim_bytes offer_id,
    mesos_shim_bytes filters,
    char* error,
    size_t error_len);

/* Names of roles. An empty list means all roles. */
mesos_shim_status mesos_shim_scheduler_revive_offers(
    mesos_shim_scheduler* scheduler,
    const mesos_shim_bytes* roles,
    size_t role_count,
    char* error,
    size_t error_len);

/* Names of roles. An empty list means all roles. */
mesos_shim_status mesos_shim_scheduler_suppress_offers(
    mesos_shim_scheduler* scheduler,
    const mesos_shim_bytes* roles,
    size_t role_count,
    char* error,
    size_t error_len);

/* TaskID. */
mesos_shim_status mesos_shim_scheduler_kill_task(
    mesos_shim_scheduler* scheduler,
    mesos_shim_bytes task_id,
    char* error,
    size_t error_len);

/* TaskStatus, with task_id, slave_id and uuid. */
mesos_shim_status mesos_shim_scheduler_acknowledge_status_update(
    mesos_shim_scheduler* scheduler,
    mesos_shim_bytes task_status,
    char* error,
    size_t error_len);

/* ExecutorID, SlaveID, any bytes. */
mesos_shim_status mesos_shim_scheduler_send_framework_message(
    mesos_shim_scheduler* scheduler,
    mesos_shim_bytes executor_id,
    mesos_shim_bytes agent_id,
    mesos_shim_bytes data,
    char* error,
    size_t error_len);

/* [TaskStatus...], with task_id and slave_id. An empty list means all tasks. */
mesos_shim_status mesos_shim_scheduler_reconcile_tasks(
    mesos_shim_scheduler* scheduler,
    const mesos_shim_bytes* task_statuses,
    size_t count,
    char* error,
    size_t error_len);

/* [Request...]. */
mesos_shim_status mesos_shim_scheduler_request_resources(
    mesos_shim_scheduler* scheduler,
    const mesos_shim_bytes* requests,
    size_t count,
    char* error,
    size_t error_len);

/* FrameworkInfo, with the id that the master assigned; names of distinct roles; NULL or
 * OfferConstraints (only with MESOS_SHIM_OFFER_CONSTRAINTS). Needs
 * MESOS_SHIM_UPDATE_FRAMEWORK. Call it only after the first MESOS_SHIM_REGISTERED,
 * because libmesos aborts the driver otherwise. */
mesos_shim_status mesos_shim_scheduler_update_framework(
    mesos_shim_scheduler* scheduler,
    mesos_shim_bytes framework,
    const mesos_shim_bytes* suppressed_roles,
    size_t suppressed_count,
    const mesos_shim_bytes* offer_constraints,
    char* error,
    size_t error_len);

/* Destroys the driver, and with the master "local" the cluster. Blocks until no callback
 * runs. No callback comes after it has returned. A call from a callback would deadlock. */
void mesos_shim_scheduler_free(mesos_shim_scheduler* scheduler);

/* ----------------------------------------------------------- executor driver */

/* A MesosExecutorDriver and its callbacks object. */
typedef struct mesos_shim_executor mesos_shim_executor;

/* Makes a driver. Needs MESOS_SHIM_EXECUTORS. `environment` holds name, value, name,
 * value, ..., replaces the environment of the process, and needs
 * MESOS_SHIM_EXECUTOR_ENVIRONMENT. NULL means the environment of the process. Returns
 * NULL and sets `error` if this libmesos lacks a feature or throws. `callback` and
 * `context` must stay valid until mesos_shim_executor_free() has returned 1, or forever
 * if it does not. */
mesos_shim_executor* mesos_shim_executor_new(
    const mesos_shim_library* library,
    const mesos_shim_bytes* environment,
    size_t text_count,
    mesos_shim_callback callback,
    void* context,
    char* error,
    size_t error_len);

/* MesosExecutorDriver::start. Does not block. libmesos ends the process if a required
 * variable is missing in the environment, or is malformed. */
mesos_shim_status mesos_shim_executor_start(
    mesos_shim_executor* executor, char* error, size_t error_len);

/* MesosExecutorDriver::stop. Does not block. */
mesos_shim_status mesos_shim_executor_stop(
    mesos_shim_executor* executor, char* error, size_t error_len);

/* MesosExecutorDriver::join. Blocks until the driver was stopped and has processed all
 * earlier calls. Returns at once if the driver is not running. Do not call it from a
 * callback. */
mesos_shim_status mesos_shim_executor_join(
    mesos_shim_executor* executor, char* error, size_t error_len);

/* TaskStatus. Does not block. MESOS_SHIM_RUNNING means that libmesos has queued the
 * update. libmesos replaces the uuid, and repeats the update to a restarted agent. */
mesos_shim_status mesos_shim_executor_send_status_update(
    mesos_shim_executor* executor, mesos_shim_bytes task_status, char* error, size_t error_len);

/* Any bytes. Does not block. */
mesos_shim_status mesos_shim_executor_send_framework_message(
    mesos_shim_executor* executor, mesos_shim_bytes data, char* error, size_t error_len);

/* Destroys the driver and returns 1. Blocks until no callback runs. No callback comes
 * after it has returned. A call from a callback would deadlock. Returns 0 for a driver
 * that never ran, and leaves it as it is, because libmesos crashes when it destroys such
 * a driver. */
int mesos_shim_executor_free(mesos_shim_executor* executor);

#ifdef __cplusplus
}
#endif

#endif
