#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""yoke-run: programs that know nothing of Yoke speak it, whatever they are linked with; what a rule
keeps from it stays on TCP; and nobody can tell by signals, exit status or processes left behind
that they were not run directly. Says so in TAP.

	selftests/run.py [TEST...]	in a network and a pid namespace of its own; root
"""
import contextlib
import hashlib
import os
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import common

REPO = os.path.realpath(os.path.join(os.path.dirname(__file__), '..'))
RUN = [f'{REPO}/build/yoke-run']
PYTHON = ['/usr/bin/python3', '-ISuc']
PATIENCE = 60

# What the little programs below start with.
PRELUDE = '''
import hashlib, os, signal, struct, sys, threading, time
from socket import *
def protocol(s): return s.getsockopt(SOL_SOCKET, SO_PROTOCOL)
def serve(port, s=None):
    s = s or socket()
    s.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1)
    s.bind(("127.0.0.1", port))
    s.listen(64)
    print("ready", flush=True)
    return s
'''


class Moved:
	"""How far counters have moved since this was made."""
	def __init__(self):
		self.before = common.counters()

	def __call__(self, *whose):
		now = common.counters()
		return [now[name] - self.before[name] for name in whose or ('yoke', 'host')]


def until(what, condition):
	end = time.monotonic() + PATIENCE
	while not condition():
		assert time.monotonic() < end, f'never: {what}'
		time.sleep(0.02)


def python(code, *options, run=RUN, **kw):
	return subprocess.Popen([*run, *options, *PYTHON, PRELUDE + code], stdout=subprocess.PIPE,
				stderr=subprocess.PIPE, text=True, **kw)


def said(process, status=0):
	"""Its output, then, once it is done."""
	try:
		out, err = process.communicate(timeout=PATIENCE)
	except subprocess.TimeoutExpired:
		process.kill()
		raise AssertionError(f'{process.args[:3]} does not end') from None
	assert process.returncode == status, f'status {process.returncode} not {status}: {out} {err}'
	return out, err


def answer(code, *options, **kw):
	return said(python(code, *options, **kw))[0].strip()


@contextlib.contextmanager
def server(code, *options, **kw):
	process = python(code, *options, **kw)
	try:
		assert process.stdout.readline() == 'ready\n', process.communicate()
		yield process
	finally:
		process.kill()
		process.communicate()


def listens(port, table='/proc/net/yoke/stream'):
	with open(table) as f:
		return re.search(rf':{port:04X} \S+ 0A', f.read())


ECHO = '''
l = serve(4000)
while True:
    c, _ = l.accept()
    while data := c.recv(65536):
        c.sendall(data)
    c.close()
'''
SEND = '''
c = create_connection(("127.0.0.1", 4000))
sent = os.urandom(300000)
def send():
    c.sendall(sent)
    c.shutdown(SHUT_WR)
threading.Thread(target=send).start()
got = hashlib.sha256()
while data := c.recv(65536):
    got.update(data)
assert got.digest() == hashlib.sha256(sent).digest()
print(protocol(c))
'''


def test_python():
	moved = Moved()
	with server(ECHO):
		assert answer(SEND) == '253'
	assert moved() == [2, 0], moved()


def test_preload():
	moved = Moved()
	with server(ECHO, '--preload'):
		assert answer(SEND, '--preload') == '253'
	assert moved() == [2, 0], moved()


def test_nested():
	"""Only one filter can have a supervisor: the second yoke-run falls back, and says so."""
	process = python('print(protocol(socket()))', run=RUN + RUN)
	out, err = said(process)
	assert out == '253\n' and 'seccomp is refused' in err, (out, err)


def test_static():
	"""busybox has no C library to preload into."""
	moved = Moved()
	box = shutil.which('busybox')
	with tempfile.TemporaryDirectory() as where:
		os.chmod(where, 0o755)
		with open(f'{where}/page', 'wb') as f:
			f.write(os.urandom(500000))
		httpd = subprocess.Popen([*RUN, box, 'httpd', '-f', '-p', '127.0.0.1:4001', '-h', where])
		try:
			until('httpd listens', lambda: listens(4001))
			got = subprocess.run([*RUN, box, 'wget', '-q', '-O', '-', 'http://127.0.0.1:4001/page'],
					     stdout=subprocess.PIPE, check=True, timeout=PATIENCE).stdout
		finally:
			httpd.kill()
			httpd.wait()
		with open(f'{where}/page', 'rb') as f:
			assert hashlib.sha256(got).digest() == hashlib.sha256(f.read()).digest()
	assert moved() == [2, 0], moved()


def test_forking_shell():
	"""Children, and theirs, many at once."""
	moved = Moved()
	with server(ECHO):
		shell = '''for i in 1 2 3 4 5 6 7 8; do
			(bash -c 'exec 3<>/dev/tcp/127.0.0.1/4000; echo $$ >&3; read -r n <&3; [ $n = $$ ] && echo ok') &
		done; wait'''
		out = subprocess.run([*RUN, 'bash', '-c', shell], stdout=subprocess.PIPE, text=True,
				     check=True, timeout=PATIENCE).stdout
	assert out == 'ok\n' * 8, out
	assert moved() == [16, 0], moved()


def test_iperf3():
	moved = Moved()
	listener = subprocess.Popen([*RUN, 'iperf3', '-4', '-s', '-1', '-p', '4002'],
				    stdout=subprocess.DEVNULL)
	try:
		until('iperf3 listens', lambda: listens(4002))
		subprocess.run([*RUN, 'iperf3', '-4', '-c', '127.0.0.1', '-p', '4002', '-n', '2M', '-P', '3',
				'--bidir'], stdout=subprocess.DEVNULL, check=True, timeout=PATIENCE)
		assert listener.wait(PATIENCE) == 0
	finally:
		listener.kill()
	assert moved() == [14, 0], moved()


DATAGRAM = '''
a, b = socket(AF_INET, SOCK_DGRAM), socket(AF_INET, SOCK_DGRAM)
a.bind(("127.0.0.1", 4003))
b.sendto(b"hello", ("127.0.0.1", 4003))
assert a.recv(9) == b"hello"
print(protocol(a), protocol(b))
'''


def test_datagrams():
	moved = Moved()
	assert answer(DATAGRAM) == '17 17'
	assert moved('yoke datagrams', 'host datagrams') == [0, 1]
	assert answer(DATAGRAM, '-d') == '254 254'
	assert answer(DATAGRAM, '-d', '--preload') == '254 254'
	assert moved('yoke datagrams', 'host datagrams') == [2, 1]


# Both ends in one program: what became of the listener, the client, and what was accepted. The
# client has set options, and bound a port, before anyone could know where it leads.
PAIR = '''
l = socket()
l.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1)
l.bind((sys.argv[1], int(sys.argv[2])))
l.listen()
c = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK)
c.setsockopt(SOL_SOCKET, SO_KEEPALIVE, 1)
c.setsockopt(SOL_SOCKET, SO_SNDBUF, 40000)
c.setsockopt(SOL_TCP, TCP_NODELAY, 1)
c.setsockopt(SOL_TCP, TCP_KEEPIDLE, 77)
c.setsockopt(SOL_IP, IP_TOS, 16)
c.bind(("127.0.0.1", 4090))
try:
    c.connect(l.getsockname())
except (BlockingIOError, ConnectionRefusedError):
    pass
print(protocol(l), protocol(c))
assert c.getsockname() == ("127.0.0.1", 4090), c.getsockname()
assert [c.getsockopt(SOL_SOCKET, SO_KEEPALIVE), c.getsockopt(SOL_SOCKET, SO_SNDBUF),
        c.getsockopt(SOL_TCP, TCP_NODELAY), c.getsockopt(SOL_TCP, TCP_KEEPIDLE),
        c.getsockopt(SOL_IP, IP_TOS)] == [1, 80000, 1, 77, 16]
import fcntl
assert fcntl.fcntl(c, fcntl.F_GETFL) & os.O_NONBLOCK
assert fcntl.fcntl(c, fcntl.F_GETFD) & fcntl.FD_CLOEXEC
if protocol(l) == protocol(c):
    l.settimeout(10)
    print(protocol(l.accept()[0]))
'''


def test_rules():
	for options, addr, expect in (
			(['-x', '4005'], '127.0.0.1', '6 6 6'),
			(['-x', '22', '-x', '4000-4010,80'], '127.0.0.1', '6 6 6'),
			(['-x', '4006-4010,22'], '127.0.0.1', '253 253 253'),
			(['-x', '127.0.0.2'], '127.0.0.3', '253 253 253'),
			(['-x', '127.0.0.2'], '127.0.0.2', '6 6 6'),
			(['-x', '127.0.0.0/30'], '127.0.0.3', '6 6 6'),
			(['-x', 'listen'], '127.0.0.1', '6 253'),
			(['-x', 'connect'], '127.0.0.1', '253 6'),
			(['-p', '-x', '4005'], '127.0.0.1', '6 6 6'),
			(['-p', '-x', 'listen'], '127.0.0.1', '6 253'),
			(['-p', '-x', '127.0.0.2'], '127.0.0.1', '253 253 253')):
		process = subprocess.Popen([*RUN, *options, *PYTHON, PRELUDE + PAIR, addr, '4005'],
					   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
		out = said(process)[0].split()
		assert out == expect.split(), f'{options}: {addr}: {out}, not {expect}'


def test_rules_epoll():
	"""A descriptor that is watched before it is replaced is watched after."""
	code = '''
import select
l = serve(4007)
c = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK)
ep = select.epoll()
ep.register(c, select.EPOLLOUT)
try:
    c.connect(("127.0.0.1", 4007))
except BlockingIOError:
    pass
print(protocol(c), ep.poll(10) == [(c.fileno(), select.EPOLLOUT)])
'''
	assert answer(code, '-x', '4007').split() == ['ready', '6', 'True']
	assert answer(code, '-x', '4007', '-p').split() == ['ready', '6', 'True']


def test_rules_that_make_no_sense():
	for rule in '', 'x', '0', '65536', '5-4', '1.2.3', '1.2.3.4/33', '22,', 'listening', '-1':
		said(subprocess.Popen([*RUN, '-x', rule, 'true'], stderr=subprocess.PIPE), 125)


def test_descriptor_flags():
	"""As socket(2) was asked: the lowest number, and the two flags."""
	out = answer('''
import fcntl, ctypes
libc = ctypes.CDLL(None)
for flags in 0, SOCK_CLOEXEC, SOCK_NONBLOCK, SOCK_CLOEXEC | SOCK_NONBLOCK:
    low = os.open("/", 0)
    os.close(low)
    fd = libc.socket(AF_INET, SOCK_STREAM | flags, 0)
    assert fd == low
    assert bool(fcntl.fcntl(fd, fcntl.F_GETFD) & fcntl.FD_CLOEXEC) == bool(flags & SOCK_CLOEXEC)
    assert bool(fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_NONBLOCK) == bool(flags & SOCK_NONBLOCK)
    assert protocol(socket(fileno=os.dup(fd))) == 253
import resource
resource.setrlimit(resource.RLIMIT_NOFILE, (20, 20))
try:
    all = [socket() for i in range(20)]
except OSError as e:
    print(e.errno)
''')
	assert out == '24', out		# EMFILE


def test_what_is_left():
	"""What is no transport's: nothing to say."""
	out, err = said(python('''
print(*map(protocol, [socket(AF_INET6), socket(AF_UNIX), socket(AF_INET, SOCK_RAW, 1),
       socket(AF_INET, SOCK_STREAM, 262)]))
'''))
	assert (out, err) == ('253 0 1 253\n', ''), (out, err)


