# SPDX-License-Identifier: GPL-2.0
"""Closing: RFC 9293 §3.6, §3.10.4, §3.10.5 and the FIN steps of §3.10.7.4."""
import errno
import select
import socket
import subprocess
import time

from peer import (ANY, MSS, STREAM, SUT, Skip, ahead, check, equal, held, linger0, near, option, pattern,
		  poll_events, raises, rows, seq32, slow, tcp_info, until, write)


@rows('9293-EV-24')
def active_close(p):
	c = p.established()
	c.sock.close()
	c.expect('FA')
	c.expect_state('FIN_WAIT1')
	c.send('A')
	c.quiet()
	c.expect_state('FIN_WAIT2')
	c.send('FA')
	c.expect('A')
	c.expect_state('TIME_WAIT')


@rows('9293-EV-25', '9293-EV-29', '9293-MUST-12')
def passive_close(p):
	c = p.established()
	c.send('FA')
	c.expect_ack()
	c.expect_state('CLOSE_WAIT')
	equal(c.sock.recv(1), b'', 'the end')
	c.sock.close()
	c.expect('FA')
	c.expect_state('LAST_ACK')
	c.send('A')
	c.quiet()
	c.expect_state('CLOSED')


@rows('9293-EV-24', '9293-EV-25', '9293-EV-31')
def simultaneous_close(p):
	"""The FINs cross: CLOSING, and with the ACK, TIME-WAIT."""
	c = p.closing()
	c.expect_state('CLOSING')
	c.send('A')
	c.quiet()
	c.expect_state('TIME_WAIT')


@rows('9293-EV-31', '9293-EV-24')
def simultaneous_close_with_data(p):
	"""FINs cross, each behind data."""
	c = p.established()
	c.sock.send(b'theirs')
	c.sock.shutdown(socket.SHUT_WR)
	segments = c.drain()
	equal(b''.join(s.data for s in segments), b'theirs', 'data')
	equal(segments[-1].names, 'FA', 'flags of the last segment')
	before = c.ack - 7
	c.send('FPA', b'ours', ack=before)
	c.expect_ack()
	equal(c.recv(10), b'ours', 'data read')
	c.send('A')
	c.expect_state('TIME_WAIT')


@rows('9293-EV-24')
def fin_wait_1_fin_with_ack(p):
	"""A FIN that acknowledges ours: straight to TIME-WAIT."""
	c = p.fin_wait_1()
	c.send('FA')
	c.expect('A')
	c.expect_state('TIME_WAIT')


@rows('9293-EV-24', '9293-EV-22')
def fin_wait_1_other_acks(p):
	"""An ACK of the text but not of the FIN does not end FIN-WAIT-1."""
	c = p.established()
	c.sock.send(b'text')
	c.expect('A', b'text')
	c.sock.shutdown(socket.SHUT_WR)
	c.expect('FA')
	c.send('A', ack=c.ack - 1)
	c.quiet()
	c.expect_state('FIN_WAIT1')
	c.send('A')
	c.expect_state('FIN_WAIT2')


@rows('9293-EV-30', '9293-EV-24')
def half_close_receiving(p):
	"""After its FIN the system under test still receives, as long as it takes."""
	c = p.fin_wait_2()
	for i in range(5):
		c.send('PA', pattern(1000, i))
		c.expect_ack()
		equal(c.recv(1000), pattern(1000, i), 'data read')
	raises(errno.EPIPE, c.sock.send, b'x', socket.MSG_NOSIGNAL)
	c.send('FPA', b'end')
	c.expect('A')
	equal(c.recv(10), b'end', 'data read')
	c.expect_state('TIME_WAIT')


@rows('9293-EV-30')
def fin_wait_1_data(p):
	"""Text is taken in FIN-WAIT-1, too, before and with the ACK of the FIN."""
	c = p.fin_wait_1()
	c.send('PA', b'one', ack=c.ack - 1)
	c.expect_ack()
	c.expect_state('FIN_WAIT1')
	c.send('PA', b'two')
	c.expect_ack()
	c.expect_state('FIN_WAIT2')
	equal(c.recv(6), b'onetwo', 'data read')


@rows('9293-EV-30')
def half_close_sending(p):
	"""After the peer's FIN the system under test still sends, and retains its FIN for the end."""
	c = p.close_wait()
	data = pattern(MSS * 4)
	c.sock.send(data)
	c.expect_data(data)
	c.sock.close()
	c.expect('FA')
	c.send('A')
	c.expect_state('CLOSED')


