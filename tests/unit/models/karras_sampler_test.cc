// Samplers on processes in sigma, x = x0 + sigma eps. The network is the best
// one for data that is N(0.3, 0.25^2) per element, whose flow is known.

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include "models/sampling/karras_schedule.h"
#include "models/sampling/sampler_table.h"

namespace cascade {
namespace {

constexpr double kMean = 0.3;
constexpr double kVariance = 0.25 * 0.25;
constexpr double kSigmaData = 0.5;

DiffusionSpec Spec(PredictionType prediction, int num_timesteps = 1000) {
  return {.num_timesteps = num_timesteps,
          .schedule = ScheduleKind::kKarras,
          .prediction = prediction};
}

SamplerOptions Options(SamplerKind kind, int num_steps) {
  SamplerOptions options;
  options.kind = kind;
  options.num_steps = num_steps;
  return options;
}

SamplerTable Compile(const DiffusionSpec& spec, const SamplerOptions& options) {
  absl::StatusOr<SamplerTable> table = CompileSampler(spec, options);
  EXPECT_TRUE(table.ok()) << table.status();
  return table.ok() ? *table : SamplerTable();
}

// x0 of x at sigma.
using Denoiser = std::function<double(double x, double sigma)>;

// E[x0 | x].
double IdealDenoiser(double x, double sigma) {
  return (kVariance * x + sigma * sigma * kMean) / (kVariance + sigma * sigma);
}

// Where the probability-flow ODE takes x from one sigma to another: the
// distance from the mean in deviations stays the same.
double Flow(double x, double from, double to) {
  return kMean + (x - kMean) * std::sqrt((kVariance + to * to) /
                                         (kVariance + from * from));
}

// What a network must put out, for what it is told, so that scaling it as the
// paper does gives `x0`; `shift` is sigma_min for a consistency model.
double Output(const Denoiser& x0, double input, double time, double shift) {
  const double sigma = std::exp(time / 250);
  const double total = std::sqrt(sigma * sigma + kSigmaData * kSigmaData);
  const double x = input * total;
  const double s = sigma - shift;
  const double c_skip =
      kSigmaData * kSigmaData / (s * s + kSigmaData * kSigmaData);
  const double c_out = s * kSigmaData / total;
  return (x0(x, sigma) - c_skip * x) / c_out;
}

// Runs the first `lines` lines from `x`; `noise` is that of each.
double RunLines(const SamplerTable& table, size_t lines, double x,
                const Denoiser& x0, double shift = 0,
                const std::vector<double>& noise = {}) {
  std::array<double, kHistoryLength> history = {};
  for (size_t i = 0; i < lines; ++i) {
    const SamplerLine& line = table.lines[i];
    const double output = Output(x0, line.c_in * x, line.timestep, shift);
    for (size_t k = kHistoryLength - 1; k > 0; --k) history[k] = history[k - 1];
    history[0] = line.c_x * x + line.c_out * output;
    x *= line.a;
    for (size_t k = 0; k < kHistoryLength; ++k) x += line.b[k] * history[k];
    if (line.adds_noise) {
      x += std::exp(0.5 * line.min_log_variance) * noise.at(i);
    }
  }
  return x;
}

// At sigma_min, before the jump to sigma = 0, which no order of the solver
// makes better.
double Error(SamplerKind kind, int steps) {
  const SamplerTable table =
      Compile(Spec(PredictionType::kEdm), Options(kind, steps));
  const double x = RunLines(table, table.lines.size() - 1, 40, IdealDenoiser);
  return std::abs(x - Flow(40, 80, 0.002));
}

TEST(KarrasSamplerTest, EulerIsOfFirstOrder) {
  const double ratio =
      Error(SamplerKind::kDdim, 101) / Error(SamplerKind::kDdim, 201);
  EXPECT_GT(ratio, 1.8);
  EXPECT_LT(ratio, 2.2);
}

TEST(KarrasSamplerTest, HeunIsOfSecondOrder) {
  const double ratio =
      Error(SamplerKind::kHeun, 101) / Error(SamplerKind::kHeun, 201);
  EXPECT_GT(ratio, 3.6);
  EXPECT_LT(ratio, 4.4);
}

TEST(KarrasSamplerTest, DpmSolverIsOfSecondOrder) {
  const double ratio = Error(SamplerKind::kDpmSolverPlusPlus2M, 101) /
                       Error(SamplerKind::kDpmSolverPlusPlus2M, 201);
  EXPECT_GT(ratio, 3.6);
  EXPECT_LT(ratio, 4.4);
}

// Its corrector adds an order to the three of the predictor, but the first
// steps have fewer.
TEST(KarrasSamplerTest, UniPcIsOfThirdOrderAtLeast) {
  const double ratio =
      Error(SamplerKind::kUniPc3, 101) / Error(SamplerKind::kUniPc3, 201);
  EXPECT_GT(ratio, 7.2);
}

TEST(KarrasSamplerTest, MoreOrderIsLessError) {
  const double euler = Error(SamplerKind::kDdim, 40);
  const double second = Error(SamplerKind::kDpmSolverPlusPlus2M, 40);
  const double third = Error(SamplerKind::kUniPc3, 40);
  EXPECT_LT(second, 0.2 * euler);
  EXPECT_LT(third, 0.2 * second);
}

TEST(KarrasSamplerTest, EndsWhereTheFlowEnds) {
  for (SamplerKind kind :
       {SamplerKind::kDdim, SamplerKind::kHeun,
        SamplerKind::kDpmSolverPlusPlus2M, SamplerKind::kUniPc3}) {
    const SamplerTable table =
        Compile(Spec(PredictionType::kEdm), Options(kind, 400));
    EXPECT_EQ(table.initial_scale, 80);
    EXPECT_NEAR(RunLines(table, table.lines.size(), 40, IdealDenoiser),
                Flow(40, 80, 0), 2e-3);
  }
}

// Not the solution of anything: what the paper's loops make of it shows that
// the lines are those loops.
double OddDenoiser(double x, double sigma) {
  return std::tanh(0.7 * x + 0.1) + 0.05 * std::sin(3 * sigma);
}

// Karras et al. 2022, algorithm 1, line by line.
TEST(KarrasSamplerTest, HeunIsAlgorithm1) {
  const std::vector<double> sigmas = KarrasSigmas({}, 9);
  double x = 33;
  for (size_t i = 0; i < sigmas.size(); ++i) {
    const double next = i + 1 < sigmas.size() ? sigmas[i + 1] : 0;
    const double slope = (x - OddDenoiser(x, sigmas[i])) / sigmas[i];
    const double euler = x + (next - sigmas[i]) * slope;
    if (next == 0) {
      x = euler;
    } else {
      const double slope2 = (euler - OddDenoiser(euler, next)) / next;
      x += (next - sigmas[i]) * 0.5 * (slope + slope2);
    }
  }
  const SamplerTable table =
      Compile(Spec(PredictionType::kEdm), Options(SamplerKind::kHeun, 9));
  ASSERT_EQ(table.lines.size(), 17u);
  EXPECT_NEAR(RunLines(table, 17, 33, OddDenoiser), x, 1e-9);
}

// Solves matrix * x = right, of at most three rows.
std::vector<double> Solve(std::vector<std::vector<double>> matrix,
                          std::vector<double> right) {
  const size_t n = right.size();
  for (size_t i = 0; i < n; ++i) {
    for (size_t row = i + 1; row < n; ++row) {
      const double factor = matrix[row][i] / matrix[i][i];
      for (size_t k = i; k < n; ++k) matrix[row][k] -= factor * matrix[i][k];
      right[row] -= factor * right[i];
    }
  }
  for (size_t i = n; i-- > 0;) {
    for (size_t k = i + 1; k < n; ++k) right[i] -= matrix[i][k] * right[k];
    right[i] /= matrix[i][i];
  }
  return right;
}

// Zhao et al. 2023, algorithms 5 to 8, as they stand there: x from sigma[i] to
// sigma[i + 1] with the estimates m[i], m[i - 1], ... and, to correct, the one
// of sigma[i + 1].
double UniPcStep(const std::vector<double>& sigmas,
                 const std::vector<double>& m, size_t i, size_t order,
                 bool corrects, double x) {
  const auto lambda = [&](size_t k) { return -std::log(sigmas[k]); };
  const double h = lambda(i + 1) - lambda(i);
  const double b_h = std::expm1(-h);
  std::vector<double> r, differences;
  for (size_t k = 1; k < order; ++k) {
    r.push_back((lambda(i - k) - lambda(i)) / h);
    differences.push_back((m[i - k] - m[i]) / r.back());
  }
  if (corrects) {
    r.push_back(1);
    differences.push_back(m[i + 1] - m[i]);
  }
  std::vector<std::vector<double>> matrix;
  std::vector<double> right;
  double phi = std::expm1(-h) / -h - 1;
  double factorial = 1;
  for (size_t row = 0; row < r.size(); ++row) {
    matrix.emplace_back();
    for (double node : r) {
      matrix.back().push_back(std::pow(node, static_cast<double>(row)));
    }
    right.push_back(phi * factorial / b_h);
    factorial *= static_cast<double>(row + 2);
    phi = phi / -h - 1 / factorial;
  }
  std::vector<double> rho = {0.5};
  if (r.size() > 1) rho = Solve(matrix, right);
  double next = sigmas[i + 1] / sigmas[i] * x - b_h * m[i];
  for (size_t k = 0; k < r.size(); ++k) next -= b_h * rho[k] * differences[k];
  return next;
}

TEST(KarrasSamplerTest, UniPcIsThePublishedPredictorAndCorrector) {
  const std::vector<double> sigmas = KarrasSigmas({}, 9);
  std::vector<double> m;
  double x = 33;
  double last_x = 0;
  size_t last_order = 0;
  for (size_t i = 0; i < 8; ++i) {
    m.push_back(OddDenoiser(x, sigmas[i]));
    if (i > 0) x = UniPcStep(sigmas, m, i - 1, last_order, true, last_x);
    last_x = x;
    last_order = std::min<size_t>({3, i + 1, 9 - i});
    x = UniPcStep(sigmas, m, i, last_order, false, x);
  }
  const SamplerTable table =
      Compile(Spec(PredictionType::kEdm), Options(SamplerKind::kUniPc3, 9));
  ASSERT_EQ(table.lines.size(), 9u);
  EXPECT_NEAR(RunLines(table, 8, 33, OddDenoiser), x, 1e-9);
  EXPECT_NEAR(RunLines(table, 9, 33, OddDenoiser), OddDenoiser(x, sigmas[8]),
              1e-9);
}

TEST(KarrasSamplerTest, StepsAndLines) {
  const DiffusionSpec spec = Spec(PredictionType::kEdm, 50);
  for (int steps = 1; steps <= 50; ++steps) {
    const auto count = static_cast<size_t>(steps);
    EXPECT_EQ(Compile(spec, Options(SamplerKind::kDdim, steps)).lines.size(),
              count);
    EXPECT_EQ(Compile(spec, Options(SamplerKind::kDpmSolverPlusPlus2M, steps))
                  .lines.size(),
              count);
    EXPECT_EQ(Compile(spec, Options(SamplerKind::kUniPc3, steps)).lines.size(),
              count);
    const SamplerTable heun = Compile(spec, Options(SamplerKind::kHeun, steps));
    EXPECT_EQ(heun.lines.size(), 2 * count - 1);
    EXPECT_EQ(RowsFrom(heun, 0), 2 * steps - 1);
    EXPECT_EQ(heun.lines.back().a, 0);
    EXPECT_EQ(heun.lines.back().b[0], 1);
    EXPECT_EQ(Compile(Spec(PredictionType::kConsistency, 50),
                      Options(SamplerKind::kConsistency, steps))
                  .lines.size(),
              count);
  }
}

// Euler's ancestral form: the next x has the noise of its sigma.
TEST(KarrasSamplerTest, EtaMovesNoiseFromOldToNew) {
  SamplerOptions options = Options(SamplerKind::kDdim, 12);
  options.eta = 0.7;
  const SamplerTable table = Compile(Spec(PredictionType::kEdm), options);
  const std::vector<double> sigmas = KarrasSigmas({}, 12);
  for (size_t i = 0; i + 1 < sigmas.size(); ++i) {
    const SamplerLine& line = table.lines[i];
    const double fresh = std::exp(line.min_log_variance);
    const double kept = line.a * sigmas[i];
    EXPECT_NEAR(kept * kept + fresh, sigmas[i + 1] * sigmas[i + 1],
                1e-12 * sigmas[i + 1] * sigmas[i + 1]);
    const double ratio = sigmas[i + 1] / sigmas[i];
    EXPECT_NEAR(std::sqrt(fresh),
                0.7 * sigmas[i + 1] * std::sqrt(1 - ratio * ratio), 1e-12);
  }
  EXPECT_FALSE(table.lines.back().adds_noise);
}

double IdealConsistency(double x, double sigma) {
  return Flow(x, sigma, 0.002);
}

TEST(KarrasSamplerTest, ConsistencyModelJumpsInOneStep) {
  const SamplerTable table = Compile(Spec(PredictionType::kConsistency, 40),
                                     Options(SamplerKind::kConsistency, 1));
  EXPECT_EQ(table.initial_scale, 80);
  ASSERT_EQ(table.lines.size(), 1u);
  EXPECT_FALSE(table.lines[0].adds_noise);
  EXPECT_NEAR(RunLines(table, 1, 40, IdealConsistency, 0.002),
              Flow(40, 80, 0.002), 1e-9);
}

// x has the deviation of its sigma before each line, so the noise between the
// steps has the right strength.
TEST(KarrasSamplerTest, ConsistencyStepsKeepTheDistribution) {
  const DiffusionSpec spec = Spec(PredictionType::kConsistency, 40);
  SamplerOptions options = Options(SamplerKind::kConsistency, 4);
  options.grid_points = {0, 10, 22, 31};
  const SamplerTable table = Compile(spec, options);
  const std::vector<double> grid = KarrasSigmas({}, 40);
  double variance = kVariance + 80 * 80;
  for (size_t i = 0; i < 4; ++i) {
    const double sigma = grid[static_cast<size_t>(options.grid_points[i])];
    EXPECT_NEAR(table.lines[i].timestep, 250 * std::log(sigma), 1e-9);
    EXPECT_NEAR(variance, kVariance + sigma * sigma, 1e-9 * variance);
    const double slope =
        IdealConsistency(1, sigma) - IdealConsistency(0, sigma);
    variance *= slope * slope;
    if (table.lines[i].adds_noise) {
      variance += std::exp(table.lines[i].min_log_variance);
    }
  }
  EXPECT_FALSE(table.lines.back().adds_noise);
  EXPECT_NEAR(variance, kVariance + 0.002 * 0.002, 1e-9);
}

// 0, 22, 39 of 40 for consistency distillation and 0, 106, 200 of 201 for
// consistency training; their last is where x0 is.
TEST(KarrasSamplerTest, ConsistencyTakesThePublishedPoints) {
  SamplerOptions options = Options(SamplerKind::kConsistency, 2);
  options.grid_points = {0, 22};
  const SamplerTable distilled =
      Compile(Spec(PredictionType::kConsistency, 40), options);
  EXPECT_NEAR(std::exp(distilled.lines[1].timestep / 250), 1.382368, 1e-6);
  EXPECT_NEAR(std::exp(distilled.lines[0].min_log_variance),
              1.382368 * 1.382368 - 4e-6, 1e-5);
  options.grid_points = {0, 106};
  const SamplerTable trained =
      Compile(Spec(PredictionType::kConsistency, 201), options);
  EXPECT_NEAR(trained.lines[1].timestep,
              250 * std::log(KarrasSigmas({}, 201)[106]), 1e-9);
  // Another number of steps is spaced evenly.
  options.num_steps = 4;
  const SamplerTable even =
      Compile(Spec(PredictionType::kConsistency, 201), options);
  for (size_t i = 0; i < 4; ++i) {
    EXPECT_NEAR(even.lines[i].timestep,
                250 * std::log(KarrasSigmas({}, 201)[50 * i]), 1e-9);
  }
}

TEST(KarrasSamplerTest, GuidanceAppliesInsideItsInterval) {
  SamplerOptions options = Options(SamplerKind::kHeun, 11);
  options.guidance = {.scale = 2, .interval_begin = 0.25, .interval_end = 0.75};
  const DiffusionSpec spec = Spec(PredictionType::kEdm);
  const SamplerTable table = Compile(spec, options);
  int guided = 0;
  for (const SamplerLine& line : table.lines) {
    const double fraction =
        KarrasNoiseFraction(spec.karras, std::exp(line.timestep / 250));
    EXPECT_EQ(line.guided, fraction >= 0.25 && fraction <= 0.75) << fraction;
    guided += line.guided ? 1 : 0;
  }
  // Positions 0.3 to 0.7, each evaluated by two lines.
  EXPECT_EQ(guided, 10);
  EXPECT_EQ(RowsFrom(table, 0), 21 + 10);
  options.guidance = {.scale = 2};
  for (const SamplerLine& line : Compile(spec, options).lines) {
    EXPECT_TRUE(line.guided);
  }
}

std::string Refusal(const DiffusionSpec& spec, const SamplerOptions& options) {
  const absl::Status status = CompileSampler(spec, options).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  return std::string(status.message());
}

TEST(KarrasSamplerTest, RefusesWhatTheProcessCannotDo) {
  const DiffusionSpec edm = Spec(PredictionType::kEdm);
  const DiffusionSpec consistency = Spec(PredictionType::kConsistency, 40);
  EXPECT_EQ(Refusal(edm, Options(SamplerKind::kDdpm, 10)),
            "kind = DDPM: a process in sigma is sampled by DDIM, "
            "DPM-Solver++(2M), Heun, UniPC-3");
  EXPECT_EQ(Refusal(consistency, Options(SamplerKind::kHeun, 10)),
            "kind = Heun: a consistency model is sampled by consistency "
            "sampling");
  EXPECT_EQ(Refusal({}, Options(SamplerKind::kConsistency, 1)),
            "kind = consistency sampling: a discrete process is sampled by "
            "DDPM, DDIM, DPM-Solver++(2M), Heun, UniPC-3");
  SamplerOptions options = Options(SamplerKind::kHeun, 10);
  options.eta = 0.5;
  EXPECT_EQ(Refusal(edm, options), "eta = 0.5: only DDIM takes eta");
  options = Options(SamplerKind::kDdim, 10);
  options.spacing = TimestepSpacing::kStride;
  EXPECT_EQ(Refusal(edm, options),
            "spacing = stride: DDIM on a process in sigma has no timesteps to "
            "stride over");
  EXPECT_EQ(Refusal(consistency, Options(SamplerKind::kConsistency, 41)),
            "num_steps = 41 is not in 1..40");
  options = Options(SamplerKind::kConsistency, 2);
  options.grid_points = {0, 39};
  EXPECT_EQ(Refusal(consistency, options),
            "grid_points = 0, 39: must be below 39, which is the clean end of "
            "the grid");
  options.grid_points = {1, 22};
  EXPECT_EQ(Refusal(consistency, options),
            "grid_points = 1, 22: the first must be 0, where noise is");
  options.grid_points = {0, 22, 22};
  EXPECT_EQ(Refusal(consistency, options),
            "grid_points = 0, 22, 22: must ascend");
  options = Options(SamplerKind::kHeun, 2);
  options.grid_points = {0, 22};
  EXPECT_EQ(Refusal(edm, options),
            "grid_points = 0, 22: only consistency sampling takes them");
}

TEST(KarrasSamplerTest, RefusesAnImpossibleProcess) {
  const SamplerOptions options = Options(SamplerKind::kHeun, 2);
  DiffusionSpec spec = Spec(PredictionType::kEpsilon);
  EXPECT_EQ(Refusal(spec, options),
            "prediction = eps: schedule karras goes with edm and consistency");
  spec = {.prediction = PredictionType::kEdm};
  EXPECT_EQ(Refusal(spec, options),
            "prediction = edm: goes with schedule karras");
  spec = Spec(PredictionType::kEdm);
  spec.variance = VarianceKind::kLearnedRange;
  EXPECT_EQ(Refusal(spec, options),
            "variance = learned_range: schedule karras has no ancestral "
            "variance");
  spec = Spec(PredictionType::kEdm);
  spec.conditioning = NoiseConditioning::kNoiseLevel;
  EXPECT_EQ(Refusal(spec, options),
            "conditioning = noise_level: under schedule karras the network is "
            "told the logarithm of sigma");
  spec = Spec(PredictionType::kEdm);
  spec.karras.sigma_max = 0.001;
  EXPECT_EQ(Refusal(spec, options),
            "sigma_max = 0.001 is not above sigma_min = 0.002");
  spec.karras.sigma_max = spec.karras.sigma_min;
  EXPECT_EQ(Refusal(spec, options),
            "sigma_max = 0.002 is not above sigma_min = 0.002");
}

}  // namespace
}  // namespace cascade
