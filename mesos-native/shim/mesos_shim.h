/* The one boundary between Rust and libmesos. Plain C: bytes, numbers and opaque
 * pointers cross; no C++ type, no allocator and no exception does.
 *
 * libmesos itself is never linked. The caller loads it, looks up the symbols that
 * mesos_shim_symbol() lists and hands their addresses to mesos_shim_library_new().
 *
 * Conventions
 *  - `error`, `error_len`: a buffer of the caller's. On failure it receives a
 *    NUL-terminated text, cut to fit. It may be NULL when error_len is 0.
 *  - A function that can fail says how in its comment; none throws.
 *  - Messages cross as serialized protobuf, in Mesos' v0 types (on the wire the
 *    same as v1).
 */
#ifndef MESOS_SHIM_H
#define MESOS_SHIM_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Bytes that belong to someone else. `data` may be NULL when `len` is 0. */
typedef struct mesos_shim_bytes {
  const uint8_t* data;
  size_t len;
} mesos_shim_bytes;

/* ------------------------------------------------------------------ symbols */

/* One symbol of libmesos that the shim calls. The strings are static. */
typedef struct mesos_shim_symbol_info {
  const char* mangled;  /* what to look up */
  const char* readable; /* what to show a person */
  /* The same symbol of a library built with the string type of before GCC 5, or
   * NULL when it does not differ. Finding this one and not `mangled` tells such a
   * library from one that is not libmesos. */
  const char* old_abi;
  int optional; /* 1: may be absent, pass NULL for its address */
} mesos_shim_symbol_info;

/* The index-th symbol, or NULL past the end. */
const mesos_shim_symbol_info* mesos_shim_symbol(size_t index);

/* ------------------------------------------------------------------ library */

/* What the shim knows of one loaded libmesos. Never freed: libmesos cannot be
 * unloaded, its threads run until the process ends. May be used from any thread. */
typedef struct mesos_shim_library mesos_shim_library;

/* `addresses` holds one address for each symbol, in the order of
 * mesos_shim_symbol(), NULL for an absent optional one. Measures the object sizes
 * of this libmesos. Returns NULL and sets `error` when a needed address is absent
 * or a measured size is not plausible. */
mesos_shim_library* mesos_shim_library_new(
    void* const* addresses, size_t count, char* error, size_t error_len);

/* What not every libmesos has. */
typedef enum mesos_shim_feature {
  MESOS_SHIM_SINGLE_ROLES = 1,      /* revive and suppress them; since 1.9 */
  MESOS_SHIM_UPDATE_FRAMEWORK = 2,  /* since 1.9 */
  MESOS_SHIM_OFFER_CONSTRAINTS = 3, /* since 1.11 */
  MESOS_SHIM_EXECUTORS = 4, /* MesosExecutorDriver; not in the Python package */
  MESOS_SHIM_EXECUTOR_ENVIRONMENT = 5 /* made with an environment; since 1.7 */
} mesos_shim_feature;

/* Whether this libmesos has it: 1 or 0. */
int mesos_shim_library_has(
    const mesos_shim_library* library, mesos_shim_feature feature);

/* The release that libmesos says it is ("1.11.0"), copied like an error text.
 * Returns its length, or 0 when this libmesos cannot tell. */
size_t mesos_shim_library_version(
    const mesos_shim_library* library, char* buffer, size_t buffer_len);

/* ---------------------------------------------------------------- callbacks */

/* What happened; the parts that come with it in brackets. */
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
  MESOS_SHIM_SHIM_FAILED = 11,      /* [text]; an event was lost to an exception */
  /* Of executors; DISCONNECTED, ERROR and SHIM_FAILED are the same for both. */
  MESOS_SHIM_EXECUTOR_REGISTERED = 12, /* [ExecutorInfo, FrameworkInfo, SlaveInfo] */
  MESOS_SHIM_EXECUTOR_REREGISTERED = 13, /* [SlaveInfo] */
  MESOS_SHIM_LAUNCH_TASK = 14,           /* [TaskInfo] */
  MESOS_SHIM_KILL_TASK = 15,             /* [TaskID] */
  MESOS_SHIM_EXECUTOR_MESSAGE = 16,      /* [data] */
  MESOS_SHIM_SHUTDOWN = 17               /* [] */
} mesos_shim_event;

/* Called on threads of libmesos', one call at a time for each driver, first of
 * all possibly inside mesos_shim_scheduler_new() or mesos_shim_executor_new().
 * `parts` is valid during the call only. It must return soon, must not unwind, and
 * must not call mesos_shim_scheduler_free() or mesos_shim_executor_free(). */
typedef void (*mesos_shim_callback)(
    void* context,
    mesos_shim_event event,
    const mesos_shim_bytes* parts,
    size_t part_count,
    int64_t value);

/* ---------------------------------------------------------- scheduler driver */

/* A MesosSchedulerDriver and the callbacks object that it holds. */
typedef struct mesos_shim_scheduler mesos_shim_scheduler;

/* What mesos::Status holds. */
typedef enum mesos_shim_status {
  MESOS_SHIM_EXCEPTION = -1, /* not a status: an exception, `error` has its text */
  MESOS_SHIM_NOT_STARTED = 1,
  MESOS_SHIM_RUNNING = 2,
  MESOS_SHIM_ABORTED = 3,
  MESOS_SHIM_STOPPED = 4
} mesos_shim_status;

/* What a driver is made with. */
typedef struct mesos_shim_scheduler_settings {
  mesos_shim_bytes framework; /* FrameworkInfo */
  mesos_shim_bytes master;    /* "host:port", "zk://...", "file://...", "local" */
  mesos_shim_bytes credential; /* Credential; looked at when has_credential is 1 */
  int has_credential;
  int implicit_acknowledgements;
  /* Names of roles; not empty only with MESOS_SHIM_SINGLE_ROLES. */
  const mesos_shim_bytes* suppressed_roles;
  size_t suppressed_count;
} mesos_shim_scheduler_settings;