@rows('9293-EV-24')
def fin_is_no_segment(p):
	"""Behind full segments it has a number, but does not count as a further one (TCP_INFO)."""
	c = p.established(win=0)
	data = pattern(MSS * 3)
	c.sock.send(data)
	c.sock.shutdown(socket.SHUT_WR)
	c.send('A', win=65535)
	segments = c.burst()
	equal(b''.join(s.data for s in segments), data, 'data')
	check('F' in segments[-1].names and segments[-1].data, 'the FIN is not behind the text')
	equal(tcp_info(c.sock).unacked, 3, 'segments in flight')
	c.send('A')
	c.expect_state('FIN_WAIT2')
	equal(tcp_info(c.sock).delivered, 1 + 3, 'segments delivered, with the SYN')


@rows('9293-EV-24')
def fin_is_no_data(p):
	"""When data was sent last (TCP_INFO) a FIN alone does not change."""
	c = p.established()
	c.sock.send(b'x')
	c.expect('A', b'x')
	c.send('A')
	time.sleep(0.3)
	c.sock.shutdown(socket.SHUT_WR)
	c.expect('FA')
	c.send('A')
	check(tcp_info(c.sock).last_data_sent >= 0.25, 'the FIN counts as data')


@rows('9293-EV-24', '9293-SHLD-28')
def close_sends_what_is_queued(p):
	"""close() behind a closed window: everything leaves first, and the FIN last."""
	c = p.established(win=0)
	data = pattern(MSS * 3)
	c.sock.send(data)
	c.sock.close()
	c.drain()
	c.send('A', win=65535)
	got = b''
	while True:
		segment = c.next(what='the rest and the FIN')
		if ahead(segment.seq, c.ack) < 0:
			continue			# a window probe that was under way
		got += segment.data
		c.advance(segment)
		c.send('A')
		if 'F' in segment.names:
			break
	check(data.endswith(got) and len(data) - len(got) <= 1, 'other bytes than were sent')


@rows('9293-EV-30')
def shutdown_read_says_nothing(p):
	"""SHUT_RD is a matter of this side: nothing is sent, the peer's data is acknowledged."""
	c = p.established()
	c.sock.shutdown(socket.SHUT_RD)
	c.quiet()
	c.send('PA', b'data')
	c.expect_ack()
	c.expect_state('ESTABLISHED')


@rows('9293-EV-24')
def shutdown_twice(p):
	c = p.fin_wait_1()
	c.sock.shutdown(socket.SHUT_WR)
	c.quiet()
	c.send('A')
	c.sock.shutdown(socket.SHUT_WR)
	c.quiet()
	c.expect_state('FIN_WAIT2')


@rows('9293-SHLD-3', '9293-MAY-1')
def close_with_unread_data(p):
	"""close() with bytes unread: a reset, not a FIN."""
	c = p.established()
	c.send('PA', b'unread')
	c.expect_ack()
	c.sock.close()
	c.expect('RA')
	c.expect_state('CLOSED')


@rows('9293-SHLD-3')
def close_with_read_data_again(p):
	"""The FIN comes with text that came before, and is all read: close() leaves nothing unread."""
	c = p.established()
	c.send('PA', b'all is read')
	c.expect_ack()
	equal(c.recv(11), b'all is read', 'data read')
	c.seq = seq32(c.seq - 11)
	c.send('FPA', b'all is read')
	c.expect_ack()
	c.sock.close()
	c.expect('FA')
	c.send('A')
	c.expect_state('CLOSED')


@rows('9293-SHLD-3', '9293-MAY-1')
def data_after_close(p):
	"""Nobody can read any more: text is answered by a reset."""
	for got in (False, True):
		c = p.established()
		c.sock.close()
		c.expect('FA')
		if got:
			c.send('A')
			c.expect_state('FIN_WAIT2')
		c.send('PA', b'anyone?')
		answer = c.next(what='a reset')
		check('R' in answer.names, f'answered by {answer.names}')
		equal(answer.seq, c.ack, 'sequence number')
		c.expect_state('CLOSED')


