"""The connection: every kind of store is reached, every failure of it becomes one word, every weakness is told."""

import asyncio
import hashlib
import os
import signal
import time
from types import SimpleNamespace

import pytest
import redis
import redis.exceptions as driver
from redis.asyncio import RedisCluster

from moderation.errors import StoreUnavailable
from moderation.settings import StoreSettings
from moderation.store.connection import StoreUrlInvalid, connect
from moderation.store.embedded import running_for_service
from moderation.store.fitness import problems_of
from moderation.store.folder import DataFolder
from moderation.store.refusals import translate
from tests.servers import cluster, free_port, plain_server, replicated_servers

WRITE = "redis.call('SET', KEYS[1], ARGV[1]) return ARGV[1]"


def a_script(text=WRITE):
    return SimpleNamespace(text=text, sha=hashlib.sha1(text.encode()).hexdigest())


def codes(problems):
    return {problem.code for problem in problems}


async def test_without_a_url_the_embedded_server_of_the_data_folder_answers(tmp_path):
    settings = StoreSettings(data=tmp_path / "data", max_memory_mb=64)
    with running_for_service(DataFolder(settings.data), settings):
        connection = await connect(settings)
        assert connection.kind == "embedded"
        assert await problems_of(connection) == []
        await connection.aclose()


async def test_a_store_that_is_down_is_told_and_found_again(tmp_path):
    settings = StoreSettings(data=tmp_path / "data", max_memory_mb=64)
    folder = DataFolder(settings.data)
    folder.prepare()
    connection = await connect(settings)
    assert codes(await problems_of(connection)) == {"unreachable"}
    with running_for_service(folder, settings):
        assert await problems_of(connection) == []
    await connection.aclose()


async def test_a_script_runs_on_a_server_that_has_never_seen_it(connection):
    await connection.client.script_flush()
    assert await connection.run(a_script(), ["cm:{sites}:site"], ["x"]) == b"x"
    assert await connection.run(a_script(), ["cm:{sites}:site"], ["y"]) == b"y"
    assert await connection.execute("GET", "cm:{sites}:site") == b"y"


async def test_many_commands_answer_in_their_order_and_the_first_error_is_raised(connection):
    assert await connection.many([]) == []
    replies = await connection.many([("SET", "k", "1", "EX", 9), ("GET", "k"), ("EXISTS", "none")])
    assert replies == [True, b"1", 0]
    with pytest.raises(driver.ResponseError, match="WRONGTYPE"):
        await connection.many([("LPUSH", "k", "1"), ("GET", "k")])


async def test_the_errors_of_a_script_are_left_to_its_caller(connection):
    with pytest.raises(driver.ResponseError, match="CLOSED"):
        await connection.run(a_script("return redis.error_reply('CLOSED by ann')"), [], [])


async def test_more_callers_than_connections_wait_for_each_other(store_url):
    connection = await connect(StoreSettings(url=store_url, connections=2))
    echo = a_script("return ARGV[1]")
    replies = await asyncio.gather(*(connection.run(echo, ["k"], [str(number)]) for number in range(60)))
    assert replies == [str(number).encode() for number in range(60)]
    await connection.aclose()


async def test_who_waits_too_long_for_a_connection_hears_that_all_are_in_use(tmp_path):
    with plain_server(tmp_path) as port:
        connection = await connect(StoreSettings(url=f"redis://127.0.0.1:{port}", connections=2))
        pid = redis.Redis(port=port).info("server")["process_id"]
        os.kill(pid, signal.SIGSTOP)
        try:
            told = await asyncio.gather(*(connection.execute("GET", "k") for _ in range(3)), return_exceptions=True)
        finally:
            os.kill(pid, signal.SIGCONT)
        assert sorted(map(str, told))[1:] == ["the store does not answer in time"] * 2
        assert sorted(map(str, told))[0] == "every connection to the store is in use"
        await connection.aclose()


