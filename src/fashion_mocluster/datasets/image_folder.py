"""A folder of pictures as one array; each picture is decoded once, on all cores."""

import contextlib
import logging
import tempfile
import warnings
from collections import Counter, deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from filelock import FileLock, Timeout

from fashion_mocluster.datasets.errors import DataFileError
from fashion_mocluster.datasets.picture_cache import PictureCache, Row, Table, settings_of
from fashion_mocluster.datasets.picture_decoding import (
    BRIGHT_GROUND,
    Decoded,
    UnreadablePictureError,
    decode_picture,
    invert,
    prepare_decoding,
)
from fashion_mocluster.datasets.picture_files import (
    PictureFile,
    Skipped,
    list_pictures,
    natural_order,
    printable,
)
from fashion_mocluster.datasets.picture_options import PictureOptions
from fashion_mocluster.progress import Progress
from fashion_mocluster.threads import available_threads
from fashion_mocluster.wording import counted

logger = logging.getLogger(__name__)

# So many decoded pictures may wait for a slower one before them.
AHEAD = 64
# Grounds that differ from the limit of inversion by less are neither bright nor dark.
BETWEEN = 20

Outcome = Decoded | UnreadablePictureError


@dataclass(frozen=True)
class Pictures:
    """What was read from a folder.

    Attributes:
        images: uint8 (N, H, W), or (N, H, W, 3) in color; mapped from the cache if there is one.
        paths: Of the images, relative to the folder, in natural order.
    """

    images: np.ndarray
    paths: list[str]
    skipped: list[Skipped]


def read_image_folder(
    root: Path, options: PictureOptions, cache: PictureCache | None = None, limit: int | None = None
) -> Pictures:
    """The pictures below a folder, or a single picture.

    Args:
        cache: Where images are kept; what it has and did not change since is not decoded again. None
            keeps them in memory alone.

    Raises:
        DataFileError: There is no picture, or more of them cannot be read than ``options`` allows.
    """
    if not root.exists():
        raise DataFileError(
            f"{root}: no such folder; check data.path, or predict.path if it is new"
        )
    if cache is None:
        with tempfile.TemporaryDirectory() as folder:
            pictures = read_image_folder(
                root, options, PictureCache(Path(folder, "pictures.npy")), limit
            )
            return replace(pictures, images=np.array(pictures.images))
    with _alone(cache):
        table = _bring_up_to_date(cache, root, options, limit)
        pictures = _pictures(cache, table, limit)
    _report(root, options, table, pictures)
    _refuse_unreadable(root, options, pictures)
    return pictures


def stored_pictures(
    root: Path, options: PictureOptions, cache: PictureCache | None, limit: int | None
) -> Pictures:
    """What the last reading of the same folder left in the cache; without any, what is read now."""
    if cache is not None and (table := cache.table(settings_of(root, options))).rows:
        return _pictures(cache, table, limit)
    return read_image_folder(root, options, cache, limit)


@contextlib.contextmanager
def _alone(cache: PictureCache) -> Iterator[None]:
    """Wait until no other process fills this cache; runs with other seeds share it."""
    cache.array_path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(cache.array_path.with_suffix(".lock"))
    try:
        lock.acquire(blocking=False)
    except Timeout:
        logger.info("another run is reading pictures into %s; waiting for it", cache.array_path)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _pictures(cache: PictureCache, table: Table, limit: int | None) -> Pictures:
    paths = [printable(row.file.path) for row in table.rows[:limit]]
    skipped = [s._replace(path=printable(s.path)) for s in table.skipped]
    return Pictures(cache.array(len(paths)), paths, skipped)


def _bring_up_to_date(
    cache: PictureCache, root: Path, options: PictureOptions, limit: int | None
) -> Table:
    """Decode what the cache does not have; the table afterwards.

    Raises:
        KeyboardInterrupt: Once what was decoded before Ctrl-C is kept.
    """
    listing = list_pictures(root)
    stored = cache.table(settings_of(root, options))
    found = set(listing.pictures)
    broken = {file: reason for file, reason in stored.broken.items() if file in found}
    is_whole = is_enough = _suffices(stored, listing.pictures, limit)
    if is_enough:
        table = replace(stored, broken=broken, skipped=list(listing.skipped))
        logger.info("%s: no picture is new or changed since an earlier run decoded them", root)
    else:
        table = Table(stored.settings, broken=broken, skipped=list(listing.skipped))
        folder = root if root.is_dir() else root.parent
        decode = _decoder(folder, options, cache, stored)
        unknown = [file for file in listing.pictures if file not in broken]
        outcomes = _in_order(decode, unknown)
        images = _readable(outcomes, table, Progress(root, len(unknown[:limit])), limit)
        images = _at_least_one(images, root, table)
        is_whole = cache.write(table, options, images, len(stored.rows))
    table.skipped.extend(Skipped(file.path, reason, True) for file, reason in table.broken.items())
    table.skipped.sort(key=lambda skipped: natural_order(skipped.path))
    if not is_enough or table != stored:
        cache.write_table(table)
    if not is_whole:
        raise KeyboardInterrupt(f"{len(table.rows)} decoded pictures are kept for the next run")
    return table


def _suffices(stored: Table, files: list[PictureFile], limit: int | None) -> bool:
    """Whether the first images of the array are all that would be read, with the same colors."""
    wanted = [file for file in files if file not in stored.broken][:limit]
    count = len(wanted)
    return (
        count > 0
        and wanted == [row.file for row in stored.rows[:count]]
        and count in (len(stored.rows), limit)
        and stored.is_rgb() == stored.is_rgb(count)
    )


