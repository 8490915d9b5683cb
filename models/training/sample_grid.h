#pragma once

#include <ATen/core/Tensor.h>

#include <string>

#include "absl/status/status.h"

namespace cascade {

// Writes images [count, channels, size, size] in [-1, 1] as one PNG, `columns`
// a row, each pixel repeated `zoom` times.
absl::Status WriteImageGrid(const std::string& path, const at::Tensor& images,
                            int columns, int zoom);

}  // namespace cascade
