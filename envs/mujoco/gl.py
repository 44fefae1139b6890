"""Choice of the OpenGL platform, which must be made before MuJoCo is imported.

MuJoCo reads ``MUJOCO_GL`` while it is imported and fails there when the library it names is missing, so the decision cannot wait
until an image is wanted.
"""

from __future__ import annotations

import ctypes
import os
import sys
from typing import Any

from hamster_bench.errors import InvalidOptionError

# In order of preference, with the library that must load. Both are equally fast without a GPU.
_PLATFORMS = (("egl", "libEGL.so.1"), ("osmesa", "libOSMesa.so.8"))

# What MuJoCo understands in MUJOCO_GL.
_OFF = ("disable", "disabled", "off", "false", "0")
_KNOWN = ("", "egl", "osmesa", "glfw", "glx", "wgl", "cgl", "enable", "enabled", "on", "true", "1", *_OFF)

INSTALL_COMMAND = "apt-get install -y libegl1 libegl-mesa0 libgl1-mesa-dri"


def choose_platform() -> str:
    """Chooses how images are drawn and sets the process's environment accordingly.

    ``MUJOCO_GL`` is kept when it is set and its library loads. Otherwise EGL is taken, then OSMesa, then ``"disable"``, which leaves
    ray casting. One software-rendering thread is asked for unless ``LP_NUM_THREADS`` is set: several worker processes then share
    the cores without getting in each other's way.

    Raises:
        InvalidOptionError: ``MUJOCO_GL`` holds a word that MuJoCo does not know.

    Returns:
        ``"egl"``, ``"osmesa"``, ``"disable"``, or another value found in ``MUJOCO_GL``; ``"glfw"`` on other systems than Linux.
    """
    os.environ.setdefault("LP_NUM_THREADS", "0")
    wanted = os.environ.get("MUJOCO_GL", "").lower().strip()
    if wanted not in _KNOWN:
        raise InvalidOptionError(
            f"MUJOCO_GL={wanted!r} is no OpenGL platform; allowed: {', '.join(filter(None, _KNOWN))}, or nothing"
        )
    libraries = dict(_PLATFORMS)
    if wanted in _OFF:
        return "disable"
    if wanted and (wanted not in libraries or _loads(libraries[wanted])):
        if wanted in libraries:
            os.environ["PYOPENGL_PLATFORM"] = wanted
        return wanted
    if sys.platform != "linux":
        return "glfw"
    chosen = next((platform for platform, library in _PLATFORMS if _loads(library)), "disable")
    os.environ["MUJOCO_GL"] = chosen
    if chosen != "disable":
        # PyOpenGL, which MuJoCo imports, keeps its own switch and must agree.
        os.environ["PYOPENGL_PLATFORM"] = chosen
    return chosen


def make_context(platform: str, width: int, height: int) -> Any:
    """An offscreen OpenGL context of the platform, whatever MuJoCo itself settled on when it was imported.

    Args:
        platform: what `choose_platform` returned.
        width: of images [pixel].
        height: of images [pixel].

    Raises:
        Exception: of many kinds, when the platform does not work here.
    """
    if platform == "egl":
        from mujoco.egl import GLContext
    elif platform == "osmesa":
        from mujoco.osmesa import GLContext
    else:
        from mujoco import GLContext
    return GLContext(width, height)


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True
