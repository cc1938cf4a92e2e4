# SPDX-License-Identifier: GPL-2.0
"""Opening a connection: RFC 9293 §3.5, and §3.10.7 in LISTEN, SYN-SENT and SYN-RECEIVED."""
import errno
import select
import socket
import time

from peer import (ANY, MSS, SUT, SUT2, SYSCTL, ahead, check, connect_error, connected,
		  connecting, equal, link, near, option, raises, rows, seq32, slow)


@rows('9293-EV-05', '9293-MUST-14', '9293-SHLD-5', '9293-MUST-67', '9293-MAY-3', '6691-1')
def passive_open(p):
	c = p.syn_received()
	equal(option(c.syn, 'MSS'), MSS, 'MSS of the SYN,ACK')
	c.expect_state('SYN_RECV')
	c.opened()
	equal(c.sock.getpeername(), (p.address, c.port), 'peer of the accepted socket')
	equal(c.sock.getsockname(), (SUT, c.sut_port), 'address of the accepted socket')
	c.expect_state('ESTABLISHED')
	c.alive()


@rows('9293-EV-09', '9293-MUST-14', '9293-SHLD-5', '9293-MUST-67', '9293-MAY-3')
def active_open(p):
	c = p.syn_sent()
	equal(option(c.syn, 'MSS'), MSS, 'MSS of the SYN')
	equal(c.syn.ack, 0, 'acknowledgement field of a SYN')
	c.expect_state('SYN_SENT')
	connecting(c.sock)
	c.answered()
	c.expect_state('ESTABLISHED')
	c.alive()


@rows('9293-EV-05')
def passive_open_data_with_ack(p):
	"""The third segment may carry data."""
	c = p.syn_received()
	c.send('PA', b'hello')
	c.sock = p.accept(c.listener)
	c.expect_ack()
	equal(c.recv(5), b'hello', 'data read')


@rows('9293-EV-29')
def passive_open_fin_with_ack(p):
	"""The third segment may carry data and a FIN."""
	c = p.syn_received()
	c.send('FPA', b'hello')
	c.sock = p.accept(c.listener)
	c.expect_ack()
	equal(c.recv(10), b'hello', 'data read, then the end')
	c.expect_state('CLOSE_WAIT')


@rows('9293-EV-05')
def passive_open_lost_ack(p):
	"""The third segment is lost: the first data opens the connection."""
	c = p.syn_received()
	c.seq = seq32(c.iss + 1)
	c.send('PA', b'later')
	c.sock = p.accept(c.listener)
	c.expect_ack()
	equal(c.recv(5), b'later', 'data read')


@rows('9293-EV-05')
def syn_with_data(p):
	"""Text on a SYN is taken or has to be sent again, and is never lost."""
	listener = p.listen()
	c = p.conn(listener)
	c.send('S', b'early', options=[('MSS', MSS)])
	answer = c.expect('SA', ack=ANY)
	check(answer.ack in (seq32(c.iss + 1), seq32(c.iss + 6)), 'SYN,ACK acknowledges the SYN')
	c.seq = answer.ack
	c.opened()
	if c.seq == seq32(c.iss + 1):
		c.send('PA', b'early')
		c.expect_ack()
	equal(c.recv(5), b'early', 'data read')


@rows('9293-EV-03')
def listen_rst(p):
	listener = p.listen()
	c = p.conn(listener)
	c.send('R')
	c.send('RA', ack=1)
	c.quiet()
	c.send('S')
	c.expect('SA')


@rows('9293-EV-04')
def listen_ack(p):
	"""An ACK to a listener: <SEQ=SEG.ACK><CTL=RST>."""
	listener = p.listen()
	for flags, data in (('A', b''), ('SA', b''), ('PA', b'data'), ('FA', b'')):
		c = p.conn(listener)
		c.send(flags, data, ack=0x12345678)
		c.expect('R', seq=0x12345678, ack=ANY)
		c.expect_state('CLOSED')


