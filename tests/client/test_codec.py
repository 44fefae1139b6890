"""msgpack with arrays: nothing is lost, nothing dangerous gets in."""

from __future__ import annotations

import contextlib
import pickle
from typing import Any

import msgpack
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from hamster_bench.client.codec import pack, unpack
from hamster_bench.client.conventions import ACTIONS
from hamster_bench.client.errors import MessageError
from hamster_bench.envs.contract import ACTION_MODES, action_range

DTYPES = st.one_of(
    arrays.boolean_dtypes(), arrays.integer_dtypes(), arrays.unsigned_integer_dtypes(), arrays.floating_dtypes(sizes=(16, 32, 64))
)


@given(arrays.arrays(DTYPES, arrays.array_shapes(min_dims=0, min_side=0, max_dims=4)))
def test_arrays_come_back_bit_by_bit_and_writable(array: Any) -> None:
    back = unpack(pack({"a": [array, "text", None, 1.5]}))["a"][0]
    assert back.dtype == array.dtype
    assert back.shape == array.shape
    assert back.tobytes() == array.tobytes()
    assert back.flags.writeable


def test_the_bytes_are_those_of_openpi() -> None:
    array = np.array([[1.0, 2.0]], np.float32)
    assert msgpack.unpackb(pack({"x": array, "y": np.float32(0.5)}), raw=False) == {
        "x": {b"__ndarray__": True, b"data": array.tobytes(), b"dtype": "<f4", b"shape": [1, 2]},
        "y": {b"__npgeneric__": True, b"data": 0.5, b"dtype": "<f4"},
    }


@pytest.mark.parametrize(
    "value", [np.array([object()]), np.zeros(2, [("a", "f4")]), np.zeros(2, complex), object(), {1, 2}, 2**70]
)
def test_what_must_not_be_sent_is_refused(value: Any) -> None:
    with pytest.raises(MessageError):
        pack({"x": value})


@pytest.mark.parametrize(
    "array",
    [
        {b"dtype": "|O", b"shape": [1], b"data": pickle.dumps([1])},
        {b"dtype": "<f4", b"shape": [2], b"data": b"1234"},
        {b"dtype": "<f4", b"shape": [1 << 62, 1 << 62], b"data": b""},
        {b"dtype": "<f4", b"shape": [-1], b"data": b"1234"},
        {b"dtype": "<f4", b"shape": 1, b"data": b"1234"},
        {b"dtype": "[('a', 'O')]", b"shape": [1], b"data": b"12345678"},
        {b"dtype": "S0", b"shape": [5], b"data": b""},
        {b"dtype": 7, b"shape": [1], b"data": b"1234"},
        {b"shape": [1], b"data": b"1234"},
    ],
)
def test_arrays_that_are_none_are_refused(array: dict[bytes, Any]) -> None:
    with pytest.raises(MessageError):
        unpack(msgpack.packb({"x": {b"__ndarray__": True} | array}))


@given(st.binary(max_size=200))
def test_no_bytes_break_anything(data: bytes) -> None:
    with contextlib.suppress(MessageError):
        unpack(data)


@given(st.binary(max_size=40), st.text(max_size=6), st.lists(st.integers(-2, 5), max_size=3))
def test_no_array_description_breaks_anything(data: bytes, dtype: str, shape: list[int]) -> None:
    with contextlib.suppress(MessageError):
        unpack(msgpack.packb({b"__ndarray__": True, b"data": data, b"dtype": dtype, b"shape": shape}))
    with contextlib.suppress(MessageError):
        unpack(msgpack.packb({b"__npgeneric__": True, b"data": data, b"dtype": dtype}))


def test_actions_are_named_as_the_environments_name_them() -> None:
    assert {mode: action_range(mode).names for mode in ACTION_MODES} == dict(ACTIONS)
