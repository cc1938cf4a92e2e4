/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Open, transfer and close between two ends, as RFC 9293 §3.10 has it, over a network that loses,
 * duplicates and reorders, and still holds a segment of an earlier connection of the same pair.
 *
 * Each end may open actively (both: simultaneous open) or end 1 passively, sends one byte, and
 * closes when it likes. With FASTOPEN the byte may be in the SYN (RFC 7413).
 * spin looks at every interleaving for:
 *	- an end that waits for ever (an invalid end state),
 *	- an end that is ESTABLISHED with numbers that the other does not have (old duplicates),
 *	- a byte delivered twice, or never sent, or missing before the end of the stream.
 * edges[] collects the state changes that sockets went through; check.py compares them with the
 * module's table.
 */
#define CLOSED		7	/* the kernel's numbers (include/net/tcp_states.h) */
#define ESTABLISHED	1
#define SYN_SENT	2
#define SYN_RECV	3
#define FIN_WAIT1	4
#define FIN_WAIT2	5
#define TIME_WAIT	6
#define CLOSE_WAIT	8
#define LAST_ACK	9
#define LISTEN		10
#define CLOSING		11

#define FIN	1
#define SYN	2
#define RST	4
#define ACK	16

#define WINDOW	3
#define PATIENCE 1	/* retransmissions, then an end gives up */
#define SLOTS	2	/* segments on the way in one direction */

c_decl {
	static unsigned short edges[12];
	static void __attribute__((destructor)) tell_edges(void)
	{
		for (int i = 1; i < 12; i++)
			printf("edges %d %d\n", i, edges[i]);
	}
}

typedef segment {
	bool on;
	byte flags, seq, ack;
	bit data;
}

typedef road {
	segment at[SLOTS];
}

typedef end_t {
	byte state;
	byte una, nxt, rcv;
	bit request;		/* SYN-RECEIVED is no socket yet, but a listener's request */
	bit wrote;		/* its one byte */
	bit fin;		/* sent */
	bit got;		/* the other's byte was delivered */
	bit eof;		/* and the end of it */
	byte tries;
}

end_t e[2];
road net[2];			/* [i]: towards end i */
bit opened[2];
bit doubled;			/* one segment may be delivered twice */

/* Where each end's numbers begin; those of the earlier connection were lower. */
#define iss(i)		(10 + 20 * (i))
#define fin_acked(i)	(e[i].fin && e[i].una == e[i].nxt)
#define empty(i)	(!net[i].at[0].on && !net[i].at[1].on)

inline send(to, what, from, upto, byte_)
{
	/* No room: one that was on the way is lost. */
	if
	:: !net[to].at[0].on -> k = 0
	:: else ->
		if
		:: k = 1
		:: k = 0
		fi
	fi;
	net[to].at[k].on = true;
	net[to].at[k].flags = what;
	net[to].at[k].seq = from;
	net[to].at[k].ack = upto;
	net[to].at[k].data = byte_;
	k = 0
}

inline send_ack(i)	{ send(1 - i, ACK, e[i].nxt, e[i].rcv, 0) }
inline send_reset(i)	{
	if
	:: f & ACK -> send(1 - i, RST, a, 0, 0)
	:: else -> send(1 - i, RST | ACK, 0, s + l + (f & FIN) + ((f & SYN) / SYN), 0)
	fi
}

/* A socket's state changes; a request is none, and its child is born by this. */
inline go(i, new)
{
	old = (e[i].request -> CLOSED : e[i].state);
	e[i].state = new;
	e[i].request = 0;
	c_code { edges[Pend->old] |= 1 << now.e[Pend->i].state; };
	old = 0;
	/* A handshake joins two that know of each other, whatever old segments were about. */
	assert(new != ESTABLISHED || e[i].rcv > iss(1 - i))
}

inline finish(i)
{
	go(i, CLOSED);
	e[i].una = 0; e[i].nxt = 0; e[i].rcv = 0; e[i].tries = 0
}

/* Back to LISTEN, and nobody is told (MUST-11); or the end of a socket. */
inline give_up(i)
{
	if
	:: e[i].request -> e[i].request = 0; e[i].state = LISTEN; e[i].una = 0; e[i].nxt = 0;
		e[i].rcv = 0; e[i].tries = 0
	:: else -> finish(i)
	fi
}

inline take_syn(i)
{
	e[i].rcv = s + 1;
	e[i].una = iss(i);
	e[i].nxt = iss(i) + 1
}

/* The byte at RCV.NXT. */
inline deliver(i)
{
	assert(!e[i].got);
	assert(e[1 - i].wrote && e[i].rcv == iss(1 - i) + 1);
	e[i].got = 1;
	e[i].rcv = e[i].rcv + 1
}

