/* SPDX-License-Identifier: MIT */
/*
 * text_detail.c - the text report below its table: what was seen of each target, and what else is worth knowing
 */
#include "report/text.h"

#include <inttypes.h>
#include <string.h>

#include "number.h"
#include "symbol.h"

/* Events told of a violated target; --verbose tells all that were kept. */
#define EVENTS_TOLD 3

/* What the two numbers of an event are. */
enum evidence { POSITIONS, POSITION_AND_TYPE, NUMBERS, SIGNAL_AND_PLACE };

static const struct {
	const char *before, *one, *many; /* the words around a number of them */
	enum evidence evidence;
} kinds[VIOLATIONS] = {
	[HEAD_BACKWARD] = { "data_head went backwards ", " time", " times", POSITIONS },
	[HEAD_BELOW_TAIL] = { "data_head was below data_tail ", " time", " times", POSITIONS },
	[TORN_RECORD] = { "", " torn record", " torn records", POSITION_AND_TYPE },
	[BAD_RECORD] = { "", " record header that no writer wrote", " record headers that no writer wrote",
			 POSITION_AND_TYPE },
	[SEQUENCE_GAP] = { "", " gap in the sequence", " gaps in the sequence", NUMBERS },
	[SEQUENCE_REPEAT] = { "", " record repeated or late", " records repeated or late", NUMBERS },
	[OVERRUN] = { "", " overrun of unread records", " overruns of unread records", POSITIONS },
	[LOST_MISMATCH] = { "lost records did not add up ", " time", " times", NUMBERS },
	[STUCK_HEAD] = { "data_head stuck at rest ", " time", " times", POSITIONS },
	[MISSED_WAKEUP] = { "", " missed wakeup", " missed wakeups", NUMBERS },
	[CRASH] = { "crashed ", " time", " times", SIGNAL_AND_PLACE },
	[HANG] = { "hung ", " time", " times", SIGNAL_AND_PLACE },
};

static uint64_t kept_events(const struct target_result *result)
{
	return result->events < EVENTS_KEPT ? result->events : EVENTS_KEPT;
}

/* ", by 16 to 4,112 bytes", of the events that were kept. */
static void add_range(struct line *line, const struct target_result *result, enum violation kind)
{
	uint64_t least = UINT64_MAX, most = 0;

	for (uint64_t i = 0; i < kept_events(result); i++) {
		const struct event *event = &result->event[i];
		uint64_t by = event->before - event->after;

		if (event->kind != kind)
			continue;
		least = by < least ? by : least;
		most = by > most ? by : most;
	}
	if (least > most)
		return;
	line_add(line, ", by %s", number_grouped(least).text);
	if (least != most)
		line_add(line, " to %s", number_grouped(most).text);
	line_add(line, " byte%s", plural(most));
}

static void add_kinds(struct line *line, const struct target_result *result)
{
	const char *separator = "";

	for (unsigned kind = 0; kind < VIOLATIONS; kind++) {
		uint64_t count = counts_violations(&result->counts, kind);

		if (!count)
			continue;
		line_add(line, "%s%s%s%s", separator, kinds[kind].before, number_grouped(count).text,
			 count == 1 ? kinds[kind].one : kinds[kind].many);
		if (kind == HEAD_BACKWARD || kind == HEAD_BELOW_TAIL)
			add_range(line, result, kind);
		separator = "; ";
	}
}

static void add_first(struct line *line, const struct target_result *result)
{
	const struct event *event = &result->event[0];
	struct symbol symbol;
	char text[320];

	if (result->events && VIOLATION_ENDS & VIOLATION_BIT(event->kind)) {
		line_add(line, ": ");
		text_end(line, event->kind, event->before, event->after);
	}
	if (result->first_violation_ns == UINT64_MAX)
		return;
	line_add(line, "; first after %s", number_duration(result->first_violation_ns).text);
	if (!result->events || !event->strikes_known)
		return;
	symbol_find(event->strikes[0].pc, &symbol);
	line_add(line, ", interrupted at %s", symbol_print(&symbol, text, sizeof(text)));
}

