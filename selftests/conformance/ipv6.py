# SPDX-License-Identifier: GPL-2.0
"""IPv6: RFC 8200, RFC 8201 (path MTU), RFC 4443 (ICMPv6), RFC 8085, and RFC 5927 across versions."""
import contextlib
import errno
import functools
import itertools
import queue
import select
import socket
import struct
import subprocess
import time

from scapy.utils import checksum

from peer import (DGRAM, FAMILY, MTU, ORACLE, STREAM, WAIT, Failure, check, connect_error, connecting,
		  equal, link, pattern, rows, seq32, slow, write)

SUT = 'fd09::1'
PORTS = itertools.count(6001)
HEADER = 40
MSS = MTU - HEADER - 20
UNREACHABLE, TOO_BIG, EXCEEDED, PROBLEM = 1, 2, 3, 4
IPV6_RECVERR, IPV6_MINHOPCOUNT = 25, 73
_hosts = itertools.count(1)


@functools.cache
def raw(address):
	return socket.inet_pton(socket.AF_INET6, address)


@functools.cache
def wire_up():
	"""The other tests have no IPv6 on the wire."""
	write('/proc/sys/net/ipv6/conf/wire/disable_ipv6', 0)
	subprocess.run(['ip', '-6', 'address', 'add', f'{SUT}/64', 'dev', 'wire', 'nodad'], check=True)


def packet(src, dst, protocol, body, at):
	"""With its checksum at that place of the body."""
	pseudo = src + dst + struct.pack('!I3xB', len(body), protocol)
	total = checksum(pseudo + body[:at] + b'\0\0' + body[at + 2:]) or 0xffff
	return (struct.pack('!IHBB', 6 << 28, len(body), protocol, 64) + src + dst +
		body[:at] + struct.pack('!H', total) + body[at + 2:])


class Packet:
	"""What came."""

	def __init__(self, data):
		self.raw, self.body = data, data[HEADER:]
		self.label, self.protocol = struct.unpack('!I', data[:4])[0] & 0xfffff, data[6]
		self.src, self.dst = data[8:24], data[24:40]
		equal(struct.unpack('!H', data[4:6])[0], len(self.body), 'payload length')
		if self.protocol in (STREAM, DGRAM, 58):
			pseudo = self.src + self.dst + struct.pack('!I3xB', len(self.body), self.protocol)
			equal(checksum(pseudo + self.body), 0, 'checksum')
		if self.protocol == STREAM:
			self.seq, self.ack, offset, self.flags = struct.unpack('!IIBB', self.body[4:14])
			self.data = self.body[(offset >> 4) * 4:]
		if self.protocol == DGRAM:
			self.data = self.body[8:]


