"""What the scheduler and its lanes do: queues, batches, stages, devices. Each function makes one row's panels."""

from panels import (
    CASCADE, OF_STAGE, POD, SERVER, STAGE, chart, histogram_map, listing, quantile, rate, series_map, summed)

BY_STAGE = "cascade, stage"
LONG_BACKLOG = 60  # seconds; as CascadeBacklogHigh
WASTE = 0.2  # as CascadeWorkWasted
BATCH_SIZES = [1 << power for power in range(11)]  # The label `batch`, as server/metrics counts.

ROWS = rate("cascade_step_rows_total", STAGE, BY_STAGE)
STEPS = rate("cascade_step_seconds_count", STAGE, BY_STAGE)
DEVICE_SECONDS = rate("cascade_step_seconds_sum", STAGE, BY_STAGE)
EFFICIENT = f"max by ({BY_STAGE}) (cascade_efficient_batch_rows{{{STAGE}}})"


def queues():
    return [
        chart("Images at the stages",
              "Active images have a slot and share steps; waiting ones are ready and have none. Waiting images before "
              "one stage only: that stage is the narrow place.",
              "images", [(summed(f"cascade_stage_images{{{STAGE}}}", "cascade, stage, state"),
                          OF_STAGE + " {{state}}")]),
        chart("Wait for a stage, p95",
              "From ready for the stage to the first step in it. In the first stage it is the queue at the door; in "
              "the others the hand-over, which credits keep short.",
              "s", [(quantile(0.95, "cascade_stage_wait_seconds", STAGE, BY_STAGE), OF_STAGE)]),
        chart("Backlog",
              "Wall time until the stage's lanes have done what is admitted, on the busiest pod: the signal to scale "
              "on. Above the red line for ten minutes means that scaling does not keep up.",
              "s", [(f"max by ({BY_STAGE}) (cascade_backlog_seconds{{{STAGE}}})", OF_STAGE)],
              levels=[(LONG_BACKLOG, "red")]),
        chart("Places taken in the stages' inboxes",
              "Credits in use, as a share of what there are, on the fullest pod. At 100 % the stage below holds its "
              "images back, as it should: the stage above is the narrow place. The first stage has no inbox.",
              "percentunit", [(f"max by ({BY_STAGE}) (cascade_stage_credits{{{STAGE}}} / "
                               f"(cascade_stage_credit_limit{{{STAGE}}} > 0))", OF_STAGE)], width=12, high=1),
        chart("Images parked",
              "Images that lost their slot to one of a better priority, and go on later. Steadily more than a few: "
              "interactive work takes all slots; raise `slots`, or add pods.",
              "images/s", [(rate("cascade_parks_total", STAGE, BY_STAGE), OF_STAGE)], width=12),
    ]


def batches():
    return [
        chart("Rows in a step",
              "Network rows per step, and dashed what the policy aims at: the smallest batch with 95 % of the best "
              "rows per second. Under load the lines meet. Without load small batches are right: nothing waits for a "
              "batch to fill.",
              "short", [(f"{ROWS} / {STEPS}", OF_STAGE), (EFFICIENT, OF_STAGE + " aim")], dashed="/ aim$/"),
        chart("Occupancy",
              "Rows in a step as a share of the efficient batch. Low while the backlog is long: images are spread over "
              "too many lanes or pods, or `slots` and `max_batch_rows` are too small.",
              "percentunit", [(f"{ROWS} / {STEPS} / {EFFICIENT}", OF_STAGE)]),
        series_map("Steps by batch size",
                   "How many steps a second had up to so many rows. One bright line at the efficient batch is a busy "
                   "server; two are two stages with different best batches, or urgent work that runs alone.",
                   "short", [(rate("cascade_step_seconds_count", f'{STAGE},batch="{size}"'), str(size))
                             for size in BATCH_SIZES]),
        chart("Rows per image in a step",
              "1: no guidance. 2: every image is guided, and costs twice. In between: guidance in an interval, or for "
              "some requests.",
              "short", [(f"{ROWS} / {rate('cascade_step_images_total', STAGE, BY_STAGE)}", OF_STAGE)], width=12),
        chart("Padding",
              "Share of computed rows that are nobody's, to fill up a batch size. Above a tenth: the batch sizes do "
              "not fit the load.",
              "percentunit", [(f"{rate('cascade_padded_rows_total', STAGE, BY_STAGE)} / ("
                               f"{rate('cascade_padded_rows_total', STAGE, BY_STAGE)} + {ROWS})", OF_STAGE)],
              width=12, levels=[(0.1, "yellow")]),
    ]


