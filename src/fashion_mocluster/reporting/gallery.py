"""A page to look through the clusters of a run and to name them: one file that needs nothing else.

What it looks like and does is in ``templates/gallery.html``, ``gallery.css`` and ``gallery.js``.
"""

import base64
import hashlib
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from matplotlib.colors import to_hex
from PIL import Image

from fashion_mocluster.reporting.pages import page_environment
from fashion_mocluster.reporting.pictures import webp
from fashion_mocluster.reporting.style import cluster_name, colors

# Pixels of the longer side of a thumbnail, and how many are embedded at most: 9 MB of photos.
THUMBNAIL, MAX_THUMBNAILS = 112, 4000
# Smaller images are shown pixel by pixel.
SMALL = 48
# Pictures of a cluster, fewer where there are many clusters; groups of duplicates and pictures of
# each; outliers.
TYPICAL, BORDERLINE, ODD = 24, 12, 12
GROUPS, GROUP_PICTURES, OUTLIERS = 100, 8, 60
UNSORTED_COLOR = "#9a9a9a"


class Picks(NamedTuple):
    """Rows of one cluster's pictures, int arrays: the most typical first, the least typical first,
    and the outliers in it, the farthest first.
    """

    typical: np.ndarray
    borderline: np.ndarray
    odd: np.ndarray


def gallery_html(
    images: np.ndarray,
    clusters: pd.DataFrame,
    projection: np.ndarray,
    duplicates: pd.DataFrame,
    outliers: pd.DataFrame,
    title: str,
    *,
    names: pd.DataFrame | None = None,
    clustering: str = "",
) -> str:
    """The page: clusters in pictures, a map, duplicates and outliers, and names to be saved.

    Of more than ``MAX_THUMBNAILS`` images it embeds those that the page shows first and a random
    sample of the others; all are points of the map.

    Args:
        images: uint8 (N, H, W) or (N, H, W, 3); may be memory-mapped, only what is shown is read.
        clusters: ``cluster`` (-1: unsorted), ``confidence`` and, where there are files, ``path``,
            one line per image, indexed 0, 1, ...
        projection: float (N, 2), where the images lie on the map.
        duplicates: ``index, group, kind`` (exact or near).
        outliers: ``index, distance``.
        names: ``cluster, name`` as given before; in ``clusters`` those of one name are one already,
            that with the lowest number, -1 aside.
        clustering: What tells these clusters from others; it is saved with the names.
    """
    if "path" not in clusters:
        clusters = clusters.assign(path=[f"image {row}" for row in range(len(clusters))])
    outliers = outliers.sort_values("distance", ascending=False)
    picks = cluster_picks(clusters, projection, duplicates, outliers)
    groups = [group for _, group in duplicates.groupby("group", sort=False)]
    strangest = outliers.head(OUTLIERS)
    shown = [rows for pick in picks.values() for rows in pick]
    shown += [group["index"].head(GROUP_PICTURES) for group in groups[:GROUPS]]
    rows = embedded_rows(len(clusters), np.concatenate([*shown, strangest["index"]]).astype(int))
    # Pictures are numbered in order of their rows; the page knows them by these numbers.
    picture = pd.Series(range(len(rows)), rows)
    data = {
        "clustering": clustering,
        "clusters": _described(clusters, picks, picture, names),
        "pictures": {
            "row": rows.tolist(),
            "name": clusters["path"][rows].to_list(),
            "confidence": clusters["confidence"][rows].round(3).to_list(),
            "thumbnail": [thumbnail(images[row]) for row in rows],
        },
        "points": {
            "xy": _base64(map_coordinates(projection)),
            "cluster": _base64(pd.Index(picks).get_indexer(clusters["cluster"]).astype("<u2")),
        },
        "duplicates": [
            _described_group(images, group["index"], picture) for group in groups[:GROUPS]
        ],
        "outliers": {
            "pictures": picture[strangest["index"]].to_list(),
            "distance": strangest["distance"].astype(float).round(3).to_list(),
        },
    }
    template = page_environment().get_template("gallery.html")
    return template.render(
        title=title,
        data=data,
        n_images=len(clusters),
        n_clusters=len(set(picks) - {-1}),
        n_unsorted=int((clusters["cluster"] == -1).sum()),
        n_groups=len(groups),
        n_outliers=len(outliers),
        pixelated=max(images.shape[1:3]) < SMALL,
    )


def _described_group(images: np.ndarray, rows: pd.Series, picture: pd.Series) -> dict[str, Any]:
    """A group of duplicates: kind, size, pictures; equal ones apart where others are only similar."""
    digests = rows.map(lambda row: hashlib.sha256(images[row].tobytes()).digest())
    copies = digests.duplicated(keep=False) & (digests.nunique() > 1)
    shown = rows.head(GROUP_PICTURES)
    return {
        "kind": "nearly the same" if digests.nunique() > 1 else "the same",
        "size": len(rows),
        "same": [picture[same].to_list() for _, same in shown[copies].groupby(digests, sort=False)],
        "pictures": picture[shown[~copies]].to_list(),
    }


