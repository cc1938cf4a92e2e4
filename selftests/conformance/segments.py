# SPDX-License-Identifier: GPL-2.0
"""Segments as they should not be: short, contradictory, at random."""
import random
import socket
import struct

from peer import MSS, Peer, STREAM, SUT, check, equal, link, rows, seq32, snmp


def opens(p, listener):
	"""A new connection works from its first segment to its last."""
	c = p.syn_received(listener=listener)
	c.opened()
	c.alive()
	c.sock.close()
	c.expect('FA')
	c.send('FA')
	c.expect('A')


def raw(p, c, body):
	"""Bytes of our own with a good checksum (where there is room for one)."""
	if len(body) >= 18:
		p.inject(p.transport(STREAM, body, c.sut_address))
	else:
		p.inject(p.packet(STREAM, body))


def header(c, flags=2, offset=5, seq=None, ack=0, rest=b''):
	return struct.pack('!HHIIBBHHH', c.port, c.sut_port, c.seq if seq is None else seq, ack,
			   offset << 4, flags, 65535, 0, 0) + rest


@rows('9293-EV-38')
def too_short(p):
	"""Less than a header: dropped, without a word."""
	listener = p.listen()
	c = p.conn(listener)
	whole = header(c)
	for size in range(20):
		raw(p, c, whole[:size])
	c.quiet()
	opens(p, listener)


@rows('9293-EV-38')
def data_offset(p):
	"""Smaller than a header, or larger than the segment: dropped."""
	listener = p.listen()
	c = p.conn(listener)
	for offset in (0, 1, 2, 3, 4, 6, 7, 15):
		raw(p, c, header(c, offset=offset))
	c.quiet()
	c.expect_state('CLOSED')
	d = p.established()
	for offset in (0, 1, 4, 8, 15):
		raw(p, d, header(d, flags=0x18, offset=offset, ack=d.ack, rest=b'text'))
	d.quiet()
	d.nothing_to_read()
	d.alive()
	opens(p, listener)


@rows('9293-EV-38')
def offset_to_closed_port(p):
	"""... and not answered by a reset either."""
	c = p.conn(9)
	for offset in (0, 4, 6, 15):
		raw(p, c, header(c, offset=offset))
	c.quiet()


@rows('9293-EV-06', '9293-EV-03')
def contradictions_to_a_listener(p):
	"""All 64 combinations of flags: with RST nothing, with ACK a reset, with SYN perhaps a SYN,ACK."""
	listener = p.listen(backlog=64)
	for flags in range(64):
		c = p.conn(listener)
		raw(p, c, header(c, flags=flags, ack=777))
		answers = [(s.names, s.seq) for s in c.drain()]
		if flags & 4:
			equal(answers, [], f'answer to flags {flags:#x}')
		elif flags & 16:
			equal(answers, [('R', 777)], f'answer to flags {flags:#x}')
		elif flags & 2:
			check([names for names, _ in answers] in (['SA'], []), f'answer to {flags:#x}')
			c.send('R', seq=c.seq + 1)
		else:
			equal(answers, [], f'answer to flags {flags:#x}')
	opens(p, listener)


@rows('9293-EV-20', '9293-EV-19')
def contradictions_to_a_connection(p):
	"""All 64 combinations, before the window: an ACK or, to a reset, nothing."""
	c = p.established()
	c.alive()
	for flags in range(64):
		raw(p, c, header(c, flags=flags, seq=seq32(c.seq - 10), ack=c.ack))
		answers = [(s.names, s.seq, s.ack) for s in c.drain()]
		if flags & 4:
			equal(answers, [], f'answer to flags {flags:#x}')
		else:
			check(answers in ([], [('A', c.ack, c.seq)]), f'answer to {flags:#x}: {answers}')
	c.alive()


