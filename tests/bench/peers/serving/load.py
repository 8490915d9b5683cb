"""Loads from one asyncio loop. A request is timed from when it is due, so that a late sender counts as latency."""

import asyncio
import dataclasses
import random
import time

PNG = b"\x89PNG\r\n"
NUM_CLASSES = 10


@dataclasses.dataclass
class Answers:
    """What came of a load that was sent in `window` seconds: each answered request's seconds, and when the last was."""
    window: float
    seconds: list = dataclasses.field(default_factory=list)
    failures: list = dataclasses.field(default_factory=list)
    ended: float = 0
    server_cpu: float = 0  # Seconds of the server's processes, and of this one.
    client_cpu: float = 0


class Load:
    """Requests of one client. Classes and image seeds follow from `seed` and the request's number."""

    def __init__(self, image, window, seed):
        self.image = image
        self.seed = seed
        self.answers = Answers(window)
        self.begin = time.perf_counter()

    def now(self):
        """Seconds since the load began."""
        return time.perf_counter() - self.begin

    async def ask(self, number, due):
        class_id = random.Random(f"{self.seed}/{number}").randrange(NUM_CLASSES)
        try:
            answer = await self.image(class_id, 1000 * self.seed + number)
        except Exception as error:  # Whatever it is, it counts as a failure.
            self.answers.failures.append(f"{type(error).__name__}: {error}")
            return
        if not answer or not answer.startswith(PNG):
            self.answers.failures.append("no PNG")
            return
        self.answers.seconds.append(self.now() - due)
        self.answers.ended = self.now()


async def closed(image, clients, window, seed=1):
    """So many clients, each with one request after another; what is under way in the end is waited for."""
    load = Load(image, window, seed)
    numbers = iter(range(1 << 30))

    async def client():
        while load.now() < window:
            await load.ask(next(numbers), load.now())
    await asyncio.gather(*(client() for _ in range(clients)))
    return load.answers


def arrivals(rate, window, seed):
    """When requests are due: a Poisson process. At another rate the same gaps are shorter or longer."""
    order, due = random.Random(seed), 0.0
    while True:
        due += order.expovariate(1) / rate
        if due > window:
            return
        yield due


async def opened(image, rate, window, seed):
    """Requests as they are due, whatever became of those before; all are waited for."""
    load = Load(image, window, seed)
    async with asyncio.TaskGroup() as tasks:
        for number, due in enumerate(arrivals(rate, window, seed)):
            await asyncio.sleep(due - load.now())
            tasks.create_task(load.ask(number, due))
    return load.answers
