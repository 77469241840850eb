"""The virtual environment's script, on machines that lack something."""

from __future__ import annotations

import subprocess
from pathlib import Path

from deploy.local.machine import ROOT

SCRIPT = ROOT / "deploy" / "local" / "venv.sh"

TOO_OLD = "#!/bin/sh\nexit 1\n"
WITHOUT_VENV = """#!/bin/sh
case "$2" in
    *ensurepip*) exit 1 ;;
    *print*) echo python3.11-venv ;;
esac
"""


def _refusal(folder: Path, path: str, **environment: str) -> str:
    done = subprocess.run(
        [str(SCRIPT), str(folder / "venv")],
        cwd=folder,
        env={"PATH": path, **environment},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 1
    assert done.stdout == ""
    return done.stderr.strip()


def _program(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text)
    path.chmod(0o755)
    return path


def test_a_machine_without_a_fitting_python_is_told_so(tmp_path: Path) -> None:
    _program(tmp_path, "python3", TOO_OLD)
    said = _refusal(tmp_path, str(tmp_path))
    assert said == ("Python 3.11, 3.12 or 3.13 is needed and was not found: install one, or set PYTHON to its path.")


def test_a_python_without_venv_is_told_which_package_to_install(tmp_path: Path) -> None:
    python = _program(tmp_path, "python3", WITHOUT_VENV)
    said = _refusal(tmp_path, str(tmp_path), PYTHON=str(python))
    assert said == f"{python} cannot make virtual environments: install the package python3.11-venv and try again."
    assert not (tmp_path / "venv").exists()
