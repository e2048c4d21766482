#!/usr/bin/env python3
"""A file system that is as slow as it is told to be: it shows a folder, or a file, at a mount point, by FUSE.

    slow_disk.py FOLDER MOUNTPOINT

It says `ready` once it is mounted, or `cannot` and why. It takes orders from its standard input, a line
each, until `end` or the end of the input, and then unmounts, which fails whatever is still held:

    wait KIND SECONDS    every request of this kind takes so long: `opens`, `names` (and `opens`), `reads` or `all`
    hold KIND            requests of this kind wait
    fail KIND ERROR      requests of this kind fail with an error such as `EIO`, or those that look up the
                         name `bad`, if that is the kind
    release              nothing is held or fails, and what was held goes on
    forget WHAT          files have the size 0 and one time for ever (`sizes`), or another time
                         at each look (`times`)

It speaks the kernel's protocol (linux/fuse.h, version 7.31) itself and needs no library, but the right to
mount.
"""

import ctypes
import errno
import os
import stat
import struct
import sys
import threading
import time

HEAD = struct.Struct("<IIQQIIIHH")
ATTRIBUTES = struct.Struct("<QQQQQQIIIIIIIIII")
MAJOR, MINOR = 7, 31
MOST_READ = 128 * 1024


class Code:
    """What a request asks for."""

    LOOKUP, FORGET, GETATTR, OPEN, READ, STATFS, RELEASE = 1, 2, 3, 14, 15, 17, 18
    FLUSH, INIT, OPENDIR, READDIR, RELEASEDIR = 25, 26, 27, 28, 29
    INTERRUPT, DESTROY, BATCH_FORGET = 36, 38, 42


UNANSWERED = (Code.FORGET, Code.BATCH_FORGET, Code.INTERRUPT)
READS = (Code.READ, Code.READDIR)
OPENS = (Code.OPEN, Code.OPENDIR)
KINDS = {"all": ("names", "opens", "reads"), "names": ("names", "opens")}

DETACH = 2

DIRECT = 1


class Pace:
    """How long requests take, and what is true in the answers."""

    def __init__(self):
        self.forgotten = set()
        self._errors = {}
        self._changed = threading.Condition()
        self._held = set()
        self._waits = dict.fromkeys((*KINDS["all"], "bad"), 0.0)

    def obey(self, line):
        words = line.split()
        with self._changed:
            if words[0] == "release":
                self._held.clear()
                self._errors.clear()
            elif words[0] == "forget":
                self.forgotten.add(words[1])
            else:
                kinds = KINDS.get(words[1], (words[1],))
                if words[0] == "hold":
                    self._held.update(kinds)
                elif words[0] == "fail":
                    self._errors.update(dict.fromkeys(kinds, getattr(errno, words[2])))
                else:
                    self._waits.update((kind, float(words[2])) for kind in kinds)
            self._changed.notify_all()

    def take(self, kind):
        with self._changed:
            wait = self._waits[kind]
            self._changed.wait_for(lambda: kind not in self._held)
            error = self._errors.get(kind)
        if wait:
            threading.Event().wait(wait)
        if error:
            raise OSError(error, "")


class Nodes:
    """The numbers of paths."""

    def __init__(self, folder):
        self._lock = threading.Lock()
        self._paths = {1: folder}
        self._numbers = {folder: 1}

    def path(self, number):
        with self._lock:
            return self._paths[number]

    def number(self, path):
        with self._lock:
            number = self._numbers.setdefault(path, len(self._paths) + 1)
            self._paths[number] = path
            return number


