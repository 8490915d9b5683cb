// The transforms of Winograd's algorithm F(t x t, 3x3) in one dimension, for
// one instruction set; see vector_lanes.h.

#include "models/plan/vector_lanes.h"
#include "models/plan/winograd_points.h"

namespace cascade {
namespace {

// kTile results from kTile + 2 pixels and as many products.
template <int kTile>
struct WinogradTransform;

// At the points 0, 1, -1 and infinity.
template <>
struct WinogradTransform<2> {
  // to = B^T d.
  template <typename F>
  CASCADE_INLINED static void Pixels(const F (&d)[4], F (&to)[4]) {
    to[0] = d[0] - d[2];
    to[1] = d[1] + d[2];
    to[2] = d[2] - d[1];
    to[3] = d[1] - d[3];
  }
  // to = A^T m.
  template <typename F>
  CASCADE_INLINED static void Results(const F (&m)[4], F (&to)[2]) {
    to[0] = m[0] + m[1] + m[2];
    to[1] = m[1] - m[2] - m[3];
  }
};

// At the points 0, a, -a, b, -b and infinity, where a b = 1.
template <>
struct WinogradTransform<4> {
  static constexpr auto kA = static_cast<float>(WinogradPoints::kA);
  static constexpr auto kB = static_cast<float>(WinogradPoints::kB);
  static constexpr float kSquares = kA * kA + kB * kB;

  template <typename F>
  CASCADE_INLINED static void Pixels(const F (&d)[6], F (&to)[6]) {
    const F even_a = d[4] - kB * kB * d[2];
    const F odd_a = kA * d[3] - kB * d[1];
    const F even_b = d[4] - kA * kA * d[2];
    const F odd_b = kB * d[3] - kA * d[1];
    to[0] = d[0] - kSquares * d[2] + d[4];
    to[1] = even_a + odd_a;
    to[2] = even_a - odd_a;
    to[3] = even_b + odd_b;
    to[4] = even_b - odd_b;
    to[5] = d[1] - kSquares * d[3] + d[5];
  }
  template <typename F>
  CASCADE_INLINED static void Results(const F (&m)[6], F (&to)[4]) {
    const F sum_a = m[1] + m[2];
    const F difference_a = m[1] - m[2];
    const F sum_b = m[3] + m[4];
    const F difference_b = m[3] - m[4];
    to[0] = m[0] + sum_a + sum_b;
    to[1] = kA * difference_a + kB * difference_b;
    to[2] = kA * kA * sum_a + kB * kB * sum_b;
    to[3] = kA * kA * kA * difference_a + kB * kB * kB * difference_b + m[5];
  }
};

}  // namespace
}  // namespace cascade
