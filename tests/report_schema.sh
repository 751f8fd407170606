#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The JSON of forged runs, and of broken copies of one, against the schema; the schema against its documentation.
# Run in the build directory. FORGE_REPORTS names the program that forges, srcdir the source. A case each (TAP).
# Cases are called by name, which shellcheck cannot follow.
# shellcheck disable=SC2317
set -u
# shellcheck source=tests/tap.sh
. "$(dirname -- "$0")/tap.sh"

srcdir=${srcdir:-.}
forger=${FORGE_REPORTS:-tests/forge_reports}
schema=$srcdir/doc/nrb-stress.schema.json
validator=$srcdir/tests/json_validate

# Another python3 may come first in PATH, without the distribution's modules.
for python in /usr/bin/python3 python3 none; do
	if [ "$python" = none ]; then
		skip_all "no python3 with jsonschema: install python3-jsonschema"
	fi
	"$python" -c 'import jsonschema' 2>/dev/null && break
done
if [ ! -x "$forger" ]; then
	skip_all "$forger was not built"
fi

work=$tmp

validate() { "$python" "$validator" "$schema" "$@"; }

# refuses SCRIPT [RUN]: a valid run, broken by a sed script in one place
refuses()
{
	sed "$1" "$work/${2:-pass}.json" >"$work/broken"
	if cmp -s "$work/${2:-pass}.json" "$work/broken"; then
		echo "nothing to break"
		return 1
	fi
	status=0
	validate "$work/broken" || status=$?
	[ "$status" -eq 1 ] || echo "status $status"
	[ "$status" -eq 1 ]
}

described()
{
	"$python" - "$schema" "$srcdir/doc/nrb-stress-json.md" <<'END'
import json, sys
schema, text = json.load(open(sys.argv[1])), open(sys.argv[2], encoding="utf-8").read()
missing = []
def visit(node):
    if isinstance(node, dict):
        for name, value in node.get("properties", {}).items():
            if f"`{name}`" not in text:
                missing.append(f"{name} is in no `` of the documentation")
            if not value.get("description"):
                missing.append(f"{name} is not described in the schema")
        if "properties" in node:
            if node.get("additionalProperties") is not False or sorted(node["required"]) != sorted(node["properties"]):
                missing.append(f"an object is open: {node.get('description')}")
        for value in node.values():
            visit(value)
visit(schema)
sys.exit("\n".join(missing) or 0)
END
}

check "runs can be forged" "$forger" "$work"
set -- "$work"/*.json
check "$# forged runs are valid" validate "$@"
check "refused: an unknown field" refuses 's/"program":/"colour": 1, "program":/'
check "refused: a missing field" refuses '/"wall_ns":/d'
check "refused: an unknown verdict" refuses 's/"verdict": "PASS"/"verdict": "GOOD"/'
check "refused: a negative count" refuses 's/"records": [0-9]*/"records": -1/'
check "refused: a position that is a number" refuses 's/"head_before": "[^"]*"/"head_before": 12/'
check "refused: a program counter that is a number" refuses 's/"pc": "[^"]*"/"pc": 12/'
check "refused: an unknown tier" refuses 's/"kick":/"nudge":/'
check "refused: a stepper that nobody knows" refuses 's/"stepper": "trap"/"stepper": "trip"/' step_pass
check "refused: a pass without its depth" refuses '/^ *"depth": 1,$/d' step_pass
check "refused: a strike without its boundary" refuses '/^ *"boundary": 73,$/d' step_pass
check "refused: what stepping did as a text" refuses 's/"step": null/"step": "nothing"/'
check "refused: another format" refuses 's/"format_version": 1/"format_version": 2/'
check "every field is described" described
finish
