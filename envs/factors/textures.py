"""Textures by name: this project's own, made on first use and kept in the user's cache, or the pictures in a user's folder."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hamster_bench.envs.cache import cache_directory, write_cached
from hamster_bench.envs.factors.procedural import RECIPES, REVISION, make_texture
from hamster_bench.errors import InvalidOptionError, UnknownNameError

if TYPE_CHECKING:
    from PIL import Image

TEXTURE_SIZE = 256
"""Edge of every texture [pixels]."""

ENDINGS = (".jpeg", ".jpg", ".png")
"""What names of pictures in a user's folder end with, in small or capital letters; other files are passed over."""

_SHAPE = (TEXTURE_SIZE, TEXTURE_SIZE, 3)
_DIGEST_BYTES = hashlib.sha256().digest_size


def texture_names(folder: Path | None = None) -> tuple[str, ...]:
    """Names that :func:`load_texture` takes, sorted.

    Args:
        folder: a user's folder of pictures, whose file names are the textures' names; this project's own textures when None.

    Raises:
        InvalidOptionError: the folder cannot be listed or holds no picture.
    """
    if folder is None:
        return tuple(RECIPES)
    try:
        names = sorted(path.name for path in Path(folder).iterdir() if path.suffix.lower() in ENDINGS and path.is_file())
    except OSError as error:
        raise InvalidOptionError(
            f"the texture folder {folder} cannot be read: {_reason(error)}. Give a folder of pictures."
        ) from error
    if not names:
        raise InvalidOptionError(f"the texture folder {folder} holds no picture; file names must end with {', '.join(ENDINGS)}.")
    return tuple(names)


def load_texture(name: str, folder: Path | None = None) -> NDArray[np.uint8]:
    """One texture.

    An own texture is the same on every machine and tiles. It takes tens of milliseconds to make; the cache directory keeps it for
    later calls, and where that cannot be written it is made anew each time. A user's picture is stretched to the size of the others,
    over white where it is transparent.

    Args:
        name: one of :func:`texture_names` of the same folder.
        folder: a user's folder of pictures; this project's own textures when None.

    Returns:
        (256, 256, 3), RGB. The array belongs to the caller.

    Raises:
        UnknownNameError: this project has no such texture.
        InvalidOptionError: the name is not that of a picture directly in the folder, or the picture cannot be read.
    """
    if folder is not None:
        return _read_picture(name, Path(folder))
    if name not in RECIPES:
        raise UnknownNameError("texture", name, RECIPES)
    path = cache_directory() / "textures" / f"{name}-{REVISION}.rgb"
    pixels = _read_cached(path)
    if pixels is None:
        pixels = make_texture(name)
        data = pixels.tobytes()
        write_cached(path, hashlib.sha256(data).digest() + data)
    return pixels


def check_pictures(folder: Path) -> None:
    """Looks at every picture of a user's folder, at what it says of itself and, of a PNG, at its check sums.

    Decoding them all would take seconds; a JPEG picture that is cut off shows only when it is drawn.

    Raises:
        InvalidOptionError: the folder cannot be listed or holds no picture, or one of them cannot be read.
    """
    for name in texture_names(folder):
        with _opened(Path(folder) / name) as picture:
            picture.verify()


def _read_cached(path: Path) -> NDArray[np.uint8] | None:
    """A texture from the cache; None where it is missing or damaged."""
    try:
        content = path.read_bytes()
    except OSError:
        return None
    digest, data = content[:_DIGEST_BYTES], content[_DIGEST_BYTES:]
    if len(data) != np.prod(_SHAPE) or hashlib.sha256(data).digest() != digest:
        return None
    return np.frombuffer(bytearray(data), np.uint8).reshape(_SHAPE)


def _read_picture(name: str, folder: Path) -> NDArray[np.uint8]:
    if name in {"", ".", ".."} or any(sign in name for sign in "/\\\0") or not name.lower().endswith(ENDINGS):
        raise InvalidOptionError(
            f"{name!r} is not the name of a texture in {folder}: a file name without folders, ending with {', '.join(ENDINGS)}."
        )
    with _opened(folder / name) as picture:
        return _as_texture(picture)


@contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    """A user's picture, not decoded yet; errors within the ``with`` block name the file."""
    from PIL import Image, UnidentifiedImageError

    try:
        # Only these two decoders ever see a user's file.
        with Image.open(path, formats=("PNG", "JPEG")) as picture:
            too_large = Image.MAX_IMAGE_PIXELS is not None and picture.width * picture.height > Image.MAX_IMAGE_PIXELS
            if too_large:
                raise ValueError(f"{picture.width} x {picture.height} pixels are too many")
            yield picture
    except UnidentifiedImageError as error:
        raise _unreadable(path, "it is neither a PNG nor a JPEG picture") from error
    except (OSError, ValueError, SyntaxError, EOFError, Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _unreadable(path, _reason(error)) from error


def _as_texture(picture: object) -> NDArray[np.uint8]:
    """RGB of the common size."""
    from PIL import Image, ImageOps

    assert isinstance(picture, Image.Image)
    upright = ImageOps.exif_transpose(picture)
    if upright.mode.startswith("I"):
        # Sixteen bits of grey, which Pillow would clip instead of scaling.
        grey = np.clip(np.asarray(upright, np.float64) / 257, 0, 255)
        upright = Image.fromarray(np.rint(grey).astype(np.uint8))
    if upright.has_transparency_data:
        layer = upright.convert("RGBA")
        upright = Image.new("RGBA", layer.size, "white")
        upright.alpha_composite(layer)
    resized = upright.convert("RGB").resize((TEXTURE_SIZE, TEXTURE_SIZE), Image.Resampling.LANCZOS)
    return np.array(resized, np.uint8)


def _unreadable(path: Path, reason: str) -> InvalidOptionError:
    return InvalidOptionError(f"the texture {path} cannot be read: {reason}. Repair it or take it out of the folder.")


def _reason(error: BaseException) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__
