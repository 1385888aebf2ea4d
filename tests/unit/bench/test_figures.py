"""The few numbers that measurements become."""

import pytest

from bench import figures


def test_a_percentile_is_a_measured_value_that_so_many_do_not_exceed() -> None:
    values = [float(value) for value in range(100, 0, -1)]
    assert [figures.percentile(values, percent) for percent in (0, 50, 99, 99.5, 100)] == [1, 50, 99, 100, 100]
    assert figures.percentile([7.0], 50) == 7.0


@pytest.mark.parametrize("percent", [-1, 101])
def test_there_is_no_percentile_beyond_a_hundred(percent: float) -> None:
    with pytest.raises(ValueError, match="0 to 100"):
        figures.percentile([1.0], percent)


def test_nothing_has_no_percentile() -> None:
    with pytest.raises(ValueError, match="nothing"):
        figures.percentile([], 50)


def test_durations_are_told_in_milliseconds() -> None:
    assert figures.p50_p99_milliseconds([0.001, 0.002, 0.5]) == {"p50_ms": 2.0, "p99_ms": 500.0}


def test_processor_time_is_told_for_each_job() -> None:
    assert figures.milliseconds_each({"gateway": 0.5, "nats": 0.0}, 100) == {"gateway": 5.0, "nats": 0.0}


def test_runs_are_summed_up_by_the_median_of_each_column() -> None:
    assert figures.medians([{"a": 1, "b": 9}, {"a": 3, "b": 8}, {"a": 100, "b": 7}]) == {"a": 3, "b": 8}
