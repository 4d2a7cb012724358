"""How likely so many failures are, for the trials of the promised accuracy and for their picture."""

import math


def tail(count, trials, rate):
    """P(X >= count) for X binomial."""
    return 1 - sum(math.exp(math.lgamma(trials + 1) - math.lgamma(k + 1) - math.lgamma(trials - k + 1) + k * math.log(rate)
                            + (trials - k) * math.log1p(-rate)) for k in range(count))


def rate_with(count, trials, probability):
    """The rate at which so many failures or more have this probability: a bound of Clopper and Pearson."""
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if tail(count, trials, middle) < probability else (low, middle)
    return high
