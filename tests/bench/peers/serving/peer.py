#!/usr/bin/env python3
"""The digits cascade behind LitServe, with dynamic batching.

    serving/peer.py PACKAGE --port N [settings]

POST /predict {"class_id": 3, "seed": 42} answers a PNG. GET /health answers 200 once every worker is warm.
"""

import argparse
import io
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

import litserve
from fastapi import HTTPException, Response

from serving import setting


class DigitsAPI(litserve.LitAPI):
    """A worker's part: batches of requests through the whole cascade."""

    def __init__(self, package, chosen):
        super().__init__(max_batch_size=chosen.max_batch_size, batch_timeout=chosen.batch_timeout)
        self.package = package
        self.chosen = chosen

    def setup(self, device):
        import torch
        from serving import noise, pipeline
        torch.set_num_threads(self.chosen.threads)
        self.noise = noise.GeneratorNoise
        network = pipeline.torch_network(self.chosen.layout, compiled=bool(self.chosen.buckets))
        self.pipeline = pipeline.Pipeline(self.package, network, self.chosen.layout, self.chosen.buckets)
        self.pipeline.warm_up(self.chosen.buckets or (1, self.chosen.max_batch_size), self.noise)

    def decode_request(self, request):
        class_id, seed = request["class_id"], request["seed"]
        if class_id not in range(self.pipeline.num_classes):
            raise HTTPException(400, f"class_id = {class_id} is not in 0..{self.pipeline.num_classes - 1}")
        return class_id, seed

    def batch(self, inputs):
        return tuple(zip(*inputs))

    def predict(self, batch):
        class_ids, seeds = batch
        return self.pipeline.sample(class_ids, seeds, self.noise)

    def unbatch(self, output):
        return list(output)

    def encode_response(self, output):
        from PIL import Image
        png = io.BytesIO()
        Image.fromarray(output[:, :, 0]).save(png, "PNG")
        return Response(png.getvalue(), media_type="image/png")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("package")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("setting", type=setting.read, help="ENGINE/WORKERSxTHREADS/BATCH/TIMEOUT")
    options = parser.parse_args()
    server = litserve.LitServer(DigitsAPI(options.package, options.setting), accelerator="cpu",
                                workers_per_device=options.setting.workers, timeout=False, fast_queue=True)
    server.run(host="127.0.0.1", port=options.port, num_api_servers=1, generate_client_file=False,
               log_level="warning", access_log=False)


if __name__ == "__main__":
    main()
