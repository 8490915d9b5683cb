#include "models/training/sample_grid.h"

#include <span>
#include <vector>

#include "models/host_image.h"
#include "models/image_codec.h"
#include "models/training/contact_sheet.h"
#include "models/weights/safetensors.h"
#include "server/base/status_macros.h"

namespace cascade {

absl::Status WriteImageGrid(const std::string& path, const at::Tensor& images,
                            int columns, int zoom) {
  const at::Tensor bytes = ((images.to(at::kCPU, at::kFloat) + 1) * 127.5)
                               .round()
                               .clamp(0, 255)
                               .to(at::kByte)
                               .permute({0, 2, 3, 1})
                               .contiguous();
  std::vector<HostImage> pixels;
  for (int64_t i = 0; i < bytes.size(0); ++i) {
    const at::Tensor image = bytes[i];
    const auto* first = image.const_data_ptr<uint8_t>();
    pixels.push_back({.height = static_cast<int>(image.size(0)),
                      .width = static_cast<int>(image.size(1)),
                      .channels = static_cast<int>(image.size(2)),
                      .pixels = {first, first + image.numel()}});
  }
  const HostImage sheet = MakeContactSheet(pixels, columns, zoom);
  ASSIGN_OR_RETURN(const std::vector<uint8_t> png, EncodePng(sheet));
  const std::span<const std::byte> piece = std::as_bytes(std::span(png));
  return WriteFileAtomically(path, {&piece, 1});
}

}  // namespace cascade
