// SPDX-License-Identifier: GPL-2.0
/*
 * Fast Open: who may send data in a SYN, and what cookies are good for it.
 *
 * Owns: the keys, of a namespace and of a listener, the cookies of servers, failures of the path, and
 * what a listener counts as pending (fastopen_len, the traps); a connection leaves the count in
 * engine/conn.c.
 * Any context; keys under a spinlock, as cookies are made for SYNs only.
 * RFC 7413 §4.1.2, §4.1.3 (cookies, caching them), §4.2.2 (server), §5.1 (limit of what is
 * pending), §7.1 (pauses, as Linux).
 */
#include <crypto/algapi.h>
#include <net/ipv6.h>
#include "fastopen.h"
#include "../algo/cookie.h"

#define YOKE_FASTOPEN_PATHS	64
#define YOKE_FASTOPEN_DOUBLE	6	/* so often pauses grow twofold */

/* A server's cookie for us, by the two addresses; a newer one of the same slot takes its place. */
struct yoke_fastopen_path {
	struct in6_addr	laddr;
	struct in6_addr	raddr;
	u16		mss;
	struct yoke_opt_cookie cookie;
};

void yoke_fastopen_init_net(struct yoke_net *yn)
{
	spin_lock_init(&yn->fastopen.lock);
}

void yoke_fastopen_exit_net(struct yoke_net *yn)
{
	kfree(yn->fastopen.paths);
}

/* --- keys --- */

static struct fastopen_keys *fastopen_keys(struct net *net, struct sock *sk,
					   spinlock_t **lock)
{
	if (sk) {
		*lock = &yoke_sk(sk)->listener->lock;
		return &yoke_sk(sk)->listener->fastopen_keys;
	}
	*lock = &yoke_net(net)->fastopen.lock;
	return &yoke_net(net)->fastopen.keys;
}

void yoke_fastopen_set_keys(struct net *net, struct sock *sk, const u8 *bytes, int n)
{
	spinlock_t *lock;
	struct fastopen_keys *keys = fastopen_keys(net, sk, &lock);
	int i;

	spin_lock_bh(lock);
	keys->n = n;
	for (i = 0; i < 2 * n; i++)
		keys->key[i / 2].key[i % 2] = get_unaligned_le64(bytes + 8 * i);
	spin_unlock_bh(lock);
}

int yoke_fastopen_get_keys(struct net *net, struct sock *sk, u8 *bytes)
{
	spinlock_t *lock;
	struct fastopen_keys *keys = fastopen_keys(net, sk, &lock);
	int i, n;

	spin_lock_bh(lock);
	n = keys->n;
	for (i = 0; i < 2 * n; i++)
		put_unaligned_le64(keys->key[i / 2].key[i % 2], bytes + 8 * i);
	spin_unlock_bh(lock);
	return n;
}

/* The keys that a listener goes by. */
static void fastopen_keys_of(struct sock *sk, struct fastopen_keys *keys)
{
	spinlock_t *lock;
	struct fastopen_keys *from = fastopen_keys(NULL, sk, &lock);

	spin_lock_bh(lock);
	*keys = *from;
	spin_unlock_bh(lock);
	if (keys->n)
		return;
	from = fastopen_keys(sock_net(sk), NULL, &lock);
	spin_lock_bh(lock);
	*keys = *from;
	spin_unlock_bh(lock);
}

/* --- the active side --- */

/* The slot of these two addresses. Lock held; NULL: there are none yet. */
static struct yoke_fastopen_path *fastopen_slot(struct yoke_net *yn,
						const struct yoke_pair *pair)
{
	if (!yn->fastopen.paths)
		return NULL;
	return &yn->fastopen.paths[yoke_cookie_fastopen(pair, &yn->isn_key) % YOKE_FASTOPEN_PATHS];
}

static bool fastopen_is(const struct yoke_fastopen_path *path, const struct yoke_pair *pair)
{
	return ipv6_addr_equal(&path->raddr, &pair->raddr) &&
	       ipv6_addr_equal(&path->laddr, &pair->laddr);
}