@rows('9293-SHLD-3')
def data_after_close_by_mark(p):
	"""The reset goes the way that the socket's mark says, though there is no socket any more."""
	c = p.established()
	c.sock.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, 5)
	rule = ['to', p.address, 'ipproto', str(STREAM), 'fwmark', '0/0xff', 'prohibit']
	subprocess.run(['ip', 'rule', 'add', *rule], check=True)
	try:
		c.sock.close()
		c.expect('FA')
		c.send('A')
		c.expect_state('FIN_WAIT2')
		c.send('PA', b'anyone?')
		c.expect('R', seq=c.ack, ack=ANY)
	finally:
		subprocess.run(['ip', 'rule', 'del', *rule], check=True)


@rows('9293-EV-26', '9293-MUST-13')
def time_wait_fin_again(p):
	"""The FIN comes again: acknowledged again."""
	c = p.time_wait()
	for _ in range(3):
		c.send('FA', seq=c.seq - 1)
		c.expect('A')
		c.expect_state('TIME_WAIT')


@rows('1337-2', '9293-EV-13')
def time_wait_old_data(p):
	"""An old duplicate is answered by an ACK, and TIME-WAIT goes on."""
	c = p.established()
	c.send('PA', b'old data')
	c.expect_ack()
	c.recv(8)
	c.sock.shutdown(socket.SHUT_WR)
	c.expect('FA')
	c.send('FA')
	c.expect('A')
	c.send('PA', b'old data', seq=c.seq - 9)
	c.expect('A')
	c.expect_state('TIME_WAIT')


@rows('9293-EV-18')
def time_wait_rst(p):
	"""A valid reset ends it or is ignored (RFC 1337); one outside of the window does nothing."""
	c = p.time_wait()
	c.send('R', seq=c.seq - 1000)
	c.quiet()
	c.expect_state('TIME_WAIT')
	c.send('R')
	c.quiet()
	c.expect_state('CLOSED', 'TIME_WAIT')


@rows('1337-1')
def time_wait_assassination(p):
	"""With the switch of RFC 1337 on, no reset ends TIME-WAIT."""
	with p.sysctl('rfc1337', 1):
		c = p.time_wait()
		c.send('R')
		c.quiet()
		c.send('FA', seq=c.seq - 1)
		c.expect('A')
		c.expect_state('TIME_WAIT')


@rows('9293-MAY-2', '6191-4', '6191-6')
def time_wait_new_syn(p):
	"""A SYN above the last number used opens the connection anew, with a higher number."""
	c = p.established()
	listener = c.listener
	c.sock.close()
	c.expect('FA')
	c.send('FA')
	c.expect('A')
	last, old = c.ack, c.seq
	again = p.conn(c.sut_port, c.port, iss=old + 1)
	again.send('S', options=[('MSS', MSS)])
	answer = again.expect('SA')
	check(ahead(answer.seq, last) > 0, 'the new number is not above the old')
	again.opened(listener)
	again.alive()


@rows('9293-MAY-2', '6191-4', '6191-5', '6191-6')
def time_wait_old_syn(p):
	"""A SYN at or below it does not: dropped, or answered by an ACK; TIME-WAIT goes on."""
	c = p.time_wait()
	for old in (c.seq - 1, c.seq - 1000, c.iss):
		c.send('S', seq=old)
		for answer in c.drain():
			equal((answer.names, answer.ack), ('A', c.seq), 'answer to an old SYN')
		c.expect_state('TIME_WAIT')


@rows('6191-1', '6191-2', '6191-5', '9293-SHLD-4')
def time_wait_syn_by_timestamp(p):
	"""With timestamps, a larger one proves a SYN new whatever its number."""
	listener = p.listen()
	c = p.conn(listener)
	c.tsval = 1000
	stamp = lambda: [('MSS', MSS)] + c.timestamp()
	c.send('S', options=stamp())
	if option(c.expect('SA'), 'Timestamp') is None:
		raise Skip('no timestamps')
	c.tsval += 1
	c.opened()
	c.sock.shutdown(socket.SHUT_WR)
	c.expect('FA')
	c.tsval += 1
	c.send('FA')
	c.expect('A')
	c.sock.close()

	c.send('S', seq=c.seq - 5000, options=stamp())		# the same timestamp, an old number
	for answer in c.drain():
		equal(answer.names, 'A', 'answer to an old SYN')
	c.expect_state('TIME_WAIT')
	c.tsval += 2000
	c.send('S', seq=c.seq - 5000, options=stamp())
	answer = c.next(what='a SYN,ACK')
	equal(answer.names, 'SA', 'answer to a new SYN')
	equal(answer.ack, seq32(c.seq - 5000 + 1), 'acknowledgement')


