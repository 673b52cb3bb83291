"""Make the project's environment from a bare Python >= 3.11: with uv where it is installed, with venv and pip otherwise.

    python3 .ci/environment.py .venv

Installs exactly what `requirements.lock` pins, by hash, then the project itself in place.
"""

import shutil
import subprocess
import sys
import venv
from pathlib import Path

OLDEST = (3, 11)
LOCK = "requirements.lock"


def main() -> None:
    """Build the environment at the folder named on the command line."""
    target = Path(sys.argv[1])
    if sys.version_info < OLDEST:
        sys.exit(
            f"Accord needs Python 3.11 or newer; {sys.executable} is {sys.version.split()[0]}. Try: make PYTHON=python3.12 …"
        )
    python = target / "bin" / "python"
    print(f"Setting up {target} (once) …", flush=True)  # noqa: T201 - this script talks to people
    uv = shutil.which("uv")
    if not python.exists():
        run([uv, "venv", "-q", "--python", sys.executable, str(target)]) if uv else venv.create(
            target, with_pip=True
        )
    pip = (
        [uv, "pip", "install", "-q", "--python", str(python)]
        if uv
        else [str(python), "-m", "pip", "install", "-q"]
    )
    run([*pip, "--require-hashes", "-r", LOCK])
    run([*pip, "setuptools>=77"])
    run([*pip, "--no-deps", "--no-build-isolation", "-e", "."])


def run(command: list[str]) -> None:
    """Run a command; its failure is ours."""
    outcome = subprocess.run(command, check=False)  # noqa: S603 - the commands above
    if outcome.returncode:
        sys.exit(f"failed: {' '.join(command)}")


if __name__ == "__main__":
    main()