def stages():
    return [
        histogram_map("Time of a step",
                      "Device time of the chosen stages' steps. Bands are stages and batch sizes; a band that drifts "
                      "up is a device that became slower (a neighbour, heat), a spot far above is a hiccup.",
                      "s", "cascade_step_seconds", STAGE),
        chart("Time of a step, p95", "Device time of a step. It grows with the batch; compare the time of a row.",
              "s", [(quantile(0.95, "cascade_step_seconds", STAGE, BY_STAGE), OF_STAGE)]),
        chart("Device time of a row",
              "Device time of steps over their rows: what an evaluation of the network costs. It falls while batches "
              "grow; a rise at equal batches is a slower device.",
              "s", [(f"{DEVICE_SECONDS} / {ROWS}", OF_STAGE)]),
        chart("Time of an image in a stage, p95",
              "From the first step to the last. Steps times the time of a step when alone; more when it shares the "
              "lane with other stages.",
              "s", [(quantile(0.95, "cascade_stage_seconds", STAGE, BY_STAGE), OF_STAGE)]),
        chart("Rows", "Network rows computed for images each second: the work that is done.",
              "rows/s", [(ROWS, OF_STAGE)], stacked=True),
        chart("Images that left unfinished",
              "Images that left a stage before its end, by stage and outcome. Cancelled early costs little; the panel "
              "on wasted device time says how much.",
              "images/s", [(rate("cascade_ended_images_total", STAGE, "cascade, stage, outcome") + " > 0",
                            OF_STAGE + " {{outcome}}")]),
    ]


def lanes():
    busy = rate("cascade_lane_busy_seconds_total", SERVER, "pod, instance, device")
    lanes_of_pod = summed(f"cascade_lanes{{{SERVER}}}", "pod, instance, device")
    return [
        chart("Lanes busy",
              "Share of wall time that a pod's lanes spend in steps. Near 100 % with a backlog: more pods. Low with a "
              "backlog: the lanes wait for something (a CPU limit, a noisy neighbour).",
              "percentunit", [(f"{busy} / {lanes_of_pod}", POD + " {{device}}")], high=1),
        chart("Busiest and idlest lane",
              "Share of wall time in steps. Far apart: the placement of stages on lanes does not fit the load.",
              "percentunit", [(f"max(rate(cascade_lane_busy_seconds_total{{{SERVER}}}[$__rate_interval]))", "busiest"),
                              (f"min(rate(cascade_lane_busy_seconds_total{{{SERVER}}}[$__rate_interval]))", "idlest")],
              high=1),
        chart("Lanes", "Lanes that work. A step down is a lost lane: see the pod's log.",
              "short", [(lanes_of_pod, POD + " {{device}}")], stacked=True),
        chart("Device time wasted",
              "Share of device time spent on images that nobody will see (cancelled, late, failed). Above the red line "
              "look at what was not done, by reason.",
              "percentunit", [(f"{rate('cascade_wasted_device_seconds_total', STAGE, BY_STAGE)} / {DEVICE_SECONDS}",
                               OF_STAGE)], levels=[(WASTE, "red")]),
        chart("Device time saved",
              "Device seconds each second that requests which ended early left undone: what acting between two steps "
              "is worth.",
              "lanes", [(rate("cascade_saved_device_seconds_total", STAGE, BY_STAGE), OF_STAGE)], stacked=True),
        chart("Memory of models",
              "Weights and slots of each stage, as budgeted when it was loaded, on one pod.",
              "bytes", [(f"max by (cascade, stage, device) (cascade_model_bytes{{{STAGE}}})",
                         OF_STAGE + " {{device}}")], stacked=True),
        chart("Time of the last load",
              "How long a cascade took to load, on the slowest pod. Startup probes must allow it.",
              "s", [(f"max by (cascade) (cascade_load_seconds{{{CASCADE}}})", "{{cascade}}")], width=12),
        listing("Loaded versions",
                "Pods by cascade and digest. Two digests of one cascade are a rollout under way, or one that is stuck: "
                "the same seed gives different images.",
                f"count by (cascade, digest) (cascade_loaded_info{{{CASCADE}}})",
                [("cascade", "Cascade"), ("digest", "Digest"), ("Value", "Pods")], width=12),
    ]