class Host:
	"""A host of IPv6 on the link, and the system under test as seen from it."""

	def __init__(self, p):
		wire_up()
		self.p, self.port = p, next(PORTS)
		self.address = f'fd09::2:{next(_hosts):x}'
		self.inbox = link.inbox(raw(self.address))

	def socket(self, kind=socket.SOCK_STREAM):
		s = socket.socket(socket.AF_INET6 if ORACLE else FAMILY, kind)
		return self.p.keep(socket.socket(socket.AF_INET6, kind, 0, fileno=s.detach()))

	def inject(self, protocol, body, at, src=None, dst=SUT):
		link.write(packet(raw(src or self.address), raw(dst), protocol, body, at))

	def receive(self, protocol, within=WAIT):
		end = time.monotonic() + within
		while True:
			try:
				got = Packet(self.inbox.get(timeout=max(end - time.monotonic(), 0.001))[1])
			except queue.Empty:
				raise Failure(f'nothing of protocol {protocol} came') from None
			if got.protocol == protocol:
				return got

	def segment(self, flags, sport, dport, seq, ack=0, data=b'', options=b''):
		offset = (20 + len(options)) << 2
		self.inject(STREAM, struct.pack('!HHIIBBHHH', sport, dport, seq, ack, offset, flags,
						60000, 0, 0) + options + data, 16)

	def dgram(self, sport, dport, data=b'data', src=None, dst=SUT):
		self.inject(DGRAM, struct.pack('!HHHH', sport, dport, 8 + len(data), 0) + data, 6, src, dst)

	def error(self, kind, code, quoted, info=0, src=None):
		self.inject(58, struct.pack('!BBHI', kind, code, 0, info) + quoted[:1232], 2, src)

	def barrier(self):
		"""What was sent is dealt with: the answer to an echo request comes behind it -> ICMP's
		messages that came before."""
		self.inject(58, struct.pack('!BBHHH', 128, 0, 0, 1, 1), 2)
		errors = []
		while True:
			body = self.receive(58).body
			if body[0] == 129:
				return errors
			errors.append(body)

	def established(self):
		"""-> an accepted socket, and the connection as this side knows it."""
		listener = self.socket()
		listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
		listener.bind((SUT, self.port))
		listener.listen(1)
		mss = struct.pack('!BBH', 2, 4, MSS)
		self.segment(2, 20000, self.port, 1000, options=mss)
		answer = self.receive(STREAM)
		equal(answer.flags & 0x12, 0x12, 'flags of the SYN-ACK')
		self.ack = seq32(answer.seq + 1)
		self.acknowledge()
		return self.p.keep(listener.accept()[0])

	def acknowledge(self):
		self.segment(0x10, 20000, self.port, 1001, self.ack)

	def taken(self, size):
		"""Acknowledges so much -> the sizes of the packets that brought it."""
		end, seen = seq32(self.ack + size), []
		while self.ack != end:
			got = self.receive(STREAM)
			seen.append(len(got.raw))
			if got.seq == self.ack:
				self.ack = seq32(self.ack + len(got.data))
				self.acknowledge()
		return seen

	def sizes(self, sock, size):
		"""Sends so much, acknowledges all of it -> the sizes of the packets that brought it."""
		sock.send(pattern(size))
		return self.taken(size)

	def lost(self, sock, size):
		"""Sends so much, which a router does not pass on -> the first packet."""
		sock.send(pattern(size))
		return self.receive(STREAM)

	def too_big(self, sock, mtu):
		"""A full packet meets a link of that MTU -> the sizes of those that come instead."""
		self.error(TOO_BIG, 0, self.lost(sock, MSS).raw, mtu)
		return self.taken(MSS)


@rows('8201-2')
def packet_too_big_lowers(p):
	h = Host(p)
	s = h.established()
	equal(max(h.sizes(s, 3000)), 1500, 'a full packet')
	seen = h.too_big(s, 1400)
	equal(seen[0], 1400, 'the first packet then')
	equal(max(h.sizes(s, 5000)), 1400, 'a full packet after it')


@rows('8201-2')
def packet_too_big_reaches_datagrams(p):
	h = Host(p)
	s = h.socket(socket.SOCK_DGRAM)
	s.setsockopt(socket.IPPROTO_IPV6, 23, 2)	# IPV6_MTU_DISCOVER, IPV6_PMTUDISC_DO
	s.connect((h.address, 30000))
	s.send(pattern(1400))
	h.error(TOO_BIG, 0, h.receive(DGRAM).raw, 1300)
	h.barrier()
	equal(s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR), errno.EMSGSIZE, 'SO_ERROR')
	with contextlib.suppress(OSError):
		s.send(pattern(1400))
		raise Failure('1400 bytes were sent')
	s.send(pattern(1300 - HEADER - 8))
	equal(len(h.receive(DGRAM).raw), 1300, 'the largest packet')


@rows('8201-1')
def never_below_1280(p):
	h = Host(p)
	s = h.established()
	seen = h.too_big(s, 1279)			# is discarded: no link is such
	equal(seen[0], 1500, 'the first packet then')
	seen = h.too_big(s, 1280)
	equal(seen[0], 1280, 'the first packet after the least that may be')
	equal(max(h.sizes(s, 5000)), 1280, 'a full packet after it')


@rows('8201-1')
def never_raised(p):
	h = Host(p)
	s = h.established()
	h.too_big(s, 1300)
	s.send(pattern(1000))
	h.error(TOO_BIG, 0, h.receive(STREAM).raw, 9000)
	h.ack = seq32(h.ack + 1000)
	h.acknowledge()
	equal(max(h.sizes(s, 5000)), 1300, 'a full packet after it')


