"""Zips: every method, kind of member and oddity."""

import io, os, shutil, struct, subprocess, zipfile

from values import BYTES, OUT, TEXT, TIME

UNIX = 3


def info(name, mode=0o100644, system=UNIX, attributes=None):
    entry = zipfile.ZipInfo(name, (2020, 9, 13, 12, 26, 40))
    entry.create_system = system
    entry.external_attr = mode << 16 if attributes is None else attributes
    return entry


class Stream(io.RawIOBase):
    """A file that cannot seek, so that data descriptors are written."""

    def __init__(self):
        self.data = bytearray()

    def writable(self):
        return True

    def write(self, data):
        self.data += bytes(data)
        return len(data)


def zipped(*members, method=zipfile.ZIP_DEFLATED, comment=b"", into=None):
    into = into or io.BytesIO()
    with zipfile.ZipFile(into, "w", method) as out:
        for name, data in members:
            entry = name if isinstance(name, zipfile.ZipInfo) else info(name)
            entry.compress_type = method
            out.writestr(entry, data)
        out.comment = comment
    return into.getvalue() if isinstance(into, io.BytesIO) else bytes(into.data)


def zips():
    for name, method in (("stored", zipfile.ZIP_STORED), ("deflate", zipfile.ZIP_DEFLATED),
                         ("bzip2", zipfile.ZIP_BZIP2), ("lzma", zipfile.ZIP_LZMA)):
        yield f"method-{name}", zipped(("d/f", BYTES), ("empty", b""), ("g", TEXT), method=method)
    for name in ("Deflate64", "PPMd", "LZMA", "BZip2"):
        yield f"method-7z-{name.lower()}", seven_zip(name)
    yield "empty", zipped()
    yield "folders", zipped((info("d/", 0o40755), b""), ("d/f", TEXT), (info("e/", 0o40700), b""))
    yield "folders-not-listed", zipped(("a/b/c", TEXT))
    yield "folder-without-type", zipped((info("d/", 0o755), b""), ("d/f", TEXT))
    yield "folder-as-file", zipped((info("d/", 0o100644), b""), ("d/f", TEXT))
    yield "folder-without-mode", zipped((info("d/", 0), b""), ("d/f", TEXT))
    for mode in (0, 0o400, 0o600, 0o644, 0o666, 0o755, 0o777, 0o4755):
        yield f"mode-{mode:o}", zipped((info("f", 0o100000 | mode), TEXT))
    yield "mode-without-type", zipped((info("f", 0o755), TEXT))
    yield "mode-zero", zipped((info("f", 0), TEXT))
    for name, attributes in (("none", 0), ("archive", 0x20), ("read-only", 1)):
        yield f"dos-{name}", zipped((info("f", system=0, attributes=attributes), TEXT))
    yield "dos-folder", zipped((info("d/", system=0, attributes=0x10), b""), ("d/f", TEXT))
    yield "ntfs", zipped((info("f", system=10, attributes=0x20), TEXT))
    yield "mac", zipped((info("f", 0o100755, system=19), TEXT))
    yield "symlink", zipped(("f", TEXT), (info("l", 0o120777), b"f"))
    yield "symlink-outside", zipped((info("l", 0o120777), b"../x"))
    yield "symlink-empty", zipped((info("l", 0o120777), b""))
    yield "fifo", zipped((info("p", 0o10644), b""))
    yield "ESCAPE-through-symlink", zipped((info("l", 0o120777), b".."), ("l/escape", TEXT))
    yield "through-inner-symlink", zipped((info("d/", 0o40755), b""), (info("l", 0o120777), b"d"),
                                          ("l/f", TEXT))
    yield "parent", zipped(("ok", TEXT), ("../escape", TEXT))
    yield "absolute", zipped(("/abs/f", TEXT))
    yield "dots-and-slashes", zipped(("./a//./b", TEXT))
    yield "backslash-dos", zipped((info("d\\f", system=0, attributes=0x20), TEXT))
    yield "backslash-unix", zipped(("d\\f", TEXT))
    yield "utf8-name", zipped(("ä-日本", TEXT))
    yield "space-in-name", zipped(("a b", TEXT))
    yield "twice", zipped(("f", b"first"), ("f", b"second!"))
    yield "file-then-folder", zipped(("f", b"first"), ("f/g", TEXT))
    yield "comment", zipped(("f", TEXT), comment=b"a comment PK\x05\x06 with a mark")
    yield "long-comment", zipped(("f", TEXT), comment=b"c" * 65000)
    yield "data-descriptors", zipped(("f", BYTES), ("g", TEXT), into=Stream())
    yield "data-descriptors-stored", zipped(("f", BYTES), ("g", TEXT), into=Stream(),
                                            method=zipfile.ZIP_STORED)
    whole = zipped(("f", BYTES), ("g", TEXT))
    yield "garbage-in-front", b"#!/bin/sh\nexit\n" + b"x" * 600 + whole
    yield "garbage-behind", whole + b"garbage"
    yield "cut", whole[:len(whole) // 2]
    yield "cut-in-directory", whole[:-30]
    damaged = bytearray(zipped(("f", TEXT), method=zipfile.ZIP_STORED))
    damaged[damaged.index(TEXT)] ^= 1
    yield "bad-crc", bytes(damaged)
    locked = bytearray(zipped(("f", TEXT)))
    locked[6] |= 1
    locked[locked.index(b"PK\x01\x02") + 8] |= 1
    yield "encrypted", bytes(locked)
    unknown = bytearray(zipped(("f", TEXT)))
    unknown[8] = 77
    unknown[unknown.index(b"PK\x01\x02") + 10] = 77
    yield "unknown-method", bytes(unknown)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        with file.open(info("f"), "w", force_zip64=True) as inner:
            inner.write(BYTES)
    yield "zip64", out.getvalue()
    entry = info("f")
    entry.extra = struct.pack("<HHBI", 0x5455, 5, 1, TIME)
    yield "unix-time", zipped((entry, TEXT))
    yield "jar", zipped((info("META-INF/", system=0, attributes=0), b""),
                        (info("META-INF/MANIFEST.MF", system=0, attributes=0), TEXT))
    yield "many", zipped(*((f"d{at % 7}/f{at}", b"%d" % at) for at in range(300)))


def seven_zip(method):
    folder = os.path.join(OUT, "seven")
    os.makedirs(folder)
    with open(os.path.join(folder, "f"), "wb") as file:
        file.write(BYTES)
    os.utime(os.path.join(folder, "f"), (TIME, TIME))
    subprocess.run(["7z", "a", "-tzip", f"-mm={method}", "../seven.zip", "f"], cwd=folder,
                   check=True, stdout=subprocess.DEVNULL)
    with open(os.path.join(OUT, "seven.zip"), "rb") as file:
        data = file.read()
    os.remove(os.path.join(OUT, "seven.zip"))
    shutil.rmtree(folder)
    return data
