"""The embedded server: private, alone in its folder, and back after any kill with everything it has acknowledged."""

import os
import shutil
import signal
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import redis

from moderation.settings import StoreSettings
from moderation.store import embedded
from moderation.store.embedded import EmbeddedServer, ServerNotStarted, running_for_command, running_for_service
from moderation.store.folder import LONGEST_SOCKET_PATH, DataFolder, FolderRefused, FolderServed

REPOSITORY = Path(__file__).parents[2]
SETTINGS = StoreSettings(max_memory_mb=64)

SERVE = """
import sys, time
from pathlib import Path
from moderation.settings import StoreSettings
from moderation.store.embedded import running_for_service
from moderation.store.folder import DataFolder

with running_for_service(DataFolder(Path(sys.argv[1])), StoreSettings(max_memory_mb=64)) as server:
    print(server.pid, flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def folder(tmp_path):
    return DataFolder(tmp_path / "data")


def client_of(folder):
    return redis.Redis(unix_socket_path=str(folder.socket()), socket_timeout=2)


UNDER_UVICORN = SERVE.replace(
    "sys.stdin.read()",
    """import uvicorn

    async def app(scope, receive, send):
        while True:
            message = await receive()
            if message["type"] == "lifespan.shutdown":
                return await send({"type": "lifespan.shutdown.complete"})
            await send({"type": "lifespan.startup.complete"})

    uvicorn.run(app, port=0, log_level="warning")""",
)


def serving(folder, program=SERVE):
    """Run a service of this folder in a process of its own; return it and the pid of its server."""
    process = subprocess.Popen(
        [sys.executable, "-c", program, str(folder.path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a run in the background ignores Ctrl-C
    )
    return process, int(process.stdout.readline())


def alive(pid):
    """Say whether a process runs; one that only waits to be buried does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_the_server_syncs_every_write_and_never_evicts(folder):
    with EmbeddedServer(folder, SETTINGS):
        config = client_of(folder).config_get()
    asked = {
        "appendonly": "yes",
        "appendfsync": "always",
        "maxmemory-policy": "noeviction",
        "port": "0",
        "unixsocketperm": "600",
    }
    assert {name: config[name] for name in asked} == asked
    assert config["maxmemory"] == str(64 * 1024 * 1024)
    assert config["hash-max-listpack-value"] == "4096"


def test_only_this_account_reaches_the_folder_and_the_socket(folder):
    folder.path.mkdir(mode=0o755)
    with EmbeddedServer(folder, SETTINGS):
        assert stat.S_IMODE(folder.path.stat().st_mode) == 0o700
        assert stat.S_IMODE(folder.store.stat().st_mode) == 0o700
        assert stat.S_IMODE(folder.socket().stat().st_mode) == 0o600
        assert stat.S_IMODE((folder.store / "server.log").stat().st_mode) == 0o600


@pytest.mark.parametrize(
    "command",
    ["FLUSHALL", "KEYS *", "CONFIG SET appendfsync no", "DEBUG SLEEP 0", "SHUTDOWN", "REPLICAOF NO ONE", "MONITOR"],
)
def test_the_server_refuses_what_empties_lists_or_rewires_it(folder, command):
    with EmbeddedServer(folder, SETTINGS):
        assert embedded.ask(folder.socket(), command.encode()).startswith(
            (b"-NOPERM", b"-ERR DEBUG command not allowed")
        )


def test_other_files_in_the_folder_do_not_matter(folder):
    folder.path.mkdir()
    (folder.path / "notes.txt").write_text("mine")
    (folder.path / "models").mkdir()
    assert not folder.has_store()
    with EmbeddedServer(folder, SETTINGS):
        assert client_of(folder).ping()
    assert folder.has_store()
    assert (folder.path / "notes.txt").read_text() == "mine"


