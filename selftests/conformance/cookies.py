# SPDX-License-Identifier: GPL-2.0
"""SYN floods and SYN cookies: RFC 4987 §3.6."""
import socket
import time

from peer import ANY, MSS, Skip, check, equal, netstat, option, rows, slow

OPTIONS = [('MSS', MSS), ('SAckOK', b''), ('Timestamp', (1000, 0)), ('NOP', None), ('WScale', 7)]


def flood(p, listener, n):
	"""So many SYNs that nobody will follow up, each from a port of its own."""
	flooders = [p.conn(listener) for _ in range(n)]
	for c in flooders:
		c.send('S', options=[('MSS', MSS)])
	p.barrier()
	return flooders


def cookie(p, listener, options=(('MSS', MSS),)):
	"""A connection of which a flooded listener knows by a cookie only."""
	c = p.conn(listener)
	c.send('S', options=options)
	c.syn = c.expect('SA')
	equal(c.state(), 'CLOSED', 'state after a cookie was sent')
	return c


def info_options(s):
	"""TCP_INFO's options and the two scales."""
	info = s.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 8)
	return info[5] & 7, info[6] & 15, info[6] >> 4


@rows('4987-2', '4987-1')
def flooded(p):
	"""Past the backlog nothing is remembered, and yet a handshake succeeds."""
	listener = p.listen(backlog=4)
	flood(p, listener, 20)
	before = netstat('SyncookiesRecv')
	c = cookie(p, listener)
	equal(option(c.syn, 'MSS'), MSS, 'MSS of the SYN,ACK')
	c.opened()
	c.expect_state('ESTABLISHED')
	equal(netstat('SyncookiesRecv'), before + 1, 'counter SyncookiesRecv')
	c.alive()


@rows('4987-2')
def data_with_the_ack(p):
	listener = p.listen(backlog=0)
	flood(p, listener, 3)
	c = cookie(p, listener)
	c.send('PA', b'hello')
	c.sock = p.accept(listener)
	c.expect_ack()
	equal(c.recv(5), b'hello', 'data read')


@rows('4987-2')
def overtaken_by_a_request(p):
	"""The SYN again finds the flood over and becomes a request: the cookie still counts."""
	listener = p.listen(backlog=0)
	flooders = flood(p, listener, 3)
	c = cookie(p, listener)
	for f in flooders:
		f.send('R')
	p.barrier()
	brought_back = c.ack
	c.send('S', seq=c.iss, options=[('MSS', MSS)])
	c.expect('SA', seq=ANY)
	c.ack = brought_back
	equal(c.state(), 'SYN_RECV', 'state after the second SYN')
	c.send('PA', b'hello')
	c.sock = p.accept(listener)
	c.expect_state('ESTABLISHED')
	equal(c.recv(5), b'hello', 'data read')
	c.alive()


@rows('4987-4')
def options_come_back(p):
	"""Window scale, SACK and timestamps live on in the timestamp."""
	listener = p.listen(backlog=0)
	flood(p, listener, 3)
	c = cookie(p, listener, OPTIONS)
	check(option(c.syn, 'SAckOK') is not None, 'SACK permitted')
	scale = option(c.syn, 'WScale')
	check(scale is not None, 'no window scale in the SYN,ACK')
	c.tsval, c.tsecr = 1001, option(c.syn, 'Timestamp')[0]
	c.send('A', win=100)
	c.sock = p.accept(listener)
	equal(info_options(c.sock), (7, 7, scale), 'TCP_INFO: options, scale of each side')
	# 100 << 7 bytes may be in flight, though no more.
	c.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
	c.write(bytes(20000))
	got = sum(len(s.data) for s in c.burst())
	check(got > 100, f'only {got} bytes: the window was not scaled')
	check(got <= 12800, f'{got} bytes exceed the window')


