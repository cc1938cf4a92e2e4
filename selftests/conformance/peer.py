# SPDX-License-Identifier: GPL-2.0
"""A scripted peer: one end of a TCP connection, played by hand.

The system under test is this kernel. Its sockets are opened by this process in a network
namespace of its own, whose only way out is a TUN device that the same process holds: what the
kernel sends is read from the device, what is written to it the kernel receives. Nothing is
lost, reordered or added in between, and the kernel has dealt with a packet when write() returns.

Every test is one host on that link, with an address of its own (class Peer). Each Conn of it is
one connection: `seq` is what it sends next, `ack` what it expects next.

With YOKE_ORACLE=1 the same scripts talk to the host's own TCP and UDP.
"""
import collections
import contextlib
import ctypes
import errno
import fcntl
import functools
import glob
import itertools
import mmap
import os
import queue
import select
import socket
import struct
import subprocess
import threading
import time

from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.packet import Raw, bind_layers
from scapy.utils import checksum

ORACLE = os.environ.get('YOKE_ORACLE') == '1'
FAMILY = socket.AF_INET if ORACLE else 18		# AF_YOKE
STREAM = socket.IPPROTO_TCP if ORACLE else 253		# IPPROTO_YOKE_STREAM
DGRAM = socket.IPPROTO_UDP if ORACLE else 254		# IPPROTO_YOKE_DGRAM
STREAM_TABLE = '/proc/net/tcp' if ORACLE else '/proc/net/yoke/stream'
SYSCTL = '/proc/sys/net/ipv4/tcp_' if ORACLE else '/proc/sys/net/yoke/'
if not ORACLE:
	bind_layers(IP, TCP, proto=STREAM)
	bind_layers(IP, UDP, proto=DGRAM)

SUT = '10.9.0.1'		# the system under test ...
SUT2 = '10.9.0.2'		# ... its second address on the link
MTU = 1500
MSS = MTU - 40
WAIT = 5.0			# bound for what should come at once; only a failing test waits for it

STATES = ('CLOSED ESTABLISHED SYN_SENT SYN_RECV FIN_WAIT1 FIN_WAIT2 TIME_WAIT CLOSED CLOSE_WAIT '
	  'LAST_ACK LISTEN CLOSING SYN_RECV').split()
ANY = object()


class Failure(AssertionError):
	pass


class Skip(Exception):
	pass


def check(condition, message):
	if not condition:
		raise Failure(message)


def equal(got, want, what):
	check(got == want, f'{what}: expected {want!r}, got {got!r}')


def raises(want, call, *args):
	"""call(*args) must fail with this errno, or one of these."""
	want = want if isinstance(want, tuple) else (want,)
	names = ' or '.join(errno.errorcode[e] for e in want)
	try:
		got = call(*args)
	except OSError as e:
		check(e.errno in want, f'expected {names}, got {errno.errorcode.get(e.errno, e)}')
		return
	raise Failure(f'expected {names}, but the call gave {got!r}')


def seq32(n):
	return n & 0xffffffff


def ahead(a, b):
	"""How far sequence number a is ahead of b: negative when it lies before."""
	return (a - b + (1 << 31)) % (1 << 32) - (1 << 31)


# --- the link -----------------------------------------------------------------------------

def new_namespace():
	"""Put this thread into a network namespace of its own."""
	if ctypes.CDLL(None, use_errno=True).unshare(0x40000000):	# CLONE_NEWNET
		raise OSError(ctypes.get_errno(), 'no network namespace (are you root?)')


def destination(raw):
	"""Where a packet is going in the end: the last stop of its source route, if it has one."""
	options = raw[20:(raw[0] & 15) * 4]
	while options and options[0]:
		size = 1 if options[0] == 1 else max(options[1], 2)
		if options[0] in (0x83, 0x89) and options[2] <= size:
			return options[size - 4:size]
		options = options[size:]
	return raw[16:20]


VNET_HDR = struct.Struct('=BBHHHH')	# flags, gso_type, hdr_len, gso_size, csum_start, csum_offset


