"""What lies in deploy/: parses, names settings that exist, and says what the service really is."""

import ast
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import kubernetes_validate
import pytest
import yaml

from moderation.settings import Settings, load
from moderation.telemetry import Telemetry
from tests.plainroot import Image, debootstrap, serve, within

DEPLOY = Path(__file__).parents[1] / "deploy"
REPOSITORY = DEPLOY.parent


def settings_named_in(text: str) -> set[str]:
    return set(re.findall(r"MODERATION_[A-Z]+__[A-Z_]+", text))


def known_settings() -> set[str]:
    root = Settings()
    return {
        f"MODERATION_{section.upper()}__{name.upper()}"
        for section in root.__struct_fields__
        for name in getattr(root, section).__struct_fields__
    }


def test_env_example_lists_every_setting_with_its_default():
    lines = (DEPLOY / "env.example").read_text().splitlines()
    given = dict(line[1:].split("=", 1) for line in lines if line.startswith("#MODERATION_") and "=" in line)
    assert set(given) == known_settings()
    assert load({name: value for name, value in given.items() if value}) == load({})


@pytest.mark.parametrize(
    "path", [path for path in DEPLOY.rglob("*") if path.is_file() and path.suffix != ".png"], ids=str
)
def test_every_setting_that_a_file_names_exists(path):
    assert settings_named_in(path.read_text(encoding="utf-8")) <= known_settings()


@pytest.mark.parametrize("name", ["compose.yaml", "compose.cluster.yaml"])
def test_a_compose_file_asks_for_the_durability_that_the_service_asks_for(name):
    composed = yaml.safe_load((DEPLOY / name).read_text())
    servers = [one for one in composed["services"].values() if (one.get("command") or [""])[0] == "valkey-server"]
    assert servers
    for server in servers:
        options = dict(zip(server["command"][1::2], server["command"][2::2], strict=True))
        assert (options["--appendonly"], options["--appendfsync"]) == ("yes", "always")
        assert options["--maxmemory-policy"] == "noeviction"
        assert server["volumes"]
    services = [one for key, one in composed["services"].items() if key.startswith("moderation")]
    assert all(one["read_only"] and one["cap_drop"] == ["ALL"] for one in services)
    assert all(volume.split(":")[0] in composed["volumes"] for one in services for volume in one["volumes"])


@pytest.mark.parametrize("name", ["compose.yaml", "compose.cluster.yaml"])
def test_a_command_in_a_container_finds_the_store_that_the_service_has(name):
    composed = yaml.safe_load((DEPLOY / name).read_text())
    services = [one for key, one in composed["services"].items() if key.startswith("moderation")]
    assert services
    for one in services:
        # options of `serve` are not told to a command beside it, the environment is
        assert "--redis" not in one.get("command", [])
        assert one["environment"]["MODERATION_STORE__URL"].startswith(("unix://", "cluster://"))


@pytest.mark.parametrize("name", ["compose.yaml", "compose.cluster.yaml"])
def test_a_compose_file_passes_on_what_a_proxy_before_it_needs(name):
    composed = yaml.safe_load((DEPLOY / name).read_text())
    for one in (one for key, one in composed["services"].items() if key.startswith("moderation")):
        given = one["environment"]
        assert given["MODERATION_SERVER__TRUSTED_PROXIES"] == "${MODERATION_SERVER__TRUSTED_PROXIES:-}"
        assert given["MODERATION_SERVER__PUBLIC_URL"].startswith("${MODERATION_SERVER__PUBLIC_URL:-")


def test_what_a_file_says_of_trusted_proxies_is_taken():
    said = [
        one
        for path in DEPLOY.rglob("*")
        if path.is_file() and path.suffix != ".png"
        for one in re.findall(
            r"(?:TRUSTED_PROXIES=|instead of |machine: )([\d./,]+\d)", path.read_text(encoding="utf-8")
        )
    ]
    assert len(said) >= 4
    for one in said:
        assert load({"MODERATION_SERVER__TRUSTED_PROXIES": one}).server.trusted_proxies


@pytest.mark.parametrize(
    ("name", "closed"),
    [("nginx.conf", r"location /metrics \{\s+return 404;"), ("Caddyfile", r"respond /metrics\* 404")],
)
def test_a_proxy_keeps_the_figures_from_strangers(name, closed):
    assert re.search(closed, (DEPLOY / name).read_text())


def test_the_image_runs_as_nobody_with_what_the_repository_has():
    text = (DEPLOY / "Dockerfile").read_text()
    assert re.search(r"^USER 10001", text, re.M)
    final = text.rsplit("\nFROM ", 1)[1]
    assert "apt-get" not in final
    assert "gcc" not in text
    for line in re.findall(r"^COPY (?!--from)(.+)$", text, re.M):
        *sources, _ = line.split()
        assert all((REPOSITORY / source).exists() for source in sources), line


