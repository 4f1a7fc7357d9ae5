"""How numbers are said in messages."""


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """``1 image``, ``2,000 images``; ``plural`` for those that end otherwise."""
    return f"{number:,} {noun if number == 1 else plural or f'{noun}s'}"
