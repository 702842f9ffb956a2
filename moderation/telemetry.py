"""Telemetry: structured logs without personal data, and the metrics as methods that say what happened.

A log line carries only fields from a short list, an exception only its type and where it was raised: texts, names,
addresses and keys cannot get in by accident. A metric is a method in the words of the field; the names and labels of
Prometheus live in this file alone.
"""

import functools
import logging
import os
import sys
import traceback
from collections.abc import Iterable, MutableMapping
from typing import Any, TextIO

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.multiprocess import MultiProcessCollector

FIELDS = frozenset(
    (
        "attempts", "cause", "check", "code", "comment", "deaths", "delivery", "dropped", "error", "event", "exit_status", "job",
        "kind", "level", "logger", "model", "problem", "restarts", "route", "site", "status", "timestamp", "webhook", "where",
    )
)  # fmt: skip
"""What a log line may carry. An id is not personal; a text, a name, an address and a key are."""

LONGEST_FOREIGN_LINE = 200
FRAMES = 4

FAST = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
TINY = (0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.25, 1.0)
PATIENT = (60, 300, 900, 1800, 3600, 4 * 3600, 12 * 3600, 24 * 3600, 3 * 24 * 3600, 7 * 24 * 3600)
SIZES = (1, 2, 4, 8, 16, 32, 64, 100)

EventDict = MutableMapping[str, Any]


def configure_logs(level: str = "INFO", stream: TextIO | None = None) -> None:
    """Send every log of this process, also those of libraries, to one stream: a terminal reads lines, all else JSON."""
    stream = stream or sys.stderr
    renderer: Any = structlog.processors.JSONRenderer()
    if stream.isatty():
        renderer = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    shared: list[Any] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _without_words_of_the_error,
        _only_known_fields,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[_foreign, *shared],
            pass_foreign_args=True,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    for name in ("uvicorn", "uvicorn.error", "litestar"):
        library = logging.getLogger(name)
        library.handlers, library.propagate = [], True
    # These log addresses and queries at INFO.
    for name in ("httpx", "httpcore", "uvicorn.access"):
        logging.getLogger(name).setLevel(logging.WARNING)