@rows('4987-4')
def each_option_by_itself(p):
	listener = p.listen(backlog=0)
	flood(p, listener, 3)
	for scale in (None, 0, 3, 14):
		for sack in (False, True):
			options = [('MSS', MSS), ('Timestamp', (1000, 0))]
			if sack:
				options += [('SAckOK', b'')]
			if scale is not None:
				options += [('WScale', scale)]
			c = cookie(p, listener, options)
			equal(option(c.syn, 'WScale') is not None, scale is not None, 'WScale answered')
			equal(option(c.syn, 'SAckOK') is not None, sack, 'SAckOK answered')
			c.tsval, c.tsecr = 1001, option(c.syn, 'Timestamp')[0]
			c.opened()
			bits, theirs, _ = info_options(c.sock)
			equal(bits, 1 | 2 * sack | 4 * (scale is not None), 'TCP_INFO: options')
			equal(theirs, scale or 0, "TCP_INFO: the peer's scale")


@rows('4987-4')
def options_without_timestamps(p):
	"""There is no place to remember them: they are not offered."""
	listener = p.listen(backlog=0)
	flood(p, listener, 3)
	c = cookie(p, listener, [('MSS', MSS), ('SAckOK', b''), ('NOP', None), ('WScale', 7)])
	for name in ('SAckOK', 'WScale', 'Timestamp'):
		equal(option(c.syn, name), None, f'{name} in the SYN,ACK')
	c.send('A', win=3000)
	c.sock = p.accept(listener)
	equal(info_options(c.sock), (0, 0, 0), 'TCP_INFO: options')
	c.write(bytes(9000))
	check(sum(len(s.data) for s in c.burst()) <= 3000, 'the window was taken for scaled')


@rows('4987-3')
def mss_comes_back(p):
	"""Rounded down to a class: no segment is larger than what the peer said."""
	listener = p.listen(backlog=0)
	flood(p, listener, 3)
	for mss in (600, 1300, 1400, 1460):
		c = cookie(p, listener, [('MSS', mss)])
		c.opened()
		c.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
		c.write(bytes(3000))
		largest = max(len(s.data) for s in c.burst())
		check(largest <= mss, f'a segment of {largest} bytes, the MSS was {mss}')
		check(largest >= (536 if mss < 1300 else 1300), f'only {largest} bytes of {mss}')


@rows('4987-3')
def forged(p):
	"""A guess, somebody else's cookie, or one with another number of ours: refused."""
	listener = p.listen(backlog=0)
	flood(p, listener, 3)
	c = cookie(p, listener)
	before = netstat('SyncookiesFailed')
	for wrong in (1 << 8, 1 << 24, 1 << 30, -(1 << 26)):
		c.send('A', ack=c.ack + wrong)
		c.expect('R', seq=c.ack + wrong, ack=ANY)
	c.send('A', seq=c.seq + 1000)
	c.expect('R', seq=c.ack, ack=ANY)
	other = p.conn(listener, iss=c.iss)
	other.seq = c.seq
	other.send('A', ack=c.ack)
	other.expect('R', seq=c.ack, ack=ANY)
	equal(netstat('SyncookiesFailed'), before + 6, 'counter SyncookiesFailed')
	c.opened()
	c.alive()


@rows('4987-3')
def nobody_asked(p):
	"""A listener that has sent no cookies takes none, not even a good one."""
	flooded = p.listen(backlog=0)
	flood(p, flooded, 3)
	c = cookie(p, flooded)
	port = flooded.getsockname()[1]
	flooded.close()
	calm = p.listen(port=port)
	c.send('A')
	c.expect('R', seq=c.ack, ack=ANY)
	equal(c.state(), 'CLOSED', 'state')
	calm.close()


@rows('4987-2')
def of_a_group(p):
	"""SO_REUSEPORT: whose listener has gone, his cookies are good for those that are left."""
	flooded = p.listen(backlog=0, reuseport=1)
	port = flooded.getsockname()[1]
	calm = p.listen(backlog=100, port=port, reuseport=1)
	flood(p, flooded, 20)
	for _ in range(40):
		c = p.conn(port)
		c.send('S', options=[('MSS', MSS)])
		c.expect('SA')
		if c.state() == 'CLOSED':
			break
	else:
		raise Skip('all SYNs were the other one\'s')
	flooded.close()
	c.opened(calm)
	c.alive()


