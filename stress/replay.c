/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "replay.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "listing.h"
#include "plugin/contain.h"
#include "step/play.h"
#include "step/scenario.h"
#include "step/step.h"
#include "symbol.h"

/* Where the right column begins. */
#define MIDDLE 84
#define INDENT 4

/* So many instructions around a strike, and before what is seen, are told one by one. */
#define CLOSE 6
/* What a plug-in's replay may take. */
#define APART_NS (30 * NS_PER_S)
/* Functions named of those in between. */
#define NAMED 4

struct story {
	FILE *out;
	struct play_event *event;
	size_t count, room;
	uint64_t head, tail, reserved, records; /* as told last */
};

__attribute__((format(printf, 4, 5))) static void put(struct story *story, unsigned level, const char *right,
						      const char *format, ...)
{
	char left[256];
	va_list args;
	int width = MIDDLE - (int)level * INDENT;

	va_start(args, format);
	vsnprintf(left, sizeof(left), format, args);
	va_end(args);
	if (!right[0])
		fprintf(story->out, "%*s%s\n", (int)level * INDENT, "", left);
	else
		fprintf(story->out, "%*s%-*.*s | %s\n", (int)level * INDENT, "", width, width, left, right);
}

/* "publish_legacy, stress/targets/legacy.c:27", or what is known. */
static void name_place(uint64_t pc, char *text, size_t size)
{
	struct symbol symbol;

	symbol_find(pc, &symbol);
	if (symbol.place[0])
		snprintf(text, size, "%.60s%s%.80s", symbol.inlined, symbol.inlined[0] ? ", " : "", symbol.place);
	else
		snprintf(text, size, "%.80s", symbol.function);
}

__attribute__((format(printf, 3, 4))) static void add(char *text, size_t size, const char *format, ...)
{
	size_t at = strlen(text);
	va_list args;

	va_start(args, format);
	vsnprintf(text + at, size - at, format, args);
	va_end(args);
}

/* What is new to a reader; empty: nothing. */
static void describe(const struct story *story, const struct play_event *event, char *text, size_t size)
{
	int64_t by = (int64_t)(event->head - story->head);

	text[0] = '\0';
	if (by > 0)
		add(text, size, "data_head 0x%" PRIx64 ", %" PRId64 " bytes on", event->head, by);
	else if (by < 0)
		add(text, size, "data_head 0x%" PRIx64 ", %" PRId64 " bytes BACK", event->head, -by);
	if (event->records > story->records)
		add(text, size, "%s%" PRIu64 " record%s read", text[0] ? "; " : "", event->records - story->records,
		    event->records - story->records == 1 ? "" : "s");
	if (event->tail != story->tail)
		add(text, size, "; data_tail 0x%" PRIx64, event->tail);
	for (unsigned kind = 0; kind < VIOLATIONS; kind++)
		if (event->kinds & VIOLATION_BIT(kind))
			add(text, size, "  <== %s", violation_name(kind));
}

/* Whether the event leaves anything to be seen, by a reader or in the positions. */
static bool is_visible(const struct story *story, size_t at)
{
	static const struct play_event begin;
	const struct play_event *event = &story->event[at], *before = at ? event - 1 : &begin;

	return event->what != PLAY_STEP || event->kinds || event->head != before->head || event->tail != before->tail ||
	       event->reserved != before->reserved;
}

/* Whether an instruction is worth a line of its own: close to a strike on its write, or before what is seen. */
static bool is_close(const struct story *story, size_t at)
{
	const struct play_event *event = &story->event[at];
	size_t first = at > CLOSE ? at - CLOSE : 0;

	for (size_t i = first; i < story->count && i <= at + CLOSE; i++) {
		const struct play_event *other = &story->event[i];

		if (other->what == PLAY_STRIKE && other->level == event->level + 1)
			return true;
		if (i > at && other->kinds && other->level == event->level)
			return true;
	}
	/* After a strike its whole write lies in between. */
	for (size_t i = at, steps = 0; i-- > 0 && steps < CLOSE;) {
		if (story->event[i].level <= event->level && story->event[i].what == PLAY_STEP)
			steps++;
		else if (story->event[i].what == PLAY_RETURN && story->event[i].level == event->level + 1)
			return true;
	}
	return false;
}

