# SPDX-License-Identifier: MIT
# make check: Check suites and shell scripts, all of them reported case by case through TAP.
TEST_EXTENSIONS = .sh
SH_LOG_COMPILER = bash
SH_LOG_DRIVER = $(LOG_DRIVER)
# Their status (0, 1, or 77: skipped) is for whoever runs one by hand; what is missing of the plan is noticed anyway.
AM_SH_LOG_DRIVER_FLAGS = --ignore-exit
LOG_DRIVER = env AM_TAP_AWK='$(AWK)' CK_TAP_LOG_FILE_NAME=- $(SHELL) $(top_srcdir)/build-aux/tap-driver.sh
# The scripts ask how the library was built, and compile its header.
AM_TESTS_ENVIRONMENT = CC='$(CC)' CFLAGS='$(CFLAGS)'; export CC CFLAGS;

test_scripts = tests/aarch64.sh tests/abi.sh tests/bench.sh tests/cli.sh tests/dump.sh tests/examples.sh \
	tests/instructions.sh tests/kernel.sh tests/model.sh tests/no_lock_prefix.sh tests/plugins.sh \
	tests/replay.sh tests/report_schema.sh tests/symbols.sh
dist_check_SCRIPTS += $(test_scripts)
TESTS += $(test_scripts)
EXTRA_DIST += tests/plugins/misbehaves.c tests/plugins/perf_layout.c tests/plugins/wrongly_shared.c \
	tests/plugins/many_writers.c
EXTRA_DIST += tests/json_validate tests/tap.sh tests/model/README.md tests/model/order.pml tests/model/ring.pml \
	tests/model/section.pml tests/model/snapshot.pml tests/model/wakeup.pml

# What report_schema.sh looks at.
check_PROGRAMS += tests/forge_reports
tests_forge_reports_SOURCES = tests/forge_reports.c tests/forged.c tests/forged.h
tests_forge_reports_LDFLAGS = $(AM_LDFLAGS) -static
tests_forge_reports_LDADD = stress/libstress.la

# What dump.sh dumps.
check_PROGRAMS += tests/make_ring
tests_make_ring_SOURCES = tests/make_ring.c
tests_make_ring_LDFLAGS = $(AM_LDFLAGS) -static
tests_make_ring_LDADD = src/libnrb.la

# What instructions.sh counts.
check_PROGRAMS += tests/instructions
tests_instructions_SOURCES = tests/instructions.c
tests_instructions_LDFLAGS = $(AM_LDFLAGS) -static
tests_instructions_LDADD = stress/libstress.la src/libnrb.la
instructions: tests/instructions$(EXEEXT)
	$(AM_TESTS_ENVIRONMENT) $(SH_LOG_COMPILER) $(srcdir)/tests/instructions.sh

# What examples.sh profiles: with frame pointers in each function.
check_PROGRAMS += tests/burn
tests_burn_SOURCES = tests/burn.c
tests_burn_CFLAGS = $(AM_CFLAGS) $(NRB_FRAME_POINTERS)

if HAVE_CHECK
check_suites = tests/check_bench tests/check_blunt tests/check_boundary tests/check_change tests/check_channel \
	tests/check_cli tests/check_contestants tests/check_create tests/check_dump tests/check_exact \
	tests/check_explore tests/check_forked tests/check_grace tests/check_holes tests/check_hostile \
	tests/check_kernel tests/check_kernel_backward tests/check_kernel_tier tests/check_listing \
	tests/check_loop tests/check_lttng tests/check_mistakes tests/check_number tests/check_open \
	tests/check_oracle tests/check_oracle_modes tests/check_output tests/check_overwrite tests/check_payload \
	tests/check_placement tests/check_processes tests/check_reader tests/check_refused tests/check_registry \
	tests/check_report tests/check_resources tests/check_ring tests/check_run tests/check_scenario \
	tests/check_section tests/check_semantics tests/check_set tests/check_shared tests/check_signals \
	tests/check_snapshot tests/check_statistics tests/check_steer tests/check_stepper \
	tests/check_stepper_errors tests/check_swap tests/check_target tests/check_tiers tests/check_trailer \
	tests/check_unfit tests/check_verdict tests/check_verdict_pass tests/check_verdict_step tests/check_wait \
	tests/check_wakeup tests/check_write_read
