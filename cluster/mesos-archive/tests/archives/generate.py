"""Writes archives into a directory, one per line of output: every format, kind of member and
oddity. Usage: generate.py DIRECTORY

The modules tar_cases and zip_cases have the tars and the zips. Formats that Python does not write
are written by libarchive (see reference.py) and by 7z.
"""

import bz2, gzip, io, lzma, os

import reference
from tar_blocks import MAGIC, tar
from tar_cases import kinds, mixed, oddities, sparse
from values import BYTES, OUT, TEXT
from zip_cases import zipped, zips


def write(name, data):
    with open(os.path.join(OUT, name), "wb") as file:
        file.write(data)
    print(name)


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
