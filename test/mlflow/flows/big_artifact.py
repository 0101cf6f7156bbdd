"""200 MiB up and down."""

import hashlib
import os

import mlflow

SIZE = 200 * 1024 * 1024


def flow(f):
    f.experiment()
    source = f.folder / "big.bin"
    block = b"".join(hashlib.sha256(str(i).encode()).digest() for i in range(32_768))
    with open(source, "wb") as file:
        for i in range(SIZE // len(block)):
            file.write(bytes([i]) + block[1:])
    with mlflow.start_run() as run:
        mlflow.log_artifact(str(source), "big")
    f.see("listed", lambda: [(i.path, i.file_size) for i in f.client.list_artifacts(run.info.run_id, "big")])
    expected = digest(source)
    os.remove(source)
    fetched = f.client.download_artifacts(run.info.run_id, "big/big.bin", str(f.folder))
    f.see("same bytes", lambda: (digest(fetched) == expected, os.path.getsize(fetched)))


def digest(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