def test_ipv6():
	"""A program's sockets of AF_INET6 are of that, one that listens on all addresses is of both
	versions, and rules hold for its addresses."""
	out, err = said(python('''
four, six = socket(), socket(AF_INET6)
print(four.getsockname(), six.getsockname())
four.listen()
print(four.getsockname()[0], protocol(four))
six.bind(('::', 4006))
six.listen()
for to, family in ('127.0.0.1', AF_INET), ('::1', AF_INET6):
    client = socket(family)
    client.connect((to, 4006))
    print(six.accept()[1][0])
left = socket(AF_INET6)
left.bind(('::1', 4007))
print(protocol(left))
''', '--except', '4007,2001:db8::/32'))
	assert out == ("('0.0.0.0', 0) ('::', 0, 0, 0)\n0.0.0.0 253\n::ffff:127.0.0.1\n::1\n6\n"), (out, err)


def test_status():
	def status(*command):
		return subprocess.run([*RUN, *command], stderr=subprocess.DEVNULL, timeout=PATIENCE).returncode
	assert status('sh', '-c', 'exit 42') == 42
	assert status('sh', '-c', 'kill -SEGV $$') == -signal.SIGSEGV
	assert status('/nowhere') == 127
	assert status('/etc') == 126
	assert status() == 125


