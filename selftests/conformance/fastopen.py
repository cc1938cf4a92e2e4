# SPDX-License-Identifier: GPL-2.0
"""Fast Open: RFC 7413."""
import errno
import socket
import time

from peer import (ANY, MSS, Peer, check, equal, netstat, option, option_bytes, raises, rows,
		  seq32, slow, tcp_info)

TCP_FASTOPEN, TCP_FASTOPEN_CONNECT, TCP_FASTOPEN_KEY, TCP_FASTOPEN_NO_COOKIE = 23, 30, 33, 34
TCP_REPAIR, TCP_REPAIR_QUEUE, TCP_QUEUE_SEQ = 19, 20, 21
MSG_FASTOPEN = 0x20000000
TCPI_OPT_SYN_DATA = 32
DATA = b'early data'


def with_cookie(cookie, options=(('MSS', MSS),)):
	"""The bytes of these options and a Fast Open one."""
	raw = option_bytes(tuple(options)) + bytes([34, 2 + len(cookie)]) + cookie
	return raw + b'\1' * (-len(raw) % 4)


def cookie_of(segment):
	"""The cookie in a segment, None without the option."""
	header = (segment.raw[0] & 15) * 4
	p = segment.raw[header + 20:header + (segment.raw[header + 12] >> 4) * 4]
	while p and p[0]:
		if p[0] == 1:
			p = p[1:]
			continue
		if p[0] == 34:
			return p[2:p[1]]
		p = p[p[1]:]
	return None


def listen(p, pending=8, **options):
	s = p.listen(**options)
	s.setsockopt(socket.IPPROTO_TCP, TCP_FASTOPEN, pending)
	return s


def ask(p, listener):
	"""A cookie, by a connection that asks for one."""
	c = p.conn(listener)
	c.send('S', options=with_cookie(b''))
	c.syn = c.expect('SA')
	cookie = cookie_of(c.syn)
	c.send('R')
	return cookie


def fast(p, listener, cookie, data=DATA, acked=True):
	"""A SYN with data; is it to be acknowledged, too?"""
	c = p.conn(listener)
	c.send('S', data, options=with_cookie(cookie))
	c.syn = c.expect('SA', ack=c.seq if acked else c.iss + 1)
	c.seq = c.syn.ack
	return c


def accepted(p, listener, cookie=None):
	"""The program has read what the SYN brought, and the last ACK is still to come."""
	c = fast(p, listener, cookie or ask(p, listener))
	c.sock = p.accept(listener)
	equal(c.recv(len(DATA)), DATA, 'data read')
	return c


def early(s):
	"""TCP_INFO says that the SYN brought data."""
	return bool(s.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 8)[5] & TCPI_OPT_SYN_DATA)


# --- the server ---------------------------------------------------------------------------

@rows('7413-1')
def not_asked_for(p):
	"""A listener that did not ask for it, or a namespace that does not allow it: no cookies."""
	plain = p.listen()
	check(ask(p, plain) is None, 'a cookie from a listener without TCP_FASTOPEN')
	fast(p, plain, bytes(8), acked=False)
	listener = listen(p)
	with p.sysctl('fastopen', 1):
		check(ask(p, listener) is None, 'a cookie though net.yoke.fastopen is for clients only')
	check(ask(p, listener), 'no cookie')


@rows('7413-3')
def cookie_given(p):
	"""An empty option asks for a cookie; the same host gets the same one."""
	listener = listen(p)
	before = netstat('TCPFastOpenCookieReqd')
	cookie = ask(p, listener)
	check(cookie and 4 <= len(cookie) <= 16 and len(cookie) % 2 == 0, f'the cookie is {cookie}')
	equal(ask(p, listener), cookie, 'the second cookie')
	equal(netstat('TCPFastOpenCookieReqd'), before + 2, 'counter FastOpenCookieReqd')