@rows('9293-EV-06')
def listen_other(p):
	"""Neither SYN, ACK nor RST: dropped, and nothing is remembered."""
	listener = p.listen()
	for flags in ('', 'F', 'P', 'U', 'FPU'):
		c = p.conn(listener)
		c.send(flags)
		c.send(flags, b'text')
		c.quiet()
		c.expect_state('CLOSED')


@rows('9293-EV-07', '9293-EV-09')
def syn_sent_bad_ack(p):
	"""An ACK of what was not sent: <SEQ=SEG.ACK><CTL=RST>, and the open goes on."""
	c = p.syn_sent()
	c.ignored = ('S',)			# Linux hurries its SYN on after such a reset
	iss = c.syn.seq
	for flags in ('A', 'SA'):
		for bad in (iss, iss + 2, iss - 1000, iss + 0x7ffffff0):
			c.send(flags, seq=5, ack=bad)
			c.expect('R', seq=bad, ack=ANY)
	connecting(c.sock)
	c.ack = seq32(iss + 1)
	c.answered()


@rows('9293-EV-07')
def syn_follows_a_reset(p):
	"""Whose half-open connection a reset has just ended gets the SYN again, not a second later."""
	c = p.syn_sent()
	c.send('A', seq=5, ack=c.syn.seq - 1000)
	c.expect('R', seq=c.syn.seq - 1000, ack=ANY)
	c.expect('S', seq=c.syn.seq, ack=0, within=0.8)
	c.answered()


@rows('9293-EV-07')
def syn_sent_bad_echo(p):
	"""A SYN,ACK with an echo of what was no timestamp of ours is no answer either."""
	c = p.syn_sent()
	c.ignored = ('S',)
	ours = option(c.syn, 'Timestamp')[0]
	for echo in (ours - 1000, ours + 1000000):
		c.send('SA', seq=5, options=[('MSS', MSS), ('Timestamp', (1, seq32(echo)))])
		c.expect('R', ack=ANY)
	connecting(c.sock)
	c.answered(options=[('MSS', MSS), ('Timestamp', (1, ours))])


@rows('9293-EV-07', '5961-4')
def syn_sent_bad_ack_rst(p):
	"""... but a reset with such an ACK is only dropped."""
	c = p.syn_sent()
	c.ignored = ('S',)
	for bad in (c.syn.seq, c.syn.seq + 2):
		c.send('RA', ack=bad)
	c.quiet()
	connecting(c.sock)
	c.answered()


@rows('9293-EV-08', '5961-4')
def syn_sent_rst(p):
	c = p.syn_sent()
	c.send('RA')
	connect_error(c.sock, errno.ECONNREFUSED)
	c.quiet()
	c.expect_state('CLOSED')


@rows('9293-EV-08', '5961-4')
def syn_sent_rst_without_ack(p):
	c = p.syn_sent()
	c.send('R')
	c.send('R', seq=0)
	c.quiet()
	connecting(c.sock)
	c.answered()


@rows('9293-EV-11')
def syn_sent_other(p):
	"""Without SYN or RST: dropped, though the ACK is good. With no flag at all, too."""
	c = p.syn_sent()
	for flags, data in (('A', b''), ('FA', b''), ('PA', b'data'), ('F', b''), ('', b'')):
		c.send(flags, data, seq=c.seq)
	c.quiet()
	connecting(c.sock)
	c.expect_state('SYN_SENT')
	c.answered()


@rows('9293-MUST-10', '9293-EV-10')
def simultaneous_open(p):
	c = p.syn_sent()
	c.send('S', options=[('MSS', MSS)])
	c.expect('SA', seq=c.syn.seq)
	c.expect_state('SYN_RECV')
	connecting(c.sock)
	c.send('A')
	connected(c.sock)
	c.expect_state('ESTABLISHED')
	c.alive()


@rows('9293-MUST-10')
def simultaneous_open_both_syn_acks(p):
	"""As in figure 7: the other side answers with a SYN,ACK, too."""
	c = p.syn_sent()
	c.send('S')
	c.expect('SA', seq=c.syn.seq)
	c.send('SA', seq=c.iss)
	connected(c.sock)
	c.drain()
	c.expect_state('ESTABLISHED')
	c.alive()


