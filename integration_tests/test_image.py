"""The container image as Airbyte runs it: built of the project's Dockerfile, shut in, against the simulated ERP."""

from __future__ import annotations

import io
import json
import os
import statistics
import tarfile
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml

from benchmark.process import options

from .comparison import differences
from .harness import TENANTS, Destination, Message, catalog_of
from .image import MEMORY_MEGABYTES, ROOT, STAND_IN, TAG, Engine, NotTestedError
from .simulator import Simulator

pytestmark = [pytest.mark.image, pytest.mark.timeout(900)]

METADATA = yaml.safe_load((ROOT / "metadata.yaml").read_text())["data"]
ENTRYPOINT = "/opt/venv/bin/source-acumatica"
# What the connector and its packages may add to the base: 65 MB when this was written. More is a package that crept in.
MOST_MEGABYTES = 80
SETTINGS: dict[str, Any] = {
    "dac_tables": ["SOOrder", "SOLine"],
    "generic_inquiries": ["BI-*"],
    "track_deletions": True,
    "max_sessions": 2,
}
STREAMS = (
    "Customer",
    "SalesOrder",
    "SalesOrder__Details",
    "Currency",
    "gi__BI-Customers",
    "dac__SOOrder",
    "dac__SOLine",
)
LEFT_OUT = {line.split("#")[0].strip() for line in (ROOT / "requirements-left-out.txt").read_text().splitlines()} - {""}


@pytest.fixture(scope="module")
def engine() -> Engine:
    try:
        engine = Engine()
        engine.build()
    except NotTestedError as reason:
        pytest.fail(f"image not tested: {reason}", pytrace=False)
    return engine


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The connector's working directory; the container's user is another one, and has to be able to read it."""
    for each in (tmp_path, *tmp_path.parents[:2]):
        each.chmod(0o755)
    return tmp_path


def named(folder: Path, **files: Any) -> list[str]:
    """Options that name files in the working directory, by nothing but their names."""
    return [Path(each).name if each.startswith("/") else each for each in options(folder, **files)]


def answers(engine: Engine, folder: Path, command: str, **files: Any) -> tuple[int, list[Message]]:
    """The exit code and the messages of a command."""
    code, lines = engine.run(TAG, command, *named(folder, **files), folder=folder)
    return code, [json.loads(line, parse_float=Decimal) for line in lines]


def inside(engine: Engine, folder: Path, script: str) -> Any:
    """What a script prints in the container, read as JSON."""
    code, lines = engine.run(TAG, "-c", script, folder=folder, entrypoint="/opt/venv/bin/python")
    assert code == 0
    return json.loads(b"\n".join(lines))


# ------------------------------------------------------------------------------------------------------- what it is


def test_the_image_says_what_it_is(engine: Engine) -> None:
    config = engine.inspect(TAG)["Config"]
    assert config["Entrypoint"] == [ENTRYPOINT]
    assert "Cmd" not in config or not config["Cmd"]
    assert config["User"] == "1000"
    environment = dict(each.split("=", 1) for each in config["Env"])
    assert environment["AIRBYTE_ENTRYPOINT"] == ENTRYPOINT
    labels = config["Labels"]
    assert labels["io.airbyte.name"] == METADATA["dockerRepository"]
    version = METADATA["dockerImageTag"]
    assert labels["io.airbyte.version"] == labels["org.opencontainers.image.version"] == version
    assert labels["org.opencontainers.image.licenses"] == METADATA["license"]


def test_it_is_shut_in_while_it_runs(engine: Engine, folder: Path) -> None:
    """What the other tests rely on: limits that are set, but not in force, would prove nothing."""
    found = inside(
        engine,
        folder,
        """
import json, os, pathlib, sys
lines = pathlib.Path("/proc/self/status").read_text().splitlines()
status = dict(line.split(":\\t", 1) for line in lines if ":\\t" in line)
def is_writable(path):
    try:
        pathlib.Path(path, "probe").write_text("")
    except OSError:
        return False
    return True
limits = ["/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory.max"]
print(json.dumps({
    "uid": os.getuid(), "capabilities": int(status["CapEff"], 16), "no_new_privileges": status["NoNewPrivs"].strip(),
    "writable": [path for path in ("/", "/airbyte", "/opt/venv", "/source", "/tmp") if is_writable(path)],
    "memory": next(int(pathlib.Path(each).read_text()) for each in limits if pathlib.Path(each).exists()),
    "python": sys.version_info[:2], "folder": os.getcwd(),
}))
""",
    )
    assert found == {
        "uid": 1000,
        "capabilities": 0,
        "no_new_privileges": "1",
        "writable": ["/tmp"],
        "memory": MEMORY_MEGABYTES * 1024 * 1024,
        "python": [3, 13],
        "folder": "/source",
    }


def test_nothing_is_in_it_that_a_run_does_not_need(engine: Engine, folder: Path) -> None:
    found = inside(
        engine,
        folder,
        """
