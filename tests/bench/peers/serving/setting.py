"""How the peer is set up: ENGINE/WORKERSxTHREADS/BATCH/MILLISECONDS, as eager/2x1/32/5."""

import dataclasses
import re

PATTERN = re.compile(r"(eager|compile)(?:-(channels_last))?/(\d+)x(\d+)/(\d+)/(\d+)")
# The batches that torch.compile is asked for: a network's compilation takes minutes.
BUCKETS = (4, 16)


@dataclasses.dataclass(frozen=True)
class Setting:
    """workers are processes, each with its own weights; batch_timeout in seconds is how long one waits for more."""
    name: str
    engine: str
    layout: str
    workers: int
    threads: int
    max_batch_size: int
    batch_timeout: float

    @property
    def buckets(self):
        """The batches that are compiled, ascending; none for PyTorch as it is."""
        if self.engine == "eager":
            return ()
        return (*(bucket for bucket in BUCKETS if bucket < self.max_batch_size), self.max_batch_size)


def read(name):
    match = PATTERN.fullmatch(name)
    if not match:
        raise ValueError(f"no setting {name}: ENGINE/WORKERSxTHREADS/BATCH/MILLISECONDS, as eager/2x1/32/5")
    engine, layout, workers, threads, batch, milliseconds = match.groups()
    return Setting(name, engine, layout or "contiguous", int(workers), int(threads), int(batch),
                   int(milliseconds) / 1e3)