@rows('7413-5')
def data_in_syn(p):
	"""It is acknowledged by the SYN,ACK, and can be read, and answered, before the last ACK."""
	listener = listen(p)
	cookie = ask(p, listener)
	before = netstat('TCPFastOpenPassive')
	c = fast(p, listener, cookie)
	check(cookie_of(c.syn) is None, 'the SYN,ACK brings a cookie again')
	c.sock = p.accept(listener)
	equal(c.sock.getpeername(), (p.address, c.port), 'peer')
	equal(c.state(), 'SYN_RECV', 'state')
	equal(c.recv(len(DATA)), DATA, 'data read')
	c.sock.send(b'at once')
	c.expect('A', b'at once')
	c.send('A')
	equal(c.state(), 'ESTABLISHED', 'state')
	check(early(c.sock), 'TCP_INFO without TCPI_OPT_SYN_DATA')
	equal(tcp_info(c.sock).delivered, 2, 'segments delivered: SYN,ACK and text')
	equal((tcp_info(c.sock).segs_in, tcp_info(c.sock).data_segs_in), (2, 1), 'segments, those with data')
	equal(netstat('TCPFastOpenPassive'), before + 1, 'counter FastOpenPassive')
	c.alive()


@rows('7413-5')
def no_data_in_syn(p):
	"""A good cookie without data: the server may still speak first."""
	listener = listen(p)
	c = fast(p, listener, ask(p, listener), b'')
	c.sock = p.accept(listener)
	c.sock.send(b'first')
	c.expect('A', b'first')
	c.send('A')
	c.alive()


@rows('7413-5')
def at_most_the_window(p):
	"""What the server sends early keeps to the window in the SYN, which is not scaled."""
	listener = listen(p)
	c = p.conn(listener)
	cookie = ask(p, listener)
	c.send('S', DATA, options=with_cookie(cookie, [('MSS', MSS), ('NOP', None), ('WScale', 7)]),
	       win=2000)
	c.expect('SA')
	c.sock = p.accept(listener)
	c.write(bytes(9000))
	equal(sum(len(s.data) for s in c.burst()) <= 2000, True, 'within the window')


@rows('7413-6', '7413-12')
def wrong_cookie(p):
	"""Only the SYN is acknowledged, a new cookie offered; the data comes again."""
	listener = listen(p)
	good = ask(p, listener)
	before = netstat('TCPFastOpenPassiveFail')
	for bad in (bytes(8), good[:4], good + good, good[:7] + bytes([good[7] ^ 1])):
		c = fast(p, listener, bad, acked=False)
		equal(cookie_of(c.syn), good, 'the cookie offered')
		c.send('PA', DATA)
		c.sock = p.accept(listener)
		c.expect_ack()
		equal(c.recv(len(DATA)), DATA, 'data read')
		check(not early(c.sock), 'TCP_INFO with TCPI_OPT_SYN_DATA')
	equal(netstat('TCPFastOpenPassiveFail'), before + 4, 'counter FastOpenPassiveFail')


@rows('7413-2')
def bad_options(p):
	"""A cookie of an odd length, of 2 or of 18 bytes is none; nor is one on a data segment."""
	listener = listen(p)
	good = ask(p, listener)
	for bad in (good[:2], good[:5], good[:7], good + good + good[:2]):
		c = fast(p, listener, bad, acked=False)
		equal(cookie_of(c.syn), None, 'a cookie in the answer')
	c.send('PA', DATA, options=with_cookie(good, ()))
	c.sock = p.accept(listener)
	c.expect_ack()
	equal(c.recv(len(DATA)), DATA, 'data read')


@rows('7413-4')
def cookie_of_another_host(p):
	listener = listen(p)
	cookie = ask(p, listener)
	other = Peer()
	p.stack.callback(other.close)
	c = fast(other, listener, cookie, acked=False)
	check(cookie_of(c.syn) not in (None, cookie), 'the other host gets the same cookie')


@rows('7413-4')
def keys(p):
	"""The key makes the cookie; a backup key still takes its own, and hands out the new one's."""
	first, second = bytes(range(16)), bytes(range(16, 32))
	a, b, c = listen(p), listen(p), listen(p)
	for s, key in ((a, first), (b, second), (c, second + first)):
		s.setsockopt(socket.IPPROTO_TCP, TCP_FASTOPEN_KEY, key)
		equal(s.getsockopt(socket.IPPROTO_TCP, TCP_FASTOPEN_KEY, 32), key, 'TCP_FASTOPEN_KEY')
	old, new = ask(p, a), ask(p, b)
	check(old != new, 'two keys, one cookie')
	fast(p, a, old)
	check(cookie_of(fast(p, b, old, acked=False).syn) == new, 'not offered the new one')
	equal(cookie_of(fast(p, c, new).syn), None, 'the cookie offered to one that has it')
	equal(cookie_of(fast(p, c, old).syn), new, 'the cookie offered to one that has the old one')
	for bad in (b'', bytes(15), bytes(17), bytes(33)):
		raises(errno.EINVAL, a.setsockopt, socket.IPPROTO_TCP, TCP_FASTOPEN_KEY, bad)


