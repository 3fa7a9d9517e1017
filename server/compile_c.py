"""Compiles what is written in C, where the build is asked to: see "Compiled" in README.md beside this.

A build hook of hatchling, beside that of mypyc.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class CompileC(BuildHookInterface):  # type: ignore[type-arg]
    """Puts an extension module into the wheel for every C file of the package."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called before the wheel is put together."""
        from setuptools import Distribution, Extension  # noqa: PLC0415 - only there where something is compiled.

        server = Path(self.root, "server")
        sources = sorted(server.glob("bargein/**/*.c"))
        # The loops over samples are worth the compiler's vectors.
        modules = [
            Extension(
                ".".join(source.relative_to(server).with_suffix("").parts), [str(source)], extra_compile_args=["-O3"]
            )
            for source in sources
        ]
        self._made = tempfile.TemporaryDirectory()
        command = Distribution({"name": "bargein", "ext_modules": modules}).get_command_obj("build_ext")
        command.build_lib, command.build_temp = self._made.name, self._made.name + "/objects"
        command.ensure_finalized()
        command.run()
        for source, module in zip(sources, modules, strict=True):
            library = Path(command.get_ext_fullpath(module.name))
            build_data["force_include"][str(library)] = str(source.relative_to(server).with_name(library.name))
        build_data["pure_python"] = False
        build_data["infer_tag"] = True

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Called when the wheel is there."""
        self._made.cleanup()
