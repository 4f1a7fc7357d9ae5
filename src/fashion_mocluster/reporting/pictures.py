"""Pictures small enough for many of them to be inside one page."""

import base64
import io

from matplotlib.figure import Figure
from PIL import Image

# Fewer change colors visibly, more make scatter figures of thousands of points large.
PALETTE = 128


def picture_uri(content: Figure | bytes, width: int) -> str:
    """A figure, or the bytes of a PNG file, as a data URI: at most ``width`` pixels wide, with a
    palette.
    """
    if isinstance(content, Figure):
        buffer = io.BytesIO()
        content.savefig(buffer, format="png", dpi=110)
        content = buffer.getvalue()
    image = Image.open(io.BytesIO(content)).convert("RGB")
    if image.width > width:
        height = round(image.height * width / image.width)
        image = image.resize((width, height), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    # Maximum coverage keeps a rare color, such as that of a few marks, where median cut drops it.
    image = image.quantize(PALETTE, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    image.save(buffer, "png", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"
