"""Writes archives into a directory, one per line of output: every format, kind of member and
oddity. Usage: generate.py DIRECTORY

A tar is built from blocks, because no program writes the oddities. Formats that Python does not
write are written by libarchive (see reference.py) and by 7z.
"""

import bz2, gzip, io, lzma, os, shutil, struct, subprocess, sys, zipfile

import reference

OUT = sys.argv[1]
TIME = 1_600_000_000
TEXT = b"the content of a file\n"
LONG = "/".join(["directory-with-a-long-name"] * 10) + "/file"
WIDE = "w" * 120 + ".txt"


def write(name, data):
    with open(os.path.join(OUT, name), "wb") as file:
        file.write(data)
    print(name)


# ---------------------------------------------------------------- tar

MAGIC = {"v7": b"", "ustar": b"ustar\x0000", "gnu": b"ustar  \x00", "pax": b"ustar\x0000"}


def octal(number, width):
    return b"%0*o\x00" % (width - 1, number)


def base256(number, width):
    data = bytearray(number.to_bytes(width, "big", signed=number < 0))
    data[0] |= 0x80
    return bytes(data)


def header(name, size=0, type=b"0", mode=0o644, link="", magic="ustar", prefix="", time=TIME,
           device=(0, 0), raw=(), checksum=None):
    def text(value):
        return value if isinstance(value, bytes) else value.encode()

    def number(value, width):
        return value if isinstance(value, bytes) else octal(value, width)

    block = bytearray(512)

    def put(at, value):
        block[at:at + len(value)] = value

    put(0, text(name)[:100])
    put(100, number(mode, 8))
    put(108, octal(1000, 8))
    put(116, octal(1000, 8))
    put(124, number(size, 12))
    put(136, number(time, 12))
    put(156, type)
    put(157, text(link)[:100])
    put(257, MAGIC[magic])
    if magic != "v7":
        put(265, b"user")
        put(297, b"group")
        put(329, octal(device[0], 8))
        put(337, octal(device[1], 8))
        put(345, text(prefix))
    for at, value in raw:
        put(at, value)
    put(148, b" " * 8)
    total = sum(block) if checksum is None else checksum(block)
    put(148, b"%06o\x00 " % total)
    return bytes(block)


def body(data):
    return data + bytes(-len(data) % 512)


def member(name, data=b"", **options):
    options.setdefault("size", len(data))
    return header(name, **options) + body(data)


def long_name(name, kind=b"L"):
    data = (name if isinstance(name, bytes) else name.encode()) + b"\x00"
    return member("././@LongLink", data, type=kind, magic="gnu")


def record(key, value):
    value = value if isinstance(value, bytes) else value.encode()
    rest = b" " + key.encode() + b"=" + value + b"\n"
    length = len(rest)
    while length != len(str(length)) + len(rest):
        length = len(str(length)) + len(rest)
    return str(length).encode() + rest


def pax(*records, kind=b"x"):
    return member("PaxHeaders/x", b"".join(record(*one) for one in records), type=kind)


END = bytes(1024)


def tar(*members, end=END):
    data = b"".join(members) + end
    return data


def named(dialect, name, data=b"", link="", **options):
    """A member in the dialect's way to write long names."""
    before = b""
    magic = dialect
    raw = name.encode()
    if dialect == "gnu":
        if len(raw) > 100:
            before += long_name(name)
        if len(link) > 100:
            before += long_name(link, b"K")
    elif dialect == "pax":
        records = []
        if len(raw) > 100:
            records.append(("path", name))
        if len(link) > 100:
            records.append(("linkpath", link))
        if records:
            before += pax(*records)
    elif dialect == "ustar" and len(raw) > 100:
        at = name[:156].rfind("/")
        return member(name[at + 1:], data, link=link, magic="ustar", prefix=name[:at], **options)
    return before + member(name, data, link=link, magic=magic, **options)


