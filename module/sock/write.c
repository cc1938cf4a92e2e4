// SPDX-License-Identifier: GPL-2.0
/*
 * What a program writes into a stream: copied into buffers, or their pages themselves, and which of
 * its bytes are to be followed on their way (SO_TIMESTAMPING).
 *
 * Process context, under the socket lock. Owns pushed_seq, sk_tskey, stamps_from and, while there is a
 * SYN to wait for, syn_deferred.
 * RFC 9293 §3.9.1.2 (SEND), §3.8.3 (PSH); RFC 7413 §4.2.1 (data with the SYN).
 */
#include <linux/errqueue.h>
#include "../engine/fastopen.h"
#include "../engine/pace.h"
#include "../engine/pages.h"
#include "../engine/send.h"
#include "../engine/urgent.h"
#include "../engine/window.h"
#include "../table/mem.h"
#include "open.h"
#include "repair.h"
#include "write.h"

/* How what is written gets into the buffers. */
enum write_how {
	WRITE_COPY,
	WRITE_PINNED,		/* MSG_ZEROCOPY: its own pages, until it hears that they are free */
	WRITE_PAGES,		/* sendfile, splice: pages that are handed over */
};

/**
 * struct write_call - one call of sendmsg
 * @msg:	the program's
 * @how:	enum write_how
 * @uarg:	of WRITE_PINNED: what the program will hear of
 * @follows:	another page comes at once, by a call of its own; a program's flag does not say so
 */
struct write_call {
	struct msghdr	*msg;
	enum write_how	how;
	struct ubuf_info *uarg;
	bool		follows;
};

static void write_push(struct sock *sk, enum yoke_push how)
{
	yoke_conn_clock(yoke_sk(sk));
	yoke_send_push(sk, how);
}

/*
 * All that is written so far should reach the reader now: says so in the last segment (RFC 9293
 * §3.9.1.2, MUST-60).
 */
static void write_mark_push(struct sock *sk)
{
	struct yoke_sock *ys = yoke_sk(sk);
	struct sk_buff *skb = skb_peek_tail(&sk->sk_write_queue);

	if (skb)
		yoke_cb(skb)->flags |= YOKE_PSH;
	ys->pushed_seq = ys->write_seq;
}

/* So much is unpushed that the peer's buffer could fill before its reader wakes. */
static bool write_push_is_due(const struct yoke_sock *ys)
{
	return yoke_seq_after(ys->write_seq, ys->pushed_seq + (ys->max_window >> 1));
}

/* An empty one, at the end of the write queue. NULL: the send buffer is full, or no memory. */
static struct sk_buff *write_new(struct sock *sk)
{
	struct sk_buff *skb;

	if (!sk_stream_memory_free(sk))
		return NULL;
	skb = yoke_queue_alloc(sk, sk->sk_allocation);
	if (skb)
		yoke_queue_append(sk, skb);
	return skb;
}

/*
 * The buffer to append to: the last one while it has room and no record ends there (MSG_EOR), or a
 * new one. NULL: there is no memory for it.
 */
static struct sk_buff *write_tail(struct sock *sk, unsigned int goal)
{
	struct sk_buff *skb = skb_peek_tail(&sk->sk_write_queue);

	if (skb && skb->len < goal && !(yoke_cb(skb)->flags & YOKE_EOR))
		return skb;
	return write_new(sk);
}

/*
 * These three append what fits into @skb. They return the bytes, 0 if @skb takes no more, -ENOBUFS
 * or another error.
 */

