"""What the runs of a report found: one object per run, which every section of the report reads.

A recipe is the parameters of one environment, whatever the seed: its runs differ by the seed alone.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from fashion_mocluster.representations import ABLATIONS, encoder_of

# How the costs of what `predict` embedded begin.
NEW = "new_"


def _no_comparison() -> pd.DataFrame:
    return pd.DataFrame(columns=["method", "representation"])


@dataclass(frozen=True, eq=False)
class RunResults:
    """The results of one seed of one recipe; whatever it did not make is empty.

    Attributes:
        recipe: What its environment calls its runs, ``report.title``.
        comparison: ``clustering_comparison.csv``.
        best_method: The method chosen without labels; empty where none was.
        neighbor_mi: The criterion of that choice by method, in nats.
        training_costs: By training ``epoch, seconds, memory_mb``, one line per epoch; without those of
            ablations.
        embedding_costs: By representation ``time_s`` and ``memory_mb``; without those of ablations and
            of new images.
        distributions: By method the classes in its clusters.
        predictions: How many new images were sorted into the clusters, of which method, and their
            scores; empty where that was done by other clusters, of an earlier run.
        figures: PNG files by path below ``08_reporting``, without suffix.
        gallery: The link to its gallery; None where it has none.
        cluster_sizes: The clusters of the chosen method: ``cluster``, ``name`` if they have names,
            ``images``, ``share`` and ``confidence``.
    """

    recipe: str
    seed: int
    comparison: pd.DataFrame = field(default_factory=_no_comparison)
    best_method: str = ""
    neighbor_mi: dict[str, float] = field(default_factory=dict)
    parameters: dict[str, Any] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    hardware: dict[str, Any] = field(default_factory=dict)
    training_costs: dict[str, pd.DataFrame] = field(default_factory=dict)
    embedding_costs: dict[str, dict[str, float]] = field(default_factory=dict)
    distributions: dict[str, pd.DataFrame] = field(default_factory=dict)
    ablation: pd.DataFrame = field(default_factory=pd.DataFrame)
    bugfix_ablation: pd.DataFrame = field(default_factory=pd.DataFrame)
    predictions: dict[str, Any] = field(default_factory=dict)
    figures: dict[str, bytes] = field(default_factory=dict)
    gallery: str | None = None
    cluster_sizes: pd.DataFrame = field(default_factory=pd.DataFrame)

    @classmethod
    def from_files(cls, run: dict[str, Any]) -> "RunResults":
        """From one of the dictionaries that :class:`RunResultsDataset` loads."""
        tables, values = run["tables"], run["values"]
        predictions = values.get("prediction_scores", {})
        best, record = values.get("best_method", {}), values.get("run_info", {})
        # Older versions do not say of which clustering these are.
        same_clustering = predictions.get("clustering") == best.get("clustering")
        return cls(
            recipe=run["recipe"],
            seed=run["seed"],
            comparison=tables.get("clustering_comparison", _no_comparison()),
            best_method=best.get("method", ""),
            cluster_sizes=tables.get("cluster_sizes", pd.DataFrame()),
            neighbor_mi=best.get("neighbor_mi", {}),
            parameters=record.get("parameters", {}),
            versions=record.get("versions", {}),
            hardware=record.get("hardware", {}),
            training_costs=_without_ablations(_folder(tables, "training_cost")),
            embedding_costs=_without_new_images(
                _without_ablations(_folder(values, "embedding_cost"))
            ),
            distributions=_folder(tables, "cluster_distribution"),
            ablation=tables.get("ablation", pd.DataFrame()),
            bugfix_ablation=tables.get("bugfix_ablation", pd.DataFrame()),
            predictions=predictions if same_clustering else {},
            figures=run["figures"],
            gallery=run.get("gallery"),
        )

    @property
    def name(self) -> str:
        """How the report calls this run."""
        return f"{self.recipe}, seed {self.seed}"

    def method_figures(self, method: str) -> dict[str, bytes]:
        """The figures of one method by name, its examples last."""
        found = _folder(self.figures, f"figures/{method}")
        found = {name.replace("_", " "): content for name, content in found.items()}
        examples = self.figures.get(f"examples/{method}")
        return found | ({"examples": examples} if examples else {})

    def epochs_of(self, representation: str) -> str:
        """Epochs really run by the training that a representation comes from; empty for none."""
        trained = {encoder_of(part) for part in self._parts(representation)}
        costs = [table for name, table in self.training_costs.items() if name in trained]
        return ", ".join(str(len(table)) for table in costs)

    def embedding_cost(self, representation: str) -> dict[str, float] | None:
        """``time_s`` and ``memory_mb`` of making a representation; None where they are not known."""
        costs = [self.embedding_costs.get(part) for part in self._parts(representation)]
        if not all(costs):
            return None
        return {
            "time_s": sum(cost["time_s"] for cost in costs),
            "memory_mb": max(cost["memory_mb"] for cost in costs),
        }

    def _parts(self, representation: str) -> list[str]:
        """What a joined representation is made of; of another it alone."""
        return list(self.parameters.get("joined", {}).get(representation, [representation]))


def _folder(files: dict[str, Any], folder: str) -> dict[str, Any]:
    """The files right below a folder, by name."""
    return {
        name.rpartition("/")[2]: content
        for name, content in files.items()
        if name.rpartition("/")[0] == folder
    }


def _without_ablations(costs: dict[str, Any]) -> dict[str, Any]:
    return {name: cost for name, cost in costs.items() if not name.startswith(ABLATIONS)}


def _without_new_images(costs: dict[str, Any]) -> dict[str, Any]:
    """A variant may be called ``new_...`` too; new images are embedded as known ones were, whose cost is
    there as well.
    """
    return {
        name: cost
        for name, cost in costs.items()
        if not (name.startswith(NEW) and name.removeprefix(NEW) in costs)
    }


def gather(results: Iterable[RunResults], table: str) -> pd.DataFrame:
    """One table of every run, an attribute by name, with the columns ``recipe`` and ``seed``."""
    tables = [
        getattr(run, table).assign(recipe=run.recipe, seed=run.seed)
        for run in results
        if len(getattr(run, table))
    ]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()


def method_scores(results: Iterable[RunResults]) -> pd.DataFrame:
    """Every method of every run: its line of the comparison, and ``recipe, seed, title,
    neighbor_mi`` (nats), ``chosen`` (bool: without labels) and ``epochs`` (text).
    """
    titles = method_titles(results)
    tables = [
        run.comparison.assign(
            recipe=run.recipe,
            seed=run.seed,
            title=run.comparison["method"].map(titles),
            neighbor_mi=run.comparison["method"].map(run.neighbor_mi).astype(float),
            chosen=run.comparison["method"] == run.best_method,
            epochs=run.comparison["representation"].map(run.epochs_of),
        )
        for run in results
        if len(run.comparison)
    ]
    columns = ["recipe", "method", "title", "n_images", "neighbor_mi", "acc", "chosen"]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=columns)


def known_methods(results: Iterable[RunResults]) -> dict[str, dict[str, Any]]:
    """Parameters of all methods of all runs by name, those of the thesis first, in its order."""
    known: dict[str, dict[str, Any]] = {}
    for run in results:
        known |= run.parameters.get("evaluation", {}).get("methods", {})

    def place(name: str) -> str:
        return (known[name].get("thesis_scores") or {}).get("source") or "~"

    return {name: known[name] for name in sorted(known, key=place)}


def method_titles(results: Iterable[RunResults]) -> dict[str, str]:
    """The title of every method of every run, in the order of :func:`known_methods`; methods without
    recorded parameters come last, under their names.
    """
    titles = {name: about["title"] for name, about in known_methods(results).items()}
    others = (name for run in results for name in run.comparison["method"])
    return titles | {name: name for name in others if name not in titles}


def first_runs(results: Iterable[RunResults]) -> list[RunResults]:
    """The first run of each recipe that has a comparison."""
    firsts: dict[str, RunResults] = {}
    for run in results:
        if len(run.comparison):
            firsts.setdefault(run.recipe, run)
    return list(firsts.values())


def recorded(results: Iterable[RunResults], *keys: str) -> dict[str, Any]:
    """A group of parameters of the first run that recorded it; empty where none did."""
    for run in results:
        group: Any = run.parameters
        for key in keys:
            group = (group or {}).get(key)
        if group:
            return group
    return {}
