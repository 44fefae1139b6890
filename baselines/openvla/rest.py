"""The door of OpenVLA's official server: ``POST /act`` with arrays in JSON."""

from __future__ import annotations

import http.client
import time
import urllib.error
import urllib.parse
import urllib.request
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from hamster_bench.baselines.openvla.json_numpy import dumps, loads
from hamster_bench.errors import AgentError, AgentUnavailableError, InvalidOptionError

Form = Literal["plain", "encoded", "oft"]

_LARGEST_ANSWER = 1 << 20
_PATIENCE_STEP = 0.5
# The server says so whatever went wrong, with status 200.
_ERROR = "error"


class RestServer:
    """A server of OpenVLA, or of its successor OFT.

    Args:
        url: ``http://host:port``; ``/act`` is added where no path is given.
        form: ``"plain"``: arrays in the request itself; ``"encoded"``: the same as one text, answered by a text in a text; ``"oft"``: the
            observation dictionary of OpenVLA-OFT, answered by a list of actions.
        timeout: [s] an answer may take.

    Raises:
        InvalidOptionError: the address is none.
    """

    def __init__(self, url: str, form: Form, timeout: float) -> None:
        parts = urllib.parse.urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise InvalidOptionError(f"an address of a server of openvla looks like http://127.0.0.1:8000, got {url!r}")
        self._url = url if parts.path not in ("", "/") else f"{url.rstrip('/')}/act"
        self._form, self._timeout = form, timeout

    def ask(self, image_rgb: NDArray[np.uint8], instruction: str, key: str | None) -> NDArray[np.float64]:
        """What the model answers: actions (n, 7) in the units of its data set.

        Raises:
            AgentError: it fails, or answers something else.
            AgentUnavailableError: nobody listens at the address.
        """
        image_name = "full_image" if self._form == "oft" else "image"
        request: dict[str, Any] = {image_name: image_rgb, "instruction": instruction}
        if key is not None:
            request["unnorm_key"] = key
        body = dumps({"encoded": dumps(request)}) if self._form == "encoded" else dumps(request)
        answer = loads(self._post(body.encode()))
        if isinstance(answer, str) and answer != _ERROR:
            # The encoded form, or a server that always answers so.
            answer = loads(answer)
        if isinstance(answer, str) and answer == _ERROR:
            raise AgentError(f"the model at {self._url} failed; its server's log says why")
        try:
            actions = np.asarray(answer, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise AgentError(f"{self._url} answered no action but {str(answer)[:200]!r}") from error
        actions = actions[None] if actions.ndim == 1 else actions
        if actions.ndim != 2 or actions.shape[1] != 7 or not len(actions):
            raise AgentError(f"{self._url} answered an array of shape {actions.shape}; an action is 7 numbers")
        return actions

    def wait(self, seconds: float) -> None:
        """Waits until somebody listens at the address.

        Raises:
            AgentUnavailableError: nobody does in that time.
        """
        until = time.monotonic() + seconds
        while True:
            try:
                # There is no health path; whatever is answered, somebody is there.
                with urllib.request.urlopen(urllib.parse.urljoin(self._url, "/"), timeout=self._timeout):
                    return
            except urllib.error.HTTPError as answer:
                answer.close()
                return
            except (OSError, http.client.HTTPException) as error:
                if time.monotonic() > until:
                    raise AgentUnavailableError(f"no server of openvla at {self._url} (waited {seconds:g} s): {error}") from error
                time.sleep(_PATIENCE_STEP)

    def _post(self, body: bytes) -> bytes:
        request = urllib.request.Request(self._url, body, {"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=self._timeout) as answer:
                text: bytes = answer.read(_LARGEST_ANSWER + 1)
        except urllib.error.HTTPError as refusal:
            with refusal:
                said = refusal.read(500).decode(errors="replace")
            raise AgentError(f"{self._url} answered status {refusal.code}: {said}") from refusal
        except TimeoutError as late:
            raise AgentError(f"{self._url} gave no answer within {self._timeout:g} s") from late
        except (OSError, http.client.HTTPException) as error:
            raise AgentError(f"{self._url} cannot be asked: {error}") from error
        if len(text) > _LARGEST_ANSWER:
            raise AgentError(f"{self._url} answered more than {_LARGEST_ANSWER} bytes; an action has a few hundred")
        return text


def check_it_looks(server: RestServer, key: str | None) -> None:
    """Makes sure that image and instruction count for the model behind a server.

    With newer versions of transformers the published code runs without an error and reads its last token alone: actions look
    plausible and are always the same.

    Raises:
        AgentError: four different questions have one answer.
    """
    rng = np.random.default_rng(0)
    pictures = [rng.integers(0, 255, (224, 224, 3), dtype=np.uint8), np.full((224, 224, 3), 200, np.uint8)]
    answers = [
        server.ask(picture, text, key)
        for picture in pictures
        for text in ("close the box", "pick up the red cup and turn around")
    ]
    if all(np.array_equal(answer, answers[0]) for answer in answers[1:]):
        raise AgentError(
            "the model behind the server gives the same action for different images and instructions: with newer versions of "
            "transformers than 4.40 the published code ignores both; probe=no runs it all the same"
        )