@rows('7413-4')
def key_of_the_namespace(p):
	key = '03020100-07060504-0b0a0908-0f0e0d0c'
	a, b = listen(p), listen(p)
	a.setsockopt(socket.IPPROTO_TCP, TCP_FASTOPEN_KEY, bytes(range(16)))
	check(ask(p, a) != ask(p, b), 'the key of the namespace was known')
	with p.sysctl('fastopen_key', key):
		equal(ask(p, a), ask(p, b), 'cookies of the same key')


@rows('7413-7')
def limit(p):
	"""No more than TCP_FASTOPEN says may be open before their handshake is over."""
	listener = listen(p, 2)
	cookie = ask(p, listener)
	before = netstat('TCPFastOpenListenOverflow')
	first, _ = fast(p, listener, cookie), fast(p, listener, cookie)
	over = fast(p, listener, cookie, acked=False)
	check(cookie_of(over.syn) is None, 'a cookie though the limit is reached')
	equal(netstat('TCPFastOpenListenOverflow'), before + 1, 'counter FastOpenListenOverflow')
	first.send('A')
	fast(p, listener, cookie)


@rows('7413-7')
def limit_counts_the_closed(p):
	"""A program that closes has not ended the handshake."""
	listener = listen(p, 1)
	cookie = ask(p, listener)
	c = accepted(p, listener, cookie)
	c.sock.close()
	c.expect('FA')
	fast(p, listener, cookie, acked=False)
	c.send('A', ack=c.syn.seq + 1)
	last = fast(p, listener, cookie)
	equal(c.state(), 'FIN_WAIT1', 'state')
	c.send('A')
	equal(c.state(), 'FIN_WAIT2', 'state')
	last.sock = p.accept(listener)
	equal(last.recv(len(DATA)), DATA, 'data read')
	last.sock.close()
	last.expect('FA')
	last.send('R', seq=last.seq)
	equal(last.state(), 'CLOSED', 'state')
	fast(p, listener, cookie, acked=False)		# a reset counts, here too


@rows('7413-9', '7413-5')
def syn_again(p):
	"""The SYN,ACK was lost: the SYN that comes again gets it again."""
	listener = listen(p)
	c = fast(p, listener, ask(p, listener))
	for data in (b'', DATA):
		c.send('S', data, seq=c.iss, options=[('MSS', MSS)])
		c.expect('SA', seq=c.syn.seq)
	c.sock = p.accept(listener)
	c.send('A')
	equal(c.recv(len(DATA)), DATA, 'data read')
	c.alive()


@rows('5961-9', '7413-9')
def syn_again_and_again(p):
	"""... but not as often as anybody likes (net.yoke.invalid_ratelimit)."""
	listener = listen(p)
	c = fast(p, listener, ask(p, listener))
	with p.sysctl('invalid_ratelimit', 500):
		for _ in range(20):
			c.send('S', DATA, seq=c.iss, options=[('MSS', MSS)])
		check(len(c.drain()) <= 3, 'each is answered')
	c.sock = p.accept(listener)
	c.send('A')
	equal(c.recv(len(DATA)), DATA, 'data read')
	c.alive()


@rows('7413-9')
@slow(8)
def syn_ack_again(p):
	"""On a timeout the SYN,ACK is repeated by itself: no option, no data."""
	listener = listen(p)
	c = fast(p, listener, ask(p, listener))
	c.sock = p.accept(listener)
	c.sock.send(b'early answer')
	c.expect('A', b'early answer')
	again = c.expect('SA', seq=c.syn.seq, within=3)
	check(again.at - c.syn.at > 0.8, 'SYN,ACK came again early')
	check(cookie_of(again) is None, 'with a cookie')
	equal(option(again, 'MSS'), option(c.syn, 'MSS'), 'MSS')
	c.expect('SA', seq=c.syn.seq, within=4)
	c.send('A')
	equal(c.recv(len(DATA)), DATA, 'data read')
	c.alive()


