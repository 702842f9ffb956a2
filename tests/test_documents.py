"""The documents: what a reader copies does what the text says.

Every block of commands is carried out, in the order of its document and on one running service, with the reader's own
names in place of `VERSION`, `ID` and the like. What cannot be carried out here is listed with the reason, and is looked
at as far as it goes. Blocks of Python are run as well, and blocks of JSON are read.
"""

import ast
import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import akismet
import click
import httpx
import pytest
from click.testing import CliRunner
from googleapiclient import discovery
from standardwebhooks import Webhook

from classifiers.cli import main as classifiers
from classifiers.registry import Registry
from moderation.cli import main as moderation
from moderation.settings import load
from tests.classifiers.labels import lines, written
from tests.service import REPOSITORY, SPAM, Service, command, environment, held, serving
from tests.versions import added

DOCUMENTS = sorted(
    (path for folder in ("", "deploy/", "classifiers/") for path in REPOSITORY.glob(f"{folder}*.md") if path.is_file()),
    # the page that adds the site comes before those that speak of it
    key=lambda path: (path.name != "switch.md" and path.name.startswith("switch"), path),
)
SHELL = r"(git|cd|make|curl|docker|openssl|printf|moderation|classifiers|redis-cli|sudo) [\w<.-]|KEY="

EXCEPTIONS = {
    r"git clone <address of this repository>.*": "the address is the reader's; a clone of this folder is made instead",
    r"make run": "it installs into a new environment; `make -n` shows what, tests/test_packaging.py installs and starts",
    r"make (test|lint)( .*)?": "they run this very test; `make -n` shows what they do",
    r"docker .*": "no container engine is here; the compose files are read by tests/test_deploy.py",
    r"redis-cli .*|moderation backup .* --snapshot .*": "no server of one's own is here; tests/faults/test_backup.py has one",
    r"sudo .*": "it is for a machine of its own; what it starts or writes is said in the unit, which tests/test_deploy.py reads",
    r"classifiers (train|leave-out) --data DIR": "minutes on public data; tests/classifiers/test_cli.py runs them small",
}
"""A line (without its remark) -> why it is not carried out as it stands."""

PICTURES = ("8  cli  serving", "classifiers  ", "server {", "run:\n", "<form")
"""How blocks begin that show something else than commands, Python or JSON."""

WXR = """<?xml version="1.0"?><rss xmlns:wp="http://wordpress.org/export/1.2/"><channel><item>
<title>An article</title><link>https://news.example/a</link>{}</item></channel></rss>"""
WXR_COMMENT = """<wp:comment><wp:comment_id>{n}</wp:comment_id><wp:comment_author>Ann {n}</wp:comment_author>
<wp:comment_author_email>ann{n}@posteo.net</wp:comment_author_email><wp:comment_date_gmt>2026-01-0{n} 10:00:00</wp:comment_date_gmt>
<wp:comment_content>{text}</wp:comment_content><wp:comment_approved>{approved}</wp:comment_approved></wp:comment>"""


def blocks_of(path: Path) -> list[str]:
    """Give the indented and fenced blocks of a document, as they stand."""
    text = path.read_text(encoding="utf-8")
    fenced = re.findall(r"^```\w*\n(.*?)^```", text, re.M | re.S)
    bare = re.sub(r"^```\w*\n.*?^```", "", text, flags=re.M | re.S)
    indented = re.findall(r"(?:^|\n\n)((?: {4}.*(?:\n|$))+)", bare.replace("\n\n", "\n\n\n"))
    return [*fenced, *(block.rstrip() for block in indented)]


def lines_in(block: str) -> list[str]:
    """Give the commands of a block: without the indent and the remarks, continued lines joined."""
    joined = re.sub(r"\\\n\s*", " ", "\n".join(line.removeprefix("    ") for line in block.splitlines()))
    return [re.sub(r"\s{2,}#.*$", "", line).strip() for line in joined.splitlines() if line.strip()]


