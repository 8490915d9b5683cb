#include "models/import/weight_source.h"

#include <array>
#include <cstring>
#include <fstream>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "models/import/torch_checkpoint.h"
#include "server/base/status_macros.h"

namespace cascade {
namespace {

class SafetensorsSource : public WeightSource {
 public:
  explicit SafetensorsSource(SafetensorsFile file) : file_(std::move(file)) {
    for (const auto& [name, view] : file_.tensors()) {
      tensors_[name] = {.type = view.type, .shape = view.shape};
    }
  }
  const std::map<std::string, TensorInfo>& tensors() const override {
    return tensors_;
  }
  absl::StatusOr<std::vector<std::byte>> Read(
      const std::string& tensor) override {
    ASSIGN_OR_RETURN(const TensorView view, file_.Get(tensor));
    return std::vector<std::byte>(view.bytes.begin(), view.bytes.end());
  }

 private:
  const SafetensorsFile file_;
  std::map<std::string, TensorInfo> tensors_;
};

// What torch.save wrote before PyTorch 1.6: a pickle of a magic number comes
// first (torch/serialization.py, MAGIC_NUMBER).
constexpr absl::string_view kLegacyTorch(
    "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19", 14);

// A local file header, with which an archive of torch.save begins. Two letters
// would not do: safetensors begin with the length of their header.
constexpr absl::string_view kZip("PK\x03\x04", 4);

}  // namespace

absl::StatusOr<std::unique_ptr<WeightSource>> OpenWeightSource(
    const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return absl::NotFoundError(absl::StrCat("cannot open ", path));
  std::array<char, 16> first = {};
  file.read(first.data(), first.size());
  const absl::string_view start(first.data(),
                                static_cast<size_t>(file.gcount()));
  file.close();

  if (absl::StartsWith(start, kZip)) return OpenTorchCheckpoint(path);
  if (absl::StartsWith(start, kLegacyTorch)) {
    return absl::InvalidArgumentError(absl::StrCat(
        path,
        " is a file of torch.save from before PyTorch 1.6. Save it "
        "again: torch.save(torch.load(old, weights_only=True), new)"));
  }
  // Eight bytes of length, then a JSON object.
  if (start.size() > 8 && start[8] == '{') {
    ASSIGN_OR_RETURN(SafetensorsFile safetensors, SafetensorsFile::Read(path));
    return std::make_unique<SafetensorsSource>(std::move(safetensors));
  }
  return absl::InvalidArgumentError(absl::StrCat(
      path,
      " is neither a file of torch.save (a zip archive) nor safetensors"));
}

}  // namespace cascade
