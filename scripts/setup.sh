#!/usr/bin/env bash
# Sets up a checkout: system packages, virtual environment, pinned installation.
#
# Usage: scripts/setup.sh VENV [EXTRAS]
#
# Missing system packages come first: installed when this runs as root, otherwise named with the command that installs them.
# PYTHON chooses the interpreter; without it the first of python3.12, python3.11 and python3 that is new enough is taken.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly venv=$1
readonly extras=${2:-}
readonly log="${TMPDIR:-/tmp}/hamster-bench-setup.$$.log"
trap 'rm -f "$log"' EXIT

say() { printf '%s\n' "$*"; }
stop() { printf '%s\n' "$@" >&2; exit 1; }

# Keeps a command quiet unless it fails.
quietly() {
    "$@" >"$log" 2>&1 </dev/null || { local code=$?; tail -n 30 "$log" >&2; return "$code"; }
}

find_python() {
    local candidate
    for candidate in ${PYTHON:-python3.12 python3.11 python3}; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
            command -v "$candidate"
            return
        fi
    done
    return 1
}

# True when images can be drawn: OSMesa, or EGL together with a driver behind it.
gl_works() {
    "$1" - <<'PY'
import ctypes, glob, sys

def loads(library):
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True

mesa = loads("libEGL_mesa.so.0") and any(map(glob.glob, ("/usr/lib/*/dri/*swrast*", "/usr/lib/*/libgallium*")))
sys.exit(not (loads("libOSMesa.so.8") or loads("libEGL.so.1") and (mesa or loads("libEGL_nvidia.so.0"))))
PY
}

check_choice() {
    if [ -n "${PYTHON:-}" ] && ! find_python >/dev/null; then
        stop "PYTHON=$PYTHON does not run, or is older than Python 3.11. Name another one, or none."
    fi
}

# Sets `python` (empty when there is none) and the list `missing` of Debian packages.
look_around() {
    missing=()
    python=$(find_python || true)
    if [ -z "$python" ]; then
        if command -v python3 >/dev/null; then missing+=(python3.11 python3.11-venv); else missing+=(python3 python3-venv); fi
    elif ! "$python" -c 'import ensurepip, venv' >/dev/null 2>&1; then
        missing+=("$("$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')")
    fi
    if [ -z "$python" ] || ! gl_works "$python"; then
        missing+=(libegl1 libegl-mesa0 libgl1-mesa-dri)
    fi
    # The tests of the leaderboard's pages look at them in a browser.
    if [[ ,$extras, == *,test,* ]] && ! command -v chromium >/dev/null && ! command -v google-chrome >/dev/null; then
        missing+=(chromium)
    fi
}

provide_system_packages() {
    look_around
    [ ${#missing[@]} -gt 0 ] || return 0
    if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
        say "Installing system packages: ${missing[*]}"
        quietly apt-get update -qq || true
        DEBIAN_FRONTEND=noninteractive quietly apt-get install -y -qq --no-install-recommends "${missing[@]}" || true
        look_around
        [ ${#missing[@]} -gt 0 ] || return 0
    fi
    say "Some system packages are missing. This installs them:"
    say "    sudo apt-get install -y ${missing[*]}"
    if [ -z "$python" ]; then
        stop "Python 3.11 or newer is needed. Install it as above, or name one: make PYTHON=/path/to/python3.12 demo"
    fi
    if ! "$python" -c 'import ensurepip, venv' >/dev/null 2>&1; then
        stop "Without Python's venv module no virtual environment can be made."
    fi
    if [[ " ${missing[*]} " == *" libegl1 "* ]]; then
        say "Going on without OpenGL: images are drawn by ray casting, without textures."
    fi
    if [[ " ${missing[*]} " == *" chromium "* ]]; then
        say "Going on without Chromium: tests of pages are skipped."
    fi
}

install() {
    if ! "$venv/bin/python" -c 'import pip' >/dev/null 2>&1; then
        say "Making the virtual environment $venv/ with $("$python" --version)"
        quietly "$python" -m venv --clear "$venv" || stop "No virtual environment could be made in $venv/."
    fi
    local target=.${extras:+[$extras]}
    say "Installing hamster-bench${extras:+ with what $extras need} (about a minute the first time)"
    quietly "$venv/bin/python" -m pip install --quiet --disable-pip-version-check -c constraints.txt -e "$target" ||
        stop "The installation failed; pip's last words are above. It needs a package index: is the network there?"
}

check_choice
provide_system_packages
install
