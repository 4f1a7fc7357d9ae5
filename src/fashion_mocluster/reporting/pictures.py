"""Pictures small enough for many of them to be inside one page."""

import base64
import io

from matplotlib.figure import Figure
from PIL import Image


def picture_uri(content: Figure | bytes, width: int) -> str:
    """A figure, or the bytes of a PNG file, as a data URI, at most ``width`` pixels wide."""
    if isinstance(content, Figure):
        buffer = io.BytesIO()
        content.savefig(buffer, format="png", dpi=110)
        content = buffer.getvalue()
    image = Image.open(io.BytesIO(content)).convert("RGB")
    if image.width > width:
        height = round(image.height * width / image.width)
        image = image.resize((width, height), Image.Resampling.BICUBIC)
    # Method 2 at quality 85 makes files as large and takes half as long again.
    return f"data:image/webp;base64,{webp(image, quality=82, method=0)}"


def webp(image: Image.Image, **options: float) -> str:
    """A WebP file in base64, by the options of Pillow."""
    buffer = io.BytesIO()
    image.save(buffer, "webp", **options)
    return base64.b64encode(buffer.getvalue()).decode()