@slow(66)
@rows('9293-MUST-13', '9293-EV-26')
def time_wait_lasts(p):
	"""2 MSL, which is 60 s in Linux; a FIN in between starts it anew."""
	c = p.time_wait()
	time.sleep(20)
	c.send('FA', seq=c.seq - 1)
	c.expect('A')
	time.sleep(45)			# 65 s after the first, 45 s after the last FIN
	c.send('FA', seq=c.seq - 1)
	c.expect('A')
	c.expect_state('TIME_WAIT')


@slow(66)
@rows('9293-MUST-13')
def time_wait_ends(p):
	"""... and after it a FIN that comes again finds nobody."""
	c = p.time_wait()
	until(lambda: c.state() == 'CLOSED', 'TIME-WAIT does not end', within=75)
	near(time.monotonic() - p.start, 60, low=2, high=12, what='duration')
	c.send('FA', seq=c.seq - 1)
	c.expect('R', seq=c.ack, ack=ANY)


@slow(4)
@rows('9293-EV-24')
def fin_wait_2_of_an_orphan_ends(p):
	"""TCP_LINGER2: a closed socket whose peer never sends its FIN is given up."""
	c = p.established(linger2=2)
	c.sock.close()
	c.expect('FA')
	c.send('A')
	c.expect_state('FIN_WAIT2')
	c.send('A')
	until(lambda: c.state() == 'CLOSED', 'FIN-WAIT-2 does not end', within=8)
	c.send('FA')
	c.expect('R', seq=c.ack, ack=ANY)


@slow(4)
@rows('9293-EV-30')
def fin_wait_2_half_closed_stays(p):
	"""... but one that can still read is not."""
	c = p.fin_wait_2(linger2=2)
	time.sleep(5)
	c.send('PA', b'late')
	c.expect_ack()
	equal(c.recv(4), b'late', 'data read')


@rows('9293-EV-32', '9293-EV-17')
def abort(p):
	"""SO_LINGER 0 and close(): a reset at SND.NXT in every state that has a connection."""
	for state in ('established', 'fin_wait_1', 'fin_wait_2', 'close_wait'):
		c = getattr(p, state)()
		linger0(c.sock)
		c.sock.close()
		c.expect('RA')
		c.quiet()
		c.expect_state('CLOSED')


@rows('9293-EV-32')
def abort_in_syn_received(p):
	c = p.syn_sent()
	c.send('S')
	c.expect('SA', seq=c.syn.seq)
	linger0(c.sock)
	c.sock.close()
	answer = c.next(what='a reset')
	check('R' in answer.names, f'answered by {answer.names}')
	equal(answer.seq, c.ack, 'sequence number')
	c.expect_state('CLOSED')


@rows('9293-EV-32')
def abort_in_closing(p):
	"""In CLOSING and LAST-ACK the FIN is out already: nothing is sent."""
	c = p.closing()
	linger0(c.sock)
	c.sock.close()
	c.quiet()
	c.expect_state('CLOSED', 'CLOSING', 'TIME_WAIT')


@rows('9293-EV-32', '9293-SHLD-15')
def abort_drops_what_is_queued(p):
	"""A reset at once, not after the data that waits for a window."""
	c = p.established(win=0)
	c.sock.send(b'never to be seen')
	c.drain()
	linger0(c.sock)
	c.sock.close()
	c.expect('RA')
	c.expect_state('CLOSED')


@rows('9293-EV-25', '9293-EV-29')
def last_ack_fin_again(p):
	"""In LAST-ACK the peer's FIN comes again: acknowledged again."""
	c = p.last_ack()
	c.send('FA', seq=c.seq - 1, ack=c.ack - 1)
	answer = c.next(what='the ACK of the FIN')
	equal((answer.names.replace('F', ''), answer.ack), ('A', c.seq), 'answer')
	c.expect_state('LAST_ACK')
	c.send('A')
	c.expect_state('CLOSED')


@rows('9293-EV-29', '9293-EV-13')
def close_wait_fin_again(p):
	c = p.close_wait()
	c.send('FA', seq=c.seq - 1)
	c.expect('A')
	c.expect_state('CLOSE_WAIT')


