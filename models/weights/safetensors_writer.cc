#include "models/weights/safetensors_writer.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "server/base/status_macros.h"

namespace cascade {
namespace {

absl::Status WrongSize(const std::string& name, uint64_t bytes,
                       const std::vector<int64_t>& shape, TensorType type) {
  return absl::InvalidArgumentError(
      absl::StrCat("tensor ", name, " has ", bytes, " bytes, shape [",
                   absl::StrJoin(shape, ","), "] of ", TensorTypeName(type)));
}

}  // namespace

absl::StatusOr<SafetensorsWriter> SafetensorsWriter::Create(
    const std::string& path, const std::map<std::string, TensorInfo>& tensors,
    const std::map<std::string, std::string>& metadata) {
  auto header = nlohmann::ordered_json::object();
  if (!metadata.empty()) header["__metadata__"] = metadata;
  std::vector<std::string> order;
  for (const auto& [name, info] : tensors) order.push_back(name);
  // The widest types first keep every tensor aligned to its elements.
  std::stable_sort(order.begin(), order.end(),
                   [&](const std::string& a, const std::string& b) {
                     return BytesPerElement(tensors.at(a).type) >
                            BytesPerElement(tensors.at(b).type);
                   });
  std::vector<uint64_t> sizes;
  uint64_t position = 0;
  for (const std::string& name : order) {
    const TensorInfo& info = tensors.at(name);
    const std::optional<uint64_t> bytes = TensorBytes(info.shape, info.type);
    if (!bytes) return WrongSize(name, 0, info.shape, info.type);
    sizes.push_back(*bytes);
    header[name] = {{"dtype", TensorTypeName(info.type)},
                    {"shape", info.shape},
                    {"data_offsets", {position, position + *bytes}}};
    position += *bytes;
  }
  std::string text;
  try {
    text = header.dump();
  } catch (const nlohmann::json::exception& error) {
    return absl::InvalidArgumentError(
        absl::StrCat("cannot write ", path, ": ", error.what()));
  }
  text.resize((text.size() + 7) / 8 * 8, ' ');
  const uint64_t header_bytes = text.size();

  ASSIGN_OR_RETURN(AtomicFile file, AtomicFile::Create(path));
  SafetensorsWriter writer(std::move(file));
  writer.order_ = std::move(order);
  writer.sizes_ = std::move(sizes);
  RETURN_IF_ERROR(writer.Append(std::as_bytes(std::span(&header_bytes, 1))));
  RETURN_IF_ERROR(writer.Append(std::as_bytes(std::span(text))));
  return writer;
}

absl::Status SafetensorsWriter::Append(std::span<const std::byte> bytes) {
  digest_.Update(bytes);
  return file_.Write(bytes);
}

absl::Status SafetensorsWriter::Write(std::span<const std::byte> bytes) {
  if (written_ == order_.size() || bytes.size() != sizes_[written_]) {
    return absl::InvalidArgumentError(absl::StrCat(
        file_.path(), ": ", bytes.size(), " bytes for ",
        written_ == order_.size() ? std::string("no tensor")
                                  : absl::StrCat("tensor ", order_[written_],
                                                 " of ", sizes_[written_])));
  }
  ++written_;
  return Append(bytes);
}

absl::StatusOr<std::string> SafetensorsWriter::Finish() {
  if (written_ != order_.size()) {
    return absl::InvalidArgumentError(absl::StrCat(
        file_.path(), ": tensor ", order_[written_], " has not been written"));
  }
  RETURN_IF_ERROR(file_.Commit());
  return digest_.FinishHex();
}

absl::Status WriteSafetensors(
    const std::string& path, const std::map<std::string, TensorView>& tensors,
    const std::map<std::string, std::string>& metadata) {
  std::map<std::string, TensorInfo> infos;
  for (const auto& [name, view] : tensors) {
    if (TensorBytes(view.shape, view.type) != view.bytes.size()) {
      return WrongSize(name, view.bytes.size(), view.shape, view.type);
    }
    infos[name] = {.type = view.type, .shape = view.shape};
  }
  ASSIGN_OR_RETURN(SafetensorsWriter writer,
                   SafetensorsWriter::Create(path, infos, metadata));
  for (const std::string& name : writer.order()) {
    RETURN_IF_ERROR(writer.Write(tensors.at(name).bytes));
  }
  return writer.Finish().status();
}

}  // namespace cascade
