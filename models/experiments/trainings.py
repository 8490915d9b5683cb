"""What is trained for the experiments: networks on the digits, small enough that one core makes each in minutes.

`configuration(name, ...)` is a configuration of `cascade-model train`, as a dictionary.
"""

import copy

BASE_STEPS = 2500
SR_STEPS = 1500
# Of `whole`, one network without a cascade. Its training costs as many FLOPs as those of `base` and `sr` together
# (report.py works the ratio out from `cascade-model inspect`).
WHOLE_STEPS = 1463

NETWORK = {"num_head_channels": 32, "norm_groups": 16, "num_classes": 10, "null_class": True}
DIFFUSION = {"num_timesteps": 1000, "schedule": "cosine", "prediction": "v", "variance": "fixed_small"}

BASE = {
    "stage_index": 0,
    "stage": {
        "name": "8x8",
        "resolution": 8,
        "channels": 1,
        "network": {
            **NETWORK,
            "model_channels": 32,
            "channel_mult": [1, 2],
            "num_res_blocks": 1,
            "attention_downsampling": [1, 2],
            "dropout": 0.1,
        },
        "diffusion": DIFFUSION,
        "sampler": {"kind": "dpmpp_2m", "steps": 16},
    },
    "optimizer": {"steps": BASE_STEPS, "batch_size": 64},
}

SR = {
    "stage_index": 1,
    "stage": {
        "name": "32x32",
        "resolution": 32,
        "low_resolution": 8,
        "channels": 1,
        "network": {
            **NETWORK,
            "model_channels": 16,
            "channel_mult": [1, 1, 2],
            "num_res_blocks": 1,
            "attention_downsampling": [4],
            "norm_groups": 8,
        },
        "diffusion": DIFFUSION,
        "sampler": {"kind": "dpmpp_2m", "steps": 4},
    },
    "optimizer": {"steps": SR_STEPS, "batch_size": 32},
}

SHARED = {"seed": 1, "log_every": 25, "checkpoint_every": 100, "sample_every": 1000000}
OPTIMIZER = {
    "learning_rate": 1e-3,
    "final_learning_rate": 2e-5,
    "decay": "cosine",
    "warmup_steps": 100,
    "beta2": 0.99,
    "ema_decay": 0.998,
    "label_dropout": 0.1,
}

# The schedule of the base's process, so that the same network can be given truncated and non-truncated inputs. All
# levels, as in the paper's Algorithm 1.
GAUSSIAN = {"conditioning_augmentation": {"schedule": "cosine", "num_timesteps": 1000, "max_level": 1.0}}
UNCONDITIONAL = {"network": {"num_classes": 0, "null_class": False}, "optimizer": {"label_dropout": 0}}


def blur(smallest, largest):
    """A 3x3 kernel, on half of the examples."""
    return {"conditioning_blur": {"share": 0.5, "sigma": [smallest, largest]}}


BLUR = blur(0.4, 0.6)

# Name: where it begins, and what differs: settings of the stage, of its network, of the optimizer, the rest.
TRAININGS = {
    "base": (BASE, {}),
    "base-no-dropout": (BASE, {"network": {"dropout": 0.0}}),
    "base-unconditional": (BASE, UNCONDITIONAL),
    "whole": (
        SR,
        {
            "stage_index": 0,
            "stage": {"low_resolution": None, "sampler": {"kind": "dpmpp_2m", "steps": 16}},
            "network": {"channel_mult": [1, 2, 4]},
            "optimizer": {"steps": WHOLE_STEPS},
        },
    ),
    "sr": (SR, {"stage": GAUSSIAN}),
    "sr-plain": (SR, {}),
    "sr-blur-0.4-0.6": (SR, {"stage": BLUR}),
    "sr-blur-0.4-0.8": (SR, {"stage": blur(0.4, 0.8)}),
    "sr-blur-0.4-1.0": (SR, {"stage": blur(0.4, 1.0)}),
    # Table 8, one change at a time from sr-blur-0.4-0.6.
    "sr-no-class": (SR, {"stage": BLUR, **UNCONDITIONAL}),
    "sr-large-batch": (SR, {"stage": BLUR, "optimizer": {"batch_size": 64}}),
    "sr-flip": (SR, {"stage": BLUR, "image_augmentation": {"flip": True}}),
    "sr-unconditional": (SR, {"stage": GAUSSIAN, **UNCONDITIONAL}),
}


def configuration(name, images, output, scale=1.0):
    """`images`: the folder with train/ and test/; `scale`: of the number of steps, for a quick look."""
    begin, changes = TRAININGS[name]
    config = {**SHARED, **copy.deepcopy(begin)}
    config["optimizer"] = {**OPTIMIZER, **config["optimizer"]}
    for key, change in changes.items():
        if key == "network":
            config["stage"]["network"].update(change)
        elif isinstance(change, dict):
            config[key] = {**config.get(key, {}), **copy.deepcopy(change)}
        else:
            config[key] = change
    config["stage"] = {key: value for key, value in config["stage"].items() if value is not None}
    optimizer = config["optimizer"]
    optimizer["steps"] = max(2, round(optimizer["steps"] * scale))
    optimizer["warmup_steps"] = min(optimizer["warmup_steps"], optimizer["steps"] // 2)
    config["data"] = {"train": f"{images}/train", "test": f"{images}/test", "cache_resolution": 32}
    config["output"] = str(output)
    return config