@rows('9293-MUST-10', '9293-EV-29')
def simultaneous_open_then_fin(p):
	c = p.syn_sent()
	c.send('S')
	c.expect('SA', seq=c.syn.seq)
	c.send('FPA', b'bye')
	connected(c.sock)
	c.expect_ack()
	equal(c.recv(10), b'bye', 'data read')
	c.expect_state('CLOSE_WAIT')


@rows('9293-EV-09')
def syn_ack_with_data(p):
	"""Data on the SYN,ACK is taken or has to be sent again."""
	c = p.syn_sent()
	c.send('SA', b'early')
	answer = c.expect('A', ack=ANY)
	check(answer.ack in (seq32(c.iss + 1), c.seq), 'the SYN is acknowledged')
	connected(c.sock)
	if answer.ack != c.seq:
		c.seq = answer.ack
		c.send('PA', b'early')
		c.expect_ack()
	equal(c.recv(5), b'early', 'data read')


@rows('9293-EV-09')
def syn_ack_again(p):
	"""Our ACK was lost: the SYN,ACK that comes again is acknowledged again."""
	c = p.established(active=True)
	c.send('SA', seq=c.iss)
	c.expect('A')
	c.alive()


@rows('9293-MUST-11', '9293-EV-16')
def syn_received_rst_passive(p):
	"""Back to listening, and nobody is told."""
	c = p.syn_received()
	c.send('R')
	c.quiet()
	c.expect_state('CLOSED')
	check(not select.select([c.listener], [], [], 0)[0], 'the listener has something to accept')
	c.send('A')
	c.expect('R', seq=c.ack, ack=ANY)
	again = p.syn_received(listener=c.listener)
	again.opened()
	again.alive()


@rows('9293-MUST-11', '9293-EV-16')
def syn_received_rst_active(p):
	"""The connect() has failed: RFC 9293 says refused, the sockets of Linux also reset."""
	c = p.syn_sent()
	c.send('S')
	c.expect('SA', seq=c.syn.seq)
	c.send('R')
	connect_error(c.sock, errno.ECONNREFUSED, errno.ECONNRESET)
	c.quiet()
	c.expect_state('CLOSED')


@rows('9293-EV-16', '5961-1')
def syn_received_rst_outside(p):
	"""A reset outside of the window does nothing, here too."""
	c = p.syn_received()
	c.send('R', seq=c.iss - 100)
	c.send('R', seq=c.seq + 0x10000000)
	c.quiet()
	c.opened()
	c.alive()


@rows('9293-EV-21')
def syn_received_bad_ack(p):
	c = p.syn_received()
	for bad in (c.ack - 1, c.ack + 1, c.ack + 100000):
		c.send('A', ack=bad)
		c.expect('R', seq=bad, ack=ANY)
	check(not select.select([c.listener], [], [], 0)[0], 'a bad ACK opened the connection')
	c.opened()
	c.alive()


@rows('9293-EV-21')
def syn_received_bad_ack_active(p):
	c = p.syn_sent()
	c.send('S')
	c.expect('SA', seq=c.syn.seq)
	bad = c.ack + 5
	c.send('A', ack=bad)
	c.expect('R', seq=bad, ack=ANY)
	c.drain()
	c.send('A')
	connected(c.sock)


@rows('9293-EV-20')
def syn_received_without_ack(p):
	"""Text without the ACK bit does not open the connection."""
	c = p.syn_received()
	c.send('P', b'text', seq=c.seq)
	c.quiet()
	check(not select.select([c.listener], [], [], 0)[0], 'opened without an ACK')


@rows('9293-EV-13', '9293-EV-19')
def syn_received_syn_again(p):
	"""The SYN once more: the SYN,ACK once more, with the same number, or an ACK."""
	c = p.syn_received()
	c.send('S', seq=c.iss, options=[('MSS', MSS)])
	answer = c.next(what='the answer to the SYN that came again')
	check(answer.names in ('SA', 'A'), f'answered by {answer.names}')
	equal(answer.seq, c.syn.seq if answer.names == 'SA' else c.ack, 'sequence number')
	equal(answer.ack, c.seq, 'acknowledgement')
	c.opened()
	c.alive()