class Link:
	"""The TUN device, and who of the peers gets which packet."""

	def __init__(self):
		self.inboxes = {}		# (address, what) -> queue of (time, raw packet)
		self.logs = {}			# address -> its own list of (time, direction, raw packet)
		self.complaints = []		# (address, what was wrong with a packet of the kernel's)
		self.strays = []		# packets to an address that belongs to no peer
		self.paged = False		# does what we send come in pages of its own?
		self.seen = 0			# stream segments verified
		self.seen_dgrams = 0

	def open(self):
		new_namespace()
		if not os.path.exists('/dev/net/tun'):
			subprocess.run(['modprobe', 'tun'], check=False)
		self.fd = os.open('/dev/net/tun', os.O_RDWR | os.O_NONBLOCK)
		# TUNSETIFF with IFF_TUN | IFF_NO_PI | IFF_VNET_HDR: bare IP packets, each behind a struct
		# virtio_net_hdr, and no offloads, so that segmentation and checksums are done by the time
		# we see a packet.
		fcntl.ioctl(self.fd, 0x400454ca, struct.pack('16sH22x', b'wire', 0x5001))
		subprocess.run(['ip', '-batch', '-'], check=True, text=True, input=f'''
			link set lo up
			link set wire txqueuelen 5000 mtu {MTU} up
			address add {SUT}/16 brd + dev wire
			address add {SUT2}/16 brd + dev wire
			''')
		with contextlib.suppress(OSError):
			write('/proc/sys/net/ipv6/conf/wire/disable_ipv6', 1)
		# The plainest congestion control, no memory of earlier connections, no limit on
		# the answers to bad segments: what the tests count must not depend on those.
		for name, value in (('congestion_control', 'reno'), ('no_metrics_save', 1),
				    ('invalid_ratelimit', 0), ('syn_linear_timeouts', 0),
				    ('fastopen', 3)):
			with contextlib.suppress(OSError):
				write(SYSCTL + name, value)
		threading.Thread(target=self.read, daemon=True).start()

	def read(self):
		poll = select.poll()
		poll.register(self.fd, select.POLLIN)
		while True:
			poll.poll()
			try:
				while True:
					self.dispatch(time.monotonic(), os.read(self.fd, 65536)[VNET_HDR.size:])
			except BlockingIOError:
				pass

	def dispatch(self, now, raw):
		if raw[0] >> 4 != 4:
			self.inbox(raw[24:40]).put((now, raw))		# IPv6: see ipv6.py
			return
		address = socket.inet_ntoa(raw[16:20])
		if address not in self.logs:
			self.strays.append(raw)
			return
		self.logs[address].append((now, '<', raw))
		self.complaints += [(address, wrong) for wrong in self.verify(raw)]
		body = raw[(raw[0] & 15) * 4:]
		if raw[9] in (STREAM, DGRAM):
			key = (address, raw[9], *struct.unpack('!HH', body[:4])[::-1])
		else:
			key = (address, raw[9])
		self.inbox(*key).put((now, raw))

	def inbox(self, *key):
		return self.inboxes.setdefault(key, queue.SimpleQueue())

	def verify(self, raw):
		"""What every packet that the kernel sends must keep to."""
		header = (raw[0] & 15) * 4
		body = raw[header:]
		if checksum(raw[:header]):
			yield 'IP header checksum'
		if struct.unpack('!H', raw[2:4])[0] != len(raw):
			yield 'IP total length'
		if raw[6] & 0x3f or raw[7]:
			return			# a fragment: nothing more to see here
		pseudo = raw[12:16] + destination(raw) + struct.pack('!BBH', 0, raw[9], len(body))
		if raw[9] == DGRAM:
			self.seen_dgrams += 1
			if struct.unpack('!H', body[4:6])[0] != len(body):
				yield 'datagram length'
			if body[6:8] != b'\0\0' and checksum(pseudo + body):
				yield 'datagram checksum'
		if raw[9] != STREAM:
			return
		self.seen += 1
		if len(body) < 20 or not 20 <= (body[12] >> 4) * 4 <= len(body):
			yield 'data offset'
			return
		if checksum(pseudo + body):
			yield 'segment checksum'
		if body[12] & 14:		# the fourth is AccECN's AE
			yield 'reserved bits set'
		options = body[20:(body[12] >> 4) * 4]
		while options:
			kind = options[0]
			if kind == 0:
				if options.strip(b'\0'):
					yield 'bytes after the end-of-list option are not zero'
				break
			if kind == 1:
				options = options[1:]
				continue
			if len(options) < 2 or not 2 <= options[1] <= len(options):
				yield f'length of option kind {kind}'
				break
			if kind in (2, 3, 4) and not body[13] & 2:
				yield f'option kind {kind} on a segment without SYN'
			options = options[options[1]:]

	def write(self, raw):
		headers = 0
		if self.paged:
			# As of a device that takes pages for each frame, behind its headers, and pads it.
			headers = (raw[0] & 15) * 4
			headers += (raw[headers + 12] >> 4) * 4
			raw += bytes(4096)
		raw = VNET_HDR.pack(0, 0, headers, 0, 0, 0) + raw
		while True:
			try:
				os.write(self.fd, raw)
				return
			except BlockingIOError:
				time.sleep(0.001)
			except OSError as e:		# the kernel refuses what is not even IP
				if e.errno != errno.EINVAL:
					raise
				return


link = Link()


def set_mtu(mtu):
	subprocess.run(['ip', 'link', 'set', 'wire', 'mtu', str(mtu)], check=True)


def write(path, value):
	with open(path, 'w') as f:
		f.write(str(value))


