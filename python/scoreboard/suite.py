"""Fetches the optimizer test-suite of PyTorch, which the torch wheel does not carry.

The files come from Debian's source package `pytorch` through apt, and are kept in a cache folder outside the
repository. Each file is compared with the SHA-256 below every time it is used.
"""

import hashlib
import os
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

VERSION = "2.6.0"
RELEASE = "trixie"
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"

# test_optim.py holds the cases; the other three are what it imports.
FILES = {
    "test/test_optim.py": "76cf0c7a0a79eb070bbd3fea508b083156dcbaefa68d38914e332c34a4177593",
    "test/optim/test_lrscheduler.py": "0f3f5585ec476ffa928a9ff64d713548009ea031f1e24af21e5df19f2e443205",
    "test/optim/test_optim.py": "e2dc9cd5d1418fb30eea7c79220f599630383d4e461a923f59adc8a2e74eed43",
    "test/optim/test_swa_utils.py": "eada8874686ce77e217df4b00b2e97dcc8f1b14d58ce5f97ba65a8f3edf6084b",
}


class SuiteError(Exception):
    """The suite cannot be had, or is not the one expected."""


def default_cache() -> Path:
    """The folder for the suite: optplug/torch-suite in the user's cache folder."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(base) if base.startswith("/") else Path.home() / ".cache") / "optplug" / "torch-suite"


def prepare(cache: Path, archive: Path | None = None, mirror: str | None = None) -> Path:
    """Returns the folder to import test_optim from, after fetching it where it is not in the cache.

    archive is a copy of the source package's .orig.tar.xz that is here already; mirror is the address of a
    Debian mirror, by default the one that apt is set up with.
    """
    root = cache / VERSION
    if not _is_complete(root):
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as work:
            source = archive or _download(Path(work), mirror or _mirror_of_apt())
            unpacked = Path(work) / "unpacked"
            _extract(source, unpacked)
            shutil.rmtree(root, ignore_errors=True)
            unpacked.rename(root)
    return root / "test"


def _is_complete(root: Path) -> bool:
    paths = [(root / name, digest) for name, digest in FILES.items()]
    return all(path.is_file() and _sha256(path.read_bytes()) == digest for path, digest in paths)


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _extract(archive: Path, target: Path) -> None:
    """Writes the files of FILES, and no others, below target."""
    missing = set(FILES)
    try:
        with tarfile.open(archive) as tar:
            for member in tar:
                name = member.name.partition("/")[2]
                content = tar.extractfile(member) if name in missing else None
                if content is None:
                    continue
                data = content.read()
                if _sha256(data) != FILES[name]:
                    raise SuiteError(f"{name} in {archive.name} is not the file of PyTorch {VERSION}")
                (target / name).parent.mkdir(parents=True, exist_ok=True)
                (target / name).write_bytes(data)
                missing.remove(name)
                if not missing:
                    return
    except (OSError, tarfile.TarError) as error:
        raise SuiteError(f"cannot read {archive}: {error}") from error
    raise SuiteError(f"{archive.name} lacks {', '.join(sorted(missing))}")


def _mirror_of_apt() -> str:
    """The mirror of Debian's main archive that this machine's apt uses."""
    if not shutil.which("apt-get"):
        raise SuiteError("there is no apt here; give the .orig.tar.xz of Debian's pytorch with --archive")
    addresses = _run(["apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages"])
    for address in addresses.split():
        if address.rstrip("/").endswith("/debian"):
            return address
    raise SuiteError("apt is set up with no mirror of Debian; name one with --mirror")


def _download(work: Path, mirror: str) -> Path:
    """Fetches the source archive with an apt of its own, so that the system's lists stay as they are."""
    for folder in ("lists/partial", "cache/archives/partial"):
        (work / folder).mkdir(parents=True)
    (work / "sources.list").write_text(f"deb-src [signed-by={KEYRING}] {mirror} {RELEASE} main\n")
    settings = {
        "Dir::Etc::SourceList": work / "sources.list",
        "Dir::Etc::SourceParts": "/dev/null",
        "Dir::State::Lists": work / "lists",
        "Dir::Cache": work / "cache",
        "APT::Sandbox::User": "",
        "APT::Update::Error-Mode": "any",
    }
    apt = ["apt-get", *(part for name, value in settings.items() for part in ("-o", f"{name}={value}"))]
    _run([*apt, "update"], work)
    _run([*apt, "source", "--download-only", "--tar-only", "pytorch"], work)
    archives = list(work.glob("pytorch_*.orig.tar.*"))
    if not archives:
        raise SuiteError("apt brought no source archive")
    return archives[0]


def _run(command: list[str], folder: Path | None = None) -> str:
    """Runs a command and returns what it prints."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if done.returncode:
        raise SuiteError(f"{command[0]} {command[-1]} failed: {(done.stderr or done.stdout).strip()}")
    return done.stdout
