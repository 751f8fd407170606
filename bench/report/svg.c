/* SPDX-License-Identifier: MIT */
/*
 * svg.c - a chart, drawn by gnuplot: ns a record over the payload, a panel for each mode
 */
#define _GNU_SOURCE
#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "contestant.h"
#include "reports.h"

#define DRAW_NS (30 * NS_PER_S)
#define PANEL_WIDTH 460u
#define PANEL_HEIGHT 420u

/* Panels: modes at the first size of ring that the plan has of them. */
struct panel {
	struct cell like;
	enum place place;
};

static bool is_drawn(const struct cell *cell)
{
	return cell->mode != MODE_NESTED && cell->writers == 1 && cell->mode != MODE_WRITERS;
}

/* Where most of its repetitions were. */
static enum place usual_place(const struct bench_report *report, unsigned cell)
{
	enum place usual = PLACE_ONE;
	unsigned most = 0;

	for (unsigned place = PLACE_NEAR; place < PLACES && cell_crosses(&report->plan->cell[cell]); place++) {
		unsigned count = summary_counts(report->measured, cell, (enum place)place).repetitions;

		if (count > most) {
			most = count;
			usual = (enum place)place;
		}
	}
	return usual;
}

static unsigned find_panels(const struct bench_report *report, struct panel *panel)
{
	unsigned panels = 0;

	for (unsigned i = 0; i < report->plan->cells && panels < MODES; i++) {
		const struct cell *cell = &report->plan->cell[i];
		bool known = !is_drawn(cell);

		for (unsigned p = 0; p < panels && !known; p++)
			known = panel[p].like.mode == cell->mode;
		if (!known)
			panel[panels++] = (struct panel) { .like = *cell, .place = usual_place(report, i) };
	}
	return panels;
}

/* The points of one contestant: payload, ns, low, high. Return: how many. */
static unsigned print_points(const struct bench_report *report, const struct panel *panel, uint32_t contestant,
			     FILE *out)
{
	unsigned points = 0;

	for (unsigned i = 0; i < report->plan->cells; i++) {
		const struct cell *cell = &report->plan->cell[i];
		struct estimate ns;

		if (cell->contestant != contestant || cell->mode != panel->like.mode ||
		    cell->data_size != panel->like.data_size || !is_drawn(cell))
			continue;
		ns = summary_ns_estimate(report->measured, i, panel->place);
		if (!isfinite(ns.value))
			continue;
		if (!points++)
			fprintf(out, "$p%uc%u << END\n", panel->like.mode, contestant);
		fprintf(out, "%u %.4f %.4f %.4f\n", cell->payload, ns.value, isfinite(ns.low) ? ns.low : ns.value,
			isfinite(ns.high) ? ns.high : ns.value);
	}
	if (points)
		fprintf(out, "END\n");
	return points;
}

static void print_panel(const struct bench_report *report, const struct panel *panel, FILE *out)
{
	const char *comma = "plot ";
	bool drawn[PLAN_CONTESTANTS] = { false };

	for (uint32_t c = 0; c < PLAN_CONTESTANTS && contestant_table[c]; c++)
		drawn[c] = print_points(report, panel, c, out);
	fprintf(out, "set title \"%s%s%s\" noenhanced\n", mode_table[panel->like.mode].name,
		cell_crosses(&panel->like) ? ", " : "", cell_crosses(&panel->like) ? place_text(panel->place) : "");
	for (uint32_t c = 0; c < PLAN_CONTESTANTS && contestant_table[c]; c++) {
		if (!drawn[c])
			continue;
		fprintf(out, "%s$p%uc%u using 1:2:3:4 with yerrorlines title \"%s\" noenhanced", comma,
			panel->like.mode, c, contestant_table[c]->name);
		comma = ", ";
	}
	fprintf(out, comma[0] == ',' ? "\n" : "plot NaN notitle\n");
}

/* What gnuplot is to draw. */
static void print_script(const struct bench_report *report, FILE *out)
{
	struct panel panel[MODES];
	unsigned panels = find_panels(report, panel);

	fprintf(out, "set terminal svg size %u,%u dynamic background rgb 'white' font 'sans,11'\n",
		PANEL_WIDTH * (panels ? panels : 1), PANEL_HEIGHT);
	fprintf(out, "set multiplot layout 1,%u\nset logscale y\nset logscale x 2\nset grid\nset key left top\n",
		panels ? panels : 1);
	fprintf(out, "set xlabel 'payload, bytes'\nset ylabel 'ns a record, median and 95 %% interval'\n");
	for (unsigned p = 0; p < panels; p++)
		print_panel(report, &panel[p], out);
	fprintf(out, "unset multiplot\n");
}

int svg_possible(void)
{
	const char *at = getenv("PATH");

	while (at && *at) {
		size_t length = strcspn(at, ":");
		char path[4096];

		snprintf(path, sizeof(path), "%.*s/gnuplot", (int)length, at);
		if (!access(path, X_OK))
			return 0;
		at += length + (at[length] == ':');
	}
	return -ENOENT;
}

/* Its status, or -ETIME when it had to be killed. */
static int wait_for(pid_t pid)
{
	const struct timespec pause = clock_timespec(5 * NS_PER_MS);
	uint64_t deadline = clock_ns() + DRAW_NS;
	int status = 0;

	while (!waitpid(pid, &status, WNOHANG)) {
		if (clock_ns() > deadline) {
			kill(pid, SIGKILL);
			waitpid(pid, &status, 0);
			return -ETIME;
		}
		nanosleep(&pause, NULL);
	}
	return WIFEXITED(status) && !WEXITSTATUS(status) ? 0 : -EIO;
}

static int draw(int script, int chart)
{
	pid_t pid;

	if (lseek(script, 0, SEEK_SET))
		return -errno;
	fflush(NULL);
	pid = fork();
	if (!pid) {
		dup2(script, STDIN_FILENO);
		dup2(chart, STDOUT_FILENO);
		execlp("gnuplot", "gnuplot", (char *)NULL);
		_exit(2);
	}
	return pid < 0 ? -errno : wait_for(pid);
}

static int copy(int chart, FILE *out)
{
	char part[4096];
	ssize_t size;

	if (lseek(chart, 0, SEEK_SET))
		return -errno;
	while ((size = read(chart, part, sizeof(part))) > 0)
		fwrite(part, 1, (size_t)size, out);
	return size ? -errno : 0;
}

int report_svg(const struct bench_report *report, FILE *out)
{
	int chart = memfd_create("nrb-bench-chart", MFD_CLOEXEC), fd = memfd_create("nrb-bench-gnuplot", MFD_CLOEXEC);
	FILE *script = fd < 0 ? NULL : fdopen(fd, "w");
	int rc = -ENOMEM;

	if (chart >= 0 && script) {
		print_script(report, script);
		rc = fflush(script) ? -errno : draw(fd, chart);
	}
	if (!rc)
		rc = copy(chart, out);
	if (script)
		fclose(script);
	else if (fd >= 0)
		close(fd);
	if (chart >= 0)
		close(chart);
	return rc;
}
