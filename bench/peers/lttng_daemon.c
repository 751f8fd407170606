/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "lttng_daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"

/* Where LTTng keeps the sockets of root's daemon; those of others lie in LTTNG_HOME. */
#define ROOT_FOLDER "/var/run/lttng"
#define CLIENT_SOCKET "client-lttng-sessiond"
/* Nothing takes as long, unless it takes for ever. */
#define START_NS (10 * NS_PER_S)
#define COMMAND_NS (10 * NS_PER_S)
#define STOP_NS (5 * NS_PER_S)
#define LOOK_MS 5

static struct {
	char folder[64];
	char log[80];
	int keep; /* as long as this end of a pipe is open the daemon is to live */
	pid_t guard;
	bool root_folder_is_ours, wait_is_ours, user_wait_is_ours;
} daemon_state = { .keep = -1 };

static void sleep_a_little(void)
{
	poll(NULL, 0, LOOK_MS);
}

/* Whether @name is a program that PATH finds. */
static bool is_program(const char *name)
{
	const char *path = getenv("PATH");
	char file[PATH_MAX];
	size_t length;

	for (path = path ? path : ""; *path; path += length + (path[length] == ':')) {
		length = strcspn(path, ":");
		if (snprintf(file, sizeof(file), "%.*s/%s", (int)length, path, name) < (int)sizeof(file) &&
		    !access(file, X_OK))
			return true;
	}
	return false;
}

static bool somebody_listens(const char *folder, const char *name)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd, length = snprintf(address.sun_path, sizeof(address.sun_path), "%s/%s", folder, name);
	bool listens;

	if (length < 0 || (size_t)length >= sizeof(address.sun_path))
		return false;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return false;
	listens = !connect(fd, (const struct sockaddr *)&address, sizeof(address));
	close(fd);
	return listens;
}

const char *lttng_daemon_absent(void)
{
	if (!is_program("lttng") || !is_program("lttng-sessiond"))
		return "there is no lttng or lttng-sessiond: install lttng-tools";
	/* Our commands would go to that one. */
	if (daemon_state.keep < 0 && somebody_listens(ROOT_FOLDER, CLIENT_SOCKET))
		return "root's lttng-sessiond is running, and would be used in place of one of our own: stop it (the "
		       "service that installing lttng-tools starts)";
	return NULL;
}

/* ---- the guard: a process between us and the daemon ---- */

static void shm_name(char *name, size_t size, bool of_user)
{
	snprintf(name, size, of_user ? "/lttng-ust-wait-8-%u" : "/lttng-ust-wait-8", (unsigned)getuid());
}

static bool shm_exists(bool of_user)
{
	char name[64];
	int fd;

	shm_name(name, sizeof(name), of_user);
	fd = shm_open(name, O_RDONLY | O_CLOEXEC, 0);
	if (fd >= 0)
		close(fd);
	return fd >= 0 || errno == EACCES;
}

static void remove_shm(bool of_user)
{
	char name[64];

	shm_name(name, sizeof(name), of_user);
	shm_unlink(name);
}

/* Wait for @pid, at most until @deadline. Return: whether it is over; *@status: how. */
static bool wait_for(pid_t pid, uint64_t deadline, int *status)
{
	while (waitpid(pid, status, WNOHANG) == 0) {
		if (clock_ns() > deadline)
			return false;
		sleep_a_little();
	}
	return true;
}

static void end_process(pid_t pid)
{
	int status;

	kill(pid, SIGTERM);
	if (wait_for(pid, clock_ns() + STOP_NS, &status))
		return;
	kill(pid, SIGKILL);
	wait_for(pid, clock_ns() + STOP_NS, &status);
}

