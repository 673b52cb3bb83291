"""What goes into the image: the wheel's sources, and of the locked packages those that Accord needs when it runs."""

import re
import subprocess
import sys
import tomllib
from typing import Any

import pytest

from tests.deploy.compose import CHECKOUT

PROJECT: dict[str, Any] = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())

MODULES = ("worker", "gateway.serve", "gateway.health_file", "store.migrate", "embedded.namespace")
"""What docker-compose.yml runs."""

IMPORT_ALL = """
import sys
from importlib import import_module
from importlib.metadata import entry_points, packages_distributions

image, *modules = sys.argv[1:]
locked = set(image.split(","))
canonical = lambda name: name.lower().replace("_", "-").replace(".", "-")
for name, owners in packages_distributions().items():
    if locked.isdisjoint(map(canonical, owners)):
        sys.modules[name] = None  # importing it fails, as it does in the image
for name in modules:
    import_module(name)
for group in ("accord.connectors", "accord.policies", "accord.commands"):
    for point in entry_points(group=group):
        point.load()
"""


def locked(path: str) -> dict[str, str]:
    """Package name → its pin with all hashes."""
    pins = re.split(r"^(?=\S)", (CHECKOUT / path).read_text(), flags=re.MULTILINE)
    return {pin.partition("==")[0]: pin for pin in pins if "==" in pin}


def test_the_images_packages_are_pinned_as_the_checkouts_are() -> None:
    image, checkout = locked("deploy/requirements.lock"), locked("requirements.lock")
    assert image
    assert {name: _version(pin) for name, pin in image.items()} == {
        name: _version(checkout[name]) for name in image
    }
    assert all(_hashes(pin) == _hashes(checkout[name]) for name, pin in image.items())


@pytest.mark.parametrize("path", ["deploy/requirements.lock", "deploy/build.lock"])
def test_every_package_of_the_image_has_a_hash(path: str) -> None:
    assert all(_hashes(pin) for pin in locked(path).values())


def test_what_runs_needs_no_package_that_the_image_lacks() -> None:
    image = {*locked("deploy/requirements.lock"), PROJECT["project"]["name"]}
    imported = subprocess.run(  # noqa: S603 - a fixed program
        (sys.executable, "-c", IMPORT_ALL, ",".join(image), *MODULES),
        check=False,
        capture_output=True,
        text=True,
        cwd=CHECKOUT,
    )
    assert imported.returncode == 0, imported.stderr


def test_the_wheels_sources_are_let_in_and_nothing_else() -> None:
    ignore = (CHECKOUT / ".dockerignore").read_text().splitlines()
    packages = [name.rstrip("*") for name in PROJECT["tool"]["setuptools"]["packages"]["find"]["include"]]
    modules = [f"{name}.py" for name in PROJECT["tool"]["setuptools"]["py-modules"]]
    wanted = {*packages, *modules, "pyproject.toml", "README.md", "LICENSE"}
    locks = {"deploy/build.lock", "deploy/requirements.lock"}
    assert ignore[1] == "*"
    assert {line[1:] for line in ignore if line.startswith("!")} == wanted | locks


def _version(pin: str) -> str:
    return re.split(r"[\s;]", pin.partition("==")[2])[0]


def _hashes(pin: str) -> set[str]:
    return set(re.findall(r"--hash=(sha256:[0-9a-f]{64})", pin))
