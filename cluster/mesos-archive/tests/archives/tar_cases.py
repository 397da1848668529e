"""Tars: every kind of member in every dialect, sparse files, and oddities."""

from tar_blocks import (
    END, base256, body, header, long_name, member, named, old_sparse, pax, pax_sparse, tar)
from values import LONG, OUT, TEXT, TIME, WIDE


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
