"""Puts the host library, the plugins, the header and the tools into the package.

They come from an installed OptPlug, the folder that OPTPLUG_PREFIX names, or are built from this repository with
scripts/install, which needs Swift.
"""

import os
import platform
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from setuptools import Distribution, setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_py import build_py

REPOSITORY = Path(__file__).resolve().parent.parent


class BuildWithLibrary(build_py):
    """Python files, and what scripts/install installs."""

    def run(self) -> None:
        super().run()
        if self.editable_mode:
            raise SystemExit("optplug: no editable installs; set PYTHONPATH to python/ and OPTPLUG_LIBRARY instead")
        target = Path(self.build_lib) / "optplug"
        prefix = os.environ.get("OPTPLUG_PREFIX")
        if prefix:
            self.take(Path(prefix), target)
            return
        script = REPOSITORY / "scripts" / "install"
        if not script.exists():
            raise SystemExit("optplug: build the wheel inside the repository, or name an installed OptPlug in OPTPLUG_PREFIX")
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run([script, "--prefix", folder, "--skip-manual"], check=True)
            self.take(Path(folder), target)

    @staticmethod
    def take(prefix: Path, target: Path) -> None:
        """Copies the parts of an installation."""
        files = {
            "lib": [prefix / "lib" / "liboptplug.so.1"],
            "lib/optplug": sorted((prefix / "lib" / "optplug").glob("*.so")),
            "include": [prefix / "include" / "optplug.h", prefix / "include" / "optplug_host.h"],
            "bin": [prefix / "bin" / "optplug", prefix / "libexec" / "optplug" / "optplug-probe"],
        }
        for folder, sources in files.items():
            if not sources:
                raise SystemExit(f"optplug: there are no plugins in {prefix / folder}")
            (target / folder).mkdir(parents=True, exist_ok=True)
            for source in sources:
                if not source.exists():
                    raise SystemExit(f"optplug: {source} is missing; install OptPlug there with scripts/install")
                shutil.copy(source, target / folder / source.name)


class PlatformWheel(bdist_wheel):
    """A wheel for any Python 3 on this kind of machine."""

    def get_tag(self) -> tuple[str, str, str]:
        machine = platform.machine()
        library = Path(self.bdist_dir or "") / "optplug" / "lib" / "liboptplug.so.1"
        if library.exists() and b"libswiftCore.so" in library.read_bytes():
            return "py3", "none", f"linux_{machine}"  # a debug build, for this machine alone
        version = _glibc_needed(library) if library.exists() else platform.libc_ver()[1]
        return "py3", "none", f"manylinux_{version.replace('.', '_')}_{machine}"


def _glibc_needed(library: Path) -> str:
    """The oldest C library that the file runs with: the newest version that it asks for."""
    versions = {tuple(map(int, v.split(b"."))) for v in re.findall(rb"GLIBC_(\d+\.\d+)", library.read_bytes())}
    return ".".join(map(str, max(versions)))


class BinaryDistribution(Distribution):
    """Tells setuptools that the wheel is not pure Python."""

    def has_ext_modules(self) -> bool:
        return True


setup(cmdclass={"build_py": BuildWithLibrary, "bdist_wheel": PlatformWheel}, distclass=BinaryDistribution)
