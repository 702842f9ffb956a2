"""Telemetry: a log line holds nothing of a person, a metric is what its method says, also over several processes."""

import ast
import asyncio
import inspect
import io
import json
import logging
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import structlog

from moderation.telemetry import FIELDS, Telemetry, configure_logs

REPOSITORY = Path(__file__).parents[2]
CANARY = "ann@example.org wrote from 203.0.113.7"
LOGS = r"(?:_?log|structlog\.get_logger\(.*\))\.(?:debug|info|warning|error|exception)"
"""How the code writes a line, read from its sources."""


@pytest.fixture
def lines():
    """Configure the logs into a buffer; give a function that reads its lines; put everything back."""
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    stream = io.StringIO()
    configure_logs("INFO", stream)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    root.handlers, root.level = handlers, level
    structlog.reset_defaults()


def test_a_line_is_one_object_with_time_level_and_facts(lines):
    structlog.get_logger().info("delivery_failed", site="blog", status=503, attempts=2)
    [line] = lines()
    assert line["event"] == "delivery_failed"
    assert (line["level"], line["site"], line["status"], line["attempts"]) == ("info", "blog", 503, 2)
    assert line["timestamp"].endswith("Z")


def test_a_field_that_is_not_on_the_list_is_dropped_and_named(lines):
    structlog.get_logger().warning("odd", email=CANARY, text=CANARY, site="blog")
    [line] = lines()
    assert line["dropped"] == ["email", "text"]
    assert "ann@" not in json.dumps(line)


def test_the_list_of_fields_is_what_is_logged_and_no_more():
    logged = {"dropped", "error", "event", "level", "logger", "timestamp", "where"}  # these every line may get
    sources = [path.read_text() for path in (REPOSITORY / "moderation").rglob("*.py")]
    for source in filter(lambda source: "get_logger" in source, sources):
        for call in ast.walk(ast.parse(source)):
            if isinstance(call, ast.Call) and re.fullmatch(LOGS, ast.unparse(call.func)):
                logged |= {str(given.arg) for given in call.keywords} - {"exc_info"}
    assert logged == FIELDS


def test_an_exception_leaves_its_type_and_place_and_not_its_words(lines):
    try:
        raise ValueError(CANARY)
    except ValueError:
        structlog.get_logger().exception("failed", site="blog")
        logging.getLogger("some.library").exception("could not do it")
    ours, theirs = lines()
    for line in (ours, theirs):
        assert line["error"] == "ValueError"
        assert line["where"][-1].startswith("test_telemetry.py:")
        assert "ann@" not in json.dumps(line)
    assert theirs["logger"] == "some.library"


def test_of_the_arguments_of_a_library_only_numbers_are_logged(lines):
    logging.getLogger("litestar").error("Uncaught exception (path=%r)", CANARY)
    logging.getLogger("uvicorn.error").info("Started server process [%d]", 42)
    first, second = lines()
    assert first["event"] == "Uncaught exception (path=%r)"
    assert second["event"] == "Started server process [42]"


async def test_a_task_that_fails_unseen_does_not_log_its_words(lines):
    async def fail():
        raise ValueError(CANARY)

    task = asyncio.create_task(fail())
    await asyncio.sleep(0)
    asyncio.get_running_loop().call_exception_handler(
        {"message": "Task exception was never retrieved", "exception": task.exception(), "future": task}
    )
    [line] = lines()
    assert line["error"] == "ValueError"
    assert "ann@" not in json.dumps(line)


def test_below_the_level_nothing_is_written(lines):
    structlog.get_logger().debug("detail", site="blog")
    logging.getLogger("httpx").info("HTTP Request: GET https://example.org/?email=ann")
    assert lines() == []


def test_a_judged_comment_counts_with_its_verdict_and_reasons():
    telemetry = Telemetry()
    telemetry.comment_judged("hold", ("spam", "links"), degraded=False, seconds=0.004)
    telemetry.comment_judged("hold", (), degraded=True, seconds=0.004)
    text, kind = telemetry.exposition()
    lines = text.decode().splitlines()
    assert 'moderation_comments_judged_total{degraded="no",verdict="hold"} 1.0' in lines
    assert 'moderation_comments_judged_total{degraded="yes",verdict="hold"} 1.0' in lines
    assert 'moderation_verdict_reasons_total{reason="links"} 1.0' in lines
    assert "moderation_comment_seconds_count 2.0" in lines
    assert kind.startswith("text/plain")


def test_every_metric_is_told_by_somebody():
    sources = "\n".join(path.read_text() for path in (REPOSITORY / "moderation").rglob("*.py"))
    names = [name for name, _ in inspect.getmembers(Telemetry, inspect.isfunction) if not name.startswith("_")]
    assert [name for name in names if f"elemetry.{name}" not in sources] == []


def test_every_method_leaves_a_trace():
    samples = {"str": "word", "int": 3, "float": 0.5, "bool": True, "Iterable[str]": ("word",)}
    for name, method in inspect.getmembers(Telemetry, inspect.isfunction):
        if name.startswith("_") or name == "exposition":
            continue
        telemetry = Telemetry()
        before = telemetry.exposition()[0]
        arguments = [
            samples[inspect.formatannotation(parameter.annotation).replace("collections.abc.", "")]
            for parameter in list(inspect.signature(method).parameters.values())[1:]
        ]
        method(telemetry, *arguments)
        assert telemetry.exposition()[0] != before, name


def test_the_metrics_of_several_processes_are_added_up(tmp_path):
    count = "from moderation.telemetry import Telemetry; t = Telemetry(); t.case_claimed(2)"
    show = "from moderation.telemetry import Telemetry; print(Telemetry().exposition()[0].decode())"
    environ = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path), "PYTHONPATH": str(REPOSITORY)}
    for program in (count, count):
        subprocess.run([sys.executable, "-c", program], env=environ, check=True)
    told = subprocess.run([sys.executable, "-c", show], env=environ, check=True, capture_output=True, text=True)
    assert "moderation_cases_claimed_total 4.0" in told.stdout