check_PROGRAMS += $(check_suites)
TESTS += $(check_suites)

# main, and what else the suites have in common.
check_LTLIBRARIES += tests/libsuite.la
tests_libsuite_la_SOURCES = tests/channels.c tests/channels.h tests/confined.c tests/confined.h tests/explored.c \
	tests/explored.h tests/history.h tests/imitated.h tests/judged.h tests/kinds.c tests/kinds.h \
	tests/machines.c tests/machines.h tests/steppers.c tests/steppers.h tests/stepping.c tests/stepping.h \
	tests/suite.c tests/suite.h tests/temporary.h tests/twins.h
tests_libsuite_la_LIBADD = stress/libstress.la src/libnrb.la $(CHECK_LIBS)
AM_CPPFLAGS += $(CHECK_CFLAGS) $(LIBURCU_CFLAGS)

# What check_refused lets fail.
refused_calls = aligned_alloc calloc fcntl fstat getrandom malloc memfd_create mmap posix_fallocate \
	pthread_key_create pthread_setspecific

# Static, as the harness: the library's own objects, and what it does not export.
suite_ldflags = $(AM_LDFLAGS) -static
suite_libs = tests/libsuite.la

tests_check_bench_CPPFLAGS = -I$(srcdir)/bench $(AM_CPPFLAGS)
tests_check_bench_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
tests_check_bench_LDFLAGS = $(suite_ldflags)
tests_check_bench_LDADD = bench/libbench.la bench/libcontestants.la $(suite_libs) $(JANSSON_LIBS) -lm
tests_check_blunt_LDFLAGS = $(suite_ldflags)
tests_check_blunt_LDADD = $(suite_libs)
tests_check_boundary_LDFLAGS = $(suite_ldflags)
tests_check_boundary_LDADD = $(suite_libs)
tests_check_change_CPPFLAGS = -I$(srcdir)/bench $(AM_CPPFLAGS)
tests_check_change_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
tests_check_change_LDFLAGS = $(suite_ldflags)
tests_check_change_LDADD = bench/libbench.la bench/libcontestants.la $(suite_libs) $(JANSSON_LIBS) -lm
tests_check_channel_LDFLAGS = $(suite_ldflags)
tests_check_channel_LDADD = $(suite_libs)
tests_check_cli_LDFLAGS = $(suite_ldflags)
tests_check_cli_LDADD = $(suite_libs)
tests_check_contestants_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/bench
tests_check_contestants_LDFLAGS = $(suite_ldflags)
tests_check_contestants_LDADD = bench/libcontestants.la $(suite_libs)
tests_check_create_LDFLAGS = $(suite_ldflags)
tests_check_create_LDADD = $(suite_libs)
tests_check_dump_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/dump
tests_check_dump_LDFLAGS = $(suite_ldflags)
tests_check_dump_LDADD = dump/libdump.la $(suite_libs) $(JANSSON_LIBS)
tests_check_exact_LDFLAGS = $(suite_ldflags)
tests_check_exact_LDADD = $(suite_libs)
tests_check_explore_LDFLAGS = $(suite_ldflags)
tests_check_explore_LDADD = $(suite_libs)
tests_check_forked_LDFLAGS = $(suite_ldflags)
tests_check_forked_LDADD = $(suite_libs)
tests_check_grace_LDFLAGS = $(suite_ldflags)
tests_check_grace_LDADD = $(suite_libs)
tests_check_holes_LDFLAGS = $(suite_ldflags)
tests_check_holes_LDADD = $(suite_libs)
tests_check_hostile_LDFLAGS = $(suite_ldflags)
tests_check_hostile_LDADD = $(suite_libs)
tests_check_kernel_LDFLAGS = $(suite_ldflags)
tests_check_kernel_LDADD = $(suite_libs)
tests_check_kernel_backward_LDFLAGS = $(suite_ldflags)
tests_check_kernel_backward_LDADD = $(suite_libs)
tests_check_kernel_tier_SOURCES = tests/check_kernel_tier.c tests/forged.c tests/forged.h tests/text_asserts.h
tests_check_kernel_tier_LDFLAGS = $(suite_ldflags)
tests_check_kernel_tier_LDADD = $(suite_libs)
tests_check_listing_LDFLAGS = $(suite_ldflags)
tests_check_listing_LDADD = $(suite_libs)
tests_check_loop_LDFLAGS = $(suite_ldflags)
tests_check_loop_LDADD = $(suite_libs)
tests_check_lttng_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/bench
tests_check_lttng_LDFLAGS = $(suite_ldflags)
tests_check_lttng_LDADD = bench/libcontestants.la $(suite_libs)
tests_check_mistakes_LDFLAGS = $(suite_ldflags)
tests_check_mistakes_LDADD = $(suite_libs)
tests_check_number_LDFLAGS = $(suite_ldflags)
tests_check_number_LDADD = $(suite_libs)
tests_check_open_LDFLAGS = $(suite_ldflags)
tests_check_open_LDADD = $(suite_libs)
tests_check_oracle_LDFLAGS = $(suite_ldflags)
tests_check_oracle_LDADD = $(suite_libs)
tests_check_oracle_modes_LDFLAGS = $(suite_ldflags)
tests_check_oracle_modes_LDADD = $(suite_libs)
tests_check_output_SOURCES = tests/check_output.c tests/forged.c tests/forged.h tests/text_asserts.h
tests_check_output_LDFLAGS = $(suite_ldflags)
tests_check_output_LDADD = $(suite_libs)
tests_check_overwrite_LDFLAGS = $(suite_ldflags)
tests_check_overwrite_LDADD = $(suite_libs)
tests_check_payload_LDFLAGS = $(suite_ldflags)
tests_check_payload_LDADD = $(suite_libs)
tests_check_placement_LDFLAGS = $(suite_ldflags)
tests_check_placement_LDADD = $(suite_libs)
tests_check_processes_LDFLAGS = $(suite_ldflags)
tests_check_processes_LDADD = $(suite_libs)
tests_check_reader_LDFLAGS = $(suite_ldflags)
tests_check_reader_LDADD = $(suite_libs)
tests_check_refused_LDFLAGS = $(suite_ldflags) $(refused_calls:%=-Wl,--wrap=%)
tests_check_refused_LDADD = $(suite_libs)
tests_check_registry_LDFLAGS = $(suite_ldflags)
tests_check_registry_LDADD = $(suite_libs)
tests_check_report_SOURCES = tests/check_report.c tests/forged.c tests/forged.h tests/text_asserts.h
tests_check_report_LDFLAGS = $(suite_ldflags)
tests_check_report_LDADD = $(suite_libs) $(JANSSON_LIBS)
tests_check_resources_LDFLAGS = $(suite_ldflags)
tests_check_resources_LDADD = $(suite_libs)
tests_check_ring_LDFLAGS = $(suite_ldflags)
tests_check_ring_LDADD = $(suite_libs)
tests_check_run_LDFLAGS = $(suite_ldflags)
tests_check_run_LDADD = $(suite_libs)
tests_check_scenario_LDFLAGS = $(suite_ldflags)
tests_check_scenario_LDADD = $(suite_libs)
tests_check_section_LDFLAGS = $(suite_ldflags)
tests_check_section_LDADD = $(suite_libs)
tests_check_semantics_LDFLAGS = $(suite_ldflags)
tests_check_semantics_LDADD = $(suite_libs)
tests_check_set_LDFLAGS = $(suite_ldflags)
tests_check_set_LDADD = $(suite_libs)
tests_check_shared_LDFLAGS = $(suite_ldflags)
tests_check_shared_LDADD = $(suite_libs)
tests_check_signals_LDFLAGS = $(suite_ldflags)
tests_check_signals_LDADD = $(suite_libs)
tests_check_snapshot_LDFLAGS = $(suite_ldflags)
tests_check_snapshot_LDADD = $(suite_libs)
tests_check_statistics_CPPFLAGS = -I$(srcdir)/bench $(AM_CPPFLAGS)
tests_check_statistics_LDFLAGS = $(suite_ldflags)
tests_check_statistics_LDADD = bench/libbench.la $(suite_libs) -lm
tests_check_steer_LDFLAGS = $(suite_ldflags)
tests_check_steer_LDADD = $(suite_libs)
tests_check_stepper_LDFLAGS = $(suite_ldflags)
tests_check_stepper_LDADD = $(suite_libs)
tests_check_stepper_errors_LDFLAGS = $(suite_ldflags)
tests_check_stepper_errors_LDADD = $(suite_libs)
tests_check_swap_LDFLAGS = $(suite_ldflags)
tests_check_swap_LDADD = $(suite_libs)
tests_check_target_LDFLAGS = $(suite_ldflags)
tests_check_target_LDADD = $(suite_libs)
tests_check_tiers_LDFLAGS = $(suite_ldflags)
tests_check_tiers_LDADD = $(suite_libs)
tests_check_trailer_LDFLAGS = $(suite_ldflags)
tests_check_trailer_LDADD = $(suite_libs)
tests_check_unfit_LDFLAGS = $(suite_ldflags)
tests_check_unfit_LDADD = $(suite_libs)
tests_check_verdict_LDFLAGS = $(suite_ldflags)
tests_check_verdict_LDADD = $(suite_libs)
tests_check_verdict_pass_LDFLAGS = $(suite_ldflags)
tests_check_verdict_pass_LDADD = $(suite_libs)
tests_check_verdict_step_LDFLAGS = $(suite_ldflags)
tests_check_verdict_step_LDADD = $(suite_libs)
tests_check_wait_LDFLAGS = $(suite_ldflags)
tests_check_wait_LDADD = $(suite_libs)
tests_check_wakeup_LDFLAGS = $(suite_ldflags)
tests_check_wakeup_LDADD = $(suite_libs)
tests_check_write_read_LDFLAGS = $(suite_ldflags)
tests_check_write_read_LDADD = $(suite_libs)
endif

