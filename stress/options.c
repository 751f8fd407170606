/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "options.h"

#include <argp.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "argument.h"
#include "clock.h"
#include "config.h"
#include "environment.h"
#include "kernel/kernel.h"
#include "number.h"
#include "options_targets.h"
#include "step/stepper.h"

#define DURATION_DEFAULT_NS (15 * NS_PER_S)
#define SWAP_DEFAULT_NS NS_PER_MS
#define SWAP_MIN_NS 10000u
#define DURATION_MIN_NS (200 * NS_PER_MS)
#define DURATION_MAX_NS (1000ull * 3600 * NS_PER_S)
#define DATA_SIZE_DEFAULT (1u << 20)
#define DATA_SIZE_MAX (64ull << 20)
#define RATE_MAX_HZ 1000000000ull
#define PROGRESS_MIN 0.05
#define PROGRESS_MAX 0.95
/* Up to three weighed strikes the rule of three bounds nothing. */
#define MIN_EXPOSURE_DEFAULT 5

const char *argp_program_version = "nrb-stress (nrb) " PACKAGE_VERSION;

enum {
	KEY_WRITERS = 256,
	KEY_READERS,
	KEY_CPUS,
	KEY_PLACEMENT,
	KEY_INJECT,
	KEY_SIZE,
	KEY_DROP,
	KEY_RATE,
	KEY_PROGRESS,
	KEY_SLOW,
	KEY_EXPOSURE,
	KEY_SEED,
	KEY_COLOR,
	KEY_SKIP,
	KEY_ALL,
	KEY_MAP,
	KEY_DEPTH,
	KEY_STRIKES,
	KEY_STEPPER,
	KEY_WITNESS,
	KEY_REPLAY,
	KEY_EXHAUSTIVE,
	KEY_SHORTCUTS,
	KEY_SWAP,
	KEY_KERNEL,
	KEY_OWN_CODE
};

static const struct argp_option argp_options[] = {
	{ NULL, 0, NULL, 0, "What to run:", 1 },
	{ "duration", 'd', "TIME", 0, "Length of the whole run: 10, 1.5s, 500ms, 10m, 1h (default 15s)", 1 },
	{ "all", KEY_ALL, NULL, 0, "Run every target there is, but for kernel", 1 },
	{ "list", 'l', NULL, 0, "List the targets and exit", 1 },
	{ "seed", KEY_SEED, "N", 0, "Seed of everything random (default: drawn, and printed)", 1 },
	{ NULL, 0, NULL, 0, "Where:", 2 },
	{ "writers", KEY_WRITERS, "N", 0, "Writer threads (default: half of the physical cores)", 2 },
	{ "readers", KEY_READERS, "N", 0,
	  "Reader threads (default: a consumer for each writer, and a poller on each SMT sibling left over)", 2 },
	{ "cpus", KEY_CPUS, "LIST", 0, "Keep to these CPUs: 0-3,6 (default: all that this process may use)", 2 },
	{ "placement", KEY_PLACEMENT, "WHERE", 0,
	  "A writer's reader is on the nearest other core (near, default), the farthest (far), or its SMT sibling "
	  "(smt)",
	  2 },
	{ NULL, 0, NULL, 0, "How:", 3 },
	{ "inject", KEY_INJECT, "TIER", 0,
	  "Interrupt by step, aim, timer or kick; may be given more than once, or a list: timer,kick (default "
	  "step,timer)",
	  3 },
	{ "depth", KEY_DEPTH, "N", 0, "step: strike writes that nest so deep, 1 to 3 (default 2)", 3 },
	{ "strikes", KEY_STRIKES, "N", 0,
	  "step: 1, or 2 to also strike one write twice, one level less deep (default 2)", 3 },
	{ "exhaustive", KEY_EXHAUSTIVE, NULL, 0,
	  "step: go through controls to the end too, not only until they are caught", 3 },
	{ "shortcuts", KEY_SHORTCUTS, "WHICH", 0,
	  "step: none, summaries, states or all (default), to see what each brings", 3 },
	{ "stepper", KEY_STEPPER, "NAME", 0, "step: trap (x86-64) or ptrace (default: the first that works)", 3 },
	{ "own-code", KEY_OWN_CODE, NULL, 0,
	  "step: strike a plug-in's own code alone, not that of the libraries that it calls", 3 },
	{ "rate", KEY_RATE, "HZ", 0, "Interrupts per second and level (default: steered)", 3 },
	{ "progress", KEY_PROGRESS, "SHARE", 0,
	  "Share of its time that steering leaves to the interrupted code, 0.05 to 0.95 (default 0.5)", 3 },
	{ "slow-motion", KEY_SLOW, "SHARE", 0,
	  "Share of interrupts after which the write goes on one instruction at a time, 0 to 1 (default 0.5)", 3 },
	{ "min-exposure", KEY_EXPOSURE, "N", 0,
	  "Interrupts that must strike where it matters, weighed with the share readers see (default 5)", 3 },
	{ "size", KEY_SIZE, "BYTES", 0, "Size of each ring: a power of two, K, M or G (default 1M)", 3 },
	{ "drop", KEY_DROP, NULL, 0, "Writers do not wait for room, so that records are lost", 3 },
	{ "swap", KEY_SWAP, "TIME", 0,
	  "Replace the rings of channel and no-grace at this interval, under their writers; 0: never (default 1ms)",
	  3 },
	{ "kernel-breakpoints", KEY_KERNEL, NULL, 0,
	  "kernel: also strike at every instruction where it publishes data_head; takes root and CONFIG_KPROBES", 3 },
	{ NULL, 0, NULL, 0, "What is told:", 4 },
	{ "witness", KEY_WITNESS, "FILE", 0, "step: write the shortest way to each violation to FILE", 4 },
	{ "replay", KEY_REPLAY, "FILE", 0, "Tell what happens on the ways in FILE, step by step, and exit", 4 },
	{ "output", 'o', "FORMAT[:FILE]", 0,
	  "text, json or ktap, to FILE or standard output; may be given more than once (default text)", 4 },
	{ "quiet", 'q', NULL, 0, "The verdict line alone", 4 },
	{ "verbose", 'v', NULL, 0, "Also rates, depths, steering, memory, and each violation kept", 4 },
	{ "map", KEY_MAP, NULL, 0, "Also each instruction of the targets' write paths, and how often it was struck",
	  4 },
	{ "color", KEY_COLOR, "WHEN", 0, "auto, always or never (default auto; NO_COLOR is honoured)", 4 },
	{ "skip-status", KEY_SKIP, "N", 0, "Exit status when this machine cannot run it (default 77)", 4 },
	{ 0 }
};