@slow(300)
@rows('8201-3')
def not_raised_for_five_minutes(p):
	h = Host(p)
	s = h.established()
	h.too_big(s, 1300)
	start = time.monotonic()
	for at in (60, 180, 295):
		time.sleep(max(start + at - time.monotonic(), 0))
		equal(max(h.sizes(s, 5000)), 1300, f'a full packet after {at} s')


@rows('4443-1')
def errors_reach_a_connect(p):
	for kind, code, want in ((UNREACHABLE, 0, errno.ENETUNREACH), (UNREACHABLE, 1, errno.EACCES),
				 (UNREACHABLE, 3, errno.EHOSTUNREACH), (UNREACHABLE, 4, errno.ECONNREFUSED),
				 (EXCEEDED, 0, errno.EHOSTUNREACH), (PROBLEM, 1, errno.EPROTO),
				 (100, 0, errno.EPROTO)):
		h = Host(p)
		s = h.socket()
		s.setblocking(False)
		s.connect_ex((h.address, 30000))
		h.error(kind, code, h.receive(STREAM).raw)
		connect_error(s, want)


@rows('4443-1')
def errors_reach_a_connection(p):
	"""Whoever asks is told, also of kinds that nobody knows; the connection stands."""
	for kind, want in ((UNREACHABLE, errno.ENETUNREACH), (100, errno.EPROTO)):
		h = Host(p)
		s = h.established()
		s.setsockopt(socket.IPPROTO_IPV6, IPV6_RECVERR, 1)
		h.error(kind, 0, h.lost(s, 100).raw)
		h.barrier()
		equal(s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR), want, 'SO_ERROR')
		h.ack = seq32(h.ack + 100)
		h.acknowledge()
		h.sizes(s, 100)


@rows('4443-1')
def errors_reach_datagrams(p):
	h = Host(p)
	s = h.socket(socket.SOCK_DGRAM)
	s.setsockopt(socket.IPPROTO_IPV6, IPV6_RECVERR, 1)
	s.connect((h.address, 30000))
	for kind, code, want in ((UNREACHABLE, 4, errno.ECONNREFUSED), (100, 7, errno.EPROTO)):
		s.send(b'question')
		h.error(kind, code, h.receive(DGRAM).raw)
		h.barrier()
		data, control, _, address = s.recvmsg(100, 200, 0x2000)		# MSG_ERRQUEUE
		equal(data, b'question', 'what of the datagram is told')
		equal(address[:2], (h.address, 30000), 'where it was going')
		error, origin, said_kind, said_code = struct.unpack('IBBB', control[0][2][:7])
		equal((error, origin, said_kind, said_code), (want, 3, kind, code), 'what ICMP said')


@rows('4443-1')
def only_the_one_quoted(p):
	h = Host(p)
	s = h.socket()
	s.setblocking(False)
	s.connect_ex((h.address, 30000))
	syn = h.receive(STREAM).raw
	for at in (23, 39, HEADER + 1, HEADER + 3, HEADER + 4):	# addresses, ports, number
		bad = bytearray(syn)
		bad[at] ^= 0x11
		h.error(UNREACHABLE, 4, bytes(bad))
	for size in (0, 39, HEADER, HEADER + 7):
		h.error(UNREACHABLE, 4, syn[:size])
	h.barrier()
	connecting(s)


@rows('5082-1')
def from_afar(p):
	"""IPV6_MINHOPCOUNT: segments and ICMP errors with less are not heard."""
	h = Host(p)
	s = h.established()
	s.setsockopt(socket.IPPROTO_IPV6, IPV6_RECVERR, 1)
	quoted = h.lost(s, 100).raw
	for least, want in ((65, 0), (64, errno.ENETUNREACH)):
		s.setsockopt(socket.IPPROTO_IPV6, IPV6_MINHOPCOUNT, least)
		h.segment(0x18, 20000, h.port, 1001, h.ack, b'far')
		h.error(UNREACHABLE, 0, quoted)
		h.barrier()
		equal(s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR), want, f'SO_ERROR with {least}')
		equal(bool(select.select([s], [], [], 0)[0]), bool(want), f'something to read with {least}')


