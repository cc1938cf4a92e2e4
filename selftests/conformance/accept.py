# SPDX-License-Identifier: GPL-2.0
"""What a listener may ask for beyond RFC 9293 §3.10.7.2: TCP_DEFER_ACCEPT, TCP_SAVE_SYN."""
import ctypes
import errno
import select
import socket
import struct
import time

from peer import MSS, check, equal, near, netstat, option, raises, rows, slow, tcp_info

TCP_DEFER_ACCEPT, TCP_SAVE_SYN, TCP_SAVED_SYN = 9, 27, 28


def listen(p, name, value, **more):
	s = p.listen(**more)
	s.setsockopt(socket.IPPROTO_TCP, name, value)
	return s


def get(s, name, size=4):
	raw = s.getsockopt(socket.IPPROTO_TCP, name, size)
	return struct.unpack('i', raw)[0] if size == 4 else raw


def waiting(listener):
	return bool(select.select([listener], [], [], 0)[0])


# --- TCP_DEFER_ACCEPT -----------------------------------------------------------------------

@rows('9293-EV-05')
def defer_accept_values(p):
	"""Seconds become timeouts of a SYN,ACK, and come back as what these last; never an error."""
	s = p.socket()
	for seconds in (0, 1, 2, 3, 4, 7, 8, 30, 60, 1000, 100000, -5):
		s.setsockopt(socket.IPPROTO_TCP, TCP_DEFER_ACCEPT, seconds)
		got = get(s, TCP_DEFER_ACCEPT)
		period, timeout, n = 0, 1, 0
		while period < seconds and n < 255:
			period, timeout, n = period + timeout, min(2 * timeout, 120), n + 1
		equal(got, period, f'TCP_DEFER_ACCEPT after {seconds}')
	s = listen(p, TCP_DEFER_ACCEPT, 5)
	c = p.syn_received(listener=s)
	c.send('PA', b'x')
	equal(get(p.accept(s), TCP_DEFER_ACCEPT), 0, 'TCP_DEFER_ACCEPT of what was accepted')


@rows('9293-EV-05')
def defer_accept(p):
	"""The ACK that completes the handshake wakes nobody; data does, and can be read."""
	listener = listen(p, TCP_DEFER_ACCEPT, 10)
	before = netstat('TCPDeferAcceptDrop')
	c = p.syn_received(listener=listener)
	c.send('A')
	c.quiet()
	check(not waiting(listener), 'accept() is ready before there is data')
	equal(c.state(), 'SYN_RECV', 'state')
	equal(netstat('TCPDeferAcceptDrop'), before + 1, 'counter TCPDeferAcceptDrop')
	time.sleep(0.5)
	c.send('PA', b'hello')
	c.sock = p.accept(listener)
	c.expect_ack()
	equal(c.recv(5), b'hello', 'data read')
	equal(c.state(), 'ESTABLISHED', 'state')
	c.alive()


@rows('9293-EV-05')
def defer_accept_round_trip(p):
	"""How long the client thinks is no round trip of the path's."""
	listener = listen(p, TCP_DEFER_ACCEPT, 10)
	c = p.syn_received(listener=listener)
	c.send('A')
	time.sleep(0.7)
	c.send('PA', b'hello')
	c.sock = p.accept(listener)
	check(tcp_info(c.sock).rto < 0.5, f'the timeout is {tcp_info(c.sock).rto} s')


@slow(2)
@rows('9293-EV-05')
def told_of_the_handshake(p):
	"""What is accepted has received the SYN, and knows that the SYN,ACK went twice (TCP_INFO)."""
	c = p.syn_received()
	c.expect('SA', seq=c.syn.seq, within=2)
	c.opened()
	equal((tcp_info(c.sock).segs_in, tcp_info(c.sock).total_retrans), (2, 1), 'segments in, sent again')


@slow(4)
@rows('9293-EV-05', '6298-6')
def defer_accept_round_trip_by_timestamp(p):
	"""Nor is it if the SYN,ACK went twice: what comes after the ACK echoes it, but acknowledges nothing
	new (RFC 7323 §4.1)."""
	listener = listen(p, TCP_DEFER_ACCEPT, 10)
	c = p.syn_received(listener=listener, options=[('MSS', MSS), ('Timestamp', (1, 0))])
	again = c.expect('SA', seq=c.syn.seq, within=2)
	c.tsval, c.tsecr = 2, option(again, 'Timestamp')[0]
	c.send('A')
	time.sleep(2)
	c.send('PA', b'hello')
	c.sock = p.accept(listener)
	check(tcp_info(c.sock).rto < 4, f'the timeout is {tcp_info(c.sock).rto} s')


@rows('9293-EV-05', '9293-EV-29')
def defer_accept_fin(p):
	"""A FIN is something to be read."""
	listener = listen(p, TCP_DEFER_ACCEPT, 10)
	c = p.syn_received(listener=listener)
	c.send('FA')
	c.sock = p.accept(listener)
	equal(c.recv(1), b'', 'data read')


