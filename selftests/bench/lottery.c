// SPDX-License-Identifier: GPL-2.0
/*
 * Which packets a link loses, marks or sends ahead, drawn from a seed: netem draws from the kernel's
 * randomness, and no two runs meet the same.
 *
 *	lottery load		makes a classifier, for tc filter ... bpf direct-action object-pinned
 *				/run/lottery/program
 *	lottery SEED LOSS WORSE BETTER AHEAD MARK	chances of a packet, 0 to 1
 *
 * LOSS: it is lost by itself; WORSE: all that follow are lost, until the chance BETTER (Gilbert and
 * Elliott's); AHEAD: it is delivered at once, past the filters behind this one. MARK, 0 or 1: what can
 * carry a mark of congestion is marked instead of lost. Packets other than IP's take part in nothing.
 */
#include <arpa/inet.h>
#include <err.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define DIR	"/run/lottery"
#define PROG	DIR "/program"
#define MAP	DIR "/state"

struct state {
	uint32_t rnd, bad;
	uint32_t loss, worse, better, ahead;	/* of 2^32 */
	uint32_t mark;
};

static int bpf(int cmd, union bpf_attr *attr)
{
	return syscall(__NR_bpf, cmd, attr, sizeof(*attr));
}

/* The instructions that are needed here, all of 32 bits but for pointers. */
#define INSN(c, d, s, o, i) { .code = (c), .dst_reg = (d), .src_reg = (s), .off = (o), .imm = (i) }
#define MOV(d, s)		INSN(BPF_ALU64 | BPF_MOV | BPF_X, d, s, 0, 0)
#define MOVI(d, i)		INSN(BPF_ALU64 | BPF_MOV | BPF_K, d, 0, 0, i)
#define ADDI(d, i)		INSN(BPF_ALU64 | BPF_ADD | BPF_K, d, 0, 0, i)
#define MOV32(d, s)		INSN(BPF_ALU | BPF_MOV | BPF_X, d, s, 0, 0)
#define XOR32(d, s)		INSN(BPF_ALU | BPF_XOR | BPF_X, d, s, 0, 0)
#define SHL32(d, i)		INSN(BPF_ALU | BPF_LSH | BPF_K, d, 0, 0, i)
#define SHR32(d, i)		INSN(BPF_ALU | BPF_RSH | BPF_K, d, 0, 0, i)
#define LOAD(d, s, field)	INSN(BPF_LDX | BPF_MEM | BPF_W, d, s, field, 0)
#define STORE(d, field, s)	INSN(BPF_STX | BPF_MEM | BPF_W, d, s, field, 0)
#define STOREI(d, field, i)	INSN(BPF_ST | BPF_MEM | BPF_W, d, 0, field, i)
#define JEQI(d, i, o)		INSN(BPF_JMP | BPF_JEQ | BPF_K, d, 0, o, i)
#define JNEI(d, i, o)		INSN(BPF_JMP | BPF_JNE | BPF_K, d, 0, o, i)
#define JGE(d, s, o)		INSN(BPF_JMP | BPF_JGE | BPF_X, d, s, o, 0)
#define GOTO(o)			INSN(BPF_JMP | BPF_JA, 0, 0, o, 0)
#define CALL(f)			INSN(BPF_JMP | BPF_CALL, 0, 0, 0, f)
#define EXIT()			INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0)
#define MAP_FD(d, fd)		INSN(BPF_LD | BPF_DW | BPF_IMM, d, BPF_PSEUDO_MAP_FD, 0, fd), \
				INSN(0, 0, 0, 0, 0)
#define F(name)			offsetof(struct state, name)

/* r1 = the next number of xorshift32; r7 is the state. */
#define DRAW()								\
	LOAD(1, 7, F(rnd)),						\
	MOV32(2, 1), SHL32(2, 13), XOR32(1, 2),				\
	MOV32(2, 1), SHR32(2, 17), XOR32(1, 2),				\
	MOV32(2, 1), SHL32(2, 5), XOR32(1, 2),				\
	STORE(7, F(rnd), 1)

