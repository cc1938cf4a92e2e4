// SPDX-License-Identifier: GPL-2.0
/*
 * yoke-run PROGRAM - makes the TCP sockets of any program Yoke's.
 *
 * The program's process is this one: it forks a supervisor, gives itself a
 * seccomp filter that has socket(2) ask the supervisor, and execs. So it keeps
 * its parent, signals, terminal and exit status, and the filter holds for what
 * it becomes and forks, linked in whatever way. The supervisor makes the
 * socket, puts it into the program's table as what socket(2) returns, and ends
 * when nobody is left that has the filter. It never waits but for a question,
 * so no program can wait for it in vain.
 *
 * With rules, bind(2), connect(2) and listen(2) ask too, as only they tell
 * where a socket leads; one that a rule keeps from Yoke is replaced then.
 *
 * Where a filter cannot be had, preload.c does the same from within.
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "rules.h"

#if defined(__x86_64__)
#define NATIVE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define NATIVE AUDIT_ARCH_AARCH64
#elif defined(__riscv)
#define NATIVE AUDIT_ARCH_RISCV64
#else
#error "name its AUDIT_ARCH_ (a little-endian one: the filter looks at the first half of arguments)"
#endif

static bool datagrams, quiet;

/* Once each, and never wait for a reader: it may be the one who waits for us. */
static void tell_once(const char *format, ...)
{
	static const char *told[16];
	struct pollfd out = { .fd = STDERR_FILENO, .events = POLLOUT };
	va_list args;

	for (int i = 0; i < 16; i++) {
		if (told[i] == format || quiet)
			return;
		if (!told[i]) {
			told[i] = format;
			break;
		}
	}
	if (poll(&out, 1, 0) == 1 && out.revents & POLLOUT) {
		va_start(args, format);
		vwarnx(format, args);
		va_end(args);
	}
}

/* -- the supervisor -- */

/* Sockets belong to the network namespace they are made in: go where the program is. */
static bool follow(pid_t tid)
{
	static struct stat here;
	struct stat there;
	char path[40];
	int ns, err;

	if (!here.st_ino)
		stat("/proc/self/ns/net", &here);
	snprintf(path, sizeof(path), "/proc/%d/ns/net", tid);
	if (stat(path, &there) || there.st_ino == here.st_ino)
		return true;	/* a program we may not look into is taken to be here */
	ns = open(path, O_RDONLY | O_CLOEXEC);
	err = ns < 0 ? -1 : setns(ns, CLONE_NEWNET);
	close(ns);
	if (!err)
		here = there;
	return !err;
}

static int yoke_socket(const struct seccomp_notif *ask)
{
	int type = ask->data.args[1], fd;
	int domain = ask->data.args[0];

	if (!rules_move(domain, type, ask->data.args[2], datagrams))
		return -1;
	if (!follow(ask->pid)) {
		tell_once("sockets in another network namespace are left as they are: "
			  "entering it wants root");
		return -1;
	}
	fd = socket(rules_family(), type | SOCK_CLOEXEC, rules_protocol(domain));
	if (fd < 0)
		tell_once("a socket is left as it is: %s", strerror(errno));
	return fd;
}

/* The number after that name in one of the program's files in /proc, or -1. */
static long proc_number(pid_t tid, const char *file, const char *name, int base)
{
	char path[64], line[256];
	long number = -1;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/%s", tid, file);
	f = fopen(path, "re");
	while (f && number < 0 && fgets(line, sizeof(line), f))
		if (!strncmp(line, name, strlen(name)))
			number = strtol(line + strlen(name), NULL, base);
	if (f)
		fclose(f);
	return number;
}

static int borrow(pid_t tid, int fd)
{
	int pidfd = syscall(SYS_pidfd_open, (pid_t)proc_number(tid, "status", "Tgid:", 10), 0);
	int ours = pidfd < 0 ? -1 : syscall(SYS_pidfd_getfd, pidfd, fd, 0);

	close(pidfd);
	return ours;
}

/* What was put where in whose table. */
static struct { pid_t tid; int fd, twin; } replaced;

/* An epoll instance knows a file by its number too: so do it where that number is free. */
static void watch(int epoll, struct epoll_event *event)
{
	pid_t child = fork();

	if (!child) {
		epoll = fcntl(borrow(replaced.tid, epoll), F_DUPFD, replaced.fd + 1);
		dup2(replaced.twin, replaced.fd);
		_exit(epoll_ctl(epoll, EPOLL_CTL_ADD, replaced.fd, event));
	}
	waitpid(child, NULL, 0);
}

