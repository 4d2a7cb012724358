"""The article's three forms count what they are said to count.

How far an estimate may be off: at most t items are kept, each distinct one with probability p = 2^-k, and p is halved when t are kept;
so p n is between t/2 and t for n distinct items. The number kept is binomial, and the estimate's relative standard deviation
sqrt((1 - p) / (p n)): at most sqrt(2 / t), and at least sqrt((1 - p) / t). That each halving looks at how many are kept changes
little of it."""

import math
import random
import statistics

import article
import pytest

EPSILON, DELTA = 0.5, 0.001
DISTINCT, TIMES = 20_000, 5
RUNS = 20

FORMS = [article.count_approx, article.count_approx_naive, article.count_approx_optimised]


def threshold(rows: int) -> int:
    """The paper's bound."""
    return math.ceil(12 / EPSILON**2 * math.log2(8 * rows / DELTA))


def shuffled(values: list) -> list:
    items = values * TIMES
    random.Random(29).shuffle(items)
    return items


TEXTS = shuffled([str(i) for i in range(DISTINCT)])
INTEGERS = shuffled(list(range(DISTINCT)))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("items", [TEXTS, INTEGERS], ids=["texts", "integers"])
def test_estimates_are_around_the_truth(form, items):
    random.seed(7)
    t = threshold(len(items))
    assert t == 1420, "48 log2(8 * 100,000 / 0.001) = 1,419.6"
    # 0.0375; halved four times, 1,250 of 20,000 are kept, and the deviation is 0.0274.
    deviation = math.sqrt(2 / t)
    errors = [form(items, EPSILON, DELTA) / DISTINCT - 1 for _ in range(RUNS)]
    # Six deviations, within which a normal error is but for 2e-9. It is less than half of epsilon.
    assert 6 * deviation < EPSILON / 2
    assert all(-6 * deviation < error < 6 * deviation for error in errors)
    # The mean of all runs: five deviations of it, 0.042, but for 6e-7.
    assert -5 * deviation / math.sqrt(RUNS) < statistics.fmean(errors) < 5 * deviation / math.sqrt(RUNS)
    # They are estimates: of 20 errors with a deviation of 0.0274, the root mean square is below 0.01 with a probability of 2e-6 (chi
    # squared of 20 degrees below 2.7).
    assert math.sqrt(statistics.fmean(error**2 for error in errors)) > 0.01


def test_each_seed_is_within_epsilon():
    for seed in range(RUNS):
        random.seed(seed)
        for estimate in [article.count_approx(INTEGERS), article.count_approx_optimised(INTEGERS, seed=seed)]:
            assert (1 - EPSILON) * DISTINCT < estimate < (1 + EPSILON) * DISTINCT


def test_a_seed_says_which_coins_fall():
    first, again, other = (article.count_approx_optimised(INTEGERS, seed=seed) for seed in (1, 1, 2))
    assert first == again != other
    # Without one they fall as they will. Some 1,250 are kept, with a deviation of 34: two calls agree once in 120, and eight calls
    # with a probability of 3e-15.
    assert len({article.count_approx_optimised(INTEGERS) for _ in range(8)}) > 1
    random.seed(1)
    first = article.count_approx(INTEGERS)
    random.seed(1)
    assert article.count_approx(INTEGERS) == first


@pytest.mark.parametrize("form", FORMS)
def test_below_the_threshold_all_are_kept(form):
    rows = 5_000
    most = threshold(rows) - 1
    assert most == 1212, "48 log2(8 * 5,000 / 0.001) = 1,212.1, and one fewer than 1,213"
    items = [str(i % most) for i in range(rows)]
    assert form(items) == most
    # One more, and half of them go.
    estimates = {form([str(i % (most + 1)) for i in range(rows)]) for _ in range(5)}
    assert estimates != {most + 1}
    assert all(0 < estimate < 2 * most for estimate in estimates)


@pytest.mark.parametrize("form", FORMS)
def test_a_finer_epsilon_keeps_more(form):
    # 12 / 0.05^2 log2(8 * 100,000 / 0.001) = 141,990, more than there are.
    assert form(INTEGERS, epsilon=0.05) == DISTINCT
    # 12 / 0.25^2 log2(8 * 100,000 / 0.5) = 3,957, and at least the half of them are kept: deviation 0.0225, six of them 0.135.
    assert 0.86 * DISTINCT < form(INTEGERS, epsilon=0.25, delta=0.5) < 1.14 * DISTINCT


@pytest.mark.parametrize("form", FORMS)
def test_what_can_be_counted(form):
    assert form([]) == 0
    assert form(("a", "b", "a")) == 2
    assert form([None, 1, 1.0, "1", (1, 2), (1, 2)]) == 4, "1 and 1.0 are equal"
    with pytest.raises(TypeError):
        form([[1], [2]])
    with pytest.raises(TypeError):
        form(iter([1, 2]))
