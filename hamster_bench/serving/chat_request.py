"""Reading an OpenAI-style chat request that asks for a path: an image and an instruction."""

from __future__ import annotations

import base64
import binascii
import io
import json
import re
import warnings
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hamster_bench.errors import HamsterBenchError

# Larger pictures are no camera images; decoding them would take gigabytes.
LARGEST_IMAGE = 4096
_LONGEST_INSTRUCTION = 4000

_DATA_URL = re.compile(r"data:image/(?:jpeg|jpg|png);base64,", re.IGNORECASE)
_QUEST = re.compile(r"<quest>(.*?)</quest>", re.DOTALL)


class RefusedRequestError(HamsterBenchError):
    """A request cannot be answered as it is.

    Attributes:
        status: HTTP status that says so.
    """

    def __init__(self, message: str, status: int = 400) -> None:
        self.status = status
        super().__init__(message)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (str(self), self.status)


class PathRequest(NamedTuple):
    """What a client wants.

    Attributes:
        model: name of the model it asks for.
        image_rgb: (H, W, 3) uint8.
        instruction: the task in words.
    """

    model: str
    image_rgb: NDArray[np.uint8]
    instruction: str


def read_request(body: bytes, models: Iterable[str]) -> PathRequest:
    """The request a body holds.

    The instruction stands between ``<quest>`` tags, as in HAMSTER's prompt; a text without them is the instruction itself. Only what
    HAMSTER's client sends is looked at: model, and image and text of the last message of the user.

    Args:
        body: JSON.
        models: names that are answered to.

    Raises:
        RefusedRequestError: the body is no such request; the message says why.
    """
    try:
        request = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise RefusedRequestError(f"the body is no JSON: {error}") from error
    if not isinstance(request, dict):
        raise RefusedRequestError("the body has to be a JSON object with 'model' and 'messages'")
    model, known = request.get("model"), tuple(models)
    if model not in known:
        raise RefusedRequestError(f"there is no model {model!r} here; available: {', '.join(known)}", 404)
    if request.get("stream"):
        raise RefusedRequestError("answers are short and come whole; leave 'stream' out")
    parts = _last_user_content(request.get("messages"))
    texts = [part.get("text") for part in parts if part.get("type") == "text"]
    images = [part.get("image_url") for part in parts if part.get("type") == "image_url"]
    if len(images) != 1 or not texts or not all(isinstance(text, str) for text in texts):
        raise RefusedRequestError("the last message has to hold one part of type 'image_url' and one of type 'text'")
    return PathRequest(str(model), _image(images[0]), _instruction("\n".join(map(str, texts))))


def _last_user_content(messages: object) -> list[Mapping[str, Any]]:
    asked = [m for m in messages if isinstance(m, dict) and m.get("role") == "user"] if isinstance(messages, list) else []
    content = asked[-1].get("content") if asked else None
    if not isinstance(content, list) or not all(isinstance(part, dict) for part in content):
        raise RefusedRequestError("'messages' has to end with a message of the user whose 'content' is a list of parts")
    return content


def _image(part: object) -> NDArray[np.uint8]:
    from PIL import Image, UnidentifiedImageError

    url = part.get("url") if isinstance(part, dict) else part
    match = _DATA_URL.match(url) if isinstance(url, str) else None
    if match is None or not isinstance(url, str):
        raise RefusedRequestError(
            "the image has to come as data:image/jpeg;base64,... or data:image/png;base64,...; addresses are not followed"
        )
    try:
        data = base64.b64decode(url[match.end() :], validate=True)
        with warnings.catch_warnings():
            # The size is checked here, before anything is decoded.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(data), formats=("JPEG", "PNG")) as picture:
                if max(picture.size) > LARGEST_IMAGE:
                    raise RefusedRequestError(f"images have at most {LARGEST_IMAGE} pixels on an edge, got {picture.size}", 413)
                return np.array(picture.convert("RGB"))
    except (binascii.Error, UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise RefusedRequestError(f"the image cannot be read: {error}") from error


def _instruction(text: str) -> str:
    quest = _QUEST.search(text)
    instruction = (quest[1] if quest else text).strip()
    if not 1 <= len(instruction) <= _LONGEST_INSTRUCTION:
        raise RefusedRequestError(f"the instruction has 1 to {_LONGEST_INSTRUCTION} characters, got {len(instruction)}")
    return instruction
