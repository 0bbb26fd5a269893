"""An ensemble to be run, killed and interrupted by tests, as a process of its own."""

import argparse
import signal

from nlbook.parallel import run_tasks, start_cluster
from tests.parallel.sample_tasks import noise, noise_tasks


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("store")
    parser.add_argument("--tasks", type=int, default=8)
    parser.add_argument("--size", type=int, default=5)
    parser.add_argument("--duration", type=float, default=0.0)
    parser.add_argument("--kind", default="")
    arguments = parser.parse_args()
    # a process started in the background ignores Ctrl-C, and under nohup a closed terminal
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    tasks = noise_tasks(arguments.tasks, arguments.size, duration=arguments.duration)
    print("started", flush=True)
    if arguments.kind:
        with start_cluster(arguments.kind, 2) as cluster:
            run_tasks(noise, tasks, cluster, arguments.store)
    else:
        run_tasks(noise, tasks, store=arguments.store, workers=2)
    print("finished", flush=True)


if __name__ == "__main__":
    main()