def is_shell(block: str) -> bool:
    first = block.strip().removeprefix(".venv/bin/")
    return re.match(SHELL, first) is not None


def is_python(block: str) -> bool:
    rows = block.splitlines()
    least = min((len(line) - len(line.lstrip()) for line in rows if line.strip()), default=0)
    try:
        ast.parse("\n".join(line[least:] for line in rows))
    except SyntaxError:
        return False
    return not block.strip().startswith("{")


def known(group: click.Command, words: list[str]) -> bool:
    """Say whether these words name a command of a group, with options that it has."""
    for place, word in enumerate(words):
        if word.startswith("-"):
            names = {name for parameter in group.params for name in (*parameter.opts, *parameter.secondary_opts)}
            options = {word.partition("=")[0] for word in words[place:] if word.startswith("-")}
            return options <= names | {"-h", "--help", "--version"}
        if not isinstance(group, click.Group):
            continue
        if word not in group.commands:
            return False
        group = group.commands[word]
    return True


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_every_command_that_a_sentence_names_exists_with_its_options(path):
    text = path.read_text(encoding="utf-8")
    spoken = re.findall(r"`(?:\.venv/bin/)?(moderation|classifiers) ([a-z-][^`\n]*)`", text)
    wrong = []
    for name, rest in spoken:
        words = [word for word in re.sub(r"[.…]{3}|…", "", rest).split() if word]
        if not known(moderation if name == "moderation" else classifiers, words):
            wrong.append(f"{name} {rest}")
    assert not wrong


def groups(group: click.Group, *words: str) -> Iterator[tuple[str, ...]]:
    """Give the ways to every group of commands."""
    yield words
    for name, one in group.commands.items():
        if isinstance(one, click.Group):
            yield from groups(one, *words, name)


@pytest.mark.parametrize("program", [moderation, classifiers], ids=["moderation", "classifiers"])
def test_help_lists_every_command_with_a_whole_sentence(program):
    for words in groups(program):
        listed = CliRunner().invoke(program, [*words, "--help"]).output.partition("Commands:")[2]
        assert listed, words
        assert "..." not in listed, words


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_every_make_target_and_every_linked_file_exists(path):
    text = path.read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", (REPOSITORY / "Makefile").read_text(encoding="utf-8"), re.M))
    assert set(re.findall(r"(?:^ {4}|`)make ([a-z-]+)", text, re.M)) <= targets
    for target in re.findall(r"\]\((?!https?:|#|mailto:)([^)#]+)", text):
        assert (path.parent / target).exists(), target
    for named in re.findall(r"`((?:tests|deploy|classifiers|moderation)/[\w./-]+\.\w+)`", text):
        assert (REPOSITORY / named).exists(), named


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_every_block_is_one_of_a_known_kind(path):
    for block in blocks_of(path):
        known_kind = (
            is_shell(block) or is_python(block) or block.strip().startswith("{") or block.strip().startswith(PICTURES)
        )
        assert known_kind, f"say what this is, or it is not run:\n{block}"


# carried out ------------------------------------------------------------------------------------------------------


