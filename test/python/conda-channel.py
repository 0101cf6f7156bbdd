"""Writes a channel of conda: `conda-channel.py FOLDER`. Prints the explicit lock file, with $CHANNEL for its address."""

import hashlib
import io
import json
import sys
import tarfile
from pathlib import Path

ROOT = Path(sys.argv[1])
# What builders of packages leave in files for the folder that they are installed into.
PLACEHOLDER = "/opt/placehold_placehold_placehold"


def package(name, build, files, subdir="linux-64", version="1.0", **index):
    path = ROOT / subdir / f"{name}-{version}-{build}.tar.bz2"
    path.parent.mkdir(parents=True, exist_ok=True)
    facts = {"name": name, "version": version, "build": build, "build_number": 0, "subdir": subdir, "depends": [], **index}
    paths = [
        {
            "_path": file,
            "path_type": "hardlink",
            "sha256": hashlib.sha256(text.encode()).hexdigest(),
            "size_in_bytes": len(text.encode()),
            **({"prefix_placeholder": PLACEHOLDER, "file_mode": "text"} if PLACEHOLDER in text else {}),
        }
        for file, text in files.items()
    ]
    info = {"info/index.json": json.dumps(facts), "info/paths.json": json.dumps({"paths": paths, "paths_version": 1})}
    with tarfile.open(path, "w:bz2") as archive:
        for file, text in {**files, **info}.items():
            member = tarfile.TarInfo(file)
            member.size, member.mode = len(text.encode()), 0o755 if file.startswith("bin/") else 0o644
            archive.addfile(member, io.BytesIO(text.encode()))
    print(f"$CHANNEL/{subdir}/{path.name}#{hashlib.md5(path.read_bytes()).hexdigest()}")


print("@EXPLICIT")
greet = f"#!/bin/sh\necho greetings from {PLACEHOLDER} with $GREET_DATA\n"
activate = 'export GREET_DATA="$CONDA_PREFIX/share/greet"\n'
package("greet", "h0_0", {"bin/greet": greet, "etc/conda/activate.d/greet.sh": activate})
package("python", "h1_0", {"bin/python3.11": "#!/bin/sh\n"}, version="3.11")
package("rainfall", "pyhd8_0", {"site-packages/rainfall.py": "inches = 37\n"}, subdir="noarch", noarch="python")
