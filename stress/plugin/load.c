/* SPDX-License-Identifier: MIT */
/*
 * load.c - a shared object is loaded, judged, and tried once: in a process of its own, and only then in this one
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "order.h"
#include "plugin/plugin.h"
#include "step/scene.h"

/* Loading runs constructors, which are given so long; trying it is only to see where its memory comes from. */
#define LOADING_NS (5 * NS_PER_S)
#define TRIAL_NS (1 * NS_PER_S)
#define TRIAL_LOOK_NS (1 * NS_PER_MS)
#define NAME_MAX_LENGTH 18

/* What the process that tries it has to say; in shared memory. */
struct trial {
	uint32_t loaded; /* and its table is one that can be used */
	bool allocates;  /* open() took memory from the harness */
	char message[400];
};

__attribute__((format(printf, 3, 4))) static int refuse(char *message, size_t size, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(message, size, format, args);
	va_end(args);
	return -EINVAL;
}

static bool is_name(const char *name)
{
	size_t length = 0;

	for (; name[length]; length++)
		if (length >= NAME_MAX_LENGTH || (!isalnum((unsigned char)name[length]) && !strchr("-_", name[length])))
			return false;
	return length;
}

/* Its functions. Return: 0, or -EINVAL with a reason. */
static int check_functions(const struct nrb_plugin *table, char *message, size_t size)
{
	const char *missing = !table->open    ? "open"
			      : !table->close ? "close"
			      : !table->write ? "write"
			      : !table->read  ? "read"
					      : NULL;

	if (missing)
		return refuse(message, size, "its table has no %s(), which is mandatory: set .%s", missing, missing);
	if (!table->reserve != !table->commit)
		return refuse(message, size, "its table has one of reserve() and commit(): set both or none");
	return 0;
}

/* What it says of itself. Return: 0, or -EINVAL with a reason. */
static int check_claim(const struct nrb_plugin *table, char *message, size_t size)
{
	const uint32_t known = VIOLATION_ALL | VIOLATION_ENDS;

	if (!table->name || !is_name(table->name))
		return refuse(message, size, "its name is \"%.40s\": give .name 1 to %d letters, digits, '-' and '_'",
			      table->name ? table->name : "", NAME_MAX_LENGTH);
	if (target_find(table->name))
		return refuse(message, size, "its name, %s, is that of a target of ours: give .name another",
			      table->name);
	if (table->claim > NRB_PLUGIN_CONTROL)
		return refuse(message, size, ".claim is %u: give NRB_PLUGIN_SOUND or NRB_PLUGIN_CONTROL", table->claim);
	if (table->claim == NRB_PLUGIN_CONTROL && !table->expected)
		return refuse(message, size,
			      "it is a control, and says not what is to be seen: set .expected to what it shows, "
			      "NRB_PLUGIN_TORN_RECORD or others");
	if ((table->expected | table->allowed) & ~known)
		return refuse(message, size, ".expected or .allowed has bits that nrb_plugin.h does not name: 0x%x",
			      (table->expected | table->allowed) & ~known);
	if (table->flags & ~(NRB_PLUGIN_BYTES | NRB_PLUGIN_MASKS_SIGNALS | NRB_PLUGIN_SHARED_WRITERS))
		return refuse(message, size, ".flags has bits that nrb_plugin.h does not name: 0x%x", table->flags);
	if (table->max_payload % 8 || (table->max_payload && table->max_payload < NRB_PLUGIN_PAYLOAD_MIN))
		return refuse(message, size, ".max_payload is %u: give a multiple of 8 from %u on, or 0",
			      table->max_payload, NRB_PLUGIN_PAYLOAD_MIN);
	return 0;
}

static int check_table(const struct nrb_plugin *table, char *message, size_t size)
{
	int rc;

	if (table->version != NRB_PLUGIN_VERSION)
		return refuse(
			message, size,
			"it was made for version %u of the plug-in interface, and this is %u: compile it with the "
			"nrb_plugin.h that is installed with this nrb-stress",
			table->version, NRB_PLUGIN_VERSION);
	if (table->struct_size != sizeof(*table))
		return refuse(
			message, size,
			"its table is of %u bytes, and of %zu here: set .struct_size to sizeof(struct nrb_plugin), "
			"and compile it with the nrb_plugin.h of this nrb-stress",
			table->struct_size, sizeof(*table));
	rc = check_functions(table, message, size);
	return rc ? rc : check_claim(table, message, size);
}

/* What the dynamic linker says, with what to do about it. */
static void explain_linker(const char *error, char *message, size_t size)
{
	const char *advice = "";

	if (strstr(error, "No such file"))
		advice = ": is the path right?";
	else if (strstr(error, "invalid ELF") || strstr(error, "file too short"))
		advice = ": make a shared object, with cc -shared -fPIC";
	else if (strstr(error, "cannot dynamically load"))
		advice = ": it is a program; make a shared object, with cc -shared -fPIC";
	else if (strstr(error, "undefined symbol"))
		advice = ": link what it needs into it (-l...), or define it";
	snprintf(message, size, "%.300s%s", error, advice);
}

