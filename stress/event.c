/* SPDX-License-Identifier: MIT */
#include "event.h"

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