async def test_a_dead_server_is_noticed_within_a_second():
    connection = await connect(StoreSettings(url=f"redis://127.0.0.1:{free_port()}"))
    began = time.monotonic()
    with pytest.raises(StoreUnavailable, match="cannot be reached") as refused:
        await connection.execute("GET", "k")
    assert time.monotonic() - began < 1.0
    assert 1 <= refused.value.retry_after <= 30
    await connection.aclose()


async def test_a_hung_server_is_noticed_within_three_seconds(tmp_path):
    with plain_server(tmp_path) as port:
        pid = redis.Redis(port=port).info("server")["process_id"]
        connection = await connect(StoreSettings(url=f"redis://127.0.0.1:{port}"))
        os.kill(pid, signal.SIGSTOP)
        try:
            began = time.monotonic()
            with pytest.raises(StoreUnavailable, match="does not answer in time"):
                await connection.execute("GET", "k")
            assert time.monotonic() - began < 3.0
        finally:
            os.kill(pid, signal.SIGCONT)
        assert await connection.execute("GET", "k") is None
        await connection.aclose()


@pytest.mark.parametrize(
    ("answer", "cause"),
    [
        (b"-MISCONF Errors writing to the AOF file: No space left on device", "cannot write to its disk"),
        (b"-BUSY Valkey is busy running a script.", "busy with a long script"),
        (b"-NOREPLICAS Not enough good replicas to write.", "too few replicas"),
        (b"-OOM command not allowed when used memory > 'maxmemory'.", "out of memory"),
        (b"-READONLY You can't write against a read only replica.", "takes no writes"),
        (b"-LOADING Valkey is loading the dataset in memory", "reading its files"),
        (b"-CLUSTERDOWN Hash slot not served", "does not cover every key"),
        (b"-NOAUTH Authentication required.", "password"),
    ],
)
async def test_every_refusal_of_a_server_is_the_store_being_unavailable(answer, cause):
    async def refuse(reader, writer):
        while command := await reader.readuntil(b"\r\n"):
            if command[:1] == b"*":
                parts = [await reader.readuntil(b"\r\n") for _ in range(2 * int(command[1:]))]
                # The handshake of the driver is answered; only the command under test is refused.
                writer.write(answer + b"\r\n" if parts[1] == b"GET\r\n" else b"+OK\r\n")
                await writer.drain()

    async def serve(reader, writer):
        try:
            await refuse(reader, writer)
        except asyncio.IncompleteReadError:
            writer.close()

    port = free_port()
    async with await asyncio.start_server(serve, "127.0.0.1", port):
        connection = await connect(StoreSettings(url=f"redis://127.0.0.1:{port}?protocol=2"))
        with pytest.raises(StoreUnavailable, match=cause) as refused:
            await connection.execute("GET", "k")
        assert 0.5 <= refused.value.retry_after <= 40
        await connection.aclose()


def test_an_error_of_our_own_script_is_not_the_store_being_unavailable():
    assert translate(driver.ResponseError("WRONGTYPE Operation against a key")) is None
    assert translate(driver.NoScriptError("No matching script")) is None


async def test_a_full_store_refuses_writes_and_answers_reads(tmp_path):
    with plain_server(tmp_path, "maxmemory 3mb") as port:
        connection = await connect(StoreSettings(url=f"redis://127.0.0.1:{port}"))
        fill = [("SET", number, "x" * 10_000) for number in range(1000)]
        with pytest.raises(StoreUnavailable, match="out of memory") as refused:
            await connection.many(fill)
        assert refused.value.retry_after > 20
        assert await connection.execute("GET", "0") == b"x" * 10_000
        await connection.aclose()


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (("appendonly no",), "aof_off"),
        (("appendfsync everysec",), "aof_not_always"),
        (("maxmemory-policy allkeys-lru",), "eviction"),
        (("user default on nopass ~* &* +@all -config",), "config_hidden"),
    ],
)
async def test_a_weak_server_is_told_and_may_be_accepted(tmp_path, options, code):
    with plain_server(tmp_path, *options) as port:
        url = f"redis://127.0.0.1:{port}"
        connection = await connect(StoreSettings(url=url))
        [problem] = await problems_of(connection)
        assert (problem.code, problem.waived) == (code, False)
        await connection.aclose()
        connection = await connect(StoreSettings(url=url, accept_weaker_durability=True))
        [problem] = await problems_of(connection)
        assert (problem.code, problem.waived) == (code, True)
        await connection.aclose()


