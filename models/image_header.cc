#include "models/image_header.h"

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"

namespace cascade {
namespace {

// Bytes are handled as text: it has find(), prefixes and bounded substrings.
using absl::string_view;

constexpr string_view kPngSignature = "\x89PNG\r\n\x1a\n";

absl::Status Malformed(string_view format, string_view problem) {
  return absl::InvalidArgumentError(
      absl::StrCat("the ", format, " image ", problem));
}

// The `count` bytes from `offset`; fewer where `bytes` ends.
string_view Slice(string_view bytes, size_t offset, size_t count) {
  return offset < bytes.size() ? bytes.substr(offset, count) : string_view();
}

uint32_t ByteAt(string_view bytes, size_t offset) {
  return static_cast<uint8_t>(bytes[offset]);
}

// Numbers of at most four bytes: all of `bytes`.
uint32_t BigEndian(string_view bytes) {
  uint32_t value = 0;
  for (size_t i = 0; i < bytes.size(); ++i)
    value = value << 8 | ByteAt(bytes, i);
  return value;
}

uint32_t LittleEndian(string_view bytes) {
  uint32_t value = 0;
  for (size_t i = bytes.size(); i-- > 0;) value = value << 8 | ByteAt(bytes, i);
  return value;
}

// The orientation in EXIF data (TIFF 6.0): 1 when there is none, or nonsense.
int Orientation(string_view exif) {
  absl::ConsumePrefix(&exif, string_view("Exif\0\0", 6));
  const bool little = absl::StartsWith(exif, "II");
  if (!little && !absl::StartsWith(exif, "MM")) return 1;
  const auto number = [&](size_t offset, size_t count) {
    const string_view bytes = Slice(exif, offset, count);
    return little ? LittleEndian(bytes) : BigEndian(bytes);
  };
  constexpr size_t kEntrySize = 12;
  constexpr uint32_t kOrientationTag = 0x0112;
  const size_t directory = number(4, 4);
  const size_t entries = number(directory, 2);
  for (size_t i = 0; i < entries; ++i) {
    const size_t entry = directory + 2 + kEntrySize * i;
    if (Slice(exif, entry, kEntrySize).size() < kEntrySize) break;
    if (number(entry, 2) != kOrientationTag) continue;
    const uint32_t value = number(entry + 8, 2);
    return value >= 1 && value <= 8 ? static_cast<int>(value) : 1;
  }
  return 1;
}

absl::StatusOr<ImageHeader> WithSize(string_view format, uint32_t width,
                                     uint32_t height) {
  constexpr uint32_t kMaxSide = 0x7fffffff;
  if (width < 1 || height < 1 || width > kMaxSide || height > kMaxSide) {
    return Malformed(format, absl::StrCat("is ", width, "x", height));
  }
  return ImageHeader{.width = static_cast<int>(width),
                     .height = static_cast<int>(height)};
}

// Levels of fewer than 8 bits are spread over 0..255 when they are decoded.
uint32_t GreySpread(uint32_t bit_depth) {
  switch (bit_depth) {
    case 1:
      return 255;
    case 2:
      return 85;
    case 4:
      return 17;
    default:
      return 1;
  }
}

// PNG: chunks of length, type, contents and checksum; IHDR first, IEND last.
absl::StatusOr<ImageHeader> ReadPng(string_view bytes) {
  constexpr size_t kHeaderSize = 13;
  constexpr size_t kAroundContents = 12;
  size_t offset = kPngSignature.size();
  const string_view first = Slice(bytes, offset, kAroundContents + kHeaderSize);
  if (first.size() < kAroundContents + kHeaderSize ||
      BigEndian(first.substr(0, 4)) != kHeaderSize ||
      first.substr(4, 4) != "IHDR") {
    return Malformed("PNG", "does not begin with its header");
  }
  absl::StatusOr<ImageHeader> header = WithSize(
      "PNG", BigEndian(first.substr(8, 4)), BigEndian(first.substr(12, 4)));
  if (!header.ok()) return header;
  const uint32_t bit_depth = ByteAt(first, 16);
  const bool is_grey = ByteAt(first, 17) == 0;
  while (true) {
    const string_view prefix = Slice(bytes, offset, 8);
    const size_t length = BigEndian(prefix.substr(0, 4));
    const string_view chunk = Slice(bytes, offset, kAroundContents + length);
    if (chunk.size() < kAroundContents + length) {
      return Malformed("PNG", "is truncated");
    }
    const string_view type = chunk.substr(4, 4);
    const string_view contents = chunk.substr(8, length);
    if (type == "IEND") return header;
    if (type == "eXIf") header->orientation = Orientation(contents);
    if (type == "tRNS" && is_grey && length == 2) {
      header->transparent_grey =
          static_cast<uint16_t>(BigEndian(contents) * GreySpread(bit_depth));
    }
    offset += chunk.size();
  }
}

// Start of frame: a JPEG's size. C4, C8 and CC mean other things.
bool IsFrame(uint32_t marker) {
  return marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 &&
         marker != 0xcc;
}

// JPEG: segments of marker and length up to the start of scan, after which only
// the end is looked for (a scan cannot contain it).
absl::StatusOr<ImageHeader> ReadJpeg(string_view bytes) {
  std::optional<ImageHeader> header;
  int orientation = 1;
  size_t offset = 2;
  while (true) {
    // What stands between segments is skipped, as decoders do.
    offset = bytes.find('\xff', offset);
    offset = bytes.find_first_not_of('\xff', offset);
    if (offset == string_view::npos) return Malformed("JPEG", "is truncated");
    const uint32_t marker = ByteAt(bytes, offset++);
    // These have no contents.
    if (marker <= 0x01 || (marker >= 0xd0 && marker <= 0xd7)) continue;
    const string_view prefix = Slice(bytes, offset, 2);
    const size_t length = BigEndian(prefix);
    const string_view segment = Slice(bytes, offset, length);
    if (prefix.size() < 2 || length < 2 || segment.size() < length) {
      return Malformed("JPEG", "is truncated");
    }
    if (IsFrame(marker) && length >= 8) {
      if (header) return Malformed("JPEG", "has two frames");
      const absl::StatusOr<ImageHeader> size =
          WithSize("JPEG", BigEndian(segment.substr(5, 2)),
                   BigEndian(segment.substr(3, 2)));
      if (!size.ok()) return size;
      header = *size;
    } else if (marker == 0xe1 && absl::StartsWith(segment.substr(2),
                                                  string_view("Exif\0\0", 6))) {
      orientation = Orientation(segment.substr(2));
    } else if (marker == 0xda) {
      break;
    }
    offset += length;
  }
  if (!header) return Malformed("JPEG", "has no frame");
  if (bytes.find("\xff\xd9", offset) == string_view::npos) {
    return Malformed("JPEG", "is truncated");
  }
  header->orientation = orientation;
  return *header;
}

// The size in the first chunk of a WebP: of the canvas (VP8X), of a lossless
// (VP8L) or a lossy image (VP8).
absl::StatusOr<ImageHeader> ReadWebpSize(string_view type,
                                         string_view contents) {
  constexpr size_t kSizeEnd = 10;
  if (contents.size() >= kSizeEnd && type == "VP8X") {
    return WithSize("WebP", LittleEndian(contents.substr(4, 3)) + 1,
                    LittleEndian(contents.substr(7, 3)) + 1);
  }
  if (contents.size() >= 5 && type == "VP8L" && contents[0] == '\x2f') {
    const uint32_t sides = LittleEndian(contents.substr(1, 4));
    return WithSize("WebP", (sides & 0x3fff) + 1, (sides >> 14 & 0x3fff) + 1);
  }
  if (contents.size() >= kSizeEnd && type == "VP8 " &&
      contents.substr(3, 3) == "\x9d\x01\x2a") {
    return WithSize("WebP", LittleEndian(contents.substr(6, 2)) & 0x3fff,
                    LittleEndian(contents.substr(8, 2)) & 0x3fff);
  }
  return Malformed("WebP", "does not begin with its size");
}

// WebP: a RIFF container of chunks of type, length and contents, padded to
// even sizes.
absl::StatusOr<ImageHeader> ReadWebp(string_view bytes) {
  constexpr size_t kChunkPrefix = 8;
  const size_t size = LittleEndian(Slice(bytes, 4, 4));
  if (size > bytes.size() - kChunkPrefix) {
    return Malformed("WebP", "is truncated");
  }
  bytes = bytes.substr(0, size + kChunkPrefix);
  std::optional<ImageHeader> header;
  for (size_t offset = 12; offset < bytes.size();) {
    const string_view prefix = Slice(bytes, offset, kChunkPrefix);
    const string_view type = prefix.substr(0, 4);
    const size_t length = LittleEndian(Slice(prefix, 4, 4));
    const string_view contents = Slice(bytes, offset + kChunkPrefix, length);
    if (prefix.size() < kChunkPrefix || contents.size() < length) {
      return Malformed("WebP", "is truncated");
    }
    if (!header) {
      const absl::StatusOr<ImageHeader> first = ReadWebpSize(type, contents);
      if (!first.ok()) return first;
      header = *first;
    } else if (type == "EXIF") {
      header->orientation = Orientation(contents);
    }
    offset += kChunkPrefix + length + length % 2;
  }
  if (!header) return Malformed("WebP", "is truncated");
  return *header;
}

}  // namespace

absl::StatusOr<ImageHeader> ReadImageHeader(std::span<const uint8_t> bytes) {
  const string_view text(reinterpret_cast<const char*>(bytes.data()),
                         bytes.size());
  if (absl::StartsWith(text, kPngSignature)) return ReadPng(text);
  if (absl::StartsWith(text, "\xff\xd8\xff")) return ReadJpeg(text);
  if (absl::StartsWith(text, "RIFF") && Slice(text, 8, 4) == "WEBP") {
    return ReadWebp(text);
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "the ", bytes.size(), " bytes are no PNG, JPEG or WebP image"));
}

}  // namespace cascade
