import numpy as np
import pytest

from fashion_mocluster.clustering.pixels import pixel_clusters
from fashion_mocluster.errors import InputError
from fashion_mocluster.pipelines.data_processing import nodes
from fashion_mocluster.pipelines.data_processing.parameters import DataParameters

DATA = DataParameters(path="some.csv")


def test_good_images_pass_unchanged(images):
    assert nodes.validate_images(images, DATA, 10) is images


@pytest.mark.parametrize("shape", [(6, 8, 8), (6, 8, 8, 3)])
def test_images_that_are_all_the_same_are_refused_with_their_file(shape):
    with pytest.raises(InputError, match=r"some.csv: 6 images, all the same"):
        nodes.validate_images(np.full(shape, 7, np.uint8), DATA, 5)


def test_constant_images_are_warned_about(images, caplog):
    images[3] = 9
    nodes.validate_images(images, DATA, 10)
    assert "1 image of one shade of gray" in caplog.text


def test_pixel_clusters_are_a_table_of_all_images(images):
    table = nodes.cluster_pixels(images, 3, 5)
    assert list(table["index"]) == list(range(len(images)))
    np.testing.assert_array_equal(table["cluster"], pixel_clusters(images, 3, 5))


def test_statistics_are_those_of_numpy(images):
    s = nodes.describe_pixels(images)
    assert s["mean"] == pytest.approx(images.mean())
    assert s["std"] == pytest.approx(images.std())
    assert s["black_share"] == pytest.approx((images == 0).mean())
    assert (s["n_images"], s["height"], s["width"]) == images.shape
    assert s["channels"] == 1


def test_colors_are_looked_at_block_by_block(caplog, monkeypatch):
    monkeypatch.setattr(nodes, "BLOCK_BYTES", 1000)
    images = np.random.default_rng(0).integers(0, 256, (64, 12, 10, 3), dtype=np.uint8)
    images[5] = (1, 2, 3)
    images[9, ..., 0] = 7
    assert nodes.validate_images(images, DATA, 10) is images
    assert "1 image of one color" in caplog.text
    s = nodes.describe_pixels(images)
    assert s["mean"] == pytest.approx(images.mean())
    assert s["std"] == pytest.approx(images.std())
    assert (s["n_images"], s["height"], s["width"], s["channels"]) == images.shape
