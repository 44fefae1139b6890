"""A user's own textures and distractors as part of a protocol: where they lie, and what they are."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from hamster_bench.envs.factors.distractor_objects.folder import object_files
from hamster_bench.envs.factors.textures import texture_names
from hamster_bench.errors import InvalidOptionError


@dataclass(frozen=True)
class MaterialFolder:
    """A folder of pictures or meshes.

    Attributes:
        path: where it lay when the protocol was made.
        digest: 12 hexadecimal digits of the SHA-256 of the names and contents of its files; it stands for the folder in fingerprints.
    """

    path: str
    digest: str

    def __str__(self) -> str:
        return f"{Path(self.path).name}@{self.digest}"


def texture_folder(path: Path) -> MaterialFolder:
    """A folder of pictures to draw textures from.

    Raises:
        InvalidOptionError: it cannot be read or holds no picture.
    """
    return _folder(path, texture_names(path))


def distractor_folder(path: Path) -> MaterialFolder:
    """A folder of meshes to draw distractors from.

    Raises:
        InvalidOptionError: it cannot be read or holds no mesh.
    """
    return _folder(path, object_files(path))


def _folder(path: Path, names: tuple[str, ...]) -> MaterialFolder:
    digest = hashlib.sha256()
    for name in names:
        try:
            content = hashlib.sha256((path / name).read_bytes()).digest()
        except OSError as error:
            raise InvalidOptionError(f"{path / name} cannot be read: {error.strerror or error}") from error
        digest.update(name.encode() + b"\0" + content)
    return MaterialFolder(str(path.absolute()), digest.hexdigest()[:12])