static void name_target(struct options *options, const char *name, struct argp_state *state)
{
	char message[512];
	int rc = options_add_named(options, name, message, sizeof(message));

	if (rc == -ENOENT)
		argp_error(state, "%s", message);
	else if (rc)
		argp_failure(state, 2, 0, "%s", message);
}

static void add_tier(struct options *options, enum tier tier)
{
	for (unsigned i = 0; i < options->tiers; i++)
		if (options->tier[i] == tier)
			return;
	options->tier[options->tiers++] = tier;
}

static bool name_tier(struct options *options, const char *name, size_t length)
{
	for (unsigned tier = 0; tier < TIERS; tier++) {
		/* That one comes with its target. */
		if (tier == TIER_KERNEL || strlen(tier_name(tier)) != length ||
		    strncmp(tier_name(tier), name, length) != 0)
			continue;
		add_tier(options, tier);
		return true;
	}
	return false;
}

static void take_inject(struct options *options, const char *argument, struct argp_state *state)
{
	const char *at = argument;

	for (;; at++) {
		size_t length = strcspn(at, ",");

		if (!name_tier(options, at, length))
			argument_refuse(state, -EINVAL, "--inject", argument,
					"step, aim, timer or kick, or several of them: timer,kick");
		at += length;
		if (!*at)
			return;
	}
}

static void take_stepper(struct options *options, const char *argument, struct argp_state *state)
{
	if (!strcmp(argument, stepper_trap.name))
		options->stepper = &stepper_trap;
	else if (!strcmp(argument, stepper_ptrace.name))
		options->stepper = &stepper_ptrace;
	else
		argument_refuse(state, -EINVAL, "--stepper", argument, "trap or ptrace");
}

static void add_output(struct options *options, enum output_format format, const char *path, struct argp_state *state)
{
	/* One is left for the report that there is by default. */
	if (options->outputs == OPTIONS_OUTPUTS - 1)
		argp_error(state, "--output, --witness: more than %d of them", OPTIONS_OUTPUTS - 1);
	options->output[options->outputs].format = format;
	options->output[options->outputs++].path = path;
}

