#include "models/evaluation/stage_bound.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/tensor.h>

#include <algorithm>

#include "models/sampling/counter_noise.h"

namespace cascade {

StageBound::StageBound(const DiffusionSpec& spec, const Options& options)
    : bound_(spec),
      options_(options),
      plan_(bound_.schedule(), std::max(options.first_timestep, 1),
            options.timesteps_per_image),
      timesteps_(static_cast<size_t>(spec.num_timesteps)) {}

std::vector<StageBound::Row> StageBound::RowsOf(int64_t image,
                                                int64_t number) const {
  std::vector<double> uniforms(static_cast<size_t>(plan_.num_uniforms()));
  FillUniform({.seed = options_.seed + static_cast<uint64_t>(number),
               .stage = static_cast<uint32_t>(options_.stage),
               .purpose = NoisePurpose::kBoundTimestep},
              uniforms);
  std::vector<Row> rows;
  if (options_.first_timestep == 0) rows.push_back({.image = image, .at = {}});
  uint32_t draw = 1;
  for (const WeightedTimestep& at : plan_.Draw(uniforms)) {
    rows.push_back({.image = image, .at = at, .draw = draw++});
  }
  return rows;
}

at::Tensor StageBound::NoiseOf(std::span<const Row> rows,
                               std::span<const int64_t> numbers,
                               at::IntArrayRef shape) const {
  at::Tensor noise = at::empty(
      {static_cast<int64_t>(rows.size()), shape[1], shape[2], shape[3]});
  const auto elements = static_cast<size_t>(shape[1] * shape[2] * shape[3]);
  auto* values = noise.mutable_data_ptr<float>();
  for (const Row& row : rows) {
    const int64_t number = numbers[static_cast<size_t>(row.image)];
    FillNormal({.seed = options_.seed + static_cast<uint64_t>(number),
                .stage = static_cast<uint32_t>(options_.stage),
                .purpose = NoisePurpose::kBoundNoise,
                .step = row.draw},
               {values, elements});
    values += elements;
  }
  return noise.to(at::kDouble);
}

std::vector<ImageBound> StageBound::Evaluate(const at::Tensor& x0,
                                             std::span<const int64_t> numbers,
                                             const Network& network) {
  const at::Tensor exact = x0.to(at::kCPU, at::kDouble);
  const at::Tensor priors = bound_.Prior(exact);
  std::vector<ImageBound> bounds(numbers.size());
  std::vector<Row> all;
  for (size_t i = 0; i < numbers.size(); ++i) {
    const auto image = static_cast<int64_t>(i);
    bounds[i].prior = priors[image].item<double>();
    const std::vector<Row> rows = RowsOf(image, numbers[i]);
    all.insert(all.end(), rows.begin(), rows.end());
  }
  const auto batch = static_cast<size_t>(options_.batch_rows);
  for (size_t begin = 0; begin < all.size(); begin += batch) {
    const std::span<const Row> rows = std::span<const Row>(all).subspan(
        begin, std::min(batch, all.size() - begin));
    std::vector<int> timesteps;
    std::vector<int64_t> images;
    for (const Row& row : rows) {
      timesteps.push_back(row.at.timestep);
      images.push_back(row.image);
    }
    const at::Tensor of_rows = exact.index_select(0, at::tensor(images));
    // The network's precision, so that it and the bound mean the same x_t.
    const at::Tensor x_t =
        bound_.Noised(of_rows, NoiseOf(rows, numbers, x0.sizes()), timesteps)
            .to(at::kFloat);
    const at::Tensor output =
        network(x_t, timesteps, images).to(at::kCPU, at::kDouble);
    const at::Tensor terms = bound_.Terms(of_rows, x_t.to(at::kDouble), output,
                                          timesteps, options_.clip);
    for (size_t i = 0; i < rows.size(); ++i) {
      const double term =
          terms[static_cast<int64_t>(i)].item<double>() * rows[i].at.weight;
      ImageBound& bound = bounds[static_cast<size_t>(rows[i].image)];
      const auto t = static_cast<size_t>(rows[i].at.timestep);
      (t == 0 ? bound.decoder : bound.steps) += term;
      timesteps_[t].sum += term;
      ++timesteps_[t].evaluations;
    }
  }
  return bounds;
}

}  // namespace cascade