static int write_copy(struct sock *sk, struct sk_buff *skb, struct msghdr *msg, unsigned int goal)
{
	struct page_frag *pfrag = yoke_pages_get(sk);
	int i = skb_shinfo(skb)->nr_frags;
	unsigned int copy;
	bool merge;

	if (!pfrag)
		return -ENOBUFS;
	merge = skb_can_coalesce(skb, i, pfrag->page, pfrag->offset);
	if (!merge && i >= MAX_SKB_FRAGS)
		return 0;
	copy = min_t(size_t, msg_data_left(msg), min(goal - skb->len, pfrag->size - pfrag->offset));
	/* Pages that io_uring holds: one of another owner may not join them. */
	skb_zcopy_downgrade_managed(skb);
	copy = yoke_mem_room_tx(sk, copy);
	if (!copy)
		return -ENOBUFS;
	if (!copy_from_iter_full(page_address(pfrag->page) + pfrag->offset, copy, &msg->msg_iter))
		return -EFAULT;

	if (merge) {
		skb_frag_size_add(&skb_shinfo(skb)->frags[i - 1], copy);
	} else {
		get_page(pfrag->page);
		skb_fill_page_desc(skb, i, pfrag->page, pfrag->offset, copy);
	}
	pfrag->offset += copy;
	skb_len_add(skb, copy);
	yoke_queue_charge(sk, copy);
	return copy;
}

static int write_pinned(struct sock *sk, struct sk_buff *skb, const struct write_call *call,
			unsigned int goal)
{
	int n = min_t(size_t, msg_data_left(call->msg), goal - skb->len);

	n = yoke_mem_room_tx(sk, n);
	if (!n)
		return -ENOBUFS;
	n = skb_zerocopy_iter_stream(sk, skb, call->msg, n, call->uarg, NULL);	/* charges, too */
	/* No more fragments; or those that are there belong to another call. */
	return n == -EMSGSIZE || n == -EEXIST ? 0 : n;
}

static int write_pages(struct sock *sk, struct sk_buff *skb, struct msghdr *msg, unsigned int goal)
{
	int n = min_t(size_t, msg_data_left(msg), goal - skb->len);

	n = yoke_mem_room_tx(sk, n);
	if (!n)
		return -ENOBUFS;
	n = skb_splice_from_iter(skb, &msg->msg_iter, n);
	if (n <= 0)
		return n == -EMSGSIZE ? 0 : n;
	/* Their owner may still write into them. */
	skb_shinfo(skb)->flags |= SKBFL_SHARED_FRAG;
	yoke_queue_charge(sk, n);
	return n;
}

static int write_fill(struct sock *sk, struct sk_buff *skb, const struct write_call *call,
		      unsigned int goal)
{
	int n;

	switch (call->how) {
	case WRITE_PINNED:
		n = write_pinned(sk, skb, call, goal);
		break;
	case WRITE_PAGES:
		n = write_pages(sk, skb, call->msg, goal);
		break;
	default:
		n = write_copy(sk, skb, call->msg, goal);
	}
	if (n > 0)
		yoke_queue_grow(sk, skb, n);
	return n;
}

/* An append failed: the buffer made for it does not stay behind. */
static void write_drop_empty(struct sock *sk)
{
	struct sk_buff *skb = skb_peek_tail(&sk->sk_write_queue);

	if (skb && !skb->len && !yoke_cb(skb)->flags) {
		__skb_unlink(skb, &sk->sk_write_queue);
		yoke_mem_free_tx(sk, skb);
	}
}

/*
 * One step of writing. Returns the bytes taken, -ENOBUFS if memory must be
 * waited for, or another error.
 */
static int write_step(struct sock *sk, const struct write_call *call)
{
	unsigned int goal = yoke_send_goal(sk);
	struct sk_buff *skb;
	int n;

	skb = write_tail(sk, goal);
	if (!skb)
		return -ENOBUFS;
	n = write_fill(sk, skb, call, goal);
	if (!n) {
		/* No fragment left: this one is complete, whatever its length. */
		skb = write_new(sk);
		if (!skb)
			return -ENOBUFS;
		n = write_fill(sk, skb, call, goal);
	}
	if (n <= 0)
		return n;
	yoke_cb(skb)->flags &= ~YOKE_PSH;
	/* The last of it leaves when all is said of it. */
	if (!msg_data_left(call->msg)) {
		if (call->msg->msg_flags & MSG_EOR)
			yoke_cb(skb)->flags |= YOKE_EOR;
		return n;
	}
	/* No segment leaves before it is known where the urgent data ends. */
	if (skb->len < goal || call->msg->msg_flags & MSG_OOB)
		return n;
	if (write_push_is_due(yoke_sk(sk))) {
		write_mark_push(sk);
		write_push(sk, YOKE_PUSH_ALL);
	} else if (skb == skb_peek(&sk->sk_write_queue)) {
		write_push(sk, YOKE_PUSH_NAGLE);
	}
	return n;
}

