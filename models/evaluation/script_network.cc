#include "models/evaluation/script_network.h"

#include <ATen/ops/from_blob.h>
#include <ATen/ops/softmax.h>
#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/serialization/import.h>

#include <algorithm>
#include <sstream>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "models/runtime/torch_status.h"
#include "models/sha256.h"
#include "models/weights/safetensors.h"
#include "server/base/status_macros.h"

namespace cascade {
namespace {

constexpr int64_t kBatch = 32;
constexpr char kFeatureArgument[] = "return_features";

std::string ShapeOf(const at::Tensor& tensor) {
  std::ostringstream text;
  text << tensor.sizes();
  return text.str();
}

// [n, d] of [n, d, 1, 1]: the pooled output of many exports.
at::Tensor Flat(const at::Tensor& tensor) {
  if (tensor.dim() == 4 && tensor.size(2) == 1 && tensor.size(3) == 1) {
    return tensor.flatten(1);
  }
  return tensor;
}

class ScriptNetwork final : public FeatureNetwork {
 public:
  ScriptNetwork(std::string path, std::string id, torch::jit::Module module,
                const ScriptNetworkOptions& options)
      : path_(std::move(path)),
        id_(std::move(id)),
        options_(options),
        module_(std::move(module)),
        takes_feature_argument_(module_.get_method("forward")
                                    .function()
                                    .getSchema()
                                    .argumentIndexWithName(kFeatureArgument)
                                    .has_value()) {}

  const std::string& id() const override { return id_; }
  int size() const override { return options_.size; }
  int channels() const override { return options_.channels; }

  absl::StatusOr<FeatureSet> Run(const ImageSet& images) const override {
    FeatureSet set;
    absl::Status status = CatchTorch([&]() -> absl::Status {
      const at::NoGradGuard no_grad;
      const at::Tensor pixels = at::from_blob(
          const_cast<uint8_t*>(images.pixels.data()),
          {images.count(), images.size, images.size, images.channels},
          at::kByte);
      for (int64_t begin = 0; begin < images.count(); begin += kBatch) {
        const int64_t count = std::min(kBatch, images.count() - begin);
        RETURN_IF_ERROR(
            RunBatch(InputOf(pixels.narrow(0, begin, count)), &set));
      }
      return absl::OkStatus();
    });
    if (status.ok()) return set;
    return absl::Status(status.code(),
                        absl::StrCat(path_, ": ", status.message()));
  }

 private:
  at::Tensor InputOf(const at::Tensor& pixels) const {
    const at::Tensor bytes = pixels.permute({0, 3, 1, 2}).contiguous();
    switch (options_.range) {
      case ScriptNetworkOptions::Range::kByte:
        return bytes;
      case ScriptNetworkOptions::Range::kUnit:
        return bytes.to(at::kFloat).div_(255);
      case ScriptNetworkOptions::Range::kSigned:
        return bytes.to(at::kFloat).div_(127.5).sub_(1);
    }
    return bytes;
  }

  absl::Status RunBatch(const at::Tensor& input, FeatureSet* set) const {
    // forward() is const in meaning only.
    torch::jit::Module module = module_;
    if (takes_feature_argument_) {
      const c10::IValue features =
          module.forward({input}, {{kFeatureArgument, true}});
      const c10::IValue probabilities = module.forward({input});
      return Append(input.size(0), features, &probabilities,
                    /*are_logits=*/false, set);
    }
    const c10::IValue output = module.forward({input});
    if (!output.isTuple()) {
      return Append(input.size(0), output, nullptr, false, set);
    }
    const auto& elements = output.toTupleRef().elements();
    if (elements.size() != 2) {
      return absl::InvalidArgumentError(
          absl::StrCat("forward() returned a tuple of ", elements.size(),
                       ", not (features, logits)"));
    }
    return Append(input.size(0), elements[0], &elements[1],
                  /*are_logits=*/true, set);
  }

  static absl::Status AppendRows(int64_t count, const char* what,
                                 const c10::IValue& value, bool softmax,
                                 int* width, std::vector<float>* rows) {
    if (!value.isTensor()) {
      return absl::InvalidArgumentError(
          absl::StrCat("forward() returned ", value.tagKind(), " for ", what));
    }
    at::Tensor tensor = Flat(value.toTensor());
    const bool fits = tensor.dim() == 2 && tensor.size(0) == count &&
                      tensor.size(1) > 0 &&
                      (*width == 0 || tensor.size(1) == *width) &&
                      at::isFloatingType(tensor.scalar_type());
    if (!fits) {
      return absl::InvalidArgumentError(absl::StrCat(
          "forward() returned ", what, " of shape ", ShapeOf(value.toTensor()),
          " and type ", c10::toString(tensor.scalar_type()), " for ", count,
          " images; a float tensor [", count, ", n] was expected"));
    }
    tensor = tensor.to(at::kCPU, at::kFloat);
    if (softmax) tensor = at::softmax(tensor, 1);
    tensor = tensor.contiguous();
    *width = static_cast<int>(tensor.size(1));
    const float* first = tensor.const_data_ptr<float>();
    rows->insert(rows->end(), first, first + tensor.numel());
    return absl::OkStatus();
  }

  static absl::Status Append(int64_t count, const c10::IValue& features,
                             const c10::IValue* classes, bool are_logits,
                             FeatureSet* set) {
    RETURN_IF_ERROR(AppendRows(count, "features", features, false,
                               &set->dimensions, &set->features));
    if (classes != nullptr) {
      RETURN_IF_ERROR(AppendRows(count, are_logits ? "logits" : "probabilities",
                                 *classes, are_logits, &set->classes,
                                 &set->probabilities));
    }
    set->count += count;
    return absl::OkStatus();
  }

  const std::string path_;
  const std::string id_;
  const ScriptNetworkOptions options_;
  const torch::jit::Module module_;
  const bool takes_feature_argument_;
};

std::string RangeName(ScriptNetworkOptions::Range range) {
  switch (range) {
    case ScriptNetworkOptions::Range::kByte:
      return "byte";
    case ScriptNetworkOptions::Range::kUnit:
      return "unit";
    case ScriptNetworkOptions::Range::kSigned:
      return "signed";
  }
  return "";
}

}  // namespace

absl::StatusOr<std::unique_ptr<FeatureNetwork>> LoadScriptNetwork(
    const std::string& path, const ScriptNetworkOptions& options) {
  ASSIGN_OR_RETURN(const std::vector<std::byte> bytes, ReadWholeFile(path));
  const std::string id = absl::StrCat(
      "script ", Sha256Hex(bytes), " size ", options.size, " channels ",
      options.channels, " range ", RangeName(options.range));
  using Result = absl::StatusOr<std::unique_ptr<FeatureNetwork>>;
  Result network = CatchTorch([&]() -> Result {
    std::istringstream stream(
        std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
    torch::jit::Module module = torch::jit::load(stream, at::kCPU);
    if (!module.find_method("forward")) {
      return absl::InvalidArgumentError("it has no forward()");
    }
    module.eval();
    return std::make_unique<ScriptNetwork>(path, id, std::move(module),
                                           options);
  });
  if (network.ok()) return network;
  if (network.status().code() == absl::StatusCode::kResourceExhausted) {
    return network;
  }
  return absl::InvalidArgumentError(
      absl::StrCat(path, " is not a TorchScript network that can be used: ",
                   network.status().message()));
}

}  // namespace cascade
