"""What reaches CloudWatch at each value of LogLevel, and what must reach it at all of them."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from typing import Any, Final

import pytest

from moniqo_core import metrics, observability
from moniqo_core.config import Settings
from tests.support.deployed_template import resolver
from tests.support.stack import template

LEVELS: Final = list(template()["Parameters"]["LogLevel"]["AllowedValues"])
# Least severe first, as Lambda's documentation of log levels has them.
SEVERITY: Final = ["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"]
# The level that Lambda gives to platform.report of an invocation that succeeded.
REPORT: Final = "INFO"


@pytest.fixture(autouse=True)
def logging_as_it_was() -> Iterator[None]:
    root, own = logging.getLogger(), observability.logger
    before = (list(root.handlers), root.level, own.level)
    yield
    root.handlers, root.level = before[0], before[1]
    own.setLevel(before[2])


def function_settings(level: str) -> tuple[dict[str, str], Settings]:
    """Return the LoggingConfig of the functions at this LogLevel, and the settings that they read."""
    chosen, every_function = resolver({"LogLevel": level}), template()["Globals"]["Function"]
    variables = every_function["Environment"]["Variables"]
    names = ("ENVIRONMENT", "POWERTOOLS_SERVICE_NAME", "POWERTOOLS_LOG_LEVEL", "POWERTOOLS_METRICS_NAMESPACE")
    environment = {name: chosen.text(variables[name]) for name in names}
    return chosen.resolve(every_function["LoggingConfig"]), Settings.from_environment(environment)


def kept(line: dict[str, Any], least: str) -> bool:
    """Tell whether Lambda keeps a line of JSON: one without a level that it knows counts as INFO."""
    level = str(line.get("level", "")).upper()
    return SEVERITY.index(level if level in SEVERITY else "INFO") >= SEVERITY.index(least)


def lines(level: str, capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """Log at every level, ours and a library's, and publish metrics. Return what reaches CloudWatch."""
    logging_config, settings = function_settings(level)
    logging.getLogger().setLevel(logging_config["ApplicationLogLevel"])  # as Lambda's runtime client does
    observability.configure(settings.service_name, settings.log_level)
    observability.logger.debug("own")
    observability.info("own")
    observability.warning("own")
    observability.error("own")
    library = logging.getLogger("library")
    library.debug("theirs")
    library.info("theirs")
    library.warning("theirs")
    library.error("theirs")
    metrics.publish(settings, WalletsSynced=1, WalletsFailed=2)
    written = map(json.loads, capsys.readouterr().out.splitlines())
    return [line for line in written if kept(line, logging_config["ApplicationLogLevel"])]


@pytest.mark.parametrize("level", LEVELS)
def test_metrics_are_kept(level: str, capsys: pytest.CaptureFixture[str]) -> None:
    numbers = [line for line in lines(level, capsys) if "_aws" in line]
    assert [(line["WalletsSynced"], line["WalletsFailed"]) for line in numbers] == [([1.0], [2.0])]


@pytest.mark.parametrize("level", LEVELS)
def test_lines_from_the_log_level_on_are_kept(level: str, capsys: pytest.CaptureFixture[str]) -> None:
    logged = [(line["message"], line["level"]) for line in lines(level, capsys) if "_aws" not in line]
    named = {"DEBUG": "DEBUG", "INFO": "INFO", "WARN": "WARNING", "ERROR": "ERROR"}
    wanted = [named[each] for each in LEVELS if SEVERITY.index(each) >= SEVERITY.index(level)]
    assert logged == [(whose, each) for whose in ("own", "theirs") for each in wanted]


@pytest.mark.parametrize("level", LEVELS)
def test_reports_of_memory_and_duration_are_kept(level: str) -> None:
    least = function_settings(level)[0]["SystemLogLevel"]
    assert SEVERITY.index(REPORT) >= SEVERITY.index(least)