/* "nrb_copy" or, without debug information, nothing. */
static void name_function(uint64_t pc, char *name, size_t size)
{
	struct symbol symbol;

	symbol_find(pc, &symbol);
	snprintf(name, size, "%.60s", symbol.inlined[0] ? symbol.inlined : symbol.function);
	name[strcspn(name, "+")] = '\0';
}

/* All instructions from @at on that nobody can tell from outside, in one line. Return: how many. */
static size_t put_stretch(struct story *story, size_t at)
{
	unsigned level = story->event[at].level, named = 0;
	char names[NAMED][64], text[160] = "";
	size_t end = at;

	for (; end < story->count && !is_visible(story, end) && !is_close(story, end); end++) {
		char name[64];
		bool known = named == NAMED;

		name_function(story->event[end].pc, name, sizeof(name));
		for (unsigned i = 0; i < named; i++)
			known |= !strcmp(names[i], name);
		if (!known)
			memcpy(names[named++], name, sizeof(name));
	}
	for (unsigned i = 0; i < named; i++)
		add(text, sizeof(text), "%s%s", i ? ", " : "", names[i]);
	put(story, level, "", "%zu instruction%s: %s%s", end - at, end - at == 1 ? "" : "s", text,
	    named == NAMED ? ", ..." : "");
	return end - at;
}

static void put_step(struct story *story, const struct play_event *event)
{
	char right[192], place[160], instruction[96];

	describe(story, event, right, sizeof(right));
	name_place(event->pc, place, sizeof(place));
	listing_instruction(event->pc, instruction, sizeof(instruction));
	if (event->reserved != story->reserved)
		put(story, event->level, right, "%-24.48s %s   reserved up to 0x%" PRIx64, instruction, place,
		    event->reserved);
	else
		put(story, event->level, right, "%-24.48s %s", instruction, place);
}

static void put_event(struct story *story, const struct play_event *event)
{
	char right[192];

	switch (event->what) {
	case PLAY_STEP: put_step(story, event); break;
	case PLAY_STRIKE:
		put(story, event->level - 1, "", "*** struck after %u instructions", event->boundary);
		put(story, event->level, "", "level %u writes", event->level);
		break;
	case PLAY_RELEASE:
		describe(story, event, right, sizeof(right));
		put(story, event->level, right, "*** after %u instructions the consumer releases what it has read",
		    event->boundary);
		break;
	case PLAY_RETURN:
		describe(story, event, right, sizeof(right));
		put(story, event->level, right, "level %u is done: its record was %s", event->level,
		    event->taken ? "taken" : "refused");
		break;
	}
	story->head = event->head;
	story->tail = event->tail;
	story->reserved = event->reserved;
	story->records = event->records;
}

static void put_story(struct story *story)
{
	put(story, 0, "a reader who looks after every instruction", "the writer, and what strikes it");
	put(story, 0, "", "level 0 writes");
	for (size_t at = 0; at < story->count;) {
		if (is_visible(story, at) || is_close(story, at))
			put_event(story, &story->event[at++]);
		else
			at += put_stretch(story, at);
	}
	fputc('\n', story->out);
}

/* Kept until all is known: what comes before an event is told with it in mind. */
static void keep(const struct play_event *event, void *context)
{
	struct story *story = context;
	struct play_event *more;

	if (story->count == story->room) {
		more = realloc(story->event, (2 * story->room + 256) * sizeof(*more));
		if (!more)
			return;
		story->event = more;
		story->room = 2 * story->room + 256;
	}
	story->event[story->count++] = *event;
}

/* As text: what a plug-in's code did in the end. */
static void name_end(const struct finding *seen, char *text, size_t size)
{
	char place[160] = "a place that is not known";

	if (seen->after)
		name_place(seen->after, place, sizeof(place));
	if (seen->before)
		snprintf(text, size, "signal %d (%s), at %s", (int)seen->before, strsignal((int)seen->before), place);
	else
		snprintf(text, size, "at %s", place);
}