@rows('5961-9', '4987-8')
def syn_received_syn_again_and_again(p):
	"""... but not as often as anybody likes (net.yoke.invalid_ratelimit)."""
	c = p.syn_received()
	with p.sysctl('invalid_ratelimit', 500):
		for _ in range(20):
			c.send('S', seq=c.iss, options=[('MSS', MSS)])
		check(len(c.drain()) <= 2, 'each is answered')
	c.opened()
	c.alive()


@rows('9293-EV-13')
def syn_received_out_of_window(p):
	"""An unacceptable segment is answered by an ACK (or the SYN,ACK again) and dropped."""
	c = p.syn_received()
	c.send('A', b'far', seq=c.seq + 0x20000000)
	answer = c.next(what='an ACK')
	check(answer.names in ('A', 'SA'), f'answered by {answer.names}')
	equal(answer.ack, c.seq, 'acknowledgement')
	c.opened()
	c.nothing_to_read()
	c.drain()
	c.alive()


@rows('9293-MUST-8', '6528-3')
def isn_clock(p):
	"""For one pair of sockets the numbers rise by one about every 4 microseconds."""
	listener = p.listen()
	port, samples = next(p.ports), []
	for pause in (0, 0.2, 0.2):
		time.sleep(pause)
		c = p.conn(listener, port)
		before = time.monotonic()
		c.send('S')
		samples.append((before, c.expect('SA').seq, time.monotonic()))
		c.send('R')
	(early, first, late), (_, last, _) = samples[0], samples[-1]
	least, most = samples[-1][0] - late, samples[-1][2] - early
	ticks = ahead(last, first)
	check(least * 240e3 <= ticks <= most * 260e3,
	      f'{ticks} ticks in {least:.3f} to {most:.3f} s, expected 250000 a second')


@rows('6528-5', '9293-SHLD-1')
def isn_rises(p):
	"""The same pair again and again: each number above the one before."""
	listener = p.listen()
	port, last = next(p.ports), None
	for _ in range(20):
		c = p.conn(listener, port)
		c.send('S')
		isn = c.expect('SA').seq
		c.send('R')
		check(last is None or ahead(isn, last) > 0, f'{isn} after {last}')
		last = isn


@rows('9293-SHLD-1', '9293-MUST-9', '6528-1', '6528-2')
def isn_of_other_pairs(p):
	"""Numbers of neighbouring ports and of both directions have nothing to do with each other."""
	listener = p.listen()
	numbers = []
	for _ in range(64):
		c = p.conn(listener)
		c.send('S')
		numbers.append(c.expect('SA').seq)
		c.send('R')
	steps = [ahead(b, a) for a, b in zip(numbers, numbers[1:])]
	# Of 63 random steps hardly one is under 2^24 (chance 1/128 each), surely not ten; and half of them
	# go each way, give or take four.
	check(sum(abs(step) < 1 << 24 for step in steps) < 10, f'steps: {steps}')
	check(len(set(steps)) >= len(steps) - 1, f'steps repeat: {steps}')
	check(8 < sum(step > 0 for step in steps) < 55, f'the steps go one way: {steps}')


@slow(8)
@rows('6298-1', '6298-11', '9293-MUST-22', '9293-MUST-19')
def syn_retransmission(p):
	"""After 1 s, 2 s, 4 s: the same SYN."""
	c = p.syn_sent()
	last = c.syn.at
	for wait in (1, 2, 4):
		again = c.expect('S', seq=c.syn.seq, ack=0, within=wait + 1)
		equal(again.options, c.syn.options, 'options') if not option(c.syn, 'Timestamp') else None
		near(again.at - last, wait)
		last = again.at
	c.answered()
	c.alive()


@slow(4)
@rows('6298-1', '6298-11', '4987-6')
def syn_ack_retransmission(p):
	c = p.syn_received()
	last = c.syn.at
	for wait in (1, 2):
		again = c.expect('SA', seq=c.syn.seq, within=wait + 1)
		# Linux lets the timer run a little over, as it counts the requests' time roughly.
		near(again.at - last, wait, low=0.2, high=0.6)
		last = again.at
	c.opened()
	c.alive()