@rows('9293-EV-25', '9293-EV-31')
def closing_fin_again(p):
	c = p.closing()
	c.send('FA', seq=c.seq - 1, ack=c.ack - 1)
	answer = c.next(what='the ACK of the FIN')
	equal((answer.names.replace('F', ''), answer.ack), ('A', c.seq), 'answer')
	c.send('A')
	c.expect_state('TIME_WAIT')


@rows('9293-MUST-12', '9293-EV-29')
def poll_after_fin(p):
	"""EOF shows as POLLIN and POLLRDHUP, and not as an error."""
	c = p.close_wait()
	events = poll_events(c.sock)
	check(events & select.POLLIN and events & select.POLLRDHUP, f'events {events:#x}')
	check(not events & (select.POLLERR | select.POLLHUP), f'events {events:#x}')
	check(events & select.POLLOUT, 'not writable')
	equal(c.error(), 0, 'SO_ERROR')


@rows('9293-EV-30', '9293-EV-27')
def close_wait_then_unread(p):
	"""What came before the FIN can be read after it."""
	c = p.established()
	c.send('PA', b'before ')
	c.expect_ack()
	c.send('FPA', b'the end')
	c.expect_ack()
	equal(c.recv(100), b'before the end', 'data read')


@slow(4)
@rows('9293-EV-34', '9293-EV-25', '6298-10', '6298-11')
def fin_retransmission(p):
	"""A FIN that is not acknowledged comes again, later and later, in each state that sent one."""
	for state in ('fin_wait_1', 'last_ack', 'closing'):
		c = getattr(p, state)()
		times = [time.monotonic()]
		for _ in range(3):
			segment = c.next(3, 'the FIN again')
			equal(segment.names, 'FA', 'flags')
			equal(segment.seq, seq32(c.ack - 1), 'sequence number')
			times.append(segment.at)
		first, second = times[2] - times[1], times[3] - times[2]
		near(second / first, 2, low=0.7, high=1, what='ratio of the intervals')
		c.send('A')
		c.expect_state('FIN_WAIT2' if state == 'fin_wait_1' else
			       'TIME_WAIT' if state == 'closing' else 'CLOSED')


@rows('9293-EV-01', '9293-EV-25')
def closed_knows_nothing(p):
	"""After the last ACK whatever comes is answered as at a closed port."""
	c = p.last_ack()
	c.send('A')
	c.expect_state('CLOSED')
	c.listener.close()
	c.send('FA', seq=c.seq - 1)
	c.expect('R', seq=c.ack, ack=ANY)


@rows('9293-EV-29')
def fin_out_of_window(p):
	"""A FIN beyond the window is not one."""
	c = p.established()
	c.send('FA', seq=c.seq + 0x10000000)
	c.expect('A')
	c.expect_state('ESTABLISHED')
	c.alive()


def connecting_from(p, s, port):
	"""The socket's SYN to that port of ours has come."""
	s.setblocking(False)
	raises(errno.EINPROGRESS, s.connect, (p.address, port))
	c = p.conn(s.getsockname()[1], port)
	c.sock, c.syn = s, c.expect('S', ack=ANY)
	return c


def end_with_timestamps(c, both=True):
	"""Its SYN is answered, with timestamps; the program closes, then, if @both are to, we do."""
	c.send('SA', options=[('MSS', MSS), ('NOP', None), ('NOP', None), ('Timestamp', (7, 0))])
	c.expect('A')
	c.tsval, c.tsecr = 8, option(c.syn, 'Timestamp')[0]
	c.sock.close()
	c.expect('FA')
	if both:
		c.send('FA')
		c.expect('A')
	else:
		c.send('A')
		c.expect_state('FIN_WAIT2')


@rows('9293-MAY-2')
def time_wait_reused(p):
	"""connect() from the only port there is: tw_reuse says whether a TIME-WAIT gives way to it, which
	has timestamps and is over a second old. The number goes on above the old one's."""
	limits = '/proc/sys/net/ipv4/ip_local_port_range'
	with open(limits) as f:
		before = f.read()
	port = next(p.ports)
	try:
		write(limits, '40000 40000')
		c = connecting_from(p, p.socket(), port)
		end_with_timestamps(c)
		for reuse, wait, may in ((2, 2.2, False), (0, 0, False), (1, 0, True)):
			time.sleep(wait)
			with p.sysctl('tw_reuse', reuse):
				if not may:
					s = p.socket()
					s.setblocking(False)
					raises(errno.EADDRNOTAVAIL, s.connect, (p.address, port))
					continue
				again = connecting_from(p, p.socket(), port)
				check(ahead(again.syn.seq, c.ack) > 0, 'a number of before')
	finally:
		write(limits, before)


