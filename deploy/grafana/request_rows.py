"""What clients see: traffic, admission, streaming. Each function makes one row's panels."""

from panels import CASCADE, OF_STAGE, POD, SERVER, STAGE, chart, quantile, quantiles, rate, summed

# What the server answers for: everything but what clients, load and rollouts explain, so that a reason that nobody
# thought of counts. deploy/prometheus/rules.yaml counts the same, and a test compares them.
SERVERS_FAULT = ('outcome!="OK",reason!~"CANCELLED|READER_STALLED|DEADLINE_.+|QUEUE_FULL|TENANT_LIMIT|TOO_MANY_IMAGES|'
                 'DRAINING|CASCADE_.+|STATE_.+|INVALID_FIELD|FIELD_UNIMPLEMENTED|OPERATION_RUNNING"')
SLOW_FIRST_PREVIEW = 5  # seconds; as CascadeFirstPreviewLate
SLOW_REQUEST = 30  # seconds; as CascadeLatencyHigh

OUTCOMES = (("OK", "green"), ("CANCELLED", "blue"), ("RESOURCE_EXHAUSTED", "yellow"),
            ("DEADLINE_EXCEEDED", "orange"), ("UNAVAILABLE", "purple"), ("INTERNAL", "red"))


def traffic():
    return [
        chart("Requests by outcome",
              "Requests that ended or were turned away, each second. Green should be nearly all of it. Yellow is a "
              "full server that refuses, which protects those it has admitted: more pods. Red and purple are the "
              "server's fault.",
              "reqps", [(rate("cascade_requests_total", CASCADE, "outcome"), "{{outcome}}")],
              stacked=True, colours=OUTCOMES),
        chart("Time of requests",
              "From admission to the end, of requests that ended well. If it grows and the backlog does not, the work "
              "became longer (more steps, bigger batches); if both grow, there is more work than lanes.",
              "s", quantiles("cascade_request_seconds", CASCADE, 0.5, 0.95, 0.99),
              levels=[(SLOW_REQUEST, "red")]),
        chart("Images", "Images of requests that ended well, each second: the goodput.",
              "images/s", [(rate("cascade_images_total", CASCADE, "cascade"), "{{cascade}}")], stacked=True),
        chart("RPCs by method and code",
              "All RPCs, with those that never became a request: a wrong field (INVALID_ARGUMENT), a name that is not "
              "loaded (NOT_FOUND). A burst of one of these is a client that was deployed wrong.",
              "reqps", [(rate("cascade_rpcs_total", SERVER, "method, code"), "{{method}} {{code}}")]),
        chart("RPCs under way",
              "Streams and calls that are open. It follows traffic times duration; a line that only climbs is clients "
              "that never end their calls.",
              "short", [(summed(f"cascade_rpcs_active{{{SERVER}}}", "method"), "{{method}}")]),
        chart("Time of RPCs, p95",
              "From begin to end by method, however it ended, with the time that clients take to read.",
              "s", [(quantile(0.95, "cascade_rpc_seconds", SERVER, "method"), "{{method}}")]),
    ]


def admission():
    return [
        chart("What was not done, by reason",
              "Every outcome but OK that there is, by the reason that clients get. QUEUE_FULL and DEADLINE_AT_RISK: "
              "load. DEADLINE_UNREACHABLE: clients ask for what an idle server cannot do either. TENANT_LIMIT: one tenant's "
              "own bound. DEADLINE_EXCEEDED: admitted and late. CANCELLED: the client left.",
              "reqps", [(rate("cascade_requests_total", CASCADE + ',outcome!="OK"', "outcome, reason") + " > 0",
                         "{{outcome}} {{reason}}")], stacked=True),
        chart("The server's errors",
              "Share of requests that failed by the server's fault. The red line burns a monthly budget of 0.1 % "
              "fourteen times too fast, which pages.",
              "percentunit", [(f"({rate('cascade_requests_total', f'{CASCADE},{SERVERS_FAULT}')} or vector(0))"
                               f" / {rate('cascade_requests_total', CASCADE)}", "errors")],
              levels=[(0.001, "yellow"), (0.0144, "red")]),
        chart("Time in the queue",
              "From admission to the first step. Close to zero while there is room. What clients were told in `queued` "
              "is this, forecast.",
              "s", quantiles("cascade_queue_seconds", CASCADE, 0.5, 0.95, 0.99)),
        chart("Images in the queue",
              "Admitted, not begun, by pod. Pods far apart: clients do not spread their load (one connection to one "
              "pod; see the client side in deploy/helm/README.md).",
              "images", [(summed(f"cascade_queued_images{{{SERVER}}}", "pod, instance"), POD)], width=12),
        chart("Device time by tenant",
              "Device seconds each second, that is, how many lanes a tenant fills. Under load the shares should be as "
              "the configured weights; a tenant that has less than its share asked for less.",
              "lanes", [(rate("cascade_tenant_device_seconds_total", CASCADE, "tenant"), "{{tenant}}")],
              width=12, stacked=True),
    ]


def streaming():
    return [
        chart("Time to the first preview",
              "From the call's arrival until its first preview was handed to the transport: how long a user looks at "
              "nothing.",
              "s", quantiles("cascade_first_preview_seconds", CASCADE, 0.5, 0.95, 0.99),
              levels=[(SLOW_FIRST_PREVIEW, "red")]),
        chart("Time to each resolution, p95",
              "From the call's arrival until a stage's image was handed to the transport. The distance between two "
              "lines is what the upper stage adds.",
              "s", [(quantile(0.95, "cascade_stage_image_seconds", STAGE, "cascade, stage"), OF_STAGE)]),
        chart("Previews dropped",
              "Previews that a newer one replaced before their reader took them. Harmless: it is how slow readers are "
              "kept from slowing anyone. Much of it: ask for fewer previews.",
              "previews/s", [(rate("cascade_previews_dropped_total", SERVER), "dropped")]),
        chart("Readers cut off",
              "Streams that were ended because their reader took nothing for `reader_stall_timeout`, in the last "
              "10 minutes.",
              "short", [(summed(f"increase(cascade_reader_stalls_total{{{SERVER}}}[10m])", "pod, instance"), POD)]),
        chart("Time to encode a picture, p95",
              "By format. Encoding is off the lanes; it delays a stream, not the devices.",
              "s", [(quantile(0.95, "cascade_encode_seconds", SERVER, "format"), "{{format}}")]),
        chart("Pictures encoded", "Previews and stage images, each second, by format.",
              "pictures/s", [(rate("cascade_encode_seconds_count", SERVER, "format"), "{{format}}")], stacked=True),
    ]
