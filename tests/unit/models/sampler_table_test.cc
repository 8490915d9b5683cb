#include "models/sampling/sampler_table.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "models/sampling/noise_schedule.h"
#include "models/sampling/sampler_check.h"
#include "models/sampling/sampler_choice.h"
#include "tests/support/status_matchers.h"

namespace cascade {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

SamplerTable Compile(const DiffusionSpec& spec, const SamplerOptions& options) {
  absl::StatusOr<SamplerTable> table = CompileSampler(spec, options);
  EXPECT_TRUE(table.ok()) << table.status();
  return table.ok() ? *table : SamplerTable();
}

SamplerTable CompileUntil(const DiffusionSpec& spec,
                          const SamplerOptions& options, int stop) {
  absl::StatusOr<SamplerTable> table = CompileSampler(spec, options, stop);
  EXPECT_TRUE(table.ok()) << table.status();
  return table.ok() ? *table : SamplerTable();
}

SamplerOptions Options(SamplerKind kind, int num_steps, double eta = 0) {
  SamplerOptions options;
  options.kind = kind;
  options.num_steps = num_steps;
  options.eta = eta;
  return options;
}

std::string Refusal(const SamplerOptions& options) {
  const absl::Status status = CompileSampler({}, options).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  return std::string(status.message());
}

// The best possible network for data that is N(mean, deviation^2) per element:
// its prediction of `kind` at x.
double IdealOutput(PredictionType kind, double alpha_bar, double x, double mean,
                   double deviation) {
  const double alpha = std::sqrt(alpha_bar);
  const double variance = deviation * deviation;
  const double x0 = (alpha * variance * x + (1 - alpha_bar) * mean) /
                    (alpha_bar * variance + 1 - alpha_bar);
  const double eps = (x - alpha * x0) / std::sqrt(1 - alpha_bar);
  switch (kind) {
    case PredictionType::kEpsilon:
      return eps;
    case PredictionType::kVelocity:
      return alpha * eps - std::sqrt(1 - alpha_bar) * x0;
    case PredictionType::kSample:
      return x0;
    case PredictionType::kEdm:
    case PredictionType::kConsistency:
      break;  // karras_sampler_test.cc
  }
  return 0;
}

// What the network is told, read back.
double AlphaBarOf(const DiffusionSpec& spec, const SamplerLine& line) {
  if (spec.conditioning == NoiseConditioning::kNoiseLevel) {
    return std::pow(line.timestep / 5000, 2);
  }
  return NoiseSchedule(spec.schedule, spec.num_timesteps)
      .alpha_bar(static_cast<int>(line.timestep));
}

// Runs `table` without noise from `x` with the ideal network.
double Sample(const DiffusionSpec& spec, const SamplerTable& table, double x,
              double mean, double deviation) {
  std::array<double, kHistoryLength> history = {};
  for (const SamplerLine& line : table.lines) {
    const double alpha_bar = AlphaBarOf(spec, line);
    const double output =
        IdealOutput(spec.prediction, alpha_bar, x, mean, deviation);
    for (size_t k = kHistoryLength - 1; k > 0; --k) history[k] = history[k - 1];
    history[0] = line.c_x * x + line.c_out * output;
    x *= line.a;
    for (size_t k = 0; k < kHistoryLength; ++k) x += line.b[k] * history[k];
  }
  return x;
}

// Where the probability-flow ODE takes x_T for such data when it stops at
// `alpha_bar`: the distance from the mean in deviations stays the same.
double ExactSample(const DiffusionSpec& spec, double alpha_bar, double x,
                   double mean, double deviation) {
  const auto total_deviation = [&](double a) {
    return std::sqrt(a * deviation * deviation + 1 - a);
  };
  const double start = NoiseSchedule(spec.schedule, spec.num_timesteps)
                           .alpha_bar(spec.num_timesteps - 1);
  return std::sqrt(alpha_bar) * mean + total_deviation(alpha_bar) *
                                           (x - std::sqrt(start) * mean) /
                                           total_deviation(start);
}

TEST(SamplerTableTest, EverySamplerCompilesForEveryNumberOfSteps) {
  for (SamplerKind kind :
       {SamplerKind::kDdpm, SamplerKind::kDdim,
        SamplerKind::kDpmSolverPlusPlus2M, SamplerKind::kUniPc3}) {
    for (VarianceKind variance :
         {VarianceKind::kFixedSmall, VarianceKind::kFixedLarge,
          VarianceKind::kLearnedRange}) {
      for (int total : {1, 2, 50}) {
        for (int steps = 1; steps <= total; ++steps) {
          const SamplerTable table =
              Compile({.num_timesteps = total, .variance = variance},
                      Options(kind, steps));
          ASSERT_EQ(table.lines.size(), static_cast<size_t>(steps));
          double last = total;
          for (const SamplerLine& line : table.lines) {
            ASSERT_LT(line.timestep, last);
            last = line.timestep;
            ASSERT_TRUE(std::isfinite(line.a + line.b[0] + line.b[1] +
                                      line.b[2] + line.b[3] + line.c_x +
                                      line.c_out + line.min_log_variance +
                                      line.max_log_variance));
          }
          // The last line lands on x0.
          EXPECT_EQ(table.lines.front().timestep, total - 1);
          EXPECT_NEAR(table.lines.back().a, 0, 1e-15);
          EXPECT_NEAR(table.lines.back().b[0], 1, 1e-12);
          EXPECT_FALSE(table.lines.back().adds_noise);
        }
      }
    }
  }
}

TEST(SamplerTableTest, DdpmTakesItsBoundsFromTheVarianceKind) {
  const DiffusionSpec spec = {.schedule = ScheduleKind::kLinear};
  auto first = [&](VarianceKind variance) {
    DiffusionSpec kind = spec;
    kind.variance = variance;
    return Compile(kind, Options(SamplerKind::kDdpm, 250)).lines[0];
  };
  const SamplerLine small = first(VarianceKind::kFixedSmall);
  const SamplerLine large = first(VarianceKind::kFixedLarge);
  const SamplerLine learned = first(VarianceKind::kLearnedRange);
  EXPECT_NEAR(small.min_log_variance, -2.55723115, 1e-8);
  EXPECT_EQ(small.min_log_variance, small.max_log_variance);
  EXPECT_NEAR(large.min_log_variance, std::log(0.0775193450), 1e-8);
  EXPECT_EQ(large.min_log_variance, large.max_log_variance);
  EXPECT_EQ(learned.min_log_variance, small.min_log_variance);
  EXPECT_EQ(learned.max_log_variance, large.max_log_variance);
  EXPECT_NEAR(learned.b[0], 0.000512761498, 1e-12);
  EXPECT_NEAR(learned.a, 0.960455307, 1e-9);
}

TEST(SamplerTableTest, DdimWithEtaOneHasTheDdpmPosterior) {
  const DiffusionSpec spec = {.variance = VarianceKind::kFixedSmall};
  const SamplerTable ddpm = Compile(spec, Options(SamplerKind::kDdpm, 20));
  const SamplerTable ddim = Compile(spec, Options(SamplerKind::kDdim, 20, 1));
  for (size_t i = 0; i + 1 < ddpm.lines.size(); ++i) {
    EXPECT_NEAR(ddim.lines[i].a, ddpm.lines[i].a, 1e-9);
    EXPECT_NEAR(ddim.lines[i].b[0], ddpm.lines[i].b[0], 1e-9);
    EXPECT_TRUE(ddim.lines[i].adds_noise);
    EXPECT_NEAR(ddim.lines[i].min_log_variance, ddpm.lines[i].min_log_variance,
                1e-9);
  }
}

TEST(SamplerTableTest, DdimWithEtaZeroAddsNoNoise) {
  for (const SamplerLine& line :
       Compile({}, Options(SamplerKind::kDdim, 20)).lines) {
    EXPECT_FALSE(line.adds_noise);
  }
}

TEST(SamplerTableTest, DeterministicSamplersSolveTheFlowForEveryPrediction) {
  for (PredictionType prediction :
       {PredictionType::kEpsilon, PredictionType::kVelocity,
        PredictionType::kSample}) {
    const DiffusionSpec spec = {.schedule = ScheduleKind::kLinear,
                                .prediction = prediction};
    const double exact = ExactSample(spec, 1, 1.5, 0.3, 0.25);
    for (SamplerKind kind :
         {SamplerKind::kDdim, SamplerKind::kDpmSolverPlusPlus2M,
          SamplerKind::kUniPc3}) {
      const double result =
          Sample(spec, Compile(spec, Options(kind, 500)), 1.5, 0.3, 0.25);
      EXPECT_NEAR(result, exact, 5e-3);
    }
  }
}

// The error after the first three quarters of the lines. Towards the clean
// image the steps in log-SNR do not shrink with their number, so no order
// shows.
double ErrorAtThreeQuarters(SamplerKind kind, int steps) {
  const DiffusionSpec spec = {.num_timesteps = 4001,
                              .schedule = ScheduleKind::kLinear};
  SamplerTable table = Compile(spec, Options(kind, steps));
  const size_t kept = table.lines.size() * 3 / 4;
  const int stop = static_cast<int>(table.lines[kept].timestep);
  table.lines.resize(kept);
  const double alpha_bar =
      NoiseSchedule(spec.schedule, spec.num_timesteps).alpha_bar(stop);
  return std::abs(Sample(spec, table, 1.5, 0.3, 0.25) -
                  ExactSample(spec, alpha_bar, 1.5, 0.3, 0.25));
}

TEST(SamplerTableTest, UniPcIsOfThirdOrderAtLeast) {
  const double coarse = ErrorAtThreeQuarters(SamplerKind::kUniPc3, 50);
  const double fine = ErrorAtThreeQuarters(SamplerKind::kUniPc3, 100);
  EXPECT_GT(coarse / fine, 6.5);
  EXPECT_LT(fine,
            0.2 * ErrorAtThreeQuarters(SamplerKind::kDpmSolverPlusPlus2M, 100));
}

TEST(SamplerTableTest, MultistepSolverIsOfSecondOrder) {
  const double coarse =
      ErrorAtThreeQuarters(SamplerKind::kDpmSolverPlusPlus2M, 50);
  const double fine =
      ErrorAtThreeQuarters(SamplerKind::kDpmSolverPlusPlus2M, 100);
  EXPECT_GT(coarse / fine, 3);
  EXPECT_LT(coarse / fine, 5);
  EXPECT_LT(fine, 0.2 * ErrorAtThreeQuarters(SamplerKind::kDdim, 100));
}

// Its second slope is where the step ends, the stop's own.
TEST(SamplerTableTest, HeunEndsAtAStop) {
  const DiffusionSpec spec = {};
  const NoiseSchedule schedule(spec.schedule, spec.num_timesteps);
  for (int stop : {0, 137, 500, 901}) {
    const SamplerTable table =
        CompileUntil(spec, Options(SamplerKind::kHeun, 500), stop);
    EXPECT_EQ(table.lines.size() % 2, 0u);
    EXPECT_EQ(table.lines.back().timestep, stop);
    const double first =
        schedule.alpha_bar(static_cast<int>(table.lines.front().timestep));
    const auto deviation = [](double a) {
      return std::sqrt(a * 0.25 * 0.25 + 1 - a);
    };
    const double last = schedule.alpha_bar(stop);
    EXPECT_NEAR(Sample(spec, table, 1.5, 0.3, 0.25),
                std::sqrt(last) * 0.3 + deviation(last) *
                                            (1.5 - std::sqrt(first) * 0.3) /
                                            deviation(first),
                1e-4);
  }
}

// Its points are timesteps, which the network knows, so they cost no order.
TEST(SamplerTableTest, HeunIsOfSecondOrderForEveryPrediction) {
  for (PredictionType prediction :
       {PredictionType::kEpsilon, PredictionType::kVelocity,
        PredictionType::kSample}) {
    const DiffusionSpec spec = {.num_timesteps = 20000,
                                .prediction = prediction};
    const NoiseSchedule schedule(spec.schedule, spec.num_timesteps);
    const auto error = [&](int steps) {
      SamplerTable table = Compile(spec, Options(SamplerKind::kHeun, steps));
      EXPECT_EQ(table.lines.size(), static_cast<size_t>(2 * steps - 1));
      const int first = static_cast<int>(table.lines.front().timestep);
      EXPECT_NEAR(1 / schedule.alpha_bar(first) - 1, 80 * 80, 60);
      EXPECT_NEAR(table.initial_scale, std::sqrt(6400.0 / 6401), 1e-6);
      const int stop = static_cast<int>(table.lines.back().timestep);
      table.lines.pop_back();
      const double x = Sample(spec, table, 1.5, 0.3, 0.25);
      // The flow from `first` to `stop`, in deviations from the mean.
      const auto deviation = [&](int t) {
        const double a = schedule.alpha_bar(t);
        return std::sqrt(a * 0.25 * 0.25 + 1 - a);
      };
      const double exact =
          std::sqrt(schedule.alpha_bar(stop)) * 0.3 +
          deviation(stop) * (1.5 - std::sqrt(schedule.alpha_bar(first)) * 0.3) /
              deviation(first);
      return std::abs(x - exact);
    };
    const double ratio = error(41) / error(81);
    EXPECT_GT(ratio, 3.5);
    EXPECT_LT(ratio, 4.6);
  }
}

TEST(SamplerTableTest, GuidanceAppliesInsideItsInterval) {
  const DiffusionSpec spec = {.num_timesteps = 101};
  const SamplerTable table = Compile(
      spec,
      {.num_steps = 101,
       .guidance = {.scale = 3, .interval_begin = 0.2, .interval_end = 0.5}});
  EXPECT_EQ(table.guidance_scale, 3);
  for (const SamplerLine& line : table.lines) {
    EXPECT_EQ(line.guided, line.timestep >= 20 && line.timestep <= 50)
        << line.timestep;
    EXPECT_EQ(RowsOf(line), line.guided ? 2 : 1);
  }
  EXPECT_EQ(RowsFrom(table, 0), 101 + 31);
  EXPECT_EQ(RowsFrom(table, 100), 1);
  EXPECT_EQ(RowsFrom(table, 101), 0);
}

TEST(SamplerTableTest, ScaleOneNeedsOneRow) {
  const SamplerTable table = Compile({}, Options(SamplerKind::kDdim, 10));
  EXPECT_EQ(RowsFrom(table, 0), 10);
}

// A package's default is of one sampler, and a request may want another.
TEST(SamplerChoiceTest, WhatIsOfTheOldSamplerGoes) {
  SamplerOptions options = Options(SamplerKind::kDdim, 10, 0.5);
  options.spacing = TimestepSpacing::kStride;
  options.guidance.scale = 3;
  ChooseSampler(SamplerKind::kDdim, options);
  EXPECT_EQ(options.eta, 0.5);
  ChooseSampler(SamplerKind::kDpmSolverPlusPlus2M, options);
  EXPECT_OK(CheckSampler({}, options));
  EXPECT_EQ(options.num_steps, 10);
  EXPECT_EQ(options.guidance.scale, 3);
  options.grid_points = {0, 22, 39};
  ChooseSampler(SamplerKind::kDdpm, options);
  EXPECT_OK(CheckSampler({}, options));
}

TEST(SamplerTableTest, RefusalsNameOptionAndValue) {
  EXPECT_EQ(Refusal(Options(SamplerKind::kDdim, 0)),
            "num_steps = 0 is not in 1..1000");
  EXPECT_EQ(Refusal(Options(SamplerKind::kDdim, 1001)),
            "num_steps = 1001 is not in 1..1000");
  EXPECT_EQ(Refusal(Options(SamplerKind::kDdim, 10, 1.5)),
            "eta = 1.5 is not in 0..1");
  EXPECT_EQ(Refusal(Options(SamplerKind::kDdim, 10, -0.5)),
            "eta = -0.5 is not in 0..1");
  EXPECT_EQ(Refusal(Options(SamplerKind::kDdim, 10, kNaN)),
            "eta = nan is not in 0..1");
  EXPECT_EQ(Refusal(Options(SamplerKind::kDdpm, 10, 0.5)),
            "eta = 0.5: only DDIM takes eta");
  SamplerOptions strided = Options(SamplerKind::kDpmSolverPlusPlus2M, 10);
  strided.spacing = TimestepSpacing::kStride;
  EXPECT_EQ(Refusal(strided),
            "spacing = stride: DPM-Solver++(2M) on a discrete process has no "
            "timesteps to stride over");
  EXPECT_EQ(Refusal({.guidance = {.scale = 101}}),
            "guidance.scale = 101 is not in 0..100");
  EXPECT_EQ(Refusal({.guidance = {.scale = kNaN}}),
            "guidance.scale = nan is not in 0..100");
  EXPECT_EQ(Refusal({.guidance = {.interval_begin = -0.1}}),
            "guidance.interval_begin = -0.1 is not in 0..1");
  EXPECT_EQ(Refusal({.guidance = {.interval_end = 2}}),
            "guidance.interval_end = 2 is not in 0..1");
  EXPECT_EQ(
      Refusal({.guidance = {.interval_begin = 0.75, .interval_end = 0.25}}),
      "guidance.interval_begin = 0.75 is above guidance.interval_end = 0.25");
}

// All else stays as it is for a network that is told a timestep.
TEST(SamplerTableTest, TellsTheNoiseLevelToANetworkThatKnowsIt) {
  DiffusionSpec spec = {.num_timesteps = 100};
  const NoiseSchedule schedule(spec.schedule, spec.num_timesteps);
  for (SamplerKind kind : {SamplerKind::kDdpm, SamplerKind::kDdim,
                           SamplerKind::kDpmSolverPlusPlus2M}) {
    SamplerOptions options = Options(kind, 7);
    options.guidance = {.scale = 2, .interval_begin = 0.3};
    spec.conditioning = NoiseConditioning::kTimestep;
    SamplerTable expected = Compile(spec, options);
    for (SamplerLine& line : expected.lines) {
      line.timestep =
          5000 * std::sqrt(schedule.alpha_bar(static_cast<int>(line.timestep)));
    }
    spec.conditioning = NoiseConditioning::kNoiseLevel;
    EXPECT_EQ(Compile(spec, options), expected);
  }
}

// Those that start at the last timestep.
constexpr SamplerKind kEverySampler[] = {SamplerKind::kDdpm, SamplerKind::kDdim,
                                         SamplerKind::kDpmSolverPlusPlus2M,
                                         SamplerKind::kUniPc3};

DiffusionSpec KnowsNoiseLevels(int num_timesteps) {
  return {.num_timesteps = num_timesteps,
          .schedule = ScheduleKind::kLinear,
          .conditioning = NoiseConditioning::kNoiseLevel};
}

TEST(SamplerTableTest, ChoosingTheTrainingsScheduleChangesNothing) {
  const DiffusionSpec spec = KnowsNoiseLevels(200);
  for (SamplerKind kind : kEverySampler) {
    SamplerOptions options = Options(kind, 9);
    options.guidance = {.scale = 2, .interval_begin = 0.2, .interval_end = 0.8};
    const SamplerTable trained = Compile(spec, options);
    options.schedule = {.kind = ScheduleKind::kLinear, .num_timesteps = 200};
    EXPECT_EQ(Compile(spec, options), trained);
    options.schedule->betas = {0.1 / 200, 20.0 / 200};
    const SamplerTable by_betas = Compile(spec, options);
    ASSERT_EQ(by_betas.lines.size(), trained.lines.size());
    for (size_t i = 0; i < trained.lines.size(); ++i) {
      EXPECT_NEAR(by_betas.lines[i].timestep, trained.lines[i].timestep, 1e-9);
    }
  }
}

TEST(SamplerTableTest, AScheduleChosenLaterSolvesTheFlow) {
  const DiffusionSpec spec = KnowsNoiseLevels(1000);
  for (const SamplingSchedule& schedule :
       {SamplingSchedule{.kind = ScheduleKind::kCosine, .num_timesteps = 700},
        SamplingSchedule{.num_timesteps = 600, .betas = {{1e-4, 0.03}}}}) {
    for (SamplerKind kind :
         {SamplerKind::kDdim, SamplerKind::kDpmSolverPlusPlus2M}) {
      SamplerOptions options = Options(kind, 500);
      options.schedule = schedule;
      const SamplerTable table = Compile(spec, options);
      EXPECT_EQ(table.lines.size(), 500u);
      // From the noise that this schedule begins with.
      const double start = AlphaBarOf(spec, table.lines[0]);
      const double exact = 0.3 + 0.25 * (1.5 - std::sqrt(start) * 0.3) /
                                     std::sqrt(start * 0.25 * 0.25 + 1 - start);
      EXPECT_NEAR(Sample(spec, table, 1.5, 0.3, 0.25), exact, 5e-3);
    }
  }
}

TEST(SamplerTableTest, AnIntervalIsTheSameNoiseUnderEverySchedule) {
  const DiffusionSpec spec = KnowsNoiseLevels(1001);
  const NoiseSchedule training(spec.schedule, spec.num_timesteps);
  SamplerOptions options = Options(SamplerKind::kDdim, 100);
  options.guidance = {.scale = 2, .interval_begin = 0.2, .interval_end = 0.6};
  options.schedule = {.kind = ScheduleKind::kCosine, .num_timesteps = 300};
  int guided = 0;
  for (const SamplerLine& line : Compile(spec, options).lines) {
    const double alpha_bar = AlphaBarOf(spec, line);
    EXPECT_EQ(line.guided, alpha_bar <= training.alpha_bar(200) &&
                               alpha_bar >= training.alpha_bar(600));
    guided += line.guided ? 1 : 0;
  }
  EXPECT_GT(guided, 10);
  EXPECT_LT(guided, 90);
}

std::string ScheduleRefusal(const DiffusionSpec& spec,
                            const SamplingSchedule& schedule, int steps = 10) {
  SamplerOptions options = Options(SamplerKind::kDdim, steps);
  options.schedule = schedule;
  return std::string(CompileSampler(spec, options).status().message());
}

TEST(SamplerTableTest, RefusesSchedulesByName) {
  EXPECT_EQ(ScheduleRefusal({}, {}),
            "schedule: the network is told timesteps of the schedule that it "
            "was trained with, and knows no other");
  const DiffusionSpec spec = KnowsNoiseLevels(1000);
  EXPECT_EQ(ScheduleRefusal(spec, {.num_timesteps = 0}),
            "schedule.num_timesteps = 0 is not in 1..100000");
  EXPECT_EQ(ScheduleRefusal(
                spec, {.kind = ScheduleKind::kCosine, .num_timesteps = 9}),
            "num_steps = 10 is not in 1..9");
  EXPECT_EQ(ScheduleRefusal(spec, {.betas = {{0, 0.1}}}),
            "schedule.beta_begin = 0 is not in 0..1, both excluded");
  EXPECT_EQ(ScheduleRefusal(spec, {.betas = {{0.1, kNaN}}}),
            "schedule.beta_end = nan is not in schedule.beta_begin (0.1)..1, 1 "
            "excluded");
  EXPECT_EQ(ScheduleRefusal(
                spec, {.kind = ScheduleKind::kCosine, .betas = {{0.1, 0.2}}}),
            "schedule.beta_begin = 0.1, schedule.beta_end = 0.2: only a linear "
            "schedule takes them");
  EXPECT_NE(ScheduleRefusal(spec, {.betas = {{0.5, 0.9}}})
                .find("schedule: its last alpha_bar is 0, too little"),
            std::string::npos);
}

TEST(SamplerTableTest, EveryLineHasTheThreshold) {
  for (SamplerKind kind : kEverySampler) {
    SamplerOptions options = Options(kind, 5);
    options.threshold = {ThresholdKind::kDynamic, 0.9, 2};
    for (const SamplerLine& line : Compile({}, options).lines) {
      EXPECT_EQ(line.threshold, options.threshold);
    }
  }
}

TEST(SamplerTableTest, RefusesThresholdsByName) {
  const auto refusal = [](const ThresholdOptions& threshold) {
    return Refusal({.threshold = threshold});
  };
  EXPECT_EQ(refusal({ThresholdKind::kDynamic, 1.5}),
            "threshold.quantile = 1.5 is not in 0..1");
  EXPECT_EQ(refusal({ThresholdKind::kDynamic, 0.9, 0.5}),
            "threshold.max = 0.5 is below 1");
  EXPECT_EQ(refusal({ThresholdKind::kStatic, 0.9}),
            "threshold.quantile = 0.9, threshold.max = inf: only a dynamic "
            "threshold takes them");
}

// A stop.

TEST(SamplerTableTest, AStopLeavesTheFlowAtItsNoise) {
  const DiffusionSpec spec = {.schedule = ScheduleKind::kLinear};
  const NoiseSchedule schedule(spec.schedule, spec.num_timesteps);
  for (SamplerKind kind :
       {SamplerKind::kDdim, SamplerKind::kDpmSolverPlusPlus2M,
        SamplerKind::kUniPc3}) {
    for (int stop : {0, 137, 500, 901}) {
      const SamplerTable table = CompileUntil(spec, Options(kind, 500), stop);
      EXPECT_EQ(table.stop_timestep, stop);
      EXPECT_NEAR(Sample(spec, table, 1.5, 0.3, 0.25),
                  ExactSample(spec, schedule.alpha_bar(stop), 1.5, 0.3, 0.25),
                  5e-3);
    }
  }
}

// Mean and variance of what an ancestral sampler makes of N(0.3, 0.25^2) data
// with the ideal network, which is linear in x, so that both can be followed.
TEST(SamplerTableTest, AnAncestralStopHasTheNoisyDatasDistribution) {
  const DiffusionSpec spec = {.schedule = ScheduleKind::kLinear};
  const NoiseSchedule schedule(spec.schedule, spec.num_timesteps);
  for (const SamplerOptions& options : {Options(SamplerKind::kDdpm, 1000),
                                        Options(SamplerKind::kDdim, 1000, 1)}) {
    for (int stop : {0, 137, 500, 901}) {
      double mean = 0;
      double variance = 1;
      for (const SamplerLine& line : CompileUntil(spec, options, stop).lines) {
        const double alpha_bar = AlphaBarOf(spec, line);
        const auto next = [&](double x) {
          const double output =
              IdealOutput(spec.prediction, alpha_bar, x, 0.3, 0.25);
          return line.a * x + line.b[0] * (line.c_x * x + line.c_out * output);
        };
        const double slope = next(1) - next(0);
        mean = next(mean);
        variance = slope * slope * variance +
                   (line.adds_noise ? std::exp(line.min_log_variance) : 0);
      }
      const double alpha_bar = schedule.alpha_bar(stop);
      EXPECT_NEAR(mean, std::sqrt(alpha_bar) * 0.3, 2e-3);
      EXPECT_NEAR(variance, alpha_bar * 0.25 * 0.25 + 1 - alpha_bar, 4e-3);
    }
  }
}

// "s is inserted into the spacing": the same lines as without, down to the one
// that crosses it.
TEST(SamplerTableTest, AStopChangesOnlyTheLineThatReachesIt) {
  for (SamplerKind kind : kEverySampler) {
    const DiffusionSpec spec = {.num_timesteps = 100};
    const SamplerTable whole = Compile(spec, Options(kind, 10));
    SamplerTable stopped = CompileUntil(spec, Options(kind, 10), 42);
    size_t above = 0;
    while (whole.lines[above].timestep > 42) ++above;
    ASSERT_EQ(stopped.lines.size(), above);
    for (size_t i = 0; i + 1 < above; ++i) {
      EXPECT_EQ(stopped.lines[i], whole.lines[i]) << i;
    }
    EXPECT_NE(stopped.lines.back(), whole.lines[above - 1]);
    EXPECT_GT(stopped.lines.back().a, 0);
    EXPECT_EQ(stopped.lines.back().adds_noise, kind == SamplerKind::kDdpm);
    // One that is visited anyway is where its line ends.
    const int visited = static_cast<int>(whole.lines[5].timestep);
    stopped = CompileUntil(spec, Options(kind, 10), visited);
    ASSERT_EQ(stopped.lines.size(), 5u);
    for (size_t i = 0; i < 5; ++i) {
      EXPECT_NEAR(stopped.lines[i].a, whole.lines[i].a, 1e-12) << i;
      EXPECT_NEAR(stopped.lines[i].b[0], whole.lines[i].b[0], 1e-12) << i;
    }
  }
}

TEST(SamplerTableTest, RefusesAStopThatLeavesNoSteps) {
  const auto refusal = [](int stop) {
    return std::string(CompileSampler({}, Options(SamplerKind::kDdim, 10), stop)
                           .status()
                           .message());
  };
  EXPECT_EQ(refusal(999),
            "stop_timestep = 999: none of the 10 steps is above it");
  EXPECT_EQ(refusal(1000), "stop_timestep = 1000 is not in 0..999");
  EXPECT_EQ(refusal(-1), "stop_timestep = -1 is not in 0..999");
}

TEST(SamplerTableTest, RefusesAnImpossibleProcess) {
  EXPECT_EQ(CompileSampler({.num_timesteps = 0}, {}).status().message(),
            "num_timesteps = 0 is not in 1..100000");
}

}  // namespace
}  // namespace cascade