def snmp(name, dgram=False):
	"""A counter of the kernel's."""
	if ORACLE:
		with open('/proc/net/snmp') as f:
			lines = [line.split() for line in f if line.startswith('Udp:' if dgram else 'Tcp:')]
		return int(dict(zip(*lines))[name])
	with open('/proc/net/yoke/snmp') as f:
		counters = dict(line.rsplit(None, 1) for line in f)
	return int(counters[('Dgram' if dgram else '') + name])


def netstat(name):
	"""A counter of those that TCP has in /proc/net/netstat, by TCP's name."""
	if not ORACLE:
		return snmp(name.removeprefix('TCP'))
	with open('/proc/net/netstat') as f:
		lines = [line.split() for line in f if line.startswith('TcpExt:')]
	return int(dict(zip(*lines))[name])


def show(raw):
	"""One line for a packet, for the trace of a failed test."""
	header = (raw[0] & 15) * 4
	body = raw[header:]
	if raw[9] == STREAM and len(body) >= 20:
		sport, dport, seq, ack, offset, flags, win = struct.unpack('!HHIIBBH', body[:16])
		flags |= (offset & 1) << 8
		names = ''.join(c for i, c in enumerate('FSRPAUECN') if flags >> i & 1) or '-'
		size = (offset >> 4) * 4
		options = body[20:size].hex()
		return (f'{sport}>{dport} {names} seq={seq} ack={ack} win={win} len={len(body) - size}'
			+ (f' opt={options}' if options else ''))
	return f'protocol {raw[9]}: {body[:32].hex()} ({len(body)} bytes)'


FLAGS = 'FSRPAUECN'			# N: AE, which was the nonce's bit


@functools.lru_cache
def option_bytes(options):
	"""A list of TCP options as scapy takes it, on the wire."""
	return bytes(TCP(chksum=0, options=list(options)))[20:]


def icmp_bytes(kind, code, rest, data=b''):
	body = struct.pack('!BBHI', kind, code, 0, rest) + data
	return body[:2] + struct.pack('!H', checksum(body)) + body[4:]


class Segment:
	"""What came. The fixed header is unpacked here, as scapy takes some ten milliseconds for a
	packet under emulation, in which timers run on; the rest is scapy's view of it."""

	def __init__(self, at, raw):
		self.at, self.raw, self.tos = at, raw, raw[1]
		body = raw[(raw[0] & 15) * 4:]
		(_, _, self.seq, self.ack, offset, bits, self.window, _,
		 self.urgptr) = struct.unpack('!HHIIBBHHH', body[:20])
		bits |= (offset & 1) << 8
		self.flags = ''.join(flag for i, flag in enumerate(FLAGS) if bits >> i & 1)
		self.names = self.flags.replace('P', '')	# whether PSH is set says little
		self.data = body[(offset >> 4) * 4:]

	@functools.cached_property
	def ip(self):
		return IP(self.raw)

	@property
	def options(self):
		return self.ip[TCP].options


# --- the peer -------------------------------------------------------------------------------

_addresses = (f'10.9.{i // 250}.{i % 250 + 1}' for i in itertools.count(250))


