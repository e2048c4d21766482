"""Runs a program from which the kernel hides openat2, as an older kernel or a sandbox does.

    python3 without_openat2.py PROGRAM ARGUMENT...
"""

import ctypes
import errno
import os
import struct
import sys

# The number is the same on every architecture.
OPENAT2 = 437

PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 22, 2
PR_SET_NO_NEW_PRIVS = 38
ALLOW, FAIL = 0x7FFF0000, 0x00050000 | errno.ENOSYS

# Of the classic BPF: load the number of the call, skip one step if it is another, return.
LOAD, JUMP_IF_EQUAL, RETURN = 0x20, 0x15, 0x06
STEPS = [(LOAD, 0, 0, 0), (JUMP_IF_EQUAL, 0, 1, OPENAT2), (RETURN, 0, 0, FAIL), (RETURN, 0, 0, ALLOW)]

libc = ctypes.CDLL(None, use_errno=True)


class Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("steps", ctypes.c_char_p)]


def prctl(option, *arguments):
    # Every argument has the width of a long.
    longs = [ctypes.c_ulong(argument) for argument in (*arguments, 0, 0, 0, 0)[:4]]
    if libc.prctl(option, *longs) != 0:
        sys.exit(f"prctl({option}): {os.strerror(ctypes.get_errno())}")


program = Program(len(STEPS), b"".join(struct.pack("HBBI", *step) for step in STEPS))
prctl(PR_SET_NO_NEW_PRIVS, 1)
prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.addressof(program))
if libc.syscall(ctypes.c_long(OPENAT2), 0, 0, 0, 0) != -1 or ctypes.get_errno() != errno.ENOSYS:
    sys.exit("openat2 is still there")
os.execve(sys.argv[1], sys.argv[1:], {})
