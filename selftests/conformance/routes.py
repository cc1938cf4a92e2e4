# SPDX-License-Identifier: GPL-2.0
"""Options of the IP header on the way back: source routes, RFC 9293 §3.9.2.1 and RFC 1122 §4.2.3.8."""
import contextlib
import errno
import socket
import subprocess

from scapy.layers.inet import IPOption_EOL, IPOption_LSRR, IPOption_NOP, IPOption_RR, IPOption_SSRR

from peer import (ANY, MSS, Peer, SUT, check, connected, connecting, equal, pattern, raises, rows,
		  write)

IP_OPTIONS = 4


@contextlib.contextmanager
def accepted():
	"""The host lets source routes in, which hosts seldom do (RFC 7126 §4.3)."""
	paths = [f'/proc/sys/net/ipv4/conf/{name}/accept_source_route' for name in ('all', 'wire')]
	try:
		for path in paths:
			write(path, 1)
		yield
	finally:
		for path in paths:
			write(path, 0)


def route(kind, *stops):
	"""A source route with all its stops behind it."""
	return kind(routers=list(stops), pointer=4 + 4 * len(stops))


def options_of(segment):
	"""Those of its IP header that say something."""
	return [o for o in segment.ip.options if not isinstance(o, (IPOption_EOL, IPOption_NOP))]


class Way:
	"""To the system under test by way of routers: packets come from @p, and answers to the last
	router, which has to pass them on."""

	def __init__(self, p, port, kind=IPOption_LSRR, routers=2, first=()):
		self.p, self.kind = p, kind
		self.routers = [Peer() for _ in range(routers)]
		stops = [router.address for router in self.routers]
		self.there = route(kind, *first, *stops)
		self.back = [*stops[-2::-1], p.address]
		self.c = self.routers[-1].conn(port)

	def send(self, flags, data=b'', **more):
		self.c.send(flags, data, src=self.p.address, ip_options=[self.there], **more)

	def expect(self, *args, **kw):
		segment = self.c.expect(*args, **kw)
		self.came_back(segment)
		return segment

	def came_back(self, segment):
		options = options_of(segment)
		equal(len(options), 1, 'number of IP options of the answer')
		equal(type(options[0]), self.kind, 'IP option of the answer')
		equal(options[0].routers, self.back, 'the way back')
		equal(options[0].pointer, 4, 'stops passed on the way back')

	def established(self, listener):
		self.send('S', options=[('MSS', MSS)])
		self.expect('SA')
		self.send('A')
		self.c.sock = self.p.accept(listener)


@rows('9293-MUST-53')
def way_back(p):
	"""What a SYN came by, all segments of the connection go back by, which leaves less to each."""
	with accepted():
		for kind in IPOption_LSRR, IPOption_SSRR:
			listener = p.listen()
			way = Way(p, listener.getsockname()[1], kind)
			way.established(listener)
			equal(way.c.sock.getpeername()[0], p.address, 'peer of the accepted socket')
			data = pattern(2000)
			way.c.write(data)
			for size in MSS - 12, 2000 - (MSS - 12):
				way.came_back(way.c.expect('A', size))
			way.send('A')
			# What comes by another way changes nothing.
			way.c.send('PA', b'straight', src=p.address)
			way.expect('A')
			equal(way.c.recv(8), b'straight', 'data read')
			way.c.sock.close()
			way.expect('FA')


@rows('9293-MUST-53')
def way_back_of_a_socket(p):
	"""The program sees it, as it would have to set it: the first stop first."""
	with accepted():
		listener = p.listen()
		way = Way(p, listener.getsockname()[1])
		way.established(listener)
		got = way.c.sock.getsockopt(socket.IPPROTO_IP, IP_OPTIONS, 40)
		stops = [way.routers[-1].address, *way.back[:-1]]
		want = bytes([0x83, 3 + 4 * len(stops), 4]) + b''.join(map(socket.inet_aton, stops))
		equal(got[:len(want)], want, 'IP_OPTIONS of the accepted socket')


