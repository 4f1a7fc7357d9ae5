"""How the HTML pages of ``templates`` are filled in."""

from jinja2 import Environment, PackageLoader, StrictUndefined

from fashion_mocluster.wording import counted


def page_environment() -> Environment:
    """Text is escaped, and a missing value is an error."""
    environment = Environment(
        loader=PackageLoader("fashion_mocluster.reporting"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["counted"] = counted
    return environment
