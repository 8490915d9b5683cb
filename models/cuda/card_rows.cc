#include "models/cuda/card_rows.h"

#include <algorithm>
#include <cmath>

#include "models/runtime/step_update.h"

namespace cascade {
namespace {

CardThreshold ThresholdOf(ThresholdKind kind) {
  switch (kind) {
    case ThresholdKind::kStatic:
      return CardThreshold::kStatic;
    case ThresholdKind::kDynamic:
      return CardThreshold::kDynamic;
    case ThresholdKind::kNone:
      break;
  }
  return CardThreshold::kNone;
}

CardLine LineOf(const UpdateRow& row) {
  const SamplerLine& line = *row.line;
  CardLine out = {};
  out.guidance_scale = row.guidance_scale;
  out.c_x = line.c_x;
  out.c_out = line.c_out;
  out.a = line.a;
  std::copy(line.b.begin(), line.b.end(), out.b);
  out.min_log_variance = line.min_log_variance;
  out.log_variance_range = line.max_log_variance - line.min_log_variance;
  out.deviation = std::exp(0.5 * line.min_log_variance);
  if (line.c_x != 0) {
    out.output_ratio = static_cast<float>(line.c_out / line.c_x);
  }
  out.threshold = ThresholdOf(line.threshold.kind);
  out.guided = line.guided;
  out.adds_noise = line.adds_noise;
  out.learned_variance = row.learned_variance;
  return out;
}

}  // namespace

CardNetworkRow CardRowOf(const NetworkRow& row) {
  CardNetworkRow out = {};
  out.x_row = row.x_row;
  out.low_res_row = row.low_res_row;
  out.class_id = row.class_id;
  out.c_in = static_cast<float>(row.c_in);
  out.timestep = static_cast<float>(row.timestep);
  out.augmentation = row.augmentation;
  return out;
}

CardUpdateRow CardRowOf(const UpdateRow& row, int64_t size) {
  static_assert(kHistoryLength == 4);
  CardUpdateRow out = {};
  out.line = LineOf(row);
  out.noise.seed = row.noise_key.seed;
  out.noise.stage = row.noise_key.stage;
  out.noise.purpose = static_cast<uint32_t>(row.noise_key.purpose);
  out.noise.step = row.noise_key.step;
  out.output_row = row.output_row;
  out.unconditional_row = row.unconditional_row;
  out.x_row = row.x_row;
  out.next_x_row = row.next_x_row;
  std::copy(row.x0_rows.begin(), row.x0_rows.end(), out.x0_rows);
  const QuantilePlace place =
      PlaceOfQuantile(static_cast<size_t>(size), row.line->threshold.quantile);
  out.quantile_rank = static_cast<uint32_t>(place.lower);
  out.quantile_weight = place.weight;
  out.quantile_max = row.line->threshold.max;
  out.pixel_row = -1;
  out.pixels_of_x = row.pixels_of_x;
  return out;
}

}  // namespace cascade
