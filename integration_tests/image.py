"""Builds the container image and runs it shut in, where there is neither a Docker engine nor a container registry.

Podman builds the project's own Dockerfile, unchanged. Airbyte's base image cannot be had without its registry, so a
stand-in takes its place: Debian with the same version of Python and the same user and folders. What is proved is the
Dockerfile and the connector, not the base behind the digest; BASE_IMAGE in the environment names another base, such as
the real one where its registry can be reached.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
# Debian's release with the Python of the real base, 3.13.
DEBIAN = "trixie"
STAND_IN = f"localhost/python-connector-base:{DEBIAN}"
TAG = "localhost/source-acumatica:test"
# Commands, each in the Debian package of its name.
TOOLS = ("podman", "buildah", "runc", "skopeo", "mmdebstrap")
CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"
MEMORY_MEGABYTES = 512
# As the platform starts a connector, and shut in further: nothing can be written but to /tmp, and the folder with the
# settings is the working directory.
SHUT_IN = (
    "--read-only",
    "--tmpfs=/tmp",
    "--cap-drop=all",
    "--security-opt=no-new-privileges",
    f"--memory={MEMORY_MEGABYTES}m",
    f"--memory-swap={MEMORY_MEGABYTES}m",
    "--pids-limit=256",
    # The simulated ERP is on the loopback of this machine.
    "--network=host",
    "--pull=never",
    "--rm",
)
BASE_DOCKERFILE = """
ARG ROOTFS
FROM ${ROOTFS}
RUN ln -s python3 /usr/bin/python \
 && rm -f /usr/lib/python3*/EXTERNALLY-MANAGED \
 && groupadd --gid 1000 airbyte \
 && useradd --uid 1000 --gid 1000 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin airbyte \
 && install -d -o airbyte -g airbyte /airbyte /custom_cache /secrets /config