/* -> 0, or the errno that the call is to fail with */
static int keep_from_yoke(int listener, const struct seccomp_notif *ask)
{
	int fd = ask->data.args[0], ours, err = 0;
	union rules_addr addr = {};
	struct seccomp_notif_addfd put = {
		.id = ask->id, .flags = SECCOMP_ADDFD_FLAG_SETFD, .newfd = fd,
	};
	char fdinfo[32];
	int twin;

	if (ask->data.nr == __NR_listen) {
		if (!rules_except(RULES_LISTEN, NULL))
			return 0;
	} else {
		uint32_t given = ask->data.args[2];
		size_t len = given < sizeof(addr) ? given : sizeof(addr);
		struct iovec mine = { &addr, len }, theirs = { (void *)ask->data.args[1], len };

		if (len < sizeof(addr.in))
			return 0;
		if (process_vm_readv(ask->pid, &mine, 1, &theirs, 1, 0) != (ssize_t)len) {
			if (errno == EPERM)
				tell_once("--except is not applied to a process that this user may "
					  "not trace (kernel.yama.ptrace_scope)");
			return 0;
		}
		if (!rules_except(ask->data.nr == __NR_bind ? RULES_BIND : RULES_CONNECT, &addr))
			return 0;
	}
	ours = borrow(ask->pid, fd);
	if (ours < 0 || !follow(ask->pid)) {
		close(ours);
		return 0;	/* what cannot be borrowed is no socket, or no socket of ours */
	}
	twin = rules_twin(ours);
	if (twin < 0) {
		err = errno == ENOTSOCK ? 0 : errno;
	} else {
		put.srcfd = twin;
		snprintf(fdinfo, sizeof(fdinfo), "fdinfo/%d", fd);
		put.newfd_flags = proc_number(ask->pid, fdinfo, "flags:", 8) & O_CLOEXEC;
		if (ioctl(listener, SECCOMP_IOCTL_NOTIF_ADDFD, &put) >= 0) {
			replaced.tid = ask->pid;
			replaced.fd = fd;
			replaced.twin = twin;
			rules_watchers(ask->pid, fd, watch);
		}
		close(twin);
	}
	close(ours);
	return err;
}

static void answer(int listener)
{
	struct seccomp_notif ask = {};
	struct seccomp_notif_resp reply = {};
	struct seccomp_notif_addfd put = {};
	int fd = -1;

	if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &ask))
		return;		/* it was killed while it asked */
	reply.id = ask.id;
	if (ask.data.nr == __NR_socket)
		fd = yoke_socket(&ask);
	else
		reply.error = -keep_from_yoke(listener, &ask);
	if (fd >= 0) {
		put.id = ask.id;
		put.flags = SECCOMP_ADDFD_FLAG_SEND;
		put.srcfd = fd;
		put.newfd_flags = ask.data.args[1] & SOCK_CLOEXEC;
		/* If it fails, as with a full table, so will the call, and by itself. */
		if (ioctl(listener, SECCOMP_IOCTL_NOTIF_ADDFD, &put) >= 0) {
			close(fd);
			return;
		}
		close(fd);
	}
	if (!reply.error)
		reply.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
	ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &reply);
}

static void supervise(int listener, int program)
{
	struct pollfd fds[] = {
		{ .fd = listener, .events = POLLIN }, { .fd = program, .events = POLLIN },
	};

	for (;;) {
		if (poll(fds, 2, -1) < 0)
			continue;
		if (fds[0].revents & POLLIN)
			answer(listener);
		else if (fds[0].revents)
			_exit(0);	/* nobody is left who could ask */
		if (fds[1].revents) {
			/* Whoever reads what the program said may want to see its end. */
			dup2(STDIN_FILENO, STDERR_FILENO);
			fds[1].fd = -1;
		}
	}
}

/* -- the program -- */

static struct msghdr *message(int **fd)
{
	static char byte[1], control[CMSG_SPACE(sizeof(int))];
	static struct iovec iov = { byte, 1 };
	static struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	*fd = (int *)CMSG_DATA(c);
	return &msg;
}

/* No child of the program, which would not expect one. -> our end of a channel to it */
static int fork_supervisor(void)
{
	pid_t program = getpid(), child;
	int channel[2], null, pidfd, *listener;
	struct msghdr *msg = message(&listener);
	sigset_t all;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, channel))
		err(125, "socketpair");
	child = fork();
	if (child < 0)
		err(125, "fork");
	if (child) {
		waitpid(child, NULL, 0);
		close(channel[1]);
		return channel[0];
	}
	setsid();
	if (fork())
		_exit(0);
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	pidfd = syscall(SYS_pidfd_open, program, 0);
	null = open("/dev/null", O_RDWR);
	dup2(null, STDIN_FILENO);
	dup2(null, STDOUT_FILENO);
	child = getpid();
	if (chdir("/") || write(channel[1], &child, sizeof(child)) != sizeof(child))
		_exit(1);
	close(channel[0]);
	if (recvmsg(channel[1], msg, MSG_CMSG_CLOEXEC) <= 0 || !msg->msg_controllen)
		_exit(0);
	/* Whatever else was inherited is not ours to keep open. */
	dup2(pidfd, STDOUT_FILENO);
	dup2(*listener, 3);
	syscall(SYS_close_range, 4, ~0U, 0);
	supervise(3, STDOUT_FILENO);
	_exit(0);
}

