"""How representations, and the trainings behind them, are named."""

# Those that no training of this project makes.
BUILTIN = {"pixels", "pca", "backbone", "external", "external_encoder"}
# After the name of an encoder: its feature maps, whitened, in place of what it makes of them.
WHITENED = "_whitened"
# Before the name of a case: what the ablations train and embed.
ABLATIONS = ("ablation_", "bugfix_ablation_")


def encoder_of(representation: str) -> str:
    """The encoder that a representation is of; of one that needs no encoder its own name."""
    return representation.removesuffix(WHITENED)
