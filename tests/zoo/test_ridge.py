from __future__ import annotations

from typing import ClassVar

from contracts.estimator_contract import EstimatorContract


class TestRidge(EstimatorContract):
    name = "ridge"
    options: ClassVar = {"alpha": 5.0}
