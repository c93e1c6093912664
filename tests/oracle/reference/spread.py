"""How unevenly a whole is split, from the textbook formulas; None where there is nothing to split."""

import math


def gini(shares: list[int]) -> float | None:
    n, total, ascending = len(shares), sum(shares), sorted(shares)
    if not total:
        return None
    return sum((2 * i - n - 1) * x for i, x in enumerate(ascending, 1)) / (n * total)


def gini_corrected(shares: list[int]) -> float | None:
    n, plain = len(shares), gini(shares)
    return None if plain is None or n < 2 else plain * n / (n - 1)


def hhi(shares: list[int]) -> float | None:
    total = sum(shares)
    return sum((x / total) ** 2 for x in shares) if total else None


def effective(shares: list[int]) -> float | None:
    index = hhi(shares)
    return 1 / index if index else None


def evenness(shares: list[int]) -> float | None:
    n, total = len(shares), sum(shares)
    if not total or n < 2:
        return None
    return -sum(x / total * math.log(x / total) for x in shares if x) / math.log(n)


def top_share(shares: list[int], of: int = 1) -> float | None:
    """What the `of` largest hold together."""
    total = sum(shares)
    return sum(sorted(shares, reverse=True)[:of]) / total if total else None


def top20_share(shares: list[int]) -> float | None:
    return top_share(shares, math.ceil(len(shares) / 5))


def percentile(values: list[int], hundredths: int) -> int | None:
    """Nearest rank."""
    return sorted(values)[math.ceil(hundredths * len(values) / 100) - 1] if values else None


def median(values: list[int]) -> int | None:
    return percentile(values, 50)
