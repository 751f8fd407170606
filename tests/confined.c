/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "confined.h"

#include <dirent.h>
#include <grp.h>
#include <limits.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "suite.h"

#define NOBODY 65534

uint64_t page_size(void)
{
	return (uint64_t)sysconf(_SC_PAGESIZE);
}

bool exists(const char *path)
{
	struct stat st;

	return !lstat(path, &st);
}

const char *writer_of(const char *path)
{
	static char writer[2 * PATH_MAX + 16];

	snprintf(writer, sizeof(writer), "%s.writer", path);
	return writer;
}

void nothing_left(const char *path)
{
	ck_assert_msg(!exists(path), "%s was left behind", path);
	ck_assert_msg(!exists(writer_of(path)), "%s was left behind", writer_of(path));
}

void limit(int resource, rlim_t value)
{
	struct rlimit rlimit;

	/* Not by ck_assert, which writes to a file that may be beyond its limit now. */
	require(!getrlimit(resource, &rlimit));
	rlimit.rlim_cur = value;
	require(!setrlimit(resource, &rlimit));
}

unsigned open_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned count = 0;

	ck_assert_ptr_nonnull(dir);
	while (readdir(dir))
		count++;
	closedir(dir);
	return count;
}

unsigned long address_space_kib(void)
{
	FILE *statm = fopen("/proc/self/statm", "r");
	unsigned long pages;

	ck_assert_ptr_nonnull(statm);
	ck_assert_int_eq(fscanf(statm, "%lu", &pages), 1);
	fclose(statm);
	return pages * (page_size() / 1024);
}

bool drop_privileges(void)
{
	return geteuid() ||
	       (!setgroups(0, NULL) && !setresgid(NOBODY, NOBODY, NOBODY) && !setresuid(NOBODY, NOBODY, NOBODY));
}

static bool map_to_root(const char *path, unsigned id)
{
	FILE *file = fopen(path, "w");

	return file && fprintf(file, "0 %u 1", id) > 0 && !fclose(file);
}

static bool deny_setgroups(void)
{
	FILE *file = fopen("/proc/self/setgroups", "w");

	return file && fputs("deny", file) >= 0 && !fclose(file);
}

/* Namespaces of our own; for a user without privileges one of users as well, where he is root and owns files. */
static bool enter_namespaces(void)
{
	uid_t uid = geteuid();
	gid_t gid = getegid();

	if (!unshare(CLONE_NEWNS))
		return true;
	return !unshare(CLONE_NEWUSER | CLONE_NEWNS) && deny_setgroups() && map_to_root("/proc/self/uid_map", uid) &&
	       map_to_root("/proc/self/gid_map", gid);
}

bool mount_small(const char *path, const char *options)
{
	if (!enter_namespaces())
		return false;
	return !mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) && !mount("none", path, "tmpfs", 0, options);
}

bool can(bool (*attempt)(void))
{
	pid_t pid = fork();
	int status = 1;

	if (!pid)
		_exit(attempt() ? 0 : 1);
	if (pid > 0)
		waitpid(pid, &status, 0);
	return status == 0;
}

static bool mount_small_on_tmp(void)
{
	return mount_small("/tmp", "size=256k");
}

/* An emulator of another machine needs address space of its own, and may not pass the limit on. */
static bool address_space_can_be_limited(void)
{
	const struct rlimit none = { 0 };

	return !setrlimit(RLIMIT_AS, &none) &&
	       mmap(NULL, page_size(), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED;
}

const char *no_limit(void)
{
	if (SANITIZED)
		return "sanitizers need the address space themselves";
	return can(address_space_can_be_limited) ? NULL : "the address space cannot be limited here";
}

const char *no_other_user(void)
{
	return can(drop_privileges) ? NULL : "root here cannot become another user";
}

const char *no_mount(void)
{
	return can(mount_small_on_tmp) ? NULL : "no file system can be mounted here";
}