class Peer:
	"""A host on the link, one a test, and the system under test as seen from it."""

	def __init__(self):
		self.address = next(_addresses)
		self.log = link.logs[self.address] = []
		self.start = time.monotonic()
		self.ports = itertools.count(20001)
		self.echo = itertools.count(1)
		self.icmp = []				# messages that a barrier came across
		self.stack = contextlib.ExitStack()	# what the test leaves behind

	def close(self):
		self.stack.close()

	def trace(self):
		return [f'{now - self.start:8.4f} {way} {show(raw)}' for now, way, raw in list(self.log)]

	def stalled(self):
		"""Whether nothing went either way for longer than a test that does not wait takes."""
		times = sorted(now for now, _, _ in list(self.log))
		return any(b - a > 0.15 for a, b in zip(times, times[1:]))

	def complaints(self):
		return [wrong for address, wrong in link.complaints if address == self.address]

	# the sockets of the system under test

	def socket(self, kind=socket.SOCK_STREAM, proto=0):
		# Python only knows the addresses of families it knows: show it an AF_INET one.
		s = socket.socket(FAMILY, kind, proto)
		return self.keep(socket.socket(socket.AF_INET, kind, 0, fileno=s.detach()))

	def keep(self, s):
		"""Have a socket closed, and its connection with it, when the test ends."""
		def abort():
			with contextlib.suppress(OSError):
				s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
			s.close()
		self.stack.callback(abort)
		s.settimeout(WAIT)
		return s

	def listen(self, backlog=16, address=SUT, port=0, **options):
		s = self.socket()
		s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
		setopts(s, options)
		s.bind((address, port))
		s.listen(backlog)
		return s

	def accept(self, listener):
		s, _ = listener.accept()
		return self.keep(s)

	def dgram(self, address=SUT, port=0):
		s = self.socket(socket.SOCK_DGRAM)
		s.bind((address, port))
		return s

	@contextlib.contextmanager
	def sysctl(self, name, value):
		"""Set one of the transport's sysctls. Not for @slow tests: they run side by side."""
		try:
			with open(SYSCTL + name) as f:
				old = f.read()
		except FileNotFoundError:
			raise Skip(f'no sysctl {SYSCTL + name}')
		write(SYSCTL + name, value)
		try:
			yield
		finally:
			write(SYSCTL + name, old)

	@contextlib.contextmanager
	def route(self, *metrics):
		"""The way to us has these."""
		way = [self.address + '/32', 'dev', 'wire']
		subprocess.run(['ip', 'route', 'add', *way, *map(str, metrics)], check=True)
		try:
			yield
		finally:
			subprocess.run(['ip', 'route', 'del', *way], check=True)

	# packets

	def inject(self, raw):
		self.log.append((time.monotonic(), '>', raw))
		link.write(raw)

	def unsent(self, send, *args):
		"""The packet that send(*args) would inject."""
		packets = []
		self.inject = packets.append
		send(*args)
		del self.inject
		return packets[0]

	def packet(self, proto, body, dst=SUT, **ip):
		"""An IP packet of ours around these bytes."""
		src, tos = ip.pop('src', self.address), ip.pop('tos', 0)
		if ip:
			options = ip.pop('ip_options', [])
			return bytes(IP(src=src, dst=dst, proto=proto, tos=tos, options=options, **ip) /
				     Raw(body))
		header = struct.pack('!BBHHHBBH4s4s', 0x45, tos, 20 + len(body), 1, 0, 64, proto, 0,
				     socket.inet_aton(src), socket.inet_aton(dst))
		return header[:10] + struct.pack('!H', checksum(header)) + header[12:] + body

	def transport(self, proto, body, dst=SUT, corrupt=False, **ip):
		"""A segment or datagram with its checksum, which scapy would make for 6 and 17."""
		at = 16 if proto == STREAM else 6
		body = bytearray(body)
		body[at:at + 2] = b'\0\0'
		src = socket.inet_aton(ip.get('src', self.address))
		pseudo = src + socket.inet_aton(dst) + struct.pack('!BBH', 0, proto, len(body))
		value = checksum(pseudo + body) ^ (0x5555 if corrupt else 0)
		body[at:at + 2] = struct.pack('!H', value or 0xffff)
		return self.packet(proto, bytes(body), dst, **ip)

	def segment(self, sport, dport, flags, seq=0, ack=0, data=b'', *, win=65535, options=(),
		    urgptr=0, reserved=0, dst=SUT, corrupt=False, **ip):
		"""Send one segment. `options` is a list of scapy's, or the very bytes."""
		if not isinstance(options, bytes):
			options = option_bytes(tuple(options))
		bits = sum(1 << FLAGS.index(flag) for flag in flags)
		header = struct.pack('!HHIIBBHHH', sport, dport, seq32(seq), seq32(ack),
				     5 + len(options) // 4 << 4 | reserved << 1 | bits >> 8, bits & 255,
				     win, 0, urgptr)
		self.inject(self.transport(STREAM, header + options + data, dst, corrupt, **ip))

	def datagram(self, sport, dport, data=b'', dst=SUT, corrupt=False, **ip):
		body = bytes(UDP(sport=sport, dport=dport, chksum=0) / Raw(data))
		self.inject(self.transport(DGRAM, body, dst, corrupt, **ip))

	def icmp_send(self, kind, code, quoted, mtu=0, whole=False):
		"""An ICMP error that quotes the IP header and 8 bytes more, or the whole."""
		if not whole:
			quoted = quoted[:(quoted[0] & 15) * 4 + 8]
		self.inject(self.packet(1, icmp_bytes(kind, code, mtu, quoted)))

	def receive(self, *key, within=WAIT, what='a packet'):
		"""The next packet for us with this protocol (and ports)."""
		try:
			now, raw = link.inbox(self.address, *key).get(timeout=max(within, 0.001))
		except queue.Empty:
			raise Failure(f'{what} did not come within {within:g} s') from None
		if key[0] == STREAM:
			return Segment(now, raw)
		return IP(raw)

	def take(self, *key):
		return link.inbox(self.address, *key).get()

	def received(self, *key):
		"""Whatever has come for these ports by now, raw."""
		packets = []
		while not self.empty(*key):
			packets.append(self.take(*key)[1])
		return packets

	def empty(self, *key):
		return link.inbox(self.address, *key).empty()

	def barrier(self):
		"""Everything that was sent in answer to what went before has arrived.

		The kernel handles packets of one device in order: when the answer to this
		echo request is here, so is what came before it."""
		n = next(self.echo) & 0xffff
		self.inject(self.packet(1, icmp_bytes(8, 0, 1 << 16 | n)))
		while True:
			reply = self.receive(1, what='the echo reply of the barrier')
			if reply[ICMP].type == 0 and reply[ICMP].seq == n:
				return
			self.icmp.append(reply)

	def icmp_error(self, within=WAIT):
		"""The next ICMP message that is not an answer to our own echo requests."""
		if self.icmp:
			return self.icmp.pop(0)
		return self.receive(1, within=within, what='an ICMP message')

	def quiet(self, seconds=0):
		"""Nothing at all came for this peer, and nothing comes for so long."""
		self.barrier()
		if seconds:
			time.sleep(seconds)
		for key, box in list(link.inboxes.items()):
			if key[0] == self.address and not box.empty():
				raise Failure(f'expected silence, got {show(box.get()[1])}')
		check(not self.icmp, 'expected silence, got an ICMP message')

	def state(self, local, remote):
		"""The state of a connection in the kernel's own table, SYN_RECV for both its forms."""
		def hexa(end):
			return '%08X:%04X' % (struct.unpack('=I', socket.inet_aton(end[0]))[0], end[1])
		with open(STREAM_TABLE) as table:
			next(table)
			for line in table:
				fields = line.split()
				if fields[1:3] == [hexa(local), hexa(remote)]:
					return STATES[int(fields[3], 16)]
		return 'CLOSED'

	# connections, one constructor a state

	def conn(self, to, port=None, iss=None, sut_address=SUT):
		"""To a port, or to a listener."""
		listener = to if isinstance(to, socket.socket) else None
		c = Conn(self, port or next(self.ports), listener.getsockname()[1] if listener else to, iss,
			 sut_address)
		c.listener = listener
		return c

	def syn_sent(self, **options):
		"""The system under test has sent its SYN, and waits for ours."""
		port = next(self.ports)
		s = self.socket()
		bind = options.pop('bind', None)
		iss, flags = options.pop('iss', None), options.pop('flags', 'S')
		setopts(s, options)
		if bind:
			s.bind(bind)
		s.setblocking(False)
		raises(errno.EINPROGRESS, s.connect, (self.address, port))
		s.settimeout(WAIT)
		local = s.getsockname()
		c = self.conn(local[1], port, iss, local[0])
		c.sock = s
		c.syn = c.expect(flags, ack=ANY)
		return c

	def syn_received(self, iss=None, options=(('MSS', MSS),), win=65535, listener=None, **opts):
		"""A listener of the system under test has answered our SYN."""
		listener = listener or self.listen(**opts)
		c = self.conn(listener, iss=iss)
		c.win = win
		c.send('S', options=options)
		c.syn = c.expect('SA')
		return c

	def established(self, active=False, options=(('MSS', MSS),), win=65535, **opts):
		if active:
			c = self.syn_sent(**opts)
			c.win = win
			c.answered(options=options)
		else:
			c = self.syn_received(options=options, win=win, **opts)
			c.opened()
		return c

	def fin_wait_1(self, **opts):
		"""The system under test has sent its FIN (half closed: `sock` still reads)."""
		c = self.established(**opts)
		c.sock.shutdown(socket.SHUT_WR)
		c.expect('FA')
		return c

	def fin_wait_2(self, **opts):
		c = self.fin_wait_1(**opts)
		c.send('A')
		return c

	def closing(self, **opts):
		"""Our FIN has crossed with the other side's, which we have not acknowledged."""
		c = self.fin_wait_1(**opts)
		c.send('FA', ack=c.ack - 1)
		c.expect('A')
		return c

	def time_wait(self, **opts):
		c = self.fin_wait_2(**opts)
		c.send('FA')
		c.expect('A')
		c.sock.close()
		return c

	def close_wait(self, **opts):
		c = self.established(**opts)
		c.send('FA')
		c.expect_ack()
		return c

	def last_ack(self, **opts):
		c = self.close_wait(**opts)
		c.sock.close()
		c.expect('FA')
		return c