def _foreign(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """Keep of a library's line only what was written in its source, and numbers: other arguments may hold anything."""
    record: logging.LogRecord = event["_record"]
    given = event.pop("positional_args", ())
    numbers = isinstance(given, tuple) and given and all(isinstance(argument, int) for argument in given)
    lines = (str(record.msg) % given if numbers else str(record.msg)).strip().splitlines() or [""]
    event["event"] = lines[0][:LONGEST_FOREIGN_LINE]
    event["logger"] = record.name
    event["exc_info"] = record.exc_info
    # The formatter of the standard library would print the error's own words below the line.
    record.exc_info = record.exc_text = record.stack_info = None
    return event


def _without_words_of_the_error(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """Replace an exception by its type and the places it came through: its message may quote a comment."""
    given = event.pop("exc_info", None)
    event.pop("stack_info", None)
    error = given if isinstance(given, BaseException) else given[1] if isinstance(given, tuple) else None
    if error is None and given:
        error = sys.exc_info()[1]
    if error is not None:
        frames = traceback.extract_tb(error.__traceback__)[-FRAMES:]
        event["error"] = type(error).__name__
        event["where"] = [f"{os.path.basename(frame.filename)}:{frame.lineno} {frame.name}" for frame in frames]
    return event


def _only_known_fields(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """Drop what is not on the list, and name it, so that the mistake is seen."""
    unknown = [key for key in event if key not in FIELDS and not key.startswith("_")]
    for key in unknown:
        del event[key]
    if unknown:
        event["dropped"] = sorted(unknown)
    return event


class Telemetry:
    """What happened, in numbers. Cheap enough for every request; no method raises or waits."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._judged = self._counter("comments_judged", "Comments judged.", "verdict", "degraded")
        self._reasons = self._counter("verdict_reasons", "Reasons that verdicts named.", "reason")
        self._judging = self._histogram("comment_seconds", "From decoded comment to recorded verdict.", FAST)
        self._refused = self._counter("comments_refused", "Comments not taken in.", "code")
        self._batch = self._histogram("batch_comments", "Comments that shared one script call.", SIZES)
        self._batch_time = self._histogram("batch_seconds", "Time of a batch in the store.", FAST)
        self._spent = self._counter("allowance_spent", "Allowances asked for.", "scope", "allowed")
        self._claimed = self._counter("cases_claimed", "Cases handed to moderators.")
        self._decided = self._counter("cases_decided", "Decisions of moderators.", "decision", "reason")
        self._waited = self._histogram("case_waited_seconds", "How long a case waited for its decision.", PATIENT)
        self._lost = self._counter("decisions_refused", "Decisions that came second or too late.", "code")
        self._undone = self._counter("decisions_undone", "Decisions taken back.")
        self._waiting = self._gauge("queue_waiting", "Cases that wait, of all sites.")
        self._oldest = self._gauge("queue_oldest_seconds", "Age of the oldest waiting case.")
        self._labels = self._counter("labels_left", "Labels left for training.", "label", "source")
        self._requests = self._histogram(
            "request_seconds", "Requests answered, by route.", FAST, "method", "route", "status"
        )
        self._turned_away = self._counter("requests_turned_away", "Requests refused because too many wait.")
        self._delivered = self._counter("webhooks_delivered", "Attempts to deliver an event.", "outcome")
        self._delivery = self._histogram("webhook_seconds", "Time another server took to answer.", FAST)
        self._store = self._counter("store_failures", "Calls that the store did not answer well.", "cause")
        self._ready = self._gauge("ready", "1 while the service is ready, else 0.")
        self._scored = self._counter("model_texts", "Texts given to a model.", "model", "outcome")
        self._scoring = self._histogram("model_seconds", "Time of a model for one text of a batch.", TINY, "model")
        self._stumbled = self._counter("checks_failed", "Comments at which a check raised an error.", "check")
        self._promoted = self._counter("models_changed", "Changes of a model that serves.", "change")
        self._signed_in = self._counter("sign_ins", "Attempts to sign in.", "outcome")

    def comment_judged(self, verdict: str, reasons: Iterable[str], degraded: bool, seconds: float) -> None:
        """Count a comment that was judged and recorded."""
        self._judged(verdict, _word(degraded)).inc()
        self._judging.observe(seconds)
        for reason in reasons:
            self._reasons(reason).inc()

    def comment_refused(self, code: str) -> None:
        """Count a comment that was not taken in: invalid, too many, repeated with another body, no store."""
        self._refused(code).inc()

    def batch_recorded(self, comments: int, seconds: float) -> None:
        """Count one script call for several comments."""
        self._batch.observe(comments)
        self._batch_time.observe(seconds)

    def allowance_spent(self, scope: str, allowed: bool) -> None:
        """Count one look at an allowance: address, email, form, site or text."""
        self._spent(scope, _word(allowed)).inc()

    def case_claimed(self, cases: int = 1) -> None:
        """Count cases handed to a moderator; one whose lease is renewed by claiming again counts again."""
        self._claimed.inc(cases)

    def case_decided(self, decision: str, reason: str, waited_seconds: float) -> None:
        """Count a decision, and how long its case had waited."""
        self._decided(decision, reason).inc()
        self._waited.observe(waited_seconds)

    def decision_refused(self, code: str) -> None:
        """Count a decision that came second, or on a version that is no more."""
        self._lost(code).inc()

    def decision_undone(self) -> None:
        """Count a decision that was taken back."""
        self._undone.inc()

    def queue_measured(self, waiting: int, oldest_seconds: float) -> None:
        """Tell how many cases wait, and for how long the oldest does."""
        self._waiting.set(waiting)
        self._oldest.set(oldest_seconds)

    def label_left(self, label: str, source: str) -> None:
        """Count a label, and who left it: a decision, a site, an import."""
        self._labels(label, source).inc()

    def request_answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count a request by its route as it is declared; a path that a visitor wrote would be personal and endless."""
        self._requests(method, route, status).observe(seconds)

    def request_turned_away(self) -> None:
        """Count a request that was refused because too many wait already."""
        self._turned_away.inc()

    def webhook_delivered(self, outcome: str, seconds: float) -> None:
        """Count one attempt to deliver, by the state in which it ended the delivery: delivered, buried or disabled.

        One after which it is tried again has failed; it was refused where the address may not be asked.
        """
        self._delivered(outcome).inc()
        self._delivery.observe(seconds)

    def store_failed(self, cause: str) -> None:
        """Count a call that ended as `StoreUnavailable`; the causes are a short list of sentences."""
        self._store(cause).inc()

    def readiness_seen(self, ready: bool) -> None:
        """Tell whether the service is ready."""
        self._ready.set(1 if ready else 0)

    def texts_scored(self, model: str, outcome: str, texts: int, seconds: float) -> None:
        """Count texts that a model scored, or did not: scored, slow, missing, resting, failed, nonsense.

        `model` is its seat, active or shadow; `seconds` is for all texts, and 0 where it was not asked.
        """
        self._scored(model, outcome).inc(texts)
        if texts and seconds:
            self._scoring(model).observe(seconds / texts)

    def check_failed(self, check: str) -> None:
        """Count a comment that waits for a person since a check raised an error."""
        self._stumbled(check).inc()

    def model_changed(self, change: str) -> None:
        """Count a promotion, a rollback or a new shadow."""
        self._promoted(change).inc()

    def sign_in_tried(self, outcome: str) -> None:
        """Count an attempt to sign in: accepted, refused, limited."""
        self._signed_in(outcome).inc()

    def exposition(self) -> tuple[bytes, str]:
        """Return the metrics in the format of Prometheus, and its content type; of all workers where there are several."""
        registry = self._registry
        if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
            registry = CollectorRegistry()
            MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        return generate_latest(registry), CONTENT_TYPE_LATEST

    def _counter(self, name: str, text: str, *labels: str) -> Any:
        counter = Counter(f"moderation_{name}", text, labels, registry=self._registry)
        return _remembered(counter) if labels else counter

    def _gauge(self, name: str, text: str) -> Gauge:
        return Gauge(f"moderation_{name}", text, registry=self._registry, multiprocess_mode="mostrecent")

    def _histogram(self, name: str, text: str, buckets: tuple[float, ...], *labels: str) -> Any:
        histogram = Histogram(f"moderation_{name}", text, labels, buckets=buckets, registry=self._registry)
        return _remembered(histogram) if labels else histogram


def _remembered(family: Any) -> Any:
    """Look a combination of labels up once: the library's own look-up takes longer than counting."""
    return functools.cache(family.labels)


def _word(truth: bool) -> str:
    return "yes" if truth else "no"
