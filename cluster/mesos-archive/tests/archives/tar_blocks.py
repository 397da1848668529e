"""Builds a tar from blocks, because no program writes the oddities."""

from values import TIME

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