class Reader:
    """Somebody at a keyboard, in a folder where the service runs, who types what the documents say."""

    def __init__(self, folder: Path, service: Service) -> None:
        self.folder = folder
        self.service = service
        (folder / "home").mkdir()
        comments = (("Thank you, this helped.", 1), (SPAM.replace("&", ""), "spam"), ("I see it otherwise.", 0))
        told = [WXR_COMMENT.format(n=n, text=text, approved=way) for n, (text, way) in enumerate(comments, 1)]
        (folder / "export.xml").write_text(WXR.format("".join(told)))
        (folder / "comments.jsonl").write_text('{"id": "1", "text": "Nice read, thank you"}\n')

    def name(self, line: str) -> str:
        """Put this reader's own names where the text has words in capitals."""
        line = re.sub(r"http://127\.0\.0\.1:8000|(?<![\w/.])localhost:8000", self.service.url, line)
        if line.startswith("classifiers adapt"):
            written(self.folder / "labels.jsonl", lines(260))  # as many as a site has after some weeks
        if line.startswith("classifiers compare"):
            written(self.folder / "later.jsonl", [*lines(260), *lines(60, seed=9)])  # and as many as it has later
        if "unlearn ID" in line:
            line = line.replace("ID", self.a_label())
        if "key revoke ID" in line:
            made = json.loads(command("key", "create", "--role", "site", "--site", "demo", "--json"))
            line = line.replace("ID", made["id"])
        if "site delete ID" in line:
            line = line.replace("ID", "goes") + " --confirm goes"
            command("site", "add", "goes")
        return line.replace("VERSION", "second")

    def a_label(self) -> str:
        """Leave a label, and give its id."""
        case = held(self.service)
        ruling = {"decision": "reject", "reason": "toxic"}
        assert self.service.staff.post(f"/v1/queue/{case['id']}/decision", json=ruling).status_code == 200
        return str(self.service.staff.get("/v1/labels").json()["labels"][-1]["label_id"])

    def type(self, lines: list[str]) -> list[tuple[str, str]]:
        """Type lines; gives each with what came of it."""
        said = []
        if any(" > " in line and line.startswith("moderation") for line in lines):
            return [("\n".join(lines), self.bash("\n".join(self.name(line) for line in lines)))]
        script: list[str] = []
        for line in lines:
            if any(re.fullmatch(pattern, line) for pattern in EXCEPTIONS):
                said.append((line, self.look_at(line)))
                continue
            words = shlex.split(self.name(line)) if not line.startswith("KEY=") else [line]
            program = words[0].rpartition("/")[2]
            if program == "moderation":
                try:
                    said.append((line, command(*words[1:])))
                except AssertionError:
                    # what the gate refuses is said, and the text says what overrules it
                    if "promote" not in words:
                        raise
                    said.append((line, command(*words[1:], status=2)))
                    command(*words[1:], "--force")
            elif program == "classifiers":
                with ThreadPoolExecutor(1) as thread:
                    done = thread.submit(CliRunner().invoke, classifiers, words[1:]).result()
                assert done.exit_code == 0, done.output
                said.append((line, done.output))
            elif program not in ("cd", "git"):
                script.append(self.name(line))
        if script:
            said.append(("\n".join(script), self.bash("\n".join(script))))
        return said

    def look_at(self, line: str) -> str:
        """Look at a line that is not carried out, as far as it goes."""
        if line.startswith("make"):
            return subprocess.run(
                ["make", "-n", *line.split()[1:2]], cwd=REPOSITORY, capture_output=True, text=True, check=True
            ).stdout
        if line.startswith("git"):
            clone = [
                "git",
                "clone",
                "-q",
                "--depth",
                "1",
                f"file://{REPOSITORY}",
                str(self.folder / "comment-moderation"),
            ]
            subprocess.run(clone, check=True, timeout=60)
            assert (self.folder / "comment-moderation" / "Makefile").exists()
        if line.startswith("docker"):
            (named,) = re.findall(r"-f (\S+)", line)
            assert (REPOSITORY / named).exists()
            for words in re.findall(r" moderation (?:moderation )?((?!cat |rm )[a-z-]+(?: -.*)?.*)$", line):
                assert known(moderation, words.split()), words
        if line.startswith(("classifiers", "moderation")):
            assert known(classifiers if line.startswith("classifiers") else moderation, line.split()[1:])
        return ""

    def bash(self, script: str) -> str:
        """Run a script as the reader's shell does; the commands of the service are on its path."""
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        variables = {"PATH": path, "HOME": str(self.folder / "home"), "ADMIN_KEY": self.service.first["admin_key"]}
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            cwd=REPOSITORY if script.startswith("make") else self.folder,
            env=environment(**variables),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, f"{script}\n{done.stderr}"
        return done.stdout


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    """Start the service once, in a folder of its own; a second model version lies in its registry."""
    folder = tmp_path_factory.mktemp("reader")
    with serving(folder / "moderation-data") as service:
        added(Registry(folder / "moderation-data" / "models"), "second", shift=-0.5)
        yield Reader(folder, service)


