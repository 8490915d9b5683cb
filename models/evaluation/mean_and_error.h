#pragma once

#include <cmath>
#include <cstdint>

namespace cascade {

// The mean of independent values as they arrive, and its standard error
// (Welford 1962). Its three numbers are all of its state.
struct MeanAndError {
  int64_t count = 0;
  double mean = 0;
  double squares = 0;  // Of the differences from the mean, summed.

  void Add(double value) {
    ++count;
    const double difference = value - mean;
    mean += difference / static_cast<double>(count);
    squares += difference * (value - mean);
  }

  // Of the values, divided by their number; 0 for none.
  double StandardDeviation() const {
    return count == 0 ? 0 : std::sqrt(squares / static_cast<double>(count));
  }

  // Of the mean; 0 for fewer than two values.
  double StandardError() const {
    if (count < 2) return 0;
    const auto n = static_cast<double>(count);
    return std::sqrt(squares / (n - 1) / n);
  }
};

}  // namespace cascade
