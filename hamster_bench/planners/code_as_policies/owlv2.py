"""OWLv2, an open-vocabulary detector, through the library transformers.

Minderer, Gritsenko, Houlsby: Scaling Open-Vocabulary Object Detection (2023), https://arxiv.org/abs/2306.09683.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hamster_bench.errors import InvalidOptionError, MissingDependencyError
from hamster_bench.planners.code_as_policies.detection import Detection

DEFAULT_MODEL = "google/owlv2-base-patch16-ensemble"
# The wording of the captions that its text encoder was trained on.
_CAPTION = "a photo of a {query}"
# transformers resizes images with scipy.
_PACKAGES = ("torch", "transformers", "scipy")
_INSTALL = "pip install 'hamster-bench[detector]', or pip install torch transformers scipy"


class OwlV2Detector:
    """Finds things by their names.

    Weights are read from a folder or from the cache of the Hugging Face hub, never from the network. They are loaded at the first image.

    Args:
        model: a folder with weights, tokenizer and settings, or a name on the hub that has been downloaded.
        threshold: least score of a detection; OWLv2's scores of right boxes are often as low as 0.1 to 0.3.
        device: where the model runs, as torch names it.

    Raises:
        InvalidOptionError: the threshold is no fraction.
        MissingDependencyError: torch, transformers or scipy is not installed.
    """

    def __init__(self, model: str = DEFAULT_MODEL, *, threshold: float = 0.1, device: str = "cpu") -> None:
        if not 0.0 <= threshold < 1.0:
            raise InvalidOptionError(f"threshold is a score from 0 to below 1, got {threshold!r}")
        missing = [package for package in _PACKAGES if importlib.util.find_spec(package) is None]
        if missing:
            raise MissingDependencyError(f"the detector OWLv2 needs {', '.join(missing)}: {_INSTALL}")
        self._name, self._threshold, self._device = model, threshold, device
        self._loaded: tuple[Any, Any] | None = None

    def detect(self, image_rgb: NDArray[np.uint8], queries: Sequence[str]) -> list[Detection]:
        """What is seen of each query in an image (H, W, 3).

        The model sees the image padded to a square, at its right and lower border; boxes are given in the image itself, and what lies
        in the padding alone is left out.

        Raises:
            MissingDependencyError: the weights are not on this machine.
        """
        if not queries:
            return []
        processor, model = self._parts()
        from PIL import Image

        torch = importlib.import_module("torch")
        captions = [_CAPTION.format(query=query) for query in queries]
        inputs = processor(
            text=[captions], images=Image.fromarray(image_rgb), return_tensors="pt", padding="max_length", truncation=True
        )
        with torch.inference_mode():
            outputs = model(**inputs.to(self._device))
        height, width = image_rgb.shape[:2]
        found = processor.post_process_grounded_object_detection(
            outputs, threshold=self._threshold, target_sizes=[(height, width)]
        )[0]
        boxes = found["boxes"].double().cpu().numpy() / (width, height, width, height)
        rows = zip(found["scores"].tolist(), found["labels"].tolist(), np.clip(boxes, 0.0, 1.0).tolist(), strict=True)
        return [
            Detection(queries[label], score, (left, top, right, bottom))
            for score, label, (left, top, right, bottom) in rows
            if right > left and bottom > top
        ]

    def _parts(self) -> tuple[Any, Any]:
        """Processor and model."""
        if self._loaded is None:
            try:
                transformers = importlib.import_module("transformers")
            except ImportError as error:
                raise MissingDependencyError(f"transformers cannot be imported ({error}); install it anew: {_INSTALL}") from error
            try:
                processor = transformers.Owlv2Processor(
                    image_processor=transformers.Owlv2ImageProcessorPil.from_pretrained(self._name, local_files_only=True),
                    tokenizer=transformers.AutoTokenizer.from_pretrained(self._name, local_files_only=True),
                )
                model = transformers.Owlv2ForObjectDetection.from_pretrained(self._name, local_files_only=True)
            except (OSError, ValueError) as error:
                raise MissingDependencyError(
                    f"the weights of the detector {self._name!r} are not on this machine; 'hf download {DEFAULT_MODEL}' fetches the usual "
                    f"ones, and detector=FOLDER names a folder with others ({str(error).splitlines()[0][:200]})"
                ) from error
            self._loaded = processor, model.to(self._device).eval()
        return self._loaded
