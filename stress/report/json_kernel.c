/* SPDX-License-Identifier: MIT */
/*
 * json_kernel.c - the kernel tier in the JSON report
 */
#define _GNU_SOURCE
#include "report/json_value.h"

#include "kernel/breakpoints.h"

static json_t *pack_offsets(const uint32_t *counts)
{
	json_t *array = json_array();

	for (unsigned i = 0; i < KERNEL_OFFSETS; i++)
		if (counts[i])
			array = append(array, pack_fields((struct field[]) {
						      { "offset", count(i) },
						      { "strikes", count(counts[i]) },
						      { NULL, NULL },
					      }));
	return array;
}

static json_t *pack_functions(const struct kernel_result *kernel)
{
	json_t *array = json_array();

	for (unsigned i = 0; i < kernel->functions; i++) {
		const struct kernel_function *function = &kernel->function[i];

		array = append(array, pack_fields((struct field[]) {
					      { "name", text(function->name) },
					      { "publishes", json_boolean(function->handle) },
					      { "length_bytes", count(function->end - function->start) },
					      { "samples", count(function->hits) },
					      { "places", pack_offsets(function->at) },
					      { "breakpoints", pack_offsets(function->swept) },
					      { NULL, NULL },
				      }));
	}
	return array;
}

json_t *json_kernel(const struct report *report)
{
	const struct kernel_result *kernel = report->kernel;
	bool ran = false;
	uint64_t mean;

	for (size_t i = 0; i < report->count && kernel; i++)
		ran |= report->results[i].tier == TIER_KERNEL;
	if (!ran)
		return json_null();
	return pack_fields((struct field[]) {
		{ "release", text(kernel->release) },
		{ "fixed_by_version", json_boolean(kernel->age == KERNEL_HAS_FIX) },
		{ "forward_slices", count(kernel->forward) },
		{ "backward_slices", count(kernel->backward) },
		{ "ring_bytes_min", count(kernel->size_min) },
		{ "ring_bytes_max", count(kernel->size_max) },
		{ "comm_events", count(kernel->comms) },
		{ "clocks", count(kernel->clocks) },
		{ "hardware_counter", json_boolean(kernel->counters) },
		{ "period_ns", count(kernel->period_ns) },
		{ "elapsed_ns", count(kernel->elapsed_ns) },
		{ "comm_records", count(kernel->comm_records) },
		{ "samples", count(kernel->samples) },
		{ "in_kernel", count(kernel->in_kernel) },
		{ "in_writes", count(kernel->in_family) },
		{ "in_publishing", count(kernel->in_handle) },
		{ "throttles", count(kernel->throttles) },
		{ "lost", count(kernel->lost) },
		{ "lost_told", json_boolean(kernel->lost_told) },
		{ "snapshots", count(kernel->snapshots) },
		{ "breakpoints", json_boolean(kernel->swept) },
		{ "breakpoint_strikes", count(kernel->sweep_hits) },
		{ "breakpoint_instructions", count(kernel_sweep_instructions(kernel, &mean)) },
		{ "breakpoint_sweeps", count(kernel->sweeps) },
		{ "functions", pack_functions(kernel) },
		{ NULL, NULL },
	});
}
