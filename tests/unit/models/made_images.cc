#include "tests/unit/models/made_images.h"

#include <cstddef>

namespace cascade {
namespace {

void Append(Bytes& target, const Bytes& bytes) {
  target.insert(target.end(), bytes.begin(), bytes.end());
}

Bytes BigEndian(uint32_t value, int count) {
  Bytes bytes;
  for (int i = count - 1; i >= 0; --i) {
    bytes.push_back(static_cast<uint8_t>(value >> (8 * i)));
  }
  return bytes;
}

Bytes LittleEndian(uint32_t value, int count) {
  const Bytes big = BigEndian(value, count);
  return {big.rbegin(), big.rend()};
}

// RFC 2083, section 15.
uint32_t Crc32(const Bytes& bytes) {
  uint32_t crc = ~0u;
  for (uint8_t byte : bytes) {
    crc ^= byte;
    for (int bit = 0; bit < 8; ++bit) {
      crc = (crc & 1) != 0 ? 0xedb88320u ^ (crc >> 1) : crc >> 1;
    }
  }
  return ~crc;
}

// RFC 1950 and 1951: one block, stored as it is.
Bytes Zlib(const Bytes& contents) {
  const uint32_t size = static_cast<uint32_t>(contents.size());
  Bytes bytes = {0x78, 0x01, 0x01};
  Append(bytes, LittleEndian(size, 2));
  Append(bytes, LittleEndian(~size, 2));
  Append(bytes, contents);
  uint32_t sum = 1;
  uint32_t sum_of_sums = 0;
  for (uint8_t byte : contents) {
    sum = (sum + byte) % 65521;
    sum_of_sums = (sum_of_sums + sum) % 65521;
  }
  Append(bytes, BigEndian(sum_of_sums << 16 | sum, 4));
  return bytes;
}

void AppendChunk(Bytes& png, const std::string& type, const Bytes& contents) {
  Append(png, BigEndian(static_cast<uint32_t>(contents.size()), 4));
  Bytes checked(type.begin(), type.end());
  Append(checked, contents);
  Append(png, checked);
  Append(png, BigEndian(Crc32(checked), 4));
}

}  // namespace

HostImage Gradient(int height, int width, int channels) {
  HostImage image{
      .height = height, .width = width, .channels = channels, .pixels = {}};
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      for (int c = 0; c < channels; ++c) {
        image.pixels.push_back(static_cast<uint8_t>(4 * y + 3 * x + 60 * c));
      }
    }
  }
  return image;
}

Bytes WritePng(const MadePng& png) {
  Bytes bytes = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
  Bytes header = BigEndian(png.width, 4);
  Append(header, BigEndian(png.height, 4));
  Append(header, {png.bit_depth, png.color_type, 0, 0, 0});
  AppendChunk(bytes, "IHDR", header);
  for (const auto& [type, contents] : png.extra) {
    AppendChunk(bytes, type, contents);
  }
  Bytes pixels;
  for (const Bytes& row : png.rows) {
    pixels.push_back(0);  // No filter.
    Append(pixels, row);
  }
  AppendChunk(bytes, "IDAT", Zlib(pixels));
  AppendChunk(bytes, "IEND", {});
  return bytes;
}

Bytes ExifOrientation(int orientation, bool little_endian) {
  const auto number = [&](uint32_t value, int count) {
    return little_endian ? LittleEndian(value, count) : BigEndian(value, count);
  };
  const uint8_t order = little_endian ? 'I' : 'M';
  Bytes exif = {order, order};
  Append(exif, number(42, 2));
  Append(exif, number(8, 4));
  Append(exif, number(2, 2));
  for (const auto& [tag, value] :
       {std::pair<uint32_t, uint32_t>{0x0100, 5},  // Width.
        {0x0112, static_cast<uint32_t>(orientation)}}) {
    Append(exif, number(tag, 2));
    Append(exif, number(3, 2));
    Append(exif, number(1, 4));
    Append(exif, number(value, 2));
    Append(exif, {0, 0});
  }
  Append(exif, {0, 0, 0, 0});
  return exif;
}

Bytes WithExif(const Bytes& jpeg, const Bytes& exif) {
  Bytes bytes(jpeg.begin(), jpeg.begin() + 2);
  Append(bytes, {0xff, 0xe1});
  Append(bytes, BigEndian(static_cast<uint32_t>(exif.size() + 8), 2));
  Append(bytes, {'E', 'x', 'i', 'f', 0, 0});
  Append(bytes, exif);
  bytes.insert(bytes.end(), jpeg.begin() + 2, jpeg.end());
  return bytes;
}

Bytes WebpWithAlpha() {
  return {0x52, 0x49, 0x46, 0x46, 0x22, 0x00, 0x00, 0x00, 0x57, 0x45, 0x42,
          0x50, 0x56, 0x50, 0x38, 0x4c, 0x16, 0x00, 0x00, 0x00, 0x2f, 0x01,
          0x00, 0x00, 0x10, 0x0f, 0x70, 0x0a, 0xa8, 0x2b, 0xf8, 0x9e, 0xc2,
          0xe3, 0x81, 0xff, 0xc1, 0x83, 0x8c, 0xe8, 0x7f, 0x00};
}

Bytes WebpWithExif() {
  return {0x52, 0x49, 0x46, 0x46, 0x56, 0x00, 0x00, 0x00, 0x57, 0x45, 0x42,
          0x50, 0x56, 0x50, 0x38, 0x58, 0x0a, 0x00, 0x00, 0x00, 0x08, 0x00,
          0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x56, 0x50, 0x38,
          0x4c, 0x15, 0x00, 0x00, 0x00, 0x2f, 0x01, 0x00, 0x00, 0x00, 0x0f,
          0x70, 0x0a, 0xa8, 0x2b, 0xf8, 0x9e, 0xc2, 0x63, 0xfe, 0x83, 0x07,
          0x19, 0xd1, 0xff, 0x00, 0x00, 0x45, 0x58, 0x49, 0x46, 0x1a, 0x00,
          0x00, 0x00, 0x4d, 0x4d, 0x00, 0x2a, 0x00, 0x00, 0x00, 0x08, 0x00,
          0x01, 0x01, 0x12, 0x00, 0x03, 0x00, 0x00, 0x00, 0x01, 0x00, 0x06,
          0x00, 0x00, 0x00, 0x00, 0x00, 0x00};
}

}  // namespace cascade
