#pragma once

#include <torch/nn/module.h>

#include <cstdint>
#include <string>
#include <vector>

namespace cascade {

// A module's parameters, moved into one tensor, and their gradients into
// another: each parameter becomes a view. An optimiser, an average or a norm is
// then one operation on one tensor instead of hundreds.
class FlatParameters {
 public:
  struct Segment {
    std::string name;
    int64_t offset = 0;
    std::vector<int64_t> shape;
    int64_t elements = 0;
  };

  // `module` must outlive this.
  explicit FlatParameters(torch::nn::Module& module);

  const at::Tensor& values() const { return values_; }
  const at::Tensor& gradients() const { return gradients_; }
  const std::vector<Segment>& segments() const { return segments_; }
  int64_t parameter_count() const { return parameter_count_; }

  void ZeroGradients() { gradients_.zero_(); }
  // The part of `flat`, a tensor of the same layout, that `segment` names.
  static at::Tensor Part(const at::Tensor& flat, const Segment& segment);

 private:
  std::vector<Segment> segments_;
  int64_t parameter_count_ = 0;
  at::Tensor values_;
  at::Tensor gradients_;
};

}  // namespace cascade
