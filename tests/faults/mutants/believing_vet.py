"""The service as it would be if it believed what a version says of itself. Only the tests start it.

The service runs the command that takes a version in as a process of its own: that, too, is this file.
"""

import asyncio
import os
import sys
from pathlib import Path
from typing import Any

import msgspec

from classifiers import registry, vetting
from classifiers.__main__ import main as classifiers
from classifiers.manifest import MANIFEST, Manifest

HERE = Path(__file__).parents[3]
_start = asyncio.create_subprocess_exec


def _believe(folder: Path) -> Manifest:
    return msgspec.json.decode((folder / MANIFEST).read_bytes(), type=Manifest)


async def _start_this(program: str, flag: str, module: str, *more: str, env: dict[str, str], **how: Any) -> Any:
    return await _start(
        program, flag, "tests.faults.mutants.believing_vet", *more, env=env | {"PYTHONPATH": str(HERE)}, **how
    )


if __name__ == "__main__":
    vetting.verify = vetting.vet = registry.verify = _believe
    if "serve" in sys.argv:
        from moderation.cli import main

        asyncio.create_subprocess_exec = _start_this
        main()
    else:
        os.chdir(HERE)
        classifiers()
