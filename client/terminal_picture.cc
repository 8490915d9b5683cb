#include "client/terminal_picture.h"

#include <algorithm>
#include <cstdint>

#include "absl/strings/str_cat.h"

namespace cascade {
namespace {

struct Color {
  int red = 0;
  int green = 0;
  int blue = 0;
};

bool IsDrawable(const v1::Image* image) {
  return image != nullptr && image->format() == v1::IMAGE_FORMAT_RAW &&
         image->width() > 0 && image->height() > 0 && image->channels() > 0 &&
         image->data().size() == static_cast<size_t>(image->width()) *
                                     static_cast<size_t>(image->height()) *
                                     static_cast<size_t>(image->channels());
}

// The mean of the pixels that one of size x size covers: small images become
// blocks, large ones are averaged.
Color Sample(const v1::Image& image, int row, int column, int size) {
  const auto range = [size](int index, int extent) {
    const int begin = index * extent / size;
    return std::pair(begin, std::max(begin + 1, (index + 1) * extent / size));
  };
  const auto [top, bottom] = range(row, image.height());
  const auto [left, right] = range(column, image.width());
  int64_t sums[3] = {};
  for (int y = top; y < bottom; ++y) {
    for (int x = left; x < right; ++x) {
      const size_t pixel =
          (static_cast<size_t>(y) * static_cast<size_t>(image.width()) +
           static_cast<size_t>(x)) *
          static_cast<size_t>(image.channels());
      for (size_t c = 0; c < 3; ++c) {
        const size_t channel = image.channels() == 3 ? c : 0;
        sums[c] += static_cast<uint8_t>(image.data()[pixel + channel]);
      }
    }
  }
  const int64_t count = int64_t{bottom - top} * (right - left);
  return {static_cast<int>(sums[0] / count), static_cast<int>(sums[1] / count),
          static_cast<int>(sums[2] / count)};
}

// The nearest of the 256 colours: 24 greys from 232, a cube of 6x6x6 from 16.
int Palette(const Color& color) {
  if (color.red == color.green && color.green == color.blue) {
    if (color.red < 4) return 16;
    if (color.red > 246) return 231;
    return 232 + std::clamp((color.red - 3) / 10, 0, 23);
  }
  const auto level = [](int value) { return (value * 5 + 127) / 255; };
  return 16 + 36 * level(color.red) + 6 * level(color.green) +
         level(color.blue);
}

// `layer` is 38 for the upper half (foreground) and 48 for the lower.
std::string Escape(int layer, const Color& color, ColorDepth colors) {
  if (colors == ColorDepth::k24Bit) {
    return absl::StrCat("\x1b[", layer, ";2;", color.red, ";", color.green, ";",
                        color.blue, "m");
  }
  return absl::StrCat("\x1b[", layer, ";5;", Palette(color), "m");
}

std::string DrawLine(const v1::Image& image, int line, int size,
                     ColorDepth colors) {
  std::string text;
  for (int column = 0; column < size; ++column) {
    const Color upper = Sample(image, 2 * line, column, size);
    const Color lower = 2 * line + 1 < size
                            ? Sample(image, 2 * line + 1, column, size)
                            : Color{};
    absl::StrAppend(&text, Escape(38, upper, colors), Escape(48, lower, colors),
                    "\u2580");
  }
  return text + "\x1b[0m";
}

}  // namespace

std::vector<std::string> DrawPictures(
    const std::vector<const v1::Image*>& images, int size, ColorDepth colors) {
  std::vector<std::string> lines(static_cast<size_t>((size + 1) / 2));
  for (size_t line = 0; line < lines.size(); ++line) {
    for (const v1::Image* image : images) {
      absl::StrAppend(
          &lines[line],
          IsDrawable(image)
              ? DrawLine(*image, static_cast<int>(line), size, colors)
              : std::string(static_cast<size_t>(size), ' '),
          "  ");
    }
  }
  return lines;
}

}  // namespace cascade
