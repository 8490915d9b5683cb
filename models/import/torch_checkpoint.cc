#include "models/import/torch_checkpoint.h"

#include <cstring>
#include <set>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "models/import/pickle_reader.h"
#include "models/import/printable.h"
#include "models/import/zip_archive.h"
#include "server/base/status_macros.h"

namespace cascade {
namespace {

// Sixteen times what ten thousand tensors take.
constexpr uint64_t kMaxPickleBytes = uint64_t{16} << 20;
constexpr absl::string_view kPickleName = "/data.pkl";

// The elements of `tensor`, which begin at `from`, in row-major order.
std::vector<std::byte> Gather(const PickledTensor& tensor,
                              std::span<const std::byte> from) {
  const size_t size = BytesPerElement(tensor.type);
  size_t count = 1;
  for (int64_t dimension : tensor.shape)
    count *= static_cast<size_t>(dimension);
  std::vector<std::byte> result(count * size);
  std::vector<int64_t> index(tensor.shape.size(), 0);
  int64_t position = 0;
  for (size_t i = 0; i < count; ++i) {
    std::memcpy(result.data() + i * size,
                from.data() + static_cast<size_t>(position) * size, size);
    for (size_t d = index.size(); d-- > 0;) {
      position += tensor.strides[d];
      if (++index[d] < tensor.shape[d]) break;
      position -= tensor.strides[d] * tensor.shape[d];
      index[d] = 0;
    }
  }
  return result;
}

bool IsContiguous(const PickledTensor& tensor) {
  int64_t expected = 1;
  for (size_t d = tensor.shape.size(); d-- > 0;) {
    if (tensor.shape[d] != 1 && tensor.strides[d] != expected) return false;
    expected *= tensor.shape[d];
  }
  return true;
}

class TorchCheckpoint : public WeightSource {
 public:
  TorchCheckpoint(std::string path, ZipArchive archive)
      : path_(std::move(path)), archive_(std::move(archive)) {}

  absl::Status Load();
  const std::map<std::string, TensorInfo>& tensors() const override {
    return tensors_;
  }
  absl::StatusOr<std::vector<std::byte>> Read(
      const std::string& tensor) override;

 private:
  absl::Status FindFolder();
  absl::Status CheckByteOrder() const;
  absl::Status CheckStorage(const PickledTensor& tensor) const;
  std::string RecordOf(const PickledTensor& tensor) const {
    return absl::StrCat(folder_, "/data/", tensor.storage);
  }

  const std::string path_;
  const ZipArchive archive_;
  std::string folder_;  // Of all entries.
  std::map<std::string, PickledTensor> pickled_;
  std::map<std::string, TensorInfo> tensors_;
};

absl::Status TorchCheckpoint::FindFolder() {
  for (const auto& [name, size] : archive_.entries()) {
    if (!absl::EndsWith(name, kPickleName)) continue;
    const std::string folder = name.substr(0, name.size() - kPickleName.size());
    if (folder.empty() || folder.find('/') != std::string::npos) continue;
    if (!folder_.empty()) {
      return absl::InvalidArgumentError(
          absl::StrCat(path_, ": two state dicts, ", Printable(folder_),
                       " and ", Printable(folder)));
    }
    folder_ = folder;
  }
  if (!folder_.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      path_, ": no file of torch.save: it has no entry NAME", kPickleName));
}

// Newer versions of torch note it; the older ones ran on such machines only.
absl::Status TorchCheckpoint::CheckByteOrder() const {
  const std::string entry = absl::StrCat(folder_, "/byteorder");
  const auto found = archive_.entries().find(entry);
  if (found == archive_.entries().end()) return absl::OkStatus();
  std::string order(std::min<uint64_t>(found->second, 16), '\0');
  RETURN_IF_ERROR(
      archive_.Read(entry, 0, std::as_writable_bytes(std::span(order))));
  if (order == "little") return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      path_, ": ", Printable(entry), " must be little, is ", Printable(order)));
}

absl::Status TorchCheckpoint::CheckStorage(const PickledTensor& tensor) const {
  const std::string record = RecordOf(tensor);
  const auto found = archive_.entries().find(record);
  if (found == archive_.entries().end()) {
    return absl::DataLossError(
        absl::StrCat("its storage ", Printable(record), " is missing"));
  }
  const uint64_t needed = static_cast<uint64_t>(tensor.storage_elements) *
                          BytesPerElement(tensor.type);
  if (found->second != needed) {
    return absl::DataLossError(
        absl::StrCat("its storage ", Printable(record), " has ", found->second,
                     " bytes, ", tensor.storage_elements, " numbers of ",
                     TensorTypeName(tensor.type), " take ", needed));
  }
  return absl::OkStatus();
}

absl::Status TorchCheckpoint::Load() {
  RETURN_IF_ERROR(FindFolder());
  RETURN_IF_ERROR(CheckByteOrder());
  const std::string entry = absl::StrCat(folder_, kPickleName);
  const uint64_t pickle_bytes = archive_.entries().at(entry);
  if (pickle_bytes > kMaxPickleBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat(path_, ": ", Printable(entry), " has ", pickle_bytes,
                     " bytes; ", kMaxPickleBytes, " are allowed"));
  }
  RETURN_IF_ERROR(archive_.Verify(entry));
  std::vector<std::byte> pickle(pickle_bytes);
  RETURN_IF_ERROR(archive_.Read(entry, 0, pickle));
  absl::StatusOr<std::map<std::string, PickledTensor>> tensors =
      ReadPickledStateDict(pickle);
  if (!tensors.ok()) {
    return absl::Status(tensors.status().code(),
                        absl::StrCat(path_, ": ", Printable(entry), ": ",
                                     tensors.status().message()));
  }
  pickled_ = *std::move(tensors);

  std::set<std::string> records;
  for (const auto& [name, tensor] : pickled_) {
    if (absl::Status status = CheckStorage(tensor); !status.ok()) {
      return absl::Status(
          status.code(), absl::StrCat(path_, ": tensor ", Printable(name), ": ",
                                      status.message()));
    }
    tensors_[name] = {.type = tensor.type, .shape = tensor.shape};
    records.insert(RecordOf(tensor));
  }
  for (const std::string& record : records) {
    RETURN_IF_ERROR(archive_.Verify(record));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<std::byte>> TorchCheckpoint::Read(
    const std::string& tensor) {
  const auto found = pickled_.find(tensor);
  if (found == pickled_.end()) {
    return absl::NotFoundError(
        absl::StrCat(path_, ": tensor ", Printable(tensor), " is missing"));
  }
  const PickledTensor& pickled = found->second;
  const size_t size = BytesPerElement(pickled.type);
  std::vector<std::byte> bytes(static_cast<size_t>(pickled.span()) * size);
  RETURN_IF_ERROR(archive_.Read(
      RecordOf(pickled), static_cast<uint64_t>(pickled.offset) * size, bytes));
  if (IsContiguous(pickled)) return bytes;
  return Gather(pickled, bytes);
}

}  // namespace

absl::StatusOr<std::unique_ptr<WeightSource>> OpenTorchCheckpoint(
    const std::string& path) {
  ASSIGN_OR_RETURN(ZipArchive archive, ZipArchive::Open(path));
  auto checkpoint = std::make_unique<TorchCheckpoint>(path, std::move(archive));
  RETURN_IF_ERROR(checkpoint->Load());
  return checkpoint;
}

}  // namespace cascade
