# SPDX-License-Identifier: ISC
"""Processes and files of a test: everything that is started here is ended by its id, everything that
is written stands in one folder that goes away with the test."""
import atexit
import ctypes
import glob
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time

top_builddir = os.path.abspath(os.environ.get("top_builddir", "."))
top_srcdir = os.path.abspath(os.environ.get(
    "top_srcdir", os.path.join(os.path.dirname(__file__), "..", "..", "..")))

_children = []
_folder = None
_libc = ctypes.CDLL(None, use_errno=True)
_main_thread = threading.main_thread()
# A shell starts what it puts into the background with SIGINT ignored, and that would be handed on to every child.
signal.signal(signal.SIGINT, signal.default_int_handler)


def folder():
    """The folder of this test, made at first use. Short: a socket's path stands in it."""
    global _folder
    if _folder is None:
        _folder = tempfile.mkdtemp(prefix="mqsp-")
    return _folder


def path(name):
    return os.path.join(folder(), name)


def write(name, text, mode=0o644):
    """A file, whole or not at all, so that a reload never reads half of it."""
    p = name if os.path.isabs(name) else path(name)
    data = text if isinstance(text, bytes) else text.encode()
    with open(os.open(p + ".new", os.O_CREAT | os.O_WRONLY | os.O_TRUNC, mode), "wb") as f:
        f.write(data)
    os.chmod(p + ".new", mode)
    os.rename(p + ".new", p)
    return p


def _end_with_parent():
    _libc.prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def start(argv, **options):
    if threading.current_thread() is _main_thread:
        options.setdefault("preexec_fn", _end_with_parent)
    options.setdefault("stdin", subprocess.DEVNULL)
    child = subprocess.Popen(argv, **options)
    _children.append(child)
    return child


def run(argv, input=None, timeout=30, **options):
    """Runs a program to its end: exit status, stdout, stderr (bytes)."""
    done = subprocess.run(argv, input=input, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          stdin=subprocess.DEVNULL if input is None else None,
                          timeout=timeout, **options)
    return done.returncode, done.stdout, done.stderr


def stop(child, sig=signal.SIGTERM, timeout=15):
    """Ends a child and says how it ended."""
    if child.poll() is None:
        child.send_signal(sig)
        try:
            child.wait(timeout)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
    if child in _children:
        _children.remove(child)
    return child.returncode


@atexit.register
def _clean():
    for child in reversed(_children):  # a late one may lean on an early one, and start it anew when it is gone
        if child.poll() is None:
            child.kill()
            child.wait()
    if _folder and not os.environ.get("KEEP"):
        shutil.rmtree(_folder, ignore_errors=True)


def until(condition, seconds=10, what=None):
    """Polls until the condition holds and returns what it gave; TimeoutError else."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise TimeoutError("waited %s s for %s" % (seconds, what or condition))
        time.sleep(0.002)


def holds(condition, seconds=10):
    """The same, as a yes or no."""
    try:
        return bool(until(condition, seconds))
    except TimeoutError:
        return False


def free_port():
    """A port that was free a moment ago, for programs that cannot be told to choose one."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def can_connect(port):
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
        return True
    except OSError:
        return False


def listens(pid, port):
    """Whether this very process listens on 127.0.0.1 at the port."""
    with open("/proc/net/tcp") as f:
        inodes = {line.split()[9] for line in f if " 0100007F:%04X 00000000:0000 0A " % port in line}
    try:
        links = [os.readlink(entry.path) for entry in os.scandir("/proc/%d/fd" % pid)]
    except OSError:  # a descriptor, or all of it, went away meanwhile
        return False
    return any("socket:[%s]" % inode in links for inode in inodes)


def alive(pid):
    """Whether a process runs; one that has ended and that nobody waited for does not."""
    try:
        with open("/proc/%d/stat" % pid) as f:
            return f.read().rsplit(")", 1)[1].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def children(pid):
    """The processes that a process started, and theirs."""
    out = []
    for task in glob.glob("/proc/%d/task/*/children" % pid):
        with open(task) as f:
            for child in map(int, f.read().split()):
                out += [child] + children(child)
    return out


def status(pid, field):
    """A field of /proc/PID/status in KiB, say VmRSS or VmHWM."""
    with open("/proc/%d/status" % pid) as f:
        for line in f:
            if line.startswith(field + ":"):
                return int(line.split()[1])
    raise KeyError(field)


def reset_peak(pid):
    """VmHWM starts anew, where we may say so; else it is an upper bound all the same."""
    try:
        with open("/proc/%d/clear_refs" % pid, "w") as f:
            f.write("5")
    except PermissionError:
        pass


def cpu_seconds(pid):
    with open("/proc/%d/stat" % pid) as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def connecting(port):
    """Whether somebody on this host waits for an answer from 127.0.0.1 at the port."""
    with open("/proc/net/tcp") as f:
        return any(" 0100007F:%04X 02 " % port in line for line in f)


def unread(local_port, remote_port):
    """Bytes that wait unread in the socket on 127.0.0.0/8 with these ports; None where there is none."""
    with open("/proc/net/tcp") as f:
        next(f)
        for line in f:
            fields = line.split()
            if int(fields[1].split(":")[1], 16) == local_port and \
               int(fields[2].split(":")[1], 16) == remote_port:
                return int(fields[4].split(":")[1], 16)
    return None


def hold_thread(tid):
    """Holds one thread of another process. Gives what lets it go on, or None where this user may not."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.ptrace.restype = ctypes.c_long
    libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
    if libc.ptrace(16, tid, None, None) != 0:  # PTRACE_ATTACH
        return None
    os.waitpid(tid, 0x40000000)  # __WALL
    return lambda: libc.ptrace(17, tid, None, None)  # PTRACE_DETACH