/* RFC 9293 §3.10.7.2 */
inline in_listen(i)
{
	if
	:: f & RST
	:: !(f & RST) && f & ACK -> send_reset(i)
	:: !(f & RST) && !(f & ACK) && f & SYN ->
		take_syn(i);
		e[i].request = 1;
		e[i].state = SYN_RECV;
#ifdef FASTOPEN
		if
		:: l ->
			go(i, SYN_RECV);
			deliver(i)
		:: true
		fi;
#endif
		send(1 - i, SYN | ACK, iss(i), e[i].rcv, 0)
	:: else
	fi
}

/* RFC 9293 §3.10.7.3 */
inline in_syn_sent(i)
{
	if
	:: f & ACK && (a <= iss(i) || a > e[i].nxt) ->
		if
		:: f & RST
		:: else -> send_reset(i)
		fi
	:: else ->
		if
		:: f & RST && f & ACK -> finish(i)
		:: f & RST && !(f & ACK)
		:: !(f & RST) && f & SYN ->
			e[i].rcv = s + 1;
			if
			:: f & ACK ->
				e[i].una = a;
				go(i, ESTABLISHED);
				send_ack(i)
			:: else ->
				go(i, SYN_RECV);
				send(1 - i, SYN | ACK, iss(i), e[i].rcv, 0)
			fi
		:: else
		fi
	fi
}

inline in_fin(i)
{
	e[i].rcv = e[i].rcv + 1;
	e[i].eof = 1;
	assert(e[i].got == e[1 - i].wrote);
	if
	:: e[i].state == ESTABLISHED -> go(i, CLOSE_WAIT)
	:: e[i].state == FIN_WAIT1 -> go(i, CLOSING)
	:: e[i].state == FIN_WAIT2 -> go(i, TIME_WAIT)
	:: else
	fi
}

/* Fifth and later of §3.10.7.4: the ACK, the text, the FIN. */
inline in_ack(i)
{
	if
	:: e[i].state == SYN_RECV && (a <= iss(i) || a > e[i].nxt) -> send_reset(i)
	:: e[i].state != SYN_RECV && a > e[i].nxt -> send_ack(i)
	:: else ->
		if
		:: a > e[i].una -> e[i].una = a
		:: else
		fi;
		if
		:: e[i].state == SYN_RECV -> go(i, ESTABLISHED)
		:: e[i].state == FIN_WAIT1 && fin_acked(i) -> go(i, FIN_WAIT2)
		:: e[i].state == CLOSING && fin_acked(i) -> go(i, TIME_WAIT)
		:: e[i].state == LAST_ACK && fin_acked(i) -> finish(i)
		:: else
		fi;
		if
		:: e[i].state == CLOSED
		:: e[i].state != CLOSED && (l || f & FIN) ->
			if
			:: l && s == e[i].rcv -> deliver(i); s = s + 1
			:: l && s + 1 == e[i].rcv -> s = s + 1	/* the byte again, perhaps with news */
			:: else
			fi;
			if
			:: f & FIN && s == e[i].rcv && !e[i].eof -> in_fin(i)
			:: else
			fi;
			send_ack(i)
		:: else
		fi
	fi
}

/* RFC 9293 §3.10.7.4, with RFC 5961 */
inline in_others(i)
{
	if
	:: s + l + (f & FIN) + ((f & SYN) / SYN) < e[i].rcv || s >= e[i].rcv + WINDOW ->
		/* First, the sequence number. */
		if
		:: f & RST
		:: !(f & RST) && e[i].state == SYN_RECV && f == SYN ->
			send(1 - i, SYN | ACK, iss(i), e[i].rcv, 0)
		:: else -> send_ack(i)
		fi
	:: else ->
		if
		:: f & RST && s == e[i].rcv -> give_up(i)
		:: f & RST && s != e[i].rcv -> send_ack(i)
		:: !(f & RST) && f & SYN ->
			if
			/* The peer's half of a simultaneous open is as good as its ACK (§3.5). */
			:: e[i].state == SYN_RECV && f & ACK && s + 1 == e[i].rcv -> in_ack(i)
			:: else -> send_ack(i)
			fi
		:: !(f & RST) && !(f & SYN) && f & ACK -> in_ack(i)
		:: else
		fi
	fi
}