@slow(4)
@rows('9293-MUST-22', '9293-EV-33')
def connect_timeout(p):
	"""With TCP_SYNCNT 1: a SYN, one more after a second, and ETIMEDOUT after two more."""
	c = p.syn_sent(syncnt=1)
	again = c.expect('S', seq=c.syn.seq, ack=0)
	check(select.select([], [c.sock], [], 4)[1], 'did not give up')
	near(time.monotonic() - again.at, 2, high=0.7)
	connect_error(c.sock, errno.ETIMEDOUT)
	c.quiet()


@rows('9293-MUST-23')
def syn_r2(p):
	"""RFC 9293 wants three minutes; it takes too long for every day, so ask the setting."""
	with open(SYSCTL + 'syn_retries') as f:
		retries = int(f.read())
	check(sum(min(1 << i, 120) for i in range(retries + 1)) >= 180,
	      f'{retries} retransmissions are over before 180 s')


@rows('9293-EV-09')
def connect_refused_then_again(p):
	"""The same socket may connect again after it was refused."""
	c = p.syn_sent()
	c.send('RA')
	connect_error(c.sock, errno.ECONNREFUSED)
	port = next(p.ports)
	c.sock.setblocking(False)
	raises(errno.ECONNABORTED, c.sock.connect, (p.address, port))	# told once more, as TCP does
	raises(errno.EINPROGRESS, c.sock.connect, (p.address, port))
	again = p.conn(c.sock.getsockname()[1], port)
	again.expect('S', ack=0)
	again.send('SA')
	again.expect('A')
	connected(c.sock)


@rows('9293-MUST-41', '1122-UDP-8')
def listen_beside_connections(p):
	"""A passive open leaves the connections of that port alone."""
	c = p.established()
	c.listener.close()
	again = p.listen(port=c.sut_port)
	c.alive()
	other = p.socket()
	other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
	raises(errno.EADDRINUSE, other.bind, (SUT, c.sut_port))
	c.alive()
	new = p.syn_received(listener=again)
	new.opened()
	new.alive()
	c.alive()


@rows('9293-MUST-42')
def listen_beside_syn_sent(p):
	c = p.syn_sent(reuseaddr=1, bind=(SUT, 0))
	listener = p.listen(port=c.sut_port)
	new = p.syn_received(listener=listener)
	new.opened()
	c.answered()
	c.alive()
	new.alive()


@rows('9293-MUST-43', '9293-MUST-45')
def local_address_given(p):
	c = p.syn_sent(bind=(SUT2, 0))
	equal(c.syn.ip.src, SUT2, 'source of the SYN')
	c.send('SA')
	equal(c.expect('A').ip.src, SUT2, 'source of the ACK')
	connected(c.sock)
	c.alive()


@rows('9293-MUST-44')
def local_address_chosen(p):
	"""Without bind() IP chooses: the first address of the link, not the second."""
	c = p.syn_sent()
	equal(c.syn.ip.src, SUT, 'source of the SYN')
	equal(c.sock.getsockname()[0], SUT, 'local address')


@rows('9293-MUST-46')
def connect_to_no_host(p):
	strays = len(link.strays)
	for address in ('255.255.255.255', '10.9.255.255', '224.0.0.1', '239.1.2.3'):
		s = p.socket()
		raises((errno.ENETUNREACH, errno.EACCES, errno.EADDRNOTAVAIL, errno.EINVAL),
		       s.connect, (address, 80))
	p.quiet()
	equal(len(link.strays), strays, 'packets to nobody')


@rows('9293-MUST-57')
def syn_to_broadcast(p):
	listener = p.listen(address='0.0.0.0')
	port = listener.getsockname()[1]
	for address in ('255.255.255.255', '10.9.255.255', '224.0.0.1'):
		c = p.conn(port, sut_address=address)
		c.send('S')
	p.quiet()
	check(not select.select([listener], [], [], 0)[0], 'something to accept')


