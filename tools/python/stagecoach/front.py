# SPDX-License-Identifier: Apache-2.0
"""Pareto fronts, kept up to date point by point, and their hypervolume. Costs are tuples of
figures that are to be small."""

from collections.abc import Hashable, Iterable, Sequence

Cost = tuple[float, ...]


def dominates(a: Sequence[float], b: Sequence[float]) -> bool:
    """Is `a` nowhere worse and somewhere better?"""
    return all(x <= y for x, y in zip(a, b)) and any(x < y for x, y in zip(a, b))


class Front:
    """Keys whose cost no other cost dominates. Adding one costs as many comparisons as the front
    has members, so a sweep of many points stays cheap."""

    def __init__(self) -> None:
        self._members: dict[Hashable, Cost] = {}

    def add(self, key: Hashable, cost: Cost) -> bool:
        """Is it on the front?"""
        if self.beats(cost):
            return False
        for other in [k for k, c in self._members.items() if dominates(cost, c)]:
            del self._members[other]
        self._members[key] = cost
        return True

    def beats(self, cost: Cost) -> bool:
        """Does a member dominate this cost?"""
        return any(dominates(c, cost) for c in self._members.values())

    def __contains__(self, key: Hashable) -> bool:
        return key in self._members

    @property
    def costs(self) -> list[Cost]:
        return list(self._members.values())


def front_of(costs: Iterable[Cost]) -> list[Cost]:
    """The costs that no other dominates, sorted, each once."""
    front = Front()
    for cost in dict.fromkeys(costs):
        front.add(cost, cost)
    return sorted(front.costs)


def hypervolume(costs: Iterable[Cost], reference: Cost) -> float:
    """Volume of what the costs dominate below the reference point: exact, by slices along the
    last objective (the HSO algorithm of While et al., 2006)."""
    front = front_of(c for c in costs if all(x < r for x, r in zip(c, reference)))
    if not front:
        return 0.0
    if len(reference) == 1:
        return reference[0] - front[0][0]
    front.sort(key=lambda cost: cost[-1])
    volume = 0.0
    for place, cost in enumerate(front):
        upper = front[place + 1][-1] if place + 1 < len(front) else reference[-1]
        if upper > cost[-1]:
            volume += (upper - cost[-1]) * hypervolume((c[:-1] for c in front[:place + 1]),
                                                       reference[:-1])
    return volume
