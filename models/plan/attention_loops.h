// The loops of attention, for one instruction set; see vector_lanes.h.

#include <cstdint>
#include <utility>

#include "models/plan/attention_problem.h"
#include "models/plan/fast_exp.h"
#include "models/plan/vector_lanes.h"

namespace cascade {
namespace {

CASCADE_INLINED float ToFloat(float value) { return value; }
CASCADE_INLINED float ToFloat(Bf16 value) {
  return __builtin_bit_cast(float, uint32_t{value.bits} << 16);
}

// One head of one image.
template <int kLanes, int kMostRows, typename T>
class Head {
 public:
  CASCADE_INLINED Head(const AttentionProblem<T>& problem,
                       const AttentionWorkspace& at, float* workspace,
                       int64_t index)
      : p_(problem),
        at_(at),
        workspace_(workspace),
        qkv_(p_.qkv + index / p_.heads * p_.pixels * Row() +
             index % p_.heads * p_.head_stride),
        out_(p_.out + index / p_.heads * p_.pixels * p_.heads * p_.width +
             index % p_.heads * p_.width) {}

  CASCADE_INLINED void Run() const {
    Unpack();
    const int64_t rows = (p_.pixels + 3) / 4 * 4;
    for (int64_t first = 0; first < rows; first += AttentionWorkspace::kBlock) {
      const int64_t left = rows - first;
      RunBlock(first, left < AttentionWorkspace::kBlock
                          ? left
                          : AttentionWorkspace::kBlock);
    }
  }

 private:
  using F = Floats<kLanes>;
  using Words = typename Lanes<kLanes>::Words;

  CASCADE_INLINED int64_t Row() const { return 3 * p_.heads * p_.width; }

  // Queries, scaled; keys, a column each; values. All in floats.
  CASCADE_INLINED void Unpack() const {
    const int64_t width = p_.width;
    const int64_t pixel_row = at_.pixel_row;
    const float scale = 1.0f / __builtin_sqrtf(static_cast<float>(width));
    for (int64_t pixel = 0; pixel < p_.pixels; ++pixel) {
      const T* query = qkv_ + pixel * Row();
      const T* key = query + p_.part_stride;
      const T* value = key + p_.part_stride;
      float* to_query = workspace_ + pixel * at_.width_row;
      float* to_value = workspace_ + at_.values + pixel * at_.width_row;
      for (int64_t i = 0; i < width; ++i)
        to_query[i] = scale * ToFloat(query[i]);
      for (int64_t i = 0; i < width; ++i) to_value[i] = ToFloat(value[i]);
      float* to_key = workspace_ + at_.keys + pixel;
      for (int64_t i = 0; i < width; ++i, to_key += pixel_row) {
        *to_key = ToFloat(key[i]);
      }
    }
  }

  CASCADE_INLINED void RunBlock(int64_t first, int64_t rows) const {
    float* scores = workspace_ + at_.scores;
    float* sums = workspace_ + at_.sums;
    MultiplyColumns(workspace_ + first * at_.width_row, at_.width_row,
                    workspace_ + at_.keys, at_.pixel_row, p_.width, rows,
                    Vectors(p_.pixels), scores, at_.pixel_row);
    float totals[AttentionWorkspace::kBlock];
    for (int64_t r = 0; r < rows; ++r) {
      totals[r] = Exponentials(scores + r * at_.pixel_row);
    }
    MultiplyColumns(scores, at_.pixel_row, workspace_ + at_.values,
                    at_.width_row, p_.pixels, rows, Vectors(p_.width), sums,
                    at_.width_row);
    for (int64_t r = 0; r < rows && first + r < p_.pixels; ++r) {
      Write(sums + r * at_.width_row, 1.0f / totals[r],
            out_ + (first + r) * p_.heads * p_.width);
    }
  }

  CASCADE_INLINED static int64_t Vectors(int64_t columns) {
    return (columns + kLanes - 1) / kLanes;
  }