@rows('9293-MAY-2')
def time_wait_of_a_chosen_port(p):
	"""connect() from the port that bind() was told: its TIME-WAIT gives way at once, and so does who
	still waits for our FIN."""
	port = next(p.ports)

	def connect(local):
		s = p.socket()
		s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
		s.bind((SUT, local))
		return connecting_from(p, s, port)
	for both in (True, False):
		c = connect(0)
		end_with_timestamps(c, both)
		again = connect(c.sut_port)
		check(ahead(again.syn.seq, c.ack) > 0, 'a number of before')


@rows('6191-3', '6191-6')
def time_wait_syn_without_timestamp(p):
	"""The old connection had timestamps and the SYN has none: only its number can prove it new."""
	listener = p.listen()
	c = p.conn(listener)
	c.tsval = 1000
	c.send('S', options=[('MSS', MSS)] + c.timestamp())
	if option(c.expect('SA'), 'Timestamp') is None:
		raise Skip('no timestamps')
	c.opened()
	c.sock.close()
	c.expect('FA')
	c.send('FA')
	c.expect('A')
	c.send('S', seq=c.seq - 1, options=[('MSS', MSS)])
	for answer in c.drain():
		equal(answer.names, 'A', 'answer to an old SYN')
	c.send('S', seq=c.seq + 1, options=[('MSS', MSS)])
	equal(c.next(what='a SYN,ACK').names, 'SA', 'answer to a new SYN')


@rows('9293-EV-13', '9293-EV-22')
def unacceptable_in_every_state(p):
	"""Old or far text, or an ACK of what was not sent: an ACK, and the state is as before."""
	for state in ('established', 'fin_wait_1', 'fin_wait_2', 'close_wait', 'closing', 'last_ack',
		      'time_wait'):
		c = getattr(p, state)()
		before = c.state()
		for offset in (-1000, 0x10000000):
			c.send('PA', b'lost', seq=c.seq + offset)
			c.expect('A')
		equal(c.state(), before, 'state')


@slow(5)
@rows('9293-EV-34', '6298-10', '9293-EV-24')
def data_and_fin_retransmission(p):
	"""Text and FIN are lost together and come again together, or one after the other."""
	c = p.established()
	c.sock.send(b'last words')
	c.sock.close()
	c.drain()
	start = seq32(c.ack - 11)
	c.ack = start
	got = b''
	while True:
		segment = c.next(3, 'text and FIN again')
		equal(segment.seq, c.ack, 'sequence number')
		got += segment.data
		c.advance(segment)
		c.send('A')
		if 'F' in segment.names:
			break
	equal(got, b'last words', 'text that came again')
	c.expect_state('FIN_WAIT2')


@rows('9293-EV-26')
def fin_again_behind_a_call(p):
	"""The FIN and its repetition wait while a call holds the socket: the second is TIME-WAIT's."""
	c = p.fin_wait_2()
	c.send('PA', b'x')
	c.expect_ack()
	fin = c.seq
	with held(c.sock):
		c.send('FA')
		c.send('FA', seq=fin)
	c.expect('A')
	c.expect('A')
	c.expect_state('TIME_WAIT')


@rows('9293-EV-18')
def rst_behind_a_call(p):
	"""So do a FIN and a RST."""
	c = p.fin_wait_2()
	c.send('PA', b'x')
	c.expect_ack()
	with held(c.sock):
		c.send('FA')
		c.send('R')
	c.expect('A')
	c.expect_state('CLOSED')


@rows('9293-EV-01', '9293-EV-02')
def closed_behind_a_call(p):
	"""What comes after a RST, while a call holds the socket, is for nobody: it is refused."""
	c = p.established()
	c.send('PA', b'x')
	c.expect_ack()
	with held(c.sock):
		c.send('R')
		c.send('PA', b'more')
	c.expect('R', seq=c.ack, ack=ANY)