import importlib.metadata, importlib.util, json, pathlib, source_acumatica
packages = pathlib.Path(source_acumatica.__file__).parents[1]
sources = [each for each in packages.rglob("*.py") if "lib2to3" not in each.parts]
print(json.dumps({
    "commands": sorted(each.name for each in pathlib.Path("/opt/venv/bin").iterdir()),
    "project": sorted(each.name for each in pathlib.Path("/airbyte/integration_code").rglob("*")),
    "packages": sorted(one.metadata["Name"].lower() for one in importlib.metadata.distributions(path=[str(packages)])),
    "version": importlib.metadata.version("airbyte-source-acumatica"),
    "sources": len(sources),
    "uncompiled": sum(not pathlib.Path(importlib.util.cache_from_source(each)).exists() for each in sources),
}))
""",
    )
    assert set(found["commands"]) == {"python", "python3", "python3.13", "source-acumatica"}
    assert found["project"] == []
    assert not LEFT_OUT & set(found["packages"])
    assert not {"pip", "pytest", "hatchling", "mypy", "numpy"} & set(found["packages"])
    assert found["version"] == METADATA["dockerImageTag"]
    assert found["sources"] > 500
    assert found["uncompiled"] == 0


def test_no_secret_and_no_place_of_this_machine_is_in_the_archive(engine: Engine, tmp_path: Path) -> None:
    archive = tmp_path / "image.tar"
    engine.save(TAG, archive)
    needles = {str(ROOT), str(engine.folder), *_private_values()}
    with Simulator(rows=1) as sim:
        config = sim.config()
        needles |= {config["client_secret"], config["password"]}
    names = []
    for name, content in _files(archive):
        names.append(name)
        assert [needle for needle in needles if needle.encode() in content] == [], name
    assert any(name.endswith("source_acumatica/spec.yaml") for name in names)
    assert not [name for name in names if name.endswith(("/pip.conf", "/config.json")) or "/secrets/" in name]


def _private_values() -> Iterator[str]:
    """What the environment of this build knows of the places it fetches from, and of whoever runs it."""
    for name, value in os.environ.items():
        if (
            any(part in name.upper() for part in ("TOKEN", "SECRET", "PASSWORD", "INDEX_URL", "PROXY"))
            and len(value) > 7
        ):
            yield value


def _files(archive: Path) -> Iterator[tuple[str, bytes]]:
    """The names and contents of all files in all layers, and the image's own description. Empty files are left out:
    builds leave the points behind where this machine's settings were mounted.
    """
    with tarfile.open(archive) as outer:

        def blob(digest: str) -> bytes:
            stored = outer.extractfile(f"blobs/{digest.replace(':', '/')}")
            assert stored
            return stored.read()

        index = outer.extractfile("index.json")
        assert index
        manifest = json.loads(blob(json.loads(index.read())["manifests"][0]["digest"]))
        yield "image", blob(manifest["config"]["digest"])
        for layer in manifest["layers"]:
            with tarfile.open(fileobj=io.BytesIO(blob(layer["digest"]))) as inner:
                for member in inner:
                    content = inner.extractfile(member) if member.isfile() and member.size else None
                    if content:
                        yield member.name, member.name.encode() + b"\n" + content.read()


# ------------------------------------------------------------------------------------------------------ what it does


def test_it_answers_spec_with_the_form(engine: Engine, folder: Path) -> None:
    code, messages = answers(engine, folder, "spec")
    (spec,) = [one["spec"] for one in messages if one["type"] == "SPEC"]
    assert spec["connectionSpecification"] == _plain(yaml.safe_load((ROOT / "spec.yaml").read_text()))
    assert code == 0


def _plain(spec: dict[str, Any]) -> dict[str, Any]:
    form = spec["connectionSpecification"]
    assert isinstance(form, dict)
    return form


def test_it_checks_discovers_reads_and_goes_on_from_a_state(engine: Engine, folder: Path) -> None:
    with Simulator(rows=60, tracked=("SOOrder", "SOLine")) as sim:
        config = sim.config(**SETTINGS)

        code, messages = answers(engine, folder, "check", config=config)
        assert (code, _status(messages)["status"]) == (0, "SUCCEEDED")

        code, messages = answers(engine, folder, "discover", config=config)
        (catalog,) = [one["catalog"] for one in messages if one["type"] == "CATALOG"]
        wanted = catalog_of(config, *STREAMS)
        found = {stream["name"]: stream for stream in catalog["streams"]}
        assert code == 0
        assert [found[one["stream"]["name"]] for one in wanted["streams"]] == [
            one["stream"] for one in wanted["streams"]
        ]

        destination = Destination()
        _sync(engine, folder, destination, config=config, catalog=wanted)
        assert differences(destination, sim, TENANTS) == []

        sim.clock.advance(3600)
        company = sim.tenant("Company")
        company.update("Customer", company.keys("Customer")[3], {"CustomerName": "Neuer Name"})
        company.update("SalesOrder", company.keys("SalesOrder")[0], {"Details": [{"LineNbr": 7}]})
        company.delete("SalesOrder", company.keys("SalesOrder")[5])
        before = destination.records
        _sync(engine, folder, destination, config=config, catalog=wanted, state=destination.state)
        found_differences = differences(destination, sim, TENANTS)
        assert [text for text in found_differences if "gi__" not in text] == []
        assert 0 < destination.records < before / 2
        assert sim.sessions.open_count() == 0
        assert sim.sessions.peak <= SETTINGS["max_sessions"]


def _status(messages: list[Message]) -> Message:
    (status,) = [one["connectionStatus"] for one in messages if one["type"] == "CONNECTION_STATUS"]
    return status


def _sync(engine: Engine, folder: Path, destination: Destination, **files: Any) -> None:
    destination.begin(files["catalog"])
    code, messages = answers(engine, folder, "read", **files)
    for message in messages:
        destination.take(message)
    destination.end()
    assert destination.errors == []
    assert code == 0


def test_a_wrong_password_is_a_failed_check_with_a_sentence(engine: Engine, folder: Path) -> None:
    with Simulator(rows=1) as sim:
        code, messages = answers(engine, folder, "check", config=sim.config(password="wrong-password"))
    assert code == 0
    assert _status(messages)["status"] == "FAILED"
    assert "the user name or password is not accepted there" in _status(messages)["message"]
    assert "wrong-password" not in str(messages)


def test_the_image_draws_its_streams(engine: Engine, folder: Path) -> None:
    """As the user's page says, by another entry point."""
    with Simulator(rows=4) as sim:
        arguments = ["-m", "source_acumatica.erd", *named(folder, config=sim.config()), "SalesOrder*"]
        code, lines = engine.run(TAG, *arguments, folder=folder, entrypoint="/opt/venv/bin/python")
        assert sim.sessions.open_count() == 0
    assert code == 0
    assert b'Table "SalesOrder__Details" {' in lines