@rows('9293-MUST-53')
def way_back_names_the_source(p):
	"""Some write the source itself at the head of the list: RFC 1812 §5.2.4.1."""
	with accepted():
		listener = p.listen()
		Way(p, listener.getsockname()[1], first=[p.address]).established(listener)


@rows('9293-MUST-53')
def way_back_of_a_cookie(p):
	with accepted(), p.sysctl('syncookies', '2'):
		listener = p.listen()
		way = Way(p, listener.getsockname()[1])
		way.established(listener)
		way.c.sock.send(b'hello')
		way.expect('A', b'hello')


@rows('9293-MUST-53')
def way_back_again(p):
	"""The SYN,ACK that nobody acknowledged goes that way again."""
	with accepted():
		listener = p.listen()
		way = Way(p, listener.getsockname()[1])
		way.send('S', options=[('MSS', MSS)])
		syn = way.expect('SA')
		again = way.expect('SA', seq=syn.seq)
		check(again.at > syn.at, 'it came twice')


@rows('9293-MUST-53')
def way_back_of_nobody(p):
	"""Resets and the last ACKs go by the way that the segment came."""
	with accepted():
		way = Way(p, 9)
		way.send('S', options=[('MSS', MSS)])
		way.expect('RA', seq=0)
		listener = p.listen()
		way = Way(p, listener.getsockname()[1])
		way.established(listener)
		way.c.sock.close()
		way.expect('FA')
		fin = way.c.seq
		way.send('FA')
		way.expect('A')
		way.send('FA', seq=fin)
		way.expect('A')


@rows('9293-MUST-53')
def record_of_the_way(p):
	"""A record of the route is kept in both directions; here each host is on it once a way."""
	listener = p.listen()
	c = p.conn(listener)
	c.send('S', options=[('MSS', MSS)],
	       ip_options=[IPOption_RR(routers=['10.9.99.1', '0.0.0.0', '0.0.0.0', '0.0.0.0'], pointer=8)])
	options = options_of(c.expect('SA'))
	equal([type(o) for o in options], [IPOption_RR], 'IP options of the answer')
	equal((options[0].routers, options[0].pointer), (['10.9.99.1', SUT, SUT, '0.0.0.0'], 16), 'its record')


@rows('9293-MUST-44')
def rules_of_what_is_chosen(p):
	"""A rule of routing that asks for the address or port that connect(2) chose is obeyed."""
	own, any_port = ('from', SUT), ('sport', '1024-65534')
	for bind, what in (None, own), (None, any_port), (('', 0), own):
		rule = ['prio', '100', 'to', p.address, *what, 'prohibit']
		s = p.socket()
		if bind:
			s.bind(bind)
		s.setblocking(False)
		subprocess.run(['ip', 'rule', 'add', *rule], check=True)
		try:
			raises(errno.EACCES, s.connect, (p.address, next(p.ports)))
		finally:
			subprocess.run(['ip', 'rule', 'del', *rule], check=True)
		# Nothing is left of it.
		raises(errno.EINPROGRESS, s.connect, (p.address, next(p.ports)))


@rows('9293-MUST-51', '9293-MUST-52')
def way_of_the_programs(p):
	"""The program's source route is kept, whatever its peer's segments came by."""
	with accepted():
		routers = [Peer(), Peer()]
		s = p.socket()
		stops = b''.join(socket.inet_aton(router.address) for router in routers)
		s.setsockopt(socket.IPPROTO_IP, IP_OPTIONS, b'\1\x83\x0b\4' + stops)
		s.bind((SUT, 0))
		s.setblocking(False)
		port = next(p.ports)
		raises(errno.EINPROGRESS, s.connect, (p.address, port))
		connecting(s)
		c = routers[0].conn(s, port)
		back = [routers[1].address, p.address]

		def expect(*args, **kw):
			options = options_of(c.expect(*args, **kw))
			equal([o.routers for o in options], [back], 'the way there')

		expect('S', ack=ANY)
		other = route(IPOption_LSRR, '10.9.99.1', '10.9.99.2')
		c.send('SA', src=p.address, ip_options=[other], options=[('MSS', MSS)])
		expect('A')
		connected(s)
		s.send(b'hello')
		expect('A', b'hello')