/* ---- events in full ---- */

static void put_strike(const struct strike *strike, FILE *out)
{
	struct line line = { .at = 0 };
	struct symbol symbol;
	char text[320];

	symbol_find(strike->pc, &symbol);
	line_add(&line,
		 "interrupt %s, %s into its slice, level %u, depth %u, %s%s, head 0x%" PRIx64 " -> 0x%" PRIx64
		 ", at %s",
		 number_grouped(strike->number).text, number_duration(strike->time_ns).text, strike->level,
		 strike->depth, strike->class < STRIKE_CLASSES ? strike_class_name(strike->class) : "?",
		 strike->exposed ? ", exposed" : "", strike->head_before, strike->head_after,
		 symbol_print(&symbol, text, sizeof(text)));
	line_put(&line, out, "         after", 15, 1);
}

static void put_event(const struct event *event, uint64_t number, FILE *out)
{
	enum violation kind = event->kind < VIOLATIONS ? event->kind : BAD_RECORD;
	struct line line = { .at = 0 };
	char head[32], who[32];

	if (event->reader == EVENT_BY_WRITER)
		snprintf(who, sizeof(who), "the writer itself");
	else
		snprintf(who, sizeof(who), "reader %u", event->reader);
	line_add(&line, "%s after %s, ring %u, %s, %s interrupt: ", violation_name(kind),
		 number_duration(event->time_ns).text, event->writer, who,
		 event->class < STRIKE_CLASSES ? strike_class_name(event->class) : "?");
	switch (kinds[kind].evidence) {
	case POSITIONS:
		line_add(&line, "0x%" PRIx64 ", then 0x%" PRIx64 ", %s bytes less", event->before, event->after,
			 number_grouped(event->before - event->after).text);
		break;
	case POSITION_AND_TYPE:
		line_add(&line, "at 0x%" PRIx64 ", type or header 0x%" PRIx64, event->before, event->after);
		break;
	case NUMBERS:
		line_add(&line, "%s expected, %s found", number_grouped(event->before).text,
			 number_grouped(event->after).text);
		break;
	case SIGNAL_AND_PLACE: text_end(&line, kind, event->before, event->after); break;
	}
	snprintf(head, sizeof(head), "    #%-3" PRIu64 " ", number);
	line_put(&line, out, head, 9, 1);
	for (unsigned i = 0; i < event->strikes_known && i < EVENT_STRIKES; i++)
		if (event->strikes[i].number)
			put_strike(&event->strikes[i], out);
}

static void put_events(const struct target_result *result, uint64_t limit, FILE *out)
{
	uint64_t kept = kept_events(result), told = kept < limit ? kept : limit;

	for (uint64_t i = 0; i < told; i++)
		put_event(&result->event[i], i + 1, out);
	if (told < kept)
		fprintf(out, "    %s more were kept (--verbose tells them)\n", number_grouped(kept - told).text);
	if (kept < result->events)
		fprintf(out, "    %s more were counted\n", number_grouped(result->events - kept).text);
}

