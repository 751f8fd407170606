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

# broken NAME SCRIPT [RUN]: a valid run, broken by a sed script in one place; a case of it, later
broken()
{
	names+=("$1")
	sed "$2" "$work/${3:-pass}.json" >"$work/broken.${#names[@]}"
	! cmp -s "$work/${3:-pass}.json" "$work/broken.${#names[@]}" || rm "$work/broken.${#names[@]}"
}

# All of them at once: it is the start of the validator that takes its time. It has a word for each that is invalid.
validate_broken()
{
	refusal=0
	validate "$work"/broken.* >"$work/refusals" 2>&1 || refusal=$?
}

# refused NUMBER: of those
refused()
{
	[ -e "$work/broken.$1" ] || { echo "nothing to break"; return 1; }
	[ "$refusal" = 1 ] || { echo "status $refusal"; cat "$work/refusals"; return 1; }
	grep -F "$work/broken.$1: " "$work/refusals"
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

names=()
check "runs can be forged" "$forger" "$work"
set -- "$work"/*.json
check "$# forged runs are valid" validate "$@"
broken "an unknown field" 's/"program":/"colour": 1, "program":/'
broken "a missing field" '/"wall_ns":/d'
broken "an unknown verdict" 's/"verdict": "PASS"/"verdict": "GOOD"/'
broken "a negative count" 's/"records": [0-9]*/"records": -1/'
broken "a position that is a number" 's/"head_before": "[^"]*"/"head_before": 12/'
broken "a program counter that is a number" 's/"pc": "[^"]*"/"pc": 12/'
broken "an unknown tier" 's/"kick":/"nudge":/'
broken "a stepper that nobody knows" 's/"stepper": "trap"/"stepper": "trip"/' step_pass
broken "a pass without its depth" '/^ *"depth": 1,$/d' step_pass
broken "a strike without its boundary" '/^ *"boundary": 73,$/d' step_pass
broken "what stepping did as a text" 's/"step": null/"step": "nothing"/'
broken "another format" 's/"format_version": 1/"format_version": 2/'
validate_broken
for i in "${!names[@]}"; do
	check "refused: ${names[i]}" refused $((i + 1))
done
check "every field is described" described
finish
