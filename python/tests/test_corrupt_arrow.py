"""Corrupt Arrow data gives an exception or a sketch, never a crash. Each seed has a process of its own to die in."""

import os
import subprocess
import sys

import pytest


def run(program, seed, tries):
    path = os.path.join(os.path.dirname(__file__), program)
    ended = subprocess.run([sys.executable, path, str(seed), str(tries)], capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr[-3_000:]
    return ended.stdout


@pytest.mark.parametrize("seed", range(4))
def test_no_field_crashes(seed):
    changed, refused = map(int, run("corrupt_structures.py", seed, 400).split())
    assert changed >= 12 and refused >= 8


@pytest.mark.parametrize("seed", range(2))
def test_no_content_crashes(seed):
    run("corrupt_buffers.py", seed, 500)