/* One word of a command line as a shell reads it. */
static void add_quoted(struct line *line, const char *word)
{
	if (word[0] &&
	    !word[strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=:,./@%")]) {
		line_add(line, " %s", word);
		return;
	}
	line_add(line, " '");
	for (; *word; word++) {
		if (*word == '\'')
			line_add(line, "'\\''");
		else
			line_add(line, "%c", *word);
	}
	line_add(line, "'");
}

/* The same command line with the seed; it comes first, so that nothing behind a "--" can swallow it. */
static void put_replay(const struct options *options, FILE *out)
{
	struct line line = { .at = 0 };

	add_quoted(&line, options->argc > 0 ? options->argv[0] : "nrb-stress");
	line_add(&line, " --seed=0x%" PRIx64, options->seed);
	for (int i = 1; i < options->argc; i++) {
		const char *word = options->argv[i];

		if (!strcmp(word, "--seed")) {
			i++;
			continue;
		}
		if (strncmp(word, "--seed=", 7))
			add_quoted(&line, word);
	}
	fprintf(out,
		"    replay:%s\n"
		"    (the same records, interrupt intervals and slow motion; where interrupts strike is up to the "
		"machine)\n",
		line.text);
}

/* ---- one target ---- */

static void explain(const struct report *report, size_t at, bool verbose, FILE *out)
{
	const struct target_result *result = &report->results[at];
	const struct judgement *judgement = &report->judgements[at];
	uint32_t known = result->claim == CLAIM_CONTROL ? result->expected | result->allowed : 0;
	struct line line = { .at = 0 };
	char head[64];

	if (!counts_violations_except(&result->counts, 0))
		return;
	if (result->tier == TIER_STEP) {
		text_stepped(report, at, verbose, out);
		return;
	}
	text_name(report, result, head, sizeof(head));
	add_kinds(&line, result);
	add_first(&line, result);
	line_put(&line, out, head, (int)strlen(head), 1);
	/* A control that fails in its own way is no news; anything else is told so that it can be hunted. */
	if (!counts_violations_except(&result->counts, known) && judgement->verdict != VERDICT_FAIL)
		return;
	for (unsigned kind = 0; kind < VIOLATIONS; kind++) {
		uint64_t count = counts_violations(&result->counts, kind);

		if (count)
			line_add(&line, "%s%s %s", line.at ? "   " : "", violation_name(kind),
				 number_grouped(count).text);
	}
	line_put(&line, out, "   ", 4, 3);
	/* --verbose has told them above, all of them. */
	if (!verbose)
		put_events(result, EVENTS_TOLD, out);
	put_replay(report->options, out);
}

/* The reasons that the last line does not give, because another one weighs more. */
static void tell_reason(const struct report *report, size_t at, FILE *out)
{
	const struct judgement *judgement = &report->judgements[at];
	struct line line = { .at = 0 };
	const char *obstacle;

	if (judgement->verdict == VERDICT_PASS || !strcmp(judgement->reason, report->run->reason))
		return;
	/* The header has told what keeps a whole tier away. */
	obstacle = tier_obstacle(report, report->results[at].tier);
	if (obstacle && !strcmp(judgement->reason, obstacle))
		return;
	line_add(&line, "%s: %s", verdict_name(judgement->verdict), judgement->reason);
	line_put(&line, out, "  ", 2, 1);
}

/* What happened to one target and is worth a line when it did. */
static void put_notes(const struct report *report, const struct target_result *result, FILE *out)
{
	const struct counts *counts = &result->counts;
	uint64_t refused = 0, attempts = 0;
	struct line line = { .at = 0 };
	char head[64];

	for (unsigned level = 1; level < LEVELS; level++) {
		refused += counts->refused[level];
		attempts += counts->attempts[level];
	}
	if (refused)
		line_add(&line, "; %s of nested writes refused, for want of room: they expose nothing",
			 number_percent(share_of(refused, attempts)).text);
	if (counts->overruns)
		line_add(&line, "; %s expiration%s came while the signal before was pending",
			 number_grouped(counts->overruns).text, plural(counts->overruns));
	if (counts->disarms)
		line_add(&line, "; the watchdog disarmed %s time%s", number_grouped(counts->disarms).text,
			 plural(counts->disarms));
	if (result->starved)
		line_add(&line, "; %u of %u slices ended starved", result->starved, result->slices);
	if (counts->stray_signals)
		line_add(&line, "; %s signal%s from somebody else, passed over",
			 number_grouped(counts->stray_signals).text, plural(counts->stray_signals));
	if (result->shared)
		line_add(&line,
			 "; two threads wrote into each ring: %s of %s records are the second's, and %s interrupt%s "
			 "found both in a write",
			 number_grouped(counts->shared_records).text, number_grouped(counts->records).text,
			 number_grouped(counts->met).text, plural(counts->met));
	if (!line.at)
		return;
	/* Past the first separator. */
	memmove(line.text, line.text + 2, line.at - 1);
	line.at -= 2;
	text_name(report, result, head, sizeof(head));
	line_put(&line, out, head, (int)strlen(head), 1);
}

/* ---- the run ---- */

static void put_run_notes(const struct report *report, FILE *out)
{
	const struct stolen_time *stolen = &report->stolen;
	struct line line = { .at = 0 };

	if (stolen->steal_ns) {
		line_add(&line, "the hypervisor took %s of CPU time during the run",
			 number_duration(stolen->steal_ns).text);
		line_put(&line, out, "  ", 2, 1);
	}
	if (stolen->throttled_ns) {
		line_add(&line, "the cgroup's CPU quota held us back for %s",
			 number_duration(stolen->throttled_ns).text);
		line_put(&line, out, "  ", 2, 1);
	}
	if (any_sampled(report) && !report->survey->slow_motion && report->options->slow_motion > 0) {
		line_add(&line, "no slow motion here: %s; readers see only a few of the decreases that happen",
			 report->survey->slow_motion_reason);
		line_put(&line, out, "  ", 2, 1);
	}
}

/* ---- --verbose ---- */

static void put_rates(const struct report *report, const struct target_result *result, FILE *out)
{
	const struct counts *counts = &result->counts;
	unsigned writers = report->placement->writers ? report->placement->writers : 1;
	struct line line = { .at = 0 };

	for (unsigned level = 1; level < LEVELS; level++)
		line_add(&line, "level %u %s/s   ", level,
			 number_short(per_second(counts->strikes_by_level[level], counts->elapsed_ns)).text);
	line_add(&line, "records %s/s   polls %s/s", number_short(per_second(counts->records, counts->elapsed_ns)).text,
		 number_short(per_second(counts->polls, counts->elapsed_ns / writers)).text);
	line_put(&line, out, "    rates", 16, 3);
	for (unsigned depth = 1; depth <= LEVELS; depth++)
		line_add(&line, "%u: %s   ", depth, number_grouped(counts->strikes_by_depth[depth]).text);
	line_put(&line, out, "    by depth", 16, 3);
}

static void put_classes(const struct target_result *result, FILE *out)
{
	struct line line = { .at = 0 };

	for (unsigned i = 0; i < STRIKE_CLASSES; i++) {
		const struct class_counts *class = &result->counts.by_class[i];
		char head[32];

		line_add(&line, "%s interrupts   %s in a write   %s %s   ", number_grouped(class->strikes).text,
			 number_grouped(class->in_write).text, number_grouped(class->exposed).text,
			 result->boundaries ? "exposed" : "of these with a write of their own");
		if (result->boundaries && i == STRIKE_PLAIN)
			line_add(&line, "%s decreasing   ", number_grouped(class->decreasing).text);
		if (i == STRIKE_SLOW)
			line_add(&line, "%s decreases   ", number_grouped(class->decreases).text);
		line_add(&line, "%s seen", number_grouped(class->seen).text);
		snprintf(head, sizeof(head), "    %s", strike_class_name(i));
		line_put(&line, out, head, 16, 3);
	}
}

static void put_time(const struct target_result *result, FILE *out)
{
	const struct counts *counts = &result->counts;
	uint64_t run_ns = counts->elapsed_ns > counts->slow_ns ? counts->elapsed_ns - counts->slow_ns : 0;
	double progress = run_ns > counts->handler_ns ? 1 - share_of(counts->handler_ns, run_ns) : 0;
	struct line line = { .at = 0 };

	line_add(&line, "%s of writers   %s in handlers   %s in slow motion   progress %s",
		 number_duration(counts->elapsed_ns).text, number_duration(counts->handler_ns).text,
		 number_duration(counts->slow_ns).text, number_percent(progress).text);
	line_put(&line, out, "    time", 16, 3);
	line_add(&line, "%s handler%s lingered   %s wait%s for room   %s write%s refused at level 0",
		 number_grouped(counts->lingered).text, plural(counts->lingered), number_grouped(counts->waited).text,
		 plural(counts->waited), number_grouped(counts->refused[0]).text, plural(counts->refused[0]));
	for (unsigned level = 1; level < LEVELS; level++)
		line_add(&line, ", %s at %u", number_grouped(counts->refused[level]).text, level);
	if (counts->swaps)
		line_add(&line, "   %s ring%s replaced", number_grouped(counts->swaps).text, plural(counts->swaps));
	line_put(&line, out, "    writers", 16, 3);
	line_add(&line, "%s step%s   %s cut at the limit", number_grouped(counts->slow_steps).text,
		 plural(counts->slow_steps), number_grouped(counts->slow_cut).text);
	line_put(&line, out, "    slow motion", 16, 3);
	line_add(&line, "%s record%s read, of these %s told of losses", number_grouped(counts->records_read).text,
		 plural(counts->records_read), number_grouped(counts->lost_records).text);
	line_put(&line, out, "    readers", 16, 3);
	line_add(&line, "%s to %s KiB resident at the ends of slices", number_grouped(result->rss_min_kib).text,
		 number_grouped(result->rss_max_kib).text);
	line_put(&line, out, "    memory", 16, 3);
}

static void put_target(const struct report *report, size_t at, FILE *out)
{
	const struct target_result *result = &report->results[at];
	const struct judgement *judgement = &report->judgements[at];
	struct line line = { .at = 0 };

	line_add(&line, "%s, %s, %u slice%s: %s", claim_name(result->claim), tier_name(result->tier), result->slices,
		 plural(result->slices), result->summary);
	fprintf(out, "  %s\n", result->name);
	line_put(&line, out, "    ", 4, 1);
	put_rates(report, result, out);
	put_classes(result, out);
	if (result->claim == CLAIM_SOUND) {
		line_add(&line, "%.1f interrupts that matter, weighed with the share that readers see",
			 judgement->exposure);
		if (judgement->bound > 0)
			line_add(&line, "; violation rate below %s of them at 95 %% confidence",
				 number_percent(judgement->bound).text);
		line_put(&line, out, "    exposure", 16, 1);
	}
	put_time(result, out);
	put_events(result, EVENTS_KEPT, out);
	fputc('\n', out);
}

static void put_run(const struct report *report, FILE *out)
{
	const struct stolen_time *stolen = &report->stolen;
	struct line line = { .at = 0 };

	for (unsigned tier = 0; tier < TIERS; tier++) {
		const struct sight *sight = &report->run->sight[tier];

		if (sight->caught && tier != TIER_STEP && tier != TIER_KERNEL)
			line_add(&line, "%s tier: readers see %s of plain decreases, %s of those in slow motion   ",
				 tier_name(tier), number_percent(sight->share_plain).text,
				 number_percent(sight->share_slow).text);
	}
	if (any_sampled(report))
		line_add(&line, "a timer signal costs %s   ", number_duration(report->survey->signal_cost_ns).text);
	line_add(&line, "steal time %s   throttling %s", stolen->steal_known ? "known" : "not told here",
		 stolen->throttled_known ? "known" : "not told here");
	line_put(&line, out, "  ", 2, 3);
	for (size_t i = 0; i < report->count; i++) {
		if (report->results[i].tier == TIER_STEP || report->results[i].tier == TIER_KERNEL ||
		    report->results[i].boundaries || report->results[i].boundaries_complete)
			continue;
		line_add(&line,
			 "Exposed boundaries are not known one by one, so \"in write\" counts every interrupt that "
			 "struck a write and whose own write succeeded.");
		line_put(&line, out, "  ", 2, 1);
		break;
	}
	fputc('\n', out);
}

void text_details(const struct report *report, FILE *out, const struct text_style *style)
{
	long before;

	if (style->verbose) {
		put_run(report, out);
		for (size_t i = 0; i < report->count; i++)
			if (report->results[i].tier != TIER_STEP)
				put_target(report, i, out);
	}
	before = ftell(out);
	text_kernel(report, style->verbose, out);
	for (size_t i = 0; i < report->count; i++) {
		explain(report, i, style->verbose, out);
		tell_reason(report, i, out);
	}
	for (size_t i = 0; i < report->count; i++)
		put_notes(report, &report->results[i], out);
	put_run_notes(report, out);
	/* A stream that cannot tell gets its empty line all the same. */
	if (before < 0 || ftell(out) != before)
		fputc('\n', out);
}
