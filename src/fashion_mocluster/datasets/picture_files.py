"""Which files of a folder are pictures, and why the others are none."""

import importlib.util
import os
import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

# JPEG, PNG, WebP, AVIF, JPEG 2000, TIFF, BMP, GIF.
SUFFIXES = {
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".webp", ".avif", ".jp2", ".j2k"),
    *(".tif", ".tiff", ".bmp", ".gif"),
}
HEIF_SUFFIXES = {".heic", ".heif", ".hif"}
NO_HEIF = "HEIC needs a package more: pip install pillow-heif"
OF_WINDOWS = {"thumbs.db", "ehthumbs.db", "desktop.ini"}


class PictureFile(NamedTuple):
    """A file as it was found; the path is relative to the folder, with ``/`` between its parts."""

    path: str
    size: int
    mtime_ns: int


class Skipped(NamedTuple):
    """A file or folder that is not read; ``is_picture`` if by its name it should be one."""

    path: str
    reason: str
    is_picture: bool


@dataclass(frozen=True)
class Listing:
    """The pictures below a folder, and what else is there, in natural order of the paths."""

    pictures: list[PictureFile] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)


def natural_order(path: str) -> tuple:
    """A key that sorts paths as people do: 2 before 10, a before B."""
    parts = path.split("/")
    # Digits are at the odd places, so numbers are compared with numbers only.
    names = [re.split(r"([0-9]+)", part.casefold()) for part in parts]
    return [[int(n) if i % 2 else n for i, n in enumerate(name)] for name in names], path


def printable(path: str) -> str:
    r"""A path that can be written to any file; bytes that are no UTF-8 become ``\xff``."""
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def find_printed(folder: Path, path: str) -> Path:
    """The file that :func:`printable` made this path of."""
    if (folder / path).exists():
        return folder / path
    escaped = re.sub(
        rb"\\x([0-9a-f]{2})", lambda match: bytes.fromhex(match[1].decode()), path.encode()
    )
    return folder / os.fsdecode(escaped)


def holds_pictures(path: Path) -> bool:
    """Whether a path is a picture or a folder with at least one below it, by their names."""
    files = [path.name] if path.is_file() else _walk(path, [])
    return any(Path(file).suffix.lower() in SUFFIXES | HEIF_SUFFIXES for file in files)


def list_pictures(path: Path) -> Listing:
    """The pictures below a folder, or the one picture that ``path`` is.

    Folders behind links are entered, each once, unless they hold the folder itself.
    """
    listing = Listing()
    if path.is_file():
        _sort_in(path, path.name, listing)
    else:
        for file in _walk(path, listing.skipped):
            _sort_in(path / file, file, listing)
    for files in (listing.pictures, listing.skipped):
        files.sort(key=lambda file: natural_order(file.path))
    return listing


def _walk(root: Path, skipped: list[Skipped]) -> Iterator[str]:
    """Paths of all files that are not hidden; what is left out is added to ``skipped``."""
    above = {_identity(folder) for folder in root.resolve().parents}
    entered = set()
    folders, links = deque([""]), deque()
    while folders or links:
        # Links come last, for what they lead to may be in the folder itself.
        folder = folders.popleft() if folders else links.popleft()
        try:
            identity = _identity(root / folder)
            if identity in above | entered:
                skipped.append(Skipped(folder, "link to a folder that is read already", False))
                continue
            entered.add(identity)
            entries = sorted(os.scandir(root / folder), key=lambda entry: entry.name)
        except OSError as error:
            skipped.append(Skipped(folder, f"cannot be opened ({error.strerror})", False))
            continue
        for entry in entries:
            is_folder = _is_folder(entry)
            name = f"{folder}{entry.name}{'/' if is_folder else ''}"
            if reason := _left_out(entry.name):
                skipped.append(Skipped(name, reason, False))
            elif is_folder:
                (links if entry.is_symlink() else folders).append(name)
            else:
                yield name


def _identity(folder: Path) -> tuple[int, int]:
    status = folder.stat()
    return status.st_dev, status.st_ino


def _is_folder(entry: os.DirEntry) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False


def _left_out(name: str) -> str | None:
    """Why a file or folder of this name is left out."""
    if name.startswith("._") or name == "__MACOSX":
        return "side file of macOS"
    if name.startswith("."):
        return "hidden"
    if name.lower() in OF_WINDOWS:
        return "side file of Windows"
    return "thumbnails of a file server" if name == "@eaDir" else None


def _sort_in(path: Path, name: str, listing: Listing) -> None:
    """Add a file to the pictures or to what is skipped."""
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES | HEIF_SUFFIXES:
        reason = f"of a kind that is not read ({suffix or 'no suffix'})"
        listing.skipped.append(Skipped(name, reason, False))
        return
    try:
        status = path.stat()
    except OSError as error:
        reason = f"cannot be opened ({error.strerror})"
    else:
        if not path.is_file():
            reason = "no regular file"
        elif not status.st_size:
            reason = "empty"
        elif suffix in HEIF_SUFFIXES and not heif_is_read():
            reason = NO_HEIF
        else:
            listing.pictures.append(PictureFile(name, status.st_size, status.st_mtime_ns))
            return
    listing.skipped.append(Skipped(name, reason, True))


def heif_is_read() -> bool:
    """Whether the optional package for HEIC pictures is installed."""
    return importlib.util.find_spec("pillow_heif") is not None