/* Return: its table, or NULL with a reason. */
static const struct nrb_plugin *find_table(const char *path, char *message, size_t size)
{
	/* Now: nothing may be resolved for the first time inside a handler. */
	void *object = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	const struct nrb_plugin *table;

	if (!object) {
		explain_linker(dlerror(), message, size);
		return NULL;
	}
	table = dlsym(object, "nrb_plugin");
	if (!table)
		refuse(message, size,
		       "it exports no symbol nrb_plugin: define `const struct nrb_plugin nrb_plugin` (nrb_plugin.h), "
		       "not "
		       "static, and in C++ after including that header");
	else if (check_table(table, message, size))
		table = NULL;
	return table;
}

/* Once round: what it allocates is all that is wanted of it. */
static void exercise(struct plugin *plugin, struct trial *trial)
{
	static const uint64_t payload[NRB_PLUGIN_PAYLOAD_MIN / 8];
	struct target_attr attr = { .target = &plugin->target, .data_size = SCENE_DATA_SIZE };
	struct target_ring *ring;

	plugin_make_target(plugin, true);
	ring = plugin->target.open(&attr);
	if (!ring)
		return;
	trial->allocates = plugin_allocated(ring) > 0 || plugin->table->regions;
	plugin->target.write(ring, payload, sizeof(payload));
	plugin->target.close(ring);
}

/* In a process of its own. */
static void try(const char *path, struct trial *trial)
{
	struct plugin plugin = { .path = NULL };

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* It may well crash, and nobody wants the remains. */
	setrlimit(RLIMIT_CORE, &(struct rlimit) { 0, 0 });
	plugin.table = find_table(path, trial->message, sizeof(trial->message));
	if (!plugin.table || statics_find(&plugin.statics, plugin.table))
		_exit(0);
	nrb_store_relaxed(&trial->loaded, 1);
	exercise(&plugin, trial);
	_exit(0);
}

/* Return: the wait status of @child, or -ETIME: it had to be killed. */
static int wait_for(pid_t child, const struct trial *trial)
{
	const struct timespec period = clock_timespec(TRIAL_LOOK_NS);
	uint64_t start = clock_ns();
	int status = 0;
	pid_t pid;

	for (;;) {
		pid = waitpid(child, &status, WNOHANG);
		if (pid == child)
			return status;
		if ((pid < 0 && errno != EINTR) ||
		    clock_ns() - start > (nrb_load_relaxed(&trial->loaded) ? TRIAL_NS : LOADING_NS)) {
			kill(child, SIGKILL);
			waitpid(child, &status, 0);
			return -ETIME;
		}
		nanosleep(&period, NULL);
	}
}

/* What goes wrong once it is loaded is for the tiers to tell. Return: 0, or -EINVAL with a reason. */
static int try_apart(const char *path, struct trial *trial, char *message, size_t size)
{
	pid_t child;
	int status;

	fflush(NULL);
	child = fork();
	if (!child)
		try(path, trial);
	status = child < 0 ? 0 : wait_for(child, trial);
	if (child < 0)
		return refuse(message, size, "cannot start a process to load it in: %s", strerror(errno));
	if (nrb_load_relaxed(&trial->loaded))
		return 0;
	if (trial->message[0])
		return refuse(message, size, "%s", trial->message);
	if (status == -ETIME)
		return refuse(message, size, "loading it did not come to an end: look at its constructors");
	if (WIFSIGNALED(status))
		return refuse(message, size, "loading it ended with signal %d (%s): look at its constructors",
			      WTERMSIG(status), strsignal(WTERMSIG(status)));
	return refuse(message, size, "loading it ended the process: look at its constructors");
}

static const struct target *load(const char *path, const struct trial *trial, char *message, size_t size)
{
	struct plugin *plugin = calloc(1, sizeof(*plugin));

	if (plugin)
		plugin->path = strdup(path);
	if (!plugin || !plugin->path) {
		free(plugin);
		refuse(message, size, "no memory");
		return NULL;
	}
	plugin->table = find_table(path, message, size);
	if (plugin->table && statics_find(&plugin->statics, plugin->table))
		refuse(message, size, "cannot find out where it was loaded");
	else if (plugin->table) {
		plugin_make_target(plugin, trial->allocates);
		return &plugin->target;
	}
	free(plugin->path);
	free(plugin);
	return NULL;
}

const struct target *plugin_load(const char *path, char *message, size_t size)
{
	char resolved[PATH_MAX];
	const struct target *target = NULL;
	struct trial *trial;

	/* A bare name would be sought where libraries are. */
	if (!realpath(path, resolved)) {
		refuse(message, size, "%s", strerror(errno));
		return NULL;
	}
	trial = mmap(NULL, sizeof(*trial), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (trial == MAP_FAILED) {
		refuse(message, size, "no memory");
		return NULL;
	}
	if (!try_apart(resolved, trial, message, size))
		target = load(resolved, trial, message, size);
	munmap(trial, sizeof(*trial));
	return target;
}

uint64_t plugin_file_hash(const char *path)
{
	FILE *file = fopen(path, "re");
	/* FNV-1a. */
	uint64_t hash = 0xcbf29ce484222325u;
	int byte;

	if (!file)
		return 0;
	while ((byte = getc(file)) != EOF)
		hash = (hash ^ (unsigned)byte) * 0x100000001b3u;
	fclose(file);
	return hash;
}