LOOK = """
touch /x 2>&1 || true
id -u
grep -E 'CapEff|CapBnd|NoNewPrivs' /proc/self/status
command -v cc gcc make || echo no compiler
python - <<'END'
import json, urllib.request
key = json.load(open("/data/first-run.json"))["site_key"]
body = json.dumps({"name": "Ann", "email": "ann@posteo.net", "text": "Thank you, this helped me a lot."}).encode()
headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
with urllib.request.urlopen(urllib.request.Request("http://127.0.0.1:8000/v1/comments", body, headers)) as answer:
    print(json.load(answer)["status"])
END
moderation doctor | tail -1
"""


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("debootstrap"), reason="needs root and debootstrap")
def test_the_steps_of_the_image_make_a_healthy_service_in_a_plain_debian(tmp_path):
    """Two roots as two stages; then the image's user, command and health check, as `docker run --read-only` gives them.

    The commands that begin the unit for systemd are carried out in the first one as well.
    """
    image = Image.read(DEPLOY / "Dockerfile")
    build, final, data = (tmp_path / name for name in ("build", "final", "data"))
    try:
        debootstrap(build)
        subprocess.run(["cp", "-a", str(build), str(final)], check=True)
        # the base image has pip; in Debian that is a package of its own
        within(build, "apt-get install -y -qq --no-install-recommends python3-venv ca-certificates > /dev/null")
        for step, rest in image.steps(image.build):
            if step == "COPY":
                *names, target = rest.split()
                for name in names:
                    if (REPOSITORY / name).is_dir():
                        ignored = shutil.ignore_patterns("__pycache__")
                        shutil.copytree(REPOSITORY / name, build / "source" / target, ignore=ignored)
                    else:
                        shutil.copy(REPOSITORY / name, build / "source")
            elif step == "WORKDIR":
                (build / "source").mkdir()
            elif step == "RUN":
                within(build, rest, "/source", **image.environment(image.build))
        for step, rest in image.steps(image.final):
            if step == "RUN":
                within(final, rest)
            elif step == "COPY":
                source, target = rest.removeprefix("--from=build ").split()
                subprocess.run(["cp", "-a", str(build) + source, str(final) + target], check=True)
        seen = serve(image, final, data, LOOK).splitlines()
        for command in commented(DEPLOY / "moderation.service"):
            if not command.startswith("systemctl"):
                within(build, command, "/source")
    finally:
        for folder in (build, final, data):
            shutil.rmtree(folder, ignore_errors=True)
    assert "touch: cannot touch '/x': Read-only file system" in seen
    assert "10001" in seen
    assert {line.split()[-1] for line in seen if line.startswith("Cap")} == {"0000000000000000"}
    assert "NoNewPrivs:\t1" in seen
    assert "no compiler" in seen
    assert seen[-2:] == ["approved", "All is well."]


def test_the_manifests_are_of_known_kinds_and_hang_together():
    documents = [one for one in yaml.safe_load_all((DEPLOY / "kubernetes/moderation.yaml").read_text()) if one]
    kinds = {one["kind"]: one for one in documents}
    assert set(kinds) == {"Deployment", "Service", "NetworkPolicy", "PodDisruptionBudget"}
    pod = kinds["Deployment"]["spec"]["template"]
    assert pod["metadata"]["labels"] == kinds["Service"]["spec"]["selector"]
    container = pod["spec"]["containers"][0]
    assert container["securityContext"]["readOnlyRootFilesystem"]
    assert {one["name"] for one in container["volumeMounts"]} == {one["name"] for one in pod["spec"]["volumes"]}