def kinds(dialect):
    """Every kind of member in one dialect."""
    m = lambda *a, **o: named(dialect, *a, **o)
    yield "file", m("f", TEXT)
    yield "empty-file", m("f")
    yield "exactly-one-block", m("f", b"x" * 512)
    yield "large-file", m("f", bytes(range(256)) * 4096)
    yield "folder", m("d/", type=b"5", mode=0o755) + m("d/f", TEXT)
    yield "folder-without-slash", m("d", type=b"5", mode=0o755) + m("d/f", TEXT)
    yield "folder-not-listed", m("a/b/c", TEXT)
    yield "read-only-folder", m("d/", type=b"5", mode=0o555) + m("d/f", TEXT)
    yield "private-folder-twice", (m("d/", type=b"5", mode=0o700) + m("d/f", TEXT)
                                   + m("d/", type=b"5", mode=0o755))
    yield "folder-after-its-file", m("d/f", TEXT) + m("d/", type=b"5", mode=0o700)
    yield "old-folder-by-slash", m("d/", mode=0o755) + m("d/f", TEXT)
    yield "symlink", m("f", TEXT) + m("l", type=b"2", link="f", mode=0o777)
    yield "symlink-before-its-target", m("l", type=b"2", link="f") + m("f", TEXT)
    yield "symlink-to-nothing", m("l", type=b"2", link="nothing")
    yield "symlink-outside", m("l", type=b"2", link="../../etc/passwd")
    yield "symlink-absolute", m("l", type=b"2", link="/etc/passwd")
    yield "symlink-empty", m("l", type=b"2", link="")
    yield "hard-link", m("f", TEXT) + m("h", type=b"1", link="f")
    yield "hard-link-in-folders", m("a/f", TEXT) + m("b/h", type=b"1", link="a/f")
    yield "hard-link-with-dot", m("./f", TEXT) + m("./h", type=b"1", link="./f")
    yield "hard-link-to-symlink", (m("f", TEXT) + m("l", type=b"2", link="f")
                                   + m("h", type=b"1", link="l"))
    yield "hard-link-to-nothing", m("h", type=b"1", link="nothing")
    yield "hard-link-outside", m("h", type=b"1", link="../secret")
    yield "hard-link-absolute", m("f", TEXT) + m("h", type=b"1", link="/f")
    yield "hard-link-replaces", m("f", TEXT) + m("h", b"old") + m("h", type=b"1", link="f")
    yield "hard-link-then-file", m("f", TEXT) + m("h", type=b"1", link="f") + m("h", b"new")
    yield "fifo", m("p", type=b"6", mode=0o640)
    yield "character-device", m("c", type=b"3", device=(1, 3), mode=0o666)
    yield "block-device", m("b", type=b"4", device=(7, 200), mode=0o660)
    yield "contiguous", m("f", TEXT, type=b"7")
    yield "old-type-nul", m("f", TEXT, type=b"\x00")
    yield "unknown-type", m("f", TEXT, type=b"Z")
    for mode in (0, 0o444, 0o600, 0o640, 0o666, 0o755, 0o775, 0o777, 0o4755, 0o2755, 0o1777):
        yield f"mode-{mode:o}", m("f", TEXT, mode=mode) + m("d/", type=b"5", mode=mode)
    yield "mode-with-type-bits", m("f", TEXT, mode=0o100644)
    yield "space-in-name", m("a b", TEXT)
    yield "newline-in-name", m("a\nb", TEXT)
    yield "utf8-name", m("ä-日本", TEXT)
    yield "hundred-bytes", m("n" * 100, TEXT)
    yield "backslash-in-name", m("a\\b", TEXT)
    yield "dot", m("./", type=b"5", mode=0o700) + m("./f", TEXT)
    yield "dots-and-slashes", m("./a//./b///c", TEXT)
    yield "absolute", m("/abs/f", TEXT)
    yield "parent", m("ok", TEXT) + m("../escape", TEXT) + m("after", TEXT)
    yield "parent-inside", m("a/", type=b"5", mode=0o755) + m("a/../f", TEXT)
    yield "parent-at-the-end", m("a/..", TEXT)
    yield "parent-folder", m("../d/", type=b"5", mode=0o755)
    yield "three-dots", m("...", TEXT) + m("a/..b/c..", TEXT)
    yield "empty-name", m("", TEXT)
    yield "file-named-dot", m(".", TEXT)
    yield "twice", m("f", b"first") + m("f", b"second!")
    yield "file-over-folder", m("x/", type=b"5", mode=0o755) + m("x", TEXT)
    yield "file-over-full-folder", m("x/y", TEXT) + m("x", TEXT)
    yield "folder-over-file", m("x", TEXT) + m("x/", type=b"5", mode=0o755) + m("x/y", TEXT)
    yield "member-below-file", m("x", TEXT) + m("x/y", TEXT)
    yield "file-over-symlink", (m("f", TEXT) + m("l", type=b"2", link="f") + m("l", b"new"))
    yield "file-over-outer-symlink", m("l", type=b"2", link="../victim") + m("l", b"new")
    yield "symlink-over-file", m("l", TEXT) + m("l", type=b"2", link="f")
    yield "symlink-over-folder", m("l/", type=b"5", mode=0o755) + m("l", type=b"2", link="f")
    yield "through-inner-symlink", (m("d/", type=b"5", mode=0o755)
                                    + m("l", type=b"2", link="d") + m("l/f", TEXT))
    yield "through-symlink-with-parent", (m("a/b/", type=b"5", mode=0o755)
                                          + m("a/l", type=b"2", link="../a/b") + m("a/l/f", TEXT))
    yield "folder-over-inner-symlink", (m("d/", type=b"5", mode=0o755)
                                        + m("l", type=b"2", link="d")
                                        + m("l/", type=b"5", mode=0o700) + m("l/f", TEXT))
    yield "below-symlink-to-nothing", m("l", type=b"2", link="nothing") + m("l/f", TEXT)
    yield "ESCAPE-through-symlink", m("l", type=b"2", link="..") + m("l/escape", TEXT)
    yield "ESCAPE-through-absolute-symlink", m("l", type=b"2", link=OUT) + m("l/escape", TEXT)
    yield "ESCAPE-through-two-symlinks", (m("a", type=b"2", link=".") + m("a/b", type=b"2", link="..")
                                          + m("b/escape", TEXT))
    yield "ESCAPE-folder-over-symlink", (m("l", type=b"2", link="..")
                                         + m("l/", type=b"5", mode=0o755) + m("l/escape", TEXT))
    yield "ESCAPE-hard-link-through-symlink", (m("l", type=b"2", link="..")
                                               + m("h", type=b"1", link="l/victim") + m("h", TEXT))
    yield "ESCAPE-new-folder-through-symlink", (m("l", type=b"2", link="..")
                                                + m("l/escape/f", TEXT))
    if dialect != "v7":
        yield "long-name", m(LONG, TEXT)
    if dialect in ("gnu", "pax"):
        yield "wide-name", m(WIDE, TEXT)
        yield "long-symlink", m("l", type=b"2", link=LONG)
        yield "long-hard-link", m(LONG, TEXT) + m("h", type=b"1", link=LONG)


