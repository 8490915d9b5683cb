#include "models/weights/module_weights.h"

#include <ATen/ops/from_blob.h>

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace cascade {
namespace {

at::ScalarType ScalarTypeOf(TensorType type) {
  switch (type) {
    case TensorType::kF32:
      return at::kFloat;
    case TensorType::kF16:
      return at::kHalf;
    case TensorType::kBF16:
      return at::kBFloat16;
    case TensorType::kF64:
      return at::kDouble;
    case TensorType::kI64:
      return at::kLong;
    case TensorType::kI32:
      return at::kInt;
    case TensorType::kU8:
      return at::kByte;
    case TensorType::kBool:
      return at::kBool;
  }
  return at::kByte;
}

TensorType TensorTypeOf(at::ScalarType type) {
  switch (type) {
    case at::kFloat:
      return TensorType::kF32;
    case at::kHalf:
      return TensorType::kF16;
    case at::kBFloat16:
      return TensorType::kBF16;
    case at::kDouble:
      return TensorType::kF64;
    case at::kLong:
      return TensorType::kI64;
    case at::kInt:
      return TensorType::kI32;
    case at::kBool:
      return TensorType::kBool;
    default:
      return TensorType::kU8;
  }
}

bool IsFloat(TensorType type) {
  return type == TensorType::kF32 || type == TensorType::kF16 ||
         type == TensorType::kBF16 || type == TensorType::kF64;
}

std::string ShapeText(at::IntArrayRef shape) {
  return absl::StrCat("[", absl::StrJoin(shape, ", "), "]");
}

// Finds the first reason why `file` cannot be loaded into `parameters`.
absl::Status CheckTensors(
    const SafetensorsFile& file,
    const std::vector<std::pair<std::string, at::Tensor>>& parameters) {
  std::map<std::string, const at::Tensor*> wanted;
  for (const auto& [name, parameter] : parameters) wanted[name] = &parameter;
  for (const auto& [name, parameter] : wanted) {
    const auto found = file.tensors().find(name);
    if (found == file.tensors().end()) {
      return absl::DataLossError(
          absl::StrCat(file.name(), ": tensor ", name, " is missing"));
    }
    const TensorView& view = found->second;
    if (parameter->sizes() != at::IntArrayRef(view.shape)) {
      return absl::DataLossError(absl::StrCat(
          file.name(), ": tensor ", name, " has shape ", ShapeText(view.shape),
          ", the network needs ", ShapeText(parameter->sizes())));
    }
    if (!IsFloat(view.type)) {
      return absl::DataLossError(
          absl::StrCat(file.name(), ": tensor ", name, " has dtype ",
                       TensorTypeName(view.type), ", which is no float type"));
    }
  }
  for (const auto& [name, view] : file.tensors()) {
    if (!wanted.contains(name)) {
      return absl::DataLossError(absl::StrCat(file.name(), ": tensor ", name,
                                              " is unknown to the network"));
    }
  }
  return absl::OkStatus();
}

std::vector<std::pair<std::string, at::Tensor>> NamedParameters(
    const torch::nn::Module& module) {
  std::vector<std::pair<std::string, at::Tensor>> parameters;
  for (const auto& entry : module.named_parameters()) {
    parameters.emplace_back(entry.key(), entry.value());
  }
  return parameters;
}

}  // namespace

at::Tensor TensorOfView(const TensorView& view) {
  // from_blob takes no const pointer; callers only read.
  return at::from_blob(const_cast<std::byte*>(view.bytes.data()), view.shape,
                       at::TensorOptions().dtype(ScalarTypeOf(view.type)));
}

TensorView ViewOfTensor(const at::Tensor& tensor) {
  return {.type = TensorTypeOf(tensor.scalar_type()),
          .shape = tensor.sizes().vec(),
          .bytes = {static_cast<const std::byte*>(tensor.const_data_ptr()),
                    tensor.nbytes()}};
}

absl::Status LoadModuleWeights(const SafetensorsFile& file,
                               torch::nn::Module& module) {
  const auto parameters = NamedParameters(module);
  if (absl::Status status = CheckTensors(file, parameters); !status.ok()) {
    return status;
  }
  const at::NoGradGuard no_grad;
  for (const auto& [name, parameter] : parameters) {
    const at::Tensor target = parameter;
    // Offsets need not be aligned; copying the bytes first is always right.
    TensorView view = file.tensors().at(name);
    std::vector<std::byte> aligned(view.bytes.begin(), view.bytes.end());
    view.bytes = aligned;
    target.copy_(TensorOfView(view));
  }
  return absl::OkStatus();
}

absl::Status SaveModuleWeights(
    const std::string& path, const torch::nn::Module& module,
    const std::map<std::string, std::string>& metadata) {
  const at::NoGradGuard no_grad;
  std::vector<at::Tensor> copies;
  std::map<std::string, TensorView> views;
  for (const auto& [name, parameter] : NamedParameters(module)) {
    copies.push_back(parameter.to(at::kCPU, at::kFloat).contiguous());
    views[name] = ViewOfTensor(copies.back());
  }
  return WriteSafetensors(path, views, metadata);
}

}  // namespace cascade
