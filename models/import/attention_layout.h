#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "models/nn/unet_config.h"

namespace cascade {

// How a published file lays out the qkv channels of its attention blocks.
//
// All have the same number of rows, so that a wrong layout loads and gives
// garbage. Packages have one, kImportedOrder, whatever the source had.
enum class AttentionLayout {
  kLegacy,     // [head][q, k, v][width] rows; weights [3C, C, 1]
  kNew,        // [q, k, v][head][width]; [3C, C, 1]
  kNewConv2d,  // [q, k, v][head][width]; [3C, C, 1, 1]: consistency_models
};

// "legacy", "new", "new_conv2d".
const char* AttentionLayoutName(AttentionLayout layout);
AttentionOrder OrderOf(AttentionLayout layout);

inline constexpr AttentionOrder kImportedOrder = AttentionOrder::kLegacy;

// True for the weights and biases of the layers whose rows PermuteQkvRows()
// moves.
bool IsQkv(const std::string& tensor);

// Moves the rows of a qkv weight or bias, [3 * channels, ...] elements, from
// one order to the other. `heads` divides `channels`; `tensor` has 3 * channels
// equal rows.
std::vector<std::byte> PermuteQkvRows(std::span<const std::byte> tensor,
                                      int64_t channels, int64_t heads,
                                      AttentionOrder from, AttentionOrder to);

// The shape that a tensor of our networks has in a file of this layout.
std::vector<int64_t> ShapeInLayout(const std::string& tensor,
                                   std::vector<int64_t> shape,
                                   AttentionLayout layout);

}  // namespace cascade
