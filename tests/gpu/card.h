#pragma once

#include <ATen/core/Tensor.h>
#include <gtest/gtest.h>

namespace cascade {

int NumCards();
inline at::Device Card(int index) {
  return at::Device(at::kCUDA, static_cast<at::DeviceIndex>(index));
}

// Bytes of a card that tensors hold.
int64_t AllocatedBytes(at::Device card);

// Skips its tests where the machine has fewer cards than they need.
class CardTest : public testing::Test {
 protected:
  explicit CardTest(int num_cards = 1) : num_cards_(num_cards) {}

  void SetUp() override;

 private:
  const int num_cards_;
};

}  // namespace cascade
