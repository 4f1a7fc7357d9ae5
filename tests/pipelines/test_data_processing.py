import numpy as np
import pytest

from fashion_mocluster.clustering.pixels import pixel_clusters
from fashion_mocluster.errors import InputError
from fashion_mocluster.pipelines.data_processing import nodes
from fashion_mocluster.pipelines.data_processing.parameters import DataParameters

DATA = DataParameters(path="some.csv")


def test_good_images_pass_unchanged(images):
    assert nodes.validate_images(images, DATA, 10) is images


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (np.zeros((3, 8, 8), np.float32), "expected uint8"),
        (np.zeros((3, 64), np.uint8), "expected uint8"),
        (np.zeros((1, 8, 8), np.uint8), "at least 2"),
        (np.zeros((6, 2, 8), np.uint8), "at least 4 x 4 pixels, got 2 x 8"),
        (np.full((6, 8, 8), 7, np.uint8), "6 images, all the same"),
        (np.full((6, 8, 8, 3), 7, np.uint8), "6 images, all the same"),
        (np.zeros((6, 8, 8, 4), np.uint8), "expected uint8"),
        (np.arange(256, dtype=np.uint8).reshape(4, 8, 8), "4 images cannot make 5 clusters"),
    ],
)
def test_images_that_cannot_be_clustered_are_refused_with_their_file(bad, message):
    with pytest.raises(InputError, match=f"some.csv: .*{message}"):
        nodes.validate_images(bad, DATA, 5)


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