def regions(*parts, length):
    """The content of a sparse file: (offset, data)."""
    return [(at, data) for at, data in parts], length


SPARSE = {
    "hole-in-front": regions((300_000, b"X" * 700), length=400_000),
    "hole-behind": regions((0, b"X" * 700), length=1_000_000),
    "only-a-hole": regions((1_000_000, b""), length=1_000_000),
    "empty": regions((0, b""), length=0),
    "thirty-regions": regions(*((at * 8192, b"%d" % at * 300) for at in range(30)), length=300_000),
    "six-regions": regions(*((at * 8192, b"%d" % at * 512) for at in range(6)), length=50_000),
}


def old_sparse(name, parts, length, size=None):
    """GNU's old sparse member, type S."""
    def pair(at, data):
        return octal(at, 12) + octal(len(data), 12)

    first, rest = parts[:4], parts[4:]
    raw = [(386, b"".join(pair(*part) for part in first)), (483, octal(length, 12))]
    if rest:
        raw.append((482, b"\x01"))
    data = b"".join(data for _, data in parts)
    out = header(name, size=len(data) if size is None else size, type=b"S", magic="gnu", raw=raw)
    while rest:
        block, rest = rest[:21], rest[21:]
        table = b"".join(pair(*part) for part in block).ljust(504, b"\x00")
        out += table + (b"\x01" if rest else b"\x00") + bytes(7)
    return out + body(data)


