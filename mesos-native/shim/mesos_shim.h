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
  MESOS_SHIM_SHIM_FAILED = 11       /* [text]; an event was lost to an exception */
} mesos_shim_event;

/* Called on threads of libmesos', one call at a time for each driver, first of
 * all possibly inside mesos_shim_scheduler_new(). `parts` is valid during the call
 * only. It must return soon, must not unwind, and must not call
 * mesos_shim_scheduler_free(). */
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

/* Makes a driver. `framework` is a FrameworkInfo. For the master "local" this
 * starts a whole cluster inside the process, with flags from the environment;
 * flags that do not parse make libmesos end the process. Returns NULL and sets
 * `error` when the message does not parse or libmesos throws. `callback` and
 * `context` must stay valid until mesos_shim_scheduler_free() has returned, or,
 * when this function returned NULL, for ever. */
mesos_shim_scheduler* mesos_shim_scheduler_new(
    const mesos_shim_library* library,
    mesos_shim_bytes framework,
    mesos_shim_bytes master,
    int implicit_acknowledgements,
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

/* Destroys the driver, and with the master "local" the cluster. Blocks until no
 * callback runs any more; none comes after it has returned. Called from inside a
 * callback it would wait for itself. */
void mesos_shim_scheduler_free(mesos_shim_scheduler* scheduler);

#ifdef __cplusplus
}
#endif

#endif