proctype end(bit i)
{
	byte f, s, a, k, j, old;
	bit l;

	do
	/* Open: end 0 actively, end 1 either way, or not at all. */
	:: atomic {
		!opened[i] -> opened[i] = 1;
		if
		:: i -> go(i, LISTEN)
		:: i
		:: e[i].una = iss(i);
			e[i].nxt = iss(i) + 1;
			go(i, SYN_SENT);
#ifdef FASTOPEN
			e[i].wrote = 1;
			e[i].nxt = iss(i) + 2;
			send(1 - i, SYN, iss(i), 0, 1)
#else
			send(1 - i, SYN, iss(i), 0, 0)
#endif
		fi
	   }
	/* A segment arrives, any of those on the way; perhaps once more later. */
	:: atomic {
		!empty(i) ->
		if
		:: net[i].at[0].on -> j = 0
		:: net[i].at[1].on -> j = 1
		fi;
		f = net[i].at[j].flags; s = net[i].at[j].seq; a = net[i].at[j].ack; l = net[i].at[j].data;
		if
		:: net[i].at[j].on = false; net[i].at[j].flags = 0; net[i].at[j].seq = 0;
			net[i].at[j].ack = 0; net[i].at[j].data = 0
		:: !doubled -> doubled = 1
		fi;
		if
		:: e[i].state == CLOSED ->
			if
			:: f & RST
			:: else -> send_reset(i)
			fi
		:: e[i].state == LISTEN -> in_listen(i)
		:: e[i].state == SYN_SENT -> in_syn_sent(i)
		:: else -> in_others(i)
		fi;
		f = 0; s = 0; a = 0; l = 0; j = 0
	   }
	/* The network loses one. */
	:: atomic {
		!empty(i) ->
		if
		:: net[i].at[0].on -> j = 0
		:: net[i].at[1].on -> j = 1
		fi;
		net[i].at[j].on = false; net[i].at[j].flags = 0; net[i].at[j].seq = 0;
		net[i].at[j].ack = 0; net[i].at[j].data = 0; j = 0
	   }
	/* The program writes: to see that at one end is enough. */
	:: atomic {
		!i && (e[i].state == ESTABLISHED || e[i].state == CLOSE_WAIT) && !e[i].wrote ->
		e[i].wrote = 1;
		send(1 - i, ACK, e[i].nxt, e[i].rcv, 1);
		e[i].nxt = e[i].nxt + 1
	   }
	/* The program closes. */
	:: atomic {
		e[i].state == ESTABLISHED || e[i].state == CLOSE_WAIT || e[i].state == SYN_SENT ||
		(e[i].state == SYN_RECV && !e[i].request) ->
		if
		:: e[i].state == SYN_SENT -> finish(i)
		:: else ->
			if
			:: e[i].state == CLOSE_WAIT -> go(i, LAST_ACK)
			:: else -> go(i, FIN_WAIT1)
			fi;
			e[i].fin = 1;
			/* In SYN-RECEIVED it has to wait for the handshake: retransmission sends it. */
			send(1 - i, FIN | ACK, e[i].nxt, e[i].rcv, 0);
			e[i].nxt = e[i].nxt + 1
		fi
	   }
	:: atomic { e[i].state == LISTEN -> finish(i) }
	/* The retransmission timer fires. */
	:: atomic {
		e[i].una != e[i].nxt && e[i].state != CLOSED ->
		if
		:: e[i].tries == PATIENCE -> give_up(i)
		:: else ->
			e[i].tries = e[i].tries + 1;
			if
			:: e[i].state == SYN_SENT -> send(1 - i, SYN, iss(i), 0, 0)
			:: e[i].una == iss(i) && e[i].state != SYN_SENT ->
				send(1 - i, SYN | ACK, iss(i), e[i].rcv, 0)
			:: e[i].una == iss(i) + 1 && e[i].wrote ->
				send(1 - i, ACK, e[i].una, e[i].rcv, 1)
			:: else -> send(1 - i, FIN | ACK, e[i].una, e[i].rcv, 0)
			fi
		fi
	   }
	/* Keep-alive: nobody waits for ever for a peer that is gone. */
	:: atomic {
		(e[i].state == FIN_WAIT2 || e[i].state == ESTABLISHED || e[i].state == CLOSE_WAIT) &&
		e[1 - i].state == CLOSED && empty(i) ->
		finish(i)
	   }
	/* TIME-WAIT lasts until nothing is on the way any more. */
	:: atomic {
		e[i].state == TIME_WAIT && empty(0) && empty(1) -> finish(i)
	   }
	/* All is over: the only end there may be. */
	:: atomic {
		opened[0] && opened[1] && e[0].state == CLOSED && e[1].state == CLOSED && empty(0) && empty(1)
		-> break
	   }
	od
}

init {
	byte k;

	atomic {
		e[0].state = CLOSED;
		e[1].state = CLOSED;
		/* An old duplicate. */
		if
		:: true -> send(1, SYN, 3, 0, 0)
		:: true -> send(1, ACK, 4, 5, 0)
		:: true -> send(1, ACK, 4, 5, 1)
		:: true -> send(1, FIN | ACK, 4, 5, 0)
		:: true -> send(1, RST, 4, 0, 0)
		:: true -> send(0, SYN | ACK, 3, 5, 0)
		:: true -> send(0, SYN, 3, 0, 0)
		:: true -> send(0, ACK, 4, 5, 1)
		:: true -> send(0, RST | ACK, 0, 4, 0)
		:: true
		fi;
		run end(0);
		run end(1)
	}
}
