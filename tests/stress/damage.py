"""Damage to files of torch, as failing disks do it."""

import struct
import zipfile
from pathlib import Path


def stored_parts(path: Path) -> list[str]:
    """Names of the parts of a torch file (members of its zip archive) that hold any bytes.

    Between them lies padding, which holds nothing.
    """
    with zipfile.ZipFile(path) as archive:
        return [member.filename for member in archive.infolist() if member.file_size]


def flip_a_bit(path: Path, part: str) -> None:
    """Change one bit in the middle of a stored part."""
    with zipfile.ZipFile(path) as archive:
        member = archive.getinfo(part)
    content = bytearray(path.read_bytes())
    # A local header of 30 bytes ends in the lengths of the name and the extra field after it.
    lengths = struct.unpack_from("<HH", content, member.header_offset + 26)
    start = member.header_offset + 30 + sum(lengths)
    content[start + member.compress_size // 2] ^= 1
    path.write_bytes(content)
