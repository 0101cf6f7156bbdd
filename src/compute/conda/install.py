"""Puts the packages of a conda lock file into a folder: `install.py LOCK FOLDER`.

The lock file is `pixi.lock`, of which the environment `default` counts, or an explicit list: one package on each line,
`https://…/linux-64/name-1.2.3-build.conda#` with its MD5, or `#sha256:` with that [conda, "Identical environments"].
Nothing is resolved, and what has another hash is refused.

What the packages' own scripts (`etc/conda/activate.d`) set is written to `activation.json` beside the folder.
"""

import asyncio
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NoReturn

from rattler import BuildString, Client, LockFile, PackageRecord, RepoDataRecord, install
from rattler.exceptions import InstallerError, ParseCondaLockError
from rattler.platform import Platform

PACKAGE = re.compile(
    r"(?P<channel>\S+)/(?P<subdir>[a-z0-9-]+)/(?P<name>[^/\s#]+)-(?P<version>[^/\s#-]+)-(?P<build>[^/\s#-]+)"
    r"(?P<kind>\.conda|\.tar\.bz2)#(?:(?P<md5>[0-9a-f]{32})|sha256:(?P<sha256>[0-9a-f]{64}))"
)
HERE = str(Platform.current())


def refuse(what: str) -> NoReturn:
    sys.exit(what)


def listed(text: str) -> list[RepoDataRecord]:
    """The packages of an explicit list."""
    lines = [line.strip() for line in text.splitlines()]
    return [package(number, line) for number, line in enumerate(lines, 1) if line and line[0] not in "#@"]


def package(number: int, line: str) -> RepoDataRecord:
    match = PACKAGE.fullmatch(line)
    if not match:
        refuse(f"Line {number} is {line!r}. Allowed: the URL of a package, # and its MD5 or sha256:… of it.")
    if match["subdir"] not in (HERE, "noarch"):
        refuse(f"Line {number} is a package for {match['subdir']}. Allowed: {HERE} and noarch.")
    record = PackageRecord(
        name=match["name"],
        version=match["version"],
        build=BuildString(match["build"]),
        build_number=0,
        subdir=match["subdir"],
        md5=bytes.fromhex(match["md5"]) if match["md5"] else None,
        sha256=bytes.fromhex(match["sha256"]) if match["sha256"] else None,
    )
    file_name = f"{match['name']}-{match['version']}-{match['build']}{match['kind']}"
    return RepoDataRecord(record, file_name, line.partition("#")[0], match["channel"])


def of_pixi(path: Path) -> list[RepoDataRecord]:
    environment = LockFile.from_path(path).default_environment()
    if environment is None:
        refuse("The lock file has no environment `default`.")
    platforms = {str(platform.name): platform for platform in environment.platforms()}
    if HERE not in platforms:
        refuse(f"The lock file is for {', '.join(sorted(platforms))}. Allowed: one that is for {HERE}.")
    if environment.pypi_packages_for_platform(platforms[HERE]):
        refuse("The lock file has packages of PyPI. Allowed: packages of conda channels.")
    records = environment.conda_repodata_records_for_platform(platforms[HERE]) or []
    for record in records:
        if not (record.md5 or record.sha256):
            refuse(f"{record.file_name} has no hash. Allowed: packages with `sha256` or `md5`.")
    return records


def activation(folder: Path) -> dict[str, str]:
    """The variables that the packages' scripts set or change, other than PATH."""
    scripts = sorted((folder / "etc" / "conda" / "activate.d").glob("*.sh"))
    env = {"PATH": f"{folder / 'bin'}:/usr/local/bin:/usr/bin:/bin", "CONDA_PREFIX": str(folder)}
    if not scripts:
        return {"CONDA_PREFIX": str(folder)}
    sources = "".join(f". '{script}' >&2\n" for script in scripts)
    said = subprocess.run(["bash", "-c", f"{sources}env -0"], env=env, check=True, stdout=subprocess.PIPE).stdout
    pairs = (entry.partition("=") for entry in said.decode().split("\0") if entry)
    return {name: value for name, _, value in pairs if name not in ("PATH", "PWD", "OLDPWD", "SHLVL", "_")}


async def main(lock: Path, folder: Path) -> None:
    records = of_pixi(lock) if lock.name == "pixi.lock" else listed(lock.read_text())
    print(f"Installing {len(records)} packages.")
    # A cache of its own: a package that another environment has fetched may have had another hash.
    with TemporaryDirectory(dir=folder.parent) as cache:
        await install(
            records,
            folder,
            cache_dir=Path(cache),
            show_progress=False,
            execute_link_scripts=True,
            client=Client.default_client(),
        )
    folder.with_name("activation.json").write_text(json.dumps(activation(folder), indent=2))


if __name__ == "__main__":
    try:
        asyncio.run(main(Path(sys.argv[1]), Path(os.path.abspath(sys.argv[2]))))
    except (InstallerError, ParseCondaLockError) as error:
        refuse(str(error))
