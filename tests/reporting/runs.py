"""Results of runs as the report reads them, and how the tests read what it writes."""

import io
from html.parser import HTMLParser

import numpy as np
import pandas as pd
from PIL import Image

from fashion_mocluster.reporting.comparison import COLUMNS

METHODS = {
    "kmeans": ("<b>K-Means & more</b>", "pixels", {"source": "1a", "nmi": 0.5, "ari": 0.3}),
    "pca_spectral": ("PCA + Spectral", "pca", {"source": "1c", "nmi": 0.6, "ari": 0.4}),
    "moco_kmeans": ("MoCo + K-Means", "moco", {"source": "1e", "nmi": 0.5, "ari": 0.3}),
    "moco_umap": ("MoCo + UMAP", "moco", None),
}


def png(color=(200, 30, 30)):
    content = io.BytesIO()
    Image.new("RGB", (8, 4), color).save(content, "png")
    return content.getvalue()


def files(recipe="default recipe", seed=0, labels=True, methods=tuple(METHODS)):
    """What :class:`RunResultsDataset` loads of one run."""
    rng = np.random.default_rng(seed)
    comparison = pd.DataFrame(
        [
            {c: rng.random() for c in COLUMNS}
            | {"method": m, "representation": METHODS[m][1], "clusterer": "kmeans", "time_s": 2.0}
            | {"n_images": 1000}
            | ({} if labels else dict.fromkeys(("acc", "nmi", "ari"), np.nan))
            for m in methods
        ]
    )
    distribution = pd.DataFrame(
        {
            "Cluster_ID": [0, 0, 1, 1, 1],
            "Label_ID": [0, 1, 0, 1, 2],
            "Label_Name": ["shirt", "shoe", "shirt", "shoe", "bag"],
            "Count": [9, 1, 4, 4, 2],
        }
    )
    parameters = {
        "evaluation": {
            "methods": {
                name: {"title": title, "thesis_scores": scores}
                for name, (title, _, scores) in METHODS.items()
            }
        },
        "moco": {"epochs": 30 if recipe == "default recipe" else 300},
        "report": {"thesis_costs": {"training": {"moco": {"seconds": 13.66, "memory_mb": 280}}}},
    }
    hardware = {"processor": "A & B", "cores": 2, "memory_gb": 24.0, "accelerator": None}
    training = {"epoch": [1, 2], "seconds": [3.0, 5.0], "memory_mb": [100.0, 90.0]}
    tables = {"clustering_comparison": comparison, "training_cost/moco": pd.DataFrame(training)}
    if labels:
        tables["cluster_distribution/pca_spectral"] = distribution
    information = {method: 1.0 + i for i, method in enumerate(methods)}
    return {
        "recipe": recipe,
        "seed": seed,
        "tables": tables,
        "values": {
            "run_info": {
                "seed": seed,
                "parameters": parameters,
                "versions": {"python": "3", "torch": "2"},
                "hardware": hardware,
            },
            "embedding_cost/moco": {"time_s": 1.5, "memory_mb": 70.0},
            "best_method": {
                "method": methods[-1],
                "representation": METHODS[methods[-1]][1],
                "neighbor_mi": information,
            },
        },
        "figures": {
            "figures/moco_kmeans/confusion": png(),
            "examples/moco_umap": png(),
            "clustering_comparison": png(),
        },
    }


class Page(HTMLParser):
    """Fails on tags that do not close in order; keeps what the page says and refers to."""

    def __init__(self, content):
        super().__init__()
        self.open, self.links, self.images, self.ids, self.words = [], [], [], [], []
        self.feed(content)
        assert not self.open
        assert len(set(self.ids)) == len(self.ids)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        assert tag not in ("script", "link")
        self.images += [attributes["src"]] if tag == "img" else []
        self.links += [attributes["href"]] if tag == "a" else []
        self.ids += [attributes["id"]] if "id" in attributes else []
        if tag not in ("img", "meta"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" not in self.open:
            self.words.append(" ".join(data.split()))

    @property
    def text(self):
        """All words, spaces as one."""
        return " ".join(filter(None, self.words))