def attributes(number, path, forgotten):
    is_ = os.lstat(path)
    is_file = stat.S_ISREG(is_.st_mode)
    times = (is_.st_atime_ns, is_.st_mtime_ns, is_.st_ctime_ns)
    size = is_.st_size
    if is_file and "sizes" in forgotten:
        size, times = 0, 3 * (10**18,)
    if is_file and "times" in forgotten:
        times = 3 * (time.time_ns(),)
    seconds = [int(time // 10**9) for time in times]
    rests = [int(time % 10**9) for time in times]
    return ATTRIBUTES.pack(
        number, size, is_.st_blocks, *seconds, *rests, is_.st_mode, is_.st_nlink, is_.st_uid, is_.st_gid, 0, 4096, 0
    )


class Answers:
    """The answer to each request. Nothing may be remembered by the kernel, so it asks every time."""

    def __init__(self, folder, pace):
        self._nodes = Nodes(os.fsencode(folder))
        self._forgotten = pace.forgotten

    def answer(self, code, number, body):
        match code:
            case Code.INIT:
                readahead, flags = struct.unpack_from("<II", body, 8)
                return struct.pack("<IIIIHHIIHHII24x", MAJOR, MINOR, readahead, flags & 1, 64, 48, 4096, 1, 0, 0, 0, 0)
            case Code.LOOKUP:
                path = os.path.join(self._nodes.path(number), body.rstrip(b"\0"))
                os.lstat(path)
                child = self._nodes.number(path)
                return struct.pack("<QQQQII", child, 0, 0, 0, 0, 0) + attributes(child, path, self._forgotten)
            case Code.GETATTR:
                return struct.pack("<QII", 0, 0, 0) + attributes(number, self._nodes.path(number), self._forgotten)
            case Code.OPEN | Code.OPENDIR:
                # Otherwise the kernel reads no more than the size says.
                flags = DIRECT if self._forgotten and code == Code.OPEN else 0
                return struct.pack("<QII", 0, flags, 0)
            case Code.READ:
                _, offset, size = struct.unpack_from("<QQI", body)
                with open(self._nodes.path(number), "rb") as file:
                    file.seek(offset)
                    return file.read(size)
            case Code.READDIR:
                _, offset, size = struct.unpack_from("<QQI", body)
                return self.entries(self._nodes.path(number), offset, size)
            case Code.STATFS:
                return struct.pack("<QQQQQIII28x", 1 << 20, 1 << 19, 1 << 19, 1 << 20, 1 << 19, 4096, 255, 4096)
            case Code.RELEASE | Code.FLUSH | Code.RELEASEDIR | Code.DESTROY:
                return b""
        raise OSError(errno.ENOSYS, "")

    def entries(self, folder, offset, size):
        written = b""
        for at, name in enumerate(sorted(os.listdir(folder))[offset:], offset + 1):
            path = os.path.join(folder, name)
            kind = stat.S_IFMT(os.lstat(path).st_mode) >> 12
            entry = struct.pack("<QQII", self._nodes.number(path), at, len(name), kind) + name
            entry += b"\0" * (-len(entry) % 8)
            if len(written) + len(entry) > size:
                break
            written += entry
        return written


def serve(device, folder, pace):
    answers = Answers(folder, pace)

    def answer(code, unique, number, body):
        try:
            if code != Code.INIT:
                pace.take("reads" if code in READS else "opens" if code in OPENS else "names")
            if code == Code.LOOKUP and body.rstrip(b"\0") == b"bad":
                pace.take("bad")
            error, content = 0, answers.answer(code, number, body)
        except OSError as fault:
            error, content = -(fault.errno or errno.EIO), b""
        try:
            os.write(device, struct.pack("<IiQ", 16 + len(content), error, unique) + content)
        except OSError:
            pass  # Whoever asked has gone, or the file system is unmounted.

    while True:
        try:
            request = os.read(device, MOST_READ + 4096)
        except OSError as fault:
            if fault.errno in (errno.ENOENT, errno.EINTR, errno.EAGAIN):
                continue
            return
        length, code, unique, number, *_ = HEAD.unpack_from(request)
        if code in UNANSWERED:
            continue
        arguments = (code, unique, number, request[HEAD.size : length])
        threading.Thread(target=answer, args=arguments, daemon=True).start()


def main():
    folder, mountpoint = sys.argv[1:3]
    library = ctypes.CDLL(None, use_errno=True)
    try:
        device = os.open("/dev/fuse", os.O_RDWR)
    except OSError as fault:
        print("cannot", fault, flush=True)
        return
    kind = stat.S_IFMT(os.stat(folder).st_mode)
    options = f"fd={device},rootmode={kind:o},user_id={os.getuid()},group_id={os.getgid()},allow_other"
    mounted = library.mount(b"slow", os.fsencode(mountpoint), b"fuse", 0, options.encode())
    if mounted != 0:
        print("cannot mount:", os.strerror(ctypes.get_errno()), flush=True)
        return
    pace = Pace()
    threading.Thread(target=serve, args=(device, folder, pace), daemon=True).start()
    try:
        print("ready", flush=True)
        for line in sys.stdin:
            if line.strip() == "end":
                break
            pace.obey(line)
            print("done", flush=True)
    finally:
        library.umount2(os.fsencode(mountpoint), DETACH)


if __name__ == "__main__":
    main()
