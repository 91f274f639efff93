"""The best that headers in whole seconds allow: each answer is one bit, asked where it halves what is open."""

import math
import random


def errors(requests: int, forward: float, backward: float, runs: int = 2000, seed: int = 1) -> list[float]:
    """Absolute errors of an ideal asker on a steady path, who takes both ways for equally long, in seconds."""
    chance = random.Random(seed)
    bias = (forward - backward) / 2
    found = []
    for _ in range(runs):
        truth = chance.random()  # the phase at which the server's second begins, as seen half way
        low, high = 0.0, 1.0  # the first answer says which second it is
        for _ in range(requests - 1):
            middle = (low + high) / 2
            low, high = (middle, high) if truth >= middle else (low, middle)
        found.append(abs((low + high) / 2 - truth + bias))
    return found


def quantile(values: list[float], share: float) -> float:
    """The value below which so many of the sorted values lie."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, math.ceil(share * len(ordered)) - 1 if share > 0 else 0)]