# The kernel target in a machine of its own, on a kernel as Debian ships it: two minutes, and a download, so apart.
EXTRA_PROGRAMS = tests/guest_init
EXTRA_DIST += tests/kernel_guest.sh tests/make_initramfs
tests_guest_init_SOURCES = tests/guest_init.c
tests_guest_init_LDFLAGS = $(AM_LDFLAGS) -all-static
check-kernel: stress/stress$(EXEEXT) tests/guest_init$(EXEEXT)
	srcdir=$(srcdir) bash $(srcdir)/tests/kernel_guest.sh || test $$? = 77

# Processes that are killed, or lie. make check has them do it for a second.
check_PROGRAMS += tests/crash tests/hostile
TESTS += tests/crash tests/hostile
tests_crash_SOURCES = tests/crash.c tests/temporary.h
tests_crash_LDFLAGS = $(AM_LDFLAGS) -static
tests_crash_LDADD = stress/libstress.la
crash-long: tests/crash$(EXEEXT)
	tests/crash$(EXEEXT) --kills=1000 $(CRASH_FLAGS)
tests_hostile_SOURCES = tests/hostile.c tests/scribble.c tests/scribble.h tests/scribbled.c \
	tests/temporary.h
tests_hostile_LDFLAGS = $(AM_LDFLAGS) -static
tests_hostile_LDADD = stress/libstress.la
hostile-long: tests/hostile$(EXEEXT)
	tests/hostile$(EXEEXT) --duration=10m $(HOSTILE_FLAGS)

