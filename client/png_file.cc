#include "client/png_file.h"

#include <zlib.h>

#include <cstdint>

#include "absl/strings/str_cat.h"

namespace cascade {
namespace {

constexpr unsigned char kSignature[] = {0x89, 'P',  'N',  'G',
                                        '\r', '\n', 0x1a, '\n'};

const Bytef* Bytes(const std::string& text) {
  return reinterpret_cast<const Bytef*>(text.data());
}

void AppendBigEndian(uint32_t value, std::string& out) {
  for (int shift = 24; shift >= 0; shift -= 8) {
    out.push_back(static_cast<char>((value >> shift) & 0xff));
  }
}

void AppendChunk(const std::string& type, const std::string& content,
                 std::string& out) {
  AppendBigEndian(static_cast<uint32_t>(content.size()), out);
  const std::string checked = type + content;
  out += checked;
  const uLong crc = crc32(crc32(0, nullptr, 0), Bytes(checked),
                          static_cast<uInt>(checked.size()));
  AppendBigEndian(static_cast<uint32_t>(crc), out);
}

// Each row begins with the number of its filter; 0 is none.
std::string FilteredRows(const v1::Image& image) {
  const size_t row_bytes = static_cast<size_t>(image.width()) *
                           static_cast<size_t>(image.channels());
  std::string rows;
  for (size_t row = 0; row < static_cast<size_t>(image.height()); ++row) {
    rows.push_back('\0');
    rows.append(image.data(), row * row_bytes, row_bytes);
  }
  return rows;
}

}  // namespace

absl::StatusOr<std::string> EncodePng(const v1::Image& image) {
  const bool has_color = image.channels() == 3;
  const int64_t size =
      int64_t{image.width()} * image.height() * image.channels();
  if (image.format() != v1::IMAGE_FORMAT_RAW || image.width() <= 0 ||
      image.height() <= 0 || (image.channels() != 1 && !has_color) ||
      size != static_cast<int64_t>(image.data().size())) {
    return absl::InvalidArgumentError("not a raw image");
  }
  std::string header;
  AppendBigEndian(static_cast<uint32_t>(image.width()), header);
  AppendBigEndian(static_cast<uint32_t>(image.height()), header);
  header.push_back(8);                  // Bits a channel.
  header.push_back(has_color ? 2 : 0);  // RGB or grey.
  header.append(3, '\0');  // Deflate, adaptive filters, not interlaced.

  const std::string rows = FilteredRows(image);
  uLongf compressed_size = compressBound(static_cast<uLong>(rows.size()));
  std::string compressed(compressed_size, '\0');
  if (compress2(reinterpret_cast<Bytef*>(compressed.data()), &compressed_size,
                Bytes(rows), static_cast<uLong>(rows.size()), 6) != Z_OK) {
    return absl::InternalError("zlib could not compress the image");
  }
  compressed.resize(compressed_size);

  std::string file(reinterpret_cast<const char*>(kSignature),
                   sizeof(kSignature));
  AppendChunk("IHDR", header, file);
  AppendChunk("IDAT", compressed, file);
  AppendChunk("IEND", "", file);
  return file;
}

}  // namespace cascade