def test_an_orderly_stop_leaves_no_server_and_loses_nothing(folder):
    with EmbeddedServer(folder, SETTINGS) as server:
        client_of(folder).set("kept", "yes")
        pid = server.pid
    assert not alive(pid)
    assert not folder.socket().exists()
    with EmbeddedServer(folder, SETTINGS):
        assert client_of(folder).get("kept") == b"yes"


@pytest.mark.parametrize("name", ["a folder with spaces", "quo\"te'd", "Überfluß", "x" * 120])
def test_any_name_of_a_folder_will_do(tmp_path, monkeypatch, name):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "run"))
    folder = DataFolder(tmp_path / name)
    with EmbeddedServer(folder, SETTINGS):
        assert client_of(folder).set("k", "v")
        assert len(os.fsencode(folder.socket())) <= LONGEST_SOCKET_PATH
        # Another process finds the socket by the note in the folder, whatever its own environment says.
        monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "elsewhere"))
        assert client_of(folder).get("k") == b"v"


def test_a_deep_folder_puts_its_socket_into_a_private_one(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    folder = DataFolder(tmp_path / ("d" * 100) / "data")
    with EmbeddedServer(folder, SETTINGS):
        parent = folder.socket().parent
        assert folder.path not in parent.parents
        assert stat.S_IMODE(parent.stat().st_mode) == 0o700


def test_a_socket_folder_that_others_can_use_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    folder = DataFolder(tmp_path / ("d" * 100) / "data")
    folder.socket().parent.mkdir(mode=0o777)
    folder.socket().parent.chmod(0o777)
    with pytest.raises(FolderRefused, match="not a private folder"):
        EmbeddedServer(folder, SETTINGS).start()


def test_a_file_is_not_a_data_folder(tmp_path):
    (tmp_path / "data").write_text("")
    with pytest.raises(FolderRefused, match="is not a folder; choose another with --data DIR"):
        DataFolder(tmp_path / "data").prepare()


def test_a_second_service_on_the_folder_is_refused_in_one_line(folder):
    service, _ = serving(folder)
    try:
        with pytest.raises(FolderServed) as refused, running_for_service(folder, SETTINGS):
            pass
        assert f"already runs on {folder.path}" in str(refused.value)
        assert "\n" not in str(refused.value)
    finally:
        service.stdin.close()
        service.wait(20)
    assert service.returncode == 0


@pytest.mark.parametrize("program", [SERVE, UNDER_UVICORN], ids=["plain", "uvicorn"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT], ids=lambda number: number.name)
def test_a_service_that_is_told_to_end_leaves_no_server(folder, program, number, wait_until):
    service, server = serving(folder, program)
    wait_until(lambda: "sleep" in (Path(f"/proc/{service.pid}/status").read_text()))
    os.kill(service.pid, number)
    status = service.wait(20)
    assert status == 0 or number is signal.SIGINT
    assert not alive(server)
    service.stdin.close()


def test_after_a_kill_of_everything_a_restart_finds_everything(folder):
    for round_ in range(3):
        service, server = serving(folder)
        store = client_of(folder)
        assert store.dbsize() == round_ * 100
        for number in range(100):
            store.set(f"{round_}:{number}", "acknowledged")
        os.kill(service.pid, signal.SIGKILL)
        os.kill(server, signal.SIGKILL)
        service.wait(20)
    with running_for_command(folder, SETTINGS):
        assert client_of(folder).dbsize() == 300


def test_after_a_kill_of_the_service_alone_a_restart_replaces_its_server(folder):
    service, orphan = serving(folder)
    client_of(folder).set("kept", "yes")
    os.kill(service.pid, signal.SIGKILL)
    service.wait(20)
    assert alive(orphan)
    with running_for_service(folder, SETTINGS) as server:
        assert not alive(orphan)
        assert alive(server.pid)
        assert client_of(folder).get("kept") == b"yes"


def test_a_hung_orphan_never_shares_the_files_with_a_new_server(folder, monkeypatch):
    monkeypatch.setattr(embedded, "STOP_SECONDS", 0.5)
    service, orphan = serving(folder)
    client_of(folder).set("kept", "yes")
    os.kill(service.pid, signal.SIGKILL)
    service.wait(20)
    os.kill(orphan, signal.SIGSTOP)
    with running_for_command(folder, SETTINGS):
        assert not alive(orphan)
        assert client_of(folder).get("kept") == b"yes"


def test_an_orphan_is_known_by_its_socket_where_the_system_does_not_tell(folder):
    with EmbeddedServer(folder, SETTINGS) as server:
        assert embedded._pid_at(folder.socket(), folder.store) == [server.pid]
        assert embedded._pid_at(folder.socket(), folder.path) == []


def test_a_command_uses_the_server_of_a_running_service(folder):
    service, server = serving(folder)
    try:
        client_of(folder).set("seen", "1")
        with running_for_command(folder, SETTINGS):
            assert client_of(folder).get("seen") == b"1"
        assert alive(server)
    finally:
        service.stdin.close()
        service.wait(20)
    assert not alive(server)


def test_a_command_alone_starts_a_server_and_stops_it(folder):
    with running_for_command(folder, SETTINGS):
        client_of(folder).set("left", "behind")
    assert not folder.socket().exists()
    with running_for_command(folder, SETTINGS):
        assert client_of(folder).get("left") == b"behind"


def test_commands_take_turns(folder):
    order = []

    def command(name):
        with running_for_command(folder, SETTINGS):
            order.append(name)
            assert client_of(folder).ping()
            order.append(name)

    threads = [threading.Thread(target=command, args=(name,)) for name in "abc"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(order) == 6
    assert order[0::2] == order[1::2]


def test_a_service_waits_for_a_command_to_end(folder):
    with running_for_command(folder, SETTINGS):
        process = subprocess.Popen(
            [sys.executable, "-c", SERVE, str(folder.path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
            text=True,
        )
    assert int(process.stdout.readline()) > 0
    process.stdin.close()
    assert process.wait(20) == 0


def test_a_server_that_dies_is_started_again(folder, wait_until):
    with running_for_service(folder, SETTINGS) as server:
        client_of(folder).set("kept", "yes")
        first = server.pid
        os.kill(first, signal.SIGKILL)
        wait_until(lambda: server.restarts == 1)
        assert server.pid != first
        assert server.problem is None
        assert client_of(folder).get("kept") == b"yes"


def test_a_server_that_keeps_dying_is_started_ever_more_slowly(folder, wait_until, monkeypatch):
    monkeypatch.setattr(embedded, "PAUSES", (0.0, 30.0))
    with running_for_service(folder, SETTINGS) as server:
        os.kill(server.pid, signal.SIGKILL)
        wait_until(lambda: server.restarts == 1)
        os.kill(server.pid, signal.SIGKILL)
        wait_until(lambda: server.problem is not None)
        assert server.restarts == 1
        assert "the store server ended" in server.problem


def test_a_full_disk_is_no_reason_to_start_again_and_again(folder, wait_until, monkeypatch):
    monkeypatch.setattr(embedded, "PAUSES", (0.05,))
    with running_for_service(folder, SETTINGS) as server:
        monkeypatch.setattr(folder, "free_mb", lambda: 3)
        os.kill(server.pid, signal.SIGKILL)
        wait_until(lambda: server.problem is not None and "full (3 MB free)" in server.problem)
        assert server.restarts == 0
        monkeypatch.setattr(folder, "free_mb", lambda: 3000)
        wait_until(lambda: server.restarts == 1)
        assert server.problem is None


def test_a_write_that_a_power_cut_has_torn_does_not_hinder_the_start(folder):
    with EmbeddedServer(folder, SETTINGS):
        client_of(folder).set("whole", "yes")
        client_of(folder).set("torn", "x" * 1000)
    [tail] = (folder.store / "appendonlydir").glob("*.incr.aof")
    with open(tail, "r+b") as file:
        file.truncate(tail.stat().st_size - 500)
    with EmbeddedServer(folder, SETTINGS):
        assert client_of(folder).get("whole") == b"yes"
        assert client_of(folder).get("torn") is None


def test_a_start_that_fails_says_what_the_server_said(folder, tmp_path):
    conf = tmp_path / "wrong.conf"
    conf.write_text("appendfsync sometimes\n")
    with pytest.raises(ServerNotStarted, match=r"argument.*must be one of"):
        EmbeddedServer(folder, SETTINGS, conf=conf).start()


def mapped(pid: int) -> str:
    return Path(f"/proc/{pid}/maps").read_text()


NO_JEMALLOC = pytest.mark.skipif(embedded.find_allocator() is None, reason="needs libjemalloc2")


@NO_JEMALLOC
def test_the_server_allocates_with_jemalloc_where_there_is_one_beside_what_else_is_preloaded(folder, monkeypatch):
    other = next(Path("/usr/lib").rglob("libz.so.1"))
    monkeypatch.setenv("LD_PRELOAD", str(other))
    with EmbeddedServer(folder, SETTINGS) as server:
        assert "libjemalloc" in mapped(server.pid)
        assert "libz" in mapped(server.pid)


@NO_JEMALLOC
@pytest.mark.parametrize(("name", "taken"), [("plain", True), ("with blank", False), ("with:colon", False)])
def test_an_allocator_that_came_with_the_environment_is_taken_first_if_it_can_be_named(
    monkeypatch, tmp_path, name, taken
):
    (tmp_path / name / "lib").mkdir(parents=True)
    ours = tmp_path / name / "lib" / embedded.JEMALLOC
    shutil.copy(embedded.find_allocator(), ours)
    monkeypatch.setattr(sys, "prefix", str(tmp_path / name))
    assert (embedded.find_allocator() == ours) == taken


def test_without_jemalloc_the_c_library_s_own_is_told_to_keep_small_pieces(folder, monkeypatch):
    monkeypatch.setattr(embedded, "JEMALLOC", "libnone.so")
    with EmbeddedServer(folder, SETTINGS) as server:
        assert "libjemalloc" not in mapped(server.pid)
        # glibc parts them in place
        environ = Path(f"/proc/{server.pid}/environ").read_text().replace("\0", ":")
        assert f"GLIBC_TUNABLES={embedded.ALLOCATOR}:" in environ


def test_where_the_c_library_is_another_none_is_looked_for(monkeypatch):
    monkeypatch.setattr(embedded.platform, "libc_ver", lambda: ("", ""))
    assert embedded.find_allocator() is None


def test_without_a_bundled_server_one_of_the_machine_serves(folder, monkeypatch):
    installed = shutil.which("redis-server") or shutil.which("valkey-server")
    if installed is None:
        pytest.skip("no redis-server or valkey-server on this machine")
    monkeypatch.setattr(embedded, "_bundled_server", lambda: None)
    assert str(embedded.find_server()) == installed
    with EmbeddedServer(folder, SETTINGS):
        assert client_of(folder).set("k", "v")


def test_without_any_server_the_error_names_both_remedies(monkeypatch, tmp_path):
    monkeypatch.setattr(embedded, "_bundled_server", lambda: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ServerNotStarted, match=r"install `valkey-server`.*or name a running one with --redis URL"):
        embedded.find_server()


def test_a_server_that_is_too_old_is_passed_over(monkeypatch, tmp_path):
    old = tmp_path / "redis-server"
    old.write_text("#!/bin/sh\necho 'Redis server v=6.2.14 sha=0:0 malloc=libc bits=64'\n")
    old.chmod(0o755)
    monkeypatch.setattr(embedded, "_bundled_server", lambda: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ServerNotStarted):
        embedded.find_server()
