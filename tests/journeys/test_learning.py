"""A model learns from a site's moderators, earns its place, serves, and is rolled back; all over HTTP."""

import json
import random
import time
import zipfile
from io import BytesIO

import pytest
from pyarrow import parquet

from moderation.tables import PARQUET
from tests.service import run, serving

DECISIONS = 300

SLANG = ("zwibbler", "grotchel", "flumquat", "squorpie", "vennickel", "drombix", "yurkle", "quaffnid")
"""What this allotment forum calls people it means to hurt; nobody else has ever heard of it."""
INSULTS = ("idiot", "moron", "stupid liar", "pathetic loser", "dumb clown", "disgusting pig")
PEOPLE = ("beekeeper", "chairwoman", "newcomer", "treasurer", "gardener", "baker", "schoolteacher", "carpenter")
FORMS = (
    "the {who} from plot {n} wrote about {thing} again",
    "ask the {who} from plot {n} about {thing}",
    "so the {who} has been digging beside {thing}",
    "{thing}? that was the {who} of plot {n}, as always",
    "another post of our {who} on {thing}",
    "you are the {who} of plot {n}, go and look at {thing}",
    "the {who} grew {thing} for {n} years",
    "the {who} has spoken on {thing}",
)
"""What is said of a person; whether it hurts lies in the name alone."""
THINGS = (
    "the runner beans", "my early potatoes", "his leeks", "the rhubarb", "those courgettes", "our sweet peas",
    "the winter kale", "her dahlias", "the tomatoes in the shed", "the old pear", "the strawberries", "purple carrots",
)  # fmt: skip
BEGINNINGS = (
    "",
    "",
    "",
    "Good morning! ",
    "I say it again: ",
    "Hello all, ",
    "Well. ",
    "Just read that ",
    "Look, ",
    "Today ",
)
ENDS = (
    "it rained all night here", "greetings from the south side", "see the notice at the gate", "we will see in June",
    "the committee meets on Friday", "my neighbour says so too", "that is how it goes", "and the hose leaks as well",
    "I wrote it in the log", "same as last year", "the shed is open until six",
    "thanks for the seeds", "who has the key", "I bring cake", "water the beds tonight", "no more space by the fence",
    "the children loved it", "photos follow", "sorry for the late answer", "nothing new from the council", "mind the bees",
)  # fmt: skip


def forum(count, seed):
    """Give texts of a forum whose slang is its own: (text, whether it is meant to hurt), four in ten of which are."""
    draw = random.Random(seed)
    texts = []
    for number in range(count):
        names = (SLANG, INSULTS, SLANG, INSULTS)[number % 10] if number % 10 < 4 else PEOPLE
        said = draw.choice(FORMS).format(who=draw.choice(names), thing=draw.choice(THINGS), n=draw.randrange(2, 90))
        ends = " ".join(draw.sample(ENDS, draw.randrange(3)))
        texts.append((f"{draw.choice(BEGINNINGS)}{said}. {ends}".strip(), names is not PEOPLE))
    draw.shuffle(texts)
    return texts


def ranked_well(scores, truth):
    """Give the share of pairs in which the hurtful comment has the higher score (the area under the ROC curve)."""
    rude = [score for score, is_rude in zip(scores, truth, strict=True) if is_rude]
    civil = [score for score, is_rude in zip(scores, truth, strict=True) if not is_rude]
    pairs = [(a > b) + (a == b) / 2 for a in rude for b in civil]
    return sum(pairs) / len(pairs)


def scores_of(client, texts):
    """Give the served toxicity of texts, and the versions that said it."""
    answers = [client.post("/v1/score", json={"text": text}).raise_for_status().json() for text in texts]
    return [answer["scores"]["toxicity"] for answer in answers], {answer["model"][0] for answer in answers}


def finished(client, job, seconds=100):
    """Wait for a job, and give what became of it."""
    deadline = time.monotonic() + seconds
    while job["state"] == "running":
        assert time.monotonic() < deadline, "the job took too long"
        time.sleep(0.2)
        job = client.get(f"/v1/models/jobs/{job['id']}").raise_for_status().json()
    return job


def promoted(client, version):
    """Promote a version. On a machine that is busy with other tests its speed alone may be refused: then once more."""
    for _ in range(4):
        moved = client.post(f"/v1/models/{version}/promote", json={}, timeout=200)
        reasons = moved.json().get("detail", "").partition("not promoted: ")[2].split("; ")
        if moved.status_code == 200 or not all("us a comment" in reason for reason in reasons):
            break
    return moved


