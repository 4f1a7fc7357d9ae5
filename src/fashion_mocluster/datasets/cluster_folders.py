"""Pictures sorted into one folder per cluster, as links or as copies."""

import json
import logging
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pandas as pd

from fashion_mocluster.datasets.atomic import write_bytes_atomically
from fashion_mocluster.datasets.errors import DataFileError
from fashion_mocluster.datasets.files import FileDataset
from fashion_mocluster.datasets.picture_files import find_printed

logger = logging.getLogger(__name__)

ExportMode = Literal["none", "links", "copies"]
LIST = ".made_by_fashion_mocluster.json"


class ClusterFoldersDataset(FileDataset):
    """A folder per cluster with its pictures, called by its name, or ``cluster_<number>``, or
    ``unsorted`` for -1; write-only.

    What was made is listed in a file. The next run removes what is listed, as long as it is still that
    link, or that copy of a picture that is still there; it overwrites nothing else. A run that makes
    nothing leaves folders that show its clusters. The pictures themselves are only read.

    Args:
        source: The folder that paths are relative to, or the one picture there is.
        mode: ``links`` makes symbolic links, ``copies`` copies, ``none`` nothing.
    """

    def __init__(
        self, *, filepath: str, source: str, mode: ExportMode = "none", metadata: dict | None = None
    ):
        super().__init__(filepath=filepath, metadata=metadata)
        source_path = Path(source).expanduser()
        self._source = source_path.parent if source_path.is_file() else source_path
        self._mode = mode

    def save(self, data: pd.DataFrame) -> None:
        """Make the folders, or remove those of other clusters.

        Args:
            data: Columns ``path`` and ``cluster``; without ``path`` nothing is exported, as the images
                have no files of their own.

        Raises:
            DataFileError: Something else is in the way, or a file cannot be written.
        """
        if self._mode == "none" and not self._exists():
            return
        names = dict(_names(data)) if "path" in data else {}
        try:
            # A picture that is to be shown has to be there.
            strict = self._mode != "none"
            originals = {
                name: str(find_printed(self._source, path).resolve(strict))
                for name, path in names.items()
            }
            if self._mode == "none":
                self._remove_other(originals)
            else:
                self._export(originals)
        except OSError as error:
            place = error.filename2 or error.filename
            raise DataFileError(
                f"{place}: cannot be exported ({error.strerror}); the pictures are unchanged"
            ) from None

    def _export(self, originals: dict[str, str]) -> None:
        """Replace what an earlier export made by these pictures, by the paths of the files to be made."""
        kept = self._remove_earlier()
        in_the_way = [n for n in originals if os.path.lexists(self._path / n)]
        if in_the_way:
            raise DataFileError(
                f"{self._path / in_the_way[0]}: this file is not of an earlier export and is in "
                "the way; move it elsewhere"
            )
        # Listed before they are made: what an interrupted export leaves is removed by the next.
        self._write_list(kept | originals)
        for name, original in originals.items():
            self._make(self._path / name, original)

    def _remove_other(self, originals: dict[str, str]) -> None:
        """Remove what an earlier export made, unless it made just these files."""
        if self._listed() == originals:
            return
        kept = self._remove_earlier()
        logger.info("%s: removed, as an earlier run had exported other clusters", self._path)
        if kept:
            self._write_list(kept)
            return
        (self._path / LIST).unlink()
        if not any(self._path.iterdir()):
            self._path.rmdir()

    def _make(self, place: Path, original: str) -> None:
        place.parent.mkdir(parents=True, exist_ok=True)
        if self._mode == "links":
            place.symlink_to(original)
        else:
            shutil.copy2(original, place)

    def _remove_earlier(self) -> dict[str, str]:
        """Remove what an earlier export made; what of it was changed since is kept and returned."""
        if not self._exists():
            return {}
        kept = {}
        for name, original in self._listed().items():
            place = self._path / name
            if _is_made_from(place, Path(original)):
                place.unlink()
            elif os.path.lexists(place):
                kept[name] = original
        if kept:
            logger.warning(
                "%s: files of an earlier export that were changed since, or whose picture is gone, are "
                "kept, such as %s",
                self._path,
                next(iter(kept)),
            )
        for folder in self._path.iterdir():
            if folder.is_dir() and not any(folder.iterdir()):
                folder.rmdir()
        return kept

    def _listed(self) -> dict[str, str]:
        """The original of each file that was made; lists of older versions have more than its path."""
        made = json.loads((self._path / LIST).read_text())
        return {name: o if isinstance(o, str) else o[0] for name, o in made.items()}

    def _write_list(self, made: dict[str, str]) -> None:
        write_bytes_atomically(self._path / LIST, json.dumps(made).encode())

    def load(self) -> None:
        """Refused, always: the table of clusters has all that is here."""
        raise DataFileError(f"{self._path}: exported pictures are never read")

    def _exists(self) -> bool:
        return (self._path / LIST).exists()


def _is_made_from(place: Path, original: Path) -> bool:
    """Whether a file is a link to the original, or a copy of it that is not the only one."""
    if place.is_symlink():
        return os.readlink(place) == str(original)
    if not (place.is_file() and original.is_file()) or place.samefile(original):
        return False
    copy, copied = place.stat(), original.stat()
    return (copy.st_size, copy.st_mtime_ns) == (copied.st_size, copied.st_mtime_ns)


def _names(data: pd.DataFrame) -> Iterator[tuple[str, str]]:
    """Where each picture goes, ``cluster_3/x.jpg``, and its path; equal names get a number.

    Folders of clusters that have a ``name`` are called by it, less what no folder may have in its name.
    """
    taken = set()
    given = data["name"] if "name" in data else [""] * len(data)
    for path, cluster, called in zip(data["path"], data["cluster"], given, strict=True):
        folder = re.sub(r'[<>:"/\\|?*\x00-\x1f]', "_", called).strip(" .")
        folder = folder or ("unsorted" if cluster == -1 else f"cluster_{cluster}")
        name = Path(path).name
        stem, suffix = os.path.splitext(name)
        number = 1
        # Some file systems do not tell upper from lower case.
        while (folder, name.casefold()) in taken:
            number += 1
            name = f"{stem}_{number}{suffix}"
        taken.add((folder, name.casefold()))
        yield f"{folder}/{name}", path
