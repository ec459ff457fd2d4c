"""The paper engine agrees with an independent model of its rules for 7,000 steps.

``make faults`` runs 12,000 steps more, and ``make soak`` a million.

Hypothesis chooses a sixth of the steps, because it costs several times as much as a step itself. The rest are the
first trials of the soak with a fixed seed. Both store a step as the name of a rule and a seed, and both shrink a
failure by leaving out steps.
"""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from tests.soak.engine import STEPS_PER_TRIAL, Script, run, script, shrunk
from tests.support.engine_trial import RULES, Trial

SEED = 20260302
TRIALS = 15

_SEEDS = st.integers(0, 2**32 - 1)
_RULES = st.sampled_from([name for name, (weight, _) in RULES.items() for _ in range(max(weight // 5, 1))])


class EngineMachine(RuleBasedStateMachine):
    """Steps hypothesis chooses."""

    trial: Trial

    @initialize(seed=_SEEDS)
    def begin(self, seed: int) -> None:
        self.trial = Trial(seed)

    @rule(name=_RULES, seed=_SEEDS)
    def step(self, name: str, seed: int) -> None:
        self.trial.step(name, seed)

    def teardown(self) -> None:
        self.trial.finish()


TestEngineMachine = EngineMachine.TestCase
TestEngineMachine.settings = settings(
    max_examples=25,
    stateful_step_count=50,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)


@pytest.mark.parametrize("number", range(TRIALS))
def test_engine_agrees_with_the_independent_model(number: int) -> None:
    trial = script(SEED, number)
    outcome = run(trial)
    if outcome.error is not None:
        small = shrunk(trial)
        pytest.fail(f"trial {number} of seed {SEED}: {outcome.error}\nshrunk: {small}\n{run(small).error!r}")
    assert outcome.steps == STEPS_PER_TRIAL


def test_suggestion_just_below_the_amount_of_an_order_is_the_largest() -> None:
    """One lot more is the amount that the order has, so it replaces nothing."""
    steps = [
        *(("place", 3420356777), ("tick", 1147884838), ("cancel", 2307554297), ("tick", 180167955)),
        *(("place", 3496327590), ("tick", 3450179134), ("tick", 162451967), ("replace", 166799743)),
    ]
    assert run(Script(2973228087, steps)).error is None
