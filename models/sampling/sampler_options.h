#pragma once

namespace cascade {

enum class SamplerKind {
  kDdpm,                // ancestral sampling (Ho et al. 2020)
  kDdim,                // Song et al. 2021, eq. 12
  kDpmSolverPlusPlus2M  // Lu et al. 2022, algorithm 2 (multistep, order 2)
};

// Which of the training's timesteps the steps visit.
enum class TimestepSpacing {
  // Evenly from the last timestep, which is where noise is, to the first (for
  // DPM-Solver++ to the first of one step more, and then the clean image).
  kEven,
  // "ddimN": multiples of the smallest stride that gives N. Starts below the
  // last timestep: far below it for few steps, so it is for parity with
  // published results. Numbers that no stride gives are spaced evenly. Not for
  // DPM-Solver++.
  kStride,
};

// Classifier-free guidance: output = uncond + scale * (cond - uncond)
// (Ho & Salimans 2022, with scale = 1 + w). Scale 1 is no guidance: one row.
struct GuidanceOptions {
  double scale = 1.0;  // 0..100.
  // Guidance applies on the lines whose timestep t satisfies
  // interval_begin <= t / (T - 1) <= interval_end; elsewhere an image takes one
  // row (Kynkaanniemi et al. 2024). 0 is clean, 1 is noise.
  double interval_begin = 0.0;
  double interval_end = 1.0;
};

// How one stage of one image is sampled.
struct SamplerOptions {
  SamplerKind kind = SamplerKind::kDdim;
  int num_steps = 50;  // 1..T.
  double eta = 0.0;    // DDIM only: 0 deterministic .. 1 ancestral-like.
  TimestepSpacing spacing = TimestepSpacing::kEven;
  GuidanceOptions guidance;
};

}  // namespace cascade
