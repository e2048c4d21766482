"""Runs a program that the kernel ends at the first call that is not in a list of numbers.

    python3 only_calls.py NUMBER,NUMBER,... PROGRAM ARGUMENT...
"""

import ctypes
import os
import struct
import sys

PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 22, 2
PR_SET_NO_NEW_PRIVS = 38
ALLOW, END = 0x7FFF0000, 0x80000000

# Of the classic BPF: load the number of the call, skip one step if it is another, return.
LOAD, JUMP_IF_EQUAL, RETURN = 0x20, 0x15, 0x06

libc = ctypes.CDLL(None, use_errno=True)


class Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("steps", ctypes.c_char_p)]


def prctl(option, *arguments):
    # Every argument has the width of a long.
    longs = [ctypes.c_ulong(argument) for argument in (*arguments, 0, 0, 0, 0)[:4]]
    if libc.prctl(option, *longs) != 0:
        sys.exit(f"prctl({option}): {os.strerror(ctypes.get_errno())}")


steps = [(LOAD, 0, 0, 0)]
for number in sys.argv[1].split(","):
    steps += [(JUMP_IF_EQUAL, 0, 1, int(number)), (RETURN, 0, 0, ALLOW)]
steps.append((RETURN, 0, 0, END))
program = Program(len(steps), b"".join(struct.pack("HBBI", *step) for step in steps))
prctl(PR_SET_NO_NEW_PRIVS, 1)
prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.addressof(program))
os.execve(sys.argv[2], sys.argv[2:], {})