class Conn:
	"""Our end of one connection. A segment sent or expected without `seq` and `ack` is the one
	that comes next in order; one sent with an explicit `seq` does not move the numbers on."""

	def __init__(self, peer, port, sut_port, iss, sut_address):
		self.peer, self.port, self.sut_port, self.sut_address = peer, port, sut_port, sut_address
		# A number of its own for each connection, so that a mixed-up one shows.
		self.iss = self.seq = seq32(iss if iss is not None else port * 1000003)
		self.ack = None			# what we expect next; unknown before the first segment
		self.win = 65535
		self.scale = 0			# shift of the windows we advertise after the SYN
		self.tsval = None		# our timestamp clock, when timestamps are in use
		self.tsecr = 0
		self.sock = self.listener = None
		self.seen = {}			# sequence number -> when it last came
		self.ignored = ()		# flags of segments that a test does not care for

	# out

	def send(self, flags, data=b'', *, seq=None, ack=None, options=None, win=None, **more):
		if options is None:
			options = () if self.tsval is None else self.timestamp()
		if 'A' not in flags:
			ack = ack or 0
		elif ack is None:
			ack = self.ack
		at = self.seq if seq is None else seq
		self.peer.segment(self.port, self.sut_port, flags, at, ack, data, options=options,
				  win=self.win if win is None else win, dst=self.sut_address, **more)
		if seq is None:
			self.seq = seq32(at + len(data) + ('S' in flags) + ('F' in flags))

	def opened(self, listener=None):
		"""Our ACK is the third segment, and the program accepts."""
		self.send('A')
		self.sock = self.peer.accept(listener or self.listener)

	def answered(self, **more):
		"""Our SYN,ACK is the second segment, and connect() ends."""
		self.send('SA', **more)
		self.expect('A')
		connected(self.sock)

	def timestamp(self):
		return [('NOP', None), ('NOP', None), ('Timestamp', (self.tsval, self.tsecr))]

	def send_data(self, data, size=MSS):
		"""All of this, in segments."""
		for i in range(0, len(data), size):
			self.send('PA' if i + size >= len(data) else 'A', data[i:i + size])

	# in

	def next(self, within=WAIT, what='a segment'):
		end = time.monotonic() + within
		while True:
			segment = self.peer.receive(STREAM, self.port, self.sut_port,
						    within=end - time.monotonic(), what=what)
			if self.tsval is not None and option(segment, 'Timestamp'):
				self.tsecr = option(segment, 'Timestamp')[0]
			if segment.names not in self.ignored:
				return segment

	def came_before(self, segment):
		"""It repeats what we know. On a slow machine timers run out in the midst of tests that
		are about something else."""
		return (self.ack is not None and length(segment) and
			ahead(segment.seq + length(segment), self.ack) <= 0)

	def expect(self, flags, data=b'', *, seq=None, ack=None, win=None, within=WAIT):
		"""The next segment must be this. `data`: the bytes, how many, or ANY. PSH is let be."""
		segment = self.next(within, f'a segment with {flags}')
		while seq is None and self.came_before(segment):
			segment = self.next(within, f'a segment with {flags}')
		what = f'of the segment {segment.names} seq={segment.seq} ack={segment.ack}'
		equal(set(segment.names), set(flags), 'flags ' + what)
		if seq is None:
			seq = ANY if self.ack is None else self.ack
		if ack is None:
			ack = self.seq if 'A' in flags else 0
		if seq is not ANY:
			equal(segment.seq, seq32(seq), 'sequence number ' + what)
		if ack is not ANY:
			equal(segment.ack, seq32(ack), 'acknowledgement ' + what)
		if isinstance(data, int):
			equal(len(segment.data), data, 'length ' + what)
		elif data is not ANY:
			equal(segment.data, data, 'data ' + what)
		if win is not None:
			equal(segment.window, win, 'window ' + what)
		self.advance(segment)
		return segment

	def advance(self, segment):
		segment.before = self.seen.get(segment.seq, segment.at) if length(segment) else segment.at
		self.seen[segment.seq] = segment.at
		if 'R' in segment.names:
			return
		end = seq32(segment.seq + length(segment))
		if self.ack is None or ahead(end, self.ack) > 0:
			self.ack = end

	def expect_ack(self, within=1.0):
		"""Everything we sent is acknowledged, at once or after the delay that is allowed."""
		end = time.monotonic() + within
		while True:
			segment = self.next(end - time.monotonic(), f'the ACK of {self.seq}')
			if self.came_before(segment):
				continue
			equal((segment.names, segment.data), ('A', b''), 'expected an ACK')
			equal(segment.seq, self.ack, 'sequence number of the ACK')
			check(ahead(segment.ack, self.seq) <= 0, 'acknowledges more than was sent')
			if segment.ack == self.seq:
				return segment

	def expect_data(self, data, acking=True, within=WAIT):
		"""These bytes, in order and once each, in however many segments."""
		segments = []
		while data:
			segment = self.next(within, f'{len(data)} more bytes')
			if self.came_before(segment):
				continue
			equal(segment.names, 'A', 'flags of data')
			equal(segment.seq, self.ack, 'sequence number of data')
			check(segment.data, 'a segment without data among the data')
			check(data.startswith(segment.data), 'other bytes than were sent')
			data = data[len(segment.data):]
			self.advance(segment)
			segments.append(segment)
			if acking:
				self.send('A')
		return segments

	def drain(self):
		"""Whatever has arrived by now."""
		self.peer.barrier()
		segments = []
		while not self.peer.empty(STREAM, self.port, self.sut_port):
			segments.append(Segment(*self.peer.take(STREAM, self.port, self.sut_port)))
			self.advance(segments[-1])
		return [segment for segment in segments if segment.names not in self.ignored]

	def burst(self, within=WAIT):
		"""One or more segments: what is sent at one go."""
		segments = [self.next(within)]
		self.advance(segments[0])
		return segments + self.drain()

	def quiet(self, seconds=0):
		"""Nothing comes in answer to what went before; with a time, nothing at all. What a timer
		sends again, 0.2 s later at the least, is no answer."""
		if seconds:
			time.sleep(seconds)
		for segment in self.drain():
			if not seconds and segment.at - segment.before > 0.15:
				continue
			raise Failure(f'expected silence, got {show(segment.raw)}')

	# the other end

	def state(self):
		self.peer.barrier()
		return self.peer.state((self.sut_address, self.sut_port), (self.peer.address, self.port))

	def expect_state(self, *states):
		until(lambda: self.state() in states,
		      lambda: f'state: expected {" or ".join(states)}, got {self.state()}')

	def alive(self):
		"""Data still goes both ways."""
		self.send('PA', b'ping')
		self.expect_ack()
		equal(self.recv(4), b'ping', 'data read')
		self.sock.send(b'pong')
		self.expect('A', b'pong')
		self.send('A')

	def write(self, data):
		"""Into the socket, all of it: the buffer is made large enough."""
		setopt(self.sock, sndbuf=max(4 * len(data), 1 << 16))
		taken = self.sock.send(data)
		check(taken == len(data), f'only {taken} of {len(data)} bytes fit into the socket')

	def recv(self, size):
		"""Exactly so many bytes from the socket, or fewer at the end of the stream."""
		data = b''
		while len(data) < size:
			more = self.sock.recv(size - len(data))
			if not more:
				break
			data += more
		return data

	def error(self):
		return self.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)

	def nothing_to_read(self):
		check(not select.select([self.sock], [], [], 0)[0], 'there is something to read')


