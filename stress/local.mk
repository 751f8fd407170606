# SPDX-License-Identifier: MIT
# Everything but main: the tests link it as well.
noinst_LTLIBRARIES += stress/libstress.la
stress_libstress_la_SOURCES = \
	stress/base.c stress/base.h \
	stress/boundary.c stress/boundary.h \
	stress/child.c stress/child.h stress/clock.h stress/cpu.h \
	stress/environment.c stress/environment.h \
	stress/event.c stress/event.h \
	stress/exposure.c stress/exposure.h \
	stress/inject/aim.c stress/inject/aim.h stress/inject/context.h stress/inject/inject.c \
	stress/inject/inject.h stress/inject/kick.c \
	stress/inject/kick.h stress/inject/slow_motion.c stress/inject/slow_motion.h \
	stress/inject/steer.c stress/inject/steer.h stress/inject/strike.c stress/inject/timer.c \
	stress/inject/perf_trap.h stress/inject/trap.c stress/inject/trap.h \
	stress/kernel/breakpoints.c stress/kernel/breakpoints.h stress/kernel/events.c stress/kernel/events.h \
	stress/kernel/family.c stress/kernel/family.h stress/kernel/kernel.h stress/kernel/kernel_result.h \
	stress/kernel/collect.c stress/kernel/prepare.c stress/kernel/reader.c \
	stress/kernel/kernel_slice.h stress/kernel/record.c stress/kernel/record.h stress/kernel/slice.c \
	stress/kernel/steer.c stress/kernel/steer.h stress/kernel/target.c stress/kernel/version.c \
	stress/kernel/version.h \
	stress/kernel/watch.c stress/kernel/watch.h stress/kernel/writer.c stress/kernel/writer.h \
	stress/levels.h \
	stress/listing.c stress/listing.h \
	stress/module.c stress/module.h \
	stress/options.c stress/options.h stress/options_targets.c stress/options_targets.h \
	stress/oracle.c stress/oracle.h \
	stress/payload.c stress/payload.h \
	stress/placement.c stress/placement.h \
	stress/plugin/contain.c stress/plugin/contain.h stress/plugin/load.c stress/plugin/plugin.h \
	stress/plugin/plugin_target.c stress/plugin/statics.c \
	stress/progress.c stress/progress.h \
	stress/random.h \
	stress/reader.c stress/reader.h \
	stress/replay.c stress/replay.h \
	stress/report/json.c stress/report/json_map.c stress/report/json_step.c stress/report/json_value.h \
	stress/report/json_kernel.c stress/report/text_kernel.c \
	stress/report/ktap.c stress/report/output.c stress/report/report.h \
	stress/report/text.c stress/report/text.h stress/report/text_detail.c \
	stress/report/text_line.c stress/report/text_step.c stress/report/text_table.c stress/report/text_map.c \
	stress/result.c stress/result.h \
	stress/run.c stress/run.h stress/run_step.c stress/session.h \
	stress/section_list.c stress/section_list.h \
	stress/slice.c stress/slice.h \
	stress/strength.c stress/strength.h \
	stress/strike_log.h \
	stress/step/checkpoint.c stress/step/explore.c stress/step/explore.h stress/step/explorer.h \
	stress/step/forked.c stress/step/forked.h stress/step/found.c stress/step/hash.h stress/step/machine.h \
	stress/step/marks.h \
	stress/step/play.c stress/step/play.h stress/step/ptrace.c stress/step/scenario.c stress/step/scenario.h \
	stress/step/scene.c stress/step/scene.h stress/step/stage.c stress/step/stage.h \
	stress/step/states.c stress/step/states.h stress/step/step.c stress/step/step.h \
	stress/step/step_result.h stress/step/stepper.c stress/step/stepper.h stress/step/trap.c stress/step/witness.h \
	stress/step/world.c stress/step/world.h \
	stress/survey.c stress/survey.h \
	stress/swapper.c stress/swapper.h \
	stress/symbol.c stress/symbol.h \
	stress/targets/backward-overwrite.c stress/targets/backward.c stress/targets/channel.c \
	stress/targets/channel_target.c stress/targets/channel_target.h stress/targets/early-check.c \
	stress/targets/early-wakeup.c stress/targets/fixed-lock.c stress/targets/fixed.c \
	stress/targets/hoisted-space.c stress/targets/late-inc.c stress/targets/late-mark.c \
	stress/targets/late-wakeup.c stress/targets/legacy.c stress/targets/lost-race.c stress/targets/mask.c \
	stress/targets/masked_steps.h \
	stress/targets/no-grace.c stress/targets/no-nest.c stress/targets/no-recheck.c \
	stress/targets/no-tail-check.c stress/targets/overwrite.c stress/targets/own-wakeup.c \
	stress/targets/plain-nest-reload.c stress/targets/plain-reserve.c stress/targets/publish-first.c \
	stress/targets/ring_target.c stress/targets/ring_target.h stress/targets/rseq-early-commit.c \
	stress/targets/rseq-no-check.c stress/targets/rseq-publish.c stress/targets/rseq-unregistered.c \
	stress/targets/rseq.c stress/targets/rseq_target.h stress/targets/sample-id.c \
	stress/targets/swapped-space.c stress/targets/target.h stress/targets/targets.c stress/targets/torn-head.c \
	stress/targets/watermark.c \
	stress/topology.c stress/topology.h \
	stress/verdict.c stress/verdict.h \
	stress/watchdog.c stress/watchdog.h \
	stress/witness_file.c stress/witness_file.h \
	stress/words.c stress/words.h \
	stress/writer.c stress/writer.h
stress_libstress_la_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/stress/targets
stress_libstress_la_CFLAGS = $(AM_CFLAGS) $(HWLOC_CFLAGS) $(JANSSON_CFLAGS) $(LIBDW_CFLAGS) \
	$(CAPSTONE_CFLAGS)
stress_libstress_la_LIBADD = cli/libcli.la src/libnrb.la $(HWLOC_LIBS) $(JANSSON_LIBS) $(LIBDW_LIBS) \
	$(CAPSTONE_LIBS) $(PTHREAD_LIBS) -lm

# In the build tree stress/stress, installed nrb-stress: other packages own the short name.
noinst_PROGRAMS += stress/stress
stress_stress_SOURCES = stress/main.c
stress_stress_LDADD = stress/libstress.la
# The library's own objects, linked in: the program runs from the build tree as it is, and what it tests is what ships.
stress_stress_LDFLAGS = $(AM_LDFLAGS) -static

# For who writes a plug-in.
include_HEADERS += stress/plugin/nrb_plugin.h

include stress/report/local.mk