static int install_filter(void)
{
	const uint8_t ruled = rules_any(), dgram = datagrams;
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, NATIVE, 0, 12),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_socket, 3, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_bind, 9 + ruled, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_connect, 8 + ruled, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_listen, 7 + ruled, 7),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[0])),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_INET, 1, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_INET6, 0, 4),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[1])),
		BPF_STMT(BPF_ALU | BPF_AND | BPF_K, ~(SOCK_NONBLOCK | SOCK_CLOEXEC)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SOCK_STREAM, 2, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SOCK_DGRAM, dgram, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
	};
	struct sock_fprog prog = { sizeof(code) / sizeof(*code), code };
	unsigned long flags = SECCOMP_FILTER_FLAG_NEW_LISTENER |
			      SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;
	int fd = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &prog);

	/* Only root may have a filter and still gain privileges by exec. */
	if (fd < 0 && errno == EACCES && !prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		fd = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &prog);
	return fd;
}

static bool by_seccomp(void)
{
	int channel = fork_supervisor(), *listener, fd;
	struct msghdr *msg = message(&listener);
	pid_t supervisor;

	if (read(channel, &supervisor, sizeof(supervisor)) != sizeof(supervisor))
		errx(125, "the supervisor did not start");
	if (rules_any())
		prctl(PR_SET_PTRACER, supervisor, 0, 0, 0);	/* it reads addresses */
	*listener = fd = install_filter();
	if (fd < 0) {
		warn("seccomp is refused, so programs that are statically linked or written in Go "
		     "are left as they are");
		close(channel);
		return false;
	}
	if (sendmsg(channel, msg, MSG_NOSIGNAL) < 0)
		err(125, "the supervisor");
	close(fd);
	close(channel);
	return true;
}

/* The object is beside this program, or where make install puts it. */
static void by_preload(const char *except)
{
	char self[4000], object[4096], *slash, *before = getenv("LD_PRELOAD"), *list;
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	self[n > 0 ? n : 0] = 0;
	slash = strrchr(self, '/');
	if (!slash)
		errx(125, "/proc is not mounted");
	*slash = 0;
	snprintf(object, sizeof(object), "%s/yoke-run.so", self);
	if (access(object, R_OK))
		snprintf(object, sizeof(object), "%s/../lib/yoke-run.so", self);
	if (access(object, R_OK))
		err(125, "%s", object);
	if (asprintf(&list, "%s%s%s", object, before ? " " : "", before ? before : "") < 0 ||
	    setenv("LD_PRELOAD", list, 1) || setenv("YOKE_RUN_EXCEPT", except, 1) ||
	    setenv("YOKE_RUN_DATAGRAMS", datagrams ? "1" : "", 1) ||
	    setenv("YOKE_RUN_QUIET", quiet ? "1" : "", 1))
		err(125, "the environment");
}

static void usage(int status)
{
	fprintf(status ? stderr : stdout,
		"usage: yoke-run [options] PROGRAM [ARGUMENT...]\n"
		"Runs PROGRAM with its TCP sockets made Yoke's.\n"
		"  -d, --datagrams      UDP sockets too\n"
		"  -x, --except WHAT,…  leave these: a PORT or PORT-PORT, an ADDRESS or ADDRESS/BITS,\n"
		"                       or the side: listen, connect\n"
		"  -p, --preload        by LD_PRELOAD instead of seccomp\n"
		"  -q, --quiet          do not tell what is left as it is\n");
	exit(status);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "datagrams", no_argument, NULL, 'd' }, { "except", required_argument, NULL, 'x' },
		{ "preload", no_argument, NULL, 'p' }, { "quiet", no_argument, NULL, 'q' },
		{ "help", no_argument, NULL, 'h' }, {},
	};
	bool preload = false;
	char *except = "";
	int opt, fd;

	while ((opt = getopt_long(argc, argv, "+dx:pqh", options, NULL)) != -1) {
		switch (opt) {
		case 'd':
			datagrams = true;
			break;
		case 'x':
			if (!rules_add(optarg))
				errx(125, "--except %s: no port, address or side", optarg);
			if (asprintf(&except, "%s%s%s", except, *except ? "," : "", optarg) < 0)
				err(125, "--except");
			break;
		case 'p':
			preload = true;
			break;
		case 'q':
			quiet = true;
			break;
		default:
			usage(opt == 'h' ? 0 : 125);
		}
	}
	if (optind == argc)
		usage(125);
	/* What we open gets no number that has a meaning, even if the program starts without. */
	do
		fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	while (fd >= 0 && fd <= STDERR_FILENO);
	close(fd);
	fd = socket(rules_family(), SOCK_STREAM, 0);
	if (fd < 0)
		err(125, "no Yoke here (is yoke.ko loaded?)");
	close(fd);

	if (preload || !by_seccomp())
		by_preload(except);
	execvp(argv[optind], argv + optind);
	err(errno == ENOENT ? 127 : 126, "%s", argv[optind]);
}
