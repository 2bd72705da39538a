"""The .npz format, read without trust and written without leaving halves behind.

Why not `np.load` and `np.savez`: `np.load` allocates what a header promises before it looks at the data, and
`np.savez` writes in place, stamps the time, and takes a name such as "file" for its own argument.
"""

import contextlib
import io
import math
import os
import secrets
import struct
import warnings
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO
from urllib.parse import unquote

import numpy as np

from gradcli.arrays import MAX_BYTES, Array
from gradcli.errors import ArchiveError

_HEADER_BYTES = 2**16  # an honest header has about a hundred
_CHUNK_BYTES = 2**20
_MAX_MEMBERS = 10_000
_LONGEST_KEY = 500  # characters; such names stand in messages
_MOST_AT_ONCE = 2**22  # bytes; the names of 10,000 arrays, which zipfile reads before it counts them
_MOST_SQUEEZED, _SMALL = 200, 2**28  # what is larger than its file by more than this factor is a bomb
_ENCRYPTED = 1
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the same content makes the same bytes
_PLAIN_KINDS = "biufcU"  # booleans, numbers and text
_HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
_DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, ValueError, struct.error, OSError, NotImplementedError)


def read_arrays(path: Path) -> dict[str, Array]:
    """Every array of an .npz file by its key, in the file's order.

    Nothing is unpickled. Memory stays below `MAX_BYTES`, whatever the headers promise.
    Raises ArchiveError, one line, for what is not an .npz file of plain arrays.
    """
    _refuse_unless_zip(path)
    try:
        with _Wary(path) as file, zipfile.ZipFile(file) as archive:
            members = archive.infolist()
            _refuse_unless_arrays(path, members)
            return {_key(member): _read_member(path, archive, member) for member in members}
    except MemoryError as error:
        raise ArchiveError(f"{path}: does not fit into memory") from error
    except OSError as error:
        raise ArchiveError(f"{path}: cannot be read: {error.strerror or error}") from error
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise ArchiveError(f"{path}: is damaged ({error})") from error


def write_arrays(path: Path, arrays: Mapping[str, Array]) -> None:
    """Write an .npz file whole or not at all; a file that was there before survives every failure.

    The same arrays make the same bytes. Raises ArchiveError with the reason.
    """
    home = Path(os.path.realpath(path))  # a link stays a link: what it points to is replaced
    temporary = home.with_name(f".{secrets.token_hex(8)}.npz.tmp")
    try:
        if home.exists() and not home.is_file():
            raise ArchiveError(f"{path}: cannot be written: it is {_nature(home)}, not a file")
        with _removed_on_failure(temporary):
            with temporary.open("xb") as file:
                write_members(file, arrays)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(home)
    except (OSError, ValueError) as error:  # ValueError: an array that would need a pickle
        reason = getattr(error, "strerror", None) or error
        raise ArchiveError(f"{path}: cannot be written: {reason}") from error


class _Wary(io.FileIO):
    """A file that is never read in large pieces, whatever is written in it."""

    def read(self, size: int | None = -1, /) -> bytes:
        """Raises BadZipFile if that is much."""
        if size is not None and size > _MOST_AT_ONCE:
            raise zipfile.BadZipFile(f"its directory has {size / 2**20:.0f} MiB")
        return super().read(-1 if size is None else size) or b""


def _refuse_unless_zip(path: Path) -> None:
    try:
        if not path.exists():
            raise ArchiveError(f"{path}: no such file")
        if not path.is_file():
            raise ArchiveError(f"{path}: is {_nature(path)}, not an .npz file")
        with path.open("rb") as file:
            magic = file.read(6)
    except OSError as error:
        raise ArchiveError(f"{path}: cannot be read: {error.strerror or error}") from error
    if magic == b"\x93NUMPY":
        raise ArchiveError(
            f"{path}: is a single .npy array; save an .npz by argument name: np.savez(path, x=x)"
        )
    if not zipfile.is_zipfile(path):
        raise ArchiveError(f"{path}: is not an .npz file; save one by argument name: np.savez(path, x=x)")


