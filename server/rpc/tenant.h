#pragma once

#include <grpcpp/support/string_ref.h>

#include <map>
#include <string>

#include "absl/status/statusor.h"

namespace cascade {

// Metadata key by which a client says on whose account it asks.
inline constexpr char kTenantKey[] = "x-cascade-tenant";

using CallMetadata = std::multimap<grpc::string_ref, grpc::string_ref>;

// The tenant that a call's metadata names; empty if none. INVALID_ARGUMENT,
// naming the key, for more than one and for what is not up to 64 printable
// ASCII characters.
absl::StatusOr<std::string> ReadTenant(const CallMetadata& metadata);

}  // namespace cascade
