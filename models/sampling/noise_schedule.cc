#include "models/sampling/noise_schedule.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <iterator>
#include <numbers>
#include <utility>

namespace cascade {
namespace {

std::vector<double> LinearBetas(int num_timesteps, double first, double last) {
  std::vector<double> betas;
  betas.reserve(static_cast<size_t>(num_timesteps));
  for (int t = 0; t < num_timesteps; ++t) {
    const double fraction =
        num_timesteps == 1 ? 0.0 : static_cast<double>(t) / (num_timesteps - 1);
    // Below T = 20 the scaled betas pass 1; the cap of the cosine schedule
    // keeps the process defined.
    betas.push_back(std::min(first + (last - first) * fraction, 0.999));
  }
  return betas;
}

std::vector<double> LinearBetas(int num_timesteps) {
  const double scale = 1000.0 / num_timesteps;
  return LinearBetas(num_timesteps, scale * 1e-4, scale * 0.02);
}

double CosineAlphaBar(double u) {
  const double cosine = std::cos((u + 0.008) / 1.008 * std::numbers::pi / 2);
  return cosine * cosine;
}

std::vector<double> CosineBetas(int num_timesteps) {
  std::vector<double> betas;
  betas.reserve(static_cast<size_t>(num_timesteps));
  for (int t = 0; t < num_timesteps; ++t) {
    const double begin = static_cast<double>(t) / num_timesteps;
    const double end = static_cast<double>(t + 1) / num_timesteps;
    betas.push_back(
        std::min(1 - CosineAlphaBar(end) / CosineAlphaBar(begin), 0.999));
  }
  return betas;
}

}  // namespace

NoiseSchedule::NoiseSchedule(ScheduleKind kind, int num_timesteps)
    : NoiseSchedule(kind == ScheduleKind::kLinear
                        ? LinearBetas(num_timesteps)
                        : CosineBetas(num_timesteps)) {}

NoiseSchedule NoiseSchedule::Linear(int num_timesteps, double first_beta,
                                    double last_beta) {
  return NoiseSchedule(LinearBetas(num_timesteps, first_beta, last_beta));
}

NoiseSchedule::NoiseSchedule(std::vector<double> betas)
    : betas_(std::move(betas)) {
  alpha_bars_.reserve(betas_.size());
  double product = 1;
  for (double beta : betas_) {
    product *= 1 - beta;
    alpha_bars_.push_back(product);
  }
}

NoiseSchedule NoiseSchedule::Respaced(std::span<const int> timesteps) const {
  std::vector<double> betas;
  betas.reserve(timesteps.size());
  double previous = 1;
  for (int t : timesteps) {
    betas.push_back(1 - alpha_bar(t) / previous);
    previous = alpha_bar(t);
  }
  return NoiseSchedule(std::move(betas));
}

double NoiseSchedule::TimestepAt(double alpha_bar) const {
  const auto log_snr = [](double a) { return std::log(a / (1 - a)); };
  const auto noisier = std::lower_bound(alpha_bars_.begin(), alpha_bars_.end(),
                                        alpha_bar, std::greater<double>());
  const double t = static_cast<double>(noisier - alpha_bars_.begin());
  if (noisier == alpha_bars_.begin()) return 0;
  if (noisier == alpha_bars_.end()) return t - 1;
  const double high = log_snr(*std::prev(noisier));
  const double low = log_snr(*noisier);
  return t - 1 + (high - log_snr(alpha_bar)) / (high - low);
}

double NoiseSchedule::PosteriorVariance(int t) const {
  return beta(t) * (1 - previous_alpha_bar(t)) / (1 - alpha_bar(t));
}

double NoiseSchedule::ClippedPosteriorLogVariance(int t) const {
  if (num_timesteps() == 1) return std::log(beta(0));
  return std::log(PosteriorVariance(std::max(t, 1)));
}

double NoiseSchedule::PosteriorX0Weight(int t) const {
  return beta(t) * std::sqrt(previous_alpha_bar(t)) / (1 - alpha_bar(t));
}

double NoiseSchedule::PosteriorXWeight(int t) const {
  return (1 - previous_alpha_bar(t)) * std::sqrt(1 - beta(t)) /
         (1 - alpha_bar(t));
}

}  // namespace cascade