@slow(10)
@rows('9293-EV-05')
def defer_accept_ends(p):
	"""The SYN,ACK comes once more when the time is nearly over; an ACK opens the connection then.
	That it was sent twice lets nobody take the clock for a round trip."""
	listener = listen(p, TCP_DEFER_ACCEPT, 5)		# three timeouts: 7 s
	c = p.syn_received(listener=listener)
	c.send('A')
	again = c.expect('SA', seq=c.syn.seq, within=9)
	near(again.at - c.syn.at, 7, high=0.8)
	check(not waiting(listener), 'accept() is ready before there is data')
	c.opened()
	check(tcp_info(c.sock).rto < 4, f'the timeout is {tcp_info(c.sock).rto} s')
	c.alive()


@slow(4)
@rows('9293-EV-05')
def defer_accept_no_ack(p):
	"""Without the ACK the SYN,ACK is repeated as ever."""
	listener = listen(p, TCP_DEFER_ACCEPT, 10)
	c = p.syn_received(listener=listener)
	near(c.expect('SA', seq=c.syn.seq, within=3).at - c.syn.at, 1)
	near(c.expect('SA', seq=c.syn.seq, within=4).at - c.syn.at, 3)


@slow(70)
@rows('9293-EV-05')
def defer_accept_nothing_comes(p):
	"""One who acknowledged and never says more is forgotten like others, after SYN,ACKs' time."""
	listener = listen(p, TCP_DEFER_ACCEPT, 1)
	c = p.syn_received(listener=listener)
	c.send('A')
	c.expect('SA', seq=c.syn.seq, within=3)
	time.sleep(66)
	equal(c.state(), 'CLOSED', 'state')


@rows('9293-EV-09')
def defer_accept_connecting(p):
	"""Who connects with it has the first data carry the ACK of the SYN,ACK."""
	c = p.syn_sent()
	c.sock.setsockopt(socket.IPPROTO_TCP, TCP_DEFER_ACCEPT, 1)
	c.send('SA', options=[('MSS', MSS)])
	c.quiet()
	c.sock.send(b'hello')
	c.expect('A', b'hello')
	c.send('A')
	c.alive()


@rows('9293-EV-09')
def defer_accept_connecting_in_vain(p):
	"""... but no longer than an ACK may be delayed."""
	c = p.syn_sent()
	c.sock.setsockopt(socket.IPPROTO_TCP, TCP_DEFER_ACCEPT, 1)
	c.send('SA', options=[('MSS', MSS)])
	now = time.monotonic()
	near(c.expect('A', within=1).at - now, 0.2)


# --- TCP_SAVE_SYN ---------------------------------------------------------------------------

def sent_syn(p):
	"""The last SYN of ours, from the IP header on."""
	return [raw for _, way, raw in p.log if way == '>' and raw[9] != 1 and raw[33] & 2][-1]


@rows('9293-EV-05')
def save_syn(p):
	"""The SYN's headers, without its data; once."""
	listener = listen(p, TCP_SAVE_SYN, 1)
	equal(get(listener, TCP_SAVE_SYN), 1, 'TCP_SAVE_SYN')
	for data in (b'', b'data in the SYN'):
		c = p.conn(listener)
		c.send('S', data, options=[('MSS', 1234), ('NOP', None), ('WScale', 3)])
		c.seq -= len(data)
		c.syn = c.expect('SA')
		c.opened()
		syn = sent_syn(p)
		want = syn[:len(syn) - len(data)]
		raises(errno.EINVAL, get, c.sock, TCP_SAVED_SYN, len(want) - 1)
		room = ctypes.c_int(500)	# but nowhere to put it: it stays
		equal(ctypes.CDLL(None).getsockopt(c.sock.fileno(), socket.IPPROTO_TCP, TCP_SAVED_SYN, None,
						   ctypes.byref(room)), -1, 'getsockopt() to nowhere')
		equal(get(c.sock, TCP_SAVED_SYN, 500), want, 'TCP_SAVED_SYN')
		equal(get(c.sock, TCP_SAVED_SYN, 500), b'', 'the second time')
		equal(get(c.sock, TCP_SAVE_SYN), 1, 'TCP_SAVE_SYN of what was accepted')
		c.alive()


@rows('9293-EV-05')
def save_syn_with_link_header(p):
	"""2 has the header of the link, too: this one has none."""
	listener = listen(p, TCP_SAVE_SYN, 2)
	c = p.syn_received(listener=listener)
	c.send('A')
	equal(get(p.accept(listener), TCP_SAVED_SYN, 500), sent_syn(p), 'TCP_SAVED_SYN')


@rows('9293-EV-05')
def save_syn_not_asked(p):
	c = p.established()
	equal(get(c.sock, TCP_SAVED_SYN, 500), b'', 'TCP_SAVED_SYN')
	for bad in (-1, 3):
		raises(errno.EINVAL, c.sock.setsockopt, socket.IPPROTO_TCP, TCP_SAVE_SYN, bad)
	raises(errno.ENOPROTOOPT, c.sock.setsockopt, socket.IPPROTO_TCP, TCP_SAVED_SYN, 1)


@rows('9293-EV-05')
def save_syn_of_one_that_goes(p):
	"""Requests that end without a child take it with them."""
	listener = listen(p, TCP_SAVE_SYN, 1)
	for _ in range(20):
		p.syn_received(listener=listener).send('R')
	left = p.syn_received(listener=listener)
	left.send('A')
	p.syn_received(listener=listener)
	listener.close()
	left.expect('RA')