static int complain(const char *path, const char *message, int error)
{
	fprintf(stderr, "nrb-stress: cannot replay %s: %s\n", path, message);
	return error;
}

static int replay(const char *path, const struct filed_witness *filed, const struct stepper *stepper, FILE *out)
{
	const struct witness *witness = &filed->witness;
	const struct scenario *scenario = &scenarios[witness->scenario];
	struct story story = { .out = out, .head = scenario_start(scenario) };
	struct play_result result;
	char text[256];

	fprintf(out, "%s, ring state \"%s\": %s\n\n", filed->target->name, scenario->name,
		violation_name(witness->kind));
	play(filed->target, scenario, stepper, witness, keep, &story, &result);
	put_story(&story);
	free(story.event);
	if (result.error)
		return complain(path, result.message, result.error);
	if (result.strayed)
		return complain(
			path,
			"another instruction stands where it is to strike: the C library, or the CPU that it chose "
			"its functions for, is not the same; make a new one with --witness",
			-ESTALE);
	if (!(result.kinds & VIOLATION_BIT(witness->kind)) || result.struck != witness->count)
		return complain(path, "the violation did not show again", -ENOENT);
	if (VIOLATION_ENDS & VIOLATION_BIT(witness->kind)) {
		name_end(&result.seen[witness->kind], text, sizeof(text));
		fprintf(out, "%s showed again: %s\n\n", violation_name(witness->kind), text);
		return 0;
	}
	fprintf(out, "%s showed again: 0x%" PRIx64 ", then 0x%" PRIx64 "\n\n", violation_name(witness->kind),
		result.seen[witness->kind].before, result.seen[witness->kind].after);
	return 0;
}

/* Return: the wait status of @child; killed, where it does not come to an end. */
static int wait_for(pid_t child)
{
	const struct timespec period = clock_timespec(NS_PER_MS);
	uint64_t deadline = clock_ns() + APART_NS;
	int status = 0;

	while (waitpid(child, &status, WNOHANG) == 0) {
		nanosleep(&period, NULL);
		if (clock_ns() > deadline)
			kill(child, SIGKILL);
	}
	return status;
}

/* A plug-in's, in a process of its own: that may be what ends. */
static int replay_apart(const char *path, const struct filed_witness *filed, const struct stepper *stepper, FILE *out)
{
	struct contained *ended = mmap(NULL, sizeof(*ended), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct finding seen;
	char text[256];
	int status, rc;
	pid_t child;

	if (ended == MAP_FAILED)
		return complain(path, "no memory", -ENOMEM);
	fflush(NULL);
	child = fork();
	if (!child) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		contain_into = ended;
		contain_crashes();
		rc = replay(path, filed, stepper, out);
		fflush(out);
		_exit(rc ? 1 : 0);
	}
	status = child < 0 ? -1 : wait_for(child);
	seen = (struct finding) { .before = contain_before(ended), .after = ended->pc };
	rc = status ? -ENOENT : 0;
	if (child < 0) {
		rc = complain(path, "cannot start a process", -EAGAIN);
	} else if (ended->any && ended->kind == filed->witness.kind) {
		name_end(&seen, text, sizeof(text));
		fprintf(out, "%s showed again: %s\n\n", violation_name(ended->kind), text);
	} else if (ended->any || (status && !WIFEXITED(status))) {
		rc = complain(path, "the plug-in's code ended otherwise than it did", -ENOENT);
	}
	munmap(ended, sizeof(*ended));
	return rc;
}

int replay_file(const char *path, const struct stepper *stepper, FILE *out)
{
	struct witness_file file;
	char message[512];
	int rc = witness_file_read(path, &file, message, sizeof(message));

	if (rc)
		return complain(path, message, rc);
	if (!stepper) {
		stepper = stepper_choose(message, sizeof(message));
		rc = stepper ? 0 : complain(path, message, -ENOTSUP);
	}
	for (unsigned i = 0; i < file.count && !rc; i++)
		rc = (file.at[i].target->file ? replay_apart : replay)(path, &file.at[i], stepper, out);
	witness_file_free(&file);
	return rc;
}