def test_stopped_in_the_middle_it_leaves_no_seat_taken(engine: Engine, folder: Path) -> None:
    with Simulator(rows=3000, lines=1, latency_seconds=0.5) as sim:
        config = sim.config(**SETTINGS, max_page_size=100)
        catalog = catalog_of(config, "Customer", "dac__SOOrder")
        name, arguments = f"stopped-{os.getpid()}", named(folder, config=config, catalog=catalog)
        with engine.started(TAG, "read", *arguments, folder=folder, name=name) as process:
            assert process.stdout
            while b'"RECORD"' not in process.stdout.readline():
                assert process.poll() is None
            assert sim.sessions.open_count() > 0
            began = time.monotonic()
            engine.podman("kill", "--signal=TERM", name)
            process.communicate(timeout=60)
        assert process.returncode == 128 + 15
        assert time.monotonic() - began < 30
        assert sim.sessions.open_count() == 0


# --------------------------------------------------------------------------------------------------------- its costs


def test_it_is_small(engine: Engine, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The size is held; how long it takes to start is told only, since that depends on the machine."""
    base = os.environ.get("BASE_IMAGE") or STAND_IN
    size, of_base = (engine.inspect(tag)["Size"] / 1e6 for tag in (TAG, base))
    spec = _median_seconds(engine, folder, "spec")
    bare = _median_seconds(engine, folder, "-c", "pass", entrypoint="/opt/venv/bin/python")
    with capsys.disabled():
        print(f"\nimage: {size:.0f} MB, {size - of_base:.0f} of them beside the base")
        print(f"spec: {spec:.2f} s from podman run to its end; a container that does nothing: {bare:.2f} s")
    assert size - of_base < MOST_MEGABYTES


def _median_seconds(engine: Engine, folder: Path, *arguments: str, entrypoint: str | None = None) -> float:
    taken = []
    for _ in range(5):
        began = time.monotonic()
        assert engine.run(TAG, *arguments, folder=folder, entrypoint=entrypoint)[0] == 0
        taken.append(time.monotonic() - began)
    return statistics.median(taken)