static bool fastopen_paused(struct sock *sk)
{
	struct yoke_net *yn = yoke_net(sock_net(sk));
	unsigned long timeout = READ_ONCE(yn->set.fastopen_blackhole_timeout_sec);
	u32 failures = READ_ONCE(yn->fastopen.failures);

	if (likely(!timeout || !failures))
		return false;
	/* Years of seconds are more jiffies than an int has. */
	timeout = (timeout * HZ) << min_t(u32, failures - 1, YOKE_FASTOPEN_DOUBLE);
	if (time_before(jiffies, READ_ONCE(yn->fastopen.failed) + timeout))
		return true;
	yoke_sk(sk)->fastopen_again = true;
	return false;
}

void yoke_fastopen_pause(struct sock *sk)
{
	struct yoke_net *yn = yoke_net(sock_net(sk));

	if (!READ_ONCE(yn->set.fastopen_blackhole_timeout_sec))
		return;
	spin_lock_bh(&yn->fastopen.lock);
	WRITE_ONCE(yn->fastopen.failed, jiffies);
	WRITE_ONCE(yn->fastopen.failures, yn->fastopen.failures + 1);
	spin_unlock_bh(&yn->fastopen.lock);
	yoke_count(sock_net(sk), FastOpenBlackhole);
}

void yoke_fastopen_resume(struct net *net)
{
	WRITE_ONCE(yoke_net(net)->fastopen.failures, 0);
}

/*
 * A FIN alone, whose data never came, is what a box leaves over that forwards small segments only.
 * Data that came is a proof to the contrary, but not from this very host.
 */
void yoke_fastopen_judge_path(struct sock *sk)
{
	struct yoke_sock *ys = yoke_sk(sk);
	struct rb_node *first = rb_first(&ys->ooo);
	const struct dst_entry *dst;
	bool local;

	if (likely(!ys->fastopen_asked))
		return;
	if (!ys->got.segs) {
		if (first && !rb_next(first) && yoke_cb(rb_to_skb(first))->flags & YOKE_FIN)
			yoke_fastopen_pause(sk);
	} else if (ys->fastopen_again) {
		dst = __sk_dst_get(sk);
		rcu_read_lock();	/* the device may go */
		local = dst && READ_ONCE(dst->dev)->flags & IFF_LOOPBACK;
		rcu_read_unlock();
		if (!local)
			yoke_fastopen_resume(sock_net(sk));
	}
}

bool yoke_fastopen_client(struct sock *sk, struct yoke_opt_cookie *cookie, bool *option, u16 *mss)
{
	struct yoke_net *yn = yoke_net(sock_net(sk));
	const struct dst_entry *dst = __sk_dst_get(sk);
	struct yoke_sock *ys = yoke_sk(sk);
	struct yoke_fastopen_path *path;

	cookie->len = 0;
	*option = true;
	*mss = 0;
	spin_lock_bh(&yn->fastopen.lock);
	path = fastopen_slot(yn, &ys->node.pair);
	if (path && fastopen_is(path, &ys->node.pair)) {
		*cookie = path->cookie;
		*mss = path->mss;
	}
	spin_unlock_bh(&yn->fastopen.lock);
	if (fastopen_paused(sk)) {
		cookie->len = 0;
		*option = false;
		return false;
	}
	if (READ_ONCE(yn->set.fastopen) & YOKE_FASTOPEN_CLIENT_NO_COOKIE || ys->fastopen_no_cookie ||
	    (dst && dst_metric(dst, RTAX_FASTOPEN_NO_COOKIE))) {
		*option = false;
		return true;
	}
	return cookie->len;
}

void yoke_fastopen_learn(struct sock *sk, const struct yoke_segment *s)
{
	struct yoke_net *yn = yoke_net(sock_net(sk));
	struct yoke_sock *ys = yoke_sk(sk);
	struct yoke_fastopen_path *path;

	if (!ys->fastopen_asked || !s->opt.has_cookie || !s->opt.cookie.len)
		return;
	spin_lock_bh(&yn->fastopen.lock);
	if (!yn->fastopen.paths)
		yn->fastopen.paths = kcalloc(YOKE_FASTOPEN_PATHS, sizeof(*path), GFP_ATOMIC);
	path = fastopen_slot(yn, &ys->node.pair);
	if (path) {
		path->laddr = ys->node.pair.laddr;
		path->raddr = ys->node.pair.raddr;
		path->mss = s->opt.mss;
		path->cookie = s->opt.cookie;
	}
	spin_unlock_bh(&yn->fastopen.lock);
}

