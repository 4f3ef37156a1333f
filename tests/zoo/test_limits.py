from __future__ import annotations

import warnings

import pytest
from contracts.planted import TARGET
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_info

from erazoo.panel import FeatureSpec
from zoo import catalogue
from zoo.estimator import Fit
from zoo.limits import limited


def test_native_libraries_take_no_more_threads() -> None:
    before = [pool["num_threads"] for pool in threadpool_info()]
    with limited("model", 1):
        assert {pool["num_threads"] for pool in threadpool_info()} == {1}
    assert [pool["num_threads"] for pool in threadpool_info()] == before


@pytest.mark.parametrize("name", ["random_forest", "extra_trees"])
def test_forests_take_the_threads_of_a_fit(name: str) -> None:
    spec = catalogue.get(name)
    model = spec.build(catalogue.resolve(spec, "", {}), FeatureSpec(("a",)))
    assert model.untrained(Fit(("1",), TARGET, threads=3)).n_jobs == 3


def test_what_did_not_converge_is_logged_and_other_warnings_pass(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with pytest.warns(UserWarning, match="something else") as seen:
        _warned()
    assert len(seen) == 1
    assert caplog.messages == ["model: no end"]


def _warned() -> None:
    with limited("model", 1):
        warnings.warn("no\n  end", ConvergenceWarning, stacklevel=1)
        warnings.warn("something else", UserWarning, stacklevel=1)
