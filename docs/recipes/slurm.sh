#!/usr/bin/env bash
# A search on an allocation of Slurm: sbatch docs/recipes/slurm.sh --trials 200
#
# Whatever follows the script goes to `sparring search aegan`. Change the numbers below and the environment's path; for
# GPUs add `#SBATCH --gpus-per-node=4` and, on the sbatch line, --gpus-per-worker 1. The same sbatch line resumes.
#SBATCH --job-name=sparring
#SBATCH --nodes=4
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task=16
#SBATCH --exclusive
#SBATCH --time=08:00:00
# Two minutes before the limit: every trial finishes its epoch and leaves a checkpoint.
#SBATCH --signal=B:TERM@120
set -euo pipefail

results=${SPARRING_RESULTS:-$PWD/results}
# shellcheck source=/dev/null
. "${SPARRING_ENV:-$HOME/sparring/.venv}/bin/activate"

# One token for this job's nodes, in a file that only its owner reads. The home folder is on every node.
umask 077
mkdir -p "$HOME/.ray"
token=$(mktemp "$HOME/.ray/sparring-XXXXXX")
python -c 'import secrets; print(secrets.token_hex(32), end="")' >"$token"
export RAY_AUTH_MODE=token RAY_AUTH_TOKEN_PATH=$token RAY_USAGE_STATS_ENABLED=0

# This script runs on the allocation's first node, which becomes the head. A port per job, a short folder for sockets.
head=$(hostname -s)
ip=${SPARRING_IP:-$(hostname -I | cut -d' ' -f1)}
port=$((20000 + SLURM_JOB_ID % 20000))
started=()
search=
trap 'kill ${search:+"$search"} "${started[@]}" 2>/dev/null || true; wait; rm -f "$token"' EXIT

# Since 22.05 srun does not take the job's CPUs per task over by itself; without them a node would have one core.
task=(srun --overlap --ntasks-per-node=1 --cpus-per-task="$SLURM_CPUS_PER_TASK")
here=(--block --num-cpus="$SLURM_CPUS_PER_TASK" --disable-usage-stats)
"${task[@]}" --nodes=1 --nodelist="$head" ray start --head --node-ip-address="$ip" --port="$port" \
    --dashboard-host=127.0.0.1 --temp-dir="/tmp/ray-$SLURM_JOB_ID" "${here[@]}" &
started+=($!)
others=$((SLURM_JOB_NUM_NODES - 1))
if [ "$others" -gt 0 ]; then
    "${task[@]}" --nodes="$others" --exclude="$head" ray start --address="$ip:$port" "${here[@]}" &
    started+=($!)
fi

# A search refuses what does not fit the nodes that are there, so it starts when all are: within five minutes, or not.
python - "$ip:$port" "$SLURM_JOB_NUM_NODES" <<'PY'
import sys
import time

import ray

deadline = time.monotonic() + 300
while True:
    try:
        if not ray.is_initialized():
            ray.init(address=sys.argv[1], log_to_driver=False, logging_level="error")
        alive = sum(node["Alive"] for node in ray.nodes())
    except ConnectionError:
        alive = 0
    if alive >= int(sys.argv[2]):
        break
    if time.monotonic() > deadline:
        sys.exit(f"{alive} of {sys.argv[2]} nodes have joined")
    time.sleep(1)
PY

# In the background, so that the shell can pass Slurm's signal on while it waits.
sparring search aegan --address "$ip:$port" --results "$results" "$@" &
search=$!
trap 'kill -TERM "$search"' TERM
code=0
wait "$search" || code=$?
while kill -0 "$search" 2>/dev/null; do # the signal ended the wait, not the search
    wait "$search" && code=0 || code=$?
done
search=
exit "$code"