def _decoder(
    folder: Path, options: PictureOptions, cache: PictureCache, stored: Table
) -> Callable[[PictureFile], Outcome]:
    """A function that takes a picture from the cache, or else decodes it."""
    formats = prepare_decoding()
    places = {row.file: place for place, row in enumerate(stored.rows)}
    images = cache.array(len(places)) if places else None
    was_made_gray = options.color == "auto" and not stored.is_rgb()

    def decode(file: PictureFile) -> Outcome:
        if file in places:
            _, ground, has_color = stored.rows[places[file]]
            pixels = images[places[file]]
            if was_made_gray:
                if options.invert == "auto":  # the negative of a negative is the picture
                    pixels = invert(pixels, np.array(ground), "auto")
                pixels = np.repeat(pixels[..., None], 3, axis=2)
            return Decoded(pixels, ground, has_color)
        try:
            return decode_picture(folder / file.path, options, formats)
        except UnreadablePictureError as error:
            return error

    return decode


def _in_order(
    decode: Callable[[PictureFile], Outcome], files: list[PictureFile]
) -> Iterator[tuple[PictureFile, Outcome]]:
    """Each file with what came of it, in the order of the files; Pillow decodes outside the GIL."""
    # Pillow warns of large pictures and of damaged EXIF blocks, but not in which file.
    with warnings.catch_warnings(), ThreadPoolExecutor(available_threads()) as pool:
        warnings.filterwarnings("ignore", module="PIL")
        pending = deque()
        try:
            for file in files:
                pending.append((file, pool.submit(decode, file)))
                if len(pending) > AHEAD:
                    file, future = pending.popleft()
                    yield file, future.result()
            for file, future in pending:
                yield file, future.result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _readable(
    outcomes: Iterator[tuple[PictureFile, Outcome]],
    table: Table,
    progress: Progress,
    limit: int | None,
) -> Iterator[np.ndarray]:
    """The images of the pictures that can be read; all pictures are entered into the table."""
    with contextlib.closing(outcomes):
        for file, outcome in outcomes:
            if isinstance(outcome, Decoded):
                table.rows.append(Row(file, outcome.ground, outcome.has_color))
                progress.add(1)
                yield outcome.pixels
            elif outcome.lasting:
                table.broken[file] = str(outcome)
            else:
                table.skipped.append(Skipped(file.path, str(outcome), True))
            if len(table.rows) == limit:
                return


def _at_least_one(images: Iterator[np.ndarray], root: Path, table: Table) -> Iterator[np.ndarray]:
    """The same images, of which there has to be one."""
    yield from images
    if not table.rows:
        reasons = [s.reason for s in table.skipped] + list(table.broken.values())
        raise DataFileError(
            f"{root}: no picture here that can be read; found {_counted(reasons) or 'nothing'}"
        )


def _report(root: Path, options: PictureOptions, table: Table, pictures: Pictures) -> None:
    """One line of what was read and skipped, one of what was inverted."""
    total = len(pictures.paths)
    color = "in color" if pictures.images.ndim == 4 else "gray"
    skipped = _counted([s.reason for s in pictures.skipped])
    listed = f"; skipped, as a table in 08_reporting lists: {skipped}" if skipped else ""
    logger.info("%s: %s, %s%s", root, counted(total, "picture"), color, listed)
    if options.invert != "auto" or pictures.images.ndim == 4:
        return
    grounds = np.array([row.ground for row in table.rows[:total]])
    if bright := int((grounds > BRIGHT_GROUND).sum()):
        logger.info(
            "%s: inverted for their bright ground (data.invert): %s",
            root,
            counted(bright, "picture"),
        )
    if between := int((abs(grounds - BRIGHT_GROUND) < BETWEEN).sum()):
        logger.warning(
            "%s: with a ground that is neither bright nor dark, so that some were inverted and some "
            "were not: %s; set data.invert to true or false",
            root,
            counted(between, "picture"),
        )


def _refuse_unreadable(root: Path, options: PictureOptions, pictures: Pictures) -> None:
    """Refuse a folder of which, by ``options``, too much cannot be read."""
    unreadable = [f"{s.path}: {s.reason}" for s in pictures.skipped if s.is_picture]
    if unreadable and options.unreadable == "refuse":
        listed = "\n  ".join(unreadable)
        raise DataFileError(
            f"{root}: {counted(len(unreadable), 'picture')} cannot be read; remove what is listed, or "
            f"set data.unreadable to skip:\n  {listed}"
        )
    total = len(unreadable) + len(pictures.paths)
    if len(unreadable) > options.max_unreadable_share * total:
        listed = "; ".join(unreadable[:3]) + ("; ..." if len(unreadable) > 3 else "")
        raise DataFileError(
            f"{root}: {len(unreadable)} of {counted(total, 'picture')} cannot be read ({listed}); if "
            "that is the right folder, raise data.max_unreadable_share "
            f"(now {options.max_unreadable_share})"
        )


def _counted(reasons: list[str]) -> str:
    """Reasons and how often each occurs, most frequent first, without details in parentheses."""
    kinds = [r if r.startswith("of a kind") else r.partition(" (")[0] for r in reasons]
    return ", ".join(f"{count} {kind}" for kind, count in Counter(kinds).most_common())