def _refuse_unless_arrays(path: Path, members: list[zipfile.ZipInfo]) -> None:
    names = [member.filename for member in members]
    if not names:
        raise ArchiveError(f"{path}: holds no arrays")
    if len(names) > _MAX_MEMBERS:
        raise ArchiveError(f"{path}: holds {len(names)} arrays, more than {_MAX_MEMBERS}")
    for name in names:
        if len(name) > _LONGEST_KEY:
            raise ArchiveError(
                f"{path}: an array's name has {len(name)} characters; at most {_LONGEST_KEY} are read"
            )
        if not name.endswith(".npy"):
            raise ArchiveError(f"{path}: is not an .npz file: it holds {name!r}, which is not an array")
    if len(set(names)) < len(names):
        raise ArchiveError(f"{path}: holds {max(names, key=names.count).removesuffix('.npy')!r} twice")
    promised = sum(member.file_size for member in members)
    if promised > MAX_BYTES:
        raise ArchiveError(
            f"{path}: holds {promised / 2**30:.1f} GiB; more than {MAX_BYTES / 2**30:g} GiB is refused"
        )
    size = path.stat().st_size
    if promised > max(_SMALL, _MOST_SQUEEZED * size):
        raise ArchiveError(
            f"{path}: holds {promised / 2**20:.0f} MiB in {size / 2**20:.1f} MiB, as bombs do; "
            "save it uncompressed: np.savez"
        )


def _read_member(path: Path, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Array:
    key = _key(member)
    if member.flag_bits & _ENCRYPTED:
        raise ArchiveError(f"{path}: {key!r} is encrypted")
    try:
        with archive.open(member) as file:
            head = io.BytesIO(file.read(_HEADER_BYTES))
            shape, fortran, dtype = _read_header(head)
            if dtype.hasobject:
                raise ArchiveError(
                    f"{path}: {key!r} holds pickled objects, which are never loaded; save plain arrays"
                )
            if dtype.kind not in _PLAIN_KINDS or dtype.itemsize == 0:
                raise ArchiveError(f"{path}: {key!r} has dtype {dtype}; expected an array of plain numbers")
            count = math.prod(shape)
            if min(shape, default=0) < 0 or count * dtype.itemsize != member.file_size - head.tell():
                raise ArchiveError(
                    f"{path}: {key!r} is damaged: its size does not match its header {shape} {dtype}"
                )
            flat = np.empty(count, dtype)
            _fill(flat.view(np.uint8).data, head.read(), file)
            array = flat.reshape(shape[::-1]).T if fortran else flat.reshape(shape)
    except _DAMAGE as error:
        raise ArchiveError(f"{path}: {key!r} is damaged ({error})") from error
    return array.astype(dtype.newbyteorder("="), copy=False)


def _read_header(file: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a header written under Python 2 is odd, but sound
        version = np.lib.format.read_magic(file)
        read = _HEADERS.get(version)
        if read is None:
            raise ValueError(f"format version {version[0]}.{version[1]}")
        try:
            shape, fortran, dtype = read(file)
        except Exception as error:  # whatever Python's own parser, which NumPy uses, makes of it
            raise ValueError("its header is that of no array") from error
    return tuple(map(int, shape)), fortran, dtype


def _fill(buffer: memoryview, start: bytes, file: IO[bytes]) -> None:
    """Copy start and then the rest of the file into the buffer, in bounded steps."""
    buffer[: len(start)] = start
    filled = len(start)
    while chunk := file.read(_CHUNK_BYTES):  # to the end: that is where zipfile checks the checksum
        buffer[filled : filled + len(chunk)] = chunk
        filled += len(chunk)
    if filled != len(buffer):
        raise EOFError(f"{filled} bytes instead of {len(buffer)}")


def write_members(file: IO[bytes], arrays: Mapping[str, Array]) -> None:
    """Write what an .npz file holds. Raises ValueError for an array that would need a pickle."""
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
        for key, array in arrays.items():
            member = zipfile.ZipInfo(f"{_quoted(key)}.npy", _EPOCH)
            member.create_system, member.external_attr = 3, 0o644 << 16  # the same bytes on every system
            with archive.open(member, "w", force_zip64=True) as stream:
                np.lib.format.write_array(stream, np.asanyarray(array), allow_pickle=False)


def _key(member: zipfile.ZipInfo) -> str:
    return unquote(member.filename.removesuffix(".npy"), errors="surrogatepass")


def _quoted(key: str) -> str:
    """The key as a name that a zip file can hold: zipfile cuts at NUL and turns backslashes on Windows."""
    return "".join(c if c.isprintable() and c not in "%\\" else _percent(c) for c in key)


def _percent(character: str) -> str:
    return "".join(f"%{byte:02X}" for byte in character.encode("utf-8", "surrogatepass"))


def _nature(path: Path) -> str:
    return "a folder" if path.is_dir() else "a device or a pipe"


@contextlib.contextmanager
def _removed_on_failure(temporary: Path) -> Iterator[None]:
    try:
        yield
    except BaseException:  # Ctrl-C too
        temporary.unlink(missing_ok=True)
        raise
