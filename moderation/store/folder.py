"""The data folder: who may read it, who holds it, and where its socket lies.

    DIR/                   0700
      serve.lock           held by the one service of this folder, for its life
      store.lock           held by whoever owns the server: the service, or a command while none serves
      store/               0700, the server's own files
        server.lock        held by the server process itself, through a descriptor it inherited
        server.sock        or, when the path is too long for a socket, in a private folder that `socket` names

All locks are flock: the kernel frees them when their holder dies, whatever killed it. `server.lock` is why two
servers never write the same files: it is free only when no process of the old one lives, hung or not.
"""

import contextlib
import fcntl
import hashlib
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from moderation.errors import SetupRefused

LONGEST_SOCKET_PATH = 103 if os.uname().sysname == "Darwin" else 107


class FolderRefused(SetupRefused):
    """This folder cannot hold a store."""


class FolderServed(SetupRefused):
    """Another process holds this folder."""


class DataFolder:
    """One data folder. Other files in it do not matter."""

    def __init__(self, path: Path) -> None:
        self.path = Path(os.path.abspath(path.expanduser()))
        self.store = self.path / "store"
        self.server_lock = self.store / "server.lock"

    def prepare(self) -> None:
        """Make the folder and close it to other accounts."""
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._close_to_others()
            self.store.mkdir(mode=0o700, exist_ok=True)
            self.store.chmod(0o700)
        except FileExistsError:
            raise FolderRefused(f"{self.path} is not a folder; choose another with --data DIR") from None
        except OSError as error:
            raise FolderRefused(
                f"{self.path} cannot be used as data folder: {error.strerror}; choose another with --data DIR"
            ) from None

    def has_store(self) -> bool:
        """Say whether a server has ever written here."""
        return (self.store / "appendonlydir").is_dir()

    def free_mb(self) -> int:
        """Return the free space of the folder's disk."""
        return shutil.disk_usage(self.path).free // (1024 * 1024)

    @contextmanager
    def served(self) -> Iterator[None]:
        """Be the one service of this folder, or raise `FolderServed`."""
        self.prepare()
        # A command that asks whether the folder is served holds the lock for an instant, hence the short wait.
        with _held(self.path / "serve.lock", wait=0.5) as got:
            if not got:
                raise FolderServed(
                    f"a moderation service already runs on {self.path}; stop it, or choose another folder with --data DIR"
                )
            yield

    def is_served(self) -> bool:
        """Say whether a service holds this folder."""
        with _held(self.path / "serve.lock", wait=0.0) as got:
            return not got

    @contextmanager
    def owned(self, wait: float) -> Iterator[bool]:
        """Own the server of this folder: nobody else starts or stops it. False when another does after the wait."""
        self.prepare()
        with _held(self.path / "store.lock", wait) as got:
            yield got

    def remember_address(self, url: str) -> None:
        """Write down where the service is, for commands that print a link: its port may have been chosen freely."""
        with contextlib.suppress(OSError):
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            (self.path / "address").write_text(url + "\n", encoding="utf-8")

    def address(self) -> str:
        """Give where the service is, or was last; nothing where none has run."""
        with contextlib.suppress(OSError):
            return (self.path / "address").read_text(encoding="utf-8").strip()
        return ""

    def socket(self) -> Path:
        """Return where the server of this folder listens, or will."""
        near = self.store / "server.sock"
        if len(os.fsencode(near)) <= LONGEST_SOCKET_PATH:
            return near
        note = self.store / "socket"
        if note.exists():
            return Path(note.read_text(encoding="utf-8"))
        return self._far_socket()

    def remember_socket(self) -> Path:
        """Settle where the server will listen, and leave a note when that is not in the folder itself."""
        note = self.store / "socket"
        near = self.store / "server.sock"
        if len(os.fsencode(near)) <= LONGEST_SOCKET_PATH:
            note.unlink(missing_ok=True)
            return near
        far = self._far_socket()
        _make_private(far.parent)
        note.write_text(str(far), encoding="utf-8")
        return far

    def _far_socket(self) -> Path:
        runtime = Path(os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir())
        digest = hashlib.sha256(os.fsencode(self.path)).hexdigest()[:16]
        far = runtime / f"moderation-{os.getuid()}-{digest}" / "server.sock"
        if len(os.fsencode(far)) > LONGEST_SOCKET_PATH:
            far = Path("/tmp") / far.parent.name / far.name  # noqa: S108 - the folder is made 0700 and checked
        return far

    def _close_to_others(self) -> None:
        """Take the folder away from other accounts, unless it plainly belongs to them too."""
        found = self.path.stat()
        # A volume that a container platform has mounted may belong to root: `store` in it is closed all the same.
        ours = found.st_uid == os.getuid() and not found.st_mode & stat.S_ISVTX and self.path != Path("/")
        if ours and found.st_mode & 0o077:
            self.path.chmod(0o700)


@contextmanager
def _held(path: Path, wait: float) -> Iterator[bool]:
    """Hold a lock file for the block; False when somebody else still holds it after the wait (in seconds)."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        yield take(descriptor, wait)
    finally:
        os.close(descriptor)


def take(descriptor: int, wait: float) -> bool:
    """Lock an open file, trying for `wait` seconds."""
    deadline = time.monotonic() + wait
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                return False
            time.sleep(0.02)
        else:
            return True


def _make_private(path: Path) -> None:
    """Make a folder that only this account can use; refuse one that somebody else has put there."""
    try:
        path.mkdir(mode=0o700, parents=True)
    except FileExistsError:
        found = path.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
            raise FolderRefused(f"{path} is not a private folder of this account; remove it") from None