def test_signals():
	"""The program is the process that was started: signals and children are its own."""
	process = python('''
try:
    os.wait()
    print("a child I never had")
except ChildProcessError:
    pass
signal.signal(signal.SIGTERM, lambda *_: (socket(), print("asked to go"), os._exit(7)))
signal.signal(signal.SIGALRM, lambda *_: None)
signal.siginterrupt(signal.SIGALRM, False)
signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
for i in range(200):
    assert protocol(socket()) == 253
signal.setitimer(signal.ITIMER_REAL, 0)
print("ready")
while True:		# what comes just before pause() does is not seen before it ends
    time.sleep(0.1)
''')
	assert process.stdout.readline() == 'ready\n', process.communicate()
	process.terminate()
	assert said(process, 7)[0] == 'asked to go\n'


def supervisors():
	found = []
	for pid in filter(str.isdigit, os.listdir('/proc')):
		with contextlib.suppress(OSError), open(f'/proc/{pid}/comm') as f:
			if f.read() == 'yoke-run\n':
				found.append(pid)
	return found


def test_daemon():
	"""It outlives the program for the sake of the program's children, and not them; and it holds
	nothing open meanwhile."""
	until('earlier supervisors end', lambda: not supervisors())
	read, write = os.pipe()
	child, holds = os.pipe()
	process = python(f'''
if os.fork() == 0:
    os.setsid()
    os.close(1)
    os.close(2)
    os.read({read}, 1)
    os.write({holds}, b"%d" % protocol(socket()))
    os.close({holds})
    os.read({read}, 1)
    os._exit(0)
''', pass_fds=[read, holds])
	os.close(holds)
	said(process)			# which sees the end of both pipes
	assert len(supervisors()) == 1, supervisors()
	os.write(write, b'x')
	assert os.read(child, 9) == b'253'
	assert select.select([child], [], [], PATIENCE)[0] and os.read(child, 9) == b''
	assert len(supervisors()) == 1, supervisors()
	os.write(write, b'x')
	until('the supervisor ends', lambda: not supervisors())
	for fd in read, write, child:
		os.close(fd)