# --- small helpers ---------------------------------------------------------------------------

def length(segment):
	"""SEG.LEN: SYN and FIN count."""
	return len(segment.data) + ('S' in segment.names) + ('F' in segment.names)


def option(segment, name):
	"""The value of this option, or None."""
	for kind, value in segment.options:
		if kind == name:
			return value
	return None


_SOCKET_OPTIONS = {
	'rcvbuf': (socket.SOL_SOCKET, socket.SO_RCVBUF),
	'sndbuf': (socket.SOL_SOCKET, socket.SO_SNDBUF),
	'oobinline': (socket.SOL_SOCKET, socket.SO_OOBINLINE),
	'reuseaddr': (socket.SOL_SOCKET, socket.SO_REUSEADDR),
	'reuseport': (socket.SOL_SOCKET, socket.SO_REUSEPORT),
	'keepalive': (socket.SOL_SOCKET, socket.SO_KEEPALIVE),
	'nodelay': (socket.IPPROTO_TCP, socket.TCP_NODELAY),
	'cork': (socket.IPPROTO_TCP, socket.TCP_CORK),
	'maxseg': (socket.IPPROTO_TCP, socket.TCP_MAXSEG),
	'syncnt': (socket.IPPROTO_TCP, socket.TCP_SYNCNT),
	'linger2': (socket.IPPROTO_TCP, socket.TCP_LINGER2),
	'keepidle': (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE),
	'keepintvl': (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL),
	'keepcnt': (socket.IPPROTO_TCP, socket.TCP_KEEPCNT),
	'user_timeout': (socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT),
	'tos': (socket.IPPROTO_IP, socket.IP_TOS),
	'congestion': (socket.IPPROTO_TCP, socket.TCP_CONGESTION),
	'clamp': (socket.IPPROTO_TCP, socket.TCP_WINDOW_CLAMP),
	'rto_max': (socket.IPPROTO_TCP, 44),		# TCP_RTO_MAX_MS,
	'rto_min': (socket.IPPROTO_TCP, 45),		# TCP_RTO_MIN_US and
	'delack_max': (socket.IPPROTO_TCP, 46),		# TCP_DELACK_MAX_US, of Linux 6.15
	'ttl': (socket.IPPROTO_IP, socket.IP_TTL),
	'minttl': (socket.IPPROTO_IP, 21),		# IP_MINTTL
	'recverr': (socket.IPPROTO_IP, 11),		# IP_RECVERR
}


