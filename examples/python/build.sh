#!/bin/sh
# Makes dist/report.wasm and dist/tasks.wasm.
set -e
cd "$(dirname "$0")"
export VIRTUAL_ENV="$PWD/.venv" PATH="$PWD/.venv/bin:$PATH"
if ! [ -x .venv/bin/componentize-py ]; then
    python3 -m venv .venv
    pip install --quiet -r requirements.txt
fi
mkdir -p dist
for component in report tasks; do
    wasm="dist/$component.wasm"
    # componentize-py makes other bytes each time, which a host then compiles anew.
    if [ -f "$wasm" ] && [ -z "$(find build.sh requirements.txt src/*.py -newer "$wasm")" ]; then
        continue
    fi
    # The world is what a component may import. `spin-http` adds Spin's variables and stores.
    componentize-py -w wasi:http/proxy@0.2.0 componentize -p src "$component" -o "$wasm"
done
