#!/bin/sh
# SPDX-License-Identifier: MIT
# The JSON of forged runs, and of broken copies of one, against the schema; the schema against its documentation.
# Run in the build directory. FORGE_REPORTS names the program that forges, srcdir the source.
set -eu

srcdir=${srcdir:-.}
forger=${FORGE_REPORTS:-tests/forge_reports}
schema=$srcdir/doc/nrb-stress.schema.json
validator=$srcdir/tests/json_validate

# Another python3 may come first in PATH, without the distribution's modules.
for python in /usr/bin/python3 python3 none; do
	if [ "$python" = none ]; then
		echo "SKIP: no python3 with jsonschema: install python3-jsonschema"
		exit 77
	fi
	"$python" -c 'import jsonschema' 2>/dev/null && break
done
if [ ! -x "$forger" ]; then
	echo "SKIP: $forger was not built"
	exit 77
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 129' HUP INT TERM

"$forger" "$work"
"$python" "$validator" "$schema" "$work"/*.json
set -- "$work"/*.json
echo "ok: $# forged runs are valid"

# What must be refused: a valid run, broken by a sed script in one place.
refuse()
{
	sed "$2" "$work/pass.json" >"$work/broken"
	if cmp -s "$work/pass.json" "$work/broken"; then
		echo "not ok: nothing to break: $1" >&2
		exit 1
	fi
	status=0
	"$python" "$validator" "$schema" "$work/broken" 2>/dev/null || status=$?
	if [ "$status" -ne 1 ]; then
		echo "not ok: status $status for $1" >&2
		exit 1
	fi
	echo "ok: refused: $1"
}
refuse "an unknown field" 's/"program":/"colour": 1, "program":/'
refuse "a missing field" '/"wall_ns":/d'
refuse "an unknown verdict" 's/"verdict": "PASS"/"verdict": "GOOD"/'
refuse "a negative count" 's/"records": [0-9]*/"records": -1/'
refuse "a position that is a number" 's/"head_before": "[^"]*"/"head_before": 12/'
refuse "another format" 's/"format_version": 1/"format_version": 2/'

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
echo "ok: every field is described"
