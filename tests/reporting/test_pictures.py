import base64
import io

import numpy as np
from PIL import Image

from fashion_mocluster.reporting.pictures import picture_uri
from fashion_mocluster.reporting.style import MUTED, new_figure


def decode(uri):
    head, _, data = uri.partition(",")
    assert head == "data:image/png;base64"
    return Image.open(io.BytesIO(base64.b64decode(data))).convert("RGB")


def png(image):
    content = io.BytesIO()
    image.save(content, "png")
    return content.getvalue()


def test_wide_pictures_are_reduced_and_others_are_not():
    image = png(Image.new("RGB", (200, 100), "white"))
    assert decode(picture_uri(image, 50)).size == (50, 25)
    assert decode(picture_uri(image, 500)).size == (200, 100)


def test_rare_colors_survive_the_palette():
    """A few marks among ten thousand shades of one color keep theirs."""
    pixels = np.full((100, 100, 3), 255, np.uint8)
    pixels[..., 2] = np.arange(10_000).reshape(100, 100) // 40
    for i, color in enumerate(MUTED):
        pixels[0, i] = [int(color[k : k + 2], 16) for k in (1, 3, 5)]
    shown = np.asarray(decode(picture_uri(png(Image.fromarray(pixels)), 100))).astype(int)
    assert np.abs(shown - pixels)[0, : len(MUTED)].max() <= 20


def test_figures_are_drawn():
    assert decode(picture_uri(new_figure(2, 1), 1000)).size == (220, 110)
