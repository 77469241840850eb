"""Where the broker's programs come from: the installed package, or packages unpacked beside the repository."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

from deploy.local.errors import CannotStart
from deploy.local.machine import LOCAL, Say, held

INSTALLED = Path("/usr/lib/rabbitmq/lib")
ADVICE = "install the package rabbitmq-server or set AMQP_URL to a broker of your own"

_APT_CONF = """
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
#clear DPkg::Post-Invoke;
Dir::State::Lists "{folder}/lists";
Dir::Cache "{folder}/cache";
APT::Sandbox::User "";
"""


class Programs:
    """Paths of one RabbitMQ with its Erlang."""

    def __init__(self, sbin: Path, erlang_bin: Path | None) -> None:
        self.sbin = sbin
        self.erlang_bin = erlang_bin

    @property
    def path(self) -> str:
        """A PATH on which the broker's scripts find Erlang first."""
        parts = [str(self.erlang_bin)] if self.erlang_bin else []
        return os.pathsep.join([*parts, "/usr/local/bin", "/usr/bin", "/bin", os.environ.get("PATH", "")])


def find(say: Say, cache: Path = LOCAL / "packages" / "rabbitmq") -> Programs:
    """Return the installed broker, else the unpacked one, which is fetched when it is not there yet."""
    sbin = _newest(INSTALLED)
    if sbin is not None and shutil.which("erl"):
        return Programs(sbin, None)
    with held(cache.with_suffix(".lock"), refusal="Another process has been fetching RabbitMQ for five minutes."):
        if not (cache / "complete").exists():
            _fetch(cache, say)
    root = cache / "root"
    sbin = _newest(root / "usr/lib/rabbitmq/lib")
    if sbin is None:
        raise CannotStart(f"The unpacked RabbitMQ under {cache} is damaged: run `make clean` and try again.")
    return Programs(sbin, root / "usr/lib/erlang/bin")


def _newest(folder: Path) -> Path | None:
    found = list(folder.glob("rabbitmq_server-*/sbin"))
    return max(found, key=lambda sbin: [int(part) for part in re.findall(r"\d+", sbin.parent.name)], default=None)


def _fetch(cache: Path, say: Say) -> None:
    if not (shutil.which("apt-get") and shutil.which("dpkg")):
        raise CannotStart(f"RabbitMQ is not installed and this is not a Debian or Ubuntu machine: {ADVICE}.")
    shutil.rmtree(cache, ignore_errors=True)
    for folder in ("lists/partial", "cache/archives/partial", "packages"):
        (cache / folder).mkdir(parents=True)
    conf = cache / "apt.conf"
    conf.write_text(_APT_CONF.format(folder=cache))
    say("fetching RabbitMQ and Erlang packages (about 35 MB, once)")
    _run(["apt-get", "-q", "-c", str(conf), "update"], cache, check=False)
    names = _names(conf, cache)
    _run(["apt-get", "-q", "-c", str(conf), "download", *names], cache / "packages")
    say("unpacking RabbitMQ")
    for package in sorted((cache / "packages").glob("*.deb")):
        _run(["dpkg", "-x", str(package), str(cache / "root")], cache)
    _move_erlang(cache / "root")
    for folder in ("lists", "cache", "packages"):
        shutil.rmtree(cache / folder)
    (cache / "complete").touch()


def _names(conf: Path, cache: Path) -> list[str]:
    """Name the broker's package and the Erlang packages it needs; all else is part of every Debian and Ubuntu."""
    only = ["recommends", "suggests", "conflicts", "breaks", "replaces", "enhances"]
    command = [
        "apt-cache",
        "-c",
        str(conf),
        "depends",
        "--recurse",
        *[f"--no-{kind}" for kind in only],
        "rabbitmq-server",
    ]
    answer = _run(command, cache, check=False)
    names = set(re.findall(r"^(erlang-[a-z0-9-]+|rabbitmq-server)$", answer, re.MULTILINE)) - {"erlang-base-hipe"}
    if "rabbitmq-server" not in names:
        raise CannotStart(f"This machine's package sources do not offer rabbitmq-server: {ADVICE}.")
    return sorted(names)


def _move_erlang(root: Path) -> None:
    """Tell Erlang's start scripts their new place: Debian writes the old one into them."""
    erlang = root / "usr/lib/erlang"
    for script in [*erlang.glob("bin/*"), *erlang.glob("erts-*/bin/*")]:
        if script.is_file() and not script.is_symlink() and script.read_bytes()[:2] == b"#!":
            text = script.read_text()
            moved = re.sub(r'^(\s*ROOTDIR=)"?/usr/lib/erlang"?\s*$', rf'\1"{erlang}"', text, flags=re.MULTILINE)
            if moved != text:
                script.write_text(moved)


def _run(command: list[str], folder: Path, *, check: bool = True) -> str:
    env = {**os.environ, "LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"}
    try:
        done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=600, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CannotStart(f"RabbitMQ could not be fetched ({error}): {ADVICE}.") from error
    if check and done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.strip()] or [f"{command[0]} failed"]
        raise CannotStart(f"RabbitMQ could not be fetched ({lines[-1].strip()}): {ADVICE}.")
    return done.stdout
