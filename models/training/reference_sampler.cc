#include "models/training/reference_sampler.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/quantile.h>
#include <ATen/ops/zeros_like.h>

#include <deque>

#include "models/sampling/counter_noise.h"

namespace cascade {
namespace {

at::Tensor NoiseOfImages(at::IntArrayRef shape, NoiseKey key,
                         at::Device device) {
  at::Tensor noise = at::empty(shape);
  const auto elements = static_cast<size_t>(noise.numel() / shape[0]);
  auto* values = noise.mutable_data_ptr<float>();
  for (int64_t i = 0; i < shape[0]; ++i, ++key.seed) {
    FillNormal(key, {values + static_cast<size_t>(i) * elements, elements});
  }
  return noise.to(device);
}

at::Tensor Evaluate(nn::UNet& network, const SamplerTable& table,
                    const SamplerLine& line, const at::Tensor& x,
                    const ReferenceSample& sample) {
  nn::UNetInput input = sample.input;
  input.x = x * line.c_in;
  input.timestep =
      at::full({x.size(0)}, line.timestep, x.options().dtype(at::kFloat));
  at::Tensor output = network.forward(input);
  if (!line.guided || table.guidance_scale == 1 ||
      !sample.null_class_id.defined()) {
    return output;
  }
  input.class_id = sample.null_class_id;
  const at::Tensor unconditional = network.forward(input);
  const int64_t channels = x.size(1);
  const at::Tensor guided =
      unconditional + table.guidance_scale * (output - unconditional);
  // The variance channels come from the conditional output.
  output.narrow(1, 0, channels).copy_(guided.narrow(1, 0, channels));
  return output;
}

at::Tensor Threshold(const ThresholdOptions& options, const at::Tensor& x0) {
  switch (options.kind) {
    case ThresholdKind::kNone:
      return x0;
    case ThresholdKind::kStatic:
      return x0.clamp(-1, 1);
    case ThresholdKind::kDynamic:
      break;
  }
  const at::Tensor limit = at::quantile(x0.abs().flatten(1), options.quantile,
                                        /*dim=*/1, /*keepdim=*/true)
                               .clamp(1.0, options.max)
                               .view({-1, 1, 1, 1});
  return x0.minimum(limit).maximum(-limit) / limit;
}

}  // namespace

at::Tensor RunSampler(nn::UNet& network, const SamplerTable& table,
                      at::IntArrayRef shape, const ReferenceSample& sample) {
  const at::NoGradGuard no_grad;
  const at::Device device = network.parameters().front().device();
  NoiseKey key = sample.key;
  key.purpose = NoisePurpose::kInitial;
  key.step = 0;
  at::Tensor x = NoiseOfImages(shape, key, device) * table.initial_scale;
  const int64_t channels = shape[1];
  std::deque<at::Tensor> history;
  key.purpose = NoisePurpose::kStep;
  for (const SamplerLine& line : table.lines) {
    const at::Tensor output = Evaluate(network, table, line, x, sample);
    at::Tensor x0 = line.c_x * x + line.c_out * output.narrow(1, 0, channels);
    x0 = Threshold(line.threshold, x0);
    history.push_front(x0);
    if (history.size() > kHistoryLength) history.pop_back();

    at::Tensor next = line.a * x;
    for (size_t k = 0; k < history.size(); ++k) {
      if (line.b[k] != 0) next = next + line.b[k] * history[k];
    }
    if (line.adds_noise) {
      at::Tensor log_variance = at::full_like(x, line.min_log_variance);
      if (table.learned_variance) {
        const at::Tensor fraction =
            (output.narrow(1, channels, channels) + 1) / 2;
        log_variance = fraction * line.max_log_variance +
                       (1 - fraction) * line.min_log_variance;
      }
      next = next +
             at::exp(0.5 * log_variance) * NoiseOfImages(shape, key, device);
    }
    x = next;
    ++key.step;
  }
  return x;
}

}  // namespace cascade