static void load(void)
{
	union bpf_attr attr = {
		.map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = sizeof(struct state),
		.max_entries = 1,
	};
	int map = bpf(BPF_MAP_CREATE, &attr), prog;
	struct bpf_insn insns[] = {
		MOV(6, 1),
		LOAD(1, 6, offsetof(struct __sk_buff, protocol)),
		JEQI(1, htons(ETH_P_IP), 2),
		MOVI(0, TC_ACT_UNSPEC), EXIT(),
		STOREI(10, -4, 0), MOV(2, 10), ADDI(2, -4),
		MAP_FD(1, map),
		CALL(BPF_FUNC_map_lookup_elem),
		JNEI(0, 0, 2),
		MOVI(0, TC_ACT_UNSPEC), EXIT(),
		MOV(7, 0),
		DRAW(),
		LOAD(3, 7, F(bad)),
		JEQI(3, 0, 4),
		LOAD(2, 7, F(better)), JGE(1, 2, 5), STOREI(7, F(bad), 0), GOTO(5),
		LOAD(2, 7, F(worse)), JGE(1, 2, 3), STOREI(7, F(bad), 1),
		MOVI(0, TC_ACT_SHOT), EXIT(),
		DRAW(),
		LOAD(2, 7, F(loss)), JGE(1, 2, 7),
		LOAD(2, 7, F(mark)), JEQI(2, 0, 3),
		MOV(1, 6), CALL(BPF_FUNC_skb_ecn_set_ce), JNEI(0, 0, 2),
		MOVI(0, TC_ACT_SHOT), EXIT(),
		DRAW(),
		LOAD(2, 7, F(ahead)), JGE(1, 2, 2),
		MOVI(0, TC_ACT_OK), EXIT(),
		MOVI(0, TC_ACT_UNSPEC), EXIT(),
	};
	static char log[65536];

	if (map < 0)
		err(1, "map");
	if (mkdir(DIR, 0755) || mount("lottery", DIR, "bpf", 0, NULL))
		err(1, "%s", DIR);
	attr = (union bpf_attr){
		.prog_type = BPF_PROG_TYPE_SCHED_CLS,
		.insns = (uintptr_t)insns, .insn_cnt = sizeof(insns) / sizeof(*insns),
		.license = (uintptr_t)"GPL",
		.log_buf = (uintptr_t)log, .log_size = sizeof(log), .log_level = 1,
	};
	prog = bpf(BPF_PROG_LOAD, &attr);
	if (prog < 0)
		err(1, "program: %s", log);
	attr = (union bpf_attr){ .pathname = (uintptr_t)PROG, .bpf_fd = prog };
	if (bpf(BPF_OBJ_PIN, &attr))
		err(1, "%s", PROG);
	attr = (union bpf_attr){ .pathname = (uintptr_t)MAP, .bpf_fd = map };
	if (bpf(BPF_OBJ_PIN, &attr))
		err(1, "%s", MAP);
}

static uint32_t chance(const char *s)
{
	double p = atof(s);

	return p >= 1 ? UINT32_MAX : p * 4294967296.0;
}

static void set(char **argv)
{
	uint32_t key = 0, seed = atoi(argv[0]);
	struct state state = {
		.rnd = (seed + 1) * 2654435761u,	/* not zero, and far from its neighbours */
		.loss = chance(argv[1]), .worse = chance(argv[2]), .better = chance(argv[3]),
		.ahead = chance(argv[4]), .mark = atoi(argv[5]),
	};
	union bpf_attr attr = { .pathname = (uintptr_t)MAP };
	int map = bpf(BPF_OBJ_GET, &attr);

	if (map < 0)
		err(1, "%s", MAP);
	attr = (union bpf_attr){ .map_fd = map, .key = (uintptr_t)&key, .value = (uintptr_t)&state };
	if (bpf(BPF_MAP_UPDATE_ELEM, &attr))
		err(1, "%s", MAP);
}

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "load"))
		load();
	else if (argc == 7)
		set(argv + 1);
	else
		errx(2, "usage: see %s", __FILE__);
	return 0;
}
