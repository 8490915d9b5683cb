"""A cell: images drawn in one way from one package, and what is measured of them by `cascade-model evaluate`."""

import dataclasses

DIGITS, EMOJI = 5000, 1000  # Images of a cell.
SEEDS = {1: 1_000_000, 2: 2_000_000}  # Of its first image.
BOUND_IMAGES, BOUND_TERMS = 300, 20

# The paper's s / T (Table 5), and some between.
LEVELS = (0, 0.025, 0.0625, 0.125, 0.1875, 0.25, 0.375)
# At which the experiments on other things are done: the best of experiment 1.
BEST_LEVEL = 0.025
FEW_LEVELS = (0.025, 0.0625, 0.125, 0.25)


@dataclasses.dataclass(frozen=True)
class Cell:
    package: tuple  # Names of trainings from the base up, or ("emoji",).
    options: tuple = ()  # Of `evaluate`: (name, value), where one stage's value follows the other's, by commas.
    metrics: str = "fid,is,class"  # Also "cas", "kid,pr,class" and "bound".
    seed: int = 1
    stage: str = ""  # What is judged; the last one by default.
    real_inputs: bool = False  # The last stage enlarges real training images.

    @property
    def name(self):
        """Of its files: a function of all that it is."""
        words = [f"{key}-{value}" for key, value in self.options]
        words += [self.stage] if self.stage else []
        words += ["real"] if self.real_inputs else []
        words += [self.metrics.replace(",", "-"), f"seed-{self.seed}"]
        return f"{'+'.join(self.package)}/{'_'.join(words)}"

    def other(self, **changes):
        return dataclasses.replace(self, **changes)


def draw(*package, **options):
    """A cell with options of `evaluate` by name; those of Cell among them."""
    fields = {field.name for field in dataclasses.fields(Cell)} - {"package", "options"}
    own = {key: value for key, value in options.items() if key in fields}
    rest = {key: value for key, value in options.items() if key not in fields}
    return Cell(package, tuple(sorted((key, str(value)) for key, value in rest.items())), **own)


def at_level(level, *package, **options):
    """Of two stages; the upper one's conditioning augmentation is `level`."""
    return draw(*(package or ("base", "sr")), augmentation=f"0,{level:g}", **options)