def pax_sparse(version, name, parts, length):
    data = b"".join(data for _, data in parts)
    if version == "0.0":
        records = [("GNU.sparse.size", str(length)), ("GNU.sparse.numblocks", str(len(parts)))]
        for at, part in parts:
            records += [("GNU.sparse.offset", str(at)), ("GNU.sparse.numbytes", str(len(part)))]
        return pax(*records) + member(name, data)
    if version == "0.1":
        table = ",".join(f"{at},{len(part)}" for at, part in parts)
        records = [("GNU.sparse.size", str(length)), ("GNU.sparse.numblocks", str(len(parts))),
                   ("GNU.sparse.name", name), ("GNU.sparse.map", table)]
        return pax(*records) + member("GNUSparseFile.1/" + name, data)
    table = "".join(f"{at}\n{len(part)}\n" for at, part in parts)
    table = body(f"{len(parts)}\n{table}".encode())
    records = [("GNU.sparse.major", "1"), ("GNU.sparse.minor", "0"), ("GNU.sparse.name", name),
               ("GNU.sparse.realsize", str(length))]
    return pax(*records) + member("GNUSparseFile.1/" + name, table + data)


def sparse():
    for case, (parts, length) in SPARSE.items():
        yield f"gnu-{case}", old_sparse("f", parts, length) + member("after", TEXT, magic="gnu")
        for version in ("0.0", "0.1", "1.0"):
            yield f"pax-{version}-{case}", (pax_sparse(version, "d/f", parts, length)
                                            + member("after", TEXT))
    parts, length = SPARSE["six-regions"]
    long = old_sparse("f", parts, length)
    yield "gnu-long-name", long_name(LONG) + long
    yield "gnu-data-too-short", old_sparse("f", parts, length, size=100)
    name = "d/" + WIDE
    yield "pax-1.0-long-name", pax_sparse("1.0", name, parts, length)


