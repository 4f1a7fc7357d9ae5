"""Write files so that a reader finds the old one or the new one, never half of one."""

import contextlib
import errno
import os
from collections.abc import Callable
from pathlib import Path

from kedro.io import DatasetError

REMEDIES = {
    errno.ENOSPC: "free some space",
    errno.EDQUOT: "free some of your quota",
    errno.EFBIG: "raise the limit on the size of files",
    errno.EACCES: "make the folder writable, or name another in conf/<env>/globals.yml",
    errno.EPERM: "make the folder writable, or name another in conf/<env>/globals.yml",
    errno.EROFS: "make the folder writable, or name another in conf/<env>/globals.yml",
    errno.ENOTDIR: "a file is where a folder should be; move it away",
    errno.EEXIST: "a file is where a folder should be; move it away",
    errno.EISDIR: "a folder is where the file should be; move it away",
}


def write_atomically(path: Path, write: Callable[[Path], None]) -> None:
    """Let ``write`` fill a file beside ``path``, sync it to disk and rename it into place.

    The file beside has a fixed name, so that one left by a killed process is overwritten by the
    next. Two writers at a time are kept apart by the lock on the whole folder of a run.

    Args:
        path: The file to make or replace; its folder is made if missing.
        write: Gets the path of the file beside.

    Raises:
        DatasetError: The disk is full, the folder read-only, ...; ``path`` is as it was.
    """
    # The suffix stays last: some writers choose the format by it.
    beside = path.with_name(f".{path.stem}.partial{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write(beside)
        with open(beside, "rb+") as handle:
            os.fsync(handle.fileno())
        os.replace(beside, path)
        _sync_folder(path.parent)
    except OSError as error:
        cure = REMEDIES.get(error.errno, "see to it")
        raise DatasetError(
            f"{path}: cannot be written ({error.strerror or error}); what was there before is "
            f"untouched. {cure[0].upper()}{cure[1:]} and run again"
        ) from None
    finally:
        _forget(beside)


def write_bytes_atomically(path: Path, content: bytes) -> None:
    """The same for bytes in memory, which are read back and compared before the rename."""

    def write(beside: Path) -> None:
        beside.write_bytes(content)
        if beside.read_bytes() != content:
            raise OSError(errno.EIO, "what was written does not read back")

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


def _forget(beside: Path) -> None:
    # In a folder that cannot be written to, or that is none, there is nothing to forget.
    with contextlib.suppress(OSError):
        beside.unlink(missing_ok=True)
