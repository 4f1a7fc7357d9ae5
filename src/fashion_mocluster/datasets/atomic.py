"""Write files so that a reader finds the old one or the new one, never half of one."""

import contextlib
import errno
import os
from collections.abc import Callable
from pathlib import Path

from fashion_mocluster.datasets.errors import DataFileError

WRITABLE = "Make the folder writable, or name another one in conf/<env>/globals.yml"
IN_THE_WAY = "A {} is where a {} should be; move it away"
REMEDIES = {
    errno.ENOSPC: "Free some space",
    errno.EDQUOT: "Free some of your quota",
    errno.EFBIG: "Raise the limit on the size of files",
    errno.EACCES: WRITABLE,
    errno.EPERM: WRITABLE,
    errno.EROFS: WRITABLE,
    errno.ENOTDIR: IN_THE_WAY.format("file", "folder"),
    errno.EEXIST: IN_THE_WAY.format("file", "folder"),
    errno.EISDIR: IN_THE_WAY.format("folder", "file"),
}


def write_atomically(path: Path, write: Callable[[Path], None]) -> None:
    """Let ``write`` fill a temporary file beside ``path``, sync it to disk and rename it.

    The name of the temporary file is always the same, so that the file of a killed process is
    overwritten by the next one. The lock on the output folder of a run keeps two writers apart.

    Args:
        path: The file to create or replace; its folder is created if it is missing.
        write: Is called with the path of the temporary file.

    Raises:
        DataFileError: The disk is full, the folder is read-only, ...; ``path`` is unchanged.
    """
    # The suffix comes last, because np.save appends its own to any other name.
    temporary = path.with_name(f".{path.stem}.partial{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write(temporary)
        with open(temporary, "rb+") as handle:
            os.fsync(handle.fileno())
        os.replace(temporary, path)
        _sync_folder(path.parent)
    except OSError as error:
        remedy = REMEDIES.get(error.errno)
        raise DataFileError(
            f"{path}: cannot be written ({error.strerror or error}); the file that was there before "
            f"is unchanged.{f' {remedy}, then run again.' if remedy else ''}"
        ) from None
    finally:
        # Where the folder cannot be written to, there is no temporary file either.
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def write_bytes_atomically(path: Path, content: bytes) -> None:
    """The same for bytes in memory, which are read back and compared before the rename."""

    def write(temporary: Path) -> None:
        temporary.write_bytes(content)
        if temporary.read_bytes() != content:
            raise OSError(errno.EIO, "what was written reads back differently")

    write_atomically(path, write)


def _sync_folder(folder: Path) -> None:
    """Make the rename itself durable; Windows has no such call for folders."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
