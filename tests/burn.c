/* SPDX-License-Identifier: MIT */
/*
 * burn.c - a program to be profiled: tests/examples.sh knows which functions burn its time
 *
 * Three threads at once, as many milliseconds of CPU time each as the argument says; then eight short-lived ones, one
 * behind the other; then a forked child, which is not to be seen. The last line tells the CPU time of the process.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static long cpu_ms(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (long)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

__attribute__((noinline)) static unsigned long burn_inner(unsigned long value)
{
	for (volatile int i = 0; i < 20000; i++)
		value = value * 2654435761u + 1;
	return value;
}

__attribute__((noinline)) static void burn_outer(long ms)
{
	const long end = cpu_ms(CLOCK_THREAD_CPUTIME_ID) + ms;
	volatile unsigned long value = 1;

	while (cpu_ms(CLOCK_THREAD_CPUTIME_ID) < end)
		value = burn_inner(value);
}

static void *thread_main(void *ms)
{
	burn_outer(*(const long *)ms);
	return NULL;
}

static void run_thread(pthread_t *thread, long *ms)
{
	if (pthread_create(thread, NULL, thread_main, ms))
		exit(1);
}

int main(int argc, char **argv)
{
	long ms = argc > 1 ? atol(argv[1]) : 100, brief = 5;
	pthread_t thread[2];
	pid_t child;
	int status = 0;

	for (int i = 0; i < 2; i++)
		run_thread(&thread[i], &ms);
	burn_outer(ms);
	for (int i = 0; i < 2; i++)
		pthread_join(thread[i], NULL);
	for (int i = 0; i < 8; i++) {
		run_thread(&thread[0], &brief);
		pthread_join(thread[0], NULL);
	}
	child = fork();
	if (!child) {
		run_thread(&thread[0], &brief);
		burn_outer(20);
		pthread_join(thread[0], NULL);
		exit(0);
	}
	if (child < 0 || waitpid(child, &status, 0) != child || status)
		return 1;
	printf("%ld\n", cpu_ms(CLOCK_PROCESS_CPUTIME_ID));
	return 0;
}
