"""What a score costs: the bundled version beside what anyone gets in an afternoon, on the same comments in the same run.

The comments are the English part of the package's own corpus, so every machine measures the same. The table of known
chunks is warmed on one half and measured on the other, so a comment is as new to it as in life. Single comments are of all
kinds, as the corpus has them; those of spam alone stand beside them, since links and numbers are nearly always new. Processor time of one
core, the median of all batches, best of several rounds: a busy machine shows nearly the same as an idle one.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from statistics import median

from classifiers.dataset import load_seeds
from classifiers.scorer import BUNDLED, Item, Scorer
from tests.benchmarks.figure import Figure

BATCH = 64
SINGLE_CHARS, SINGLES = 300, 200
ROUNDS = 5


def measure() -> list[Figure]:
    """Measure batches, single comments, opening and memory, and the two others."""
    seeds = load_seeds()
    english = [place for place, lang in enumerate(seeds.lang) if lang == "en"]
    texts, unseen = ([seeds.text[place] for place in english[begin::2]] for begin in (0, 1))
    advertising = [seeds.text[place] for place in english[1::2] if seeds.column("spam")[place] >= 0.5]
    singles, spam = _of_some_length(unseen), _of_some_length(advertising)
    ours_batch, ours_single, unexplained, again, of_spam = _ours(texts, unseen, singles, spam)
    opened, resident = _opening()
    figures = [
        Figure(
            "scoring, batches of 64",
            ours_batch,
            "us",
            "a comment new to the scorer, 7 attributes, language, explanation",
        ),
        Figure("scoring, batches of 64, seen before", again, "us", "the same comments once more"),
        Figure("scoring, one comment of 300 characters", unexplained, "us", "new to the scorer, the scores alone"),
        Figure("scoring, one comment, explained", ours_single, "us", "the same with what moved them"),
        Figure(
            "scoring, one comment of spam", of_spam, "us", "300 characters, with links and numbers; the scores alone"
        ),
        Figure("opening the bundled version", opened, "ms", "every byte checked against the manifest"),
        Figure("memory of the scorer", resident, "MiB", "resident beyond NumPy after 4,000 comments"),
    ]
    others: list[tuple[str, Callable[[list[str]], object]]] = [("TF-IDF and logistic regression", _afternoon())]
    try:
        from profanity_check import predict_prob
    except ImportError:
        print("alt-profanity-check is not installed, so it is left out")
    else:
        others.append(("alt-profanity-check", predict_prob))
    for name, score in others:
        batch, single = _time_batches(score, unseen[:1280]), _time_singles(score, singles[::2])
        figures.append(
            Figure(
                f"{name}, batches of 64",
                batch,
                "us",
                f"one score, nothing explained; {batch / ours_batch:.0f} times ours",
            )
        )
        figures.append(Figure(f"{name}, one comment", single, "us", f"{single / ours_single:.0f} times ours"))
    return figures


def _of_some_length(texts: list[str]) -> list[str]:
    """Make `SINGLES` comments of `SINGLE_CHARS` characters from places spread evenly over some texts."""
    begins = (place * len(texts) // SINGLES for place in range(SINGLES))
    return [" ".join((texts * 2)[begin : begin + SINGLE_CHARS])[:SINGLE_CHARS] for begin in begins]


def _ours(
    texts: list[str], unseen: list[str], singles: list[str], spam: list[str]
) -> tuple[float, float, float, float, float]:
    batch, single, bare, again, of_spam = [], [], [], [], []
    for _ in range(ROUNDS):
        scorer = Scorer.open(BUNDLED)

        def score(chosen: list[str], scorer: Scorer = scorer, explain: bool = True) -> object:
            return scorer.score([Item(text) for text in chosen], explain=explain)

        _time_batches(score, texts)
        batch.append(_time_batches(score, unseen))
        again.append(_time_batches(score, unseen))
        for chosen, explain, found in ((singles, True, single), (singles, False, bare), (spam, False, of_spam)):
            one = partial(score, scorer=Scorer.open(BUNDLED), explain=explain)
            _time_batches(one, texts)
            found.append(_time_singles(one, chosen))
    return min(batch), min(single), min(bare), min(again), min(of_spam)


def _time_batches(score: Callable[[list[str]], object], texts: Sequence[str]) -> float:
    return median(_timed(score, texts[place : place + BATCH]) for place in range(0, len(texts) - BATCH, BATCH))


def _time_singles(score: Callable[[list[str]], object], texts: Sequence[str]) -> float:
    return median(_timed(score, [text]) for text in texts)


def _timed(score: Callable[[list[str]], object], texts: Sequence[str]) -> float:
    """Measure microseconds of processor time for each of some texts."""
    begin = time.process_time()
    score(list(texts))
    return (time.process_time() - begin) / len(texts) * 1e6


def _afternoon() -> Callable[[list[str]], object]:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline, make_union

    rows = load_seeds("train")
    there = rows.column("toxicity") >= 0
    model = make_pipeline(
        make_union(TfidfVectorizer(ngram_range=(1, 2)), TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5))),
        LogisticRegression(max_iter=50),
    ).fit(
        [text for text, chosen in zip(rows.text, there, strict=True) if chosen], rows.column("toxicity")[there] >= 0.5
    )
    return lambda texts: model.predict_proba(texts)


def _opening() -> tuple[float, float]:
    """Open in a fresh process that has imported NumPy, and read what it took."""
    code = (
        "import time, resource, re, numpy;"
        "read = lambda: int(re.search(r'VmRSS:\\s+(\\d+)', open('/proc/self/status').read())[1]) / 1024;"
        "from classifiers.dataset import load_seeds; seeds = load_seeds().text[:4000];"
        "before = read();"
        "from classifiers.scorer import BUNDLED, Item, Scorer;"
        "begin = time.process_time(); scorer = Scorer.open(BUNDLED); opened = time.process_time() - begin;"
        "[scorer.score([Item(text) for text in seeds[at:at + 64]], explain=True) for at in range(0, len(seeds), 64)];"
        "print(opened * 1e3, read() - before)"
    )
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    opened, resident = map(float, printed.stdout.split())
    return opened, resident
