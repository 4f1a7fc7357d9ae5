"""The results of several runs, read together: other seeds, other environments."""

import json
import os
import re
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pandas as pd
from kedro.io import DatasetError

from fashion_mocluster.datasets.files import FileDataset

REPORTING = "08_reporting"
# NA may be the name of a cluster or a class, and 007 is one and no number; only what is empty is missing.
READ_CSV = {"dtype": {"name": str, "Label_Name": str}, "keep_default_na": False, "na_values": [""]}


class RunResultsDataset(FileDataset):
    """All tables, values and figures of the runs under some folders; read-only.

    Runs of seed 0 are in ``<folder>/08_reporting``, those of seed n in
    ``<folder>/seed_<n>/08_reporting``. Loads a list of runs, by folder and then by seed, each
    ``{"recipe": title, "seed": int, "tables": {...}, "values": {...}, "figures": {...}, "gallery":
    ...}`` with the CSV, JSON and PNG files found, by path without suffix; figures as bytes; and the
    link to its gallery, None where it has none.

    Args:
        title: What the runs that come first are called, their recipe.
        compare_with: The folders of other recipes, by title.
        project_path: Where relative folders start.
        page_folder: The folder of the page that shows them, from which links start.
    """

    def __init__(
        self,
        *,
        title: str,
        folder: str,
        compare_with: dict[str, str],
        project_path: str = "",
        page_folder: str = "",
        metadata: dict | None = None,
    ):
        self._folders = {
            t: Path(project_path, f) for t, f in {title: folder, **compare_with}.items()
        }
        self._page_folder = Path(page_folder)
        self.metadata = metadata

    def load(self) -> list[dict[str, Any]]:
        """All runs that have written a table.

        Raises:
            DatasetError: There is no run, or one of its files is damaged.
        """
        runs = [
            {
                "recipe": title,
                "seed": seed,
                **_read(folder / REPORTING),
                "gallery": self._link(folder / REPORTING / "gallery.html"),
            }
            for title, root in self._folders.items()
            for seed, folder in _seeds(root)
        ]
        runs = [run for run in runs if run["tables"]]
        if not runs:
            places = ", ".join(map(str, self._folders.values()))
            raise DatasetError(
                f"no results under {places}; make some first, with kedro run and the same --env"
            )
        return runs

    def _link(self, page: Path) -> str | None:
        if not page.exists():
            return None
        return quote(Path(os.path.relpath(page, self._page_folder)).as_posix())

    def _exists(self) -> bool:
        return any(folder.exists() for folder in self._folders.values())

    def _describe(self) -> dict[str, Any]:
        return {"folders": {title: str(folder) for title, folder in self._folders.items()}}


def _seeds(root: Path) -> list[tuple[int, Path]]:
    others = [
        (int(match[1]), path)
        for path in root.glob("seed_*")
        if (match := re.fullmatch(r"seed_(\d+)", path.name))
    ]
    return [(0, root), *sorted(others)]


def _read(folder: Path) -> dict[str, dict[str, Any]]:
    files: dict[str, dict[str, Any]] = {"tables": {}, "values": {}, "figures": {}}
    readers = {
        ".csv": ("tables", lambda path: pd.read_csv(path, **READ_CSV)),
        ".json": ("values", lambda path: json.loads(path.read_text())),
        ".png": ("figures", Path.read_bytes),
    }
    for path in sorted(folder.rglob("*")):
        # Files whose name begins with a dot are being written.
        if path.suffix not in readers or path.name.startswith("."):
            continue
        kind, read = readers[path.suffix]
        try:
            files[kind][path.relative_to(folder).with_suffix("").as_posix()] = read(path)
        except (ValueError, OSError) as error:
            raise DatasetError(
                f"{path}: damaged ({error}); remove it and run again what makes it"
            ) from error
    return files
