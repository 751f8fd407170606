/* SPDX-License-Identifier: MIT */
/*
 * event.h - a violation, counted and kept where it survives the process that saw it
 */
#ifndef STRESS_EVENT_H
#define STRESS_EVENT_H

#include "oracle.h"
#include "result.h"
#include "strike_log.h"

/*
 * event_report - count @finding, and keep it while there is room
 * @result: in memory shared with the parent process; all threads of a slice report to it
 * @log: of the writer whose ring it is
 * @strike: the interrupt it followed; its number is 0 when none is known
 * @writer: which ring
 * @reader: who saw it; EVENT_BY_WRITER: the writer itself, between two of its writes
 * @time_ns: since the start of the slice
 *
 * Context: any thread.
 */
void event_report(struct slice_result *result, const struct strike_log *log, const struct strike *strike,
		  const struct finding *finding, unsigned writer, unsigned reader, uint64_t time_ns);

struct contained;

/*
 * event_report_end - a plug-in's code has ended the slice: one CRASH or HANG, with what had been interrupted
 *
 * Context: who started the slice, once its process is gone.
 */
void event_report_end(struct slice_result *result, const struct contained *ended, uint64_t time_ns);

#endif /* STRESS_EVENT_H */
