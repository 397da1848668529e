"""What several kinds of archives use."""

import sys

OUT = sys.argv[1]
TIME = 1_600_000_000
TEXT = b"the content of a file\n"
LONG = "/".join(["directory-with-a-long-name"] * 10) + "/file"
WIDE = "w" * 120 + ".txt"
BYTES = bytes(range(256)) * 300