@rows('7413-5')
def corked(p):
	"""What was held back is let out before the last ACK, too."""
	c = accepted(p, listen(p))
	c.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
	c.sock.send(b'head')
	c.sock.send(b'body')
	c.quiet()
	c.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 0)
	c.expect('A', b'headbody')
	c.send('A')
	c.alive()


@rows('4821-4')
def path_is_searched_once(p):
	"""The end of the handshake is no second beginning of the search for the path MTU."""
	with p.sysctl('mtu_probing', 2), p.sysctl('base_mss', 700):
		c = accepted(p, listen(p))
		c.send('A')
		c.sock.send(bytes(3 * MSS))
		# The last is what is left; one may be a probe. Linux does not search on what it accepts.
		check(min(len(s.data) for s in c.burst()[:-1]) >= 650, 'smaller than it began')


@rows('7413-5')
def closed_early(p):
	"""The program answers and closes before the last ACK."""
	c = accepted(p, listen(p))
	c.sock.send(b'bye')
	c.sock.close()
	c.expect('A', b'bye')
	c.expect('FA')
	c.send('A')
	equal(c.state(), 'FIN_WAIT2', 'state')
	c.send('FA')
	c.expect('A')


@rows('7413-5')
def reset_early(p):
	listener = listen(p)
	c = fast(p, listener, ask(p, listener))
	c.sock = p.accept(listener)
	c.send('R')
	equal(c.recv(len(DATA)), DATA, 'data read')
	raises(errno.ECONNRESET, c.sock.recv, 1)
	equal(c.state(), 'CLOSED', 'state')
	listener.close()


@rows('7413-5', '9293-MUST-56')
def soft_error_early(p):
	"""Once it is accepted an ICMP error about the SYN,ACK does not end it."""
	listener = listen(p)
	c = fast(p, listener, ask(p, listener))
	c.sock = p.accept(listener)
	p.icmp_send(3, 1, bytes(c.syn.ip))
	c.send('A')
	equal(c.recv(len(DATA)), DATA, 'data read')
	c.alive()


@rows('7413-5')
def listener_closed_early(p):
	"""What nobody accepted is reset with the listener; what was accepted lives on."""
	listener = listen(p)
	cookie = ask(p, listener)
	taken, left = fast(p, listener, cookie), fast(p, listener, cookie)
	taken.sock = p.accept(listener)
	listener.close()
	left.expect('RA', ack=ANY)
	taken.send('A')
	equal(taken.recv(len(DATA)), DATA, 'data read')
	taken.alive()


@slow(75)
@rows('7413-14')
def reset_counts(p):
	"""A request that a reset ended counts as pending for a minute more."""
	listener = listen(p, 1)
	cookie = ask(p, listener)
	c = fast(p, listener, cookie)
	c.sock = p.accept(listener)
	c.send('R')
	c.drain()
	fast(p, listener, cookie, acked=False)
	time.sleep(50)
	fast(p, listener, cookie, acked=False)
	time.sleep(15)
	fast(p, listener, cookie)


@rows('7413-1')
def without_cookies(p):
	"""TCP_FASTOPEN_NO_COOKIE, or 0x200 in net.yoke.fastopen: data on any SYN is taken."""
	listener = listen(p)
	listener.setsockopt(socket.IPPROTO_TCP, TCP_FASTOPEN_NO_COOKIE, 1)
	other = listen(p)
	for s in (listener, other):
		with p.sysctl('fastopen', 3 if s == listener else 0x203):
			c = p.conn(s)
			c.send('S', DATA, options=[('MSS', MSS)])
			c.expect('SA')
			c.sock = p.accept(s)
			equal(c.recv(len(DATA)), DATA, 'data read')
			c.send('A')
			c.alive()


@rows('7413-1')
def all_listeners(p):
	"""0x400: every listener has it, as many as its backlog."""
	with p.sysctl('fastopen', 0x403):
		listener = p.listen(backlog=3)
	equal(listener.getsockopt(socket.IPPROTO_TCP, TCP_FASTOPEN), 3, 'TCP_FASTOPEN')
	fast(p, listener, ask(p, listener))


