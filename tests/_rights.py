"""Lets tests run by root respect the modes of files and folders."""

import ctypes
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

_VERSION_3 = 0x20080522  # of the structures below, of <linux/capability.h>
_CAP_DAC_OVERRIDE = 1

needs_modes = pytest.mark.skipif(
    os.geteuid() == 0 and sys.platform != "linux",
    reason="root may write anywhere, and only Linux can drop that right",
)


@contextmanager
def modes_respected() -> Iterator[None]:
    """Drop root's right to ignore modes, in this thread; other users do not have it."""
    if os.geteuid() != 0:
        yield
        return
    libc = ctypes.CDLL(None, use_errno=True)
    header = (ctypes.c_uint32 * 2)(_VERSION_3, 0)  # 0: this thread
    rights = (ctypes.c_uint32 * 6)()  # effective, permitted and inheritable; then the same for rights above 31
    assert libc.capget(header, rights) == 0, os.strerror(ctypes.get_errno())
    before = rights[0]
    rights[0] = before & ~(1 << _CAP_DAC_OVERRIDE)
    assert libc.capset(header, rights) == 0, os.strerror(ctypes.get_errno())
    try:
        yield
    finally:
        rights[0] = before
        assert libc.capset(header, rights) == 0, os.strerror(ctypes.get_errno())
