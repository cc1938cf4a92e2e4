# SPDX-License-Identifier: GPL-2.0
"""Who gets a segment: a connection is a pair of sockets, a socket an address and a port."""
import contextlib
import errno
import select
import socket
import subprocess
import threading

from scapy.layers.inet import TCP

from peer import (ANY, MSS, ORACLE, STREAM, SUT, SUT2, Peer, Skip, check, equal,
		  new_namespace, pattern, raises, rows, setopt, write)


def opened(p, listener, **more):
	c = p.conn(listener, **more)
	c.send('S', options=[('MSS', MSS)])
	c.expect('SA')
	c.opened()
	return c


@rows('9293-MUST-41', '9293-EV-09')
def each_part_of_the_pair_counts(p):
	"""Five connections, each unlike the first in one part of the pair: all live."""
	other = Peer()
	with contextlib.closing(other):
		anywhere = p.listen(address='0.0.0.0')
		elsewhere = p.listen(address='0.0.0.0')
		first = opened(p, anywhere, port=30000)
		conns = [first, opened(p, anywhere, port=30001),
			 opened(other, anywhere, port=30000),
			 opened(p, anywhere, port=30000, sut_address=SUT2),
			 opened(p, elsewhere, port=30000)]
		for i, c in enumerate(conns):
			c.send('PA', pattern(50, i * 50))
		for i, c in enumerate(conns):
			c.expect_ack()
			equal(c.recv(50), pattern(50, i * 50), f'data of connection {i}')
			equal(c.sock.getsockname(), (c.sut_address, c.sut_port), 'local address')
			equal(c.sock.getpeername(), (c.peer.address, c.port), 'remote address')
		conns[0].send('R')
		conns[0].expect_state('CLOSED')
		for c in conns[1:]:
			c.alive()


@rows('9293-MUST-41')
def many_on_one_listener(p):
	listener = p.listen(backlog=64)
	conns = [opened(p, listener) for _ in range(30)]
	for i, c in enumerate(conns):
		c.send('PA', b'%03d' % i)
	for i, c in enumerate(conns):
		c.expect_ack()
		equal(c.recv(3), b'%03d' % i, 'data read')
	for c in conns[::2]:
		c.sock.close()
		c.expect('FA')
	for c in conns[1::2]:
		c.alive()


@rows('9293-MUST-41')
def listener_goes_connections_stay(p):
	listener = p.listen()
	a, b = opened(p, listener), opened(p, listener)
	listener.close()
	a.alive()
	b.alive()
	c = p.conn(a.sut_port)
	c.send('S')
	c.expect('RA', seq=0)


@rows('9293-EV-01')
def a_pair_that_is_no_connection(p):
	"""A segment to a listener's port from somebody else is not the connection's."""
	c = p.established()
	stranger = p.conn(c.sut_port)
	stranger.send('PA', b'intruder', seq=c.seq, ack=c.ack)
	stranger.expect('R', seq=c.ack, ack=ANY)
	c.nothing_to_read()
	c.alive()


@rows('5082-1')
def from_afar(p):
	"""IP_MINTTL: segments that have passed a router are not heard, nor ICMP errors about such."""
	listener = p.listen(minttl=255, ttl=255)
	c = p.conn(listener)
	for ttl in (64, 254):
		c.send('S', seq=c.iss, ttl=ttl)
	c.quiet()
	c.send('S', ttl=255)
	c.expect('SA')
	c.send('A', ttl=255)
	c.sock = p.accept(listener)
	for flags, data in (('PA', b'far'), ('R', b'')):
		c.send(flags, data, seq=c.seq, ttl=254)
	c.quiet()
	c.send('PA', b'near', ttl=255)
	c.expect_ack()
	equal(c.recv(4), b'near', 'data read')
	setopt(c.sock, recverr=1)
	c.sock.send(b'data')
	quoted = c.expect('A', b'data').raw[:28]
	for ttl, want in ((254, 0), (255, errno.EHOSTUNREACH)):	# that what is quoted was left with
		p.icmp_send(3, 1, quoted[:8] + bytes([ttl]) + quoted[9:])
		p.barrier()
		equal(c.error(), want, f'SO_ERROR after an error about {ttl}')


@rows('6056-6')
def a_pair_is_unique(p):
	"""One local port to two peers: two connections. To the same again: refused."""
	c = p.syn_sent(bind=(SUT, 0), reuseaddr=1)
	c.answered()

	def connect(port):
		s = p.socket()
		s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
		s.bind((SUT, c.sut_port))
		s.setblocking(False)
		s.connect((p.address, port))
	raises(errno.EADDRNOTAVAIL, connect, c.port)
	raises(errno.EINPROGRESS, connect, c.port + 1)
	other = p.conn(c.sut_port, c.port + 1)
	other.expect('S', ack=0)
	c.alive()


@rows('9293-EV-05')
def most_specific_listener(p):
	"""A listener with the address goes before one without."""
	port = None
	listeners = []
	for address in ('0.0.0.0', SUT):
		s = p.socket()
		try:
			s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
		except OSError as e:
			raise Skip(f'no SO_REUSEPORT: {e}') from None
		s.bind((address, port or 0))
		s.listen()
		port = s.getsockname()[1]
		listeners.append(s)
	anywhere, here = listeners
	opened(p, here, port=30000)
	opened(p, anywhere, port=30000, sut_address=SUT2)
	here.close()
	opened(p, anywhere, port=30001)


