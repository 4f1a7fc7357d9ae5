import base64
import io

import numpy as np
import pytest
from PIL import Image

from fashion_mocluster.reporting.pictures import picture_uri
from fashion_mocluster.reporting.style import new_figure


def decode(uri):
    head, _, data = uri.partition(",")
    assert head == "data:image/webp;base64"
    return Image.open(io.BytesIO(base64.b64decode(data))).convert("RGB")


def png(image):
    content = io.BytesIO()
    image.save(content, "png")
    return content.getvalue()


def test_wide_pictures_are_reduced_and_others_are_not():
    image = png(Image.new("RGB", (200, 100), "white"))
    assert decode(picture_uri(image, 50)).size == (50, 25)
    assert decode(picture_uri(image, 500)).size == (200, 100)


@pytest.mark.parametrize("color", [True, False])
def test_photos_keep_their_colors(color):
    """Smooth shades of all colors, as photos have them; a palette would turn them into bands."""
    y, x = np.mgrid[0:128, 0:128] * 2
    pixels = np.stack([x, y, 255 - (x + y) // 2] if color else [x] * 3, -1).astype(np.uint8)
    shown = np.asarray(decode(picture_uri(png(Image.fromarray(pixels)), 128))).astype(int)
    assert np.abs(shown - pixels).mean() < 2


def test_figures_are_drawn():
    assert decode(picture_uri(new_figure(2, 1), 1000)).size == (220, 110)
