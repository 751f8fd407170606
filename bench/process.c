/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "process.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "child.h"
#include "clock.h"

/* A process may take so many times its budget, and so much more, before it is taken for hung. */
#define PATIENCE_TIMES 4u
#define PATIENCE_NS (30 * NS_PER_S)

struct telling {
	void (*tell)(unsigned done, unsigned of);
	unsigned done, of;
};

static void tell(void *context)
{
	const struct telling *telling = context;

	if (telling->tell)
		telling->tell(telling->done, telling->of);
}

/* Return: memory that both see, its descriptor in @fd; or NULL and errno. */
static struct worker_memory *share(const struct plan *plan, unsigned number, int *fd)
{
	size_t bytes = worker_bytes(plan);
	struct worker_memory *memory;

	/* Inherited: it is closed as soon as it is mapped. */
	*fd = memfd_create("nrb-bench", 0);
	if (*fd < 0)
		return NULL;
	if (ftruncate(*fd, (off_t)bytes)) {
		close(*fd);
		return NULL;
	}
	memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, *fd, 0);
	if (memory == MAP_FAILED) {
		close(*fd);
		return NULL;
	}
	memory->magic = WORKER_MAGIC;
	memory->bytes = bytes;
	memory->number = number;
	memory->plan = *plan;
	return memory;
}

static void execute_anew(int fd)
{
	char argument[32];

	snprintf(argument, sizeof(argument), "--process=%d", fd);
	execl("/proc/self/exe", "nrb-bench", argument, (char *)NULL);
	fprintf(stderr, "nrb-bench: cannot execute itself anew: %s: is /proc mounted?\n", strerror(errno));
	_exit(2);
}

/* Return: 0, or -errno when it could not be started. */
static int run_one(struct measured *measured, struct children *children, unsigned number)
{
	const struct plan *plan = measured->plan;
	struct worker_memory *memory;
	int fd, status;
	pid_t pid;

	memory = share(plan, number, &fd);
	if (!memory)
		return -errno;
	children->stop = &memory->stop;
	pid = child_start(children);
	if (!pid)
		execute_anew(fd);
	close(fd);
	status = pid < 0 ? pid : child_wait(children, pid, plan->budget_ns * PATIENCE_TIMES + PATIENCE_NS);
	/* Who is stopped early has measured something all the same. */
	if (status == 0 || (status > 0 && WIFSIGNALED(status) && children->stopped_by)) {
		measured->process[measured->processes++] = memory;
		return 0;
	}
	measured->failed++;
	child_explain(measured->message, sizeof(measured->message), status);
	munmap(memory, memory->bytes);
	return pid < 0 ? pid : 0;
}

int measured_run(struct measured *measured, const struct plan *plan, void (*teller)(unsigned done, unsigned of))
{
	struct telling telling = { .tell = teller, .of = plan->processes };
	struct children children = { .tell = tell, .context = &telling };
	uint64_t start = clock_ns();
	int rc = 0;

	memset(measured, 0, sizeof(*measured));
	measured->plan = plan;
	children_open(&children);
	/* Two that fail are no accident. */
	for (unsigned i = 0; i < plan->processes && !rc && !children.stopped_by && measured->failed < 2; i++) {
		telling.done = i;
		rc = run_one(measured, &children, i);
	}
	measured->stopped_by = children.stopped_by;
	measured->wall_ns = clock_ns() - start;
	sigprocmask(SIG_SETMASK, &children.original, NULL);
	return measured->processes ? 0 : rc;
}

void measured_free(struct measured *measured)
{
	for (unsigned i = 0; i < measured->processes; i++)
		munmap((void *)measured->process[i], measured->process[i]->bytes);
	measured->processes = 0;
}