@pytest.fixture
def here(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> Reader:
    """Be in the reader's folder."""
    monkeypatch.chdir(reader.folder)
    return reader


@pytest.mark.parametrize(
    "path",
    [path for path in DOCUMENTS if any(is_shell(block) for block in blocks_of(path))],
    ids=lambda path: str(path.relative_to(REPOSITORY)),
)
def test_every_command_of_a_document_is_carried_out(here, path):
    said: dict[str, str] = {}
    for block in blocks_of(path):
        if is_shell(block):
            said |= here.type(lines_in(block))
    assert said
    for line, words in EXPECTED.items():
        for typed, answer in said.items():
            if line in typed and not typed.startswith("docker"):
                assert words in answer, f"{typed}\n{answer}"


EXPECTED = {
    "site_key": '"status":"approved"',
    "moderator add": "#invitation=",
    "import export.xml": "3 read",
    "models list": "bundled",
    "models promote VERSION": "was not promoted",
    "make help": "make test",
    "classifiers score": '"spam"',
    "moderation backup backup.cmb": "SHA-256",
    "moderation restore": "every digest fits",
    "moderator reinvite": "#invitation=",
    "policy preview": "would change",
    "privacy export": '"sites"',
    "privacy erase": "labels erased",
    "key revoke": "is revoked",
    "site delete": "is gone",
    "key create --compat --site news --value": "0123456789ab",
    "/webhooks -H": "whsec_",
    "make run": "moderation serve",
}
"""A part of a line -> what its answer holds."""


def test_every_exception_is_still_in_a_document():
    lines = [line for path in DOCUMENTS for block in blocks_of(path) if is_shell(block) for line in lines_in(block)]
    for pattern in EXCEPTIONS:
        assert any(re.fullmatch(pattern, line) for line in lines), pattern


def test_the_authority_and_the_certificate_for_the_vendors_names_fit(here):
    if not (here.folder / "names.pem").exists():
        for block in blocks_of(REPOSITORY / "deploy" / "switch-dns.md"):
            if is_shell(block):
                here.type(lines_in(block))
    said = here.bash(
        "openssl verify -CAfile authority.pem names.pem\n"
        "openssl x509 -in names.pem -noout -ext subjectAltName\nopenssl x509 -in authority.pem -noout -ext basicConstraints"
    )
    assert "names.pem: OK" in said
    assert "DNS:*.rest.akismet.com" in said
    assert "CA:TRUE, pathlen:0" in said


def test_the_settings_file_that_is_shown_is_taken(tmp_path):
    shown = re.findall(r"^```toml\n(.*?)^```", (REPOSITORY / "deploy" / "operating.md").read_text(), re.M | re.S)
    assert shown
    for text in shown:
        (tmp_path / "moderation.toml").write_text(text)
        settings = load({"MODERATION_CONFIG": str(tmp_path / "moderation.toml")})
        assert settings.server.public_url == "https://moderation.example.org"


def test_the_form_that_is_shown_posts_from_a_page_of_its_site_and_from_no_other(here):
    (shown,) = [block for block in blocks_of(REPOSITORY / "deploy" / "embedding.md") if block.startswith("<form")]
    page = "https://evening.example"
    command("site", "add", "evening", "--url", page, "--origin", page)
    key = command("key", "create", "--role", "form", "--site", "evening").strip()
    (action,) = re.findall(r'action="([^"]+)"', shown)
    fields = dict.fromkeys(re.findall(r'<(?:input|textarea) name="(\w+)"', shown), "")
    typed = {"comment": "Thank you, this helped me a lot.", "name": "Ann", "email": "ann@example.org"}
    assert typed.keys() <= fields.keys()
    fields |= typed | {"thread_url": f"{page}/an-article"}
    address = action.replace("https://moderation.example.org", here.service.url).replace("FORM_KEY", key)
    sent = httpx.post(address, data=fields, headers={"Origin": page})
    assert (sent.status_code, sent.headers["location"]) == (303, f"{page}/an-article?comment=approved#comments")
    refused = httpx.post(address, data=fields, headers={"Origin": "https://www.evening.example"})
    assert refused.status_code == 403
    script = httpx.post(address, json={}, headers={"Origin": "https://www.evening.example"})
    assert script.json()["code"] == "origin_refused"
    assert "access-control-allow-origin" not in script.headers, "a browser speaks of CORS then"


# Python and JSON ----------------------------------------------------------------------------------------------------


def python_of(path: str) -> Iterator[str]:
    for block in blocks_of(REPOSITORY / path):
        if not is_shell(block) and is_python(block):
            rows = block.splitlines()
            least = min(len(line) - len(line.lstrip()) for line in rows if line.strip())
            yield "\n".join(line[least:] for line in rows)


def run_python(code: str, **names: Any) -> dict[str, Any]:
    exec(compile(code, "document", "exec"), names)
    return names


def test_the_python_of_the_readme_submits(here):
    code = "\n".join(python_of("README.md"))
    names = run_python(here.name(code), key=here.service.first["site_key"])
    assert names["receipt"].status == "approved"


def test_the_python_of_the_classifiers_scores():
    names = run_python(next(python_of("classifiers/README.md")))
    assert names["scores"].values["spam"] < 0.5


def test_the_python_of_a_receiver_takes_what_is_signed():
    secret, body = "whsec_" + "A" * 32, '{"type": "comment.approved"}'
    now = datetime.now(UTC)
    headers = {
        "webhook-id": "m1",
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(secret).sign("m1", now, body),
    }
    names = run_python("\n".join(python_of("deploy/webhooks.md")), secret=secret, body=body, headers=headers)
    assert names["event"] == {"type": "comment.approved"}


def test_the_python_of_other_clients_is_led_here(here):
    key = "00ddc0ffee00"
    command("key", "create", "--compat", "--site", "demo", "--value", key)
    url = httpx.URL(here.service.url)
    first, *rest = python_of("deploy/switch-clients.md")
    built = "client = " + first.replace("https://moderation.example.org", here.service.url)
    client = run_python(built, discovery=discovery, KEY=key)["client"]
    asked = {"comment": {"text": "Hello"}, "requestedAttributes": {"TOXICITY": {}}, "languages": ["en"]}
    assert "attributeScores" in client.comments().analyze(body=asked).execute()
    there = 'scheme="https", host="moderation.example.org", port=443'
    code = "\n".join(rest)
    assert there in code
    code = code.replace(there, f'scheme="http", host="{url.host}", port={url.port}')
    run_python(
        code, httpx=httpx, akismet=akismet, KEY=key, BLOG="https://news.example"
    )  # raises where the key is refused


def test_the_json_of_a_document_is_json():
    for path in DOCUMENTS:
        for block in blocks_of(path):
            if block.strip().startswith('{"id"'):
                assert all(json.loads(line) for line in block.splitlines())
            elif block.strip().startswith("{"):
                assert json.loads(block)


def test_the_unit_and_the_image_start_a_command_that_there_is():
    unit = (REPOSITORY / "deploy" / "moderation.service").read_text(encoding="utf-8")
    image = (REPOSITORY / "deploy" / "Dockerfile").read_text(encoding="utf-8")
    (started,) = re.findall(r"^ExecStart=\S+/moderation (.*)$", unit, re.M)
    assert known(moderation, started.split())
    assert known(moderation, json.loads(re.findall(r"^CMD (\[.*\])$", image, re.M)[-1]))
