"""Take from a process, for good, the calls by which code that was taken over could reach out of it.

No privilege is needed: the kernel's filter (seccomp) refuses with EPERM to open sockets, to start programs and to look
into other processes. Analysis needs none of it. ``python -m audiofeat.extraction.seccomp`` tries it.
"""

import ctypes
import os
import platform
import socket
import sys
from contextlib import suppress

# Numbers of asm/unistd_64.h: they belong to the kernel's promise to programs and never change.
_X86_64_CALLS = {
    "socket": 41,
    "connect": 42,
    "bind": 49,
    "socketpair": 53,
    "execve": 59,
    "ptrace": 101,
    "process_vm_readv": 310,
    "process_vm_writev": 311,
    "execveat": 322,
    "io_uring_setup": 425,
}
_X32_BIT = 0x4000_0000
_PR_SET_SECCOMP, _PR_SET_NO_NEW_PRIVS = 22, 38
_MODE_FILTER = 2
_LIBC = ctypes.CDLL(None, use_errno=True)
_AUDIT_ARCH_X86_64 = 0xC000_003E
# Instructions of classic BPF, from linux/filter.h; offsets into struct seccomp_data.
_LOAD, _JUMP_IF_EQUAL, _JUMP_IF_AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06
_NUMBER_AT, _ARCHITECTURE_AT = 0, 4
_ALLOW, _REFUSE = 0x7FFF_0000, 0x0005_0000 | 1  # EPERM


class _Instruction(ctypes.Structure):
    _fields_ = (("code", ctypes.c_ushort), ("yes", ctypes.c_ubyte), ("no", ctypes.c_ubyte), ("operand", ctypes.c_uint))


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.POINTER(_Instruction)))


def refuse_calls() -> bool:
    """Refuse sockets, programs and other processes' memory to this process and its children from now on.

    Returns False where the system has no such filter: then nothing has changed.
    """
    if sys.platform != "linux" or platform.machine() != "x86_64":
        return False
    prctl = _LIBC.prctl
    return not prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) and not prctl(
        _PR_SET_SECCOMP, _MODE_FILTER, ctypes.byref(_program()), 0, 0
    )


def _program() -> _Program:
    instructions = _instructions()
    array = (_Instruction * len(instructions))(*(_Instruction(*each) for each in instructions))
    return _Program(len(instructions), array)


def _instructions() -> list[tuple[int, int, int, int]]:
    """Return the filter: code, how far to jump on yes and on no, operand."""
    numbers = sorted(_X86_64_CALLS.values())
    return [
        (_LOAD, 0, 0, _ARCHITECTURE_AT),
        # 32-bit calls have other numbers; a 64-bit program makes none.
        (_JUMP_IF_EQUAL, 0, len(numbers) + 3, _AUDIT_ARCH_X86_64),
        (_LOAD, 0, 0, _NUMBER_AT),
        (_JUMP_IF_AT_LEAST, len(numbers) + 1, 0, _X32_BIT),
        *((_JUMP_IF_EQUAL, len(numbers) - place, 0, number) for place, number in enumerate(numbers)),
        (_RETURN, 0, 0, _ALLOW),
        (_RETURN, 0, 0, _REFUSE),
    ]


def main() -> int:
    """Apply the filter and try to get past it; 0 where that fails, 1 where there is no filter, 2 where it leaks."""
    if not refuse_calls():
        return 1
    with suppress(PermissionError):
        socket.socket()
        return 2
    with suppress(PermissionError):
        os.execv(sys.executable, [sys.executable, "-c", "raise SystemExit(2)"])  # noqa: S606  it must not start
    return 0


if __name__ == "__main__":
    sys.exit(main())