@rows('7413-1')
def option_values(p):
	s = p.socket()
	raises(errno.EINVAL, s.setsockopt, socket.IPPROTO_TCP, TCP_FASTOPEN, -1)
	raises(errno.EINVAL, s.setsockopt, socket.IPPROTO_TCP, TCP_FASTOPEN_NO_COOKIE, 2)
	s.setsockopt(socket.IPPROTO_TCP, TCP_FASTOPEN, 5)
	equal(s.getsockopt(socket.IPPROTO_TCP, TCP_FASTOPEN), 5, 'TCP_FASTOPEN')
	c = p.established()
	raises(errno.EINVAL, c.sock.setsockopt, socket.IPPROTO_TCP, TCP_FASTOPEN, 5)
	raises(errno.EINVAL, c.sock.setsockopt, socket.IPPROTO_TCP, TCP_FASTOPEN_NO_COOKIE, 1)
	equal(c.sock.getsockopt(socket.IPPROTO_TCP, TCP_FASTOPEN), 0, 'TCP_FASTOPEN')


# --- the client ---------------------------------------------------------------------------

class Server:
	"""Our end of connections that the system under test opens to one of our ports."""

	def __init__(self, p):
		self.p = p
		self.port = next(p.ports)

	def syn(self, s, data=b'', seq=None):
		"""The SYN of this socket, with these data."""
		local = s.getsockname()
		c = self.p.conn(local[1], self.port, None, local[0])
		c.sock = s
		c.syn = c.expect('S', data, ack=ANY)
		return c

	def send(self, data=DATA, flags=0, **options):
		"""sendto(MSG_FASTOPEN) of a new socket: its SYN, which carries `early`."""
		early = options.pop('early', b'')
		s = self.p.socket()
		for name, value in options.items():
			s.setsockopt(socket.IPPROTO_TCP, {'no_cookie': TCP_FASTOPEN_NO_COOKIE}[name], value)
		s.setblocking(False)
		try:
			sent = s.sendto(data, flags | MSG_FASTOPEN, (self.p.address, self.port))
			equal(sent, len(early), 'sendto() with data in the SYN')
		except BlockingIOError as e:
			equal((e.errno, early), (errno.EINPROGRESS, b''), 'sendto() without')
		s.settimeout(5)
		return self.syn(s, early)

	def teach(self, cookie=b'\1\2\3\4\5\6\7\10', mss=MSS):
		"""The system under test learns a cookie of ours."""
		c = self.send()
		equal(cookie_of(c.syn), b'', 'the first SYN asks for a cookie')
		c.send('SA', options=with_cookie(cookie, [('MSS', mss)]))
		c.expect('A')
		c.sock.send(DATA)
		c.expect('A', DATA)
		c.send('RA')
		return cookie


@rows('7413-10')
def client_learns(p):
	"""The first connection asks, the next shows the cookie, and its SYN carries the data."""
	server = Server(p)
	cookie = server.teach()
	active = netstat('TCPFastOpenActive')
	c = server.send(early=DATA)
	equal(cookie_of(c.syn), cookie, 'the cookie shown')
	check(not early(c.sock), 'TCP_INFO with TCPI_OPT_SYN_DATA before it is acknowledged')
	c.send('SA', options=[('MSS', MSS)])
	c.expect('A')
	check(early(c.sock), 'TCP_INFO without TCPI_OPT_SYN_DATA')
	equal(netstat('TCPFastOpenActive'), active + 1, 'counter FastOpenActive')
	c.alive()


@rows('7413-12')
def client_data_not_taken(p):
	"""The server acknowledges the SYN only: the data comes with the first ACK."""
	server = Server(p)
	server.teach()
	fails = netstat('TCPFastOpenActiveFail')
	c = server.send(early=DATA)
	c.ack = seq32(c.syn.seq + 1)
	c.send('SA', options=with_cookie(b'another8'))
	c.expect('A', DATA)
	c.send('A')
	check(not early(c.sock), 'TCP_INFO with TCPI_OPT_SYN_DATA')
	equal(netstat('TCPFastOpenActiveFail'), fails + 1, 'counter FastOpenActiveFail')
	info = tcp_info(c.sock)
	equal((info.bytes_sent, info.bytes_retrans, info.total_retrans), (2 * len(DATA), len(DATA), 1),
	      'bytes sent, bytes and segments sent again')
	c.alive()
	equal(cookie_of(server.send(early=DATA).syn), b'another8', 'the cookie shown next')


