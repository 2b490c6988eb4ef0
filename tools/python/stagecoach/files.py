# SPDX-License-Identifier: Apache-2.0
"""Files that are whole or not there, a folder's lock, and digests of inputs."""

import fcntl
import hashlib
import json
import os
import pathlib
import socket
import tempfile
import time
from typing import Any, Union

from .errors import InputError

Path = Union[str, "os.PathLike[str]"]
_BLOCK = 1 << 20
_WORTH_KEEPING = 1 << 20  # bytes: smaller files are read again
_SETTLED_SECONDS = 2.0  # a younger file may change again within its time stamp's grain


def read_json(path: Path) -> Any:
    """A file's content. Raises OSError, or InputError with the file's name, also for a key that
    stands twice in an object."""
    try:
        return json.loads(pathlib.Path(path).read_text(encoding="utf-8"),
                          object_pairs_hook=_without_duplicates)
    except ValueError as error:
        raise InputError(f"{path}: no JSON: {error}") from error


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f'"{twice}" is given twice')
    return found


def write_text(path: Path, text: str) -> None:
    """Swaps in the whole file: a reader, or a later start, sees the old or the new one."""
    path = pathlib.Path(path)
    handle, scratch = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with open(handle, "w", encoding="utf-8", newline="") as file:
            file.write(text)
            os.fchmod(handle, 0o666 & ~_umask())
        os.replace(scratch, path)
    except BaseException:
        os.unlink(scratch)
        raise


def write_json(path: Path, value: Any) -> None:
    write_text(path, json.dumps(value, indent=1) + "\n")


def _umask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask


class FolderLock:
    """Keeps a second sweep out of a folder. The kernel frees it when the last process that holds
    `descriptor` ends, so programs that a killed sweep left running keep it too."""

    def __init__(self, folder: Path, patience_seconds: float = 20.0) -> None:
        """Raises InputError if another process holds it. One whose owner is dead is waited for."""
        self.path = pathlib.Path(folder) / "lock"
        self.descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC,
                                  0o666)
        deadline = time.monotonic() + patience_seconds
        while not self._try():
            if self._owner_lives() or time.monotonic() > deadline:
                owner = self.path.read_text(encoding="utf-8").split()
                os.close(self.descriptor)
                raise InputError(f"{folder}: in use by another sweep"
                                 + (f" (process {owner[0]} on {owner[1]})" if owner[1:] else "")
                                 + "; give another --out, or wait until that one ends")
            time.sleep(0.1)
        os.ftruncate(self.descriptor, 0)
        os.pwrite(self.descriptor, f"{os.getpid()} {socket.gethostname()}\n".encode(), 0)

    def _try(self) -> bool:
        try:
            fcntl.flock(self.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            return False

    def _owner_lives(self) -> bool:
        owner = self.path.read_text(encoding="utf-8").split()
        if len(owner) < 2:
            return False
        if owner[1] != socket.gethostname():
            return True  # cannot be known from here
        return pathlib.Path(f"/proc/{owner[0]}").exists()

    def __enter__(self) -> "FolderLock":
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self.descriptor)


class Digests:
    """SHA-256 of files and folders. Of large files it is kept in a file, by path, size and time of
    the last change, so that a data set is read once and not at every call."""

    def __init__(self, store: Path) -> None:
        self._store = pathlib.Path(store)
        self._now: dict[str, str] = {}
        self._kept: dict[str, list[Any]] = {}
        self._changed = False
        try:
            kept = json.loads(self._store.read_text(encoding="utf-8"))
            self._kept = kept if isinstance(kept, dict) else {}
        except (OSError, ValueError):
            pass  # it only saves time

    def of(self, path: Path) -> str:
        """Of a file's bytes, or of the names and bytes of all files below a folder."""
        key = os.path.realpath(path)
        if key not in self._now:
            self._now[key] = self._folder(key) if os.path.isdir(key) else self._file(key)
        return self._now[key]

    def _folder(self, folder: str) -> str:
        total = hashlib.sha256()
        for path in sorted(p for p in pathlib.Path(folder).rglob("*") if p.is_file()):
            total.update(f"{path.relative_to(folder)}\0{self._file(str(path))}\n".encode())
        return total.hexdigest()

    def _file(self, path: str) -> str:
        status = os.stat(path)
        stamp = [status.st_size, status.st_mtime_ns, status.st_ino]
        known = self._kept.get(path)
        if isinstance(known, list) and known[:3] == stamp:
            return str(known[3])
        total = hashlib.sha256()
        with open(path, "rb") as file:
            while block := file.read(_BLOCK):
                total.update(block)
        digest = total.hexdigest()
        if status.st_size >= _WORTH_KEEPING and time.time() - status.st_mtime > _SETTLED_SECONDS:
            self._kept[path] = [*stamp, digest]
            self._changed = True
        return digest

    def keep(self) -> None:
        if self._changed:
            write_json(self._store, self._kept)
            self._changed = False