"""
# What a root file system made on this machine would tell of it, and what no container reads.
UNWANTED = "etc/resolv.conf etc/hostname usr/share/doc usr/share/man usr/share/locale var/log var/cache"


class NotTestedError(Exception):
    """A tool is missing here, or failed; the text says which and how."""


@dataclass
class Engine:
    """Podman with settings and images of its own, in a folder that is kept for the next run."""

    folder: Path = field(default_factory=lambda: Path(tempfile.gettempdir()) / "source-acumatica-image")

    def __post_init__(self) -> None:
        if os.geteuid() != 0:
            message = "containers are built as root here"
            raise NotTestedError(message)
        install_tools(TOOLS)
        self.folder.mkdir(exist_ok=True)
        settings, storage = self.folder / "containers.conf", self.folder / "storage.conf"
        # runc, since crun refuses machines with both generations of control groups; limits that this process may set.
        settings.write_text(
            '[engine]\nruntime = "runc"\n[containers]\ndefault_ulimits = ["nofile=4096:4096", "nproc=4096:4096"]\n'
        )
        storage.write_text(
            f'[storage]\ndriver = "overlay"\ngraphroot = "{self.folder}/storage"\nrunroot = "{self.folder}/run"\n'
        )
        self._environment = {**os.environ, "CONTAINERS_CONF": str(settings), "CONTAINERS_STORAGE_CONF": str(storage)}
        # Builds reach the package index through whatever this machine trusts; nothing of that stays in the image.
        shutil.copyfile(os.environ.get("SSL_CERT_FILE", CERTIFICATES), self.folder / "ca.crt")
        (self.folder / "pip.conf").write_text(f"[global]\ncert = {CERTIFICATES}\n")

    def podman(self, *arguments: str, seconds: int = 600) -> str:
        """What podman prints.

        Raises:
            NotTestedError: podman failed.
        """
        return run_tool(("podman", *arguments), self._environment, seconds)

    def build(self) -> str:
        """The tag of the image, made of the project's Dockerfile."""
        base = os.environ.get("BASE_IMAGE") or self._stand_in()
        self._build(TAG, ROOT / "Dockerfile", ROOT, BASE_IMAGE=base)
        return TAG

    def inspect(self, tag: str) -> dict[str, Any]:
        (about,) = json.loads(self.podman("image", "inspect", tag))
        assert isinstance(about, dict)
        return about

    @contextmanager
    def started(
        self, tag: str, *arguments: str, folder: Path, entrypoint: str | None = None, name: str = ""
    ) -> Iterator[subprocess.Popen[bytes]]:
        """A container that runs; what it prints lies in a pipe. ``folder`` is its working directory, read-only."""
        options = [*SHUT_IN, f"--volume={folder}:/source:ro", "--workdir=/source"]
        options += [f"--entrypoint={entrypoint}"] if entrypoint else []
        options += [f"--name={name}"] if name else []
        command = ["podman", "run", *options, tag, *arguments]
        with subprocess.Popen(command, stdout=subprocess.PIPE, env=self._environment) as process:
            yield process

    def run(self, tag: str, *arguments: str, folder: Path, entrypoint: str | None = None) -> tuple[int, list[bytes]]:
        """The exit code of a container, and the lines that it printed."""
        with self.started(tag, *arguments, folder=folder, entrypoint=entrypoint) as process:
            output, _ = process.communicate(timeout=300)
        return process.returncode, output.splitlines()

    def save(self, tag: str, archive: Path) -> None:
        archive.unlink(missing_ok=True)
        self.podman("save", "--quiet", "--format=oci-archive", f"--output={archive}", tag)

    def _build(self, tag: str, dockerfile: Path, context: Path, **arguments: str) -> None:
        given = [f"--build-arg={name}={value}" for name, value in arguments.items()]
        mounts = [
            f"--volume={self.folder}/ca.crt:{CERTIFICATES}:ro",
            f"--volume={self.folder}/pip.conf:/etc/pip.conf:ro",
        ]
        options = [*given, *mounts, "--network=host", "--layers", f"--file={dockerfile}", f"--tag={tag}"]
        self.podman("build", "--quiet", *options, str(context))

    def _stand_in(self) -> str:
        """The base that takes the real one's place; made once, in half a minute."""
        if STAND_IN in self.podman("images", "--format={{.Repository}}:{{.Tag}}").split():
            return STAND_IN
        archive, rootfs = self.folder / "rootfs.tar", f"localhost/debian:{DEBIAN}"
        packages = "passwd,python3,python3-venv,ca-certificates,tzdata"
        unwanted = " ".join(f'"$1/{each}"' for each in UNWANTED.split())
        # In a session of its own: when it fails, it ends its whole group of processes.
        make = ("setsid", "-w", "mmdebstrap", "--mode=root", "--variant=apt", f"--include={packages}")
        run_tool((*make, f"--customize-hook=rm -rf {unwanted}", DEBIAN, str(archive)), self._environment, 600)
        self.podman("import", "--quiet", str(archive), rootfs)
        archive.unlink()
        context = self.folder / "base"
        context.mkdir(exist_ok=True)
        (context / "Dockerfile").write_text(BASE_DOCKERFILE)
        self._build(STAND_IN, context / "Dockerfile", context, ROOTFS=rootfs)
        return STAND_IN


def install_tools(tools: Sequence[str]) -> None:
    """Make sure that these commands are there; each is in the Debian package of its name.

    Raises:
        NotTestedError: they are not, and cannot be installed.
    """
    missing = [tool for tool in tools if not shutil.which(tool)]
    if not missing:
        return
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        message = (
            f"these commands are missing, and only root on Debian or Ubuntu can install them: {', '.join(missing)}"
        )
        raise NotTestedError(message)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    run_tool(("apt-get", "update", "-qq"), environment, 300)
    run_tool(("apt-get", "install", "-y", "-qq", "--no-install-recommends", *missing), environment, 600)


def run_tool(command: Sequence[str], environment: Mapping[str, str], seconds: int) -> str:
    """What a command prints.

    Raises:
        NotTestedError: it failed or took too long.
    """
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=seconds, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NotTestedError(str(error)) from error
    if done.returncode:
        message = (
            f"{' '.join(command[:3])} failed with exit code {done.returncode}: {(done.stdout + done.stderr)[-3000:]}"
        )
        raise NotTestedError(message)
    return done.stdout