@rows('7413-12')
def client_data_half_taken(p):
	"""The server acknowledges a part of what the SYN carried: the rest comes with the first ACK."""
	server = Server(p)
	server.teach()
	c = server.send(early=DATA)
	c.ack = seq32(c.syn.seq + 1 + 4)
	c.send('SA', options=[('MSS', MSS)])
	c.expect('A', DATA[4:])
	c.send('A')
	c.alive()


@rows('7413-8')
@slow(6)
def client_syn_again(p):
	"""A SYN that is not answered is repeated without data and option."""
	server = Server(p)
	server.teach()
	c = server.send(early=DATA)
	c.seen.clear()
	again = c.expect('S', b'', seq=c.syn.seq, ack=ANY, within=4)
	equal(cookie_of(again), None, 'the option')
	c.ack = seq32(c.syn.seq + 1)
	c.send('SA', options=[('MSS', MSS)])
	c.expect('A', DATA)
	c.send('A')
	c.alive()


@rows('7413-8')
def client_syn_too_big(p):
	"""A SYN that a router has no room for is repeated without data, and not only after a second."""
	server = Server(p)
	server.teach()
	data = bytes(1000)
	c = server.send(data, early=data)
	c.seen.clear()
	p.icmp_send(3, 4, c.syn.raw, mtu=600)
	c.expect('S', b'', seq=c.syn.seq, ack=ANY, within=0.7)


@rows('7413-10')
def client_keeps_to_the_mss(p):
	"""The SYN carries no more than the server's segments hold, less the options' room."""
	server = Server(p)
	server.teach(mss=600)
	s = p.socket()
	s.setblocking(False)
	sent = s.sendto(bytes(5000), MSG_FASTOPEN, (p.address, server.port))
	check(400 <= sent <= 600, f'{sent} bytes in the SYN')
	c = server.syn(s, bytes(sent))
	c.send('SA', options=[('MSS', 600)])
	c.expect('A')
	c.alive()


@rows('7413-1')
def client_connect(p):
	"""TCP_FASTOPEN_CONNECT: connect() asks, or returns at once and write() sends the SYN."""
	server = Server(p)
	s = p.socket()
	s.setsockopt(socket.IPPROTO_TCP, TCP_FASTOPEN_CONNECT, 1)
	s.setblocking(False)
	raises(errno.EINPROGRESS, s.connect, (p.address, server.port))
	c = server.syn(s)
	equal(cookie_of(c.syn), b'', 'the SYN asks for a cookie')
	c.send('SA', options=with_cookie(b'12345678'))
	c.expect('A')
	s = p.socket()
	s.setsockopt(socket.IPPROTO_TCP, TCP_FASTOPEN_CONNECT, 1)
	s.connect((p.address, server.port))
	c.quiet()
	# No ICMP error is about a SYN that has not left, even from one who knows its number.
	s.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, 1)
	s.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR_QUEUE, 2)
	forged = c.syn.ip.copy()
	forged.payload.sport = s.getsockname()[1]
	forged.payload.seq = (s.getsockopt(socket.IPPROTO_TCP, TCP_QUEUE_SEQ) - 1) % (1 << 32)
	s.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, -1)
	p.icmp_send(3, 3, bytes(forged))
	p.barrier()
	raises(errno.EISCONN, s.connect, (p.address, server.port))
	s.setblocking(False)
	equal(s.send(DATA), len(DATA), 'send()')
	c = server.syn(s, DATA)
	equal(cookie_of(c.syn), b'12345678', 'the cookie shown')
	c.send('SA', options=[('MSS', MSS)])
	c.expect('A')
	s.settimeout(5)
	c.alive()


@rows('7413-1')
def client_without_cookies(p):
	"""TCP_FASTOPEN_NO_COOKIE: data in the SYN, and no option."""
	c = Server(p).send(early=DATA, no_cookie=1)
	equal(cookie_of(c.syn), None, 'the option')
	c.send('SA', options=[('MSS', MSS)])
	c.expect('A')
	c.alive()


@rows('7413-1')
def client_switched_off(p):
	with p.sysctl('fastopen', 2):
		s = p.socket()
		raises(errno.EOPNOTSUPP, s.sendto, DATA, MSG_FASTOPEN, (p.address, 9))
		raises(errno.EOPNOTSUPP, s.setsockopt, socket.IPPROTO_TCP, TCP_FASTOPEN_CONNECT, 1)
	s = p.established().sock
	raises(errno.EISCONN, s.sendto, DATA, MSG_FASTOPEN, (p.address, 9))
	raises(errno.EISCONN, s.send, DATA, MSG_FASTOPEN)
	raises(errno.EINVAL, s.setsockopt, socket.IPPROTO_TCP, TCP_FASTOPEN_CONNECT, 1)


