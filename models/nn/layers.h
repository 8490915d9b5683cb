#pragma once

#include <torch/nn/module.h>

#include <cstdint>

namespace cascade::nn {

// The layers with parameters that the blocks are made of.
//
// In inference on a CPU (gradients disabled) they give every image the same
// bits whatever the batch holds beside it, on one intra-op thread: ATen chooses
// other kernels for small batches, so convolutions name oneDNN themselves and
// linear layers multiply four rows at a time, always.

// While one lives, layers made on this thread leave their parameters
// uninitialised: for networks whose weights are loaded at once.
class UninitializedScope {
 public:
  UninitializedScope();
  ~UninitializedScope();
  UninitializedScope(const UninitializedScope&) = delete;
  UninitializedScope& operator=(const UninitializedScope&) = delete;
};

// "Same" convolution of images: padding is half the kernel.
class Conv2d : public torch::nn::Module {
 public:
  Conv2d(int64_t in_channels, int64_t out_channels, int64_t kernel,
         int64_t stride = 1);

  at::Tensor forward(const at::Tensor& x);
  void ZeroInit();

 private:
  const int64_t padding_;
  const int64_t stride_;
  at::Tensor weight_;  // [out, in, kernel, kernel]
  at::Tensor bias_;
};

// 1x1 convolution of sequences [batch, channels, length].
class Conv1x1 : public torch::nn::Module {
 public:
  Conv1x1(int64_t in_channels, int64_t out_channels);

  at::Tensor forward(const at::Tensor& x);
  void ZeroInit();

 private:
  at::Tensor weight_;  // [out, in, 1], the published shape.
  at::Tensor bias_;
};

class Linear : public torch::nn::Module {
 public:
  Linear(int64_t in_features, int64_t out_features);

  at::Tensor forward(const at::Tensor& x);
  void ZeroInit();

 private:
  at::Tensor weight_;  // [out, in]
  at::Tensor bias_;
};

class Embedding : public torch::nn::Module {
 public:
  Embedding(int64_t rows, int64_t width);

  at::Tensor forward(const at::Tensor& indices);

 private:
  at::Tensor weight_;
};

// Group normalisation with a scale and shift per channel, eps 1e-5.
class GroupNorm : public torch::nn::Module {
 public:
  GroupNorm(int64_t groups, int64_t channels);

  at::Tensor forward(const at::Tensor& x);

 private:
  const int64_t groups_;
  at::Tensor weight_;
  at::Tensor bias_;
};

}  // namespace cascade::nn