def oddities():
    file = member("f", TEXT)
    yield "empty-archive", b""
    yield "one-zero-block", b"", bytes(512)
    yield "zero-record", b"", bytes(10240)
    yield "nothing-at-all", b"", b""
    yield "no-end", file, b""
    yield "one-end-block", file, bytes(512)
    yield "end-and-garbage", file, END + b"garbage" * 100
    yield "end-and-second-archive", file, END + tar(member("second", TEXT))
    yield "zero-block-between", file, bytes(512) + tar(member("second", TEXT))
    yield "garbage-between", file, b"garbage " * 64 + tar(member("second", TEXT))
    yield "cut-in-data", member("f", TEXT * 100)[:1500], b""
    yield "cut-in-padding", file[:530], b""
    yield "cut-in-header", file + file[:300], b""
    yield "cut-in-long-name", long_name(LONG)[:600], b""
    yield "long-name-at-the-end", long_name(LONG)
    yield "pax-at-the-end", pax(("path", "x"))
    yield "bad-checksum", member("f", TEXT, checksum=lambda block: 1), END
    yield "bad-second-checksum", file + member("g", TEXT, checksum=lambda block: 1)
    signed = lambda block: sum(byte - 256 if byte > 127 else byte for byte in block)
    yield "signed-checksum", member("ä", TEXT, checksum=signed)
    yield "base-256-size", header("f", size=base256(len(TEXT), 12), magic="gnu") + body(TEXT)
    yield "base-256-time", member("f", TEXT, time=base256(TIME, 12), magic="gnu")
    yield "time-before-1970", member("f", TEXT, time=base256(-86400, 12), magic="gnu")
    yield "huge-size", header("f", size=base256(1 << 62, 12), magic="gnu") + body(TEXT)
    yield "negative-size", header("f", size=base256(-1, 12), magic="gnu") + body(TEXT)
    yield "size-without-end", header("f", size=b"%012o" % len(TEXT)) + body(TEXT)
    yield "size-with-spaces", header("f", size=b"%11o " % len(TEXT)) + body(TEXT)
    yield "pax-size", pax(("size", str(len(TEXT)))) + header("f", size=0) + body(TEXT)
    yield "pax-time", pax(("mtime", f"{TIME}.123456789")) + file
    yield "pax-unknown-key", pax(("comment", "x"), ("VENDOR.key", "x"), ("atime", "1")) + file
    yield "pax-binary-charset", pax(("hdrcharset", "BINARY"), ("path", "ä")) + file
    yield "pax-path-twice", pax(("path", "one"), ("path", "two")) + file
    yield "two-pax-headers", pax(("path", "one")) + pax(("path", "two")) + file
    yield "pax-empty-path", pax(("path", "")) + file
    yield "pax-path-with-parent", pax(("path", "../escape")) + file
    yield "pax-linkpath-with-parent", (pax(("linkpath", "../victim"))
                                       + member("h", type=b"1", link="x"))
    yield "pax-path-with-newline", pax(("path", "a\nb=c")) + file
    yield "pax-malformed", member("x", b"no record\n", type=b"x") + file
    yield "pax-length-too-long", member("x", b"99 path=x\n", type=b"x") + file
    yield "pax-global", pax(("comment", "0123456789abcdef"), kind=b"g") + file
    yield "pax-sun", pax(("path", "sun"), kind=b"X") + file
    yield "pax-xattr", pax(("SCHILY.xattr.user.a", "x"), ("LIBARCHIVE.xattr.user.b", "eA==")) + file
    yield "pax-acl", pax(("SCHILY.acl.access", "user::rwx,group::r-x,other::r--")) + file
    yield "pax-hard-link-with-data", (pax(("comment", "x")) + member("f", b"old")
                                      + pax(("comment", "x"))
                                      + member("h", b"newer", type=b"1", link="f"))
    yield "ustar-hard-link-with-size", (member("f", TEXT) + header("h", size=3, type=b"1", link="f")
                                        + member("g", TEXT))
    yield "gnu-hard-link-with-size", (member("f", TEXT, magic="gnu")
                                      + header("h", size=3, type=b"1", link="f", magic="gnu")
                                      + member("g", TEXT, magic="gnu"))
    yield "folder-with-size", header("d/", size=512, type=b"5", mode=0o755) + member("g", TEXT)
    yield "symlink-with-size", header("l", size=512, type=b"2", link="f") + member("g", TEXT)
    yield "volume-label", header("label", type=b"V", magic="gnu") + member("f", TEXT, magic="gnu")
    yield "dump-folder", (member("d/", b"Yf\x00\x00", type=b"D", mode=0o755, magic="gnu")
                          + member("d/f", TEXT, magic="gnu"))
    yield "continued-volume", member("f", TEXT, type=b"M", magic="gnu")
    yield "hard-link-to-itself", member("f", TEXT) + member("f", type=b"1", link="f")
    yield "gnu-name-then-pax", long_name("gnu-name") + pax(("size", str(len(TEXT)))) + file
    yield "two-gnu-names", long_name("one") + long_name("two") + member("f", TEXT, magic="gnu")
    yield "gnu-name-without-nul", member("././@LongLink", b"n" * 110, type=b"L", magic="gnu") + file
    yield "gnu-name-with-parent", long_name("../escape") + file
    yield "prefix-ends-in-slash", member("f", TEXT, prefix="a/b/")
    yield "mode-with-spaces", member("f", TEXT, mode=b" 0644 \x00 ")
    yield "not-an-archive", b"This is a text, and not an archive.\n" * 40, b""
    yield "short-text", b"text", b""
    yield "html-page", b"<html><body>404</body></html>\n", b""


def mixed():
    """One of each harmless kind, for the products with compressions and names."""
    return tar(named("pax", "directory/with/a-long-name", TEXT), member("d/", type=b"5", mode=0o755),
               member("d/run", TEXT, mode=0o755), member("l", type=b"2", link="d/run"),
               member("h", type=b"1", link="d/run"), member("big", bytes(range(256)) * 512),
               pax_sparse("1.0", "sparse", *SPARSE["hole-in-front"]))


