"""What lies in deploy/: parses, names settings that exist, and says what the service really is."""

import ast
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import kubernetes_validate
import pytest
import yaml

from moderation.settings import Settings, load
from moderation.telemetry import Telemetry

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


def test_the_image_runs_as_nobody_with_what_the_repository_has():
    text = (DEPLOY / "Dockerfile").read_text()
    assert re.search(r"^USER 10001", text, re.M)
    final = text.rsplit("\nFROM ", 1)[1]
    assert "apt-get" not in final
    assert "gcc" not in text
    for line in re.findall(r"^COPY (?!--from)(.+)$", text, re.M):
        *sources, _ = line.split()
        assert all((REPOSITORY / source).exists() for source in sources), line


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_the_steps_of_the_image_make_a_service_that_is_healthy(tmp_path):
    """The build's own lines in an empty environment and folder, then the command and the health check of the image."""
    build, final = (DEPLOY / "Dockerfile").read_text().replace("\\\n", " ").split("\nFROM ")[1:]
    home, source = tmp_path / "moderation", tmp_path / "source"
    source.mkdir()
    environ = {
        "PATH": f"{home}/bin:{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "MODERATION_DATA": str(tmp_path / "data"),
    }
    environ |= {name: value for name, value in os.environ.items() if name.startswith("PIP_")}
    for line in build.splitlines():
        step, _, rest = line.partition(" ")
        if step == "COPY":
            *names, target = rest.split()
            for name in names:
                if (REPOSITORY / name).is_dir():
                    shutil.copytree(REPOSITORY / name, source / target, ignore=shutil.ignore_patterns("__pycache__"))
                else:
                    shutil.copy(REPOSITORY / name, source)
        elif step == "RUN":
            line = rest.replace("/opt/moderation", str(home)).replace("python -m venv", f"{sys.executable} -m venv")
            subprocess.run(["bash", "-euc", line], cwd=source, env=environ, check=True)
    (command,) = re.findall(r"^CMD (\[.*\])$", final, re.M)
    (check,) = re.findall(r"CMD (\[\"python\".*\])$", final.replace(f"CMD {command}", ""), re.M)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    shutil.rmtree(source)
    serving = [str(home / "bin/moderation"), *json.loads(command), "--port", str(port)]
    with subprocess.Popen(serving, env=environ, cwd=tmp_path) as service:
        try:
            look = [str(home / "bin/python"), *json.loads(check)[1:]]
            look[-1] = look[-1].replace(":8000", f":{port}")
            deadline = time.monotonic() + 120
            while subprocess.run(look, env=environ, capture_output=True, check=False).returncode:
                assert time.monotonic() < deadline
                time.sleep(1)
        finally:
            service.terminate()
    assert service.returncode == 0


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