/* SO_TIMESTAMPING: the program wants to hear of the last byte that it has written. */
static void write_stamp(struct sock *sk, const struct sockcm_cookie *cookie)
{
	struct sk_buff *skb;

	if (likely(!cookie->tsflags))
		return;
	/* Who finds the send buffer full may have sent all that is in it. */
	skb = skb_peek_tail(&sk->sk_write_queue) ?: skb_peek_tail(&yoke_sk(sk)->rtx);
	if (!skb)
		return;
	yoke_compat_tx_timestamp(sk, cookie, &skb_shinfo(skb)->tx_flags);
	if (cookie->tsflags & SOF_TIMESTAMPING_TX_ACK)
		yoke_cb(skb)->flags |= YOKE_STAMPED;
	if (cookie->tsflags & SOF_TIMESTAMPING_TX_RECORD_MASK)
		skb_shinfo(skb)->tskey = yoke_queue_stamp_key(sk, yoke_cb(skb)->start + skb->len - 1);
}

/*
 * SOF_TIMESTAMPING_OPT_ID: bytes are counted from the first that is written after it was set, when the
 * core sets sk_tskey to 0, as for datagrams. Without it, too: it may be set before these are told of.
 */
static void write_count_stamps(struct sock *sk)
{
	if (unlikely(!atomic_read(&sk->sk_tskey)))
		yoke_queue_count_stamps(sk);
}

/* --- calls --- */

/*
 * MSG_FASTOPEN, which connects, or the first write after a connect() that waited for it: the SYN
 * takes along what it may. *@copied: so many bytes. 0 when the connection stands, or -errno.
 */
static int write_fastopen(struct sock *sk, struct msghdr *msg, int *copied)
{
	struct yoke_sock *ys = yoke_sk(sk);
	yoke_sockaddr *addr = (yoke_sockaddr *)msg->msg_name;
	int flags = msg->msg_flags & MSG_DONTWAIT ? O_NONBLOCK : 0;
	unsigned int room;
	struct sk_buff *skb;
	int n, err;

	if (!(READ_ONCE(yoke_net(sock_net(sk))->set.fastopen) & YOKE_FASTOPEN_CLIENT) ||
	    (addr && msg->msg_namelen >= (int)sizeof(addr->sa_family) &&
	     addr->sa_family == AF_UNSPEC))
		return -EOPNOTSUPP;
	if (!ys->syn_deferred) {
		err = yoke_open_defer(sk->sk_socket, addr, msg->msg_namelen);
		if (err == -EALREADY)
			return yoke_open_finish(sk->sk_socket, flags, err);
		if (err)
			return err;
	}
	ys->syn_deferred = false;
	write_count_stamps(sk);
	room = min_t(size_t, yoke_send_syn_room(sk), msg_data_left(msg));
	skb = room ? yoke_queue_alloc(sk, sk->sk_allocation) : NULL;
	if (skb) {
		yoke_queue_append(sk, skb);
		n = write_copy(sk, skb, msg, room);
		if (n > 0) {
			yoke_queue_grow(sk, skb, n);
			*copied = n;
		}
		write_drop_empty(sk);
	}
	err = yoke_send_syn(sk, true);
	if (err) {
		yoke_conn_set_state(sk, TCP_CLOSE);	/* so that it is told once: by this call */
		yoke_open_disconnect(sk, 0);
		sk->sk_socket->state = SS_UNCONNECTED;
		return err;
	}
	return yoke_open_finish(sk->sk_socket, flags, -EINPROGRESS);
}

/* Before the first byte: waits until the connection is open, and reads the control messages. */
static int write_begin(struct sock *sk, struct msghdr *msg, long *timeo,
		       struct sockcm_cookie *cookie)
{
	int err;