@rows('9293-MUST-63')
def syn_from_no_host(p):
	listener = p.listen()
	strays = len(link.strays)
	for address in ('0.0.0.0', '255.255.255.255', '224.0.0.1', SUT, '127.0.0.1'):
		p.segment(1234, listener.getsockname()[1], 'S', 77, src=address)
	p.quiet()
	equal(len(link.strays), strays, 'answers to nobody')


@rows('9293-MUST-63')
def syn_from_subnet_broadcast(p):
	listener = p.listen()
	strays = len(link.strays)
	p.segment(1234, listener.getsockname()[1], 'S', 77, src='10.9.255.255')
	p.quiet()
	equal(len(link.strays), strays, 'answers to nobody')


@rows('4987-1', '4987-7')
def accept_queue_full(p):
	"""Nobody accepts: beyond the backlog the handshake is not completed."""
	listener = p.listen(backlog=1)
	for _ in range(6):
		c = p.conn(listener)
		c.send('S')
		if c.drain():
			c.send('A')
	p.barrier()
	accepted = 0
	listener.settimeout(0.2)
	try:
		while True:
			p.accept(listener)
			accepted += 1
	except TimeoutError:
		pass
	equal(accepted, 2, 'connections accepted with a backlog of 1')


@slow(4)
@rows('4987-7')
def accept_queue_drains(p):
	"""A final ACK that found no room is made good by the SYN,ACK that comes again."""
	listener = p.listen(backlog=1)
	conns = [p.syn_received(listener=listener)]
	conns[0].send('A')
	conns += [p.syn_received(listener=listener), p.syn_received(listener=listener)]
	for c in conns[1:]:
		c.send('A')
	for c in conns[:2]:
		c.sock = p.accept(listener)
	last = conns[2]
	again = last.expect('SA', seq=last.syn.seq, within=4)
	check(again.at - last.syn.at > 0.8, 'SYN,ACK came again early')
	last.opened(listener)
	for c in conns:
		c.alive()


@rows('4987-1')
def listener_closed_with_requests(p):
	"""Requests end with their listener; what was not accepted is reset."""
	c = p.syn_received()
	d = p.syn_received(listener=c.listener)
	d.send('A')
	p.barrier()
	c.listener.close()
	d.expect('RA', ack=ANY)
	c.send('A')
	c.expect('R', seq=c.ack, ack=ANY)
	for x in (c, d):
		x.expect_state('CLOSED')


@rows('9293-EV-32')
def close_in_syn_sent(p):
	"""close() in SYN-SENT: the connection record goes, nothing is sent."""
	c = p.syn_sent()
	c.sock.close()
	c.quiet()
	c.expect_state('CLOSED')
	c.send('SA')
	c.expect('R', seq=c.ack, ack=ANY)


@rows('9293-EV-32', '9293-EV-24')
def close_in_syn_received(p):
	"""close() of the side that opened simultaneously: a FIN, once what was sent is out."""
	c = p.syn_sent()
	c.send('S')
	c.expect('SA', seq=c.syn.seq)
	c.sock.shutdown(socket.SHUT_WR)
	c.send('A')
	c.expect('FA')
	c.send('A')
	c.expect_state('FIN_WAIT2')


@rows('9293-EV-12', '9293-EV-37')
def irs_at_the_wrap(p):
	"""Our first number is the last before 2^32: SYN at the wrap, data and FIN after."""
	for iss in (0xffffffff, 0xfffffffe, 0x7fffffff, 0):
		for active in (False, True):
			c = p.established(iss=iss, active=active)
			c.alive()
			c.send('FPA', b'end')
			c.expect_ack()
			equal(c.recv(10), b'end', 'data read')


@rows('9293-EV-36')
def reserved_bits(p):
	"""The reserved header bits are ignored: on SYN, ACK and data."""
	listener = p.listen()
	c = p.conn(listener)
	c.send('S', reserved=7)
	c.expect('SA')
	c.send('A', reserved=7)
	c.sock = p.accept(listener)
	c.send('PA', b'data', reserved=7)
	c.expect_ack()
	equal(c.recv(4), b'data', 'data read')