# What fuzzing has kept is tried again by make check, with any compiler.
fuzz_targets = dump reader writer
fuzz_replays = tests/fuzz/replay_dump tests/fuzz/replay_reader tests/fuzz/replay_writer
check_PROGRAMS += $(fuzz_replays)
TESTS += $(fuzz_replays)
EXTRA_DIST += tests/fuzz/corpus tests/fuzz/run
tests_fuzz_replay_dump_SOURCES = tests/fuzz/fuzz.h tests/fuzz/fuzz_dump.c tests/fuzz/replay.c tests/fuzz/told.c \
	tests/fuzz/told.h tests/temporary.h
tests_fuzz_replay_dump_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/dump
tests_fuzz_replay_dump_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
tests_fuzz_replay_dump_LDFLAGS = $(AM_LDFLAGS) -static
tests_fuzz_replay_dump_LDADD = dump/libdump.la src/libnrb.la $(JANSSON_LIBS)
tests_fuzz_replay_reader_SOURCES = tests/fuzz/fuzz.h tests/fuzz/fuzz_reader.c tests/fuzz/replay.c
tests_fuzz_replay_reader_LDFLAGS = $(AM_LDFLAGS) -static
tests_fuzz_replay_reader_LDADD = src/libnrb.la
tests_fuzz_replay_writer_SOURCES = tests/fuzz/fuzz.h tests/fuzz/fuzz_writer.c tests/fuzz/replay.c
tests_fuzz_replay_writer_LDFLAGS = $(AM_LDFLAGS) -static
tests_fuzz_replay_writer_LDADD = src/libnrb.la

