"""libarchive, called as Mesos calls it (3rdparty/stout/include/stout/archiver.hpp).

Usage: reference.py ARCHIVES TARGETS < NAMES
Unpacks each archive ARCHIVES/NAME into the existing directory TARGETS/NAME/target, and prints
NAME and the error, or NAME and "ok".
"""

import ctypes, os, sys

EOF, WARN = 1, -20
TIME, NODOTDOT = 0x0004, 0x0200
DIRECTORY, FILE = 0o040000, 0o100000

lib = ctypes.CDLL("libarchive.so.13", use_errno=True)
POINTER, TEXT = ctypes.c_void_p, ctypes.c_char_p
for name in ("archive_read_new", "archive_write_disk_new", "archive_write_new", "archive_entry_new"):
    getattr(lib, name).restype = POINTER
for name in ("archive_error_string", "archive_entry_hardlink_utf8", "archive_entry_pathname_utf8"):
    getattr(lib, name).restype = TEXT
lib.archive_entry_size.restype = ctypes.c_int64
lib.archive_write_data.restype = ctypes.c_ssize_t


def pointer(value):
    return ctypes.c_void_p(value)


def extract(source, target):
    """The loop of archiver::extract. Returns an error, or None."""
    reader = pointer(lib.archive_read_new())
    lib.archive_read_support_format_all(reader)
    lib.archive_read_support_filter_all(reader)
    writer = pointer(lib.archive_write_disk_new())
    lib.archive_write_disk_set_options(writer, TIME | NODOTDOT)
    lib.archive_write_disk_set_standard_lookup(writer)
    error = lambda handle: (lib.archive_error_string(handle) or b"?").decode(errors="replace")
    fd = os.open(source, os.O_RDONLY)
    if lib.archive_read_open_fd(reader, fd, ctypes.c_size_t(10240)):
        return error(reader)
    entry = POINTER()
    result = None
    while result is None:
        code = lib.archive_read_next_header(reader, ctypes.byref(entry))
        if code == EOF:
            break
        # Mesos takes ARCHIVE_RETRY for success, and then a damaged header for a member.
        if code < 0:
            return "header: " + error(reader)
        path = lib.archive_entry_pathname_utf8(entry)
        if path is None:
            return "header: no path"
        link = lib.archive_entry_hardlink_utf8(entry)
        if link is not None:
            lib.archive_entry_update_hardlink_utf8(entry, target.encode() + b"/" + link)
        lib.archive_entry_update_pathname_utf8(entry, target.encode() + b"/" + path)
        if lib.archive_write_header(writer, entry) <= WARN:
            return "write: " + error(writer)
        if lib.archive_entry_size(entry) > 0:
            result = data(reader, writer, error)
        if result is None and lib.archive_write_finish_entry(writer) <= WARN:
            result = "finish: " + error(writer)
    lib.archive_write_close(writer)
    return result


def data(reader, writer, error):
    buffer, size, offset = POINTER(), ctypes.c_size_t(), ctypes.c_int64()
    while True:
        code = lib.archive_read_data_block(reader, ctypes.byref(buffer), ctypes.byref(size),
                                           ctypes.byref(offset))
        if code == EOF:
            return None
        if code <= WARN:
            return "data: " + error(reader)
        if lib.archive_write_data_block(writer, buffer, size, offset) <= WARN:
            return "data: " + error(writer)


def written(members, setup):
    """What libarchive writes for (path, content) with the formats that `setup` selects."""
    archive = pointer(lib.archive_write_new())
    if setup(archive) < WARN:
        raise OSError("not in this libarchive")
    # Formats that start with a table need more room than their members.
    room = sum(len(content) for _, content in members) * 2 + (1 << 20)
    buffer = ctypes.create_string_buffer(room)
    used = ctypes.c_size_t()
    lib.archive_write_set_bytes_per_block(archive, 0)
    check(lib.archive_write_open_memory(archive, buffer, ctypes.c_size_t(room), ctypes.byref(used)))
    for path, content in members:
        entry = pointer(lib.archive_entry_new())
        lib.archive_entry_set_pathname(entry, path.encode())
        lib.archive_entry_set_size(entry, ctypes.c_int64(len(content)))
        lib.archive_entry_set_filetype(entry, FILE)
        lib.archive_entry_set_perm(entry, 0o644)
        lib.archive_entry_set_mtime(entry, ctypes.c_int64(1_600_000_000), 0)
        check(lib.archive_write_header(archive, entry))
        lib.archive_write_data(archive, content, ctypes.c_size_t(len(content)))
        lib.archive_entry_free(entry)
    check(lib.archive_write_close(archive))
    return buffer.raw[:used.value]


def check(code):
    if code < 0:
        raise OSError("libarchive cannot write it")


def compress(data, name):
    def setup(archive):
        lib.archive_write_set_format_raw(archive)
        return lib.archive_write_add_filter_by_name(archive, name.encode())
    return written([("data", data)], setup)


def archive(name, members):
    return written(members, lambda archive: lib.archive_write_set_format_by_name(archive, name.encode()))


def isolated(source, target):
    """A crash of libarchive is the crash of a child."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            answer = extract(source, target) or "ok"
        except BaseException as error:
            answer = f"raised {error!r}"
        os.write(write, answer.encode()[:1000])
        os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        answer = pipe.read().decode()
    status = os.waitpid(child, 0)[1]
    return answer.replace("\n", " ") if status == 0 else f"crashed with status {status}"


if __name__ == "__main__":
    for line in sys.stdin.read().split("\n"):
        if line:
            answer = isolated(os.path.join(sys.argv[1], line),
                              os.path.join(sys.argv[2], line, "target"))
            print(f"{line}\t{answer}")
