import numpy as np
import pandas as pd
import pytest
from kedro_datasets.pandas import ParquetDataset

from fashion_mocluster.datasets.embeddings import EarlierEmbeddingsDataset
from fashion_mocluster.learning import backbone_reuse
from fashion_mocluster.learning.parameters import BackboneParameters
from fashion_mocluster.pipelines.evaluation.backbone import embed_with_backbone

RECIPE = BackboneParameters(name="tf_efficientnet_lite2", compute={"device": "cpu"})


def test_a_stored_table_serves_the_next_run_and_keeps_its_cost(images, monkeypatch, tmp_path):
    def embed(images, parameters, rows=None):
        chosen = images if rows is None else images[rows]
        return chosen.reshape(len(chosen), -1)[:, :7].astype(np.float32)

    monkeypatch.setattr(backbone_reuse, "embed_with_backbone", embed)
    path = str(tmp_path / "backbone.parquet")
    stored = ParquetDataset(filepath=path, save_args={"index": False})
    table, cost = embed_with_backbone(images, RECIPE, None)
    table.attrs["seconds_per_image"] = 2.0
    stored.save(table)
    monkeypatch.setattr(backbone_reuse, "embed_with_backbone", None)
    earlier = EarlierEmbeddingsDataset(filepaths=[path]).load()
    again, cost = embed_with_backbone(images[::-1], RECIPE, earlier)
    pd.testing.assert_frame_equal(again, table[::-1].reset_index(drop=True))
    assert cost["time_s"] == pytest.approx(128, abs=5)
    assert again.attrs["seconds_per_image"] == pytest.approx(2, abs=0.1)
    # A table that an older version stored says nothing of its images.
    earlier.attrs = {}
    with pytest.raises(TypeError):
        embed_with_backbone(images, RECIPE, earlier)
