"""The few parts that the report's page is made of. Text is escaped, pictures are inside the page."""

import base64
import io
from collections.abc import Iterable
from html import escape
from typing import Any

from matplotlib.figure import Figure

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #222; background: #fff; margin: 2em auto;
       max-width: 80em; padding: 0 1em; }
h1, h2, h3 { line-height: 1.2; } h2 { border-bottom: 1px solid #ccc; margin-top: 2em; }
.wide { overflow-x: auto; } table { border-collapse: collapse; font-size: 13px; margin: 1em 0; }
th, td { padding: .25em .6em; border-bottom: 1px solid #ddd; text-align: right; white-space: nowrap; }
th:first-child, td:first-child, .text { text-align: left; } td.text { white-space: normal; }
thead th { border-bottom: 2px solid #888; } tr.group td { border-top: 2px solid #bbb; }
td.dominant { font-weight: bold; } td.confused { font-style: italic; }
img { max-width: 100%; height: auto; } figure { margin: 1em 0; display: inline-block; }
figcaption { color: #555; font-size: 13px; } .grid figure { width: 49%; min-width: min(22em, 100%); }
pre { background: #f6f6f6; padding: 1em; overflow-x: auto; font-size: 12px; }
summary { cursor: pointer; }
"""


class Html(str):
    """Text that is HTML already."""


def text(value: Any) -> Html:
    """Any value as HTML."""
    return value if isinstance(value, Html) else Html(escape("" if value is None else str(value)))


def element(name: str, *content: Any, **attributes: str) -> Html:
    """One element; ``class_`` stands for ``class``."""
    inner = "".join(map(text, content))
    given = "".join(f' {k.rstrip("_")}="{escape(v)}"' for k, v in attributes.items() if v)
    return Html(f"<{name}{given}>{inner}</{name}>")


def bold(value: Any) -> Html:
    """Emphasized."""
    return element("b", value)


def table(header: Iterable[Any], rows: Iterable[Iterable[Any]], groups: set[int] = frozenset()):
    """A table; a cell may be an ``Html`` cell of its own. Rows in ``groups`` begin a new group."""
    head = element("thead", element("tr", *(element("th", cell) for cell in header)))
    body = [
        element("tr", *map(_cell, row), class_="group" if i in groups else "")
        for i, row in enumerate(rows)
    ]
    return element("div", element("table", head, element("tbody", *body)), class_="wide")


def _cell(value: Any) -> Html:
    is_cell = isinstance(value, Html) and value.startswith("<td")
    return value if is_cell else element("td", value)


def words(value: Any) -> Html:
    """A cell of words, which may be broken into lines."""
    return element("td", value, class_="text")


def picture(content: Figure | bytes, caption: str) -> Html:
    """A figure, or the bytes of a PNG file, inside the page."""
    if isinstance(content, Figure):
        buffer = io.BytesIO()
        content.savefig(buffer, format="png", dpi=110)
        content = buffer.getvalue()
    data = base64.b64encode(content).decode()
    image = Html(f'<img alt="{escape(caption)}" src="data:image/png;base64,{data}">')
    return element("figure", image, element("figcaption", caption))


def folded(title: str, *content: Any) -> Html:
    """Content that a click unfolds."""
    return element("details", element("summary", title), *content)


def section(title: str, *content: Any) -> tuple[str, Html] | None:
    """A titled section, or None where there is nothing to show."""
    content = [c for c in content if c]
    return (title, Html("".join(map(text, content)))) if content else None


def page(title: str, sections: Iterable[tuple[str, Html] | None]) -> str:
    """The whole document, contents first."""
    shown = [s for s in sections if s is not None]
    links = [element("li", element("a", name, href=f"#s{i}")) for i, (name, _) in enumerate(shown)]
    parts = [
        Html(element("h2", name, id=f"s{i}") + content) for i, (name, content) in enumerate(shown)
    ]
    head = (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head>"
    )
    return (
        f"{head}<body>{element('h1', title)}{element('ul', *links)}{''.join(parts)}</body></html>"
    )