	if (!yoke_conn_in(sk, TCPF_ESTABLISHED | TCPF_CLOSE_WAIT) && !yoke_sk(sk)->fastopen) {
		err = sk_stream_wait_connect(sk, timeo);
		if (err)
			return err;
	}
	sockcm_init(cookie, sk);
	/* To TCP whatever is wrong with these is EINVAL, a missing privilege too. */
	return msg->msg_controllen && sock_cmsg_send(sk, msg, cookie) ? -EINVAL : 0;
}

/*
 * The program comes back with data when there was none left to send, nor was the path full: what is
 * measured on it until then says nothing of the path.
 */
static void write_note_limited(struct sock *sk)
{
	struct yoke_sock *ys = yoke_sk(sk);

	if (ys->write_seq - ys->snd_nxt < ys->mss && sk_wmem_alloc_get(sk) < (int)SKB_TRUESIZE(1) &&
	    ys->rec.board.in_flight < ys->cc.cwnd && !ys->rec.board.lost_bytes)
		yoke_rate_app_limited(&ys->rec.rate, ys->rec.board.in_flight);
}

/* While something else is on its way down, more may be written to what is short of a whole buffer. */
static bool write_may_wait(struct sock *sk)
{
	const struct sk_buff *skb = skb_peek_tail(&sk->sk_write_queue);

	return skb && refcount_read(&sk->sk_wmem_alloc) > skb->truesize &&
	       skb->len < yoke_send_goal(sk) && !(yoke_cb(skb)->flags & YOKE_EOR) &&
	       yoke_pace_corks(sk, skb);
}

/*
 * There is no room for more: a larger send buffer makes some, or an ACK, which this sleeps for. @copied:
 * bytes of the message that are written. 0: to be tried again; or -errno.
 */
static int write_make_room(struct sock *sk, int flags, int copied, long *timeo)
{
	write_drop_empty(sk);
	/* Short segments fill it long before cwnd is full. */
	if (yoke_window_tune_sndbuf(sk))
		return 0;
	set_bit(SOCK_NOSPACE, &sk->sk_socket->flags);
	if (copied && flags & MSG_OOB)
		yoke_urgent_write(yoke_sk(sk));
	/* What earlier calls left there as more was to follow (sendfile, splice) goes, too. */
	write_push(sk, YOKE_PUSH_NAGLE);
	return sk_stream_wait_memory(sk, timeo);
}

/* The message is written, all or as much as could be: what the last of it needs is said, and it may go. */
static void write_finish(struct sock *sk, const struct write_call *call, int flags,
			 const struct sockcm_cookie *cookie)
{
	if (!(flags & MSG_MORE) || write_push_is_due(yoke_sk(sk)))
		write_mark_push(sk);
	if (flags & MSG_OOB)
		yoke_urgent_write(yoke_sk(sk));
	write_stamp(sk, cookie);
	if (!call->follows && (flags & (MSG_OOB | MSG_MORE) || !write_may_wait(sk)))
		write_push(sk, flags & MSG_MORE ? YOKE_PUSH_MORE : YOKE_PUSH_NAGLE);
}

/* Nothing is written. Returns what the program is told. */
static noinline int write_failed(struct sock *sk, int flags, int err)
{
	/*
	 * With nothing queued nothing will be acknowledged and wake the writer: look again who may
	 * write. Who is told so while something is in flight tries in vain, again and again.
	 */
	if (err == -EAGAIN && skb_queue_empty(&sk->sk_write_queue) &&
	    skb_queue_empty(&yoke_sk(sk)->rtx))
		sk->sk_write_space(sk);
	return sk_stream_error(sk, flags, err);
}