@rows('4443-2')
def no_errors_in_answer(p):
	h = Host(p)
	h.dgram(30000, 9)
	equal([body[:2] for body in h.barrier()], [b'\1\4'], 'answer to nobody\'s datagram')
	# One a second is the limit, of which all that follows would be within.
	write('/proc/sys/net/ipv6/icmp/ratelimit', 0)
	h.dgram(30000, 9, dst='ff02::1')
	h.dgram(30000, 9, src='ff02::7')
	quoted = packet(raw(SUT), raw(h.address), DGRAM, struct.pack('!HHHH', 9, 9, 8, 0), 6)
	for kind in (UNREACHABLE, TOO_BIG, EXCEEDED, PROBLEM, 100, 137):
		h.error(kind, 0, quoted, 1500)
	write('/proc/sys/net/ipv6/icmp/ratelimit', 1000)
	equal(h.barrier(), [], 'answers')


@rows('4443-2')
def errors_are_limited(p):
	h = Host(p)
	for _ in range(30):
		h.dgram(30000, 9)
	n = len(h.barrier())
	check(1 <= n <= 10, f'{n} errors in answer to 30 datagrams')


@rows('8085-2')
def a_checksum_there_must_be(p):
	h = Host(p)
	s = h.socket(socket.SOCK_DGRAM)
	s.bind((SUT, h.port))
	body = struct.pack('!HHHH', 30000, h.port, 12, 0) + b'none'
	link.write(struct.pack('!IHBB', 6 << 28, len(body), DGRAM, 64) + raw(h.address) + raw(SUT) + body)
	h.dgram(30000, h.port, b'some')
	equal(s.recv(100), b'some', 'the first datagram')
	s.setsockopt(socket.SOL_SOCKET, 11, 1)		# SO_NO_CHECK is for IPv4
	s.sendto(b'x', (h.address, 30000))
	check(h.receive(DGRAM).body[6:8] != b'\0\0', 'no checksum')


@rows('8085-4')
def flow_labels(p):
	h = Host(p)
	labels = []
	for _ in range(3):
		s = h.socket(socket.SOCK_DGRAM)
		s.connect((h.address, 30000))
		s.send(b'1')
		s.send(b'2')
		first, second = h.receive(DGRAM).label, h.receive(DGRAM).label
		equal(first, second, 'flow label of the second datagram')
		labels.append(first)
	s = h.established()
	labels.append(h.lost(s, 100).label)
	check(all(labels) and len(set(labels)) == 4, f'flow labels {labels}')


@rows('5927-7')
def errors_across_versions(p):
	"""A connection by a v4-mapped address hears what ICMP of IPv4 says, and nothing else."""
	h = Host(p)
	s = h.socket()
	s.setblocking(False)
	port = next(PORTS)
	s.connect_ex((f'::ffff:{p.address}', port))
	local = s.getsockname()
	check(local[0].startswith('::ffff:'), f'bound to {local}')
	_, syn = link.inbox(p.address, STREAM, port, local[1]).get(timeout=WAIT)
	mapped = (struct.pack('!IHBB', 6 << 28, 20, STREAM, 64) + raw(local[0]) +
		  raw(f'::ffff:{p.address}') + syn[20:])
	h.error(UNREACHABLE, 4, mapped)
	h.barrier()
	connecting(s)
	p.icmp_send(3, 3, syn)
	connect_error(s, errno.ECONNREFUSED)


@rows('5927-7')
def no_mapped_addresses_on_the_wire(p):
	"""Else a packet of IPv6 would be taken for one of IPv4 (RFC 4291 §2.5.5.2)."""
	h = Host(p)
	s = h.socket()
	s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
	s.bind(('::', h.port))
	s.listen(1)
	d = h.socket(socket.SOCK_DGRAM)
	d.bind(('::', h.port))
	d.setblocking(False)
	syn = struct.pack('!HHIIBBHHH', 20000, h.port, 1, 0, 5 << 4, 2, 1000, 0, 0)
	before = len(p.log)
	h.inject(STREAM, syn, 16, src=f'::ffff:{p.address}')
	if not ORACLE:		# UDP takes it
		h.dgram(20000, h.port, src=f'::ffff:{p.address}')
		with contextlib.suppress(BlockingIOError):
			raise Failure(f'heard {d.recvfrom(100)}')
	p.barrier()
	answers = [data for _, way, data in list(p.log)[before:] if way == '<' and data[9] == STREAM]
	equal(answers, [], 'answers')