async def test_a_store_of_a_newer_version_is_not_touched(connection):
    await connection.execute("SET", "cm:{sites}:schema", "99")
    [problem] = await problems_of(connection)
    assert problem.code == "schema"
    assert "99" in problem.detail
    assert await connection.execute("GET", "cm:{sites}:schema") == b"99"


async def test_a_clock_that_is_off_is_told(connection, monkeypatch):
    now = time.time
    monkeypatch.setattr("moderation.store.fitness.time.time", lambda: now() + 3600)
    problems = await problems_of(connection)
    assert {problem.code for problem in problems} == {"clock"}
    assert "3600" in problems[0].detail or "3599" in problems[0].detail


async def test_a_disk_that_is_nearly_full_is_told(tmp_path):
    settings = StoreSettings(data=tmp_path / "data", max_memory_mb=64, min_free_disk_mb=10**9)
    with running_for_service(DataFolder(settings.data), settings):
        connection = await connect(settings)
        (found,) = await problems_of(connection)
        assert found.code == "disk"
        assert "at least 1000000000 are wanted (MODERATION_STORE__MIN_FREE_DISK_MB)" in found.detail
        await connection.aclose()


async def test_a_password_opens_a_server_and_a_wrong_one_is_told(tmp_path):
    with plain_server(tmp_path, "requirepass s3cr/t@") as port:
        connection = await connect(StoreSettings(url=f"redis://:s3cr%2Ft%40@127.0.0.1:{port}"))
        assert await problems_of(connection) == []
        await connection.aclose()
        connection = await connect(StoreSettings(url=f"redis://:wrong@127.0.0.1:{port}"))
        [problem] = await problems_of(connection)
        assert problem.code == "unreachable"
        assert "password" in problem.detail
        assert "wrong" not in problem.detail
        await connection.aclose()


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost",
        "redis://",
        "redis://a,b",
        "redis://localhost/zero",
        "redis://localhost:port",
        "unix://tmp/x.sock",
        "sentinel://a,b",
        "localhost:6379",
    ],
)
async def test_a_url_that_names_no_store_is_refused_in_one_line(url):
    with pytest.raises(StoreUrlInvalid) as refused:
        await connect(StoreSettings(url=url))
    assert str(refused.value).startswith("store.url ")
    assert "\n" not in str(refused.value)


async def test_the_password_of_a_wrong_url_is_not_told():
    with pytest.raises(StoreUrlInvalid) as refused:
        await connect(StoreSettings(url="redis://ann:s3cret@a,b"))
    assert "s3cret" not in str(refused.value)


async def test_in_the_ha_profile_a_write_counts_when_a_replica_has_it(tmp_path):
    with replicated_servers(tmp_path, "min-replicas-to-write 1") as (primary, replica):
        settings = StoreSettings(url=f"redis://127.0.0.1:{primary}", profile="ha")
        connection = await connect(settings)
        assert await problems_of(connection) == []
        copy = redis.Redis(port=replica)
        for number in range(20):
            await connection.run(a_script(), [f"k{number}"], ["x"], durable=True)
            assert copy.get(f"k{number}") == b"x"
            await connection.execute("SET", "k", number)
            assert copy.get("k") == str(number).encode()
        assert await connection.execute("GET", "k") == b"19"
        pid = copy.info("server")["process_id"]
        os.kill(pid, signal.SIGSTOP)
        try:
            with pytest.raises(StoreUnavailable, match="no replica has confirmed"):
                await connection.run(a_script(), ["k"], ["unconfirmed"], durable=True)
        finally:
            os.kill(pid, signal.SIGCONT)
        await connection.aclose()


