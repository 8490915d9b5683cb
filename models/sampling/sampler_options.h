#pragma once

#include <limits>
#include <optional>
#include <vector>

#include "models/sampling/diffusion_spec.h"

namespace cascade {

enum class SamplerKind {
  kDdpm,                 // ancestral sampling (Ho et al. 2020)
  kDdim,                 // Song et al. 2021, eq. 12; in sigma: Euler's method
  kDpmSolverPlusPlus2M,  // Lu et al. 2022, algorithm 2 (multistep, order 2)
  kHeun,                 // Karras et al. 2022, algorithm 1, without churn
  kConsistency,  // Song et al. 2023, algorithm 1; consistency models only
  kUniPc3,       // Zhao et al. 2023, UniPC of order 3 (multistep, B2)
};

// Which of the training's timesteps the steps visit.
enum class TimestepSpacing {
  // Evenly from the last timestep, which is where noise is, to the first (for
  // DPM-Solver++ to the first of one step more, and then the clean image).
  kEven,
  // "ddimN": multiples of the smallest stride that gives N. Starts below the
  // last timestep: far below it for few steps, so it is for parity with
  // published results. Numbers that no stride gives are spaced evenly. DDPM and
  // DDIM only, and not for the schedule kKarras.
  kStride,
};

// Classifier-free guidance: output = uncond + scale * (cond - uncond)
// (Ho & Salimans 2022, with scale = 1 + w). Scale 1 is no guidance: one row.
struct GuidanceOptions {
  double scale = 1.0;  // 0..100.
  // Guidance applies on the lines whose timestep t satisfies
  // interval_begin <= t / (T - 1) <= interval_end; elsewhere an image takes one
  // row (Kynkaanniemi et al. 2024). 0 is clean, 1 is noise. t is of the
  // training's process also where another schedule is used: the same interval
  // is the same noise. Under the schedule kKarras KarrasNoiseFraction() takes
  // the place of t / (T - 1).
  double interval_begin = 0.0;
  double interval_end = 1.0;
};

// What becomes of an estimate of x0 before a step uses it.
enum class ThresholdKind {
  kNone,    // Nothing.
  kStatic,  // Clipped to [-1, 1].
  // Clipped to [-s, s] and divided by s, where s is a quantile of |x0| over the
  // image, but between 1 and a maximum (Saharia et al. 2022, Imagen, section
  // 2.3).
  kDynamic,
};

struct ThresholdOptions {
  ThresholdKind kind = ThresholdKind::kStatic;
  // kDynamic only. The quantile, 0..1, between neighbours linearly.
  double quantile = 0.995;
  // kDynamic only. The largest s, 1 or more.
  double max = std::numeric_limits<double>::infinity();

  bool operator==(const ThresholdOptions&) const = default;
};

// Of a linear schedule, at its first and at its last timestep:
// 0 < begin <= end < 1.
struct BetaRange {
  double begin = 0;
  double end = 0;

  bool operator==(const BetaRange&) const = default;
};

// A process chosen after training (Ho et al. 2022, section 4.3; Chen et al.
// 2021): for networks that are told noise levels. It should begin as noisy as
// the training's ends.
struct SamplingSchedule {
  ScheduleKind kind = ScheduleKind::kLinear;  // Not kKarras.
  int num_timesteps = 1000;                   // 1..100000; steps visit these.
  // kLinear only. None: as ScheduleKind says.
  std::optional<BetaRange> betas = std::nullopt;

  bool operator==(const SamplingSchedule&) const = default;
};

// How one stage of one image is sampled.
struct SamplerOptions {
  SamplerKind kind = SamplerKind::kDdim;
  // 1..T, of the schedule that is used. A step is one line of the table; for
  // kHeun two, but for the one that ends at the clean image.
  int num_steps = 50;
  double eta = 0.0;  // DDIM only: 0 deterministic .. 1 ancestral-like.
  TimestepSpacing spacing = TimestepSpacing::kEven;
  // kConsistency only: which of the T points of the grid (0: sigma_max, T - 1:
  // sigma_min) the steps visit: 0 first, ascending, below T - 1. Used where
  // there are num_steps of them, as 0, 22 of 40 in two steps; other numbers of
  // steps are spaced evenly.
  std::vector<int> grid_points = {};
  GuidanceOptions guidance = {};
  ThresholdOptions threshold = {};
  // None: the one that the network was trained with.
  std::optional<SamplingSchedule> schedule = std::nullopt;
};

}  // namespace cascade