def test_killed():
	"""Whoever dies while it asks leaves the others a supervisor that answers."""
	process = python('''
children = []
print("ready")
for i in range(150):
    pid = os.fork()
    if not pid:
        while True:
            socket()
    children.append(pid)
    if len(children) == 6:
        pid = children.pop(i % 5)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
print(protocol(socket()))
for pid in children:
    os.kill(pid, signal.SIGKILL)
''')
	assert said(process)[0] == 'ready\n253\n'
	until('the supervisor ends', lambda: not supervisors())


def test_threads():
	out = answer('''
good = []
def many():
    for i in range(50):
        s = socket()
        s.bind(("127.0.0.1", 0))
        good.append(protocol(s))
threads = [threading.Thread(target=many) for i in range(6)]
[t.start() for t in threads]
[t.join() for t in threads]
def one():
    c = socket()
    try:
        c.connect(("127.0.0.1", 4008))
    except ConnectionRefusedError:
        pass
    print(good.count(253), protocol(c))
threading.Thread(target=one).start()
''', '-x', '4008')
	assert out == '300 6', out


def test_without_privileges():
	"""Anybody may have a filter who gives up what exec could bring; and rules work for them."""
	def as_nobody():
		os.setgroups([])
		os.setgid(65534)
		os.setuid(65534)
	out = answer('''
print([l for l in open("/proc/self/status") if l.startswith("NoNewPrivs")][0].split()[1])
print(protocol(socket()))
if os.fork():
    os.wait()
else:
    l = serve(4009)
    print(protocol(l))
''', '-x', '4009', preexec_fn=as_nobody)
	assert out.split() == ['1', '253', 'ready', '6'], out
	assert answer('print([l for l in open("/proc/self/status") if l.startswith("NoNewPrivs")])') \
		.count('0') == 1


def test_namespace():
	"""A socket belongs where the program is by then."""
	code = '''
import ctypes
s = socket()
assert ctypes.CDLL(None).unshare(0x40000000) == 0
t = socket()
t.bind(("0.0.0.0", 4011))
t.listen()
print(protocol(t), " 0A " in open("/proc/self/net/yoke/stream").read())
'''
	assert answer(code) == '253 True'
	code = code.replace('unshare(0x40000000)', 'unshare(0x50000000)')	# with users of its own
	def as_nobody():
		os.setuid(65534)
	out, err = said(python(code.replace('" 0A "', '" none "'), preexec_fn=as_nobody))
	assert out == '6 False\n' and 'another network namespace' in err, (out, err)


sys.exit(common.perform('run', common.chosen(globals(), sys.argv[1:])))