@rows('9293-EV-01')
def other_address_of_the_host(p):
	"""A listener on one address does not answer on another."""
	listener = p.listen(address=SUT2)
	c = p.conn(listener)
	c.send('S')
	c.expect('RA', seq=0)
	opened(p, listener, sut_address=SUT2)


@rows('768-3', '9293-EV-05')
def stream_and_dgram_are_apart(p):
	"""The same port in both: each gets its own."""
	listener = p.listen()
	port = listener.getsockname()[1]
	d = p.dgram(port=port)
	c = opened(p, listener)
	p.datagram(c.port, port, b'datagram')
	c.send('PA', b'stream')
	c.expect_ack()
	equal(d.recvfrom(100), (b'datagram', (p.address, c.port)), 'datagram')
	equal(c.recv(6), b'stream', 'stream')


@rows('9293-EV-05')
def other_protocol_is_apart(p):
	"""The same header under another protocol number is not for this listener."""
	listener = p.listen()
	port = listener.getsockname()[1]
	number = 253 if ORACLE else 6
	p.inject(p.transport(number, bytes(TCP(sport=1, dport=port, flags='S', seq=1, chksum=0))))
	p.barrier()
	check(p.empty(STREAM, 1, port), 'answered')
	check(not select.select([listener], [], [], 0)[0], 'something to accept')
	equal(p.state((SUT, port), (p.address, 1)), 'CLOSED', 'state')


def elsewhere(call):
	"""What call() gives in a network namespace of its own, where the address is, too."""
	given = []

	def there():
		new_namespace()
		subprocess.run(['ip', '-batch', '-'], check=True, text=True,
			       input=f'link set lo up\naddress add {SUT}/32 dev lo\n')
		given.append(call())
	thread = threading.Thread(target=there)
	thread.start()
	thread.join()
	return given[0]


@rows('9293-EV-01', '9293-MUST-41')
def other_namespace(p):
	"""The same address and port in another network namespace is another's."""
	theirs = elsewhere(p.listen)
	port = theirs.getsockname()[1]
	c = p.conn(port)
	c.send('S')
	c.expect('RA', seq=0)
	ours = p.listen(port=port)
	opened(p, ours).alive()
	check(not select.select([theirs], [], [], 0)[0], 'something to accept')


@rows('6056-7')
def ports_of_bind(p):
	"""bind() to port 0 gives one that is not next to the last."""
	ports = []
	for _ in range(40):
		s = p.socket()
		s.bind((SUT, 0))
		ports.append(s.getsockname()[1])
	equal(len(set(ports)), 40, 'different ports')
	steps = [b - a for a, b in zip(ports, ports[1:])]
	check(sum(step in (1, 2) for step in steps) < 15, f'easy to guess: {ports}')


@rows('6056-1', '6056-2', '6056-4')
def ephemeral_ports(p):
	"""In range, none twice to one destination, and not one after the other."""
	with open('/proc/sys/net/ipv4/ip_local_port_range') as f:
		low, high = map(int, f.read().split())
	ports = []
	for _ in range(60):
		ports.append(p.syn_sent().sut_port)
	check(all(low <= port <= high for port in ports), f'out of {low}-{high}: {ports}')
	check(len(set(ports)) > 50, f'ports come again early: {ports}')
	steps = [b - a for a, b in zip(ports, ports[1:])]
	check(sum(step in (1, 2) for step in steps) < 20, f'easy to guess: {ports}')


@rows('6056-3', '6056-6')
def ephemeral_ports_run_out(p):
	"""A range of four, one reserved: three connections, and then EADDRNOTAVAIL."""
	limits = '/proc/sys/net/ipv4/ip_local_port_range'
	reserved = '/proc/sys/net/ipv4/ip_local_reserved_ports'
	with open(limits) as f:
		before = f.read()
	with open(reserved) as f:
		before_reserved = f.read().strip()
	try:
		write(limits, '40000 40003')
		write(reserved, '40001')

		def connect():
			s = p.socket()
			s.setblocking(False)
			with contextlib.suppress(BlockingIOError):
				s.connect((p.address, 80))
			return s.getsockname()[1]
		equal({connect() for _ in range(3)}, {40000, 40002, 40003}, 'ports')
		raises(errno.EADDRNOTAVAIL, connect)
		s = p.socket()				# to another peer there is room
		s.setblocking(False)
		raises(errno.EINPROGRESS, s.connect, (p.address, 81))
	finally:
		write(limits, before)
		write(reserved, before_reserved + '\n')


@rows('6056-5')
def secret_of_a_namespace(p):
	"""Two namespaces open the same pairs: their ports and numbers have nothing in common."""
	def four():
		listener = p.listen()
		ports = []
		for _ in range(4):
			s = p.socket()
			s.connect(listener.getsockname())
			ports.append(s.getsockname()[1])
		return ports
	found = [elsewhere(four) for _ in range(3)]
	equal(len(set(map(tuple, found))), 3, f'different ports {found}')
	check(len({ports[0] for ports in found}) > 1, f'all begin with the same: {found}')