class Pauses:
	"""Pauses of Fast Open for so many seconds, and how often the kernel began one."""

	def __init__(self, p, server):
		self.p, self.server = p, server
		self.seen = netstat('TCPFastOpenBlackhole')

	def open(self):
		"""A connection with Fast Open."""
		c = self.server.send(early=DATA)
		c.send('SA', options=[('MSS', MSS)])
		c.expect('A')
		return c

	def began(self, new=1):
		self.seen += new
		equal(netstat('TCPFastOpenBlackhole'), self.seen, 'counter FastOpenBlackhole')

	def lasts(self):
		"""Neither data nor option in the SYN."""
		c = self.server.send()
		equal(cookie_of(c.syn), None, 'the option')
		c.send('RA')


def failing(p):
	server = Server(p)
	server.teach()
	return Pauses(p, server)


BLACKHOLE = 'fastopen_blackhole_timeout_sec'


@rows('7413-11')
def client_pauses(p):
	"""Each failure of the path doubles the pause; a connection that works begins it anew."""
	with p.sysctl(BLACKHOLE, 2):
		pauses = failing(p)
		for length in (2, 4):
			c = pauses.open()
			c.send('R', seq=seq32(c.seq + 1000))
			c.drain()
			pauses.began()
			time.sleep(length - 0.5)
			pauses.lasts()
			time.sleep(0.7)
		c = pauses.open()
		c.alive()
		c.sock.close()
		c.expect('FA')
		c.send('FA')
		c.expect('A')
		c = pauses.open()
		c.send('R', seq=seq32(c.seq + 1000))
		c.drain()
		pauses.began()
		time.sleep(2.2)
		pauses.open()


@rows('7413-11')
def client_pauses_after_a_lonely_fin(p):
	"""The data before the FIN never came, and the program gives up."""
	with p.sysctl(BLACKHOLE, 10):
		pauses = failing(p)
		c = pauses.open()
		c.send('FA', seq=seq32(c.seq + 500))
		c.drain()
		pauses.began(0)
		c.sock.close()
		c.expect('FA')
		c.send('R')
		c.drain()
		pauses.began()
		pauses.lasts()
		with p.sysctl(BLACKHOLE, 10):		# a word of the administrator's ends it
			pauses.open()


@rows('7413-11')
def client_pauses_after_three_timeouts(p):
	with p.sysctl(BLACKHOLE, 10):
		pauses = failing(p)
		c = pauses.server.send(early=DATA)
		time.sleep(6.5)				# two of 1 and 2 s, and not yet one of 4
		pauses.began(0)
		time.sleep(1)
		pauses.began()
		pauses.lasts()
		c.send('R', seq=0)


@rows('7413-11')
def client_pauses_for_years(p):
	"""The longest pause that can be asked for is one."""
	with p.sysctl(BLACKHOLE, 2**31 - 1):
		pauses = failing(p)
		c = pauses.open()
		c.send('R', seq=seq32(c.seq + 1000))
		c.drain()
		pauses.began()
		pauses.lasts()


@rows('7413-11')
def client_does_not_pause(p):
	"""By default; nor for a reset in order, after data, or on a connection without Fast Open."""
	pauses = failing(p)
	c = pauses.open()
	c.send('R', seq=seq32(c.seq + 1000))
	c.drain()
	with p.sysctl(BLACKHOLE, 10):
		c = pauses.open()
		c.alive()
		c.send('R', seq=seq32(c.seq + 1000))
		c.drain()
		pauses.open().send('R')
		c = p.established(active=True)
		c.send('R', seq=seq32(c.seq + 1000))
		c.drain()
		pauses.began(0)
		pauses.open()


@rows('7413-1')
def client_refused(p):
	"""The answer is a reset: the next call says so, and the data was not taken."""
	server = Server(p)
	server.teach()
	c = server.send(early=DATA)
	c.send('RA')
	raises(errno.ECONNREFUSED, c.sock.recv, 1)
	check(not early(c.sock), 'TCP_INFO with TCPI_OPT_SYN_DATA')