/* All of the message, sleeping for room as often as it takes. Returns the bytes, or -errno. */
static int write_all(struct sock *sk, const struct write_call *call)
{
	struct msghdr *msg = call->msg;
	int flags = msg->msg_flags, copied = 0, disconnects, err;
	long timeo = sock_sndtimeo(sk, flags & MSG_DONTWAIT);
	struct sockcm_cookie cookie;

	if (unlikely(flags & MSG_FASTOPEN || yoke_sk(sk)->syn_deferred) && !yoke_sk(sk)->repair) {
		err = write_fastopen(sk, msg, &copied);
		/* What the SYN has taken is written: called again after a signal, it would be twice. */
		if (copied && (err == -EINPROGRESS || err == -EINTR || err == -ERESTARTSYS))
			return copied;
		if (err)
			return sk_stream_error(sk, flags, err);
	}
	err = write_begin(sk, msg, &timeo, &cookie);
	if (err)
		return copied ?: sk_stream_error(sk, flags, err);
	if (unlikely(yoke_sk(sk)->repair) && yoke_sk(sk)->repair_queue != TCP_SEND_QUEUE)
		return yoke_repair_refill(sk, msg);
	sk_clear_bit(SOCKWQ_ASYNC_NOSPACE, sk);
	write_note_limited(sk);
	write_count_stamps(sk);
	disconnects = sk->sk_disconnects;
	while (msg_data_left(msg) || !copied) {
		err = -EPIPE;
		if (sk->sk_err || (sk->sk_shutdown & SEND_SHUTDOWN))
			break;
		err = 0;
		if (!msg_data_left(msg))
			break;
		err = write_step(sk, call);
		if (err > 0) {
			copied += err;
			err = 0;
			continue;
		}
		if (err != -ENOBUFS)
			break;
		err = write_make_room(sk, flags, copied, &timeo);
		/* Another thread has let go of it, and what it is now is not ours. */
		if (disconnects != sk->sk_disconnects)
			return copied ?: sk_stream_error(sk, flags, err);
		if (err)
			break;
	}
	write_drop_empty(sk);
	if (copied) {
		write_finish(sk, call, flags, &cookie);
		return copied;
	}
	return err ? write_failed(sk, flags, err) : 0;
}

/* MSG_ZEROCOPY, if it was asked for by SO_ZEROCOPY too, or comes from io_uring. 0 or -ENOBUFS. */
static int write_begin_pinned(struct sock *sk, struct write_call *call)
{
	struct sk_buff *skb = skb_peek_tail(&sk->sk_write_queue);
	struct msghdr *msg = call->msg;

	if (!(msg->msg_flags & MSG_ZEROCOPY) || !msg_data_left(msg))
		return 0;
	if (msg->msg_ubuf) {
		call->uarg = msg->msg_ubuf;
		net_zcopy_get(call->uarg);
	} else if (sock_flag(sk, SOCK_ZEROCOPY)) {
		call->uarg = yoke_compat_zerocopy(sk, msg_data_left(msg),
						  skb ? skb_zcopy(skb) : NULL);
		if (!call->uarg)
			return -ENOBUFS;
		/* A device that cannot gather would have it all copied after all. */
		if (!(sk->sk_route_caps & NETIF_F_SG))
			uarg_to_msgzc(call->uarg)->zerocopy = 0;
	}
	if (call->uarg && sk->sk_route_caps & NETIF_F_SG)
		call->how = WRITE_PINNED;
	return 0;
}

static int write_message(struct socket *sock, struct msghdr *msg, bool pages)
{
	struct write_call call = {
		.msg = msg,
		.follows = pages && yoke_compat_page_follows(msg->msg_flags),
	};
	struct sock *sk = sock->sk;
	int n;

	lock_sock(sk);
	if (pages && sk->sk_route_caps & NETIF_F_SG)
		call.how = WRITE_PAGES;
	n = write_begin_pinned(sk, &call);
	if (!n) {
		n = write_all(sk, &call);
		if (n > 0)
			net_zcopy_put(call.uarg);
		else
			net_zcopy_put_abort(call.uarg, true);
	}
	release_sock(sk);
	return n;
}

int yoke_write(struct socket *sock, struct msghdr *msg, size_t size)
{
	return write_message(sock, msg, yoke_compat_splices(msg));
}

YOKE_COMPAT_SENDPAGE(yoke_write_page, write_message)

/* A file was shorter than sendfile(2) was told: what it has written with MSG_MORE waits for nothing. */
void yoke_write_eof(struct socket *sock)
{
	struct sock *sk = sock->sk;

	lock_sock(sk);
	if (!skb_queue_empty(&sk->sk_write_queue)) {
		write_mark_push(sk);
		write_push(sk, YOKE_PUSH_NAGLE);
	}
	release_sock(sk);
}