def _described(
    clusters: pd.DataFrame, picks: dict[int, Picks], picture: pd.Series, names: pd.DataFrame | None
) -> list[dict[str, Any]]:
    """Each cluster's numbers (several of one name), label, name, color, size and pictures."""
    sizes = clusters["cluster"].value_counts()
    palette = [to_hex(color) for color in colors(len(set(picks) - {-1}))] + [UNSORTED_COLOR]
    name_of = {} if names is None else names.dropna().set_index("cluster")["name"].to_dict()
    described = []
    for (number, pick), color in zip(picks.items(), palette, strict=False):
        name = name_of.get(number, "")
        numbers = [other for other, given in name_of.items() if given == name] or [int(number)]
        described.append(
            {
                "numbers": numbers,
                "label": "Unsorted"
                if number < 0
                else f"Cluster {', '.join(map(cluster_name, numbers))}",
                "name": name,
                "color": color,
                "size": int(sizes[number]),
                **{kind: picture[rows].to_list() for kind, rows in pick._asdict().items()},
            }
        )
    return described


def cluster_picks(
    clusters: pd.DataFrame, projection: np.ndarray, duplicates: pd.DataFrame, outliers: pd.DataFrame
) -> dict[int, Picks]:
    """The pictures that stand for each cluster, in the order of the page: the unsorted ones last.

    Typical pictures have the highest confidence, borderline ones the lowest; among equals the one
    nearest to the middle of its cluster on the map is the more typical. Outliers are neither, and
    of duplicates only the first counts.
    """
    center = pd.DataFrame(projection).groupby(clusters["cluster"].to_numpy()).transform("median")
    ranked = pd.DataFrame(
        {
            "cluster": clusters["cluster"].to_numpy(),
            "confidence": clusters["confidence"].to_numpy(),
            "distance": np.linalg.norm(projection - center.to_numpy(), axis=1),
        }
    ).sort_values(["confidence", "distance"], ascending=[False, True])
    copies = duplicates.loc[duplicates.duplicated("group"), "index"]
    ranked = ranked.drop(index=[*copies, *outliers["index"]])
    share = max(1, MAX_THUMBNAILS // (4 * clusters["cluster"].nunique()))
    picks = {}
    for number in sorted(set(clusters["cluster"]), key=lambda number: (number < 0, number)):
        rows = ranked.index[ranked["cluster"] == number].to_numpy()
        n_typical = min(TYPICAL, share, (len(rows) + 1) // 2)
        n_borderline = min(BORDERLINE, share // 2, len(rows) - n_typical)
        here = clusters["cluster"][outliers["index"]].to_numpy() == number
        odd = outliers.loc[here, "index"].head(min(ODD, max(1, share // 2)))
        borderline = rows[::-1][:n_borderline]
        picks[number] = Picks(rows[:n_typical], borderline, odd.to_numpy(int))
    return picks


def embedded_rows(n_images: int, first: np.ndarray) -> np.ndarray:
    """The rows that get a thumbnail, ascending: the ``first``, and at random as many others as fit."""
    others = np.setdiff1d(np.arange(n_images), first)
    room = max(0, MAX_THUMBNAILS - len(set(first)))
    return np.union1d(first, np.random.default_rng(0).permutation(others)[:room])


def thumbnail(image: np.ndarray) -> str:
    """The image, uint8 (H, W) or (H, W, 3), as a small WebP file in base64."""
    picture = Image.fromarray(np.asarray(image))
    picture.thumbnail((THUMBNAIL, THUMBNAIL))
    # A slower method would make photos 4 percent smaller. Without loss the quality is an effort, of which
    # more than this takes half as long again and makes such small pictures no smaller.
    lossless = max(picture.size) < SMALL
    return webp(picture, quality=25 if lossless else 75, method=2, lossless=lossless)


def map_coordinates(projection: np.ndarray) -> np.ndarray:
    """Both columns of the projection scaled to 0 to 65535, uint16 (N, 2).

    One far point would squeeze all others together, so what lies far beyond the 0.1 and 99.9
    percentiles is moved to the edge.
    """
    low, high = np.percentile(projection, [0.1, 99.9], axis=0)
    margin = 0.1 * (high - low)
    low, high = (
        np.maximum(projection.min(0), low - margin),
        np.minimum(projection.max(0), high + margin),
    )
    scaled = (projection - low) / np.maximum(high - low, np.finfo(float).tiny)
    return (np.clip(scaled, 0, 1) * 65535).round().astype("<u2")


def _base64(array: np.ndarray) -> str:
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()