@rows('9293-EV-19', '9293-EV-20', '9293-EV-17')
def contradictions_in_the_window(p):
	"""All 64 combinations at RCV.NXT, a connection each: the state is one that RFC 9293 leads to."""
	listener = p.listen(backlog=64)
	for flags in range(64):
		c = p.established(listener=listener)
		raw(p, c, header(c, flags=flags, ack=c.ack))
		want = ('CLOSED' if flags & 4 else 'ESTABLISHED' if flags & 2 or not flags & 16 else
			'CLOSE_WAIT' if flags & 1 else 'ESTABLISHED')
		equal(c.state(), want, f'state after flags {flags:#x}')
	opens(p, listener)


@rows('9293-EV-38', '9293-MUST-7')
def random_segments(p):
	"""Noise with a good checksum, to a listener and to a connection; then business as usual."""
	rand = random.Random(253)
	listener = p.listen(backlog=1000)
	c = p.established(listener=listener)
	for _ in range(400):
		size = rand.choice((20, 20, 24, 32, 40, 60, 100, 200))
		body = bytearray(rand.randbytes(size))
		body[0:4] = struct.pack('!HH', rand.choice((c.port, rand.randrange(65536))),
					c.sut_port)
		if rand.random() < 0.8:
			body[12] = rand.randrange(5, 16) << 4
		if rand.random() < 0.5:
			body[4:8] = struct.pack('!I', seq32(c.seq + rand.randrange(-50, 50)))
			body[8:12] = struct.pack('!I', seq32(c.ack + rand.randrange(-50, 50)))
		if rand.random() < 0.8:
			body[13] &= ~4		# seldom a reset, or the fun is soon over
		raw(p, c, bytes(body))
	p.barrier()
	opens(p, p.listen())


@rows('9293-MUST-7', '9293-EV-38')
def random_options(p):
	"""Forty bytes of noise where options go: on SYN, on data, in the middle of it all."""
	rand = random.Random(254)
	listener = p.listen(backlog=1000)
	for _ in range(60):
		c = p.conn(listener)
		c.send('S', options=rand.randbytes(rand.choice((4, 12, 40))))
		for answer in c.drain():
			if answer.names == 'SA':
				c.send('PA', b'x', options=rand.randbytes(rand.choice((4, 12, 40))))
				c.drain()
				c.send('R')
	p.barrier()
	opens(p, p.listen())


@rows('9293-EV-12', '9293-EV-38', '9293-EV-37', '9293-MUST-7')
def anything_in_any_state(p):
	"""Random segments around the numbers of a connection in each state, and random calls of its
	program in between: nothing falls over."""
	rand = random.Random(9293)
	states = ('syn_sent syn_received established fin_wait_1 fin_wait_2 closing time_wait close_wait '
		  'last_ack').split()
	for i in range(36):
		iss = rand.choice((None, 0xffffffff, 0x7ffffff0))
		with_options = rand.choice(((('MSS', MSS),), (('MSS', 100), ('SAckOK', b''), ('WScale', 3)), ()))
		state = states[i % len(states)]
		sender = Peer()			# its sockets end with the round
		try:
			c = getattr(sender, state)(iss=iss) if state == 'syn_sent' else \
				getattr(sender, state)(iss=iss, options=with_options)
			for _ in range(30):
				step(c, rand)
		finally:
			sender.close()
		p.barrier()
	opens(p, p.listen())


