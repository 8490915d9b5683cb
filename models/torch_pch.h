#pragma once

// Precompiled for the targets of models/ that see LibTorch.
#include <ATen/ATen.h>
#include <torch/nn/module.h>
