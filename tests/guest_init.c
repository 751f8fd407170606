/* SPDX-License-Identifier: MIT */
/*
 * guest_init - the one process of the machine that make check-kernel boots: runs the commands in /commands, a line
 * each, words between blanks, tells how each ended, and switches the machine off
 *
 * Linked statically, since it comes before everything else.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define WORDS 32

static void mount_at(const char *type, const char *path)
{
	mkdir(path, 0755);
	if (mount(type, path, type, 0, NULL))
		perror(path);
}

/* Return: its exit status, or 128 and the signal that ended it. */
static int run(char *line)
{
	char *words[WORDS + 1] = { NULL };
	int status = 0;
	pid_t child;

	for (char *word = strtok(line, " \n"); word; word = strtok(NULL, " \n"))
		for (unsigned i = 0; i < WORDS; i++)
			if (!words[i]) {
				words[i] = word;
				break;
			}
	if (!words[0])
		return 0;
	child = fork();
	if (!child) {
		execv(words[0], words);
		perror(words[0]);
		_exit(127);
	}
	if (child < 0 || waitpid(child, &status, 0) != child)
		return 127;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int main(void)
{
	FILE *commands;
	char line[1024];

	mount_at("proc", "/proc");
	mount_at("sysfs", "/sys");
	mount_at("devtmpfs", "/dev");
	commands = fopen("/commands", "re");
	if (!commands)
		perror("/commands");
	while (commands && fgets(line, sizeof(line), commands)) {
		printf("guest: run %s", line);
		fflush(stdout);
		printf("guest: status %d\n", run(line));
		fflush(stdout);
	}
	puts("guest: done");
	fflush(stdout);
	sync();
	return reboot(RB_POWER_OFF);
}
