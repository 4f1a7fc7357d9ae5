"""How much is measured: the full benchmark, and a small form that runs every measurement once."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Size:
    """Sizes of the benchmark.

    Attributes:
        images: Of the images that ship, how many are used.
        batch: Images of a training step.
        rounds: How often a pair is measured in turn.
        epochs: Of the trainings that compare numbers of threads.
        thread_images: Images of these trainings.
        queues: Queue lengths between which the growth of a step is measured.
        widths: Widths of the first stage between which the growth of a step is measured.
        photos: Of 12 megapixels, read from a folder.
        pictures: That the pretrained network describes.
        points: Numbers of them that are clustered in a run of ``photos``, ascending; of several the
            growth between them is measured.
        commands: Command line without ``kedro``, and the seconds that are its goal.
    """

    images: int
    batch: int
    rounds: int
    epochs: int
    thread_images: int
    queues: tuple[int, ...]
    widths: tuple[int, ...]
    photos: int
    pictures: int
    points: tuple[int, ...]
    commands: dict[str, float]

    @property
    def fractions(self) -> tuple[int, ...]:
        """A quarter, a half and all of the images, between which growth is measured."""
        return self.images // 4, self.images // 2, self.images


IDLE_COMMANDS = {"registry list": 2.5, "run --help": 2.5}
FULL = Size(
    images=10_000,
    batch=256,
    rounds=5,
    epochs=4,
    thread_images=1_000,
    queues=(2048, 8192, 32768),
    widths=(8, 16, 32),
    photos=400,
    pictures=256,
    points=(10_000, 100_000, 1_000_000),
    commands={"run --pipelines=evaluation": 75.0, **IDLE_COMMANDS},
)
SMALL = Size(
    images=200,
    batch=16,
    rounds=1,
    epochs=1,
    thread_images=64,
    queues=(1024, 2048),
    widths=(8, 16),
    photos=8,
    pictures=2,
    points=(200,),
    # Of one method, for which encoders of all kinds are whitened, and TURTLE is run.
    commands={
        "run --pipelines=evaluation "
        "--params=data.limit=150,evaluation.run_methods=[moco_hog_turtle]": 75.0,
        **IDLE_COMMANDS,
    },
)