  CASCADE_INLINED static void MultiplyColumns(
      const float* rows, int64_t row_stride, const float* columns,
      int64_t column_stride, int64_t depth, int64_t num_rows, int64_t vectors,
      float* out, int64_t out_stride) {
    int64_t v = 0;
    for (; v + 2 <= vectors; v += 2) {
      MultiplyAll<kLanes, kMostRows, 2>(rows, row_stride, columns + v * kLanes,
                                        column_stride, depth, num_rows,
                                        out + v * kLanes, out_stride);
    }
    if (v == vectors) return;
    MultiplyAll<kLanes, kMostRows, 1>(rows, row_stride, columns + v * kLanes,
                                      column_stride, depth, num_rows,
                                      out + v * kLanes, out_stride);
  }

  // What `combine` makes of all lanes, in every lane.
  template <int kStep = kLanes / 2, typename Combine>
  CASCADE_INLINED static F Everywhere(F values, Combine combine) {
    if constexpr (kStep > 0) {
      return Everywhere<kStep / 2>(
          combine(
              values,
              __builtin_shuffle(
                  values, Partners<kStep>(
                              std::make_integer_sequence<uint32_t, kLanes>()))),
          combine);
    }
    return values;
  }
  template <uint32_t kStep, uint32_t... kLane>
  CASCADE_INLINED static Words Partners(
      std::integer_sequence<uint32_t, kLane...>) {
    return Words{kLane ^ kStep...};
  }

  // e^(score - the largest), in place; their sum.
  CASCADE_INLINED float Exponentials(float* scores) const {
    const int64_t columns = Vectors(p_.pixels) * kLanes;
    for (int64_t i = p_.pixels; i < columns; ++i) scores[i] = -1e30f;
    F largest = Load<kLanes>(scores);
    for (int64_t i = kLanes; i < columns; i += kLanes) {
      const F other = Load<kLanes>(scores + i);
      largest = other > largest ? other : largest;
    }
    const F most = Everywhere(largest, [](F x, F y) { return x > y ? x : y; });
    F sum = {};
    constexpr int kTogether = 4;  // See FastExp().
    int64_t i = 0;
    for (; i + kTogether * kLanes <= columns; i += kTogether * kLanes) {
      AddExponentials<kTogether>(scores + i, most, sum);
    }
    for (; i < columns; i += kLanes) AddExponentials<1>(scores + i, most, sum);
    return Everywhere(sum, [](F x, F y) { return x + y; })[0];
  }

  template <int kCount>
  CASCADE_INLINED static void AddExponentials(float* scores, const F& most,
                                              F& sum) {
    F values[kCount];
#pragma GCC unroll 8
    for (int v = 0; v < kCount; ++v) {
      values[v] = Load<kLanes>(scores + v * kLanes) - most;
    }
    FastExp<F, Words>(values);
#pragma GCC unroll 8
    for (int v = 0; v < kCount; ++v) {
      Store<kLanes>(values[v], scores + v * kLanes);
      sum += values[v];
    }
  }

  CASCADE_INLINED void Write(const float* sums, float factor, T* to) const {
    int64_t i = 0;
    for (; i + kLanes <= p_.width; i += kLanes) {
      Store<kLanes>(Load<kLanes>(sums + i) * factor, to + i);
    }
    if (i == p_.width) return;
    T rest[kLanes];
    Store<kLanes>(Load<kLanes>(sums + i) * factor, rest);
    for (int64_t j = i; j < p_.width; ++j) to[j] = rest[j - i];
  }

  const AttentionProblem<T>& p_;
  const AttentionWorkspace& at_;
  float* const workspace_;
  const T* const qkv_;
  T* const out_;
};

template <int kLanes, int kMostRows, typename T>
CASCADE_INLINED void RunHeads(const AttentionProblem<T>& problem, int64_t begin,
                              int64_t end, float* workspace) {
  const AttentionWorkspace at(problem.pixels, problem.width);
  for (int64_t index = begin; index < end; ++index) {
    Head<kLanes, kMostRows, T>(problem, at, workspace, index).Run();
  }
}

}  // namespace
}  // namespace cascade