static void take_output(struct options *options, const char *argument, struct argp_state *state)
{
	static const char *const names[] = {
		[OUTPUT_TEXT] = "text", [OUTPUT_JSON] = "json", [OUTPUT_KTAP] = "ktap", NULL
	};
	const char *path;
	unsigned format = argument_output(state, argument, names, &path,
					  "text, json or ktap, or one of these with a file: json:run.json");

	add_output(options, (enum output_format)format, path, state);
}

/* Only stepping knows the way to what it finds. */
static void check_witness(const struct options *options, struct argp_state *state)
{
	bool wanted = false, steps = !options->tiers;

	for (unsigned i = 0; i < options->outputs; i++)
		wanted |= options->output[i].format == OUTPUT_WITNESS;
	for (unsigned i = 0; i < options->tiers; i++)
		steps |= options->tier[i] == TIER_STEP;
	if (wanted && !steps)
		argp_error(state, "--witness: only the step tier finds them: add --inject=step");
}

static void take_swap(struct options *options, const char *argument, struct argp_state *state)
{
	if (strcmp(argument, "0") && (number_parse_ns(argument, &options->swap_ns) || options->swap_ns < SWAP_MIN_NS)) {
		argp_error(state, "--swap=%s is not understood: 1ms, 100us, ... from 10us, or 0 for never", argument);
		return;
	}
	if (!strcmp(argument, "0"))
		options->swap_ns = 0;
	options->swap_asked = true;
}

/* Asked for in vain would be taken for done. */
static void check_swap(const struct options *options, struct argp_state *state)
{
	for (unsigned i = 0; i < options->targets; i++)
		if (options->target[i]->swap)
			return;
	if (options->swap_asked)
		argp_error(state, "--swap: none of these targets has rings that can be replaced: add channel");
}

static const char *const shortcuts[] = {
	[0] = "none", [EXPLORE_SUMMARIES] = "summaries", [EXPLORE_STATES] = "states", [EXPLORE_FAST] = "all", NULL
};
static const char *const colors[] = { [COLOR_AUTO] = "auto", [COLOR_ALWAYS] = "always", [COLOR_NEVER] = "never", NULL };