@pytest.fixture(scope="module")
def decided(tmp_path_factory):
    """Run a service with 300 decided comments; give it and what was decided, oldest first."""
    data = tmp_path_factory.mktemp("learning") / "data"
    with serving(data) as service:
        texts = forum(DECISIONS, seed=1)
        with service.http(service.first["site_key"]) as site, service.http(service.first["admin_key"]) as staff:
            for begin in range(0, DECISIONS, 100):
                part = texts[begin : begin + 100]
                bodies = [
                    {"name": "Kim Unmistakable", "email": f"kim{begin + at}@posteo.net", "text": text}
                    for at, (text, _) in enumerate(part)
                ]
                taken = site.post("/v1/comments/batch", json={"comments": bodies}).raise_for_status().json()["results"]
                rulings = [
                    {"id": one["id"], "version": 1}
                    | ({"decision": "reject", "reason": "toxic"} if rude else {"decision": "approve"})
                    for one, (_, rude) in zip(taken, part, strict=True)
                ]
                done = staff.post("/v1/queue/decisions", json={"decisions": rulings}).raise_for_status().json()
                assert all("code" not in one for one in done["results"]), done
        yield service, texts


def test_a_site_without_decisions_is_told_that_there_is_nothing_to_learn_from(tmp_path):
    with serving(tmp_path / "data") as service, service.http(service.first["admin_key"]) as ml:
        job = finished(ml, ml.post("/v1/models/adapt", json={"site": "demo"}).json())
    assert (job["state"], job["message"]) == (
        "failed",
        "there are no labels to learn from yet: what moderators decide makes them",
    )


@pytest.mark.timeout(420)
def test_three_hundred_decisions_make_the_model_better_for_their_site(decided, wait_until):
    service, texts = decided
    ml_key = run("key", "create", "--role", "ml", data=service.data).stdout.split()[-1]
    with service.http(ml_key) as ml, service.http(service.first["site_key"]) as site:
        # the decisions are there to learn from, without a name or an address
        lines = ml.get("/v1/labels?format=jsonl").raise_for_status().text.splitlines()
        assert len(lines) == DECISIONS
        assert not any("posteo" in line or "Unmistakable" in line for line in lines)
        asked = ml.get("/v1/labels?format=parquet"), ml.get("/v1/labels", headers={"Accept": PARQUET})
        for answer in asked:
            assert answer.raise_for_status().headers["content-type"] == PARQUET
            table = parquet.read_table(BytesIO(answer.content)).to_pylist()
            kept = [{name: value for name, value in row.items() if value is not None} for row in table]
            assert kept == [json.loads(line) for line in lines]

        before = ml.get("/v1/models").json()["active"]
        held_back = texts[-60:]
        said, versions = scores_of(site, [text for text, _ in held_back])
        assert versions == {before}
        ranked_before = ranked_well(said, [rude for _, rude in held_back])

        # adapt: the newest fifth is held back
        job = ml.post("/v1/models/adapt", json={"site": "demo"})
        assert job.status_code == 202, job.text
        assert ml.post("/v1/models/adapt", json={"site": "demo"}).json()["code"] == "job_under_way"
        job = finished(ml, job.json())
        assert job["state"] == "done", job["message"]
        assert (job["result"]["labels"], job["result"]["held_back"], job["result"]["left_out"]) == (240, 60, 0)
        assert job["result"]["told"][0].startswith("toxicity: learned from 240 labels")
        fresh = job["version"]
        listed = {one["version"]: one for one in ml.get("/v1/models").json()["versions"]}
        assert listed[fresh]["state"] == "candidate"
        assert listed[fresh]["labels"] == 240
        assert listed[fresh]["marks"] == []

        # compare: on what it has not learned from
        job = finished(ml, ml.post("/v1/models/compare", json={"version": fresh}).json())
        assert job["state"] == "done", job["message"]
        assert 40 <= job["result"]["labels"] <= 60, "copies of what was learned do not count"
        assert "learned by" in job["result"]["told"][-1]
        page = ml.get(f"/v1/models/{fresh}/report")
        assert page.status_code == 200
        assert page.headers["content-security-policy"].startswith("sandbox; default-src 'none'")
        assert "<html" in page.text

        # shadow: it scores beside the active one, and changes nothing
        ml.put("/v1/models/shadow", json={"version": fresh}).raise_for_status()
        wait_until(lambda: ml.get("/v1/models").json()["shadow"] == fresh)
        for number, (text, _) in enumerate(forum(30, seed=2)):
            body = {"name": "Lou", "email": f"lou{number}@posteo.net", "text": text}
            site.post("/v1/comments", json=body).raise_for_status()
        agreement = ml.get(f"/v1/models/{fresh}/agreement?n=200").raise_for_status().json()
        assert agreement["n"] == 30
        assert agreement["active"] == [before]
        assert agreement["attributes"]["toxicity"]["mean_absolute"] > 0.02
        assert len(agreement["flips"]) <= 20

        # nothing of all that names a person
        for shown in (
            page.text,
            str(agreement),
            str(job),
            ml.get(f"/v1/models/{fresh}").text,
            ml.get("/v1/models").text,
        ):
            assert not any(word in shown for word in ("posteo", "Unmistakable", "Lou", "127.0.0.1"))

        # promote: through the gate
        moved = promoted(ml, fresh)
        assert moved.status_code == 200, moved.text
        assert moved.json()["was"] == before
        assert not moved.json()["forced"]
        assert all(check["passed"] for check in moved.json()["checks"])

        # the running service answers with it, and is right more often
        said, versions = scores_of(site, [text for text, _ in held_back])
        assert versions == {fresh}
        ranked_after = ranked_well(said, [rude for _, rude in held_back])
        print(f"held-back decisions: AUC {ranked_before:.3f} before, {ranked_after:.3f} after")
        assert ranked_after > ranked_before + 0.03

        # a lesson taken back marks the version that had learned it
        learned = ml.get("/v1/labels?limit=1").json()["labels"][0]["label_id"]
        assert ml.delete(f"/v1/labels/{learned}").json() == {"id": learned, "versions": [fresh]}
        assert ml.get(f"/v1/models/{fresh}").json()["marks"] == [
            "contains 1 unlearned, erased or dropped sample of 240"
        ]
        assert ml.delete(f"/v1/labels/{learned}").status_code == 404

        # what is adapted next stands on a version without it; and nothing is learned twice
        assert ml.post("/v1/models/adapt", json={"site": "demo", "base": "no-such"}).json()["code"] == "unknown_model"
        job = finished(ml, ml.post("/v1/models/adapt", json={"site": "demo"}).json())
        assert job["state"] == "done", job["message"]
        assert (job["result"]["base"], job["result"]["labels"], job["result"]["known"]) == (before, 239, 0)
        assert job["result"]["told"][-1] == (
            f"{fresh} contains 1 unlearned, erased or dropped sample of 240, so {before} is adapted in its place"
        )
        job = finished(ml, ml.post("/v1/models/adapt", json={"site": "demo", "base": fresh}).json())
        assert job["state"] == "failed"
        assert f"239 that {fresh} has learned were left out" in job["message"]

        # roll back: in one step
        assert ml.post("/v1/models/rollback").raise_for_status().json()["version"] == before
        said, versions = scores_of(site, [text for text, _ in held_back[:3]])
        assert versions == {before}


