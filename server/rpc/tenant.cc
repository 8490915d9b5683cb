#include "server/rpc/tenant.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "server/rpc/field_check.h"
#include "server/rpc/name_suggestion.h"

namespace cascade {
namespace {

constexpr size_t kMaxTenantLength = 64;

bool IsPrintable(const std::string& text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    return absl::ascii_isprint(static_cast<unsigned char>(c));
  });
}

}  // namespace

absl::StatusOr<std::string> ReadTenant(const CallMetadata& metadata) {
  const auto [begin, end] = metadata.equal_range(kTenantKey);
  if (begin == end) return std::string();
  FieldCheck check;
  const std::string tenant(begin->second.data(), begin->second.size());
  if (std::next(begin) != end) {
    check.Refuse(kTenantKey, "is given more than once");
  } else if (tenant.size() > kMaxTenantLength) {
    check.Refuse(kTenantKey,
                 absl::StrCat(Quoted(tenant), " has ", tenant.size(),
                              " characters; at most ", kMaxTenantLength));
  } else if (!IsPrintable(tenant)) {
    check.Refuse(kTenantKey,
                 absl::StrCat(Quoted(tenant), " is not printable ASCII"));
  }
  if (absl::Status status = check.status(); !status.ok()) return status;
  return tenant;
}

}  // namespace cascade
