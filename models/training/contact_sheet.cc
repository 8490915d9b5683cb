#include "models/training/contact_sheet.h"

#include <algorithm>
#include <cstddef>

namespace cascade {

HostImage MakeContactSheet(std::span<const HostImage> images, int columns,
                           int zoom) {
  const HostImage& first = images.front();
  const auto count = static_cast<int>(images.size());
  columns = std::min(columns, count);
  const int rows = (count + columns - 1) / columns;
  const int cell_height = first.height * zoom + 2;
  const int cell_width = first.width * zoom + 2;
  HostImage sheet;
  sheet.height = rows * cell_height;
  sheet.width = columns * cell_width;
  sheet.channels = first.channels;
  const auto channels = static_cast<size_t>(sheet.channels);
  const size_t row_bytes = static_cast<size_t>(sheet.width) * channels;
  constexpr uint8_t kGrey = 96;
  sheet.pixels.assign(static_cast<size_t>(sheet.height) * row_bytes, kGrey);
  for (int i = 0; i < count; ++i) {
    const HostImage& image = images[static_cast<size_t>(i)];
    for (int y = 0; y < image.height * zoom; ++y) {
      const int sheet_y = i / columns * cell_height + 1 + y;
      for (int x = 0; x < image.width * zoom; ++x) {
        const int sheet_x = i % columns * cell_width + 1 + x;
        const auto from =
            static_cast<size_t>(y / zoom * image.width + x / zoom) * channels;
        const size_t to = static_cast<size_t>(sheet_y) * row_bytes +
                          static_cast<size_t>(sheet_x) * channels;
        std::copy_n(image.pixels.begin() + static_cast<std::ptrdiff_t>(from),
                    channels,
                    sheet.pixels.begin() + static_cast<std::ptrdiff_t>(to));
      }
    }
  }
  return sheet;
}

}  // namespace cascade