/* --- the passive side --- */

void yoke_fastopen_allow(struct sock *sk, int most)
{
	struct yoke_net *yn = yoke_net(sock_net(sk));
	struct fastopen_keys keys = { .n = 1 };

	most = min(most, READ_ONCE(sock_net(sk)->core.sysctl_somaxconn));
	WRITE_ONCE(yoke_sk(sk)->listener->fastopen_max, most);
	get_random_bytes(keys.key, sizeof(keys.key[0]));
	spin_lock_bh(&yn->fastopen.lock);
	if (!yn->fastopen.keys.n)
		yn->fastopen.keys = keys;
	spin_unlock_bh(&yn->fastopen.lock);
}

/* Is there room for one more pending? The oldest trap gives way when its time is over. */
static bool fastopen_room(struct sock *sk)
{
	struct yoke_listener *l = yoke_sk(sk)->listener;
	u32 most = READ_ONCE(l->fastopen_max);
	struct yoke_fastopen_trap *trap;
	bool room = true;

	if (!most)
		return false;
	spin_lock_bh(&l->lock);
	if (l->fastopen_len >= most) {
		trap = list_first_entry_or_null(&l->fastopen_traps, struct yoke_fastopen_trap,
						list);
		room = trap && !time_after(trap->expires, jiffies);
		if (room) {
			list_del(&trap->list);
			kfree(trap);
			l->fastopen_len--;
		}
	}
	spin_unlock_bh(&l->lock);
	if (!room)
		yoke_count(sock_net(sk), FastOpenListenOverflow);
	return room;
}

static void fastopen_cookie(const struct yoke_pair *pair, const siphash_key_t *key,
			    struct yoke_opt_cookie *cookie)
{
	cookie->len = sizeof(u64);
	put_unaligned_le64(yoke_cookie_fastopen(pair, key), cookie->val);
}

/* Which of the keys has made the cookie in @s? The first one's is @answer's, whatever comes. */
static int fastopen_check(struct sock *sk, const struct yoke_pair *pair,
			  const struct yoke_segment *s, struct yoke_opt *answer)
{
	struct fastopen_keys keys;
	struct yoke_opt_cookie cookie;
	int i;

	fastopen_keys_of(sk, &keys);
	for (i = 0; i < keys.n; i++) {
		fastopen_cookie(pair, &keys.key[i], &cookie);
		if (!i) {
			answer->has_cookie = true;
			answer->cookie = cookie;
		}
		if (s->opt.cookie.len == cookie.len &&
		    !crypto_memneq(s->opt.cookie.val, cookie.val, cookie.len))
			return i;
	}
	return -1;
}

bool yoke_fastopen_judge(struct sock *sk, const struct yoke_pair *pair, bool trusted,
			 const struct yoke_segment *s, struct yoke_opt *answer)
{
	struct net *net = sock_net(sk);
	int bits = READ_ONCE(yoke_net(net)->set.fastopen), by;

	answer->has_cookie = false;
	if (likely(!s->opt.has_cookie && !s->len))
		return false;
	if (s->opt.has_cookie && !s->opt.cookie.len)
		yoke_count(net, FastOpenCookieReqd);
	if (!(bits & YOKE_FASTOPEN_SERVER) || !fastopen_room(sk))
		return false;
	if (bits & YOKE_FASTOPEN_SERVER_NO_COOKIE || yoke_sk(sk)->fastopen_no_cookie || trusted)
		return true;
	if (!s->opt.has_cookie)
		return false;
	by = fastopen_check(sk, pair, s, answer);
	/* Asked for, not good or of the backup key: the peer gets a new one. */
	if (!s->opt.cookie.len)
		return false;
	if (by < 0)
		yoke_count(net, FastOpenPassiveFail);
	else if (by > 0)
		yoke_count(net, FastOpenPassiveAltKey);
	else
		answer->has_cookie = false;
	return by >= 0;
}

void yoke_fastopen_begin(struct sock *child, struct sock *sk)
{
	struct yoke_listener *l = yoke_sk(sk)->listener;

	sock_hold(sk);
	yoke_sk(child)->parent = sk;
	yoke_sk(child)->fastopen = true;
	spin_lock_bh(&l->lock);
	l->fastopen_len++;
	spin_unlock_bh(&l->lock);
}
