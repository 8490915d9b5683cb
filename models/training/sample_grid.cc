#include "models/training/sample_grid.h"

#include <ATen/ops/full.h>

#include <algorithm>
#include <span>
#include <vector>

#include "models/host_image.h"
#include "models/image_codec.h"
#include "models/weights/safetensors.h"
#include "server/base/status_macros.h"

namespace cascade {

absl::Status WriteImageGrid(const std::string& path, const at::Tensor& images,
                            int columns, int zoom) {
  const int64_t count = images.size(0);
  const int64_t channels = images.size(1);
  const int64_t cell = images.size(2) * zoom + 2;
  const int64_t rows = (count + columns - 1) / columns;
  at::Tensor sheet =
      at::full({rows * cell, columns * cell, channels}, 128, at::kByte);
  const at::Tensor bytes = ((images.to(at::kCPU, at::kFloat) + 1) * 127.5)
                               .round()
                               .clamp(0, 255)
                               .to(at::kByte)
                               .repeat_interleave(zoom, 2)
                               .repeat_interleave(zoom, 3)
                               .permute({0, 2, 3, 1});
  for (int64_t i = 0; i < count; ++i) {
    sheet.narrow(0, i / columns * cell + 1, cell - 2)
        .narrow(1, i % columns * cell + 1, cell - 2)
        .copy_(bytes[i]);
  }
  HostImage image{.height = static_cast<int>(sheet.size(0)),
                  .width = static_cast<int>(sheet.size(1)),
                  .channels = static_cast<int>(channels),
                  .pixels = {}};
  const auto* pixels = sheet.const_data_ptr<uint8_t>();
  image.pixels.assign(pixels, pixels + sheet.numel());
  ASSIGN_OR_RETURN(const std::vector<uint8_t> png, EncodePng(image));
  const std::span<const std::byte> piece = std::as_bytes(std::span(png));
  return WriteFileAtomically(path, {&piece, 1});
}

}  // namespace cascade