def setopts(s, options):
	for name, value in options.items():
		s.setsockopt(*_SOCKET_OPTIONS[name], value)


def setopt(s, **options):
	setopts(s, options)


Info = collections.namedtuple('Info', 'ca_state rto ssthresh cwnd reordering rcv_mss rcv_rtt delivered '
			      'probes unacked last_data_sent total_retrans segs_in data_segs_in '
			      'delivery_rate busy_time bytes_sent bytes_retrans')


def tcp_info(s):
	"""Some of struct tcp_info; times in seconds."""
	raw = s.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 216)
	words = struct.unpack('8B52I', raw)
	return Info(words[1], words[8] / 1e6, words[25], words[26], words[28], words[11],
		    words[29] / 1e6, words[54], words[3], words[12], words[17] / 1e3, words[31], words[41],
		    words[44], *struct.unpack('2Q', raw[160:176]), *struct.unpack('2Q', raw[200:216]))


def linger0(s):
	s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))


def until(condition, message, within=WAIT):
	end = time.monotonic() + within
	while not condition():
		if time.monotonic() > end:
			raise Failure(message() if callable(message) else message)
		time.sleep(0.01)


def connected(s):
	"""A non-blocking connect() has ended well."""
	check(select.select([], [s], [], WAIT)[1], 'connect() did not end')
	equal(s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR), 0, 'error of connect()')