/* Standard output and standard error into @file, standard input from nowhere. */
static void redirect(const char *file)
{
	int in = open("/dev/null", O_RDONLY | O_CLOEXEC),
	    out = open(file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

	if (in >= 0)
		dup2(in, STDIN_FILENO);
	if (out >= 0) {
		dup2(out, STDOUT_FILENO);
		dup2(out, STDERR_FILENO);
	}
}

/* Signals as a program expects them to be when it starts. */
static void forget_signals(void)
{
	sigset_t none;

	for (int number = 1; number < SIGRTMAX; number++)
		signal(number, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static pid_t run_daemon(void)
{
	pid_t guard = getpid(), pid = fork();

	if (pid)
		return pid;
	forget_signals();
	/* Not without its guard, should somebody kill that one. */
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != guard)
		_exit(126);
	execlp("lttng-sessiond", "lttng-sessiond", "--no-kernel", "--quiet", (char *)NULL);
	_exit(127);
}

/* rm -r of what LTTng makes: it must not ask, nor follow links. */
static void remove_folder(const char *folder)
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		execlp("rm", "rm", "-rf", "--", folder, (char *)NULL);
		_exit(127);
	}
	if (pid > 0)
		wait_for(pid, clock_ns() + STOP_NS, &status);
}

/* Start the daemon; when @fd's other end is closed, or the daemon ends by itself, leave nothing of it. */
static _Noreturn void guard(int fd)
{
	struct pollfd kept = { .fd = fd, .events = POLLIN };
	int status;
	pid_t pid;

	/* What ends the bench, from a terminal too, ends us by the pipe. */
	setsid();
	for (int number = 1; number < SIGRTMAX; number++)
		signal(number, number == SIGCHLD ? SIG_DFL : SIG_IGN);
	redirect(daemon_state.log);
	pid = run_daemon();
	while (pid > 0 && poll(&kept, 1, 100) <= 0)
		if (waitpid(pid, &status, WNOHANG) == pid)
			pid = 0;
	if (pid > 0)
		end_process(pid);
	if (daemon_state.root_folder_is_ours)
		rmdir(ROOT_FOLDER);
	if (daemon_state.wait_is_ours)
		remove_shm(false);
	if (daemon_state.user_wait_is_ours)
		remove_shm(true);
	/* Last: once it is gone all is. */
	remove_folder(daemon_state.folder);
	_exit(0);
}

/* ---- commands ---- */

/* What the log ends with. */
static void tell_failure(const char *what)
{
	char line[256], last[256] = "";
	FILE *log = fopen(daemon_state.log, "r");

	while (log && fgets(line, sizeof(line), log))
		if (strspn(line, " \n") != strlen(line))
			memcpy(last, line, sizeof(line));
	if (log)
		fclose(log);
	last[strcspn(last, "\n")] = '\0';
	fprintf(stderr, "nrb-bench: lttng %s failed: %s\n", what, *last ? last : "it says nothing");
}

/* Return: 0, or -EIO: it failed, -ETIMEDOUT: it had to be killed. */
static int lttng(const char *const *arguments)
{
	pid_t pid = fork();
	int status = 0;

	if (pid < 0)
		return -errno;
	if (!pid) {
		forget_signals();
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		redirect(daemon_state.log);
		execvp("lttng", (char *const *)(uintptr_t)arguments);
		_exit(127);
	}
	if (!wait_for(pid, clock_ns() + COMMAND_NS, &status)) {
		kill(pid, SIGKILL);
		wait_for(pid, clock_ns() + COMMAND_NS, &status);
		return -ETIMEDOUT;
	}
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -EIO;
}

static int lttng_or_tell(const char *const *arguments)
{
	int rc = lttng(arguments);

	if (rc)
		tell_failure(arguments[2]);
	return rc;
}

#define LTTNG(...) ((const char *const[]) { "lttng", "--no-sessiond", __VA_ARGS__, NULL })

/* ---- */

static int make_folder(void)
{
	const char *temporary = getenv("TMPDIR");
	int length = snprintf(daemon_state.folder, sizeof(daemon_state.folder), "%s/nrb-bench.XXXXXX",
			      temporary && strlen(temporary) < 40 ? temporary : "/tmp");

	/* Sockets lie in there, whose names must be short. */
	if (length < 0 || (size_t)length >= sizeof(daemon_state.folder))
		return -ENAMETOOLONG;
	if (!mkdtemp(daemon_state.folder))
		return -errno;
	snprintf(daemon_state.log, sizeof(daemon_state.log), "%s/log", daemon_state.folder);
	return setenv("LTTNG_HOME", daemon_state.folder, 1) ? -errno : 0;
}