def test_the_manifests_are_of_their_schemas():
    documents = [one for one in yaml.safe_load_all((DEPLOY / "kubernetes/moderation.yaml").read_text()) if one]
    for version in ("1.28", kubernetes_validate.latest_version()):
        for one in documents:
            kubernetes_validate.validate(one, version, strict=True)
    documents[0]["spec"]["template"]["spec"]["containers"][0]["readOnly"] = True
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(documents[0], kubernetes_validate.latest_version(), strict=True)


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not here")
def test_systemd_takes_the_unit(tmp_path):
    unit = (DEPLOY / "moderation.service").read_text().replace("/opt/moderation/bin/moderation", "/bin/true")
    (tmp_path / "moderation.service").write_text(
        unit.replace("User=moderation", "User=root").replace("Group=moderation\n", "")
    )
    checked = subprocess.run(
        ["systemd-analyze", "verify", str(tmp_path / "moderation.service")], capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stderr
    assert "Unknown" not in checked.stderr


def metrics_named_in(text: str) -> set[str]:
    return set(re.findall(r"\bmoderation_[a-z_]+", text))


def test_alerts_and_dashboard_name_metrics_that_exist():
    told = Telemetry().exposition()[0].decode()
    known = set(re.findall(r"^# TYPE (\S+)", told, re.M))
    known |= {f"{name}{ending}" for name in known for ending in ("_bucket", "_count", "_sum")}
    alerts = yaml.safe_load((DEPLOY / "prometheus/alerts.yml").read_text())
    for rule in alerts["groups"][0]["rules"]:
        assert metrics_named_in(rule["expr"]) <= known, rule["alert"]
        assert rule["annotations"]["runbook"]
    dashboard = json.loads((DEPLOY / "grafana/dashboard.json").read_text())
    for panel in dashboard["panels"]:
        for target in panel["targets"]:
            assert metrics_named_in(target["expr"]) <= known, panel["title"]


def test_every_setting_has_a_sentence():
    tree = ast.parse((REPOSITORY / "moderation/settings.py").read_text())
    for node in tree.body:
        if not isinstance(node, ast.ClassDef) or not node.name.endswith("Settings"):
            continue
        for place, line in enumerate(node.body):
            if isinstance(line, ast.AnnAssign) and node.name != "Settings":
                after = node.body[place + 1] if place + 1 < len(node.body) else None
                assert isinstance(after, ast.Expr), f"{node.name}.{ast.unparse(line.target)}"


# commands that are written as remarks ------------------------------------------------------------------------------

PROGRAMS = r"(docker|kubectl|systemctl|useradd|python3?|pip|openssl|nginx|caddy|promtool|moderation) "
NOT_HERE = {
    r"docker (compose|build|run) .*": "no container engine is here; what it would read is there",
    r"kubectl .*": "no Kubernetes is here; the manifests are held to its schemas",
    r"systemctl enable --now moderation": "it starts on the reader's own machine; `systemd-analyze` reads the unit",
    r"(useradd|python3 -m venv) .*": "carried out in a plain Debian, in the long form",
}
"""A command -> why it is not carried out here."""


def commented(path: Path) -> list[str]:
    """Give the commands in the remarks of a file, continued lines joined and without what is said of them."""
    joined = re.sub(r"\\\n#\s*", " ", path.read_text(encoding="utf-8"))
    found = re.finditer(rf"^# {{3}}({PROGRAMS}.*)$", joined, re.M)
    return [re.sub(r"\s{2,}#.*", "", one[1]) for one in found]


REMARKED = {
    path: commands
    for path in sorted(DEPLOY.rglob("*"))
    if path.is_file() and path.suffix not in (".png", ".md") and (commands := commented(path))
}


@pytest.mark.parametrize("path", REMARKED, ids=lambda path: path.name)
def test_a_command_in_a_remark_is_carried_out_or_names_what_there_is(path):
    for command in REMARKED[path]:
        for named in re.findall(r"(?<= )deploy/[\w./-]*", command):
            assert (REPOSITORY / named).exists(), command
        assert settings_named_in(command) <= known_settings()
        if not any(re.fullmatch(pattern, command) for pattern in NOT_HERE):
            said = subprocess.run(["bash", "-euc", command], capture_output=True, text=True, check=True).stdout
            assert load({"MODERATION_STORE__PEPPER": said.strip()}), command


def test_every_command_that_is_not_carried_out_is_still_in_a_remark():
    for pattern in NOT_HERE:
        assert any(re.fullmatch(pattern, command) for commands in REMARKED.values() for command in commands), pattern


# what others say of their files ------------------------------------------------------------------------------------

CHECKERS = "/usr/local/share/checkers"
"""Where `.ci/run` unpacks the programs whose configuration is here; nothing of them is installed or started."""


def said_by(program: str, *arguments: str) -> str:
    """Ask a program what it has to say of a file; it must have nothing against it."""
    found = shutil.which(program, path=f"{CHECKERS}/usr/bin:{CHECKERS}/usr/sbin:{os.environ['PATH']}:/usr/sbin")
    if found is None:
        pytest.skip(f"no {program} on this machine (Debian 12 has it)")
    checked = subprocess.run([found, *arguments], capture_output=True, text=True, check=False, timeout=60)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    return checked.stdout + checked.stderr


def test_promtool_takes_the_alerts():
    alerts = yaml.safe_load((DEPLOY / "prometheus/alerts.yml").read_text())["groups"][0]["rules"]
    assert f"{len(alerts)} rules found" in said_by("promtool", "check", "rules", str(DEPLOY / "prometheus/alerts.yml"))


def test_caddy_takes_its_file():
    said = said_by("caddy", "adapt", "--validate", "--adapter", "caddyfile", "--config", str(DEPLOY / "Caddyfile"))
    assert '"X-Forwarded-For":["{http.request.remote.host}"]' in said


def test_nginx_takes_its_file(tmp_path):
    site = (DEPLOY / "nginx.conf").read_text()
    for name in ("pem", "key"):
        site = site.replace(f"/etc/ssl/moderation.example.org.{name}", str(tmp_path / f"own.{name}"))
    make = "openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=moderation.example.org -keyout own.key -out own.pem"
    subprocess.run(make.split(), cwd=tmp_path, check=True, capture_output=True)
    folders = "".join(
        f"{name}_temp_path {tmp_path}/{name};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    whole = f"pid {tmp_path}/pid; error_log stderr; events {{}} http {{ access_log off; {folders}\n{site}\n}}"
    (tmp_path / "nginx.conf").write_text(whole)
    said = said_by("nginx", "-t", "-e", "stderr", "-p", str(tmp_path), "-c", str(tmp_path / "nginx.conf"))
    assert "test is successful" in said
    assert "[warn]" not in said