static error_t parse(int key, char *argument, struct argp_state *state)
{
	struct options *options = state->input;

	switch (key) {
	case 'd':
		options->duration_ns = argument_ns(state, "--duration", argument, DURATION_MIN_NS, DURATION_MAX_NS,
						   "a time from 200ms to 1000h, such as 10, 1.5s or 10m");
		break;
	case 'l': options->list = true; break;
	case KEY_ALL: options_add_all(options); break;
	case 'o': take_output(options, argument, state); break;
	case 'q': options->quiet = true; break;
	case 'v': options->verbose = true; break;
	case KEY_MAP: options->map = true; break;
	case KEY_WRITERS:
		options->writers =
			(unsigned)argument_number(state, "--writers", argument, 1, PLACEMENT_MAX, "1 to 256");
		break;
	case KEY_READERS:
		options->readers =
			(unsigned)argument_number(state, "--readers", argument, 1, PLACEMENT_MAX, "1 to 256");
		break;
	case KEY_CPUS: options->cpus = argument; break;
	case KEY_PLACEMENT:
		options->placement = (enum placement_policy)argument_word(state, "--placement", argument,
									  placement_policies, "near, far or smt");
		break;
	case KEY_DEPTH:
		options->depth = (unsigned)argument_number(state, "--depth", argument, 1, LEVELS - 1, "1, 2 or 3");
		break;
	case KEY_STRIKES:
		options->strikes = (unsigned)argument_number(state, "--strikes", argument, 1, 2, "1 or 2");
		break;
	case KEY_SHORTCUTS:
		options->left_out = EXPLORE_FAST & ~argument_word(state, "--shortcuts", argument, shortcuts,
								  "none, summaries, states or all");
		break;
	case KEY_EXHAUSTIVE: options->exhaustive = true; break;
	case KEY_STEPPER: take_stepper(options, argument, state); break;
	case KEY_WITNESS: add_output(options, OUTPUT_WITNESS, argument, state); break;
	case KEY_REPLAY: options->replay = argument; break;
	case KEY_INJECT: take_inject(options, argument, state); break;
	case KEY_SIZE:
		options->data_size = argument_size(state, "--size", argument, (uint64_t)sysconf(_SC_PAGESIZE),
						   DATA_SIZE_MAX, "a power of two from one page to 64M");
		break;
	case KEY_DROP: options->drop = true; break;
	case KEY_SWAP: take_swap(options, argument, state); break;
	case KEY_KERNEL: options->kernel_breakpoints = true; break;
	case KEY_OWN_CODE: options->own_code = true; break;
	case KEY_RATE:
		options->rate_hz =
			argument_number(state, "--rate", argument, 1, RATE_MAX_HZ, "interrupts per second, from 1");
		break;
	case KEY_PROGRESS:
		options->progress = argument_share(state, "--progress", argument, PROGRESS_MIN, PROGRESS_MAX,
						   "a share from 0.05 to 0.95");
		break;
	case KEY_SLOW:
		options->slow_motion = argument_share(state, "--slow-motion", argument, 0, 1, "a share from 0 to 1");
		break;
	case KEY_EXPOSURE:
		options->min_exposure = (double)argument_number(state, "--min-exposure", argument, 1, UINT32_MAX,
								"a whole number from 1");
		break;
	case KEY_SEED:
		options->seed =
			argument_number(state, "--seed", argument, 0, UINT64_MAX, "a number of 64 bits, decimal or 0x");
		break;
	case KEY_COLOR:
		options->color =
			(enum color_choice)argument_word(state, "--color", argument, colors, "auto, always or never");
		break;
	case KEY_SKIP:
		options->skip_status =
			(int)argument_number(state, "--skip-status", argument, 0, 255, "an exit status, 0 to 255");
		break;
	case ARGP_KEY_END:
		check_witness(options, state);
		check_swap(options, state);
		if (options->kernel_breakpoints && !kernel_is_named(options))
			argp_error(state, "--kernel-breakpoints: name the target: kernel");
		break;
	case ARGP_KEY_ARG: name_target(options, argument, state); break;
	default: return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

/* Witnesses are beside a report, not in place of it. */
static void add_default_output(struct options *options)
{
	unsigned reports = 0;

	for (unsigned i = 0; i < options->outputs; i++)
		reports += options->output[i].format != OUTPUT_WITNESS;
	if (!reports)
		options->output[options->outputs++] = (struct output_request) { .format = OUTPUT_TEXT };
}

static void choose_tiers(struct options *options)
{
	if (!options->tiers && !kernel_is_alone(options))
		add_tier(options, TIER_STEP);
	/* What readers see of the kernel is measured by a control under timers. */
	if (!options->tiers_asked || kernel_is_named(options))
		add_tier(options, TIER_TIMER);
	if (kernel_is_named(options))
		add_tier(options, TIER_KERNEL);
}

void options_parse(struct options *options, int argc, char **argv)
{
	static const struct argp argp = {
		.options = argp_options,
		.parser = parse,
		.args_doc = "[TARGET|PLUGIN.so...]",
		.doc = "Put ring buffers under stress: pinned writers, interrupted by signals whose handlers write "
		       "nested records, and readers on other cores that count every ordering violation. Without "
		       "TARGET: legacy, which must be caught, and fixed and rseq, which must be clean."
		       "\vExit status: 0 PASS, 1 FAIL (a sound target was violated), 2 ERROR, 3 INCONCLUSIVE, 77 SKIP.",
	};

	memset(options, 0, sizeof(*options));
	options->depth = 2;
	options->strikes = 2;
	options->data_size = DATA_SIZE_DEFAULT;
	options->progress = 0.5;
	options->slow_motion = 0.5;
	options->min_exposure = MIN_EXPOSURE_DEFAULT;
	options->swap_ns = SWAP_DEFAULT_NS;
	options->skip_status = 77;
	options->seed = environment_seed();
	options->argc = argc;
	options->argv = argv;
	argp_err_exit_status = 2;
	argp_parse(&argp, argc, argv, 0, NULL, options);
	options_order_targets(options);
	add_default_output(options);
	options->tiers_asked = options->tiers;
	choose_tiers(options);
	/* The step tier alone comes to an end by itself. */
	if (!options->duration_ns && (options->tiers > 1 || options->tier[0] != TIER_STEP))
		options->duration_ns = DURATION_DEFAULT_NS;
}