# To go on fuzzing: a minute, or an hour. It takes clang and its libFuzzer (Debian: clang, libclang-rt-14-dev).
# A target that needs more than libnrb names its sources as further prerequisites of its .fuzzer.
FUZZ_CC = clang
FUZZ_SECONDS = 60
FUZZ_CFLAGS = -std=gnu11 -g -O1 -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all
fuzzers = $(fuzz_targets:%=tests/fuzz/%.fuzzer)
tests/fuzz/%.fuzzer: tests/fuzz/fuzz_%.c tests/fuzz/fuzz.h $(src_libnrb_la_SOURCES)
	$(AM_V_GEN)$(MKDIR_P) tests/fuzz && $(FUZZ_CC) $(FUZZ_CFLAGS) $(AM_CPPFLAGS) $(LIBURCU_CFLAGS) -o $@ \
		-I$(srcdir)/dump $(JANSSON_CFLAGS) $(filter %.c,$^) $(LIBURCU_LIBS) $(PTHREAD_LIBS) $(JANSSON_LIBS) -lm
tests/fuzz/dump.fuzzer: tests/fuzz/told.c tests/fuzz/told.h tests/temporary.h $(cli_libcli_la_SOURCES) \
	$(dump_libdump_la_SOURCES)
fuzz: $(fuzzers)
	$(srcdir)/tests/fuzz/run $(FUZZ_SECONDS) $(srcdir)/tests/fuzz/corpus $(fuzzers)
fuzz-long: $(fuzzers)
	$(srcdir)/tests/fuzz/run 3600 $(srcdir)/tests/fuzz/corpus $(fuzzers)

# Lines and branches of src/ that make check reaches. It takes gcc and gcovr, and a build of its own, not optimised.
# Left out: what looks at instructions or counts them, where gcov's are in between, and what holds runs to their time.
# Files of counters are everybody's, since some tests go on as another user.
coverage_left_out = tests/aarch64.sh tests/abi.sh tests/no_lock_prefix.sh tests/replay.sh tests/symbols.sh \
	$(patsubst %,tests/check_%,blunt dump exact explore holes mistakes run stepper stepper_errors tiers unfit \
	verdict_step)
EXTRA_DIST += tests/coverage.h
coverage:
	@command -v gcovr >/dev/null || { echo "make coverage needs gcovr: install it" >&2; exit 1; }
	rm -rf coverage && $(MKDIR_P) coverage
	cd coverage && $(abs_top_srcdir)/configure -q CC=gcc CFLAGS='-O0 -g --coverage -fprofile-update=atomic' \
		CPPFLAGS='-include $(abs_top_srcdir)/tests/coverage.h'
	umask 0 && $(MAKE) -s -C coverage && \
		$(MAKE) -s -C coverage check TESTS='$(filter-out $(coverage_left_out),$(TESTS))'; status=$$?; \
	top=$$(cd $(srcdir) && pwd -P); \
	for what in --txt --branches; do \
		gcovr $$what --root "$$top" --filter "$$top/src/" --fail-under-line 1 coverage/src || exit; \
	done; exit $$status
.PHONY: check-kernel coverage install-function-pages instructions uninstall-function-pages

clean-local:
	rm -rf coverage kernel-image tests/guest_init$(EXEEXT) $(fuzzers) $(fuzz_targets:%=tests/fuzz/%.corpus) \
		$(fuzz_targets:%=tests/fuzz/%.found) $(fuzz_targets:%=tests/fuzz/%.log)