/* Makes a driver. For the master "local" this starts a whole cluster inside the
 * process, with flags from the environment; flags that do not parse make libmesos
 * end the process. Returns NULL and sets `error` when a message does not parse or
 * libmesos throws. `callback` and `context` must stay valid until
 * mesos_shim_scheduler_free() has returned, or, when this function returned NULL,
 * for ever. */
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

/* MesosSchedulerDriver::join. Blocks until the driver was stopped or aborted; after
 * stop(0) this means that the master has the driver's last message in its queue (or
 * on its socket). Only after mesos_shim_scheduler_start() has returned
 * MESOS_SHIM_RUNNING: libmesos may end the process otherwise. Not from a callback. */
mesos_shim_status mesos_shim_scheduler_join(
    mesos_shim_scheduler* scheduler, char* error, size_t error_len);

/* MesosSchedulerDriver::abort. Does not block. No callback begins after it has
 * returned, but for one that may be on its way. */
mesos_shim_status mesos_shim_scheduler_abort(
    mesos_shim_scheduler* scheduler, char* error, size_t error_len);

/* The calls. None blocks. MESOS_SHIM_RUNNING means that libmesos has put the call
 * in line, not that it has been sent: without a connection to a master it drops it.
 * Any other status means that nothing was done. MESOS_SHIM_EXCEPTION also when a
 * message does not parse or this libmesos lacks the call.
 *
 * What the caller has to see to, because libmesos would end the process: no
 * operation with an id, no acknowledgement on a driver with implicit ones, no role
 * twice among the suppressed. */

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

/* Names of roles; none means all. */
mesos_shim_status mesos_shim_scheduler_revive_offers(
    mesos_shim_scheduler* scheduler,
    const mesos_shim_bytes* roles,
    size_t role_count,
    char* error,
    size_t error_len);

/* Names of roles; none means all. */
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

/* TaskStatus; its task_id, slave_id and uuid matter. */
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

/* [TaskStatus...]; their task_id and slave_id matter. None means all tasks. */
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

/* FrameworkInfo, with the id that the master gave; names of roles, no two the same;
 * NULL or OfferConstraints (only with MESOS_SHIM_OFFER_CONSTRAINTS). Needs
 * MESOS_SHIM_UPDATE_FRAMEWORK. Not before the first MESOS_SHIM_REGISTERED: libmesos
 * aborts the driver then. */
mesos_shim_status mesos_shim_scheduler_update_framework(
    mesos_shim_scheduler* scheduler,
    mesos_shim_bytes framework,
    const mesos_shim_bytes* suppressed_roles,
    size_t suppressed_count,
    const mesos_shim_bytes* offer_constraints,
    char* error,
    size_t error_len);

/* Destroys the driver, and with the master "local" the cluster. Blocks until no
 * callback runs any more; none comes after it has returned. Called from inside a
 * callback it would wait for itself. */
void mesos_shim_scheduler_free(mesos_shim_scheduler* scheduler);

/* ----------------------------------------------------------- executor driver */

/* A MesosExecutorDriver and the callbacks object that it holds. */
typedef struct mesos_shim_executor mesos_shim_executor;

/* Makes a driver; needs MESOS_SHIM_EXECUTORS. `environment` holds name, value, name,
 * value, ..., in place of the process' own, and needs
 * MESOS_SHIM_EXECUTOR_ENVIRONMENT; NULL means the process' own. Returns NULL and sets
 * `error` when this libmesos cannot, or throws. `callback` and `context` must stay
 * valid until mesos_shim_executor_free() has returned 1, else for ever. */
mesos_shim_executor* mesos_shim_executor_new(
    const mesos_shim_library* library,
    const mesos_shim_bytes* environment,
    size_t text_count,
    mesos_shim_callback callback,
    void* context,
    char* error,
    size_t error_len);

/* MesosExecutorDriver::start. Does not block. libmesos ends the process if what it
 * needs is missing in the environment, or malformed. */
mesos_shim_status mesos_shim_executor_start(
    mesos_shim_executor* executor, char* error, size_t error_len);

/* MesosExecutorDriver::stop. Does not block. */
mesos_shim_status mesos_shim_executor_stop(
    mesos_shim_executor* executor, char* error, size_t error_len);

/* MesosExecutorDriver::join. Blocks until the driver was stopped and has taken all
 * calls before that in hand; returns at once when it is not running. Not from a
 * callback. */
mesos_shim_status mesos_shim_executor_join(
    mesos_shim_executor* executor, char* error, size_t error_len);

/* TaskStatus. Does not block. MESOS_SHIM_RUNNING means that libmesos has put the
 * update in line; it makes another uuid and repeats the update to an agent that
 * comes back. */
mesos_shim_status mesos_shim_executor_send_status_update(
    mesos_shim_executor* executor, mesos_shim_bytes task_status, char* error, size_t error_len);

/* Any bytes. Does not block. */
mesos_shim_status mesos_shim_executor_send_framework_message(
    mesos_shim_executor* executor, mesos_shim_bytes data, char* error, size_t error_len);

/* Destroys the driver, and returns 1. Blocks until no callback runs any more; none
 * comes after it has returned. Called from inside a callback it would wait for
 * itself. A driver that never ran is left as it is, because libmesos crashes when it
 * destroys one; then 0 is returned. */
int mesos_shim_executor_free(mesos_shim_executor* executor);

#ifdef __cplusplus
}
#endif

#endif