@rows('4987-2')
def of_a_group_that_is_left(p):
	"""SO_REUSEPORT: a listener that is bound to a device takes its cookies along."""
	listener = p.listen(backlog=0, reuseport=1)
	flood(p, listener, 3)
	c = cookie(p, listener)
	listener.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b'wire')
	c.opened()
	c.alive()


@slow(190)
@rows('4987-3')
def stale(p):
	"""A cookie is good for a minute, and no more after three."""
	listener = p.listen(backlog=0)
	flood(p, listener, 3)
	old, young = cookie(p, listener), cookie(p, listener)
	for _ in range(3):
		# Cookies are about all the time, so that age is what is asked.
		time.sleep(58)
		flood(p, listener, 3)
		if young:
			young.opened()
			young = None
	time.sleep(8)
	old.send('A')
	old.expect('R', seq=old.ack, ack=ANY)


@rows('4987-5')
def always(p):
	"""syncookies 2: not one request is kept."""
	with p.sysctl('syncookies', 2):
		sent = netstat('SyncookiesSent')
		cookie(p, p.listen(), OPTIONS)
		equal(netstat('SyncookiesSent'), sent + 1, 'counter SyncookiesSent')


@rows('4987-5', '4987-1')
def never(p):
	"""syncookies 0: past the backlog a SYN is dropped, and before it a request is kept."""
	with p.sysctl('syncookies', 0):
		listener = p.listen(backlog=4)
		flood(p, listener, 20)
		dropped = netstat('TCPReqQFullDrop')
		c = p.conn(listener)
		c.send('S')
		c.quiet()
		equal(netstat('TCPReqQFullDrop'), dropped + 1, 'counter ReqQFullDrop')
		c.send('A', ack=1)
		c.expect('R', seq=1, ack=ANY)


@rows('4987-1')
def last_quarter(p):
	"""Without cookies the last quarter of max_syn_backlog is not for strangers."""
	with p.sysctl('syncookies', 0), p.sysctl('max_syn_backlog', 8):
		listener = p.listen(backlog=16)
		answered = 0
		for _ in range(12):
			c = p.conn(listener)
			c.send('S')
			answered += len(c.drain())
		equal(answered, 7, 'SYNs answered of 12')


@rows('4987-8')
def one_for_one(p):
	"""Each SYN is answered once, by a segment that is no longer; a cookie never again."""
	listener = p.listen(backlog=0)
	flood(p, listener, 3)
	for options in ([('MSS', MSS)], OPTIONS):
		c = p.conn(listener)
		c.send('S', options=options)
		syn = p.log[-1][2]
		answer = c.expect('SA')
		check(len(answer.raw) <= len(syn) + 4, f'{len(answer.raw)} bytes for {len(syn)}')
		c.quiet(1.5)


@rows('4987-7')
def accept_queue_full(p):
	"""A cookie that comes back to a full accept queue waits for room, in the peer's care."""
	listener = p.listen(backlog=1)
	flood(p, listener, 4)
	conns = [cookie(p, listener) for _ in range(3)]
	for c in conns:
		c.send('A')
		c.quiet()
	for c in conns[:2]:
		c.sock = p.accept(listener)
	c = conns[2]
	equal(c.state(), 'CLOSED', 'state of the third')
	c.send('PA', b'again')
	c.sock = p.accept(listener)
	c.expect_ack()
	equal(c.recv(5), b'again', 'data read')


@slow(20)
@rows('4987-1', '4987-6')
def old_requests_give_way(p):
	"""While they fill more than half of the queue, old requests end sooner: 1, 2 and 4 s after the
	SYN it is repeated, and the third time is one too many until only half of them are left."""
	listener = p.listen(backlog=16)
	conns = []
	for _ in range(16):
		c = p.conn(listener)
		c.send('S')
		c.expect('SA')
		conns.append(c)
	time.sleep(10)
	equal(sorted(len(c.drain()) for c in conns), [2] * 8 + [3] * 8, 'SYN,ACKs repeated')
	equal(sorted(c.state() for c in conns), ['CLOSED'] * 8 + ['SYN_RECV'] * 8, 'states')