static bool is_guarded(void)
{
	int status;

	return waitpid(daemon_state.guard, &status, WNOHANG) == 0;
}

/* Return: 0, or -EIO: it has ended, -ETIMEDOUT: it does not answer. */
static int wait_until_it_answers(void)
{
	uint64_t end = clock_ns() + START_NS;
	char folder[80];

	snprintf(folder, sizeof(folder), "%s/.lttng", daemon_state.folder);
	while (!somebody_listens(getuid() ? folder : ROOT_FOLDER, CLIENT_SOCKET) || lttng(LTTNG("list"))) {
		if (!is_guarded())
			return -EIO;
		if (clock_ns() > end)
			return -ETIMEDOUT;
		sleep_a_little();
	}
	return 0;
}

/* One that is just going, of a process before us, is waited for. */
static int wait_until_alone(void)
{
	uint64_t end = clock_ns() + START_NS;

	while (somebody_listens(ROOT_FOLDER, CLIENT_SOCKET)) {
		if (clock_ns() > end) {
			fprintf(stderr, "nrb-bench: lttng: %s\n", lttng_daemon_absent());
			return -EADDRINUSE;
		}
		sleep_a_little();
	}
	return 0;
}

/* Bounded: after some seconds it is killed. A child that was forked has no right to it. */
static void lttng_daemon_stop(void)
{
	int status;

	if (daemon_state.keep < 0)
		return;
	close(daemon_state.keep);
	daemon_state.keep = -1;
	/* It has bounds of its own, which these are beyond. */
	if (daemon_state.guard > 0 && !wait_for(daemon_state.guard, clock_ns() + 4 * STOP_NS, &status))
		kill(daemon_state.guard, SIGKILL);
	daemon_state.guard = 0;
}

int lttng_daemon_start(void)
{
	int ends[2], rc;

	if (daemon_state.keep >= 0)
		return 0;
	rc = wait_until_alone();
	if (!rc)
		rc = make_folder();
	if (rc)
		return rc;
	daemon_state.root_folder_is_ours = access(ROOT_FOLDER, F_OK) != 0;
	daemon_state.wait_is_ours = !shm_exists(false);
	daemon_state.user_wait_is_ours = !shm_exists(true);
	if (pipe2(ends, O_CLOEXEC))
		return -errno;
	fflush(NULL);
	daemon_state.guard = fork();
	if (!daemon_state.guard) {
		close(ends[1]);
		guard(ends[0]);
	}
	close(ends[0]);
	daemon_state.keep = ends[1];
	rc = daemon_state.guard < 0 ? -EAGAIN : wait_until_it_answers();
	if (!rc && !atexit(lttng_daemon_stop))
		return 0;
	tell_failure("-sessiond");
	lttng_daemon_stop();
	return rc;
}

int lttng_session_open(const char *name, const char *event, uint64_t data_size)
{
	char output[96], size[48];
	/* Four parts, as is LTTng's default; a part has a page at least. */
	uint64_t part = data_size / 4 < 4096 ? 4096 : data_size / 4;
	int rc;

	snprintf(output, sizeof(output), "--output=%s/%s", daemon_state.folder, name);
	snprintf(size, sizeof(size), "--subbuf-size=%llu", (unsigned long long)part);
	rc = lttng_or_tell(LTTNG("create", name, "--snapshot", output));
	if (!rc)
		rc = lttng_or_tell(LTTNG("enable-channel", "--userspace", "--session", name, "--overwrite", size,
					 "--num-subbuf=4", "--monitor-timer=0", "channel"));
	if (!rc)
		rc = lttng_or_tell(LTTNG("enable-event", "--userspace", "--session", name, "--channel=channel", event));
	if (!rc)
		rc = lttng_or_tell(LTTNG("start", name));
	return rc;
}

void lttng_session_close(const char *name)
{
	lttng_or_tell(LTTNG("destroy", "--no-wait", name));
}
