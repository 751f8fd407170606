/* SPDX-License-Identifier: MIT */
#include "event.h"

#include "plugin/contain.h"

static void keep(struct event *event, const struct strike_log *log, const struct strike *strike)
{
	for (uint64_t number = strike->number; number && event->strikes_known < EVENT_STRIKES; number--)
		if (strike_log_get(log, number, &event->strikes[event->strikes_known]))
			event->strikes_known++;
}

void event_report(struct slice_result *result, const struct strike_log *log, const struct strike *strike,
		  const struct finding *finding, unsigned writer, unsigned reader, uint64_t time_ns)
{
	uint64_t slot = nrb_add_relaxed(&result->events, 1);
	struct event *event;

	nrb_add_relaxed(&result->counts.by_class[strike->class].violations[finding->kind], 1);
	if (slot >= EVENTS_KEPT)
		return;
	event = &result->event[slot];
	event->kind = (uint8_t)finding->kind;
	event->class = strike->class;
	event->writer = (uint16_t)writer;
	event->reader = (uint16_t)reader;
	event->time_ns = time_ns;
	event->before = finding->before;
	event->after = finding->after;
	keep(event, log, strike);
}

void event_report_end(struct slice_result *result, const struct contained *ended, uint64_t time_ns)
{
	struct event *event;

	result->end = SLICE_DONE;
	result->message[0] = '\0';
	result->counts.by_class[STRIKE_PLAIN].violations[ended->kind]++;
	if (result->first_violation_ns == UINT64_MAX)
		result->first_violation_ns = time_ns;
	if (result->events >= EVENTS_KEPT)
		return;
	event = &result->event[result->events++];
	*event = (struct event) { .kind = (uint8_t)ended->kind,
				  .class = STRIKE_PLAIN,
				  .reader = ended->by_reader ? 0 : EVENT_BY_WRITER,
				  .time_ns = time_ns,
				  .before = contain_before(ended),
				  .after = ended->pc };
	/* The latest first. */
	for (unsigned i = ended->level; i-- > 0 && event->strikes_known < EVENT_STRIKES;)
		event->strikes[event->strikes_known++] = (struct strike) {
			.number = i + 1, .pc = ended->struck[i], .level = (uint8_t)(i + 1), .depth = (uint8_t)(i + 2)
		};
}
