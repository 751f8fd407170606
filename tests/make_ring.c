/* SPDX-License-Identifier: MIT */
/*
 * make_ring.c - make a ring in a file, write to it as told, and end or be killed: what the tests of nrb-dump dump
 *
 *   make_ring PATH [NAME=VALUE...] [COMMAND[:N]...]
 *
 * Values: size, start, id, sample_id, sample_type, flags, clock. Commands, in order: write:N records of a text that
 * tells its number; type:N the type of those that come; sized:N one record of N bytes; full until there is no more
 * room; lose:N writes that fail; reserve:N a reservation that stays open; discard:N one that is given up; slow:N
 * records, a millisecond apart; nest:N records, written while a reservation is open; tell, on standard output, that it
 * came so far; kill.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "nrb.h"

static struct nrb_ring *ring;
static uint32_t type = NRB_RECORD_SAMPLE;
static unsigned number;

static int write_one(void)
{
	char text[80];
	/* Lengths of all kinds; the number tells what the rest must be. */
	int length = snprintf(text, sizeof(text), "record %06u %.*s", number, (int)(number % 41),
			      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ");
	int rc = nrb_write(ring, type, text, (size_t)length);

	if (!rc)
		number++;
	return rc;
}

static void write_sized(size_t size)
{
	unsigned char *bytes = calloc(1, size + 1);

	for (size_t i = 0; bytes && i < size; i++)
		bytes[i] = (unsigned char)(i * 7);
	if (!bytes || nrb_write(ring, type, bytes, size)) {
		fprintf(stderr, "make_ring: %zu bytes do not go in\n", size);
		exit(1);
	}
	free(bytes);
}

static void must(int rc, const char *what)
{
	if (!rc)
		return;
	fprintf(stderr, "make_ring: %s: %s\n", what, strerror(-rc));
	exit(1);
}

static void write_slowly(unsigned count)
{
	const struct timespec pause = { .tv_nsec = 1000000 };

	for (unsigned i = 0; i < count; i++) {
		/* Whoever reads gives room back. */
		while (write_one())
			nanosleep(&pause, NULL);
		nanosleep(&pause, NULL);
	}
}

static void nest(unsigned count)
{
	struct nrb_reservation outer;

	must(nrb_reserve(ring, &outer, type, 16), "nest");
	memcpy(outer.payload, "the outer record", 16);
	for (unsigned i = 0; i < count; i++)
		must(write_one(), "nest");
	nrb_commit(ring, &outer);
}

static void obey(const char *command)
{
	struct nrb_reservation reservation;
	unsigned n = 1;
	char name[32];

	if (sscanf(command, "%31[a-z]:%u", name, &n) < 1)
		must(-22, command);
	if (!strcmp(name, "write")) {
		while (n--)
			must(write_one(), command);
	} else if (!strcmp(name, "type")) {
		type = n;
	} else if (!strcmp(name, "sized")) {
		write_sized(n);
	} else if (!strcmp(name, "full")) {
		while (!write_one())
			;
	} else if (!strcmp(name, "lose")) {
		while (n--)
			must(nrb_write(ring, type, name, nrb_payload_max(ring)) == -28 ? 0 : -5, command);
	} else if (!strcmp(name, "reserve")) {
		must(nrb_reserve(ring, &reservation, type, n), command);
	} else if (!strcmp(name, "discard")) {
		must(nrb_reserve(ring, &reservation, type, n), command);
		nrb_discard(ring, &reservation);
	} else if (!strcmp(name, "slow")) {
		write_slowly(n);
	} else if (!strcmp(name, "nest")) {
		nest(n);
	} else if (!strcmp(name, "tell")) {
		puts("ready");
		fflush(stdout);
	} else if (!strcmp(name, "kill")) {
		raise(SIGKILL);
	} else {
		must(-22, command);
	}
}

static int set(struct nrb_attr *attr, const char *argument)
{
	const char *equals = strchr(argument, '=');
	const size_t length = equals ? (size_t)(equals - argument) : 0;
	const struct {
		const char *name;
		uint64_t *value;
	} values[] = {
		{ "size", &attr->data_size },
		{ "start", &attr->start },
		{ "id", &attr->id },
		{ "sample_id", &attr->sample_id },
		{ "sample_type", &attr->sample_type },
	};

	if (!equals)
		return 0;
	if (!strncmp(argument, "flags", length))
		attr->flags = (uint32_t)strtoul(equals + 1, NULL, 0);
	if (!strncmp(argument, "clock", length))
		attr->clock = atoi(equals + 1);
	for (unsigned i = 0; i < sizeof(values) / sizeof(values[0]); i++)
		if (strlen(values[i].name) == length && !strncmp(argument, values[i].name, length))
			*values[i].value = strtoull(equals + 1, NULL, 0);
	return 1;
}

int main(int argc, char **argv)
{
	struct nrb_attr attr = NRB_ATTR_INIT;
	int i = 2;

	if (argc < 2)
		return 2;
	attr.path = argv[1];
	attr.data_size = 1 << 16;
	while (i < argc && set(&attr, argv[i]))
		i++;
	ring = nrb_create(&attr);
	if (!ring) {
		perror("make_ring");
		return 1;
	}
	for (; i < argc; i++)
		obey(argv[i]);
	nrb_destroy(ring);
	return 0;
}