def compressions(data):
    yield "gz", gzip.compress(data, mtime=0)
    yield "bz2", bz2.compress(data)
    yield "xz", lzma.compress(data)
    yield "xz-crc32", lzma.compress(data, check=lzma.CHECK_CRC32)
    yield "xz-sha256", lzma.compress(data, check=lzma.CHECK_SHA256)
    yield "xz-bcj", lzma.compress(data, filters=[{"id": lzma.FILTER_X86}, {"id": lzma.FILTER_LZMA2}])
    yield "xz-delta", lzma.compress(data, filters=[{"id": lzma.FILTER_DELTA, "dist": 4},
                                                   {"id": lzma.FILTER_LZMA2}])
    yield "lzma", lzma.compress(data, format=lzma.FORMAT_ALONE)
    yield "zst", reference.compress(data, "zstd")
    yield "lz4", reference.compress(data, "lz4")
    yield "lz", reference.compress(data, "lzip")
    yield "Z", reference.compress(data, "compress")
    yield "lzop", b"\x89LZO\x00\r\n\x1a\n" + data[:100]
    yield "uu", b"begin 644 a.tar\n" + data[:100]
    # Members of a compression behind each other, and data behind the compressed data.
    half = len(data) // 2 // 512 * 512
    for name, one in (("gz", lambda d: gzip.compress(d, mtime=0)), ("bz2", bz2.compress),
                      ("xz", lzma.compress), ("zst", lambda d: reference.compress(d, "zstd")),
                      ("lz4", lambda d: reference.compress(d, "lz4"))):
        whole = one(data)
        yield name + "-two-members", one(data[:half]) + one(data[half:])
        yield name + "-zeros-behind", whole + bytes(512)
        yield name + "-garbage-behind", whole + b"garbage"
        yield name + "-cut", whole[:len(whole) * 2 // 3]
        yield name + "-twice", one(whole)
        if name != "lz4":  # libarchive crashes when it writes nothing as LZ4.
            yield name + "-nothing", one(b"")
    named_gz = io.BytesIO()
    with gzip.GzipFile("a name", "wb", fileobj=named_gz, mtime=1) as file:
        file.write(data)
    yield "gz-with-name", named_gz.getvalue()
    yield "zst-skippable", b"\x50\x2a\x4d\x18\x04\x00\x00\x00skip" + reference.compress(data, "zstd")
    damaged = bytearray(lzma.compress(data))
    damaged[len(damaged) // 2] ^= 0xFF
    yield "xz-damaged", bytes(damaged)


# ---------------------------------------------------------------- zip

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


BYTES = bytes(range(256)) * 300


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


def others():
    """Other formats of libarchive."""
    for name in ("7zip", "cpio", "newc", "iso9660", "xar", "ar", "warc", "mtree"):
        try:
            yield name, reference.archive(name, [("f", TEXT)])
        except OSError:
            pass  # libarchive can be built without the format.
    yield "rar", b"Rar!\x1a\x07\x00" + bytes(100)
    yield "cab", b"MSCF" + bytes(100)


def main():
    for dialect in MAGIC:
        for case, data in kinds(dialect):
            write(f"tar-{dialect}-{case}.tar", tar(data))
    for case, data in sparse():
        write(f"sparse-{case}.tgz", gzip.compress(tar(data), mtime=0))
    for case, *parts in oddities():
        data = tar(*parts) if len(parts) == 1 else parts[0] + parts[1]
        write(f"odd-{case}.tar", data)
    whole = mixed()
    for case, data in compressions(whole):
        write(f"compressed-{case}.tgz", data)
    # The name selects that a file is unpacked, the content selects how.
    contents = {"tar": whole, "gz": gzip.compress(whole, mtime=0), "bz2": bz2.compress(whole),
                "xz": lzma.compress(whole), "zip": zipped(("d/f", BYTES)),
                "zst": reference.compress(whole, "zstd")}
    for content, data in contents.items():
        for end in ("tar", "tgz", "tar.gz", "tbz2", "tar.bz2", "txz", "tar.xz", "zip"):
            write(f"name-{content}.{end}", data)
    for case, data in zips():
        write(f"zip-{case}.zip", data)
        if case in ("method-deflate", "twice", "symlink"):
            write(f"zip-{case}-compressed.tgz", gzip.compress(data, mtime=0))
    for case, data in others():
        write(f"other-{case}.tar", data)


main()
