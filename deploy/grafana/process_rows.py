"""The first row, and the last one: is it well, and how is the process. Each function makes one row's panels."""

from engine_rows import LONG_BACKLOG
from panels import CASCADE, POD, SERVER, STAGE, chart, listing, number, quantile, rate, summed
from request_rows import SERVERS_FAULT, SLOW_REQUEST

FULL = 0.8  # Of the file descriptors; as CascadeFileDescriptorsLow.


def at_a_glance():
    return [
        number("Pods that serve", "Pods that are ready. Fewer than there should be: loading, draining, or gone.",
               "short", summed(f"cascade_ready{{{SERVER}}}")),
        number("Requests", "Requests each second, however they ended.", "reqps",
               rate("cascade_requests_total", CASCADE)),
        number("The server's errors", "Share of requests that failed by the server's fault.", "percentunit",
               f"({rate('cascade_requests_total', f'{CASCADE},{SERVERS_FAULT}')} or vector(0))"
               f" / {rate('cascade_requests_total', CASCADE)}", levels=[(0.001, "yellow"), (0.0144, "red")]),
        number("Time of requests, p95", "From admission to the end, of requests that ended well.", "s",
               quantile(0.95, "cascade_request_seconds", CASCADE), levels=[(SLOW_REQUEST, "red")]),
        number("Images", "Images of requests that ended well, each second.", "images/s",
               rate("cascade_images_total", CASCADE)),
        number("Backlog", "Wall time until the busiest stage of the busiest pod has done what is admitted.", "s",
               f"max(cascade_backlog_seconds{{{STAGE}}})",
               levels=[(LONG_BACKLOG / 2, "yellow"), (LONG_BACKLOG, "red")]),
    ]


def process():
    descriptors = f"process_open_fds{{{SERVER}}} / process_max_fds{{{SERVER}}}"
    return [
        chart("Ready", "1 while a pod serves, 0 while it loads or drains.", "short",
              [(f"cascade_ready{{{SERVER}}}", POD)], high=1),
        chart("Processor", "Cores in use. On a CPU pod it should reach the lanes' number under load; flat below it is "
              "a CPU limit.", "cores", [(rate("process_cpu_seconds_total", SERVER, "pod, instance"), POD)]),
        chart("Memory", "Resident. Flat after load; a slow climb over days is a leak, a step is a cascade that was "
              "loaded.", "bytes", [(f"process_resident_memory_bytes{{{SERVER}}}", POD)]),
        chart("File descriptors", "Open, as a share of what is allowed. Each connection takes one.", "percentunit",
              [(descriptors, POD)], levels=[(FULL, "red")]),
        chart("Threads", "They are made at start, and by gRPC with the load. No steady climb.", "short",
              [(f"process_threads{{{SERVER}}}", POD)]),
        chart("Up for", "Since the process began. A saw tooth is a restart loop.", "s",
              [(f"time() - process_start_time_seconds{{{SERVER}}}", POD)]),
        chart("Log lines dropped", "Lost because whoever reads stderr was too slow. The lines of failed requests may "
              "be among them.", "lines/s", [(rate("cascade_log_lines_dropped_total", SERVER, "pod, instance"), POD)],
              width=12),
        listing("Builds", "Pods by build. Two are a rollout under way.",
                f"count by (build) (cascade_build_info{{{SERVER}}})", [("build", "Build"), ("Value", "Pods")],
                width=12),
    ]