def connect_error(s, *want):
	"""A non-blocking connect() has ended badly, like this."""
	check(select.select([], [s], [], WAIT)[1], 'connect() did not end')
	got = s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
	check(got in want, f'error of connect(): expected {[errno.errorcode[e] for e in want]}, '
	      f'got {errno.errorcode.get(got, got)}')


def connecting(s):
	"""A non-blocking connect() is still under way."""
	check(not select.select([], [s], [], 0)[1], 'connect() has ended')


@contextlib.contextmanager
def held(s):
	"""While this lasts, a call of the program's on `s`, which has something to read, holds the
	socket: recv() of a byte into a page whose making waits for us (userfaultfd)."""
	libc = ctypes.CDLL(None, use_errno=True)
	uffd = libc.syscall(323, os.O_CLOEXEC | os.O_NONBLOCK)
	if uffd < 0:
		raise Skip('no userfaultfd')
	page = mmap.mmap(-1, 4096, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
	at = ctypes.addressof(ctypes.c_char.from_buffer(page))
	try:
		fcntl.ioctl(uffd, 0xc018aa3f, bytearray(struct.pack('QQQ', 0xaa, 0, 0)))
		fcntl.ioctl(uffd, 0xc020aa00, bytearray(struct.pack('QQQQ', at, 4096, 1, 0)))
		reader = threading.Thread(target=libc.recv,
					  args=(s.fileno(), ctypes.c_void_p(at), 1, 0))
		reader.start()
		check(select.select([uffd], [], [], WAIT)[0], 'recv() had nothing to read')
		try:
			yield
		finally:
			fcntl.ioctl(uffd, 0xc020aa04, bytearray(struct.pack('QQQq', at, 4096, 0, 0)))
			reader.join()
	finally:
		os.close(uffd)


@contextlib.contextmanager
def later(seconds):
	"""While this lasts, the kernel believes that so many seconds have passed (selftests/later). Not
	for @slow tests."""
	setting = '/sys/module/yoke_later/parameters/seconds'
	built = os.path.join(os.path.dirname(__file__), '../../build/*/later/yoke_later.ko')
	for module in [] if os.path.exists(setting) else glob.glob(built):	# one is this kernel's
		subprocess.run(['insmod', module], check=False, stderr=subprocess.DEVNULL)
	if not os.path.exists(setting):
		raise Skip('no yoke_later.ko (make sample)')
	try:
		write(setting, seconds)
		yield
	finally:
		write(setting, 0)


def poll_events(s):
	p = select.poll()
	p.register(s, select.POLLIN | select.POLLOUT | select.POLLRDHUP | select.POLLPRI)
	events = p.poll(0)
	return events[0][1] if events else 0


def near(got, want, low=0.15, high=0.35, what='interval'):
	"""A time in seconds: timers are never early, and a busy machine makes them late."""
	check(want - low <= got <= want + high, f'{what}: expected about {want:g} s, got {got:.3f} s')


# --- what a test says of itself ----------------------------------------------------------------

def rows(*ids):
	"""The rows of requirements.tsv that this test covers."""
	def mark(test):
		test.rows = ids
		return test
	return mark


def slow(seconds):
	"""This test mostly waits, about so long: it runs side by side with others that do."""
	def mark(test):
		test.slow = seconds
		return test
	return mark


CYCLE = bytes((i * 7 + i // 251) % 256 for i in range(251 * 256))


def pattern(size, start=0):
	"""Bytes that tell where in a stream they belong."""
	start %= len(CYCLE)
	return (CYCLE * ((start + size) // len(CYCLE) + 1))[start:start + size]


# The rows that Link.verify() checks on every packet of the kernel's.
ALWAYS = ('9293-MUST-2', '9293-MUST-65', '9293-MUST-68', '9293-MUST-69', '9293-EV-36', '2018-1')
