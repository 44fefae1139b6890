"""Files that are there as a whole or not at all."""

import subprocess
import sys
from pathlib import Path

import pytest

from hamster_bench import files
from hamster_bench.errors import StoreError
from hamster_bench.files import remove_leftovers, write_whole


def test_a_file_is_replaced(tmp_path):
    write_whole(tmp_path / "a.txt", "ä")
    write_whole(tmp_path / "a.txt", b"second")
    assert (tmp_path / "a.txt").read_bytes() == b"second"
    assert list(tmp_path.iterdir()) == [tmp_path / "a.txt"]


def test_what_stood_there_outlives_a_full_disk(tmp_path, monkeypatch):
    write_whole(tmp_path / "a.txt", "first")

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(StoreError, match=r"a\.txt cannot be written: No space left"):
        write_whole(tmp_path / "a.txt", "second")
    assert (tmp_path / "a.txt").read_text() == "first"
    assert list(tmp_path.iterdir()) == [tmp_path / "a.txt"]


def test_a_missing_folder_is_said(tmp_path):
    with pytest.raises(StoreError, match="No such file or directory"):
        write_whole(tmp_path / "nowhere" / "a.txt", "x")


def test_what_the_dead_were_writing_is_removed(tmp_path):
    program = """
import os, signal, sys
from pathlib import Path
from hamster_bench import files
files.os.fsync = lambda descriptor: os.kill(os.getpid(), signal.SIGKILL)
files.write_whole(Path(sys.argv[1]), "half")
"""
    folder = tmp_path / "task"
    folder.mkdir()
    killed = subprocess.run([sys.executable, "-c", program, folder / "a.txt"], check=False, cwd=Path(files.__file__).parents[1])
    assert killed.returncode == -9
    [leftover] = folder.iterdir()
    assert leftover.name.endswith(".partial")
    write_whole(folder / "b.txt", "whole")
    remove_leftovers(tmp_path, depth=1)
    assert list(folder.iterdir()) == [folder / "b.txt"]


def test_what_the_living_are_writing_stays(tmp_path, monkeypatch):
    def look(descriptor):
        remove_leftovers(tmp_path, depth=0)

    monkeypatch.setattr(files.os, "fsync", look)
    write_whole(tmp_path / "a.txt", "whole")
    assert (tmp_path / "a.txt").read_text() == "whole"
