"""A server dies in the middle of its work."""

import json
import pathlib
import tempfile

from trial import check, metric

CALLS = 4
LONG = ("--count", "4", "--steps", "150", "--sampler", "ddpm", "--guidance", "1", "--json")


def streams_of(pod):
    """Image streams that are open in a pod."""
    return metric(pod, "cascade_rpcs_active", "GenerateImage")


def images_in(folder):
    return {path.name: path.read_bytes() for path in pathlib.Path(folder).rglob("*.png")}


def draw_all(trial, folder):
    """Starts CALLS long requests of our own client, each with its seed."""
    return [trial.draw(trial.target(), f"{folder}/{index}", "--class", str(index), "--seed", str(1000 * index), *LONG)
            for index in range(CALLS)]


def end_of(call):
    """How a call of our client ended, and how often it began anew."""
    output, said = call.communicate(timeout=600)
    events = [json.loads(line)["event"] for line in output.splitlines()]
    return {"code": call.returncode, "restarts": events.count("restarted"), "said": said}


def kill_server(trial, pod):
    """SIGKILL to the server itself, as the kernel does when memory is short: no preStop, no drain."""
    container = pod["status"]["containerStatuses"][0]["containerID"].removeprefix("containerd://")
    trial.node.ctr("tasks", "kill", "--signal", "SIGKILL", container)


def killed_pod(trial):
    """Streams of a killed pod end with UNAVAILABLE and nothing else; our client finishes them elsewhere with the bytes
    of an undisturbed run."""
    trial.install(replicas=2)
    with tempfile.TemporaryDirectory() as folder:
        undisturbed = [end_of(call) for call in draw_all(trial, f"{folder}/undisturbed")]
        check(all(end["code"] == 0 for end in undisturbed), undisturbed)
        pods = list(trial.kube.ready_pods().values())
        calls = draw_all(trial, f"{folder}/disturbed")
        trial.wait(lambda: sum(streams_of(pod) for pod in pods) == CALLS, 60, "our client's streams are open")
        victim = max(pods, key=streams_of)  # All of our calls may be on one.
        ours = streams_of(victim)
        with trial.load(clients=8, steps=(40, 40, 40)) as session:
            # A channel's first calls all go to the pod that was connected first.
            trial.wait(lambda: streams_of(victim) >= ours + 2, 120, "others are on it, too")
            streams = streams_of(victim)
            kill_server(trial, victim)
            trial.wait(lambda: restarts_of(trial, victim) > 0 and len(trial.kube.ready_pods()) == 2, 120,
                       "the server is started again")
            session.wait_for(100)
        ended = [end_of(call) for call in calls]
        expected, found = images_in(f"{folder}/undisturbed"), images_in(f"{folder}/disturbed")
    codes = {code: count for code, count in session.report["ended"].items() if code != "OK"}
    trial.note(streams_killed=int(streams), stock_clients_saw=codes,
               our_client_restarts=sum(end["restarts"] for end in ended))
    check(set(codes) == {"UNAVAILABLE"}, lambda: json.dumps(session.report))
    check(all(end["code"] == 0 for end in ended), f"our client gave up: {ended}")
    check(any(end["restarts"] for end in ended), "none of our client's calls was on the killed server")
    check(expected and expected == found, "other bytes than those of the undisturbed run")


def restarts_of(trial, pod):
    pods = trial.kube.server_pods()
    status = pods.get(pod["metadata"]["name"], pod)["status"]["containerStatuses"][0]
    return status["restartCount"]