async def test_in_the_ha_profile_a_server_without_a_replica_is_told(tmp_path):
    with plain_server(tmp_path) as port:
        alone = await connect(StoreSettings(url=f"redis://127.0.0.1:{port}", profile="ha"))
        assert codes(await problems_of(alone)) == {"replicas_not_required", "no_replica"}
        await alone.aclose()


async def test_a_cluster_is_one_store(tmp_path):
    with cluster(tmp_path, nodes=3) as ports:
        connection = await connect(StoreSettings(url=f"cluster://127.0.0.1:{ports[0]},127.0.0.1:{ports[1]}"))
        assert connection.is_cluster
        assert isinstance(connection.client, RedisCluster)
        assert await problems_of(connection) == []
        for site in ("blog", "shop", "news", "club"):
            names = [f"cm:{{{site}}}:q"]
            assert await connection.run(a_script(), names, [site]) == site.encode()
        sites = [("GET", f"cm:{{{site}}}:q") for site in ("blog", "shop", "news", "club")]
        assert await connection.many(sites) == [b"blog", b"shop", b"news", b"club"]
        await connection.aclose()


async def test_in_a_cluster_too_more_callers_than_connections_wait_for_each_other(tmp_path):
    with cluster(tmp_path) as [port]:
        connection = await connect(StoreSettings(url=f"cluster://127.0.0.1:{port}", connections=2))
        echo = a_script("return ARGV[1]")
        calls = [connection.run(echo, ["k"], [str(number)]) for number in range(30)]
        walks = [connection.many([("GET", "k"), ("GET", "l")]) for _ in range(10)]
        replies = await asyncio.gather(*calls, *walks)
        assert replies == [*(str(number).encode() for number in range(30)), *([[None, None]] * 10)]
        await connection.aclose()


async def test_in_a_cluster_a_write_without_a_replica_is_not_confirmed(tmp_path):
    with cluster(tmp_path) as ports:
        connection = await connect(StoreSettings(url=f"cluster://127.0.0.1:{ports[0]}", profile="ha"))
        assert codes(await problems_of(connection)) == {"replicas_not_required", "no_replica"}
        with pytest.raises(StoreUnavailable, match="no replica has confirmed"):
            await connection.run(a_script(), ["cm:{blog}:q"], ["x"], durable=True)
        await connection.aclose()


async def test_a_cluster_that_is_down_is_the_store_being_unavailable():
    connection = await connect(StoreSettings(url=f"cluster://127.0.0.1:{free_port()}"))
    with pytest.raises(StoreUnavailable):
        await connection.run(a_script(), ["cm:{blog}:q"], ["x"], durable=True)
    assert codes(await problems_of(connection)) == {"unreachable"}
    await connection.aclose()


async def test_behind_sentinel_the_new_primary_is_found(tmp_path, wait_until):
    with replicated_servers(tmp_path) as (primary, replica):
        options = (
            f"sentinel monitor mymaster 127.0.0.1 {primary} 1",
            "sentinel down-after-milliseconds mymaster 500",
            "sentinel failover-timeout mymaster 5000",
        )
        with plain_server(tmp_path / "sentinel", *options, sentinel=True) as sentinel:
            connection = await connect(StoreSettings(url=f"sentinel://127.0.0.1:{sentinel}/mymaster"))
            assert connection.kind == "sentinel"
            assert await problems_of(connection) == []
            await connection.execute("SET", "k", "before")
            watcher = redis.Redis(port=sentinel, decode_responses=True)
            wait_until(lambda: watcher.sentinel_master("mymaster")["num-slaves"] == 1)
            wait_until(lambda: redis.Redis(port=replica).get("k") == b"before")
            os.kill(redis.Redis(port=primary).info("server")["process_id"], signal.SIGKILL)
            deadline = time.monotonic() + 30
            while True:
                try:
                    await connection.execute("SET", "k", "after")
                    break
                except StoreUnavailable:
                    assert time.monotonic() < deadline
                    await asyncio.sleep(0.1)
            assert redis.Redis(port=replica).get("k") == b"after"
            await connection.aclose()
