"""Runs a program for which the kernel refuses calls, as an older kernel or a sandbox does.

    python3 seccomp.py without CALL ERROR PROGRAM ARGUMENT...        the call fails with this error
    python3 seccomp.py only NUMBER,NUMBER,... PROGRAM ARGUMENT...    any other call ends the program
"""

import ctypes
import errno
import os
import platform
import struct
import sys

# The number of each call on x86-64, and on architectures that came later. New calls have one number.
CALLS = {
    "clone3": (435, 435),
    "fstatfs": (138, 44),
    "landlock_add_rule": (445, 445),
    "landlock_create_ruleset": (444, 444),
    "landlock_restrict_self": (446, 446),
    "memfd_create": (319, 279),
    "openat2": (437, 437),
    "preadv2": (327, 286),
    "prlimit64": (302, 261),
    "sched_getaffinity": (204, 123),
    "sched_setscheduler": (144, 119),
    "sendfile": (40, 71),
    "setsockopt": (54, 208),
    "statx": (332, 291),
}

PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 22, 2
PR_SET_NO_NEW_PRIVS = 38
ALLOW, FAIL, END = 0x7FFF0000, 0x00050000, 0x80000000

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


def confine(*steps):
    """Lets the kernel decide about each call from now on. The first step loads the number of the call."""
    steps = [(LOAD, 0, 0, 0), *steps]
    program = Program(len(steps), b"".join(struct.pack("HBBI", *step) for step in steps))
    prctl(PR_SET_NO_NEW_PRIVS, 1)
    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.addressof(program))


def on(call, verdict):
    """The steps that decide about one call."""
    return (JUMP_IF_EQUAL, 0, 1, call), (RETURN, 0, 0, verdict)


def without(name, error_name):
    call = CALLS[name][platform.machine() != "x86_64"]
    error = getattr(errno, error_name)
    confine(*on(call, FAIL | error), (RETURN, 0, 0, ALLOW))
    if libc.syscall(ctypes.c_long(call), 0, 0, 0, 0) != -1 or ctypes.get_errno() != error:
        sys.exit(f"{name} is still there")


def only(numbers):
    allowed = (step for number in numbers.split(",") for step in on(int(number), ALLOW))
    confine(*allowed, (RETURN, 0, 0, END))


if sys.argv[1] == "without":
    without(*sys.argv[2:4])
    program = sys.argv[4:]
else:
    only(sys.argv[2])
    program = sys.argv[3:]
os.execve(program[0], program, {})
