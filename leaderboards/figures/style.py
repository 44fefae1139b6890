"""What all figures share: fonts, colours that can be told apart, and files that come out the same every time."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hamster_bench.errors import StoreError, UnknownNameError

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.figure import Figure

FORMATS = ("pdf", "svg", "png")

# Okabe and Ito (2008), "Color universal design", without yellow, which is lost on white paper; black comes last.
OKABE_ITO = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
# More markers than colours, and no common divisor: the two come together again only after 77 series.
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "p", "*")
# Bars are told apart by their pattern, too, where a printer has no colours.
HATCHES = ("", "////", "....", "\\\\\\\\", "xxxx", "----", "++++", "oooo")
GREY = "#6E6E6E"
LIGHT = "#ECECEC"

TEXT_WIDTH = 7.0  # of a page with two columns [inch]
_CHARACTERS = 22  # of a footnote that fit into an inch
_RESOLUTION = 200  # of PNG files [dots an inch]

_STYLE: Any = {
    "font.family": "DejaVu Sans",
    "font.size": 8,
    "axes.titlesize": 9,
    "axes.labelsize": 8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "xtick.labelsize": 7.5,
    "ytick.labelsize": 7.5,
    "legend.fontsize": 7.5,
    "legend.frameon": False,
    "hatch.linewidth": 0.6,
    "figure.constrained_layout.use": True,
    # Names are no formulas, whatever characters they have.
    "text.parse_math": False,
    # Text stays text, so that it can be searched and set in another font; 42 is TrueType, which publishers ask for.
    "svg.fonttype": "none",
    "pdf.fonttype": 42,
    # Names of clipping paths are random otherwise.
    "svg.hashsalt": "hamster_bench",
}
# Files hold no time of day, so that the same records give the same files.
_METADATA: dict[str, dict[str, None]] = {"pdf": {"CreationDate": None}, "svg": {"Date": None}, "png": {}}


@contextmanager
def figure_style() -> Iterator[None]:
    """Within it figures are made and written in the common style; matplotlib's own settings come back afterwards."""
    import matplotlib

    with matplotlib.rc_context(_STYLE):
        yield


def check_formats(formats: Sequence[str]) -> None:
    """Refuses names of file formats that are not known.

    Raises:
        UnknownNameError: a format is none of `FORMATS`.
    """
    for name in formats:
        if name not in FORMATS:
            raise UnknownNameError("file format", name, FORMATS)


def save(figure: Figure, folder: Path, name: str, formats: Sequence[str] = FORMATS) -> list[Path]:
    """Writes a figure in several formats, replacing files of these names.

    Args:
        figure: the figure.
        folder: where to; made if it does not exist.
        name: name without ending; characters that file systems take amiss are replaced.
        formats: endings.

    Returns:
        The files.

    Raises:
        UnknownNameError: a format is none of `FORMATS`.
        StoreError: a file cannot be written.
    """
    check_formats(formats)
    stem = re.sub(r"[^A-Za-z0-9_.-]+", "_", name)
    files = [folder / f"{stem}.{ending}" for ending in formats]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for file, ending in zip(files, formats, strict=True):
            with figure_style():
                figure.savefig(file, format=ending, dpi=_RESOLUTION, metadata=_METADATA[ending])
    except OSError as error:
        raise StoreError(f"{folder} cannot be written: {error.strerror or error}") from error
    return files


def footnote(figure: Figure, text: str) -> None:
    """Small lines below everything that say what the figure rests on."""
    width = int(_CHARACTERS * figure.get_figwidth())
    figure.supxlabel("\n".join(textwrap.wrap(text, width)), x=0.01, ha="left", fontsize=6, color=GREY)


def titled_legend(figure: Figure, handles: Sequence[Artist | tuple[Any, ...]], title: str, columns: int) -> None:
    """A legend above everything, below the figure's title."""
    figure.legend(handles=list(handles), loc="outside upper left", ncols=columns, title=title, alignment="left", title_fontsize=9)
