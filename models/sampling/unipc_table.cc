#include <algorithm>
#include <cmath>

#include "models/sampling/exponential_weights.h"
#include "models/sampling/sampler_lines.h"

namespace cascade {
namespace {

constexpr size_t kOrder = 3;

// A step of the ODE: x_next = x_weight x + sum_k x0_weights[k] x0[k].
struct Step {
  double x_weight = 1;
  std::vector<double> x0_weights;
};

// From points[from] to points[from + 1] with `order` estimates, those of
// points[from], points[from - 1], ...; the corrector has one more before them,
// that of points[from + 1] itself.
Step StepOf(const SolverPath& path, size_t from, size_t order, bool corrects) {
  const SolverPoint& here = path.points[from];
  const SolverPoint& next = path.After(from);
  const double lambda = HalfLogSnr(here);
  const double h = HalfLogSnr(next) - lambda;
  std::vector<double> nodes;
  if (corrects) nodes.push_back(1);
  for (size_t k = 0; k < order; ++k) {
    nodes.push_back((HalfLogSnr(path.points[from - k]) - lambda) / h);
  }
  Step step;
  step.x_weight = next.noise / here.noise;
  step.x0_weights = ExponentialWeights(nodes, h);
  if (nodes.size() == 2) {
    // Where two estimates leave a choice, the paper's B2(h) = e^h - 1 takes the
    // slope between them in the middle.
    const double total = -std::expm1(-h);
    const double slope = 0.5 * total / (nodes[0] - nodes[1]);
    const size_t here_index = corrects ? 1 : 0;
    step.x0_weights = {slope, -slope};
    step.x0_weights[here_index] += total;
  }
  for (double& weight : step.x0_weights) weight *= next.signal;
  return step;
}

}  // namespace

// Zhao et al. 2023, algorithms 5 and 8 (UniPC of order 3, multistep, data
// prediction, B2). The estimate at a point corrects the step that led there,
// and then predicts the next:
//
//   x_c    = x_p - prediction of the last step + its correction
//   x_next = x_weight x_c + sum_k x0_weights[k] x0[k]
//
// Prediction and correction of a step share what they take of its x, which
// therefore falls out, so that a line needs the estimates only. The first steps
// have fewer estimates and the last ones lower orders, as published; the step
// to noise = 0 gives x0 itself.
std::vector<SamplerLine> UniPcLines(const SolverPath& path) {
  std::vector<SamplerLine> lines;
  const size_t count = path.points.size();
  Step last;  // The prediction that led here.
  for (size_t i = 0; i < count; ++i) {
    SamplerLine line = path.points[i].line;
    const bool ends_clean = path.end.noise == 0;
    if (i + 1 == count && ends_clean) {
      line.b[0] = 1;
      lines.push_back(line);
      break;
    }
    const size_t steps_left = count - i;
    const size_t order =
        std::min({kOrder, i + 1, ends_clean ? steps_left : kOrder});
    const Step step = StepOf(path, i, order, /*corrects=*/false);
    line.a = step.x_weight;
    for (size_t k = 0; k < step.x0_weights.size(); ++k) {
      line.b[k] = step.x0_weights[k];
    }
    if (i > 0) {
      const Step correction =
          StepOf(path, i - 1, last.x0_weights.size(), /*corrects=*/true);
      for (size_t k = 0; k < correction.x0_weights.size(); ++k) {
        line.b[k] += step.x_weight * correction.x0_weights[k];
      }
      for (size_t k = 0; k < last.x0_weights.size(); ++k) {
        line.b[k + 1] -= step.x_weight * last.x0_weights[k];
      }
    }
    last = step;
    lines.push_back(line);
  }
  return lines;
}

}  // namespace cascade