def step(c, rand):
	"""One segment, or one call."""
	near_by = (0, 0, 0, 0, 1, -1, 5, -5, 100, 1459, -1460, 5000, 65535, 70000, -70000, 1 << 31)
	if c.sock and rand.random() < 0.2:
		call = rand.choice((lambda: c.sock.send(bytes(rand.choice((1, 100, 3000, 20000)))),
				    lambda: c.sock.recv(rand.choice((1, 50, 100000))),
				    lambda: c.sock.recv(50, socket.MSG_PEEK),
				    lambda: c.sock.shutdown(socket.SHUT_WR),
				    lambda: c.sock.shutdown(socket.SHUT_RD), c.sock.close))
		try:
			c.sock.setblocking(False)
			call()
		except OSError:
			pass
	else:
		flags = rand.choice(('A', 'A', 'A', 'PA', 'PA', 'FA', 'FPA', 'S', 'SA', 'R', 'RA', '', 'UA',
				     'SF', 'F', 'P', 'FSRPAU'))
		if 'R' in flags and rand.random() < 0.7:
			flags = 'A'
		edges = tuple(seq32(c.ack + rand.choice(near_by)) for _ in range(rand.choice((2, 4, 6, 8))))
		options = rand.choice(((), (), (), rand.randbytes(rand.choice((4, 12, 40))),
				       [('NOP', None), ('NOP', None), ('SAck', edges)],
				       [('NOP', None), ('NOP', None), ('Timestamp', (rand.getrandbits(32), 0))]))
		c.send(flags, bytes(rand.choice((0, 0, 1, 10, 536, 1400))),
		       seq=None if rand.random() < 0.3 else c.seq + rand.choice(near_by),
		       ack=c.ack + rand.choice(near_by), options=options,
		       win=rand.choice((0, 1, 100, 5000, 65535)), urgptr=rand.choice((0, 0, 1, 65535)))
	if rand.random() < 0.5:
		c.drain()


@rows('9293-EV-38')
def ports_of_zero(p):
	"""Port 0 belongs to nobody: a reset or silence, and no connection."""
	listener = p.listen()
	port = listener.getsockname()[1]
	p.segment(0, port, 'S', 5)
	p.segment(1, 0, 'S', 5)
	p.segment(0, 0, 'S', 5)
	p.barrier()
	check(p.empty(STREAM, 1, port), 'the listener has answered for port 0')
	opens(p, listener)


@rows('9293-EV-38')
def padding_of_the_link(p):
	"""Bytes behind the IP packet are not text."""
	c = p.established()
	p.inject(p.unsent(c.send, 'PA', b'text') + b'padding of an Ethernet frame')
	c.expect_ack()
	equal(c.recv(4), b'text', 'data read')
	c.nothing_to_read()


@rows('9293-EV-38')
def longer_than_it_is(p):
	"""An IP length beyond the packet: dropped."""
	c = p.established()
	p.inject(p.unsent(c.send, 'PA', b'some text')[:-4])
	c.seq = seq32(c.seq - 9)
	c.quiet()
	c.nothing_to_read()
	c.alive()


@rows('9293-MUST-63')
def from_ourselves(p):
	"""Source and destination the same (the land attack): nothing happens."""
	listener = p.listen()
	strays = len(link.strays)
	port = listener.getsockname()[1]
	p.segment(port, port, 'S', 5, src=SUT)
	p.quiet()
	equal(len(link.strays), strays, 'answers')
	opens(p, listener)


@rows('9293-EV-38')
def errors_are_counted(p):
	c = p.established()
	before = snmp('InErrs')
	raw(p, c, header(c, flags=16, offset=3))
	raw(p, c, header(c)[:10])
	p.barrier()
	equal(snmp('InErrs') - before, 2, 'InErrs')


@rows('9293-EV-05', '4987-1', '4987-8')
def syn_flood(p):
	"""More SYNs than the backlog takes: it stays bounded, and a real peer still gets in."""
	listener = p.listen(backlog=4)
	port = listener.getsockname()[1]
	for i in range(200):
		p.segment(1000 + i, port, 'S', i)
	p.barrier()
	answers = sum(len(p.received(STREAM, 1000 + i, port)) for i in range(200))
	check(answers <= 200, f'{answers} answers to 200 SYNs')
	held = sum(p.state((SUT, port), (p.address, 1000 + i)) != 'CLOSED' for i in range(200))
	check(held <= 5, f'{held} requests are held')	# Linux counts one more than the backlog
	opens(p, listener)
