"""`python -m lab.systems.run plain --name alpha --port 0 --state var/lab/alpha.db [--option key=value …]`.

A system of kind K is the class `SYSTEM` of `lab.systems.K.system`. Options are settings of that system; their values are read as
JSON where they are JSON, else as text.
"""

import argparse
import json
from importlib import import_module
from pathlib import Path
from typing import Any

from lab.systems.server import serve
from lab.systems.system import System


def main() -> None:
    arguments = _parser().parse_args()
    if arguments.state:
        arguments.state.parent.mkdir(parents=True, exist_ok=True)
    kind: type[System[Any]] = import_module(f"lab.systems.{arguments.kind}.system").SYSTEM
    system = kind(arguments.name, arguments.state, dict(arguments.option))
    serve(
        system,
        arguments.kind,
        arguments.port,
        die_with_parent=arguments.die_with_parent,
        certificate=arguments.certificate,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="lab.systems.run", description="One simulated system over HTTP.")
    parser.add_argument("kind", choices=_kinds())
    parser.add_argument("--name", required=True)
    parser.add_argument("--port", type=int, default=0, help="on 127.0.0.1; 0 takes a free one")
    parser.add_argument("--state", type=Path, help="SQLite file; without it the state is gone at the end")
    parser.add_argument("--option", type=_option, action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--certificate", type=Path, help="PEM file with key and certificate: serve https")
    parser.add_argument("--die-with-parent", action="store_true", help="stop when standard input ends")
    return parser


def _kinds() -> list[str]:
    return sorted(found.parent.name for found in Path(__file__).parent.glob("*/system.py"))


def _option(text: str) -> tuple[str, Any]:
    key, _, value = text.partition("=")
    try:
        return key, json.loads(value)
    except ValueError:
        return key, value


if __name__ == "__main__":
    main()