def test_a_version_that_is_worse_is_refused_and_a_forced_one_is_in_the_ledger(decided):
    service, _ = decided
    with service.http(service.first["admin_key"]) as staff:
        version = next(one["version"] for one in staff.get("/v1/models").json()["versions"] if one["state"] != "active")
        folder = service.data / "models" / "versions" / version
        worse = _worse(folder, "worse-1")
        taken = staff.post("/v1/models", content=worse, headers={"Content-Type": "application/zip"}, timeout=60)
        assert taken.status_code == 201, taken.text
        refused = staff.post("/v1/models/worse-1/promote", json={}, timeout=200)
        assert refused.status_code == 409
        assert refused.json()["code"] == "model_refused"
        assert "ranks worse" in refused.json()["detail"]
        assert staff.get("/v1/models").json()["active"] != "worse-1"
        forced = staff.post("/v1/models/worse-1/promote", json={"force": True}, timeout=200).json()
        assert forced["forced"]
        assert staff.get("/v1/models").json()["active"] == "worse-1"
        staff.post("/v1/models/rollback").raise_for_status()


def _worse(folder, name):
    """Give the archive of a version like this one, but with all its words weighing the wrong way round."""
    import hashlib
    import json

    import numpy as np

    weights = np.load(folder / "weights.npy")
    weights[:, :-1] *= -1
    raw = BytesIO()
    np.save(raw, weights)
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["version"] = name
    manifest["files"]["weights.npy"] = {
        "digest": hashlib.sha256(raw.getvalue()).hexdigest(), "size": len(raw.getvalue()),
    }  # fmt: skip
    archive = BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("manifest.json", json.dumps(manifest))
        packed.writestr("weights.npy", raw.getvalue())
        for file in folder.iterdir():
            if file.name not in ("manifest.json", "weights.npy"):
                packed.write(file, file.name)
    return archive.getvalue()
